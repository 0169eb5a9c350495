//! Bytes in hexadecimal and ASCII, 16 a line (`-x`, `-X`, `-A`).

use super::Dump;
use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, put};

/// Bytes on a line.
const LINE: usize = 16;
/// Columns of hexadecimal on a whole line: four digits and a space for two bytes.
const HEX_COLUMNS: usize = 40;

impl Printer<'_> {
    /// Prints the dump that the options ask for; `header_len` is that of the link header.
    pub(super) fn dump(&mut self, bytes: Bytes<'_>, header_len: usize) {
        let shown = |link_header| if link_header { bytes } else { bytes.from(header_len) };
        match self.options.dump {
            Dump::None => {}
            Dump::Hex { link_header } => self.hex_dump("\n\t", shown(link_header)),
            Dump::HexAscii { link_header } => self.hex_ascii_dump(shown(link_header)),
            Dump::Ascii { link_header } => {
                let shown = shown(link_header);
                if shown.len() > 0 {
                    self.ascii_dump(shown);
                }
            }
        }
    }

    /// Prints bytes that no printer knows, unless a dump shows them anyway or less is wanted.
    pub(super) fn default_dump(&mut self, bytes: Bytes<'_>) {
        let shown_anyway = match self.options.dump {
            Dump::None | Dump::Ascii { .. } => false,
            Dump::Hex { .. } | Dump::HexAscii { .. } => true,
        };
        if !shown_anyway && !self.options.quiet {
            self.hex_ascii_dump(bytes);
        }
    }

    /// Prints up to `len` bytes in hexadecimal on lines of their own.
    pub(super) fn unknown_data(&mut self, bytes: Bytes<'_>, indent: &str, len: usize) {
        self.hex_dump(indent, bytes.limit(len));
    }

    /// Prints lines of hexadecimal.
    pub(super) fn hex_dump(&mut self, indent: &str, bytes: Bytes<'_>) {
        for (at, line) in bytes.0.chunks(LINE).enumerate() {
            let (hex, at) = (hex_words(line), at * LINE);
            put!(self, "{indent}0x{at:04x}: {hex}");
        }
    }

    /// Prints lines of hexadecimal and ASCII.
    pub(super) fn hex_ascii_dump(&mut self, bytes: Bytes<'_>) {
        for (at, line) in bytes.0.chunks(LINE).enumerate() {
            let (hex, at) = (hex_words(line), at * LINE);
            put!(self, "\n\t0x{at:04x}: {hex:HEX_COLUMNS$}  ");
            for byte in line {
                let shown = if byte.is_ascii_graphic() { *byte } else { b'.' };
                put!(self, "{}", char::from(shown));
            }
        }
    }

    /// Prints text: line ends and tabs as they are, other controls as dots, and no carriage return
    /// before a line end.
    fn ascii_dump(&mut self, bytes: Bytes<'_>) {
        put!(self, "\n");
        for (at, byte) in bytes.0.iter().enumerate() {
            let rest = bytes.0.get(at + 1..).unwrap_or_default();
            match byte {
                b'\r' if matches!(rest, [next, _, ..] if *next != b'\n') => put!(self, "."),
                b'\r' => {}
                b'\t' | b' ' | b'\n' => put!(self, "{}", char::from(*byte)),
                _ if byte.is_ascii_graphic() => put!(self, "{}", char::from(*byte)),
                _ => put!(self, "."),
            }
        }
    }

    /// Prints `len` bytes in hexadecimal without a break; gives up where the capture ends.
    pub(super) fn hex_field(&mut self, bytes: Bytes<'_>, at: usize, len: usize) -> Printed {
        let captured = bytes.from(at).limit(len);
        self.hex(captured.0);
        if captured.len() == len { Ok(()) } else { Err(Cut) }
    }
}

/// Returns a space and four digits for each two bytes.
fn hex_words(line: &[u8]) -> String {
    use core::fmt::Write as _;
    let mut out = String::with_capacity(HEX_COLUMNS);
    for (at, byte) in line.iter().enumerate() {
        let sep = if at % 2 == 0 { " " } else { "" };
        // Writing to a string cannot fail.
        write!(out, "{sep}{byte:02x}").unwrap_or_default();
    }
    out
}

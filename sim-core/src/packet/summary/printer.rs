//! The line being printed, and what all printers share.

use core::fmt::{self, Write as _};

use super::bytes::{Bytes, Cut};
use super::sequence::Sequences;
use super::{Captured, LinkType, Summary, SummaryOptions};

/// What a printer returns: nothing, or that the capture ended.
pub(super) type Printed = Result<(), Cut>;

/// How deep packets may be packed into each other. tcpdump knows no limit but its stack.
const MAX_DEPTH: u8 = 32;

/// Appends formatted text to a [`Printer`].
macro_rules! put {
    ($printer:expr, $($text:tt)*) => {
        $printer.append(format_args!($($text)*))
    };
}
pub(super) use put;

/// Prints one frame.
pub(super) struct Printer<'t> {
    out: String,
    /// The options of the run.
    pub(super) options: SummaryOptions,
    /// What the frame is being read as: the name in `[|name]`.
    pub(super) protocol: &'static str,
    /// The TCP connections seen so far.
    pub(super) sequences: &'t mut Sequences,
    unmodelled: Option<&'static str>,
    depth: u8,
}

impl<'t> Printer<'t> {
    pub(super) fn new(options: SummaryOptions, sequences: &'t mut Sequences) -> Self {
        Self { out: String::new(), options, protocol: "", sequences, unmodelled: None, depth: 0 }
    }

    pub(super) fn finish(self) -> Summary {
        Summary { text: self.out, unmodelled: self.unmodelled }
    }

    /// Prints a captured frame, whatever it holds, and the dump that the options ask for.
    pub(super) fn frame(&mut self, frame: &Captured<'_>) {
        let bytes = Bytes(frame.bytes);
        if !self.plausible(bytes.len(), frame.wire_len) {
            return;
        }
        let printed = match frame.link {
            LinkType::Ethernet => self.ether(bytes, frame.wire_len),
            LinkType::Raw => self.raw(bytes, frame.wire_len),
            LinkType::Cooked { device } => self.cooked(device, bytes, frame.wire_len),
        };
        let header_len = printed.unwrap_or_else(|Cut| {
            self.cut();
            0
        });
        self.dump(bytes, header_len);
    }

    /// Judges the capture as tcpdump judges the header of a packet in a file.
    fn plausible(&mut self, captured: usize, wire: usize) -> bool {
        let mut sep = "[Invalid header:";
        if captured == 0 {
            put!(self, "[Invalid header: caplen==0");
            sep = ",";
        }
        if wire == 0 {
            put!(self, "{sep} len==0");
            sep = ",";
        } else if wire < captured {
            put!(self, "{sep} len({wire}) < caplen({captured})");
            sep = ",";
        }
        if sep == "," {
            put!(self, "]");
        }
        sep != ","
    }

    /// Appends text.
    pub(super) fn append(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.out.write_fmt(text).unwrap_or_default();
    }

    /// Says that the capture ended within the protocol.
    pub(super) fn cut(&mut self) {
        let protocol = self.protocol;
        put!(self, " [|{protocol}]");
    }

    /// Says that the packet breaks its protocol.
    pub(super) fn invalid(&mut self) {
        put!(self, " (invalid)");
    }

    /// Says that tcpdump has a printer for what follows, and that it is missing here.
    pub(super) fn unmodelled(&mut self, what: &'static str) {
        put!(self, " [{what}: not modelled]");
        self.unmodelled.get_or_insert(what);
    }

    /// Prints the name of the protocol in capitals.
    pub(super) fn protocol_caps(&mut self) {
        for byte in self.protocol.bytes() {
            self.out.push(char::from(byte.to_ascii_uppercase()));
        }
    }

    /// Prints a byte of text so that it is visible: `M-` before the upper half, `^` before controls.
    pub(super) fn visible(&mut self, byte: u8) {
        if !byte.is_ascii() {
            self.out.push_str("M-");
        }
        let mut low = byte & 0x7f;
        if !(0x20..0x7f).contains(&low) {
            self.out.push('^');
            low ^= 0x40;
        }
        self.out.push(char::from(low));
    }

    /// Prints `len` bytes of text visibly; gives up where the capture ends.
    pub(super) fn visible_all(&mut self, bytes: Bytes<'_>, len: usize) -> Printed {
        let text = bytes.limit(len);
        for byte in text.0 {
            self.visible(*byte);
        }
        if text.len() == len { Ok(()) } else { Err(Cut) }
    }

    /// Prints bytes as they are, each one a character; for bytes that are known to be ASCII.
    pub(super) fn ascii(&mut self, bytes: &[u8]) {
        self.out.extend(bytes.iter().copied().map(char::from));
    }

    /// Prints bytes in hexadecimal without a break.
    pub(super) fn hex(&mut self, bytes: &[u8]) {
        for byte in bytes {
            put!(self, "{byte:02x}");
        }
    }

    /// Prints an item of a table by name, or `unknown` with the number in place of `{}`.
    pub(super) fn name<T: PartialEq + fmt::Display>(
        &mut self,
        table: &[(T, &str)],
        value: T,
        unknown: (&str, &str),
    ) {
        match table.iter().find(|(number, _)| *number == value) {
            Some((_, name)) => put!(self, "{name}"),
            None => put!(self, "{}{value}{}", unknown.0, unknown.1),
        }
    }

    /// Prints the names of the bits that are set, or `none`.
    pub(super) fn bits(&mut self, table: &[(u32, &str)], value: u32, sep: &str, none: &str) {
        let mut written = false;
        for (_, name) in table.iter().filter(|(bit, _)| value & bit == *bit) {
            put!(self, "{}{name}", if written { sep } else { "" });
            written = true;
        }
        if !written {
            put!(self, "{none}");
        }
    }

    /// Enters a packet within a packet; refuses beyond [`MAX_DEPTH`].
    pub(super) fn enter(&mut self) -> bool {
        if self.depth == MAX_DEPTH {
            self.unmodelled("packets nested more than 32 deep");
            return false;
        }
        self.depth += 1;
        true
    }

    /// Leaves a packet that was entered.
    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

/// Returns the checksum that a header should have, from the one it has and the sum over all.
pub(super) fn checksum_should_be(field: u16, sum: u16) -> u16 {
    crate::packet::checksum::fold_sum(u32::from(field) + u32::from(sum))
}

/// Looks a number up in a table of names.
pub(super) fn find<'n, T: PartialEq>(table: &[(T, &'n str)], value: &T) -> Option<&'n str> {
    table.iter().find(|(number, _)| number == value).map(|(_, name)| *name)
}

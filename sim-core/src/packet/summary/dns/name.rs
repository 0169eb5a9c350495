//! Domain names, with the pointers and bit labels that may be in them.

use super::{Message, Stop};
use crate::packet::summary::bytes::{Bytes, Cut};
use crate::packet::summary::printer::{Printer, put};

/// How many characters of a name are printed.
const MAX_NAME: usize = 255;
/// The extended label type of bit strings (RFC 2673).
const BIT_LABEL: u8 = 0x41;

/// The first byte of a label.
#[derive(Clone, Copy)]
enum Label {
    /// So many bytes of text, none at the end of a name.
    Text(usize),
    /// The upper bits of where the name goes on.
    Pointer(usize),
    /// An extended label.
    Extended(u8),
    /// The type that means nothing.
    Reserved,
}

impl Label {
    fn read(byte: u8) -> Self {
        match byte >> 6 {
            0 => Self::Text(usize::from(byte)),
            3 => Self::Pointer(usize::from(byte & 0x3f) << 8),
            1 => Self::Extended(byte),
            _ => Self::Reserved,
        }
    }
}

/// Returns how many bits a bit label has.
fn bit_count(byte: u8) -> usize {
    if byte == 0 { 256 } else { usize::from(byte) }
}

impl Message<'_> {
    /// Returns what follows the name at `at`, which may be past the end; nothing if it breaks off.
    pub(super) fn skip_name(self, mut at: usize) -> Option<usize> {
        loop {
            let label = Label::read(self.bytes.u8(at).ok()?);
            at += 1;
            match label {
                Label::Text(0) => return Some(at),
                Label::Text(len) => at += len,
                Label::Pointer(_) => return Some(at + 1),
                Label::Extended(BIT_LABEL) => {
                    at += 1 + bit_count(self.bytes.u8(at).ok()?).div_ceil(8);
                }
                Label::Extended(_) | Label::Reserved => return None,
            }
        }
    }
}

impl Printer<'_> {
    /// Prints the name at `at` and returns what follows it there, which may be past the end.
    ///
    /// A name whose next label would start where the capture ends is taken for whole.
    pub(in crate::packet::summary) fn dns_name(
        &mut self,
        bytes: Bytes<'_>,
        mut at: usize,
    ) -> Result<usize, Stop> {
        let read = |at| bytes.u8(at).map(Label::read).map_err(|Cut| Stop::Broken);
        let mut label = read(at)?;
        if let Label::Text(0) = label {
            put!(self, ".");
            return Ok(at + 1);
        }
        let (start, mut lowest, mut printed) = (at, at, 0);
        let mut after = None;
        loop {
            at += 1;
            match label {
                Label::Text(0) => break,
                Label::Pointer(_) if at >= bytes.len() && at == start + 1 => {
                    return Err(Stop::Broken);
                }
                Label::Text(_) | Label::Pointer(_) if at >= bytes.len() => break,
                Label::Pointer(high) => {
                    after.get_or_insert(at + 1);
                    at = self.dns_pointer(bytes, high, at, lowest)?;
                    lowest = at;
                }
                Label::Text(len) => {
                    let shown = len.min(MAX_NAME.saturating_sub(printed));
                    self.visible_all(bytes.from(at), shown).map_err(|Cut| Stop::Broken)?;
                    printed += len;
                    at += len;
                    self.dns_dot(&mut printed);
                }
                Label::Extended(BIT_LABEL) => {
                    at += self.dns_bits(bytes, at)?;
                    self.dns_dot(&mut printed);
                }
                Label::Extended(_) | Label::Reserved => return Err(self.dns_bad_label(label)),
            }
            label = read(at)?;
        }
        if printed > MAX_NAME {
            put!(self, "<DOMAIN NAME TOO LONG>");
        }
        Ok(after.unwrap_or(at))
    }

    /// Follows a pointer, which has to lead backwards.
    fn dns_pointer(
        &mut self,
        bytes: Bytes<'_>,
        high: usize,
        at: usize,
        lowest: usize,
    ) -> Result<usize, Stop> {
        let to = high | usize::from(bytes.u8(at).map_err(|Cut| Stop::Broken)?);
        if to >= lowest {
            put!(self, "<BAD PTR>");
            return Err(Stop::Broken);
        }
        Ok(to)
    }

    fn dns_bad_label(&mut self, label: Label) -> Stop {
        match label {
            Label::Extended(kind) => put!(self, "<ELT {}>", kind & 0x3f),
            Label::Text(_) | Label::Pointer(_) | Label::Reserved => put!(self, "<BAD LABEL TYPE>"),
        }
        Stop::Broken
    }

    fn dns_dot(&mut self, printed: &mut usize) {
        if *printed <= MAX_NAME {
            put!(self, ".");
        }
        *printed += 1;
    }

    /// Prints a bit label and returns its length.
    fn dns_bits(&mut self, bytes: Bytes<'_>, at: usize) -> Result<usize, Stop> {
        let bits = bit_count(bytes.u8(at).map_err(|Cut| Stop::Broken)?);
        put!(self, "\\[x");
        for whole in 0..bits / 8 {
            put!(self, "{:02x}", bytes.u8(at + 1 + whole)?);
        }
        let rest = bits % 8;
        if rest > 0 {
            let last = bytes.u8(at + 1 + bits / 8)? & (0xff00_u16 >> rest).to_be_bytes()[1];
            if rest > 4 {
                put!(self, "{last:02x}");
            } else {
                put!(self, "{:x}", last >> 4);
            }
        }
        put!(self, "/{bits}]");
        Ok(1 + bits.div_ceil(8))
    }
}

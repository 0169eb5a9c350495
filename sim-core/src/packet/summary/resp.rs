//! The protocol of Redis.

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, put};

/// How deep arrays may stand in each other; tcpdump knows no limit but its stack.
const MAX_DEPTH: u8 = 32;

/// Why data cannot be walked on.
#[derive(Clone, Copy)]
enum Stop {
    /// They end too early, or what should follow does not.
    Broken,
    /// The capture ends: the frame is given up.
    Cut,
}

/// A length, or what stands in its place.
enum Length {
    Of(usize),
    Null,
    TooLarge,
    Negative,
    Invalid,
}

/// Data that were captured, and how long they are.
#[derive(Clone, Copy)]
struct Data<'a> {
    bytes: Bytes<'a>,
    length: usize,
}

impl Data<'_> {
    fn skip(self, n: usize) -> Self {
        Self { bytes: self.bytes.from(n), length: self.length.saturating_sub(n) }
    }

    fn byte(self, at: usize) -> Result<u8, Stop> {
        if at >= self.length {
            return Err(Stop::Broken);
        }
        self.bytes.u8(at).map_err(|_| Stop::Cut)
    }

    /// Returns where the next carriage return and line feed are.
    fn line_end(self) -> Result<usize, Stop> {
        let data = self.bytes.limit(self.length).0;
        data.windows(2).position(|pair| pair == b"\r\n").ok_or(Stop::Broken)
    }
}

impl Printer<'_> {
    /// Prints the items of a message.
    pub(super) fn resp(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "resp";
        put!(self, ": RESP");
        let mut left = Data { bytes: data, length };
        while left.length > 0 {
            match self.resp_item(left, 0) {
                Ok(used) => left = left.skip(used),
                Err(Stop::Broken) => {
                    self.cut();
                    break;
                }
                Err(Stop::Cut) => return Err(Cut),
            }
        }
        Ok(())
    }

    /// Prints an item and returns how many bytes it took.
    fn resp_item(&mut self, data: Data<'_>, depth: u8) -> Result<usize, Stop> {
        if depth == MAX_DEPTH {
            self.unmodelled("arrays nested more than 32 deep");
            return Err(Stop::Broken);
        }
        match data.byte(0)? {
            b'+' | b'-' | b':' => {
                let rest = data.skip(1);
                let len = rest.line_end()?;
                self.resp_text(rest, len)?;
                Ok(len + 3)
            }
            b'$' => self.resp_bulk(data),
            b'*' => self.resp_array(data, depth),
            _ => self.resp_inline(data),
        }
    }

    fn resp_text(&mut self, data: Data<'_>, len: usize) -> Result<(), Stop> {
        put!(self, " \"");
        self.visible_all(data.bytes, len).map_err(|_| Stop::Broken)?;
        put!(self, "\"");
        Ok(())
    }

    fn resp_bulk(&mut self, data: Data<'_>) -> Result<usize, Stop> {
        let (length, mut used) = resp_length(data)?;
        let Length::Of(len) = length else {
            self.resp_no_length(&length);
            return Ok(used);
        };
        let rest = data.skip(used);
        if len == 0 {
            put!(self, " empty");
        } else if rest.length < len || !rest.bytes.has(0, len) {
            return Err(Stop::Broken);
        } else {
            self.resp_text(rest, len)?;
        }
        used += len;
        Ok(used + data.skip(used).line_end()? + 2)
    }

    fn resp_array(&mut self, data: Data<'_>, depth: u8) -> Result<usize, Stop> {
        let (length, mut used) = resp_length(data)?;
        match length {
            Length::Of(0) => put!(self, " empty"),
            Length::Of(items) => {
                for _ in 0..items {
                    used += self.resp_item(data.skip(used), depth + 1)?;
                }
            }
            Length::Null | Length::TooLarge | Length::Negative | Length::Invalid => {
                self.resp_no_length(&length);
            }
        }
        Ok(used)
    }

    fn resp_no_length(&mut self, length: &Length) {
        put!(
            self,
            " {}",
            match length {
                Length::Of(_) => "",
                Length::Null => "null",
                Length::TooLarge => "length too large",
                Length::Negative => "length negative and not -1",
                Length::Invalid => "invalid",
            }
        );
    }

    /// Prints a command as a person types it.
    fn resp_inline(&mut self, data: Data<'_>) -> Result<usize, Stop> {
        let is_end = |byte: u8| matches!(byte, b'\r' | b'\n');
        let ends_from = |start: usize| {
            let mut at = start;
            while data.byte(at).is_ok_and(is_end) {
                at += 1;
            }
            at
        };
        let start = ends_from(0);
        let mut end = start;
        while !is_end(data.byte(end)?) {
            end += 1;
        }
        self.resp_text(data.skip(start), end - start)?;
        Ok(ends_from(end))
    }
}

/// Reads the length after the first byte of an item; returns it and where the item goes on.
fn resp_length(data: Data<'_>) -> Result<(Length, usize), Stop> {
    let mut at = 1;
    let negative = data.byte(at)? == b'-';
    if negative {
        at += 1;
    }
    let mut value = Some(0i32);
    let first = at;
    loop {
        let byte = data.byte(at)?;
        if !byte.is_ascii_digit() {
            break;
        }
        let digit = i32::from(byte - b'0');
        value = value.and_then(|value| value.checked_mul(10)?.checked_add(digit));
        at += 1;
    }
    if at == first || data.byte(at)? != b'\r' || data.byte(at + 1)? != b'\n' {
        let wrong = if at == first || data.byte(at)? != b'\r' { at } else { at + 1 };
        return Ok((Length::Invalid, wrong + 1));
    }
    let length = match (negative, value) {
        (true, Some(1)) => Length::Null,
        (true, _) => Length::Negative,
        (false, None) => Length::TooLarge,
        (false, Some(value)) => Length::Of(usize::try_from(value).unwrap_or(0)),
    };
    Ok((length, at + 2))
}

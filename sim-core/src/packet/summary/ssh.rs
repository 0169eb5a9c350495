//! The version line of SSH.

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, put};

impl Printer<'_> {
    /// Prints the version line, if data start with a whole one.
    pub(super) fn ssh(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "ssh";
        for (at, byte) in b"SSH-".iter().enumerate() {
            if data.u8(at)? != *byte {
                return Ok(());
            }
        }
        if let Some(end) = line_end(data, length)? {
            put!(self, ": SSH: ");
            self.ascii(data.slice(0, end)?);
        }
        Ok(())
    }
}

/// Returns where the first line ends, if it is text.
fn line_end(data: Bytes<'_>, length: usize) -> Result<Option<usize>, Cut> {
    for at in 4..length {
        match data.u8(at)? {
            b'\n' => return Ok(Some(at)),
            b'\r' => {
                let whole = at + 1 < length && data.u8(at + 1)? == b'\n';
                return Ok(whole.then_some(at));
            }
            0x20..=0x7e => {}
            _ => return Ok(None),
        }
    }
    Ok(None)
}

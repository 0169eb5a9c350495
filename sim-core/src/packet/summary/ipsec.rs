//! Authentication headers and encapsulated security payloads (RFC 4302, RFC 4303), without keys.

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, put};

/// Length of an authentication header before its check value, in bytes.
const AH_HLEN: usize = 12;

impl Printer<'_> {
    /// Prints an authentication header and returns its length in bytes.
    pub(super) fn ah(&mut self, bytes: Bytes<'_>) -> Result<usize, Cut> {
        put!(self, "AH");
        let words = bytes.u8(1)?;
        let header_len = (usize::from(words) + 2) * 4;
        put!(self, "(");
        if self.options.verbose > 0 {
            put!(self, "length={words}({header_len}-bytes),");
        }
        let reserved = bytes.u16(2)?;
        if reserved != 0 {
            put!(self, "reserved=0x{reserved:x}[MustBeZero],");
        }
        put!(self, "spi=0x{:08x},", bytes.u32(4)?);
        put!(self, "seq=0x{:x},icv=0x", bytes.u32(8)?);
        if header_len > AH_HLEN {
            self.hex_field(bytes, AH_HLEN, header_len - AH_HLEN)?;
        }
        put!(self, "): ");
        Ok(header_len)
    }

    /// Prints the head of an encrypted payload.
    pub(super) fn esp(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "esp";
        if bytes.len() <= 8 {
            self.cut();
            return Ok(());
        }
        put!(self, "ESP(spi=0x{:08x},seq=0x{:x}), length {length}", bytes.u32(0)?, bytes.u32(4)?);
        Ok(())
    }
}

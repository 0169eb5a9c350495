//! GRE (RFC 2784, RFC 2890).

use super::bytes::{Bytes, Cut};
use super::names;
use super::printer::{Printed, Printer, put};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;

const FLAGS: &[(u32, &str)] = &[
    (0x8000, "checksum present"),
    (0x4000, "routing present"),
    (0x2000, "key present"),
    (0x1000, "sequence# present"),
    (0x0800, "source routing present"),
    (0x0080, "ack present"),
];

impl Printer<'_> {
    /// Prints a GRE header and what is in it.
    pub(super) fn gre(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "gre";
        if !bytes.has(0, 2) {
            self.cut();
            return Ok(());
        }
        let flags = bytes.u16(0)?;
        put!(self, "GREv{}", flags & 7);
        match flags & 7 {
            version @ 0..=1 => {
                if self.options.verbose > 0 {
                    put!(self, ", Flags [");
                    self.bits(FLAGS, u32::from(flags), ", ", "none");
                    put!(self, "]");
                }
                let fields =
                    if version == 0 { self.gre_0(bytes, flags) } else { self.gre_1(bytes, flags) };
                match fields {
                    Ok(Some(at)) => self.gre_payload(bytes, at, length, flags)?,
                    Ok(None) => {}
                    Err(Cut) => self.cut(),
                }
            }
            _ => put!(self, " ERROR: unknown-version"),
        }
        Ok(())
    }

    /// Prints the optional fields of version 0 and returns where the payload starts.
    fn gre_0(&mut self, bytes: Bytes<'_>, flags: u16) -> Result<Option<usize>, Cut> {
        let mut at = 4;
        bytes.need(0, at)?;
        if flags & (CHECKSUM | ROUTING) != 0 {
            let sum = bytes.u16(at)?;
            if self.options.verbose > 0 {
                put!(self, ", sum 0x{sum:x}");
            }
            put!(self, ", off 0x{:x}", bytes.u16(at + 2)?);
            at += 4;
        }
        if flags & KEY != 0 {
            put!(self, ", key=0x{:x}", bytes.u32(at)?);
            at += 4;
        }
        if flags & SEQUENCE != 0 {
            put!(self, ", seq {}", bytes.u32(at)?);
            at += 4;
        }
        if flags & ROUTING != 0 {
            self.unmodelled("GRE source routes");
            return Ok(None);
        }
        Ok(Some(at))
    }

    /// Prints the optional fields of version 1 (PPTP) and returns where the payload starts.
    fn gre_1(&mut self, bytes: Bytes<'_>, flags: u16) -> Result<Option<usize>, Cut> {
        let mut at = 4;
        bytes.need(0, at)?;
        for (flag, name) in [(KEY, "call"), (SEQUENCE, "seq"), (ACKNOWLEDGMENT, "ack")] {
            if flags & flag != 0 {
                let value = bytes.u32(at)?;
                put!(self, ", {name} {}", if flag == KEY { value & 0xffff } else { value });
                at += 4;
            }
        }
        if flags & SEQUENCE == 0 {
            put!(self, ", no-payload");
        }
        Ok(Some(at))
    }

    fn gre_payload(&mut self, bytes: Bytes<'_>, at: usize, length: usize, flags: u16) -> Printed {
        let kind = bytes.u16(2)?;
        if self.options.link_header {
            let name = names::ethertype(kind).unwrap_or("unknown");
            put!(self, ", proto {name} (0x{kind:04x})");
        }
        put!(self, ", length {length}");
        let version = flags & 7;
        if version == 1 && flags & SEQUENCE == 0 {
            return Ok(());
        }
        put!(self, "{}", if self.options.verbose == 0 { ": " } else { "\n\t" });
        let (inner, left) = (bytes.from(at), length.saturating_sub(at));
        match (version, kind) {
            (0, 0x0800) => self.ip(inner, left)?,
            (0, 0x86dd) => self.ip6(inner, left)?,
            (0, 0x6558) => self.ether(inner, left).map(|_| ())?,
            (0, 0x8847) => self.unmodelled("MPLS"),
            (0, 0x8137) => self.unmodelled("IPX"),
            (0, 0x809b) => self.unmodelled("AppleTalk"),
            (0, 0x00fe) => self.unmodelled("ISO"),
            (1, 0x880b) => self.unmodelled("PPP"),
            _ => put!(self, "gre-proto-0x{kind:x}"),
        }
        Ok(())
    }
}

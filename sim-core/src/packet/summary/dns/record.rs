//! Questions and resource records.

use super::{Message, Stop, TYPE_OPT};
use crate::packet::summary::bytes::{Bytes, Cut};
use crate::packet::summary::printer::{Printer, find, put};

/// The Internet class.
const CLASS_IN: u16 = 1;
/// The bit of a class that multicast DNS uses otherwise: unicast wanted, or flush the cache.
const MULTICAST_BIT: u16 = 0x8000;

const TYPES: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (3, "MD"),
    (4, "MF"),
    (5, "CNAME"),
    (6, "SOA"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (11, "WKS"),
    (12, "PTR"),
    (13, "HINFO"),
    (14, "MINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (19, "X25"),
    (20, "ISDN"),
    (21, "RT"),
    (22, "NSAP"),
    (23, "NSAP_PTR"),
    (24, "SIG"),
    (25, "KEY"),
    (26, "PX"),
    (27, "GPOS"),
    (28, "AAAA"),
    (29, "LOC"),
    (30, "NXT"),
    (31, "EID"),
    (32, "NIMLOC"),
    (33, "SRV"),
    (34, "ATMA"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (38, "A6"),
    (39, "DNAME"),
    (40, "SINK"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (99, "SPF"),
    (100, "UINFO"),
    (101, "UID"),
    (102, "GID"),
    (103, "UNSPEC"),
    (104, "UNSPECA"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (253, "MAILB"),
    (254, "MAILA"),
    (255, "ANY"),
    (256, "URI"),
];

const CLASSES: &[(u16, &str)] = &[(1, "IN"), (3, "CHAOS"), (4, "HS"), (255, "ANY")];

impl Printer<'_> {
    fn dns_type(&mut self, kind: u16) {
        match find(TYPES, &kind) {
            Some(name) => put!(self, " {name}"),
            None => put!(self, " Type{kind}"),
        }
    }

    fn dns_class(&mut self, class: u16) {
        match find(CLASSES, &class) {
            Some(name) => put!(self, " {name}"),
            None => put!(self, " (Class {class})"),
        }
    }

    /// Prints the question at `at` and returns what follows it.
    pub(super) fn dns_question(&mut self, message: Message<'_>, at: usize) -> Result<usize, Stop> {
        let after = message.skip_name(at).ok_or(Stop::Broken)?;
        if !message.bytes.has(after, 4) {
            return Err(Stop::Broken);
        }
        self.dns_type(message.bytes.u16(after)?);
        let field = message.bytes.u16(after + 2)?;
        let class = if message.multicast { field & !MULTICAST_BIT } else { field };
        if class != CLASS_IN {
            self.dns_class(class);
        }
        if message.multicast {
            put!(self, "{}", if field & MULTICAST_BIT == 0 { " (QM)" } else { " (QU)" });
        }
        put!(self, "? ");
        Ok(self.dns_name(message.bytes, at)? + 4)
    }

    /// Prints the record at `at` and returns what follows it: the end if its header is cut.
    pub(super) fn dns_record(&mut self, message: Message<'_>, at: usize) -> Result<usize, Stop> {
        let bytes = message.bytes;
        let header = if self.options.verbose > 0 {
            put!(self, " ");
            Some(self.dns_name(bytes, at)?)
        } else {
            message.skip_name(at)
        };
        let Some(header) = header.filter(|header| bytes.has(*header, 10)) else {
            return Ok(bytes.len());
        };
        let kind = bytes.u16(header)?;
        let field = bytes.u16(header + 2)?;
        let class = if message.multicast { field & !MULTICAST_BIT } else { field };
        if class != CLASS_IN && kind != TYPE_OPT {
            self.dns_class(class);
        }
        if message.multicast && field & MULTICAST_BIT != 0 {
            put!(self, " (Cache flush)");
        }
        if kind != TYPE_OPT && self.options.verbose > 2 {
            put!(self, " [");
            self.relative_time(bytes.u32(header + 4)?);
            put!(self, "]");
        }
        self.dns_type(kind);
        let data = header + 10;
        let end = data + usize::from(bytes.u16(header + 8)?);
        if end > bytes.len() {
            return Err(Stop::Broken);
        }
        if kind == TYPE_OPT {
            put!(self, " UDPsize={class}");
            put!(self, "{}", if bytes.u16(header + 6)? & 0x8000 == 0 { "" } else { " DO" });
            self.dns_options(bytes, data, end)?;
        } else {
            self.dns_data(bytes, kind, data, end)?;
        }
        Ok(end)
    }

    fn dns_data(&mut self, bytes: Bytes<'_>, kind: u16, at: usize, end: usize) -> Result<(), Stop> {
        let need = |len| if bytes.has(at, len) { Ok(()) } else { Err(Stop::Broken) };
        match kind {
            1 => {
                need(4)?;
                put!(self, " {}", bytes.ipv4(at)?);
            }
            2 | 5 | 12 | 39 => {
                put!(self, " ");
                self.dns_name(bytes, at)?;
            }
            6 if self.options.verbose > 0 => self.dns_authority(bytes, at)?,
            15 => {
                put!(self, " ");
                need(2)?;
                self.dns_name(bytes, at + 2)?;
                put!(self, " {}", bytes.u16(at)?);
            }
            16 => self.dns_text(bytes, at, end)?,
            28 => {
                need(16)?;
                put!(self, " {}", bytes.ipv6(at)?);
            }
            33 => {
                put!(self, " ");
                need(6)?;
                self.dns_name(bytes, at + 6)?;
                let (priority, weight) = (bytes.u16(at)?, bytes.u16(at + 2)?);
                put!(self, ":{} {priority} {weight}", bytes.u16(at + 4)?);
            }
            38 => self.unmodelled("A6 records"),
            250 if self.options.verbose > 0 => self.unmodelled("TSIG records"),
            104 => self.dns_visible(bytes, at, end)?,
            256 => {
                put!(self, " {} {} ", bytes.u16(at)?, bytes.u16(at + 2)?);
                self.dns_visible(bytes, at + 4, end)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Prints text to `end`; what should end before it starts does not end before the capture.
    fn dns_visible(&mut self, bytes: Bytes<'_>, at: usize, end: usize) -> Result<(), Stop> {
        let len = end.checked_sub(at).unwrap_or(usize::MAX);
        self.visible_all(bytes.from(at), len).map_err(|Cut| Stop::Broken)
    }

    /// Prints a start of authority: two names and five numbers.
    fn dns_authority(&mut self, bytes: Bytes<'_>, at: usize) -> Result<(), Stop> {
        put!(self, " ");
        let at = self.dns_name(bytes, at)?;
        put!(self, " ");
        let at = self.dns_name(bytes, at)?;
        if !bytes.has(at, 20) {
            return Err(Stop::Broken);
        }
        for field in 0..5 {
            put!(self, " {}", bytes.u32(at + field * 4)?);
        }
        Ok(())
    }

    /// Prints the strings of a text record.
    fn dns_text(&mut self, bytes: Bytes<'_>, mut at: usize, end: usize) -> Result<(), Stop> {
        while at < end {
            put!(self, " \"");
            let len = usize::from(bytes.u8(at).map_err(|Cut| Stop::Broken)?);
            self.dns_visible(bytes, at + 1, at + 1 + len)?;
            put!(self, "\"");
            at += 1 + len;
        }
        Ok(())
    }
}

//! The options of EDNS records, shown with `-vv`.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::Stop;
use crate::packet::summary::bytes::{Bytes, Ip6};
use crate::packet::summary::printer::{Printed, Printer, find, put};

const OPTIONS: &[(u16, &str)] = &[
    (1, "LLQ"),
    (2, "UL"),
    (3, "NSID"),
    (5, "DAU"),
    (6, "DHU"),
    (7, "N3U"),
    (8, "ECS"),
    (9, "EXPIRE"),
    (10, "COOKIE"),
    (11, "KEEPALIVE"),
    (12, "PADDING"),
    (13, "CHAIN"),
    (14, "KEY-TAG"),
    (16, "CLIENT-TAG"),
    (17, "SERVER-TAG"),
];

const SIGNATURES: &[(u8, &str)] = &[
    (0, "DELETE"),
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DS"),
    (5, "RSASHA1"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

const DIGESTS: &[(u8, &str)] =
    &[(1, "SHA-1"), (2, "SHA-256"), (3, "GOST_R_34.11-94"), (4, "SHA-384")];

const HASHES: &[(u8, &str)] = &[(1, "SHA-1")];

impl Printer<'_> {
    /// Prints the options between `at` and `end`.
    pub(super) fn dns_options(
        &mut self,
        bytes: Bytes<'_>,
        mut at: usize,
        end: usize,
    ) -> Result<(), Stop> {
        if at >= end {
            return Ok(());
        }
        put!(self, " [");
        while at < end {
            let Ok(kind) = bytes.u16(at) else { return Err(Stop::Broken) };
            match find(OPTIONS, &kind) {
                Some(name) => put!(self, "{name}"),
                None => put!(self, "Opt{kind}"),
            }
            let Ok(len) = bytes.u16(at + 2) else { return Err(Stop::Broken) };
            let len = usize::from(len);
            if !bytes.has(at + 4, len) {
                return Err(Stop::Broken);
            }
            if len > 0 {
                put!(self, " ");
                self.dns_option(kind, bytes.from(at + 4).limit(len))?;
            }
            at += 4 + len;
            put!(self, "{}", if at < end { "," } else { "" });
        }
        put!(self, "]");
        Ok(())
    }

    fn dns_option(&mut self, kind: u16, data: Bytes<'_>) -> Printed {
        match kind {
            8 => self.dns_client_subnet(data)?,
            10 => match data.len() {
                8 => self.hex(data.0),
                16..=40 => {
                    self.hex(data.limit(8).0);
                    put!(self, " ");
                    self.hex(data.from(8).0);
                }
                _ => self.invalid(),
            },
            11 if data.len() == 2 => {
                let tenths = data.u16(0)?;
                put!(self, "{}.{} sec", tenths / 10, tenths % 10);
            }
            9 if data.len() == 4 => put!(self, "{} sec", data.u32(0)?),
            9 | 11 => self.invalid(),
            12 => put!(self, "({})", data.len()),
            14 if data.len().is_multiple_of(2) => {
                for (at, tag) in data.0.as_chunks().0.iter().enumerate() {
                    put!(self, "{}{}", if at == 0 { "" } else { " " }, u16::from_be_bytes(*tag));
                }
            }
            14 => self.invalid(),
            5 => self.dns_algorithms(data, SIGNATURES),
            6 => self.dns_algorithms(data, DIGESTS),
            7 => self.dns_algorithms(data, HASHES),
            13 => self.unmodelled("EDNS CHAIN"),
            _ => self.hex(data.0),
        }
        Ok(())
    }

    fn dns_algorithms(&mut self, data: Bytes<'_>, names: &[(u8, &str)]) {
        for (at, number) in data.0.iter().enumerate() {
            put!(self, "{}", if at == 0 { "" } else { " " });
            match find(names, number) {
                Some(name) => put!(self, "{name}"),
                None => put!(self, "Alg_{number}"),
            }
        }
    }

    /// Prints a client subnet (RFC 7871).
    fn dns_client_subnet(&mut self, data: Bytes<'_>) -> Printed {
        let (Ok(family), Ok(source), Ok(scope)) = (data.u16(0), data.u8(2), data.u8(3)) else {
            self.invalid();
            return Ok(());
        };
        let bits: u8 = if family == 1 { 32 } else { 128 };
        let addr = data.from(4);
        if !matches!(family, 1 | 2)
            || addr.len() > usize::from(bits / 8)
            || source > bits
            || scope > bits
            || usize::from(source).div_ceil(8) != addr.len()
        {
            self.invalid();
            return Ok(());
        }
        let mut octets = [0; 16];
        for (to, from) in octets.iter_mut().zip(addr.0) {
            *to = *from;
        }
        let [a, b, c, d, ..] = octets;
        match family {
            1 => put!(self, "{}", Ipv4Addr::new(a, b, c, d)),
            _ => put!(self, "{}", Ip6(Ipv6Addr::from_octets(octets))),
        }
        put!(self, "/{source}/{scope}");
        Ok(())
    }
}

//! IPv4.

use core::net::Ipv4Addr;

use super::bytes::{Bytes, Cut};
use super::names;
use super::printer::{Printed, Printer, checksum_should_be, put};
use super::sequence::Addrs;
use crate::packet::build::PseudoHeader;
use crate::packet::checksum::ip_compute_csum;
use crate::packet::ip_proto::IpProto;
use crate::packet::ipv4::{IP_MF, IP_OFFSET, IPV4_HLEN};
use crate::packet::ipv4_options::{IPOPT_LSRR, IPOPT_SSRR, Ipv4Options};

/// The IP packet around a transport header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    /// The addresses as the header has them.
    pub(super) addrs: Addrs,
    /// The addresses that transport checksums cover: the end of a source route counts.
    pub(super) pseudo: PseudoHeader,
    /// The protocol that the IP header itself names.
    pub(super) proto: u8,
    /// More fragments follow, or a fragment header was there.
    pub(super) fragmented: bool,
}

impl Outer {
    /// Returns whether the header itself names the transport: then the addresses stand with its ports.
    pub(super) fn names(&self, proto: IpProto) -> bool {
        self.proto == proto.0
    }
}

const FRAGMENT_FLAGS: &[(u32, &str)] = &[(0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd")];

const ECN: [&str; 4] = ["", ",ECT(1)", ",ECT(0)", ",CE"];

impl Printer<'_> {
    /// Prints a packet whose first bits say which IP it is.
    pub(super) fn ip_any(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "ipn";
        if length < 1 {
            put!(self, "truncated-ip {length}");
            return Ok(());
        }
        match bytes.u8(0)? >> 4 {
            4 => self.ip(bytes, length),
            6 => self.ip6(bytes, length),
            version => {
                put!(self, "unknown ip {version}");
                Ok(())
            }
        }
    }

    /// Prints an IPv4 packet; `length` is what the layer below says that there is.
    pub(super) fn ip(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "ip";
        match bytes.u8(0)? >> 4 {
            4 => {}
            6 => {
                put!(self, "IP6, wrong link-layer encapsulation");
                self.invalid();
                return Ok(());
            }
            version => {
                put!(self, "IP{version}");
                self.invalid();
                return Ok(());
            }
        }
        if !self.options.link_header {
            put!(self, "IP ");
        }
        if !bytes.has(0, IPV4_HLEN) {
            self.cut();
            return Ok(());
        }
        if length < IPV4_HLEN {
            put!(self, "truncated-ip {length}");
            return Ok(());
        }
        let header_len = usize::from(bytes.u8(0)? & 0x0f) * 4;
        if header_len < IPV4_HLEN {
            put!(self, "bad-hlen {header_len}");
            return Ok(());
        }
        let total_len = usize::from(bytes.u16(2)?);
        if length < total_len {
            put!(self, "truncated-ip - {} bytes missing! ", total_len - length);
        }
        if total_len < header_len {
            put!(self, "bad-len {total_len}");
            return Ok(());
        }
        if self.enter() {
            self.ip_body(bytes.limit(total_len), header_len, total_len)?;
            self.leave();
        }
        Ok(())
    }

    fn ip_body(&mut self, bytes: Bytes<'_>, header_len: usize, total_len: usize) -> Printed {
        let (src, dst, proto) = (bytes.ipv4(12)?, bytes.ipv4(16)?, bytes.u8(9)?);
        let word = bytes.u16(6)?;
        if self.options.verbose > 0 && !self.ip_verbose(bytes, header_len)? {
            put!(self, "{src} > {dst}: ");
            self.cut();
            return Ok(());
        }
        if word & IP_OFFSET != 0 {
            put!(self, "{src} > {dst}: ip-proto-{proto}");
            return Ok(());
        }
        if !matches!(IpProto(proto), IpProto::TCP | IpProto::UDP | IpProto::SCTP | IpProto::DCCP) {
            put!(self, "{src} > {dst}: ");
        }
        if !bytes.has(0, header_len) {
            let captured = bytes.len();
            put!(self, " [remaining caplen({captured}) < header length({header_len})]");
            return Err(Cut);
        }
        let outer = Outer {
            addrs: Addrs::V4(src, dst),
            pseudo: PseudoHeader::V4 { src, dst: final_dst(bytes, header_len, dst) },
            proto,
            fragmented: word & IP_MF != 0,
        };
        self.ip_demux(bytes.from(header_len), total_len - header_len, proto, &outer)
    }

    /// Prints the fields of the header on a line of their own; returns whether the options were there.
    fn ip_verbose(&mut self, bytes: Bytes<'_>, header_len: usize) -> Result<bool, Cut> {
        let (tos, ttl, proto) = (bytes.u8(1)?, bytes.u8(8)?, bytes.u8(9)?);
        let ecn = ECN.get(usize::from(tos & 3)).copied().unwrap_or_default();
        put!(self, "(tos 0x{tos:x}{ecn}");
        if ttl > 0 {
            put!(self, ", ttl {ttl}");
        }
        let word = bytes.u16(6)?;
        let offset = u32::from(word & IP_OFFSET) * 8;
        put!(self, ", id {}, offset {offset}, flags [", bytes.u16(4)?);
        self.bits(FRAGMENT_FLAGS, u32::from(word), ", ", "none");
        let name = names::ip_protocol(proto).unwrap_or("unknown");
        put!(self, "], proto {name} ({proto}), length {}", bytes.u16(2)?);
        let mut complete = true;
        if header_len > IPV4_HLEN {
            put!(self, ", options (");
            complete = self.ip_options(bytes.from(IPV4_HLEN), header_len - IPV4_HLEN)?;
            put!(self, "{}", if complete { ")" } else { " [truncated-option])" });
        }
        if let Ok(header) = bytes.slice(0, header_len) {
            let sum = ip_compute_csum(header);
            if sum != 0 {
                let field = bytes.u16(10)?;
                let right = checksum_should_be(field, sum);
                put!(self, ", bad cksum {field:x} (->{right:x})!");
            }
        }
        put!(self, ")\n    ");
        Ok(complete)
    }
}

/// Returns the last address of a source route, or the destination if there is none.
fn final_dst(bytes: Bytes<'_>, header_len: usize, dst: Ipv4Addr) -> Ipv4Addr {
    let options = bytes.slice(IPV4_HLEN, header_len - IPV4_HLEN).unwrap_or_default();
    Ipv4Options::new(options)
        .find(|option| matches!(option.kind, IPOPT_LSRR | IPOPT_SSRR) && option.bytes.len() >= 7)
        .and_then(|option| option.bytes.last_chunk().copied())
        .map_or(dst, Ipv4Addr::from_octets)
}

//! What follows an IP header.

use super::bytes::Bytes;
use super::ip::Outer;
use super::names;
use super::printer::{Printed, Printer, put};
use super::sequence::Addrs;
use crate::packet::ip_proto::IpProto;

/// The protocols that tcpdump prints and this module does not.
const UNMODELLED: &[(u8, &str)] = &[
    (8, "EGP"),
    (9, "IGRP"),
    (33, "DCCP"),
    (46, "RSVP"),
    (55, "mobile IP"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (103, "PIM"),
    (108, "IPComp"),
    (112, "VRRP"),
    (113, "PGM"),
    (132, "SCTP"),
];

impl Printer<'_> {
    /// Prints what an IP header leads to, authentication headers first.
    pub(super) fn ip_demux(
        &mut self,
        mut bytes: Bytes<'_>,
        mut length: usize,
        mut proto: u8,
        outer: &Outer,
    ) -> Printed {
        while IpProto(proto) == IpProto::AH {
            self.protocol = "ah";
            let Ok(next) = bytes.u8(0) else {
                self.cut();
                return Ok(());
            };
            let header_len = self.ah(bytes)?;
            proto = next;
            bytes = bytes.from(header_len);
            length = length.saturating_sub(header_len);
        }
        let is_v4 = matches!(outer.addrs, Addrs::V4(..));
        match IpProto(proto) {
            IpProto::TCP => self.tcp(bytes, length, outer),
            IpProto::UDP => self.udp(bytes, length, outer),
            IpProto::ICMP if is_v4 => self.icmp(bytes, length, outer.fragmented),
            IpProto::ICMPV6 if !is_v4 => self.icmp6(bytes, length, outer),
            IpProto::IGMP if is_v4 => self.igmp(bytes, length),
            IpProto::IPIP => self.ip(bytes, length),
            IpProto::IPV6 => self.ip6(bytes, length),
            IpProto::GRE => self.gre(bytes, length),
            IpProto::ESP => self.esp(bytes, length),
            IpProto(143) if !is_v4 => self.ether(bytes, length).map(|_| ()),
            IpProto::ICMP | IpProto::IGMP => self.wrong_version(proto, "IPv4"),
            IpProto::ICMPV6 | IpProto(143) => self.wrong_version(proto, "IPv6"),
            IpProto(77) => {
                put!(self, " nd {length}");
                Ok(())
            }
            IpProto::NONE => {
                put!(self, "no next header");
                Ok(())
            }
            IpProto(number) => {
                match UNMODELLED.iter().find(|(known, _)| *known == number) {
                    Some((_, name)) => self.unmodelled(name),
                    None => put!(self, " ip-proto-{number} {length}"),
                }
                Ok(())
            }
        }
    }

    fn wrong_version(&mut self, proto: u8, wanted: &str) -> Printed {
        let name = names::ip_protocol(proto).unwrap_or("unknown");
        put!(self, "[{name} requires {wanted}]");
        self.invalid();
        Ok(())
    }
}

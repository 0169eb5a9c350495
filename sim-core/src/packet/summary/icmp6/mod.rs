//! ICMPv6 (RFC 4443), neighbour discovery (RFC 4861) and multicast listeners (RFC 2710, RFC 3810).

use super::bytes::{Bytes, Cut};
use super::ip::Outer;
use super::printer::{Printed, Printer, checksum_should_be, find, put};
use super::tcp::transport_sum;
use crate::packet::ip_proto::IpProto;
use crate::packet::ipv6::IPV6_HLEN;

mod listener;
mod option;

/// Length of the header in bytes.
const ICMP6_HLEN: usize = 8;

const TYPES: &[(u8, &str)] = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded in-transit"),
    (4, "parameter problem"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbor solicitation"),
    (136, "neighbor advertisement"),
    (137, "redirect"),
    (138, "router renumbering"),
    (139, "who-are-you request"),
    (140, "who-are-you reply"),
    (141, "inverse neighbor solicitation"),
    (142, "inverse neighbor advertisement"),
    (143, "multicast listener report v2"),
    (144, "ha discovery request"),
    (145, "ha discovery reply"),
    (146, "mobile router solicitation"),
    (147, "mobile router advertisement"),
    (155, "RPL"),
    (200, "mtrace response"),
    (201, "mtrace message"),
];

/// The codes of "destination unreachable". The blank before the second is tcpdump's.
const UNREACHABLE: &[(u8, &str)] = &[
    (0, "unreachable route"),
    (1, " unreachable prohibited"),
    (2, "beyond scope"),
    (3, "unreachable address"),
    (4, "unreachable port"),
];

const ADVERT_FLAGS: &[(u32, &str)] =
    &[(0x8000_0000, "router"), (0x4000_0000, "solicited"), (0x2000_0000, "override")];

const ROUTER_FLAGS: &[(u32, &str)] =
    &[(0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent"), (0x02, "ipv6 only")];

/// How a message ends.
enum End {
    /// With its length, unless that was printed before.
    Length,
    /// As it is.
    Nothing,
}

impl Printer<'_> {
    /// Prints an ICMPv6 message.
    pub(super) fn icmp6(&mut self, bytes: Bytes<'_>, length: usize, outer: &Outer) -> Printed {
        self.protocol = "icmp6";
        if length == 0 {
            put!(self, "ICMP6, length 0");
            self.invalid();
            return Ok(());
        }
        let verbose = self.options.verbose > 0;
        if verbose && !outer.fragmented && bytes.has(0, length) {
            let field = bytes.u16(2)?;
            match transport_sum(bytes, length, IpProto::ICMPV6, outer) {
                0 => put!(self, "[icmp6 sum ok] "),
                sum => {
                    let right = checksum_should_be(field, sum);
                    put!(self, "[bad icmp6 cksum 0x{field:04x} -> 0x{right:04x}!] ");
                }
            }
        }
        let kind = bytes.u8(0)?;
        match find(TYPES, &kind) {
            Some(name) => put!(self, "ICMP6, {name}"),
            None => put!(self, "ICMP6, unknown icmp6 type ({kind})"),
        }
        if verbose && matches!(kind, 133..=137 | 145 | 147) {
            put!(self, ", length {length}");
        }
        match self.icmp6_message(bytes, length, kind)? {
            End::Length if !verbose => put!(self, ", length {length}"),
            End::Length | End::Nothing => {}
        }
        Ok(())
    }

    fn icmp6_message(&mut self, bytes: Bytes<'_>, length: usize, kind: u8) -> Result<End, Cut> {
        let code = bytes.u8(1)?;
        match kind {
            1 => return self.icmp6_unreachable(bytes, length, code),
            2 => put!(self, ", mtu {}", bytes.u32(4)?),
            3 => match code {
                0 => put!(self, " for {}", bytes.ipv6(ICMP6_HLEN + 24)?),
                1 => put!(self, " (reassembly)"),
                _ => put!(self, ", unknown code ({code})"),
            },
            4 => {
                if !bytes.has(ICMP6_HLEN + 24, 16) {
                    self.cut();
                    return Ok(End::Nothing);
                }
                let problems = ["erroneous", "next header", "option", "incomplete header chain"];
                match problems.get(usize::from(code)) {
                    Some(problem) => put!(self, ", {problem} - octet {}", bytes.u32(4)?),
                    None => put!(self, ", code-#{code}"),
                }
            }
            128 | 129 => put!(self, ", id {}, seq {}", bytes.u16(4)?, bytes.u16(6)?),
            130 => self.listener_query(bytes, length)?,
            131 | 132 => self.listener(bytes)?,
            133..=137 => return self.neighbour_discovery(bytes, length, kind),
            143 => self.listener_report(bytes, length)?,
            141 | 142 => {}
            144 | 146 => put!(self, ", id 0x{:04x}", bytes.u16(4)?),
            138 => self.unmodelled("ICMPv6 router renumbering"),
            139 | 140 => self.unmodelled("ICMPv6 node information"),
            145 | 147 if self.options.verbose > 0 => self.unmodelled("ICMPv6 home agents"),
            145 | 147 => {}
            155 => self.unmodelled("RPL"),
            _ => {
                put!(self, ", length {length}");
                if self.options.verbose <= 1 {
                    self.unknown_data(bytes, "\n\t", length);
                }
                return Ok(End::Nothing);
            }
        }
        Ok(End::Length)
    }

    fn icmp6_unreachable(&mut self, bytes: Bytes<'_>, length: usize, code: u8) -> Result<End, Cut> {
        match find(UNREACHABLE, &code) {
            Some(name) => put!(self, ", {name}"),
            None => put!(self, ", unknown unreach code ({code})"),
        }
        let quoted = bytes.from(ICMP6_HLEN);
        match code {
            0 | 1 | 3 => put!(self, " {}", quoted.ipv6(24)?),
            2 => put!(self, " {}, source address {}", quoted.ipv6(24)?, quoted.ipv6(8)?),
            4 => match quoted_port(quoted)? {
                Some((proto, port)) => put!(self, ", {} {proto} port {port}", quoted.ipv6(24)?),
                None => {
                    self.cut();
                    return Ok(End::Nothing);
                }
            },
            _ if self.options.verbose <= 1 => {
                self.unknown_data(bytes, "\n\t", length);
                return Ok(End::Nothing);
            }
            _ => {}
        }
        Ok(End::Length)
    }

    fn neighbour_discovery(
        &mut self,
        bytes: Bytes<'_>,
        length: usize,
        kind: u8,
    ) -> Result<End, Cut> {
        let verbose = self.options.verbose > 0;
        let header_len = match kind {
            133 => 8,
            134 => {
                if verbose {
                    self.router_advertisement(bytes)?;
                }
                16
            }
            135 => {
                put!(self, ", who has {}", bytes.ipv6(8)?);
                24
            }
            136 => {
                put!(self, ", tgt is {}", bytes.ipv6(8)?);
                if verbose {
                    put!(self, ", Flags [");
                    self.bits(ADVERT_FLAGS, bytes.u32(4)?, ", ", "none");
                    put!(self, "]");
                }
                24
            }
            _ => {
                put!(self, ", {} to {}", bytes.ipv6(24)?, bytes.ipv6(8)?);
                40
            }
        };
        if verbose && !self.nd_options(bytes.from(header_len), length.saturating_sub(header_len))? {
            self.cut();
            return Ok(End::Nothing);
        }
        Ok(End::Length)
    }

    fn router_advertisement(&mut self, bytes: Bytes<'_>) -> Printed {
        bytes.need(4, 12)?;
        let flags = bytes.u8(5)?;
        put!(self, "\n\thop limit {}, Flags [", bytes.u8(4)?);
        self.bits(ROUTER_FLAGS, u32::from(flags), ", ", "none");
        put!(self, "], pref {}, router lifetime {}s", preference(flags), bytes.u16(6)?);
        put!(self, ", reachable time {}ms", bytes.u32(8)?);
        put!(self, ", retrans timer {}ms", bytes.u32(12)?);
        Ok(())
    }
}

/// Names a router preference (RFC 4191).
const fn preference(flags: u8) -> &'static str {
    match flags >> 3 & 3 {
        0 => "medium",
        1 => "high",
        2 => "rsv",
        _ => "low",
    }
}

/// Finds the transport and its destination port in a quoted packet.
fn quoted_port(quoted: Bytes<'_>) -> Result<Option<(&'static str, u16)>, Cut> {
    let Ok(mut next) = quoted.u8(6) else { return Ok(None) };
    let mut at = IPV6_HLEN;
    while at < quoted.len() {
        let len = match IpProto(next) {
            IpProto::TCP => return Ok(quoted.u16(at + 2).ok().map(|port| ("tcp", port))),
            IpProto::UDP => return Ok(quoted.u16(at + 2).ok().map(|port| ("udp", port))),
            IpProto::HOPOPTS | IpProto::DSTOPTS | IpProto::ROUTING => {
                let Ok(words) = quoted.u8(at + 1) else { return Ok(None) };
                (usize::from(words) + 1) * 8
            }
            IpProto::FRAGMENT => match quoted.u16(at + 2) {
                Ok(word) if word & 0xfff8 == 0 => 8,
                _ => return Ok(None),
            },
            IpProto::AH => {
                let Ok(words) = quoted.u8(at + 1) else { return Ok(None) };
                (usize::from(words) + 2) * 4
            }
            _ => return Ok(None),
        };
        next = quoted.u8(at)?;
        at += len;
    }
    Ok(None)
}

//! Numbers and the names that stand for them.

use crate::packet::IpProto;

/// A decimal, octal or hexadecimal number.
pub(super) fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.starts_with(['+', '-']) { None } else { u32::from_str_radix(digits, radix).ok() }
}

/// The names for offsets and values of `pcap-filter(7)`.
const CONSTANTS: &[(&str, u32)] = &[
    ("icmptype", 0),
    ("icmpcode", 1),
    ("icmp-echoreply", 0),
    ("icmp-unreach", 3),
    ("icmp-sourcequench", 4),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14),
    ("icmp-ireq", 15),
    ("icmp-ireqreply", 16),
    ("icmp-maskreq", 17),
    ("icmp-maskreply", 18),
    ("tcpflags", 13),
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
];

pub(super) fn constant(name: &str) -> Option<u32> {
    CONSTANTS.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

/// The IP protocols by name.
const PROTOCOLS: &[(&str, IpProto)] = &[
    ("icmp", IpProto(1)),
    ("igmp", IpProto(2)),
    ("ipip", IpProto(4)),
    ("tcp", IpProto(6)),
    ("udp", IpProto(17)),
    ("gre", IpProto(47)),
    ("esp", IpProto(50)),
    ("ah", IpProto(51)),
    ("icmp6", IpProto(58)),
    ("ospf", IpProto(89)),
    ("pim", IpProto(103)),
    ("vrrp", IpProto(112)),
    ("sctp", IpProto(132)),
];

pub(super) fn protocol(name: &str) -> Option<IpProto> {
    PROTOCOLS.iter().find(|(n, _)| *n == name).map(|(_, proto)| *proto)
}

/// The services that people write by name, from `/etc/services`.
const SERVICES: &[(&str, u16)] = &[
    ("echo", 7),
    ("discard", 9),
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("http", 80),
    ("ntp", 123),
    ("snmp", 161),
    ("bgp", 179),
    ("https", 443),
    ("syslog", 514),
];

pub(super) fn service(name: &str) -> Option<u16> {
    SERVICES.iter().find(|(n, _)| *n == name).map(|(_, port)| *port)
}

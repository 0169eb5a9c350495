//! Names for numbers: the tables that iproute2 installs in `/etc/iproute2`, and protocols.

use std::borrow::Cow;

use crate::libc::number;

/// A table of names. The same name may not stand twice; the first of several names of a number is the
/// one that is printed.
type Table = [(u32, &'static str)];

/// `/etc/iproute2/rt_protos`: who made a route.
const RT_PROTOS: &Table = &[
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (18, "keepalived"),
    (42, "babel"),
    (99, "openr"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (192, "eigrp"),
];

/// `/etc/iproute2/rt_scopes`.
const RT_SCOPES: &Table =
    &[(0, "global"), (255, "nowhere"), (254, "host"), (253, "link"), (200, "site")];

/// `/etc/iproute2/rt_tables`.
const RT_TABLES: &Table = &[(255, "local"), (254, "main"), (253, "default"), (0, "unspec")];

/// `/etc/iproute2/rt_dsfield`.
const RT_DSFIELD: &Table = &[
    (0x00, "default"),
    (0x28, "AF11"),
    (0x30, "AF12"),
    (0x38, "AF13"),
    (0x48, "AF21"),
    (0x50, "AF22"),
    (0x58, "AF23"),
    (0x68, "AF31"),
    (0x70, "AF32"),
    (0x78, "AF33"),
    (0x88, "AF41"),
    (0x90, "AF42"),
    (0x98, "AF43"),
    (0x20, "CS1"),
    (0x40, "CS2"),
    (0x60, "CS3"),
    (0x80, "CS4"),
    (0xA0, "CS5"),
    (0xC0, "CS6"),
    (0xE0, "CS7"),
    (0xB8, "EF"),
];

/// `/etc/iproute2/group`.
const GROUPS: &Table = &[(0, "default")];

/// The protocols of `/etc/protocols` that have a name of their own in rules.
const IP_PROTOS: &Table = &[
    (0, "ip"),
    (0, "hopopt"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (8, "egp"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (43, "ipv6-route"),
    (44, "ipv6-frag"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (59, "ipv6-nonxt"),
    (60, "ipv6-opts"),
    (88, "eigrp"),
    (89, "ospf"),
    (94, "ipip"),
    (97, "etherip"),
    (98, "encap"),
    (103, "pim"),
    (108, "ipcomp"),
    (112, "vrrp"),
    (115, "l2tp"),
    (124, "isis"),
    (132, "sctp"),
    (136, "udplite"),
    (137, "mpls-in-ip"),
];

fn number_of(table: &Table, name: &str) -> Option<u32> {
    table.iter().find(|(_, n)| *n == name).map(|(number, _)| *number)
}

fn name_of(table: &Table, number: u32) -> Option<&'static str> {
    table.iter().find(|(n, _)| *n == number).map(|(_, name)| *name)
}

fn named(table: &Table, number: u32, numeric: bool) -> Cow<'static, str> {
    match name_of(table, number).filter(|_| !numeric) {
        Some(name) => name.into(),
        None => number.to_string().into(),
    }
}

/// A routing protocol (`rtnl_rtprot_a2n()`).
pub(crate) fn rt_proto(text: &str) -> Option<u8> {
    number_of(RT_PROTOS, text).or_else(|| number::u32(text)).and_then(|n| n.try_into().ok())
}

/// What a routing protocol is called.
pub(crate) fn rt_proto_name(number: u8, numeric: bool) -> Cow<'static, str> {
    named(RT_PROTOS, number.into(), numeric)
}

/// A scope (`rtnl_rtscope_a2n()`).
pub(crate) fn rt_scope(text: &str) -> Option<u8> {
    number_of(RT_SCOPES, text).or_else(|| number::u32(text)).and_then(|n| n.try_into().ok())
}

/// What a scope is called.
pub(crate) fn rt_scope_name(number: u8, numeric: bool) -> Cow<'static, str> {
    named(RT_SCOPES, number.into(), numeric)
}

/// A routing table (`rtnl_rttable_a2n()`).
pub(crate) fn rt_table(text: &str) -> Option<u32> {
    number_of(RT_TABLES, text).or_else(|| number::u32(text))
}

/// What a routing table is called.
pub(crate) fn rt_table_name(number: u32, numeric: bool) -> Cow<'static, str> {
    named(RT_TABLES, number, numeric)
}

/// A type of service, a bare number being hexadecimal (`rtnl_dsfield_a2n()`).
pub(crate) fn dsfield(text: &str) -> Option<u8> {
    let hex = || number::strtoul(text, 16).filter(|(_, rest)| rest.is_empty()).map(|(n, _)| n);
    number_of(RT_DSFIELD, text).map(u64::from).or_else(hex).and_then(|n| n.try_into().ok())
}

/// What a type of service is called.
pub(crate) fn dsfield_name(number: u8, numeric: bool) -> Cow<'static, str> {
    match name_of(RT_DSFIELD, number.into()).filter(|_| !numeric) {
        Some(name) => name.into(),
        None => format!("0x{number:02x}").into(),
    }
}

/// A device group (`rtnl_group_a2n()`).
pub(crate) fn group(text: &str) -> Option<u32> {
    let number = || number::i32(text).and_then(|n| n.try_into().ok());
    number_of(GROUPS, text).or_else(number)
}

/// What a device group is called.
pub(crate) fn group_name(number: u32, numeric: bool) -> Cow<'static, str> {
    named(GROUPS, number, numeric)
}

/// An IP protocol (`inet_proto_a2n()`).
pub(crate) fn ip_proto(text: &str) -> Option<u8> {
    let number = || number::u8(text);
    number().or_else(|| number_of(IP_PROTOS, text).and_then(|n| n.try_into().ok()))
}

/// What an IP protocol is called.
pub(crate) fn ip_proto_name(number: u8, numeric: bool) -> Cow<'static, str> {
    match name_of(IP_PROTOS, number.into()).filter(|_| !numeric) {
        Some(name) => name.into(),
        None => format!("ipproto-{number}").into(),
    }
}

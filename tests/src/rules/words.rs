//! The words that random command lines are made of. Of values the good ones stand first.

use sim_core::family::AddressFamily;
use sim_core::netfilter::xtables::options::Kind;

/// The tables, those of which there is more to say more often.
pub(super) const TABLES: [&str; 8] =
    ["filter", "filter", "filter", "nat", "nat", "mangle", "mangle", "raw"];

/// The built-in chains.
pub(super) const CHAINS: [&str; 5] = ["INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"];

/// The chains and the targets that belong in a table.
pub(super) const TYPICAL: [(&str, &[&str], &[&str]); 4] = [
    ("filter", &["INPUT", "FORWARD", "OUTPUT"], &["REJECT", "LOG", "NFLOG", "NFQUEUE"]),
    (
        "nat",
        &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        &["DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP"],
    ),
    ("mangle", &CHAINS, &["TCPMSS", "HL", "TTL", "TOS", "DSCP", "MARK", "CONNMARK"]),
    ("raw", &["PREROUTING", "OUTPUT"], &["CT", "NOTRACK", "TRACE"]),
];

/// The matches of protocols, by the protocol's name.
pub(super) const OF_PROTOCOLS: [(&str, &str); 6] = [
    ("tcp", "tcp"),
    ("udp", "udp"),
    ("sctp", "sctp"),
    ("icmp", "icmp"),
    ("icmp6", "ipv6-icmp"),
    ("multiport", "tcp"),
];

/// A word that is too long for most.
const LONG: &str = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789";

/// Words that are wrong nearly everywhere.
pub(super) const JUNK: [&str; 12] =
    ["!", "", "-", "--", "x", "--nope", "-1", "99999999999", "a,b", "1:2:3", "-z", "nope"];

/// Values for options whose form is their extension's own, by the option's name.
const FREE: &[(&str, &[&str])] = &[
    ("src-type", &["LOCAL", "UNICAST,BROADCAST", "local", "NOPE", "MULTICAST"]),
    ("dst-type", &["LOCAL", "BLACKHOLE", "ANYCAST,PROHIBIT", ""]),
    ("comment", &["a", "two words", "it's \"x\"", "a.b/c", "", "back\\slash"]),
    (
        "ctstate",
        &["NEW", "ESTABLISHED,RELATED", "INVALID", "new", "UNTRACKED,SNAT", "NOPE", "DNAT"],
    ),
    ("state", &["NEW", "ESTABLISHED,RELATED", "INVALID,UNTRACKED", "nope", "established"]),
    ("ctstatus", &["NONE", "ASSURED,SEEN_REPLY", "CONFIRMED", "EXPECTED", "nope"]),
    ("ctdir", &["ORIGINAL", "REPLY", "nope"]),
    ("ctexpire", &["1", "1:5", "x", ":7"]),
    (
        "icmp-type",
        &[
            "8",
            "echo-request",
            "3/4",
            "any",
            "network-unreachable",
            "255/255",
            "8/0",
            "300",
            "nope",
            "redirect",
            "255",
        ],
    ),
    ("icmpv6-type", &["128", "echo-request", "1/4", "nope", "router-solicitation"]),
    ("src-range", &["10.0.0.1-10.0.0.9", "10.0.0.9-10.0.0.1", "10.0.0.1", "x-y", "::1-::5"]),
    ("dst-range", &["10.0.0.1-10.0.0.9", "1.2.3.4-1.2.3.4", "nope"]),
    (
        "source-ports",
        &["1,2,3", "80", "1:5,7", "http,ssh", "5:1", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "x"],
    ),
    ("sports", &["53", "1:5,7", "domain", "70000", ""]),
    ("destination-ports", &["80,443", "1000:2001", "x,y"]),
    ("dports", &["80,443", "1000:2001,22", "https", "nrpe,4190", "-1", "174:319"]),
    ("ports", &["80", "1:65535", "0", "1,x"]),
    ("pkt-type", &["unicast", "broadcast", "multicast", "nope", "host"]),
    ("mode", &["random", "nth", "nope"]),
    ("probability", &["0.5", "1", "0.3333333", "0", "1.5", "x", "0.00001", "0.99"]),
    ("every", &["1", "2", "7", "0", "x"]),
    ("packet", &["0", "1", "6", "9"]),
    ("source-port", &["80", "1:5", "http", ":5", "5:", "5:1", "70000", "nope"]),
    ("sport", &["80", "1024:65535", "ssh", "0", ":", "x", "zebra", "sieve:6514", "x11-3", "-1"]),
    ("destination-port", &["53", "domain", "5:6", "1:2:3"]),
    (
        "dport",
        &[
            "443",
            "1:65535",
            "https",
            "8080",
            "-5",
            "-1",
            "ptp-event",
            "7000",
            "27374:60179",
            "-1:5",
        ],
    ),
    ("tcp-option", &["2", "255", "0", "300", "x"]),
    (
        "helper",
        &["ftp", "tftp", "sip", "snmp", "Q.931", "irc", "nope", "", "abcdefghijklmnopqrs", "a b"],
    ),
    ("timeout", &["x", "", "abcd", "x"]),
    ("nflog-prefix", &["a", "two words", "it's", LONG, "", "a-b_c", "b", "a\\b"]),
    ("ctevents", &["new", "new,destroy", "reply", "nope"]),
    ("expevents", &["new", "nope"]),
    ("zone-orig", &["1", "mark", "65536", "x"]),
    ("zone-reply", &["2", "mark", "x"]),
    ("zone", &["3", "mark", "0xf", "70000"]),
    (
        "to-destination",
        &[
            "10.0.0.1",
            "10.0.0.1:80",
            "10.0.0.1-10.0.0.9",
            "10.0.0.1-10.0.0.9:80-90",
            ":80",
            "10.0.0.1:80-90/100",
            "x",
            "10.0.0.1:0",
            "10.0.0.9-10.0.0.1",
            "[::1]:80",
        ],
    ),
    (
        "to-source",
        &["10.0.0.1", "10.0.0.1:80", "10.0.0.1-10.0.0.9:1024-65535", "x", ":80", "1.2.3.4:70000"],
    ),
    ("to-ports", &["80", "80-90", "90-80", "http", "0", "70000", "x"]),
    ("to", &["10.0.0.0/24", "10.0.0.1", "10.0.0.0/255.255.0.0", "x", "1.2.3.4/33"]),
    (
        "reject-with",
        &[
            "icmp-port-unreachable",
            "icmp-host-prohibited",
            "tcp-reset",
            "nope",
            "port-unreach",
            "icmp-admin-prohibited",
            "icmp-net-unreachable",
            "echo-reply",
            "E",
            "icmp",
            "tcp",
        ],
    ),
    ("limit", &["1/s", "10/minute", "3/hour", "100/day", "5", "1000000/s", "x", "7/sec", "0/s"]),
    ("limit-burst", &["1", "5", "10000", "10001", "0"]),
    ("name", &["a", "web"]),
    ("rsource", &["x"]),
    ("mask", &["255.255.255.0", "x"]),
    ("uid-owner", &["0", "root", "1-5", "nope"]),
    ("gid-owner", &["0", "root", "1-5", "nope"]),
    ("set-tos", &["0x10", "0x10/0xff", "Minimize-Delay", "nope"]),
    ("tos", &["0x10", "0x10/0xff", "Minimize-Delay", "nope"]),
    ("set-dscp-class", &["EF", "AF11", "CS3", "nope"]),
    ("dscp-class", &["EF", "AF11", "nope"]),
    ("set-mss", &["1400", "0", "70000"]),
    ("log-prefix", &["a", "two words: ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]),
    ("log-level", &["info", "4", "debug", "8", "nope"]),
    ("string", &["abc", "a b"]),
    ("algo", &["bm", "kmp", "nope"]),
    (
        "hashlimit-upto",
        &[
            "1/s", "5/minute", "512kb/s", "3/day", "1500b/s", "7/hour", "2mb/s", "x", "5/week",
            "1000001",
        ],
    ),
    ("hashlimit-above", &["1/s", "512kb/s", "99/m", "300b/s", "1b/min", "x", "-1", "20mb/s"]),
    ("hashlimit", &["1/s", "4kb/s", "x"]),
    ("hashlimit-name", &["a", "foo", "a", "b c", "a/b"]),
    ("hashlimit-mode", &["srcip", "srcip,dstport", "dstip|srcip", "srcport,dstport", "", "nope"]),
    ("hashlimit-burst", &["1", "5", "2k", "1m", "7x", "1000001", "0", "700", "9m"]),
    ("hashlimit-rate-interval", &["1", "10", "86400", "0", "x"]),
    ("label", &["3", "0", "127", "128", "0x10", "web", "65536", ""]),
    ("nfacct-name", &["a", "no such", ""]),
    (
        "u32",
        &[
            "0>>22&0x3C@0&0xFFFF=53",
            "6&0xFF=1,6:17",
            "0=1&&4=2",
            "12@0=5:1",
            "0>>32=1",
            "0=1&",
            "x=1",
            "0>1=1",
            "0",
            "",
        ],
    ),
];

/// Values of IPv6 that take the place of those of IPv4.
const FREE6: &[(&str, &[&str])] = &[
    (
        "dst-type",
        &["LOCAL", "BLACKHOLE", "ANYCAST,UNREACHABLE", "", "UNSPEC,MULTICAST", "XRESOLVE"],
    ),
    (
        "icmpv6-type",
        &[
            "128",
            "echo-request",
            "1/4",
            "nope",
            "router-solicitation",
            "ping",
            "pong",
            "no-route",
            "reject-route",
            "any",
            "255/255",
            "256",
            "128/0",
            "packet-too-big",
            "ttl-exceeded",
            "",
        ],
    ),
    ("src-range", &["fd00::1-fd00::9", "::9-::1", "::1", "x-y", "10.0.0.1-10.0.0.9", "::-ffff::"]),
    ("dst-range", &["fd00::1-fd00::9", "1::2-1::2", "nope", "::ffff:1.2.3.4-::ffff:1.2.3.9"]),
    (
        "to-destination",
        &[
            "fd00::1",
            "[fd00::1]:80",
            "fd00::1-fd00::9",
            "[fd00::1-fd00::9]:80-90",
            ":80",
            "[fd00::1]:80-90/100",
            "x",
            "[fd00::1]:0",
            "::9-::1",
            "10.0.0.1:80",
            "10.0.0.1",
            "[::1]",
            "[::1",
            "[]:80",
            "fd00::1:80",
            "[::1]80",
            "::ffff:1.2.3.4",
        ],
    ),
    (
        "to-source",
        &[
            "fd00::1",
            "[fd00::1]:80",
            "[fd00::1-fd00::9]:1024-65535",
            "x",
            ":80",
            "[::1]:70000",
            "::",
            "fe80::1%lo",
            "[fd00::1]-[fd00::9]",
        ],
    ),
    (
        "reject-with",
        &[
            "icmp6-no-route",
            "no-route",
            "icmp6-adm-prohibited",
            "adm-prohibited",
            "icmp6-addr-unreachable",
            "addr-unreach",
            "icmp6-port-unreachable",
            "port-unreach",
            "tcp-reset",
            "icmp6-policy-fail",
            "policy-fail",
            "icmp6-reject-route",
            "reject-route",
            "P",
            "icmp6-a",
            "tcp-rst",
            "icmp-port-unreachable",
            "",
        ],
    ),
    ("mask", &["ffff:ffff::", "::", "255.255.255.0", "x", "ffff:0:ffff::"]),
];

/// What stands for addresses.
pub(super) const INET: [&str; 9] = [
    "10.0.0.1",
    "10.0.0.0/8",
    "10.1.2.3/255.255.0.0",
    "1.2.3.4,5.6.7.8",
    "localhost",
    "0/0",
    "10.1",
    "1.2.3.4/255.0.255.0",
    "nope",
];

/// What stands for addresses of IPv6.
pub(super) const INET6: [&str; 13] = [
    "fe80::1",
    "2001:db8::/32",
    "::1",
    "::/0",
    "1::2/ffff::",
    "2001:db8::1,::2",
    "nope",
    "localhost",
    "::ffff:1.2.3.4/96",
    "1:2:3:4:5:6:7:8/ffff:0:ffff::",
    "10.0.0.1",
    "fd00::/129",
    "1::/64/64",
];

/// What stands for protocols.
pub(super) const PROTOCOLS: [&str; 15] = [
    "tcp",
    "tcp",
    "tcp",
    "udp",
    "udp",
    "icmp",
    "6",
    "17",
    "all",
    "esp",
    "gre",
    "99",
    "sctp",
    "ipv6-icmp",
    "UDP",
];

/// The least and the greatest number that an option takes, if it takes one.
pub(super) fn bounds(kind: Kind) -> Option<(u64, u64)> {
    if let Kind::U8(min, max) = kind {
        return Some((min.into(), max.into()));
    }
    if let Kind::U16(min, max) = kind {
        return Some((min.into(), max.into()));
    }
    if let Kind::U32(min, max) = kind {
        return Some((min.into(), max.into()));
    }
    if let Kind::U64(min, max) = kind { Some((min, max)) } else { None }
}

/// Values for an option.
pub(super) fn values(option: &str, kind: Kind, family: AddressFamily) -> &'static [&'static str] {
    let is_inet6 = family == AddressFamily::Inet6;
    if matches!(kind, Kind::Free | Kind::Text(..)) {
        let own = if is_inet6 { FREE6 } else { &[] };
        let found = own.iter().chain(FREE).find(|(name, _)| *name == option);
        return found.map_or(&["1", "a", "10.0.0.1", "nope"], |(_, values)| values);
    }
    if is_inet6 && kind == Kind::HostMask {
        return &[
            "fd00::1",
            "fd00::1/64",
            "::/0",
            "2001:db8::/32",
            "2001:db8::/ffff:ffff::",
            "2001:db8::5/ffff:0:ffff::",
            "::1/129",
            "10.0.0.0/8",
            "localhost/64",
            "::ffff:10.0.0.1/100",
            "x",
            "",
        ];
    }
    if is_inet6 && kind == Kind::PrefixLen {
        return &["8", "64", "128", "129", "ffff::", "255.0.0.0", "x"];
    }
    of_kind(kind)
}

/// Values whose form is that of many options.
fn of_kind(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Pair => {
            &["SYN", "SYN,ACK", "ALL", "NONE", "FIN,SYN,RST,ACK", "PSH,URG", "nope", "syn"]
        }
        Kind::U8Range | Kind::U16Range | Kind::U32Range | Kind::U64Range => {
            &["5", "1:9", "9:1", ":7", "7:", "", "x", "70000", "1:2:3"]
        }
        Kind::MarkMask => {
            &["1", "0x10/0xff", "0/0", "0xffffffff", "0x1/0", "x", "5/x", "4294967296"]
        }
        Kind::TosMask => {
            &["0x10", "0x10/0x3f", "Minimize-Delay", "nope", "normal-service", "0x10/x", "256"]
        }
        Kind::SyslogLevel => &["info", "4", "debug", "8", "nope"],
        Kind::Host => &["10.0.0.1", "::1", "localhost", "nope"],
        Kind::HostMask => {
            &["10.0.0.1", "10.0.0.0/8", "10.0.0.1/255.255.0.0", "1.2.3.4/33", "2001:db8::/32", "x"]
        }
        Kind::PrefixLen => &["8", "24", "32", "33", "255.255.0.0", "x"],
        Kind::Port => &["80", "http", "70000", "x"],
        Kind::PortRange => &["80", "1:5", "http", ":5", "5:", "x", "1:2:3"],
        Kind::Protocol => &["tcp", "6", "0", "256", "nope", "gre"],
        Kind::Mac => &["02:00:00:00:00:01", "2:0:0:0:0:1", "x", "02:00:00:00:00"],
        Kind::None
        | Kind::Free
        | Kind::Text(..)
        | Kind::U8(..)
        | Kind::U16(..)
        | Kind::U32(..)
        | Kind::U64(..) => &["1"],
    }
}

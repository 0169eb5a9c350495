//! The extensions that the real iptables has, modelled or not.

use crate::family::AddressFamily;

const MATCHES: &[&str] = &[
    "addrtype",
    "bpf",
    "cgroup",
    "cluster",
    "comment",
    "connbytes",
    "connlabel",
    "connlimit",
    "connmark",
    "conntrack",
    "cpu",
    "dccp",
    "devgroup",
    "dscp",
    "ecn",
    "esp",
    "hashlimit",
    "helper",
    "ipcomp",
    "iprange",
    "ipvs",
    "length",
    "limit",
    "mac",
    "mark",
    "multiport",
    "nfacct",
    "osf",
    "owner",
    "physdev",
    "pkttype",
    "policy",
    "quota",
    "rateest",
    "recent",
    "rpfilter",
    "sctp",
    "set",
    "socket",
    "state",
    "statistic",
    "string",
    "tcp",
    "tcpmss",
    "time",
    "tos",
    "u32",
    "udp",
];

const MATCHES_INET: &[&str] = &["ah", "icmp", "realm", "ttl"];

const MATCHES_INET6: &[&str] =
    &["ah", "dst", "eui64", "frag", "hbh", "hl", "icmp6", "ipv6header", "mh", "rt", "srh"];

const TARGETS: &[&str] = &[
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DNAT",
    "DSCP",
    "HMARK",
    "IDLETIMER",
    "LED",
    "LOG",
    "MARK",
    "MASQUERADE",
    "NFLOG",
    "NFQUEUE",
    "NOTRACK",
    "RATEEST",
    "REDIRECT",
    "SECMARK",
    "SET",
    "SNAT",
    "SYNPROXY",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TPROXY",
    "TRACE",
    "standard",
];

const TARGETS_INET: &[&str] = &["CLUSTERIP", "ECN", "NETMAP", "REJECT", "TTL", "ULOG"];

const TARGETS_INET6: &[&str] = &["DNPT", "HL", "NETMAP", "REJECT", "SNPT"];

/// Whether there is a match of this name.
pub(super) fn has_match(name: &str, family: AddressFamily) -> bool {
    let own = match family {
        AddressFamily::Inet => MATCHES_INET,
        AddressFamily::Inet6 => MATCHES_INET6,
    };
    MATCHES.contains(&name) || own.contains(&name)
}

/// Whether there is a target of this name, the standard ones among them.
pub(super) fn has_target(name: &str, family: AddressFamily) -> bool {
    let own = match family {
        AddressFamily::Inet => TARGETS_INET,
        AddressFamily::Inet6 => TARGETS_INET6,
    };
    is_standard(name) || TARGETS.contains(&name) || own.contains(&name)
}

/// Whether it is a target that every table has, or none.
pub(super) fn is_standard(name: &str) -> bool {
    name.is_empty() || is_verdict(name)
}

/// Whether it is a target that every table has.
pub(super) fn is_verdict(name: &str) -> bool {
    matches!(name, "ACCEPT" | "DROP" | "QUEUE" | "RETURN")
}

//! The protocol numbers of the IPv4 protocol field and the IPv6 next header field.

use core::fmt;

/// An IP protocol number (IANA "Protocol Numbers").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpProto(pub u8);

impl IpProto {
    /// IPv6 hop-by-hop options (RFC 8200), and the number 0 in IPv4.
    pub const HOPOPTS: Self = Self(0);
    /// ICMP (RFC 792).
    pub const ICMP: Self = Self(1);
    /// IGMP (RFC 3376).
    pub const IGMP: Self = Self(2);
    /// IPv4 in IP (RFC 2003), `IPPROTO_IPIP`.
    pub const IPIP: Self = Self(4);
    /// TCP (RFC 9293).
    pub const TCP: Self = Self(6);
    /// UDP (RFC 768).
    pub const UDP: Self = Self(17);
    /// DCCP (RFC 4340).
    pub const DCCP: Self = Self(33);
    /// IPv6 in IP (RFC 2473).
    pub const IPV6: Self = Self(41);
    /// The IPv6 routing header (RFC 8200).
    pub const ROUTING: Self = Self(43);
    /// The IPv6 fragment header (RFC 8200).
    pub const FRAGMENT: Self = Self(44);
    /// GRE (RFC 2784).
    pub const GRE: Self = Self(47);
    /// ESP (RFC 4303).
    pub const ESP: Self = Self(50);
    /// AH (RFC 4302).
    pub const AH: Self = Self(51);
    /// ICMPv6 (RFC 4443).
    pub const ICMPV6: Self = Self(58);
    /// No next header in IPv6 (RFC 8200).
    pub const NONE: Self = Self(59);
    /// IPv6 destination options (RFC 8200).
    pub const DSTOPTS: Self = Self(60);
    /// OSPF (RFC 2328).
    pub const OSPF: Self = Self(89);
    /// PIM (RFC 7761).
    pub const PIM: Self = Self(103);
    /// VRRP (RFC 5798).
    pub const VRRP: Self = Self(112);
    /// SCTP (RFC 9260).
    pub const SCTP: Self = Self(132);
    /// The IPv6 mobility header (RFC 6275).
    pub const MH: Self = Self(135);
    /// UDP-Lite (RFC 3828).
    pub const UDPLITE: Self = Self(136);
    /// What a raw socket that sends whole packets asks for, `IPPROTO_RAW`.
    pub const RAW: Self = Self(255);
}

impl fmt::Display for IpProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<u8> for IpProto {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

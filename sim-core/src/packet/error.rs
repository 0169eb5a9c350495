//! Why bytes are not the header that they were taken for.

use thiserror::Error;

/// The header that a parse was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The 14 bytes of Ethernet II.
    Ethernet,
    /// One 802.1Q or 802.1ad tag.
    Vlan,
    /// ARP for Ethernet and IPv4 (RFC 826).
    Arp,
    /// IPv4 (RFC 791), options included.
    Ipv4,
    /// IPv6 (RFC 8200), the fixed header.
    Ipv6,
    /// One IPv6 extension header (RFC 8200, section 4).
    Ipv6Extension,
    /// ICMP (RFC 792) or ICMPv6 (RFC 4443).
    Icmp,
    /// UDP (RFC 768).
    Udp,
    /// TCP (RFC 9293), options included.
    Tcp,
    /// VXLAN (RFC 7348).
    Vxlan,
}

impl Layer {
    /// Returns the name that messages use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "Ethernet",
            Self::Vlan => "VLAN",
            Self::Arp => "ARP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Ipv6Extension => "IPv6 extension",
            Self::Icmp => "ICMP",
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Vxlan => "VXLAN",
        }
    }
}

/// A structural error: the bytes cannot hold the header at all.
///
/// Wrong checksums, odd flags and lengths that exceed the packet are not structural: the receiver judges those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The bytes end before the header does.
    #[error("{} header cut short: {needed} bytes needed, {got} there", layer.name())]
    Truncated {
        /// The header that was read.
        layer: Layer,
        /// How many bytes the header takes.
        needed: usize,
        /// How many bytes there were.
        got: usize,
    },
    /// A field that says what the header is, such as the IP version or the ARP address lengths, says something else.
    #[error("{} header has {field} {value}", layer.name())]
    Malformed {
        /// The header that was read.
        layer: Layer,
        /// The field, by the name that the RFC gives it.
        field: &'static str,
        /// The value found in it.
        value: u32,
    },
}

impl ParseError {
    /// Builds the error for bytes that end too early.
    #[must_use]
    pub(crate) const fn truncated(layer: Layer, needed: usize, got: usize) -> Self {
        Self::Truncated { layer, needed, got }
    }

    /// Returns the header that the error is about.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        match *self {
            Self::Truncated { layer, .. } | Self::Malformed { layer, .. } => layer,
        }
    }
}

//! ARP for Ethernet and IPv4 (RFC 826, `struct arphdr` and what `arp_process()` reads after it).

use core::fmt;
use core::net::Ipv4Addr;

use etherparse::ArpPacketSlice;

use super::error::{Layer, ParseError};
use super::ethernet::{EtherType, MacAddr};

/// Length of an ARP packet for Ethernet and IPv4, in bytes.
pub const ARP_LEN: usize = 28;
/// Length of the part of the header that all address types share, in bytes (`sizeof(struct arphdr)`).
pub const ARP_HLEN: usize = 8;
/// The hardware type of Ethernet (`ARPHRD_ETHER`).
pub const ARPHRD_ETHER: u16 = 1;

/// The operation of an ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArpOp(pub u16);

impl ArpOp {
    /// Who has this address (`ARPOP_REQUEST`).
    pub const REQUEST: Self = Self(1);
    /// I have it (`ARPOP_REPLY`).
    pub const REPLY: Self = Self(2);
    /// Reverse ARP request (RFC 903).
    pub const RREQUEST: Self = Self(3);
    /// Reverse ARP reply (RFC 903).
    pub const RREPLY: Self = Self(4);
}

impl fmt::Display for ArpOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::REQUEST => f.write_str("request"),
            Self::REPLY => f.write_str("reply"),
            Self(other) => fmt::Display::fmt(&other, f),
        }
    }
}

/// An ARP packet whose addresses are those of Ethernet and IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp<'a> {
    bytes: &'a [u8; ARP_LEN],
}

impl<'a> Arp<'a> {
    /// Reads the packet at the start of `bytes`, which may be padded.
    ///
    /// The hardware type is not judged: `arp_process()` compares it with the device's.
    ///
    /// # Errors
    /// Fewer bytes than the address lengths ask for, or lengths or a protocol that are not Ethernet and IPv4.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let any = ArpPacketSlice::from_slice(bytes)
            .map_err(|error| ParseError::truncated(Layer::Arp, error.required_len, bytes.len()))?;
        let malformed =
            |field, value| Err(ParseError::Malformed { layer: Layer::Arp, field, value });
        if any.proto_addr_type().0 != EtherType::IPV4.0 {
            return malformed("protocol type", u32::from(any.proto_addr_type().0));
        }
        if any.hw_addr_size() != 6 {
            return malformed("hardware address length", u32::from(any.hw_addr_size()));
        }
        if any.proto_addr_size() != 4 {
            return malformed("protocol address length", u32::from(any.proto_addr_size()));
        }
        match bytes.first_chunk() {
            Some(bytes) => Ok(Self { bytes }),
            None => Err(ParseError::truncated(Layer::Arp, ARP_LEN, bytes.len())),
        }
    }

    /// Returns the hardware type, 1 for Ethernet (`ar_hrd`).
    #[must_use]
    pub const fn hardware_type(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    /// Returns the operation (`ar_op`).
    #[must_use]
    pub const fn op(&self) -> ArpOp {
        ArpOp(u16::from_be_bytes([self.bytes[6], self.bytes[7]]))
    }

    /// Returns the sender's Ethernet address.
    #[must_use]
    pub const fn sha(&self) -> MacAddr {
        let b = self.bytes;
        MacAddr([b[8], b[9], b[10], b[11], b[12], b[13]])
    }

    /// Returns the sender's IPv4 address.
    #[must_use]
    pub const fn sip(&self) -> Ipv4Addr {
        let b = self.bytes;
        Ipv4Addr::new(b[14], b[15], b[16], b[17])
    }

    /// Returns the target's Ethernet address, zero in most requests.
    #[must_use]
    pub const fn tha(&self) -> MacAddr {
        let b = self.bytes;
        MacAddr([b[18], b[19], b[20], b[21], b[22], b[23]])
    }

    /// Returns the target's IPv4 address.
    #[must_use]
    pub const fn tip(&self) -> Ipv4Addr {
        let b = self.bytes;
        Ipv4Addr::new(b[24], b[25], b[26], b[27])
    }

    /// Returns whether the packet announces its sender: the target address is the sender's.
    #[must_use]
    pub fn is_gratuitous(&self) -> bool {
        self.sip() == self.tip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request seen on a veth pair: 10.0.0.1 (02:00:00:00:00:01) asks for 10.0.0.2.
    const REQUEST: [u8; ARP_LEN] =
        [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

    #[test]
    fn a_request_is_read() {
        let arp = Arp::parse(&REQUEST).expect("whole");
        assert_eq!((arp.hardware_type(), arp.op()), (ARPHRD_ETHER, ArpOp::REQUEST));
        assert_eq!(
            (arp.sha(), arp.sip()),
            (MacAddr([2, 0, 0, 0, 0, 1]), Ipv4Addr::new(10, 0, 0, 1))
        );
        assert_eq!((arp.tha(), arp.tip()), (MacAddr::ZERO, Ipv4Addr::new(10, 0, 0, 2)));
        assert!(!arp.is_gratuitous());
    }

    #[test]
    fn other_addresses_and_short_packets_are_refused() {
        assert_eq!(Arp::parse(&REQUEST[..27]), Err(ParseError::truncated(Layer::Arp, 28, 27)));
        assert_eq!(Arp::parse(&REQUEST[..7]), Err(ParseError::truncated(Layer::Arp, 8, 7)));
        let mut other = REQUEST;
        other[5] = 16;
        let needed = ParseError::truncated(Layer::Arp, 52, 28);
        assert_eq!(Arp::parse(&other), Err(needed));
        other[5] = 2;
        let error = Arp::parse(&other).expect_err("two bytes of address");
        assert_eq!(error.to_string(), "ARP header has protocol address length 2");
    }
}

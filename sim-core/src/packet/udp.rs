//! The UDP header (RFC 768, `struct udphdr`).

use core::net::{Ipv4Addr, Ipv6Addr};

use etherparse::UdpHeaderSlice;

use super::checksum;
use super::error::{Layer, ParseError};
use super::ip_proto::IpProto;

/// Length of the UDP header in bytes.
pub const UDP_HLEN: usize = 8;

/// A UDP datagram.
#[derive(Clone, Debug)]
pub struct Udp<'a> {
    header: UdpHeaderSlice<'a>,
    bytes: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Reads the datagram at the start of `bytes`, which are the payload of the IP packet.
    ///
    /// # Errors
    /// Fewer than 8 bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match UdpHeaderSlice::from_slice(bytes) {
            Ok(header) => Ok(Self { header, bytes }),
            Err(_) => Err(ParseError::truncated(Layer::Udp, UDP_HLEN, bytes.len())),
        }
    }

    /// Returns the source port.
    #[must_use]
    #[inline]
    pub fn src_port(&self) -> u16 {
        self.header.source_port()
    }

    /// Returns the destination port.
    #[must_use]
    #[inline]
    pub fn dst_port(&self) -> u16 {
        self.header.destination_port()
    }

    /// Returns the length field: header and data in bytes.
    #[must_use]
    #[inline]
    pub fn length(&self) -> usize {
        usize::from(self.header.length())
    }

    /// Returns the checksum, 0 for none.
    #[must_use]
    #[inline]
    pub fn checksum(&self) -> u16 {
        self.header.checksum()
    }

    /// Returns header and data up to the length field or the end of the bytes, whichever comes first.
    #[must_use]
    #[inline]
    pub fn segment(&self) -> &'a [u8] {
        self.bytes.get(..self.length()).unwrap_or(self.bytes)
    }

    /// Returns the data.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.segment().get(UDP_HLEN..).unwrap_or_default()
    }

    /// Returns whether the checksum is right, or absent.
    #[must_use]
    pub fn checksum_ok(&self, src: Ipv4Addr, dst: Ipv4Addr) -> bool {
        self.checksum() == 0
            || checksum::csum_tcpudp_magic(src, dst, IpProto::UDP, self.segment()) == 0
    }

    /// Returns whether the checksum is right over IPv6, where it must not be absent.
    #[must_use]
    pub fn checksum_ok_v6(&self, src: Ipv6Addr, dst: Ipv6Addr) -> bool {
        self.checksum() != 0
            && checksum::csum_ipv6_magic(src, dst, IpProto::UDP, self.segment()) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_field_bounds_the_data_and_a_long_one_does_not() {
        let mut bytes = [0x9c, 0x40, 0, 53, 0, 10, 0, 0, 1, 2, 3];
        let udp = Udp::parse(&bytes).expect("whole");
        assert_eq!((udp.src_port(), udp.dst_port(), udp.length()), (40000, 53, 10));
        assert_eq!(udp.payload(), [1, 2]);
        bytes[5] = 99;
        assert_eq!(Udp::parse(&bytes).expect("whole").payload(), [1, 2, 3]);
        bytes[5] = 3;
        assert_eq!(Udp::parse(&bytes).expect("whole").payload(), [0_u8; 0]);
        assert!(Udp::parse(&bytes[..7]).is_err());
    }

    #[test]
    fn a_checksum_of_0_is_none_over_ipv4_and_wrong_over_ipv6() {
        let bytes = [0x9c, 0x40, 0, 53, 0, 8, 0, 0];
        let udp = Udp::parse(&bytes).expect("whole");
        assert!(udp.checksum_ok(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST));
        assert!(!udp.checksum_ok_v6(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST));
    }
}

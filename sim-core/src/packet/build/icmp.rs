//! ICMP headers and what errors quote.

use super::{copy_front, set_u16};
use crate::packet::checksum;
use crate::packet::icmp::{ICMP_HLEN, IcmpType};
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::skb::Skb;

/// The length that an ICMP error must not exceed, in bytes (RFC 1812, section 4.3.2.3).
pub const ICMP_QUOTE_MTU: usize = 576;

/// The header of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpParams {
    /// The type.
    pub icmp_type: IcmpType,
    /// The code.
    pub code: u8,
    /// The last four bytes, whose meaning is the type's.
    pub rest_of_header: u32,
}

impl IcmpParams {
    /// Describes an echo request.
    #[must_use]
    pub const fn echo(id: u16, sequence: u16) -> Self {
        Self { icmp_type: IcmpType::ECHO, code: 0, rest_of_header: query(id, sequence) }
    }

    /// Describes an echo reply.
    #[must_use]
    pub const fn echo_reply(id: u16, sequence: u16) -> Self {
        Self { icmp_type: IcmpType::ECHO_REPLY, code: 0, rest_of_header: query(id, sequence) }
    }

    /// Describes an error: `info` is an MTU, a gateway or a pointer shifted to the first byte, as in
    /// `icmp_send()`.
    #[must_use]
    pub const fn error(icmp_type: IcmpType, code: u8, info: u32) -> Self {
        Self { icmp_type, code, rest_of_header: info }
    }
}

const fn query(id: u16, sequence: u16) -> u32 {
    (id as u32) << 16 | sequence as u32
}

/// Pushes an ICMP header in front of the data (`icmp_glue_bits()`, `icmp_push_reply()`).
pub fn push_icmp(skb: &mut Skb, params: &IcmpParams) {
    let [a, b, c, d] = params.rest_of_header.to_be_bytes();
    copy_front(skb.push(ICMP_HLEN), &[params.icmp_type.0, params.code, 0, 0, a, b, c, d]);
    let check = checksum::ip_compute_csum(skb.data());
    set_u16(skb.data_mut(), 2, check);
    skb.reset_transport_header();
}

/// Returns the part of an offending datagram that an error quotes (`icmp_send()`).
///
/// As much as fits into `mtu` bytes, and into [`ICMP_QUOTE_MTU`], behind the IPv4 header with
/// `optlen` bytes of options and the ICMP header.
#[must_use]
pub fn icmp_quote(datagram: &[u8], mtu: usize, optlen: usize) -> &[u8] {
    let room = mtu.min(ICMP_QUOTE_MTU).saturating_sub(IPV4_HLEN + optlen + ICMP_HLEN);
    datagram.get(..room).unwrap_or(datagram)
}

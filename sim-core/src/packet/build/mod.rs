//! Headers written in front of what a buffer holds.
//!
//! Output prepends: the payload is put first, then each layer pushes its header, as the stack does.
//! Every `push_*` leaves the data at the header that it wrote, points the buffer's header offset of
//! that layer there, and computes the checksum that the header has. etherparse writes the fixed
//! headers.

mod icmp;
mod ip;
mod link;
mod tcp;
mod udp;

use core::net::{Ipv4Addr, Ipv6Addr};

pub use icmp::{ICMP_QUOTE_MTU, IcmpParams, icmp_quote, push_icmp};
pub use ip::{Ipv4Params, Ipv6Params, push_ipv4, push_ipv6};
pub use link::{
    ArpParams, SLL2_HLEN, Sll2Params, push_ethernet, push_sll2, push_vlan, push_vxlan, put_arp,
};
pub use tcp::{TcpOptionBytes, TcpOptionParams, TcpParams, push_tcp};
pub use udp::{UdpParams, push_udp};

use super::checksum;
use super::ip_proto::IpProto;

/// The addresses that a transport checksum covers beside the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PseudoHeader {
    /// Over IPv4.
    V4 {
        /// The source address.
        src: Ipv4Addr,
        /// The destination address.
        dst: Ipv4Addr,
    },
    /// Over IPv6.
    V6 {
        /// The source address.
        src: Ipv6Addr,
        /// The final destination.
        dst: Ipv6Addr,
    },
}

impl PseudoHeader {
    /// Returns the sum of the pseudo header of a segment of `len` bytes, not folded.
    #[must_use]
    pub fn sum(self, proto: IpProto, len: usize) -> u32 {
        match self {
            Self::V4 { src, dst } => checksum::pseudo_v4(src, dst, proto, len),
            Self::V6 { src, dst } => checksum::pseudo_v6(src, dst, proto, len),
        }
    }
}

/// How much of a transport checksum is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumMode {
    /// All of it.
    #[default]
    Complete,
    /// The pseudo header alone, for the device to complete (`CHECKSUM_PARTIAL`). On a link between
    /// two Linux namespaces nobody does, so this is what a capture shows there.
    Partial,
    /// None: the field stays 0, which UDP over IPv4 takes as such (`SO_NO_CHECK`).
    None,
}

impl ChecksumMode {
    /// Returns the checksum field of a segment in which that field is 0.
    fn compute(self, pseudo: PseudoHeader, proto: IpProto, segment: &[u8]) -> u16 {
        let sum = pseudo.sum(proto, segment.len());
        match self {
            Self::Complete => checksum::csum_fold(checksum::csum_partial(segment, sum)),
            Self::Partial => checksum::fold_sum(sum),
            Self::None => 0,
        }
    }
}

/// Copies a header into the front of a segment, as far as both go.
#[inline]
fn copy_front(to: &mut [u8], header: &[u8]) {
    let len = to.len().min(header.len());
    to[..len].copy_from_slice(&header[..len]);
}

/// Writes a 16-bit field.
#[inline]
fn set_u16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *field = value.to_be_bytes();
    }
}

#[cfg(test)]
mod tests;

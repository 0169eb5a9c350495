//! UDP headers.

use etherparse::UdpHeader;

use super::{ChecksumMode, PseudoHeader, copy_front, set_u16};
use crate::packet::checksum::udp_nonzero;
use crate::packet::ip_proto::IpProto;
use crate::packet::skb::Skb;
use crate::packet::udp::UDP_HLEN;

/// The fields of a UDP header that its data do not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpParams {
    /// The source port.
    pub src_port: u16,
    /// The destination port.
    pub dst_port: u16,
    /// How much of the checksum is computed.
    pub checksum: ChecksumMode,
}

/// Pushes a UDP header (`udp_send_skb()`, `udp_tunnel_xmit_skb()`).
///
/// A length that 16 bits cannot say is 0.
pub fn push_udp(skb: &mut Skb, params: &UdpParams, pseudo: PseudoHeader) {
    let header = UdpHeader {
        source_port: params.src_port,
        destination_port: params.dst_port,
        length: u16::try_from(skb.len() + UDP_HLEN).unwrap_or(0),
        checksum: 0,
    };
    copy_front(skb.push(UDP_HLEN), &header.to_bytes());
    let check = params.checksum.compute(pseudo, IpProto::UDP, skb.data());
    let check = match params.checksum {
        ChecksumMode::Complete => udp_nonzero(check),
        ChecksumMode::Partial | ChecksumMode::None => check,
    };
    set_u16(skb.data_mut(), 6, check);
    skb.reset_transport_header();
}

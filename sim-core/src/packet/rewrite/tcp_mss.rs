//! The MSS option of TCP (`net/netfilter/xt_TCPMSS.c`).

use pnet_packet::ipv4::MutableIpv4Packet;
use pnet_packet::tcp::MutableTcpPacket;

use super::transport;
use crate::packet::checksum::{csum_replace2, csum_replace4, inet_proto_csum_replace2};
use crate::packet::ip_proto::IpProto;
use crate::packet::ipv4::Ipv4;
use crate::packet::skb::Skb;
use crate::packet::tcp::{TCP_HLEN, TCP_HLEN_MAX, Tcp};
use crate::packet::tcp_options::{TCPOPT_MSS, TCPOPT_NOP};

/// Length of the MSS option in bytes.
const TCPOLEN_MSS: usize = 4;

/// Returns where in the TCP header the MSS is, the way `tcpmss_mangle_packet()` looks for it: over an
/// option with a length of 0 or 1 it goes on bytewise, and it does not stop at the end of the list.
fn find(header: &[u8]) -> Option<usize> {
    let mut at = TCP_HLEN;
    while at + TCPOLEN_MSS <= header.len() {
        let kind = *header.get(at)?;
        let len = usize::from(*header.get(at + 1)?);
        if kind == TCPOPT_MSS && len == TCPOLEN_MSS {
            return Some(at + 2);
        }
        at += if kind <= TCPOPT_NOP || len == 0 { 1 } else { len };
    }
    None
}

/// Returns the MSS that an IPv4 TCP packet announces, in bytes.
#[must_use]
pub fn tcp_mss(packet: &[u8]) -> Option<u16> {
    let ip = Ipv4::parse(packet).ok()?;
    if ip.proto() != IpProto::TCP || ip.frag_offset() != 0 {
        return None;
    }
    let tcp = Tcp::parse(ip.payload()).ok()?;
    let header = ip.payload().get(..tcp.header_len())?;
    header.get(find(header)?..)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// Sets the MSS in the option that an IPv4 TCP packet has, and returns the one before.
///
/// An option at an odd offset gets the wrong checksum that Linux gives it.
pub fn set_tcp_mss(packet: &mut [u8], mss: u16) -> Option<u16> {
    let old = tcp_mss(packet)?;
    let (_, transport) = transport::split(packet)?;
    let len = Tcp::parse(transport).ok()?.header_len();
    let at = find(transport.get(..len)?)?;
    *transport.get_mut(at..)?.first_chunk_mut()? = mss.to_be_bytes();
    let mut tcp = MutableTcpPacket::new(transport)?;
    tcp.set_checksum(inet_proto_csum_replace2(tcp.get_checksum(), old, mss));
    Some(old)
}

/// Adds an MSS option, as the first one, to the IPv4 TCP packet at the network header.
///
/// Returns whether it was added: not to a packet with data, or with a header that has no room left.
/// Linux calls it for a SYN without the option, and limits the MSS to 536 then.
pub fn insert_tcp_mss(skb: &mut Skb, mss: u16) -> bool {
    let Ok(ip) = Ipv4::parse(skb.network_header()) else { return false };
    let Ok(tcp) = Tcp::parse(ip.payload()) else { return false };
    let (ip_len, len, total_len) = (ip.header_len(), tcp.header_len(), ip.total_len());
    let whole = skb.network_header().len() == total_len && ip.payload().len() == len;
    if ip.proto() != IpProto::TCP || ip.frag_offset() != 0 || !whole || len == TCP_HLEN_MAX {
        return false;
    }
    skb.put_zero(TCPOLEN_MSS);
    let packet = skb.network_header_mut();
    let start = ip_len + TCP_HLEN;
    packet.copy_within(start..ip_len + len, start + TCPOLEN_MSS);
    let [high, low] = mss.to_be_bytes();
    let option = [TCPOPT_MSS, 4, high, low];
    if let Some(to) = packet.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *to = option;
    }
    lengthen_tcp(packet.get_mut(ip_len..).unwrap_or_default(), len, option);
    lengthen_ipv4(packet);
    true
}

/// Says in the TCP header that it is one word longer than `len`, and patches its checksum.
fn lengthen_tcp(transport: &mut [u8], len: usize, option: [u8; TCPOLEN_MSS]) {
    let Some(mut tcp) = MutableTcpPacket::new(transport) else { return };
    let short = |len: usize| u16::try_from(len).unwrap_or(0);
    let words = tcp.get_data_offset();
    let check = tcp.get_checksum();
    let check = inet_proto_csum_replace2(check, short(len), short(len + TCPOLEN_MSS));
    let check = csum_replace4(check, 0, u32::from_be_bytes(option));
    let check = inet_proto_csum_replace2(check, u16::from(words) << 12, u16::from(words + 1) << 12);
    tcp.set_checksum(check);
    tcp.set_data_offset(words + 1);
}

/// Says in the IPv4 header that the packet is one word longer, and patches its checksum.
fn lengthen_ipv4(packet: &mut [u8]) {
    let Some(mut ip) = MutableIpv4Packet::new(packet) else { return };
    let old = ip.get_total_length();
    let new = old.saturating_add(4);
    ip.set_checksum(csum_replace2(ip.get_checksum(), old, new));
    ip.set_total_length(new);
}

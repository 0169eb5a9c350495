//! IPv4 and IPv6 headers.

use core::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, Ipv6FlowLabel, Ipv6Header};

use super::copy_front;
use crate::packet::checksum;
use crate::packet::ethernet::EtherType;
use crate::packet::ip_proto::IpProto;
use crate::packet::ipv4::{IP_DF, IP_MF, IP_OFFSET, IPDEFTTL, IPV4_HLEN};
use crate::packet::ipv4_options::MAX_IPOPTLEN;
use crate::packet::ipv6::IPV6_HLEN;
use crate::packet::skb::Skb;

/// The fields of an IPv4 header that its data do not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Params<'a> {
    /// The source address.
    pub src: Ipv4Addr,
    /// The destination address.
    pub dst: Ipv4Addr,
    /// The protocol of the data.
    pub proto: IpProto,
    /// Time to live, [`IPDEFTTL`] by default.
    pub ttl: u8,
    /// DSCP and ECN.
    pub tos: u8,
    /// Identification.
    pub id: u16,
    /// The don't-fragment flag.
    pub df: bool,
    /// The more-fragments flag.
    pub mf: bool,
    /// The fragment offset in bytes, of which multiples of 8 below 65536 can be said.
    pub frag_offset: usize,
    /// Options: padded with zeros to a multiple of 4 bytes, and cut at 40.
    pub options: &'a [u8],
}

impl Ipv4Params<'_> {
    /// Describes a whole datagram with the default TTL, TOS 0, id 0 and no options.
    #[must_use]
    pub const fn new(src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto) -> Self {
        Self {
            src,
            dst,
            proto,
            ttl: IPDEFTTL,
            tos: 0,
            id: 0,
            df: false,
            mf: false,
            frag_offset: 0,
            options: &[],
        }
    }

    /// Returns the fragment word.
    fn frag_word(&self) -> u16 {
        let offset = u16::try_from(self.frag_offset / 8).unwrap_or(IP_OFFSET) & IP_OFFSET;
        offset | if self.df { IP_DF } else { 0 } | if self.mf { IP_MF } else { 0 }
    }
}

/// Pushes an IPv4 header (`ip_build_and_send_pkt()`, `iptunnel_xmit()`).
///
/// The total length of what cannot be one datagram, above 65535 bytes, is 0, as `iph_set_totlen()`
/// has it.
pub fn push_ipv4(skb: &mut Skb, params: &Ipv4Params<'_>) {
    let options = params.options.get(..MAX_IPOPTLEN).unwrap_or(params.options);
    let header_len = IPV4_HLEN + options.len().next_multiple_of(4);
    let total_len = u16::try_from(skb.len() + header_len).unwrap_or(0);
    let [len_high, len_low] = total_len.to_be_bytes();
    let [id_high, id_low] = params.id.to_be_bytes();
    let [frag_high, frag_low] = params.frag_word().to_be_bytes();
    let [s0, s1, s2, s3] = params.src.octets();
    let [d0, d1, d2, d3] = params.dst.octets();
    let ihl = u8::try_from(header_len / 4).unwrap_or(15);
    let fixed: [u8; IPV4_HLEN] = [
        0x40 | ihl,
        params.tos,
        len_high,
        len_low,
        id_high,
        id_low,
        frag_high,
        frag_low,
        params.ttl,
        params.proto.0,
        0,
        0,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ];
    let header = skb.push(header_len);
    let (front, back) = header.split_at_mut(IPV4_HLEN.min(header.len()));
    copy_front(front, &fixed);
    back.fill(0);
    copy_front(back, options);
    let check = checksum::ip_fast_csum(header);
    super::set_u16(header, 10, check);
    skb.reset_network_header();
    skb.meta.protocol = EtherType::IPV4;
}

/// The fields of an IPv6 header that its data do not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Params {
    /// The source address.
    pub src: Ipv6Addr,
    /// The destination address.
    pub dst: Ipv6Addr,
    /// The type of the next header.
    pub next_header: IpProto,
    /// Hop limit.
    pub hop_limit: u8,
    /// Traffic class.
    pub traffic_class: u8,
    /// Flow label, of which 20 bits count.
    pub flow_label: u32,
}

impl Ipv6Params {
    /// Describes a packet with hop limit 64 and no traffic class or flow label.
    #[must_use]
    pub const fn new(src: Ipv6Addr, dst: Ipv6Addr, next_header: IpProto) -> Self {
        Self { src, dst, next_header, hop_limit: IPDEFTTL, traffic_class: 0, flow_label: 0 }
    }
}

/// Pushes an IPv6 header (`ip6_xmit()`); the payload length of more than 65535 bytes is 0.
pub fn push_ipv6(skb: &mut Skb, params: &Ipv6Params) {
    let header = Ipv6Header {
        traffic_class: params.traffic_class,
        flow_label: Ipv6FlowLabel::try_new(params.flow_label & 0x000f_ffff).unwrap_or_default(),
        payload_length: u16::try_from(skb.len()).unwrap_or(0),
        next_header: IpNumber(params.next_header.0),
        hop_limit: params.hop_limit,
        source: params.src.octets(),
        destination: params.dst.octets(),
    };
    copy_front(skb.push(IPV6_HLEN), &header.to_bytes());
    skb.reset_network_header();
    skb.meta.protocol = EtherType::IPV6;
}

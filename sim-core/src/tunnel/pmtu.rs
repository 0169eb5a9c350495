//! Packets that are too large for a tunnel's way (`skb_tunnel_check_pmtu()`).

use crate::kernel::{Flight, Kernel};
use crate::packet::build::{IcmpParams, Ipv4Params, push_ethernet, push_icmp, push_ipv4};
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::icmp::{ICMP_HLEN, unreach};
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{EtherType, Ethernet, Icmp, IcmpType, IpProto, Ipv4, Skb};
use crate::route::FlowKey;
use crate::route::exception::update_pmtu;

/// The smallest MTU that a bridged sender is told of, and the length of what it is told.
const LEAST: usize = 576;

/// Lets the inner packet's route know how large packets may be (`skb_dst_update_pmtu_no_confirm()`).
/// The packet is at the front of `inner`.
pub(super) fn learn(k: &mut Kernel, f: &Flight, inner: &[u8], mtu: u32) {
    if f.dst.is_none() {
        return;
    }
    let Ok(ip) = Ipv4::parse(inner) else { return };
    let flow = FlowKey {
        tos: ip.tos(),
        proto: ip.proto().0,
        any_src: true,
        ..FlowKey::between(ip.src(), ip.dst())
    };
    update_pmtu(k, f.netns, &flow, mtu);
}

/// Turns a bridged frame into what its destination's router would have answered: that it needs to be
/// fragmented (`iptunnel_pmtud_build_icmp()`). False if nothing is answered. The data starts at the
/// link header.
pub(super) fn answer(skb: &mut Skb, mtu: u32) -> bool {
    let Some((eth, ip)) = answerable(skb.data(), mtu) else { return false };
    if skb.pull(ETH_HLEN).is_none() {
        return false;
    }
    skb.trim(LEAST - IPV4_HLEN - ICMP_HLEN);
    push_icmp(skb, &IcmpParams::error(IcmpType::DEST_UNREACH, unreach::FRAG_NEEDED, mtu & 0xffff));
    push_ipv4(skb, &ip);
    push_ethernet(skb, eth.0, eth.1, EtherType::IPV4);
    true
}

type EthernetPair = (crate::packet::MacAddr, crate::packet::MacAddr);

/// The headers of the answer to a frame, if it is one that gets an answer
/// (`iptunnel_pmtud_check_icmp()`).
fn answerable(frame: &[u8], mtu: u32) -> Option<(EthernetPair, Ipv4Params<'static>)> {
    let eth = Ethernet::parse(frame).ok().filter(|eth| eth.ether_type() == EtherType::IPV4)?;
    let ip = Ipv4::parse(eth.payload()).ok()?;
    let (src, dst) = (ip.src(), ip.dst());
    let group = |addr: std::net::Ipv4Addr| addr.is_broadcast() || addr.is_multicast();
    let about_error = ip.proto() == IpProto::ICMP
        && Icmp::parse(ip.payload()).is_ok_and(|icmp| icmp.icmp_type().is_error());
    let silent = (mtu as usize) < LEAST
        || !ip.df()
        || ip.is_fragment()
        || group(src)
        || group(dst)
        || src.octets()[0] == 0
        || src.is_loopback()
        || about_error;
    (!silent).then(|| {
        let params =
            Ipv4Params { ttl: ip.ttl(), df: true, ..Ipv4Params::new(dst, src, IpProto::ICMP) };
        ((eth.src(), eth.dst()), params)
    })
}

//! What errors teach about the ways of this host's packets: path MTUs and better routers
//! (`ipv4_update_pmtu()`, `ipv4_redirect()`).

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::kernel::{Flight, Kernel};
use crate::neigh;
use crate::packet::icmp::{ICMP_HLEN, unreach};
use crate::packet::{Icmp, IcmpType, Ipv4};
use crate::route::exception::{follow_redirect, may_redirect, update_pmtu};
use crate::route::{self, FlowKey};
use crate::trace::Observer;

/// Learns from an error about a packet that this host is known to have sent. The packet's data starts
/// at the ICMP header; `info` is the error's MTU or router.
pub fn learn<O: Observer>(k: &mut Kernel, f: &Flight, info: u32, o: &mut O) {
    let Ok(icmp) = Icmp::parse(f.skb.data()) else { return };
    let (icmp_type, code) = (icmp.icmp_type(), icmp.code());
    let Some(flow) = f.skb.data().get(ICMP_HLEN..).and_then(quoted_flow) else { return };
    if icmp_type == IcmpType::DEST_UNREACH && code == unreach::FRAG_NEEDED {
        update_pmtu(k, f.netns, &flow, info);
    } else if icmp_type == IcmpType::REDIRECT {
        redirect(k, f, &flow, Ipv4Addr::from_bits(info), o);
    }
}

/// The flow of the packet that an error quotes (`__build_flow_key()`).
fn quoted_flow(quoted: &[u8]) -> Option<FlowKey<V4>> {
    let ip = Ipv4::parse(quoted).ok()?;
    Some(FlowKey { tos: ip.tos(), proto: ip.proto().0, ..FlowKey::between(ip.src(), ip.dst()) })
}

/// Follows a redirect to `gateway` if that is believable and the gateway answers ARP; one that is not
/// known is only asked (`__ip_do_redirect()`).
fn redirect<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    flow: &FlowKey<V4>,
    gateway: Ipv4Addr,
    o: &mut O,
) {
    let Ok(sender) = Ipv4::parse(f.skb.network_header()).map(|ip| ip.src()) else { return };
    if !may_redirect(k, flow, f.dev, sender, gateway) {
        return;
    }
    let Ok(way) = route::output(k, f.netns, flow) else { return };
    if neigh::output::ask(k, way.dst.dev, gateway, o) {
        follow_redirect(k, f.netns, flow, gateway);
    }
}

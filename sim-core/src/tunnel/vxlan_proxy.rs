//! ARP that a VXLAN device answers itself (`arp_reduce()`).

use crate::kernel::{Flight, Kernel, Place};
use crate::link::DevFlags;
use crate::link::receive::read_header;
use crate::link::vxlan::device;
use crate::netns::stack;
use crate::packet::arp::ARPHRD_ETHER;
use crate::packet::build::{ArpParams, push_ethernet, put_arp};
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{Arp, ArpOp, EtherType, MacAddr};
use crate::trace::{Event, Observer, Origin};

/// Swallows an ARP packet; a request for a neighbour that the device knows is answered. The data
/// starts at the link header.
pub(super) fn arp_reduce<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) {
    stack::emit(k, f, o, |_| Event::Consumed { by: "vxlan arp proxy" });
    if let Some((asker, params)) = answer(k, f) {
        let mut skb = k.skb();
        put_arp(&mut skb, &params);
        push_ethernet(&mut skb, asker, params.sha, EtherType::ARP);
        let flow = k.new_flow();
        let mut reply = Flight::new(skb, Place::DeviceReceive, f.netns, f.dev, flow);
        let origin = Origin::Reply { to: f.flow, what: "arp reply" };
        stack::emit(k, &reply, o, |_| Event::Started { origin });
        read_header(&k.devs[f.dev], &mut reply);
        reply.skb.meta.pkt_type = crate::packet::PacketType::Host;
        k.netif_rx(reply);
    }
}

/// Who asks, and the answer.
fn answer(k: &Kernel, f: &Flight) -> Option<(MacAddr, ArpParams)> {
    let arp = Arp::parse(f.skb.data().get(ETH_HLEN..)?).ok()?;
    let device = &k.devs[f.dev];
    let tip = arp.tip();
    let quiet = device.flags.contains(DevFlags::NOARP)
        || arp.hardware_type() != ARPHRD_ETHER
        || arp.op() != ArpOp::REQUEST
        || tip.is_loopback()
        || tip.is_multicast();
    let neigh = k.netns[f.netns].arp.get(f.dev, tip).filter(|n| n.state.is_connected());
    let station = neigh.filter(|_| !quiet)?.lladdr;
    // A station without a remote end is on this side of the tunnel and answers itself.
    let here = device::of(k, f.dev)?
        .fdb
        .get(station)
        .and_then(|entry| entry.remotes.first())
        .is_some_and(|remote| remote.ip.is_unspecified());
    (!here).then(|| (arp.sha(), ArpParams::reply(station, tip, arp.sha(), arp.sip())))
}

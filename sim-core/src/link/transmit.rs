//! A device sends a frame (`dev_queue_xmit()` and the drivers' `ndo_start_xmit()`).

use crate::errno::Errno;
use crate::kernel::{Flight, Kernel, Place};
use crate::link::{DevKind, receive, veth};
use crate::netns::stack::Decision;
use crate::packet::PacketType;
use crate::trace::{Direction, DropReason, Observer};

/// Shows the frame to captures and hands it to the device. The packet's data starts at the link
/// header.
pub fn transmit<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    let dev = &k.devs[f.dev];
    if !dev.is_up() {
        k.send_error = Some(Errno::ENETDOWN);
        return Err(DropReason::DevReady);
    }
    if !dev.carrier {
        // Without carrier the queueing discipline is `noop`, which swallows without complaint.
        return Err(DropReason::QdiscDrop);
    }
    f.skb.meta.pkt_type = PacketType::Outgoing;
    f.skb.reset_mac_header();
    super::capture::tap(k, f, Direction::Out, o);
    match k.devs[f.dev].kind {
        DevKind::Loopback => {
            loop_back(k, f);
            Ok(None)
        }
        DevKind::Veth(end) => veth::transmit(k, f, end.peer).map(|()| None),
        DevKind::Bridge(_) => Ok(Some(Place::BridgeDeviceTransmit)),
    }
}

/// Receives the frame where it was sent (`loopback_xmit()`). It is still the same packet: it keeps
/// its route and its mark.
fn loop_back(k: &mut Kernel, f: &mut Flight) {
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let mut arrived = f.with_skb(skb);
    arrived.place = Place::DeviceReceive;
    arrived.iif = None;
    arrived.sk = None;
    let dev = &mut k.devs[f.dev];
    dev.stats.tx.count(arrived.skb.len());
    receive::eth_type_trans(dev, &mut arrived);
    k.netif_rx(arrived);
}

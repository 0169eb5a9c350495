//! A device sends a frame (`dev_queue_xmit()` and the drivers' `ndo_start_xmit()`).

use crate::id::DevId;
use crate::kernel::{Flight, Kernel, Place};
use crate::link::{DevKind, NetDevice};
use crate::netns::stack::Decision;
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{Ethernet, PacketType};
use crate::trace::{Direction, DropReason, Observer};

/// Shows the frame to captures and hands it to the device. The packet's data starts at the link
/// header.
pub fn transmit<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    let dev = &k.devs[f.dev];
    if !dev.is_up() {
        return Err(DropReason::DevReady);
    }
    f.skb.meta.pkt_type = PacketType::Outgoing;
    f.skb.reset_mac_header();
    super::capture::tap(k, f, Direction::Out, o);
    let len = f.skb.len();
    match k.devs[f.dev].kind {
        DevKind::Loopback => {
            k.devs[f.dev].stats.tx.count(len);
            cross(k, f, f.dev);
            Ok(None)
        }
        DevKind::Veth(veth) => {
            k.devs[f.dev].stats.tx.count(len);
            cross(k, f, veth.peer);
            Ok(None)
        }
        DevKind::Bridge(_) => Ok(Some(Place::BridgeReceive)),
    }
}

/// Moves the frame to the device `to`, where it will be received: only bytes cross a wire.
fn cross(k: &mut Kernel, f: &mut Flight, to: DevId) {
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let mut arrived = Flight::new(skb, Place::DeviceReceive, k.devs[to].netns, to, f.flow);
    receive_ethernet(&mut k.devs[to], &mut arrived);
    k.netif_rx(arrived);
}

/// Reads the Ethernet header: whose frame it is and of which protocol (`eth_type_trans()`).
/// Afterwards the data starts behind the header.
pub fn receive_ethernet(dev: &mut NetDevice, f: &mut Flight) {
    let len = f.skb.len();
    dev.stats.rx.count(len);
    f.skb.reset_mac_header();
    let Ok(header) = Ethernet::parse(f.skb.data()) else { return };
    let (to, ethertype) = (header.dst(), header.ether_type());
    if f.skb.pull(ETH_HLEN).is_none() {
        return;
    }
    f.skb.reset_network_header();
    f.skb.meta.protocol = ethertype;
    f.skb.meta.pkt_type = if to == dev.addr {
        PacketType::Host
    } else if to.is_broadcast() {
        PacketType::Broadcast
    } else if to.is_multicast() {
        PacketType::Multicast
    } else {
        PacketType::OtherHost
    };
}

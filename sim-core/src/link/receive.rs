//! A device has received a frame (`__netif_receive_skb_core()`).

use crate::kernel::{Flight, Kernel};
use crate::link::{NetDevice, RxHandler, macvlan};
use crate::netns::stack::Decision;
use crate::packet::ethernet::{ETH_HLEN, VLAN_HLEN, Vlan};
use crate::packet::{EtherType, Ethernet, PacketType};
use crate::socket::packet;
use crate::trace::{Direction, DropReason, Observer};

/// Who takes a received frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taker {
    /// The bridge that the device is a port of.
    Bridge,
    /// Another device of this host, which the flight is on now (`RX_HANDLER_ANOTHER`).
    Again,
    /// Whoever [`reassembled`] finds, once it is a whole datagram.
    Macvlans,
    /// ARP.
    Arp,
    /// IP.
    Ip,
    /// Packet sockets alone, which have their copies.
    PacketSocket,
}

/// Shows the frame to captures and finds who takes it. The packet's data starts behind the link
/// header, which stays in front of it.
pub fn receive<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Taker> {
    super::capture::tap(k, f, Direction::In, o);
    f.iif = Some(f.dev);
    f.skb.meta.tag_taken = is_tagged(f.skb.meta.protocol);
    match k.devs[f.dev].rx_handler {
        RxHandler::Bridge { .. } => Ok(Taker::Bridge),
        RxHandler::Macvlan if macvlan::wants_whole(f) => Ok(Taker::Macvlans),
        RxHandler::Macvlan => reassembled(k, f, o),
        RxHandler::None => to_protocol(k, f, o),
    }
}

/// Finds who takes a frame that a device with macvlan devices has received, and that is no fragment.
pub fn reassembled<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Taker> {
    match macvlan::receive(k, f) {
        macvlan::Takes::Upper => Ok(Taker::Again),
        macvlan::Takes::Lower => to_protocol(k, f, o),
    }
}

/// Finds the protocol that takes a frame which nothing on the link layer has taken
/// (`deliver_ptype_list_skb()`).
pub fn to_protocol<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Taker> {
    let tagged = is_tagged(f.skb.meta.protocol);
    if tagged {
        untag(f)?;
    }
    // Whoever saw the frame last is its taker, also one who sees all frames; a tag, or a receive handler
    // that let it pass, has cut that off (`pt_prev` in `__netif_receive_skb_core()`).
    let tapped = !tagged && k.devs[f.dev].rx_handler == RxHandler::None && packet::is_tapped(k, f);
    let seen = packet::receive(k, f, o) || tapped;
    match f.skb.meta.protocol {
        EtherType::ARP => Ok(Taker::Arp),
        EtherType::IPV4 => Ok(Taker::Ip),
        // IPv6 and LLC take these, and know nobody who wants them.
        EtherType::IPV6 if f.skb.meta.pkt_type == PacketType::OtherHost => {
            Err(DropReason::OtherHost)
        }
        EtherType::IPV6 => Err(DropReason::Ipv6Disabled),
        EtherType::IEEE_802_2 => Err(DropReason::NotSpecified),
        _ if seen => Ok(Taker::PacketSocket),
        _ => {
            k.devs[f.dev].stats.rx.dropped += 1;
            Err(DropReason::UnhandledProto)
        }
    }
}

/// Whether a frame of this type starts with a VLAN tag (`eth_type_vlan()`).
#[must_use]
pub const fn is_tagged(protocol: EtherType) -> bool {
    matches!(protocol, EtherType::VLAN | EtherType::QINQ)
}

/// The length of the packet as it is counted and compared with MTUs: without a tag that the kernel
/// keeps beside the packet.
#[must_use]
pub fn counted_len(f: &Flight) -> usize {
    let tag = if f.skb.meta.tag_taken { VLAN_HLEN } else { 0 };
    f.skb.len().saturating_sub(tag)
}

/// Takes an 802.1Q tag off. VLAN 0 only carries a priority; a frame of any other VLAN, of which this
/// host has no device, is somebody else's.
fn untag(f: &mut Flight) -> Decision<()> {
    let Ok(tag) = Vlan::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let (id, ether_type) = (tag.id(), tag.ether_type());
    f.skb.pull(VLAN_HLEN).ok_or(DropReason::NotSpecified)?;
    f.skb.reset_network_header();
    f.skb.meta.protocol = ether_type;
    if id != 0 {
        f.skb.meta.pkt_type = PacketType::OtherHost;
    }
    Ok(())
}

/// Counts the frame and reads its Ethernet header: whose frame it is and of which protocol
/// (`eth_type_trans()`). Afterwards the data starts behind the header.
pub fn eth_type_trans(dev: &mut NetDevice, f: &mut Flight) {
    dev.stats.rx.count(counted_len(f));
    read_header(dev, f);
}

/// Reads the Ethernet header as `dev` sees it, counting nothing.
pub fn read_header(dev: &NetDevice, f: &mut Flight) {
    f.skb.reset_mac_header();
    let Ok(header) = Ethernet::parse(f.skb.data()) else { return };
    let (to, ether_type) = (header.dst(), header.ether_type());
    let novell = header.payload().starts_with(&[0xff, 0xff]);
    if f.skb.pull(ETH_HLEN).is_none() {
        return;
    }
    f.skb.reset_network_header();
    f.skb.meta.protocol = match (ether_type.is_length(), novell) {
        (false, _) => ether_type,
        (true, true) => EtherType::IEEE_802_3,
        (true, false) => EtherType::IEEE_802_2,
    };
    f.skb.meta.pkt_type = if to == dev.addr {
        PacketType::Host
    } else if to == dev.broadcast {
        PacketType::Broadcast
    } else {
        to.packet_type(dev.addr)
    };
}

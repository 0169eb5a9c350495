//! Packet sockets (`packet(7)`, `net/packet/af_packet.c`): frames as devices see them.

use crate::errno::Errno;
use crate::id::{DevId, SocketId};
use crate::kernel::{Caller, Flight, Kernel, Place, SentBy};
use crate::link::filter;
use crate::netns::notifier::LinkEvent;
use crate::netns::stack;
use crate::packet::build::push_ethernet;
use crate::packet::ethernet::{ETH_HLEN, VLAN_HLEN};
use crate::packet::{EtherType, Ethernet, MacAddr, PacketType};
use crate::socket::{LinkInfo, MessageInfo, Protocol, Socket};
use crate::socket::{deliver, output};
use crate::trace::{Event, Observer, Origin};

/// What a packet socket adds.
#[derive(Clone, Debug)]
pub struct PacketSock {
    /// The EtherType of the frames it receives: one, [`EtherType::ALL`], or 0 for none.
    pub protocol: EtherType,
    /// Whether it leaves out the link header (`SOCK_DGRAM`).
    pub cooked: bool,
    /// The device it is bound to; all of the namespace if none.
    pub dev: Option<DevId>,
    /// Whether the device it was bound to is gone.
    pub gone: bool,
    /// The devices that it keeps in promiscuous mode (`PACKET_ADD_MEMBERSHIP`).
    pub promiscuous: Vec<DevId>,
    /// Frames it was to receive since it was last asked (`tp_packets` of `PACKET_STATISTICS`).
    pub packets: u32,
    /// Those among them that found its queue full (`tp_drops`).
    pub dropped: u32,
}

impl PacketSock {
    /// A socket that is not bound to a device.
    #[must_use]
    pub fn new(protocol: EtherType, cooked: bool) -> Self {
        Self {
            protocol,
            cooked,
            dev: None,
            gone: false,
            promiscuous: Vec::new(),
            packets: 0,
            dropped: 0,
        }
    }
}

/// Where a frame is sent to, as `struct sockaddr_ll` says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkTarget {
    /// The device to send by (`sll_ifindex`).
    pub dev: DevId,
    /// The EtherType (`sll_protocol`).
    pub protocol: EtherType,
    /// The hardware address to send to, for sockets without link header (`sll_addr`).
    pub addr: MacAddr,
}

/// Binds a packet socket to a device and a protocol (`packet_bind()`).
///
/// # Errors
/// `ENODEV` for a device of another namespace, `ENETDOWN` for one that is down: the socket is bound all
/// the same, but says so at the next call instead.
pub fn bind(
    k: &mut Kernel,
    id: SocketId,
    dev: Option<DevId>,
    protocol: EtherType,
) -> Result<(), Errno> {
    let netns = k.sockets.get(id).ok_or(Errno::EBADF)?.netns;
    let is_up = match dev {
        None => true,
        Some(dev) => {
            let device = k.devs.get(dev).filter(|d| d.netns == netns).ok_or(Errno::ENODEV)?;
            device.is_up()
        }
    };
    let socket = &mut k.sockets[id];
    let Protocol::Packet(packet) = &mut socket.protocol else { return Err(Errno::EINVAL) };
    packet.dev = dev;
    packet.gone = false;
    if protocol.0 != 0 {
        packet.protocol = protocol;
    }
    if !is_up {
        socket.error = Some(Errno::ENETDOWN);
    }
    Ok(())
}

/// Adds the socket to the users that want every frame of a device, or takes it away
/// (`PACKET_ADD_MEMBERSHIP` with `PACKET_MR_PROMISC`).
///
/// # Errors
/// `ENODEV` for a device of another namespace, `EINVAL` for a socket of another kind.
pub fn set_promiscuous(k: &mut Kernel, id: SocketId, dev: DevId, on: bool) -> Result<(), Errno> {
    let netns = k.sockets.get(id).ok_or(Errno::EBADF)?.netns;
    if k.devs.get(dev).is_none_or(|d| d.netns != netns) {
        return Err(Errno::ENODEV);
    }
    let Protocol::Packet(packet) = &mut k.sockets[id].protocol else { return Err(Errno::EINVAL) };
    let at = packet.promiscuous.iter().position(|d| *d == dev);
    match (at, on) {
        (None, true) => packet.promiscuous.push(dev),
        (Some(at), false) => {
            packet.promiscuous.remove(at);
        }
        (Some(_), true) | (None, false) => return Ok(()),
    }
    filter::set_promiscuity(k, dev, on);
    Ok(())
}

/// Reads and resets the counts of frames and drops (`PACKET_STATISTICS`).
///
/// # Errors
/// `EINVAL` for a socket of another kind.
pub fn take_statistics(k: &mut Kernel, id: SocketId) -> Result<(u32, u32), Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    let Protocol::Packet(packet) = &mut socket.protocol else { return Err(Errno::EINVAL) };
    Ok((std::mem::take(&mut packet.packets), std::mem::take(&mut packet.dropped)))
}

/// Shows a frame that passes a device to the sockets that want all frames (`ptype_all`). A socket does
/// not see what it sent itself.
#[inline]
pub fn tap<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) {
    let _seen = show(k, f, EtherType::ALL, o);
}

/// Shows a received frame to the sockets of its protocol (`ptype_base`), and tells whether there is one;
/// frames that a bridge has taken do not get here.
pub fn receive<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) -> bool {
    show(k, f, f.skb.meta.protocol, o)
}

/// Whether somebody sees all frames of the device that the frame is on.
#[must_use]
pub fn is_tapped(k: &Kernel, f: &Flight) -> bool {
    let sockets = &k.netns[f.netns].sockets.packet;
    sockets.iter().any(|id| wants(&k.sockets[*id], f, EtherType::ALL))
}

#[inline]
fn show<O: Observer>(k: &mut Kernel, f: &Flight, protocol: EtherType, o: &mut O) -> bool {
    !k.netns[f.netns].sockets.packet.is_empty() && show_to_each(k, f, protocol, o)
}

fn show_to_each<O: Observer>(k: &mut Kernel, f: &Flight, protocol: EtherType, o: &mut O) -> bool {
    let (mut at, mut seen) = (0, false);
    while let Some(id) = k.netns[f.netns].sockets.packet.get(at).copied() {
        at += 1;
        if wants(&k.sockets[id], f, protocol) && f.sk != SentBy::Socket(id) {
            enqueue(k, id, f, o);
            seen = true;
        }
    }
    seen
}

fn wants(socket: &Socket, f: &Flight, protocol: EtherType) -> bool {
    let Protocol::Packet(p) = &socket.protocol else { return false };
    p.protocol == protocol && !p.gone && p.dev.is_none_or(|dev| dev == f.dev)
}

/// Queues a copy of the frame (`packet_rcv()`).
fn enqueue<O: Observer>(k: &mut Kernel, id: SocketId, f: &Flight, o: &mut O) {
    let cooked = matches!(&k.sockets[id].protocol, Protocol::Packet(p) if p.cooked);
    let mut copy = k.clone_skb(&f.skb);
    copy.data_to_mac_header();
    let addr = Ethernet::parse(copy.data()).map_or(MacAddr::ZERO, |frame| frame.src());
    if cooked {
        copy.data_to_network_header();
    }
    let len = copy.len();
    let info = LinkInfo {
        protocol: f.skb.meta.protocol,
        dev: f.dev,
        pkt_type: f.skb.meta.pkt_type,
        addr,
        time: k.now,
        in_place: f.skb.meta.in_place,
    };
    let queued = deliver::queue(k, id, copy, MessageInfo::Link(info), len);
    if let Protocol::Packet(packet) = &mut k.sockets[id].protocol {
        packet.packets += 1;
        packet.dropped += u32::from(!queued);
    }
    // What a capture sees is no delivery; a protocol's own frames are one.
    if queued && f.skb.meta.pkt_type != PacketType::Outgoing && !is_capture(&k.sockets[id]) {
        stack::emit(k, f, o, |_| Event::Delivered { socket: id });
    }
}

fn is_capture(socket: &Socket) -> bool {
    matches!(&socket.protocol, Protocol::Packet(p) if p.protocol == EtherType::ALL)
}

/// Sends a frame (`packet_snd()`): whole, or its payload with the address that `to` has.
///
/// # Errors
/// `ENXIO` without a device, `ENETDOWN`, `EMSGSIZE`, `EINVAL` for a frame without a whole link header, the
/// pending error, and what the device answers.
pub fn send<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    data: &[u8],
    to: Option<LinkTarget>,
    o: &mut O,
) -> Result<usize, Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    let netns = socket.netns;
    let Protocol::Packet(packet) = &socket.protocol else { return Err(Errno::EINVAL) };
    let (cooked, own) = (packet.cooked, packet.protocol);
    let dev = to.map(|t| t.dev).or(packet.dev).ok_or(Errno::ENXIO)?;
    let protocol = to.map_or(own, |t| t.protocol);
    let device = k.devs.get(dev).filter(|d| d.netns == netns).ok_or(Errno::ENXIO)?;
    if !device.is_up() {
        return Err(Errno::ENETDOWN);
    }
    let header = if cooked { 0 } else { ETH_HLEN };
    let inner = if cooked { None } else { Ethernet::parse(data).ok().map(|e| e.ether_type()) };
    let tag = if inner == Some(EtherType::VLAN) { VLAN_HLEN } else { 0 };
    if data.len() > device.mtu as usize + header + tag {
        return Err(Errno::EMSGSIZE);
    }
    let source = device.addr;
    k.sockets[id].take_error()?;
    if data.len() < header {
        return Err(Errno::EINVAL);
    }
    let mut skb = k.skb();
    skb.put(data);
    if cooked {
        skb.reset_network_header();
        push_ethernet(&mut skb, to.map_or(MacAddr::ZERO, |t| t.addr), source, protocol);
        skb.meta.protocol = protocol;
    } else {
        let given = protocol.0 != 0 && protocol != EtherType::ALL;
        skb.meta.protocol = if given { protocol } else { inner.unwrap_or_default() };
        skb.reset_mac_header();
        skb.set_network_header(ETH_HLEN);
    }
    skb.meta.mark = k.sockets[id].opts.mark;
    let flow = k.new_flow();
    let mut flight = Flight::new(skb, Place::Transmit, netns, dev, flow);
    flight.sk = SentBy::Socket(id);
    flight.caller = Caller::Socket(id);
    stack::emit(k, &flight, o, |_| Event::Started { origin: Origin::Socket(id) });
    output::run(k, id, flight, o)?;
    Ok(data.len())
}

/// Follows a change of a device (`packet_notifier()`): sockets bound to one that went down or away are
/// told.
pub fn link_event(k: &mut Kernel, dev: DevId, event: LinkEvent) {
    if !matches!(event, LinkEvent::Down | LinkEvent::Unregistering) {
        return;
    }
    let netns = k.devs[dev].netns;
    let mut at = 0;
    while let Some(id) = k.netns[netns].sockets.packet.get(at).copied() {
        at += 1;
        let socket = &mut k.sockets[id];
        let Protocol::Packet(packet) = &mut socket.protocol else { continue };
        if packet.dev != Some(dev) {
            continue;
        }
        if event == LinkEvent::Unregistering {
            packet.gone = true;
            packet.promiscuous.retain(|d| *d != dev);
        }
        socket.error = Some(Errno::ENETDOWN);
        k.wake(id);
    }
}

//! A device sends a frame (`dev_queue_xmit()` and the drivers' `ndo_start_xmit()`).

use smallvec::SmallVec;

use crate::errno::Errno;
use crate::kernel::{Caller, Flight, Kernel, Place, SentBy};
use crate::link::{DevKind, macvlan, receive, veth};
use crate::netns::stack::{self, Decision};
use crate::packet::segment::segment_tcp;
use crate::packet::{PacketType, Skb};
use crate::trace::{Direction, DropReason, Event, Observer, Origin};

/// From this length on no device takes a packet of several segments, in bytes (`gso_max_size`).
const GSO_MAX_SIZE: usize = 65536;

/// Hands the frame to the device, by way of its queueing discipline if it has one. The packet's data starts at
/// the link header.
pub fn transmit<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    let dev = &mut k.devs[f.dev];
    if !dev.is_up() {
        k.refuse_send(f, Errno::ENETDOWN);
        return Err(DropReason::DevReady);
    }
    if !dev.carrier {
        // Without carrier the queueing discipline is `noop`, which swallows without complaint.
        dev.stats.tx.dropped += 1;
        return Err(DropReason::QdiscDrop);
    }
    if k.devs[f.dev].root_qdisc.is_some() {
        f.skb.reset_mac_header();
        return Ok(Some(Place::NetemEnqueue));
    }
    hard_start_xmit(k, f, o)
}

/// Shows the frame to captures and hands it to the driver (`dev_hard_start_xmit()`).
pub fn hard_start_xmit<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    o: &mut O,
) -> Decision<Option<Place>> {
    let pkt_type = std::mem::replace(&mut f.skb.meta.pkt_type, PacketType::Outgoing);
    f.skb.reset_mac_header();
    // The loopback device takes packets of several segments as they are, up to a limit.
    let whole = k.devs[f.dev].is_loopback() && f.skb.len() < GSO_MAX_SIZE;
    if f.skb.meta.gso_size != 0 && !whole {
        return segment(k, f, o).map(|()| None);
    }
    super::capture::tap(k, f, Direction::Out, o);
    match k.devs[f.dev].kind {
        DevKind::Loopback => {
            loop_back(k, f);
            Ok(Some(Place::DeviceReceive))
        }
        DevKind::Veth(end) => veth::transmit(k, f, end.peer).map(|()| Some(Place::DeviceReceive)),
        DevKind::Bridge(_) => {
            // In the kernel only what captures get is outgoing, and a bridge may take the frame for its host.
            f.skb.meta.pkt_type = pkt_type;
            f.caller = Caller::Nobody;
            Ok(Some(Place::BridgeDeviceTransmit))
        }
        DevKind::Vxlan(_) | DevKind::Ipip(_) => {
            f.caller = Caller::Nobody;
            Ok(Some(Place::TunnelTransmit))
        }
        DevKind::Macvlan(macvlan) => macvlan::transmit(k, f, macvlan),
        DevKind::Dummy => {
            k.devs[f.dev].stats.tx.count(f.skb.len());
            stack::emit(k, f, o, |_| Event::Consumed { by: "dummy" });
            Ok(None)
        }
        // Without a program there is no carrier, so that nothing comes here.
        DevKind::Tun(_) => Err(DropReason::DevReady),
    }
}

/// Sends a packet that is larger than a segment in segments (`validate_xmit_skb()`). They leave together:
/// nothing that comes back is looked at before the last one has left.
fn segment<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) -> Decision<()> {
    let mut segments = SmallVec::<[Box<Skb>; 64]>::new();
    let scattered = k.devs[f.dev].is_loopback();
    if !segment_tcp(&f.skb, scattered, || k.pool.take(), |segment| segments.push(segment)) {
        return Err(DropReason::NotSpecified);
    }
    let count = segments.len();
    for (n, skb) in segments.into_iter().enumerate() {
        let mut flight = f.with_skb(skb);
        flight.caller = f.caller;
        flight.more = n + 1 < count || f.more;
        stack::start(k, flight, Origin::Copy { of: f.flow }, o);
    }
    Ok(())
}

/// Receives the frame where it was sent (`loopback_xmit()`). It is still the same packet: it keeps
/// its route and its mark.
fn loop_back(k: &mut Kernel, f: &mut Flight) {
    (f.iif, f.sk, f.caller) = (None, SentBy::Nobody, Caller::Nobody);
    let dev = &mut k.devs[f.dev];
    receive::read_header(dev, f);
    // Counted without the link header, which is taken off first.
    dev.stats.tx.count(f.skb.len());
    dev.stats.rx.count(f.skb.len());
}

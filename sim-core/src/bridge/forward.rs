//! Frames that leave a bridge by its ports (`net/bridge/br_forward.c`).

use crate::bridge::suppress::Suppressed;
use crate::bridge::{Port, PortState};
use crate::id::{BridgeId, DevId, PortNo};
use crate::kernel::{Flight, Kernel, Place};
use crate::link::receive::counted_len;
use crate::netns::stack::Decision;
use crate::packet::MacAddr;
use crate::packet::ethernet::ETH_HLEN;
use crate::trace::DropReason;

/// To how many a frame is addressed (`enum br_pkt_type`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cast {
    /// To one station.
    Unicast,
    /// To a group.
    Multicast,
    /// To everybody.
    Broadcast,
}

impl Cast {
    /// The kind of a destination address.
    #[must_use]
    pub fn of(to: MacAddr) -> Self {
        if to.is_broadcast() {
            Self::Broadcast
        } else if to.is_multicast() {
            Self::Multicast
        } else {
            Self::Unicast
        }
    }
}

/// Why a frame goes up to the bridge's own host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Uptake {
    /// It is for the host, perhaps among others.
    Meant,
    /// The bridge's device is promiscuous, and the frame's address is none of its own. Whether the host would have
    /// got it anyway, as a broadcast, does not count (`BR_INPUT_SKB_CB(skb)->promisc`).
    Promisc,
}

/// Sends the frame to one port, and up to the host too if `local` says why. `f.dev` is the port it came from,
/// or the bridge's own device (`br_forward()`).
pub(super) fn to_port(
    k: &mut Kernel,
    f: &mut Flight,
    bridge: BridgeId,
    port: Option<PortNo>,
    local: Option<Uptake>,
) -> Decision<Option<Place>> {
    let br = &k.bridges[bridge];
    let from = source(br.dev, f.dev);
    let isolated = from_isolated(k, bridge, from);
    let target = port.and_then(|no| k.bridges[bridge].ports.get(no));
    let target = target.filter(|p| should_deliver(p, from, isolated)).map(|p| p.dev);
    match finish(k, f, target, from, local) {
        Err(_) => Err(DropReason::NotSpecified),
        sent => sent,
    }
}

/// Sends the frame to every port that is to get it, and up to the host too if `local` says why. The
/// newest port comes first (`br_flood()`).
pub(super) fn flood(
    k: &mut Kernel,
    f: &mut Flight,
    bridge: BridgeId,
    cast: Cast,
    local: Option<Uptake>,
    suppressed: Suppressed,
) -> Decision<Option<Place>> {
    let from = source(k.bridges[bridge].dev, f.dev);
    let isolated = from_isolated(k, bridge, from);
    // The last port gets the frame itself, the others copies.
    let mut last: Option<DevId> = None;
    for n in 0..k.bridges[bridge].ports.len() {
        let Some(port) = k.bridges[bridge].ports.nth(n) else { break };
        if !wants(port, cast, from)
            || suppressed.spares(port)
            || !should_deliver(port, from, isolated)
        {
            continue;
        }
        let dev = port.dev;
        if let Some(earlier) = last.replace(dev) {
            send_copy(k, f, earlier, from);
        }
    }
    finish(k, f, last, from, local)
}

/// Sends the frame of a group to these ports, and up to the host too if `local` says why
/// (`br_multicast_flood()`).
pub(super) fn to_ports(
    k: &mut Kernel,
    f: &mut Flight,
    bridge: BridgeId,
    ports: &[PortNo],
    local: Option<Uptake>,
) -> Decision<Option<Place>> {
    let from = source(k.bridges[bridge].dev, f.dev);
    let isolated = from_isolated(k, bridge, from);
    let mut last: Option<DevId> = None;
    for no in ports {
        let port = k.bridges[bridge].ports.get(*no);
        let Some(port) = port.filter(|p| should_deliver(p, from, isolated)) else { continue };
        let dev = port.dev;
        if let Some(earlier) = last.replace(dev) {
            send_copy(k, f, earlier, from);
        }
    }
    finish(k, f, last, from, local)
}

/// Lets the frame itself go to `target` or up to the host; a copy goes to `target` if both want it.
fn finish(
    k: &mut Kernel,
    f: &mut Flight,
    target: Option<DevId>,
    from: Option<DevId>,
    local: Option<Uptake>,
) -> Decision<Option<Place>> {
    match (target, local) {
        (Some(target), Some(uptake)) => {
            send_copy(k, f, target, from);
            Ok(Some(Place::BridgeLocal { uptake }))
        }
        (None, Some(uptake)) => Ok(Some(Place::BridgeLocal { uptake })),
        (Some(target), None) => {
            f.dev = target;
            Ok(Some(Place::BridgeForward { from }))
        }
        (None, None) => Err(DropReason::NoTxTarget),
    }
}

/// Starts a copy of the frame on its way to a port (`deliver_clone()`).
fn send_copy(k: &mut Kernel, f: &Flight, to: DevId, from: Option<DevId>) {
    let mut copy = k.clone_flight(f);
    // What shares its bytes is cut anew, not as it came (`skb_cloned()` in `ip_do_fragment()`).
    copy.pieces = None;
    copy.dev = to;
    copy.place = Place::BridgeForward { from };
    k.spawn(copy);
}

/// The port a frame came from; `None` if the host sends it by the bridge's own device.
fn source(bridge_dev: DevId, dev: DevId) -> Option<DevId> {
    (dev != bridge_dev).then_some(dev)
}

/// Whether the frame came from an isolated port.
fn from_isolated(k: &Kernel, bridge: BridgeId, from: Option<DevId>) -> bool {
    let port = from.and_then(|dev| super::port_of(k, dev));
    port.and_then(|(_, no)| k.bridges[bridge].ports.get(no)).is_some_and(|p| p.flags.isolated)
}

/// Whether a port takes part in flooding frames of this kind. The host's own multicast and broadcast
/// frames go to every port.
fn wants(port: &Port, cast: Cast, from: Option<DevId>) -> bool {
    match cast {
        Cast::Unicast => port.flags.flood,
        Cast::Multicast => port.flags.mcast_flood || from.is_none(),
        Cast::Broadcast => port.flags.bcast_flood || from.is_none(),
    }
}

/// Whether the frame may go out by the port (`should_deliver()`).
fn should_deliver(port: &Port, from: Option<DevId>, isolated: bool) -> bool {
    (port.flags.hairpin || from != Some(port.dev))
        && port.state == PortState::Forwarding
        && !(isolated && port.flags.isolated)
}

/// Puts the link header back in front, for the port's device to send
/// (`br_dev_queue_push_xmit()`). A frame too large for it is dropped without a word.
pub fn transmit(k: &mut Kernel, f: &mut Flight) -> Decision<()> {
    f.skb.push(ETH_HLEN);
    let len = counted_len(f);
    if k.devs[f.dev].is_forwardable(len) { Ok(()) } else { Err(DropReason::NotSpecified) }
}

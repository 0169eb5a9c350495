//! Frames that enter a bridge by a port (`net/bridge/br_input.c`).

use crate::bridge::forward::{self, Cast, Uptake};
use crate::bridge::multicast::{self, Reach};
use crate::bridge::{PortState, fdb, port_of, suppress};
use crate::kernel::{Flight, Kernel, Place};
use crate::netns::stack::Decision;
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{Ethernet, MacAddr, PacketType};
use crate::trace::{DropReason, Observer};

/// Who handles a frame that a port received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Entry {
    /// The bridge.
    Bridge,
    /// The port's own device, as if it were not in a bridge.
    Port,
}

/// Destination and source of a frame; all zero if there is no whole header.
pub(super) fn addresses(f: &Flight) -> (MacAddr, MacAddr) {
    Ethernet::parse(f.skb.mac_header())
        .map_or((MacAddr::ZERO, MacAddr::ZERO), |eth| (eth.dst(), eth.src()))
}

/// Lets a frame in, or not (`br_handle_frame()`).
pub fn receive(k: &mut Kernel, f: &mut Flight) -> Decision<Entry> {
    let Some((bridge, no)) = port_of(k, f.dev) else { return Ok(Entry::Port) };
    if f.skb.meta.pkt_type == PacketType::Loopback {
        return Ok(Entry::Port);
    }
    let (to, from) = addresses(f);
    if !from.is_valid() {
        return Err(DropReason::MacInvalidSource);
    }
    let br = &k.bridges[bridge];
    let Some(port) = br.ports.get(no) else { return Err(DropReason::NotSpecified) };
    if to.is_link_local() {
        let [.., group] = to.octets();
        let mask = br.options.group_fwd_mask | port.group_fwd_mask;
        match group {
            // Without STP its messages are like any other frame.
            0x00 => {}
            0x01 => return Err(DropReason::MacIeeeMacControl),
            _ if mask & (1 << group) != 0 => {}
            _ => {
                if port.flags.learning && accepts(port.state) {
                    fdb::learn(k, bridge, no, from);
                }
                return Ok(Entry::Port);
            }
        }
    }
    if !accepts(port.state) {
        return Err(DropReason::BridgeIngressStpState);
    }
    if k.devs[br.dev].addr == to {
        f.skb.meta.pkt_type = PacketType::Host;
    }
    Ok(Entry::Bridge)
}

/// Whether a port in this state takes frames at all.
fn accepts(state: PortState) -> bool {
    matches!(state, PortState::Forwarding | PortState::Learning)
}

/// Learns the sender and sends the frame where it belongs (`br_handle_frame_finish()`).
pub fn finish<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    let Some((bridge, no)) = port_of(k, f.dev) else { return Err(DropReason::NotSpecified) };
    let (to, from) = addresses(f);
    let br = &k.bridges[bridge];
    let Some(port) = br.ports.get(no) else { return Err(DropReason::NotSpecified) };
    let (flags, state) = (port.flags, port.state);
    if flags.locked && !br.fdb.get(from).is_some_and(|e| e.port == Some(no) && !e.local) {
        return Err(DropReason::NotSpecified);
    }
    if flags.learning {
        fdb::learn(k, bridge, no, from);
    }
    let cast = Cast::of(to);
    let reach = if cast == Cast::Multicast {
        let heard = multicast::receive(k, bridge, Some(no), f, o)?;
        multicast::reach(k, bridge, f, to, heard)
    } else {
        Reach::All
    };
    if state == PortState::Learning {
        return Err(DropReason::BridgeIngressStpState);
    }
    let suppressed = suppress::arp(k, f, bridge, Some(no), o);
    let now = k.now;
    let br = &mut k.bridges[bridge];
    let host = &mut k.devs[br.dev];
    let promisc = host.flags.contains(crate::link::DevFlags::PROMISC).then_some(Uptake::Promisc);
    let mut local = promisc;
    match cast {
        Cast::Unicast => {
            if let Some(entry) = br.fdb.get_mut(to) {
                if entry.local {
                    return Ok(Some(Place::BridgeLocal { uptake: Uptake::Meant }));
                }
                entry.used = now;
                let target = entry.port;
                return forward::to_port(k, f, bridge, target, local);
            }
        }
        Cast::Broadcast => local = promisc.or(Some(Uptake::Meant)),
        Cast::Multicast => {
            if !matches!(reach, Reach::Ports(_, false)) {
                local = promisc.or(Some(Uptake::Meant));
                host.stats.multicast += 1;
            }
        }
    }
    if let Reach::Ports(ports, _) = reach {
        return forward::to_ports(k, f, bridge, &ports, local);
    }
    forward::flood(k, f, bridge, cast, local, suppressed)
}

/// Moves the frame's data behind the link header, where a bridge keeps it between its ports.
pub(super) fn behind_header(f: &mut Flight) -> Decision<()> {
    f.skb.reset_mac_header();
    f.skb.pull(ETH_HLEN).map(|_| ()).ok_or(DropReason::NotSpecified)
}

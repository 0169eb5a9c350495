//! The next hop's link layer address (`ip_finish_output2()`, `neigh_output()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::family::V4;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::neigh::entry::{Effects, Unusable};
use crate::neigh::params::NeighVar;
use crate::neigh::protocol::Protocol;
use crate::neigh::update::{apply, create, discard, jiffies};
use crate::netfilter::conntrack::garbage;
use crate::netns::stack::{self, Decision};
use crate::packet::build::push_ethernet;
use crate::packet::{EtherType, Ipv4, MacAddr, Skb, truesize};
use crate::trace::{DropReason, Event, Observer};

/// Whether the packet can leave now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// The link header is filled in.
    Filled,
    /// The packet waits in the neighbour entry.
    Queued,
}

/// Finds the next hop's entry and fills in the link header, or queues the packet.
pub fn resolve<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Resolution> {
    if k.devs[f.dev].hard_header_len() == 0 {
        return Ok(Resolution::Filled);
    }
    let Some(next_hop) = next_hop(f) else { return Err(DropReason::NeighCreatefail) };
    let key = V4::key(&k.devs[f.dev], next_hop);
    if let Some(lladdr) = try_entry::<V4>(k, f, key) {
        return Ok(fill(k, f, next_hop, lladdr, o));
    }
    let key =
        create::<V4, O>(k, f.dev, next_hop, false, o).map_err(|_| DropReason::NeighCreatefail)?;
    match use_entry::<V4, O>(k, f, key, o) {
        Usable::Now(lladdr) => Ok(fill(k, f, next_hop, lladdr, o)),
        Usable::Later(effects) => {
            stack::emit(k, f, o, |_| Event::Queued { next_hop: IpAddr::V4(next_hop) });
            wait::<V4, O>(k, f, key, o);
            apply::<V4, O>(k, f.dev, key, effects, o);
            Ok(Resolution::Queued)
        }
        Usable::Never => Err(DropReason::NeighFailed),
    }
}

/// The router of the route, or the destination itself (`rt_nexthop()`).
fn next_hop(f: &Flight) -> Option<Ipv4Addr> {
    match f.dst.and_then(|dst| dst.gateway) {
        Some(IpAddr::V4(gateway)) => Some(gateway),
        Some(IpAddr::V6(_)) => None,
        None => Ipv4::parse(f.skb.network_header()).ok().map(|ip| ip.dst()),
    }
}

/// The address of an entry that can be used as it is (`neigh_hh_output()`).
fn try_entry<F: Protocol>(k: &mut Kernel, f: &mut Flight, key: F::Addr) -> Option<MacAddr> {
    let now = jiffies(k);
    confirm::<F>(k, f, key);
    let neigh = F::table_mut(&mut k.netns[f.netns]).get_mut(f.dev, key)?;
    if !neigh.state.is_connected() {
        return None;
    }
    if !neigh.cached {
        neigh.used = now;
        neigh.cached = true;
    }
    Some(neigh.lladdr)
}

/// The address of the packet's next hop, if it was used before and is still known (`neigh_hh_bridge()`).
pub fn cached_address(k: &Kernel, f: &Flight) -> Option<MacAddr> {
    let key = V4::key(&k.devs[f.dev], next_hop(f)?);
    let neigh = k.netns[f.netns].arp.get(f.dev, key)?;
    (neigh.state.is_connected() && neigh.cached).then_some(neigh.lladdr)
}

/// Whether an entry can be used.
enum Usable {
    /// The address is known.
    Now(MacAddr),
    /// It is being asked for, or has to be from now on.
    Later(Effects),
    /// Nobody is asked.
    Never,
}

/// Notes that the next hop is alive, if the sender of the packet has proof (`sock_confirm_neigh()`).
fn confirm<F: Protocol>(k: &mut Kernel, f: &mut Flight, key: F::Addr) {
    if !f.cb.confirm_neigh {
        return;
    }
    let now = jiffies(k);
    let table = F::table_mut(&mut k.netns[f.netns]);
    let Some(neigh) = table.get_mut(f.dev, key) else { return };
    neigh.confirmed = now;
    f.cb.confirm_neigh = false;
    if let Some(socket) = f.sk.program().and_then(|id| k.sockets.get_mut(id)) {
        socket.confirm_neigh = false;
    }
}

/// Uses an entry in any state (`neigh_resolve_output()`), or starts to ask for its address.
fn use_entry<F: Protocol, O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    key: F::Addr,
    o: &mut O,
) -> Usable {
    let now = jiffies(k);
    confirm::<F>(k, f, key);
    let used = F::table_mut(&mut k.netns[f.netns]).change(f.dev, key, |neigh, parms| {
        let usable = neigh.use_for_output(now, parms);
        neigh.cached |= usable.is_ok();
        (usable, neigh.lladdr)
    });
    let Some((usable, lladdr)) = used else { return Usable::Never };
    match usable {
        Ok(effects) => {
            apply::<F, O>(k, f.dev, key, effects, o);
            Usable::Now(lladdr)
        }
        Err(Unusable::Waiting(effects)) => Usable::Later(effects),
        Err(Unusable::Failed) => Usable::Never,
    }
}

/// Puts the packet into the entry's queue; the oldest ones make room.
fn wait<F: Protocol, O: Observer>(k: &mut Kernel, f: &mut Flight, key: F::Addr, o: &mut O) {
    let room = F::table(&k.netns[f.netns]).parms(f.dev).get(NeighVar::QueueLenBytes);
    let size = size_of(&f.skb);
    loop {
        let table = F::table_mut(&mut k.netns[f.netns]);
        let Some(neigh) = table.get_mut(f.dev, key) else { return };
        let oldest = if neigh.queue_bytes + size > room { neigh.queue.pop_front() } else { None };
        let Some(oldest) = oldest else { break };
        neigh.queue_bytes -= size_of(&oldest.skb);
        discard(k, oldest, DropReason::NeighQueueFull, o);
    }
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let waiting = f.with_skb(skb);
    garbage::hold(k, &waiting);
    if let Some(neigh) = F::table_mut(&mut k.netns[f.netns]).get_mut(f.dev, key) {
        neigh.queue_bytes += size;
        neigh.queue.push_back(waiting);
    }
}

/// The memory that a packet takes in a queue, in bytes.
fn size_of(skb: &Skb) -> i64 {
    i64::try_from(truesize(skb.network_header().len())).unwrap_or(i64::MAX)
}

/// Pushes the link header (`dev_hard_header()`).
fn fill<O: Observer>(
    k: &Kernel,
    f: &mut Flight,
    next_hop: Ipv4Addr,
    lladdr: MacAddr,
    o: &mut O,
) -> Resolution {
    stack::emit(k, f, o, |_| Event::Resolved { next_hop: IpAddr::V4(next_hop), addr: lladdr });
    push_ethernet(&mut f.skb, lladdr, k.devs[f.dev].addr, EtherType::IPV4);
    Resolution::Filled
}

/// Whether the address of `next_hop` on `dev` is known; if not, it is asked for
/// (`neigh_event_send()` without a packet).
pub fn ask<O: Observer>(k: &mut Kernel, dev: DevId, next_hop: Ipv4Addr, o: &mut O) -> bool {
    let Ok(key) = create::<V4, O>(k, dev, next_hop, false, o) else { return false };
    let (now, netns) = (jiffies(k), k.devs[dev].netns);
    let asked = V4::table_mut(&mut k.netns[netns]).change(dev, key, |neigh, parms| {
        if neigh.state.is_valid() { None } else { Some(neigh.use_for_output(now, parms)) }
    });
    match asked.flatten() {
        None => true,
        Some(Err(Unusable::Waiting(effects))) => {
            apply::<V4, O>(k, dev, key, effects, o);
            false
        }
        Some(_) => false,
    }
}

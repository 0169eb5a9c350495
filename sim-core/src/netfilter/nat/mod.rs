//! Network address translation (`net/netfilter/nf_nat_core.c`, `nf_nat_proto.c`).
//!
//! What a flow is translated to is decided by its first packet, once for the destination and once for the source,
//! and kept in its connection: the tuple of its answers. Every packet, either way, is rewritten from there.

mod choose;
pub(super) mod jhash;
pub mod masquerade;
mod packet;
pub mod range;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::{CtId, CtInfo, CtRef, Dir, Side, Status, Tuple, proto, track};
use crate::netfilter::run::Refusal;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::Sentence;
use crate::netfilter::xtables::traverse::{self, Passed};
use crate::netfilter::{Hook, HookState, destination, reroute};
use crate::netns::stack;
use crate::packet::{IcmpType, IpProto, Ipv4};
use crate::trace::{DropReason, Event, Observer};

pub use range::NatRange;

/// How many bytes of a packet an event shows before and after: its header, and the ports behind it.
const SHOWN: usize = 28;

/// Which end of a packet is rewritten at a hook (`HOOK2MANIP()`).
#[must_use]
pub const fn side_of(hook: Hook) -> Side {
    match hook {
        Hook::PostRouting | Hook::Input => Side::Src,
        Hook::PreRouting | Hook::Output | Hook::Forward => Side::Dst,
    }
}

/// The bits that say that an end is translated, and that this was decided.
const fn bits(side: Side) -> (Status, Status) {
    match side {
        Side::Src => (Status::SRC_NAT, Status::SRC_NAT_DONE),
        Side::Dst => (Status::DST_NAT, Status::DST_NAT_DONE),
    }
}

/// The bit that says whether a packet in this direction is rewritten at this end: for answers it is the other end's.
const fn bit_for(side: Side, dir: Dir) -> Status {
    match (side, dir) {
        (Side::Src, Dir::Original) | (Side::Dst, Dir::Reply) => Status::SRC_NAT,
        (Side::Dst, Dir::Original) | (Side::Src, Dir::Reply) => Status::DST_NAT,
    }
}

/// The tuples of a packet's connection, and its status.
fn conn(k: &Kernel, f: &Flight, id: CtId) -> Option<([Tuple; 2], Status)> {
    let conn = k.netns[f.netns].nf.conntrack.conns.get(id)?;
    Some((conn.tuples, conn.status))
}

/// Translates the packet (`nf_nat_ipv4_fn()`), and what follows from it: a packet of this host is routed anew
/// (`nf_nat_ipv4_local_fn()`), a received one is not routed yet (`nf_nat_ipv4_pre_routing()`).
pub(super) fn hook<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    state: HookState,
    o: &mut O,
) -> Result<Passed, Refusal> {
    let CtRef::Tracked(id, info) = f.ct else { return Ok(Passed::On) };
    let before = if state.hook == Hook::PreRouting { destination(f) } else { None };
    let is_icmp = |f: &Flight| {
        Ipv4::parse(f.skb.network_header()).is_ok_and(|ip| ip.proto() == IpProto::ICMP)
    };
    if info.is_related() && is_icmp(f) {
        translate_error(k, f, state.hook, (id, info), o)?;
    } else {
        let passed = translate(k, f, state, (id, info), o)?;
        if passed != Passed::On {
            return Ok(passed);
        }
    }
    match state.hook {
        Hook::PreRouting if destination(f) != before => f.dst = None,
        Hook::Output => {
            let conns = &k.netns[f.netns].nf.conntrack.conns;
            let dir = info.dir();
            if conns
                .get(id)
                .is_some_and(|conn| conn.tuple(dir).dst.addr != conn.tuple(dir.other()).src.addr)
            {
                reroute::reroute(k, f)?;
            }
        }
        Hook::PreRouting | Hook::Input | Hook::Forward | Hook::PostRouting => {}
    }
    Ok(Passed::On)
}

/// Decides about a new flow, and rewrites the packet as was decided (`nf_nat_inet_fn()`).
fn translate<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    state: HookState,
    (id, info): (CtId, CtInfo),
    o: &mut O,
) -> Result<Passed, Refusal> {
    let side = side_of(state.hook);
    let (_, done) = bits(side);
    let is_decided = |k: &Kernel, f: &Flight| {
        let conns = &k.netns[f.netns].nf.conntrack.conns;
        conns.get(id).is_none_or(|conn| conn.status.has(done))
    };
    let is_first = matches!(info, CtInfo::New | CtInfo::Related | CtInfo::RelatedReply);
    if is_first && !is_decided(k, f) {
        let passed = ask_tables(k, f, state, o, is_decided)?;
        if passed != Passed::On {
            return Ok(passed);
        }
        if !is_decided(k, f) {
            bind_to_itself(k, f, id, side);
        }
    } else if masquerade::has_moved(k, f, id, info, state) {
        track::kill_counted(k, f, id, info);
        return Err(DropReason::NetfilterDrop.into());
    }
    let dir = info.dir();
    let Some((tuples, status)) = conn(k, f, id) else { return Ok(Passed::On) };
    if !status.has(bit_for(side, dir)) {
        return Ok(Passed::On);
    }
    let before = shown::<O>(f);
    if !packet::rewrite(f.skb.network_header_mut(), &tuples, side, dir) {
        return Err(DropReason::NetfilterDrop.into());
    }
    tell(k, f, side, &before, o);
    Ok(Passed::On)
}

/// Asks the tables that translate, the newest first, until one has decided.
fn ask_tables<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    state: HookState,
    o: &mut O,
    is_decided: impl Fn(&Kernel, &Flight) -> bool,
) -> Result<Passed, Refusal> {
    for n in (0..k.netns[f.netns].nf.tables.len()).rev() {
        let table = &k.netns[f.netns].nf.tables[n];
        if table.name != TableName::Nat || table.family != AddressFamily::Inet {
            continue;
        }
        let passed = traverse::table(k, f, n, state, o)?;
        if passed != Passed::On || is_decided(k, f) {
            return Ok(passed);
        }
    }
    Ok(Passed::On)
}

/// Decides that an end stays as it is, as far as another flow does not have the same tuple
/// (`nf_nat_alloc_null_binding()`).
fn bind_to_itself(k: &mut Kernel, f: &Flight, id: CtId, side: Side) {
    let Some(conn) = k.netns[f.netns].nf.conntrack.conns.get(id) else { return };
    let reply = conn.tuple(Dir::Reply);
    let addr = match side {
        Side::Src => reply.dst.addr,
        Side::Dst => reply.src.addr,
    };
    setup(k, f, &NatRange::of_addr(addr), side);
}

/// Decides what an end of the packet's flow is translated to (`nf_nat_setup_info()`).
pub fn setup(k: &mut Kernel, f: &Flight, range: &NatRange, side: Side) -> Sentence {
    let CtRef::Tracked(id, _) = f.ct else { return Sentence::Accept };
    let conns = &k.netns[f.netns].nf.conntrack.conns;
    let Some(conn) = conns.get(id) else { return Sentence::Accept };
    let (changed, done) = bits(side);
    if conn.status.has(Status::CONFIRMED) {
        return Sentence::Accept;
    }
    if conn.status.has(done) {
        return Sentence::Drop(DropReason::NetfilterDrop);
    }
    let Some(current) = proto::invert(conn.tuple(Dir::Reply)) else { return Sentence::Accept };
    let asker = choose::Asker { netns: f.netns, id, zone: conn.zone };
    let chosen = choose::unique(k, asker, &current, range, side);
    let ct = &mut k.netns[f.netns].nf.conntrack;
    let Some(conn) = ct.conns.get_mut(id) else { return Sentence::Accept };
    if chosen != current
        && let Some(reply) = proto::invert(&chosen)
    {
        conn.tuples[Dir::Reply.index()] = reply;
        conn.status.set(changed);
    }
    conn.status.set(done);
    if side == Side::Src
        && let Some(conn) = ct.conns.get(id)
    {
        ct.by_source.insert(id, conn);
    }
    Sentence::Accept
}

/// Rewrites an ICMP error about a flow, and what it quotes (`nf_nat_icmp_reply_translation()`).
fn translate_error<O: Observer>(
    k: &Kernel,
    f: &mut Flight,
    hook: Hook,
    (id, info): (CtId, CtInfo),
    o: &mut O,
) -> Result<(), Refusal> {
    let refused = Err(DropReason::NetfilterDrop.into());
    let Some((tuples, status)) = conn(k, f, id) else { return Ok(()) };
    let header = f.skb.network_header();
    if !packet::is_sound_error(header) {
        return refused;
    }
    let is_redirect =
        Ipv4::parse(header).is_ok_and(|ip| ip.payload().first() == Some(&IcmpType::REDIRECT.0));
    let done = Status::SRC_NAT_DONE.0 | Status::DST_NAT_DONE.0;
    // A redirect names a router, which translation would make a lie of.
    if is_redirect && (status.0 & done != done || status.has(Status::NAT_MASK)) {
        return refused;
    }
    let (side, dir) = (side_of(hook), info.dir());
    if !status.has(bit_for(side, dir)) {
        return Ok(());
    }
    let before = shown::<O>(f);
    if !packet::rewrite_error(f.skb.network_header_mut(), &tuples, side, dir) {
        return refused;
    }
    tell(k, f, side, &before, o);
    Ok(())
}

/// The bytes of the packet that an event shows, if somebody observes.
fn shown<O: Observer>(f: &Flight) -> [u8; SHOWN] {
    let mut bytes = [0; SHOWN];
    if !O::ENABLED {
        return bytes;
    }
    let header = f.skb.network_header();
    let len = header.len().min(SHOWN);
    bytes[..len].copy_from_slice(&header[..len]);
    bytes
}

/// Tells the observer what became of the packet.
fn tell<O: Observer>(k: &Kernel, f: &Flight, side: Side, before: &[u8; SHOWN], o: &mut O) {
    if !O::ENABLED {
        return;
    }
    let header = f.skb.network_header();
    let after = &header[..header.len().min(SHOWN)];
    let what = match side {
        Side::Src => "snat",
        Side::Dst => "dnat",
    };
    if before[..after.len()] != *after {
        let before = &before[..after.len()];
        stack::emit(k, f, o, |_| Event::Rewritten { what, before, after });
    }
}

//! What is told of connections (`enum ip_conntrack_events`).

use crate::id::NetnsId;
use crate::kernel::{Kernel, nfnl};
use crate::netfilter::conntrack::entry::{CtId, Status};
use crate::sysctl::Sysctl;

/// Something that happens to a connection, with Linux' number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are those of `enum ip_conntrack_events`")]
pub enum Event {
    New = 0,
    Related = 1,
    Destroy = 2,
    Reply = 3,
    Assured = 4,
    ProtoInfo = 5,
    Helper = 6,
    Mark = 7,
    SeqAdj = 8,
    SecMark = 9,
    Label = 10,
    SynProxy = 11,
}

/// All events.
const ALL: u32 = u32::MAX;

/// Which events of a new connection are told: those that a rule asks for, or all. If `nf_conntrack_events` is 2,
/// as by default, none unless somebody listens already, in whatever namespace (`nf_ct_ecache_ext_add()`).
pub fn mask_of_new(k: &Kernel, netns: NetnsId, asked: Option<u32>) -> u32 {
    match k.netns[netns].sysctl.get(Sysctl::NfConntrackEvents) {
        0 => asked.unwrap_or(0),
        2 if !k.nfnl.has_listener() => 0,
        _ => asked.unwrap_or(ALL),
    }
}

/// Whether the choice among events that a rule makes now holds: not while `nf_conntrack_events` is 2 and nobody
/// listens.
pub fn can_choose(k: &Kernel, netns: NetnsId) -> bool {
    k.netns[netns].sysctl.get(Sysctl::NfConntrackEvents) != 2 || k.nfnl.has_listener()
}

/// Tells that a connection has ended.
pub(super) fn destroyed(k: &mut Kernel, netns: NetnsId, id: CtId) {
    nfnl::conntrack(k, netns, id, 1 << Event::Destroy as u32);
}

/// Tells what has happened to a connection since it was told of last (`nf_ct_deliver_cached_events()`).
pub(super) fn deliver(k: &mut Kernel, netns: NetnsId, id: CtId) {
    let Some(conn) = k.netns[netns].nf.conntrack.conns.get_mut(id) else { return };
    if conn.status.has(Status::CONFIRMED) && !conn.status.has(Status::DYING) {
        let events = std::mem::take(&mut conn.pending);
        nfnl::conntrack(k, netns, id, events);
    }
}

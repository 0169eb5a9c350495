//! What is told of connections (`enum ip_conntrack_events`).

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::conntrack::entry::CtId;

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

/// Tells that a connection has ended.
pub(super) fn destroyed(_: &mut Kernel, _: NetnsId, _: CtId) {}

/// Tells what has happened to a connection since it was told of last (`nf_ct_deliver_cached_events()`).
pub(super) fn deliver(k: &mut Kernel, netns: NetnsId, id: CtId) {
    if let Some(conn) = k.netns[netns].nf.conntrack.conns.get_mut(id) {
        conn.pending = 0;
    }
}

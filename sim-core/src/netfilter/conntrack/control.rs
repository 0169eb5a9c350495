//! Connections that no packet has made: a program puts them into the table.

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::conntrack::entry::{Conn, CtId};
use crate::netfilter::conntrack::garbage;
use crate::netfilter::conntrack::tuple::Dir;

/// Puts a confirmed connection into the table (`nf_conntrack_hash_check_insert()`); none if there is one with
/// one of its tuples.
pub fn insert(k: &mut Kernel, netns: NetnsId, mut conn: Conn) -> Option<CtId> {
    let ct = &mut k.netns[netns].nf.conntrack;
    let taken =
        |dir| ct.conns.find_numbered(conn.tuple(dir), conn.zone.id_in(dir)).next().is_some();
    if [Dir::Original, Dir::Reply].into_iter().any(taken) {
        return None;
    }
    conn.number = ct.next_number();
    ct.stats.insert += 1;
    let id = ct.conns.insert(conn);
    ct.conns.link(id);
    garbage::arm(k, netns);
    Some(id)
}

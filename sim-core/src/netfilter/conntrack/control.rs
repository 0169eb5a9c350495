//! Connections that no packet has made: a program puts them into the table.

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::conntrack::entry::{Conn, CtId};
use crate::netfilter::conntrack::garbage;

/// Puts a confirmed connection into the table (`nf_conntrack_hash_check_insert()`); none if there is one with
/// one of its tuples.
pub fn insert(k: &mut Kernel, netns: NetnsId, mut conn: Conn) -> Option<CtId> {
    let ct = &mut k.netns[netns].nf.conntrack;
    if ct.conns.clash(&conn).is_some() {
        return None;
    }
    conn.number = ct.next_number();
    ct.stats.insert += 1;
    let id = ct.conns.insert(conn);
    ct.conns.link(id);
    garbage::arm(k, netns);
    Some(id)
}

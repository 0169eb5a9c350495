//! How connections end: killed, expired, thrown out of a full table, or never confirmed.

use crate::id::NetnsId;
use crate::kernel::{Flight, Kernel, Timer};
use crate::netfilter::conntrack::entry::{Conn, CtId, CtRef, Status};
use crate::netfilter::conntrack::event;
use crate::sysctl::table::Sysctl;
use crate::time::HZ;

/// How often what has expired is collected, in jiffies. The kernel's own interval follows from how much it finds
/// and lies between a second and a minute (`gc_worker()`).
const GC_INTERVAL: u64 = 60 * HZ;

/// How many entries are looked at for one that may go (`NF_CT_EVICTION_RANGE`, in hash buckets there).
const EVICTION_RANGE: usize = 8;

impl Conn {
    /// Whether its time is over at jiffy `now` (`nf_ct_is_expired()`).
    #[must_use]
    pub fn has_expired(&self, now: u64) -> bool {
        self.status.has(Status::CONFIRMED) && self.timeout <= now
    }
}

/// Ends a connection now (`nf_ct_delete()`). Packets that have it keep it until they are done.
pub fn kill(k: &mut Kernel, netns: NetnsId, id: CtId) {
    let ct = &mut k.netns[netns].nf.conntrack;
    let Some(conn) = ct.conns.get_mut(id) else { return };
    if conn.status.has(Status::DYING) {
        return;
    }
    conn.status.set(Status::DYING);
    if conn.status.has(Status::CONFIRMED) {
        event::destroyed(k, netns, id);
        k.netns[netns].nf.conntrack.conns.unlink(id);
        k.ct_garbage.push((netns, id));
    }
}

/// Ends the connections that are meant (`nf_ct_iterate_cleanup_net()`).
pub fn kill_where(k: &mut Kernel, netns: NetnsId, is_meant: impl Fn(&Conn) -> bool) {
    let conns = k.netns[netns].nf.conntrack.conns.iter();
    let meant: Vec<CtId> = conns.filter(|(_, conn)| is_meant(conn)).map(|(id, _)| id).collect();
    for id in meant {
        kill(k, netns, id);
    }
}

/// A packet that has a connection begins to wait in a queue (`nf_conntrack_get()`).
pub fn hold(k: &mut Kernel, f: &Flight) {
    let CtRef::Tracked(id, _) = f.ct else { return };
    if let Some(conn) = k.netns[f.netns].nf.conntrack.conns.get_mut(id) {
        conn.held += 1;
    }
}

/// A packet that was held goes on, or ends (`nf_conntrack_put()`).
pub fn release(k: &mut Kernel, f: &Flight) {
    let CtRef::Tracked(id, _) = f.ct else { return };
    let Some(ns) = k.netns.get_mut(f.netns) else { return };
    if let Some(conn) = ns.nf.conntrack.conns.get_mut(id) {
        conn.held = conn.held.saturating_sub(1);
        k.ct_garbage.push((f.netns, id));
    }
}

/// Forgets the connections that have ended, or were never confirmed, and that no packet has: none that waits, and
/// no other is on its way.
pub fn collect(k: &mut Kernel) {
    if !k.is_idle() {
        return;
    }
    while let Some((netns, id)) = k.ct_garbage.pop() {
        let Some(ns) = k.netns.get_mut(netns) else { continue };
        let ct = &mut ns.nf.conntrack;
        let Some(conn) = ct.conns.get(id) else { continue };
        let lives = conn.status.has(Status::CONFIRMED) && !conn.status.has(Status::DYING);
        if lives || conn.held > 0 {
            continue;
        }
        ct.by_source.remove(id, conn);
        ct.conns.remove(id);
    }
}

/// Ends the connections whose time is over (`gc_worker()`).
pub fn run(k: &mut Kernel, netns: NetnsId) {
    let now = k.now.jiffies();
    let Some(ns) = k.netns.get_mut(netns) else { return };
    ns.nf.conntrack.gc_armed = false;
    kill_where(k, netns, |conn| conn.has_expired(now));
    arm(k, netns);
}

/// Has expired connections collected in time, while there are any.
pub(super) fn arm(k: &mut Kernel, netns: NetnsId) {
    let ct = &mut k.netns[netns].nf.conntrack;
    if !ct.gc_armed && !ct.conns.is_empty() {
        ct.gc_armed = true;
        let expires = k.now.jiffies() + GC_INTERVAL;
        k.timers.arm_jiffies(k.now, expires, Timer::ConntrackGc(netns));
    }
}

/// Makes sure that there is room for one more connection; false if the table is full (`early_drop()`).
pub(super) fn make_room(k: &mut Kernel, netns: NetnsId) -> bool {
    let ns = &k.netns[netns];
    let max = usize::try_from(ns.sysctl.get(Sysctl::NfConntrackMax)).unwrap_or(0);
    if max == 0 || ns.nf.conntrack.conns.len() < max {
        return true;
    }
    let Some(victim) = evictable(k, netns) else { return false };
    k.netns[netns].nf.conntrack.stats.early_drop += 1;
    kill(k, netns, victim);
    true
}

/// A connection that may go before its time: one that is not assured, or has expired (`early_drop_list()`).
fn evictable(k: &Kernel, netns: NetnsId) -> Option<CtId> {
    let now = k.now.jiffies();
    let conns = &k.netns[netns].nf.conntrack.conns;
    let living = conns
        .iter()
        .filter(|(_, conn)| conn.status.has(Status::CONFIRMED) && !conn.status.has(Status::DYING));
    let may_go = |conn: &Conn| conn.has_expired(now) || !conn.status.has(Status::ASSURED);
    let mut looked_at = living.take(EVICTION_RANGE.max(conns.len()));
    looked_at.find(|(_, conn)| may_go(conn)).map(|(id, _)| id)
}

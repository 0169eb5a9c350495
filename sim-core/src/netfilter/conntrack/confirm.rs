//! Making a connection known once its first packet has passed all hooks (`__nf_conntrack_confirm()`), and what is
//! done when another packet of the same flow was faster.

use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::entry::{CtId, CtRef, Status};
use crate::netfilter::conntrack::event::{self, Event};
use crate::netfilter::conntrack::tuple::{CtInfo, Dir};
use crate::netfilter::conntrack::{garbage, proto};
use crate::netns::stack::Decision;
use crate::time::HZ;
use crate::trace::DropReason;

/// Confirms the packet's connection, if it has one that is not yet, and tells what has happened to it
/// (`nf_conntrack_confirm()`).
///
/// # Errors
/// Another connection has the same tuple.
pub fn confirm(k: &mut Kernel, f: &mut Flight) -> Decision<()> {
    help(k, f);
    confirm_quietly(k, f)?;
    if let CtRef::Tracked(id, _) = f.ct {
        event::deliver(k, f.netns, id);
    }
    Ok(())
}

/// Shows the packet to its connection's helper, errors in the direction of answers apart.
fn help(k: &mut Kernel, f: &Flight) {
    let CtRef::Tracked(id, info) = f.ct else { return };
    let now = k.now.jiffies();
    let Some(conn) = k.netns[f.netns].nf.conntrack.conns.get_mut(id) else { return };
    if info == CtInfo::RelatedReply {
        return;
    }
    let lifetime = conn.helper.and_then(|helper| helper.lifetime(info, f.skb.network_header()));
    if let Some(seconds) = lifetime {
        conn.refresh(now, seconds * HZ);
    }
}

/// As [`confirm`], but tells nothing yet (`__nf_conntrack_confirm()`).
///
/// # Errors
/// As there.
pub fn confirm_quietly(k: &mut Kernel, f: &mut Flight) -> Decision<()> {
    let CtRef::Tracked(id, info) = f.ct else { return Ok(()) };
    let Some(conn) = k.netns[f.netns].nf.conntrack.conns.get(id) else { return Ok(()) };
    if !conn.status.has(Status::CONFIRMED) && info.dir() == Dir::Original {
        if conn.status.has(Status::DYING) {
            k.netns[f.netns].nf.conntrack.stats.insert_failed += 1;
            return Err(DropReason::NetfilterDrop);
        }
        insert(k, f, id)?;
    }
    Ok(())
}

/// Puts the connection into the table, or finds out what to do about the one that is there.
fn insert(k: &mut Kernel, f: &mut Flight, id: CtId) -> Decision<()> {
    let now = k.now;
    let ct = &mut k.netns[f.netns].nf.conntrack;
    let Some(conn) = ct.conns.get(id) else { return Ok(()) };
    if let Some((winner, dir)) = ct.conns.clash(conn) {
        return resolve_clash(k, f, id, winner, dir);
    }
    let Some(conn) = ct.conns.get_mut(id) else { return Ok(()) };
    // It lives from now on.
    conn.timeout = conn.timeout.saturating_add(now.jiffies());
    conn.status.set(Status::CONFIRMED);
    if conn.since.is_some() {
        conn.since = Some(now);
    }
    if conn.helper.is_some() {
        conn.note(Event::Helper);
    }
    let is_expected = conn.status.has(Status::EXPECTED);
    conn.note(if is_expected { Event::Related } else { Event::New });
    ct.conns.link(id);
    garbage::arm(k, f.netns);
    Ok(())
}

/// Another connection with one of the same tuples was faster (`nf_ct_resolve_clash()`).
fn resolve_clash(
    k: &mut Kernel,
    f: &mut Flight,
    loser: CtId,
    winner: CtId,
    dir: Dir,
) -> Decision<()> {
    let allowed = may_merge(k, f, loser, winner);
    let is_beside = allowed == Some(Merge::Beside) && insert_beside(k, f, loser);
    let ct = &mut k.netns[f.netns].nf.conntrack;
    match allowed {
        Some(Merge::Same) => {
            ct.conns.merge_counts(loser, winner);
            let status = ct.conns.get(winner).map(|conn| conn.status).unwrap_or_default();
            f.ct = CtRef::Tracked(winner, status.of_packet(dir));
            ct.stats.clash_resolve += 1;
            Ok(())
        }
        Some(Merge::Beside) if is_beside => {
            ct.stats.clash_resolve += 1;
            Ok(())
        }
        _ => {
            ct.stats.drop += 1;
            ct.stats.insert_failed += 1;
            Err(DropReason::NetfilterDrop)
        }
    }
}

/// How two connections that clash can both go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Merge {
    /// They are the same.
    Same,
    /// The later one stands beside the other for a moment, for answers to find.
    Beside,
}

/// Whether the protocol lets a clash pass, and how (`__nf_ct_resolve_clash()`).
fn may_merge(k: &Kernel, f: &Flight, loser: CtId, winner: CtId) -> Option<Merge> {
    let conns = &k.netns[f.netns].nf.conntrack.conns;
    let (loser, winner) = (conns.get(loser)?, conns.get(winner)?);
    if !proto::allows_clash(loser.tuple(Dir::Original).proto) {
        return None;
    }
    let is_same = winner.tuples == loser.tuples && winner.zone == loser.zone;
    let is_reverse = winner.tuples[0] == loser.tuples[1]
        && winner.tuples[1] == loser.tuples[0]
        && winner.zone.id_in(Dir::Original) == loser.zone.id_in(Dir::Reply)
        && winner.zone.id_in(Dir::Reply) == loser.zone.id_in(Dir::Original);
    Some(if is_same || is_reverse { Merge::Same } else { Merge::Beside })
}

/// Lets answers find the connection for a second, and nothing else (`nf_ct_resolve_clash_harder()`).
fn insert_beside(k: &mut Kernel, f: &Flight, id: CtId) -> bool {
    let now = k.now;
    let ct = &mut k.netns[f.netns].nf.conntrack;
    let Some(conn) = ct.conns.get(id) else { return false };
    if ct.conns.find_filed(conn.tuple(Dir::Reply), conn.zone, Dir::Reply).next().is_some() {
        return false;
    }
    let Some(conn) = ct.conns.get_mut(id) else { return false };
    conn.timeout = now.jiffies() + HZ;
    conn.status.set(Status(Status::FIXED_TIMEOUT.0 | Status::NAT_CLASH.0 | Status::CONFIRMED.0));
    if conn.since.is_some() {
        conn.since = Some(now);
    }
    ct.conns.link_reply(id);
    garbage::arm(k, f.netns);
    true
}

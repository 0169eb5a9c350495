//! Finding or making the connection of a packet (`nf_conntrack_in()`).

use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::entry::{Conn, CtId, CtRef, Status, Template, Zone};
use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::{self, ProtoCx, Quote, Ruling};
use crate::netfilter::conntrack::tuple::{CtInfo, Dir, Tuple};
use crate::netfilter::conntrack::{garbage, lookup};
use crate::netns::stack::Decision;
use crate::packet::{IpProto, Ipv4};
use crate::sysctl::table::Sysctl;
use crate::trace::DropReason;

/// Finds the packet's connection, or makes one that is not confirmed yet. What makes no sense stays without
/// (`INVALID`).
///
/// # Errors
/// The table is full.
pub fn track(k: &mut Kernel, f: &mut Flight, hook: Hook) -> Decision<()> {
    let template = match f.ct {
        // Seen before: it was looped back, or is not to be looked at.
        CtRef::Tracked(..) | CtRef::Untracked => return Ok(()),
        CtRef::Template(template) => Some(template),
        CtRef::None | CtRef::Answer => None,
    };
    // What is left of a packet that makes no sense; only a template is taken away from it.
    let left = if f.ct == CtRef::Answer { CtRef::Answer } else { CtRef::None };
    f.ct = CtRef::None;
    let outcome = find(k, f, template.unwrap_or_default(), hook);
    let stats = &mut k.netns[f.netns].nf.conntrack.stats;
    match outcome {
        Outcome::Tracked => Ok(()),
        Outcome::Invalid => {
            f.ct = left;
            stats.invalid += 1;
            Ok(())
        }
        Outcome::Error => {
            f.ct = left;
            stats.error += 1;
            Ok(())
        }
        Outcome::Full => {
            stats.drop += 1;
            Err(DropReason::NetfilterDrop)
        }
    }
}

/// What became of a packet.
enum Outcome {
    /// It has a connection.
    Tracked,
    /// It makes no sense.
    Invalid,
    /// It is of ICMP, and unsound or about nothing that is known.
    Error,
    /// There is no room for its connection.
    Full,
}

fn find(k: &mut Kernel, f: &mut Flight, template: Template, hook: Hook) -> Outcome {
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return Outcome::Invalid };
    if ip.frag_offset() != 0 {
        return Outcome::Invalid;
    }
    let is_icmp = ip.proto() == IpProto::ICMP;
    let checksums = k.netns[f.netns].sysctl.is_on(Sysctl::NfConntrackChecksum);
    if !proto::check(f.skb.network_header(), hook, checksums) {
        return if is_icmp { Outcome::Error } else { Outcome::Invalid };
    }
    match proto::error_quote(f.skb.network_header()) {
        Quote::Itself => {}
        Quote::Unclear => return Outcome::Error,
        Quote::Of(tuple) => return related(k, f, &tuple, template.zone),
    }
    loop {
        let (id, info) = match resolve(k, f, template, hook) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        f.ct = CtRef::Tracked(id, info);
        match handle(k, f, id, info, hook) {
            Ruling::Accept | Ruling::Kill => return Outcome::Tracked,
            Ruling::Repeat => {
                garbage::kill(k, f.netns, id);
                f.ct = CtRef::None;
            }
            Ruling::Invalid => return Outcome::Invalid,
        }
    }
}

/// Gives an ICMP error to the connection that it is about (`nf_conntrack_inet_error()`).
fn related(k: &mut Kernel, f: &mut Flight, tuple: &Tuple, zone: Zone) -> Outcome {
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return Outcome::Error };
    let to = ip.dst();
    let Some((id, dir)) = lookup(k, f.netns, tuple, zone) else { return Outcome::Error };
    let conns = &k.netns[f.netns].nf.conntrack.conns;
    // An error about a packet goes to where the packet came from; any other is a forgery.
    if conns.get(id).is_none_or(|conn| conn.tuple(dir).dst.addr != to) {
        return Outcome::Error;
    }
    let info = match dir {
        Dir::Original => CtInfo::Related,
        Dir::Reply => CtInfo::RelatedReply,
    };
    f.ct = CtRef::Tracked(id, info);
    Outcome::Tracked
}

/// Finds the connection by the packet's tuple, or makes it (`resolve_normal_ct()`).
fn resolve(
    k: &mut Kernel,
    f: &Flight,
    template: Template,
    hook: Hook,
) -> Result<(CtId, CtInfo), Outcome> {
    let packet = f.skb.network_header();
    let tuple = proto::tuple_of(packet).ok_or(Outcome::Invalid)?;
    let mut zone = template.zone;
    if zone.from_mark {
        // The mark's lower half is the zone (`nf_ct_zone_tmpl()`).
        zone.id = u16::try_from(f.skb.meta.mark & 0xffff).unwrap_or(0);
    }
    if let Some((id, dir)) = lookup(k, f.netns, &tuple, zone) {
        let conns = &k.netns[f.netns].nf.conntrack.conns;
        let status = conns.get(id).map(|conn| conn.status).unwrap_or_default();
        return Ok((id, status.of_packet(dir)));
    }
    let id = make(k, f, &tuple, zone, template, hook)?;
    Ok((id, CtInfo::New))
}

/// Makes a connection that no other packet can find yet (`init_conntrack()`).
fn make(
    k: &mut Kernel,
    f: &Flight,
    tuple: &Tuple,
    zone: Zone,
    template: Template,
    hook: Hook,
) -> Result<CtId, Outcome> {
    let reply = proto::invert(tuple).ok_or(Outcome::Invalid)?;
    if !garbage::make_room(k, f.netns) {
        return Err(Outcome::Full);
    }
    let number = k.netns[f.netns].nf.conntrack.next_number();
    let zone = Zone { from_mark: false, ..zone };
    let mut conn = Conn {
        zone,
        number,
        helper: template.helper,
        ..Conn::begun(k, f.netns, [*tuple, reply], template.events)
    };
    if conn.helper.is_some() {
        conn.status.set(Status::HELPER);
    }
    let ns = &mut k.netns[f.netns];
    let cx = ProtoCx { now: k.now, sysctl: &ns.sysctl, hook };
    if !proto::begin(&mut conn, f.skb.network_header(), &cx) {
        return Err(Outcome::Invalid);
    }
    let id = ns.nf.conntrack.conns.insert(conn);
    k.ct_garbage.push((f.netns, id));
    Ok(id)
}

/// Lets the protocol look at the packet (`nf_conntrack_handle_packet()`), counts it, and does what it asks for.
fn handle(k: &mut Kernel, f: &Flight, id: CtId, info: CtInfo, hook: Hook) -> Ruling {
    let now = k.now;
    let ns = &mut k.netns[f.netns];
    let cx = ProtoCx { now, sysctl: &ns.sysctl, hook };
    let Some(conn) = ns.nf.conntrack.conns.get_mut(id) else { return Ruling::Invalid };
    let packet = f.skb.network_header();
    conn.refreshed = false;
    let ruling = proto::packet(conn, packet, info.dir(), info, &cx);
    if ruling == Ruling::Kill || ruling == Ruling::Accept && conn.refreshed {
        count(conn, info.dir(), packet.len());
    }
    if ruling == Ruling::Kill {
        // That it ended is told before the answer that ends it counts as one.
        garbage::kill(k, f.netns, id);
    }
    if matches!(ruling, Ruling::Accept | Ruling::Kill) && info == CtInfo::EstablishedReply {
        saw_reply(k, f, id);
    }
    ruling
}

/// Counts the packet once more and ends its connection (`nf_ct_kill_acct()`).
pub(in crate::netfilter) fn kill_counted(k: &mut Kernel, f: &Flight, id: CtId, info: CtInfo) {
    if let Some(conn) = k.netns[f.netns].nf.conntrack.conns.get_mut(id) {
        count(conn, info.dir(), f.skb.network_header().len());
    }
    garbage::kill(k, f.netns, id);
}

/// Notes that the connection is answered.
fn saw_reply(k: &mut Kernel, f: &Flight, id: CtId) {
    let conn = k.netns[f.netns].nf.conntrack.conns.get_mut(id);
    if let Some(conn) = conn.filter(|conn| !conn.status.has(Status::SEEN_REPLY)) {
        conn.status.set(Status::SEEN_REPLY);
        conn.note(Event::Reply);
    }
}

/// Counts a packet of `len` bytes (`nf_ct_acct_update()`).
fn count(conn: &mut Conn, dir: Dir, len: usize) {
    if let Some(counted) = &mut conn.counted {
        let counted = &mut counted[dir.index()];
        counted.packets += 1;
        counted.bytes += len as u64;
    }
}

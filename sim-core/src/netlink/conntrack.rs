//! Changes to connections (`net/netfilter/nf_conntrack_netlink.c`).

use crate::errno::{Errno, NetlinkError};
use crate::id::NetnsId;
use crate::kernel::{Kernel, nfnl};
use crate::netfilter::conntrack::control;
use crate::netfilter::conntrack::entry::Counted;
use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::{ProtoState, gre, sctp, tcp, udp};
use crate::netfilter::conntrack::{Conn, CtId, Dir, Side, Status, Tuple, Zone, garbage, proto};
use crate::netlink::message::ConntrackMsg;
use crate::netlink::request::{ConntrackNat, ConntrackProto, ConntrackSpec};
use crate::packet::IpProto;
use crate::sysctl::Sysctl;
use crate::time::HZ;

/// The status bits that nobody may change (`IPS_UNCHANGEABLE_MASK`).
const UNCHANGEABLE: u32 = Status::NAT_MASK.0
    | Status::SRC_NAT_DONE.0
    | Status::DST_NAT_DONE.0
    | Status::EXPECTED.0
    | Status::CONFIRMED.0
    | Status::DYING.0
    | Status::SEQ_ADJUST.0;

/// The longest life of an entry, in jiffies.
const MAX_TIMEOUT: u64 = i32::MAX as u64;

/// What may have changed, whatever did: a program's change is told in full.
const CHANGED: u32 = 1 << Event::Reply as u32
    | 1 << Event::Assured as u32
    | 1 << Event::Helper as u32
    | 1 << Event::Label as u32
    | 1 << Event::ProtoInfo as u32
    | 1 << Event::SeqAdj as u32
    | 1 << Event::Mark as u32
    | 1 << Event::SynProxy as u32;

/// The connections that are in the table and whose time is not over, as a listing shows them
/// (`ctnetlink_dump_table()`).
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<ConntrackMsg> {
    let now = k.now;
    let listed = |conn: &&Conn| {
        // One that stands beside another is found by its answers alone.
        conn.status.has(Status::CONFIRMED)
            && !conn.status.has(Status(Status::DYING.0 | Status::NAT_CLASH.0))
            && !conn.has_expired(now.jiffies())
    };
    let conns = k.netns[netns].nf.conntrack.conns.iter().map(|(_, conn)| conn);
    conns.filter(listed).map(|conn| ConntrackMsg::of(conn, now, 1)).collect()
}

/// One connection, by a tuple of either direction (`ctnetlink_get_conntrack()`).
///
/// # Errors
/// [`Errno::ENOENT`] if there is none.
pub fn get(
    k: &Kernel,
    netns: NetnsId,
    tuple: &Tuple,
    zone: Zone,
) -> Result<ConntrackMsg, NetlinkError> {
    let (id, _) = find(k, netns, tuple, zone).ok_or(Errno::ENOENT)?;
    let conn = k.netns[netns].nf.conntrack.conns.get(id).ok_or(Errno::ENOENT)?;
    // Whoever asks holds it, too.
    Ok(ConntrackMsg::of(conn, k.now, 2))
}

/// The connection that has this tuple.
fn find(k: &Kernel, netns: NetnsId, tuple: &Tuple, zone: Zone) -> Option<(CtId, Dir)> {
    let conns = &k.netns[netns].nf.conntrack.conns;
    let now = k.now.jiffies();
    conns
        .find(tuple, zone)
        .find(|(id, _)| conns.get(*id).is_some_and(|conn| !conn.has_expired(now)))
}

/// Makes a connection (`ctnetlink_create_conntrack()`).
///
/// # Errors
/// [`Errno::EEXIST`] if there is one with one of its tuples; [`Errno::EINVAL`] without a time to live;
/// [`Errno::EBUSY`] for a status that can't be.
pub(super) fn create(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &ConntrackSpec,
) -> Result<(), NetlinkError> {
    let taken = |tuple| find(k, netns, tuple, spec.zone).is_some();
    if spec.tuples.iter().any(taken) {
        return Err(Errno::EEXIST.into());
    }
    let mut conn = fresh(k, netns, spec)?;
    change(k, netns, &mut conn, spec)?;
    let id = control::insert(k, netns, conn).ok_or(Errno::EEXIST)?;
    let told = CHANGED & !(1 << Event::Label as u32) | 1 << Event::New as u32;
    nfnl::conntrack(k, netns, id, told);
    Ok(())
}

/// A connection of these tuples, of which nothing else is known.
fn fresh(k: &Kernel, netns: NetnsId, spec: &ConntrackSpec) -> Result<Conn, NetlinkError> {
    if spec.timeout.is_none() || spec.tuples.iter().any(|tuple| proto::invert(tuple).is_none()) {
        return Err(Errno::EINVAL.into());
    }
    let mut conn = Conn {
        status: Status::CONFIRMED,
        zone: spec.zone,
        proto: nothing_known(spec.tuples[0].proto),
        ..Conn::begun(k, netns, spec.tuples, None)
    };
    translate(&mut conn, spec);
    Ok(conn)
}

/// What a protocol remembers of a connection of which it has seen no packet.
fn nothing_known(proto: IpProto) -> ProtoState {
    match proto {
        IpProto::TCP => ProtoState::Tcp(tcp::TcpConn::default()),
        IpProto::UDP => ProtoState::Udp(udp::UdpConn::default()),
        IpProto::SCTP => ProtoState::Sctp(sctp::SctpConn::default()),
        IpProto::GRE => ProtoState::Gre(gre::GreConn::default()),
        _ => ProtoState::None,
    }
}

/// Has the addresses translated (`ctnetlink_setup_nat()`): both ends are settled if one of them is named.
fn translate(conn: &mut Conn, spec: &ConntrackSpec) {
    if spec.src_nat.is_none() && spec.dst_nat.is_none() {
        return;
    }
    conn.status.set(Status(Status::SRC_NAT_DONE.0 | Status::DST_NAT_DONE.0));
    let ends =
        [(Side::Dst, spec.src_nat, Status::SRC_NAT), (Side::Src, spec.dst_nat, Status::DST_NAT)];
    for (side, nat, bit) in ends {
        let Some(ConntrackNat { addr, port }) = nat else { continue };
        let end = conn.tuples[Dir::Reply.index()].end_mut(side);
        let before = *end;
        end.addr = addr;
        end.id = port.unwrap_or(end.id);
        if *end != before {
            conn.status.set(bit);
        }
    }
}

/// Changes the connection that has the original tuple of `spec` (`ctnetlink_change_conntrack()`).
///
/// # Errors
/// [`Errno::ENOENT`] if there is none; [`Errno::EPERM`] for a time that is fixed; [`Errno::EBUSY`] for a status that
/// can't be.
pub(super) fn update(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &ConntrackSpec,
) -> Result<(), NetlinkError> {
    let (id, _) = find(k, netns, &spec.tuples[0], spec.zone).ok_or(Errno::ENOENT)?;
    let conns = &k.netns[netns].nf.conntrack.conns;
    let mut conn = conns.get(id).ok_or(Errno::ENOENT)?.clone();
    change(k, netns, &mut conn, spec)?;
    if let Some(kept) = k.netns[netns].nf.conntrack.conns.get_mut(id) {
        *kept = conn;
    }
    nfnl::conntrack(k, netns, id, CHANGED);
    Ok(())
}

/// Gives a connection what `spec` says.
fn change(
    k: &Kernel,
    netns: NetnsId,
    conn: &mut Conn,
    spec: &ConntrackSpec,
) -> Result<(), NetlinkError> {
    if let Some(seconds) = spec.timeout {
        if conn.status.has(Status::FIXED_TIMEOUT) {
            return Err(Errno::EPERM.into());
        }
        let jiffies = (u64::from(seconds) * HZ).min(MAX_TIMEOUT);
        conn.timeout = k.now.jiffies() + jiffies;
    }
    if let Some(status) = spec.status {
        change_status(conn, status)?;
    }
    if let Some(proto) = spec.proto {
        change_proto(conn, proto);
    }
    if let Some(mark) = spec.mark {
        conn.mark = mark;
    }
    if spec.clear_labels {
        conn.labels = conn.labels.map(|_| 0);
    }
    // A protocol that settles times when a connection begins does so now.
    if let ProtoState::Gre(gre) = &mut conn.proto
        && *gre == gre::GreConn::default()
    {
        let sysctl = &k.netns[netns].sysctl;
        let of = |key| crate::netfilter::conntrack::timeout::of(sysctl, key);
        gre.timeout = of(Sysctl::NfConntrackGreTimeout);
        gre.stream_timeout = of(Sysctl::NfConntrackGreTimeoutStream);
    }
    Ok(())
}

/// Sets status bits; what was seen can't be unseen (`ctnetlink_change_status()`).
fn change_status(conn: &mut Conn, status: Status) -> Result<(), NetlinkError> {
    let differs = conn.status.0 ^ (status.0 | Status::CONFIRMED.0);
    let fixed = Status::EXPECTED.0 | Status::CONFIRMED.0 | Status::DYING.0;
    let seen = Status::SEEN_REPLY.0 | Status::ASSURED.0;
    if differs & fixed != 0 || differs & seen & !status.0 != 0 {
        return Err(Errno::EBUSY.into());
    }
    conn.status.set(Status(status.0 & !UNCHANGEABLE));
    Ok(())
}

/// Sets what the protocol remembers (`nlattr_to_tcp()`, `nlattr_to_sctp()`).
fn change_proto(conn: &mut Conn, proto: ConntrackProto) {
    match (proto, &mut conn.proto) {
        (ConntrackProto::Tcp { state, flags }, ProtoState::Tcp(tcp)) => {
            tcp.state = state.unwrap_or(tcp.state);
            for side in &mut tcp.seen {
                side.flags.set(flags);
            }
        }
        (ConntrackProto::Sctp { state, vtag }, ProtoState::Sctp(sctp)) => {
            sctp.state = state;
            sctp.vtag = vtag;
        }
        (ConntrackProto::Tcp { .. } | ConntrackProto::Sctp { .. }, _) => {}
    }
}

/// Ends the connection that has this tuple (`ctnetlink_del_conntrack()`).
///
/// # Errors
/// [`Errno::ENOENT`] if there is none.
pub(super) fn delete(
    k: &mut Kernel,
    netns: NetnsId,
    tuple: &Tuple,
    zone: Zone,
) -> Result<(), NetlinkError> {
    let (id, _) = find(k, netns, tuple, zone).ok_or(Errno::ENOENT)?;
    garbage::kill(k, netns, id);
    garbage::collect(k);
    Ok(())
}

/// Ends all connections (`ctnetlink_flush_conntrack()`).
pub(super) fn flush(k: &mut Kernel, netns: NetnsId) {
    garbage::kill_where(k, netns, |_| true);
    garbage::collect(k);
}

/// Starts to count anew what connections carry (`IPCTNL_MSG_CT_GET_CTRZERO`).
pub(super) fn zero(k: &mut Kernel, netns: NetnsId) {
    let conns = &mut k.netns[netns].nf.conntrack.conns;
    let all: Vec<CtId> = conns.iter().map(|(id, _)| id).collect();
    for id in all {
        if let Some(conn) = conns.get_mut(id) {
            conn.counted = conn.counted.map(|_| [Counted::default(); 2]);
        }
    }
}

//! Choosing what a flow is translated to (`get_unique_tuple()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::conntrack::proto::tcp::{State, TcpConn};
use crate::netfilter::conntrack::proto::{self, ProtoState};
use crate::netfilter::conntrack::{Conn, CtId, Dir, Side, Status, Tuple, Zone, garbage};
use crate::netfilter::nat::jhash::jhash2;
use crate::netfilter::nat::range::NatRange;
use crate::packet::IpProto;

/// How many ports in a row are tried at first (`NF_NAT_MAX_ATTEMPTS`).
const MAX_ATTEMPTS: u32 = 128;
/// From here on a connection that is over may have to give way (`NF_NAT_HARDER_THRESH`).
const HARDER_THRESHOLD: u32 = MAX_ATTEMPTS / 4;
/// So few attempts are the last ones.
const LAST_ATTEMPTS: u32 = 16;

/// Whose translation is being chosen.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) netns: NetnsId,
    pub(super) id: CtId,
    pub(super) zone: Zone,
}

/// Chooses a tuple in `range` for the flow that is `original` now. It is unique unless all are taken; then the
/// packet ends when its connection is to be confirmed.
pub(super) fn unique(
    k: &mut Kernel,
    asker: Asker,
    original: &Tuple,
    range: &NatRange,
    side: Side,
) -> Tuple {
    if side == Side::Src && !range.draws_ports() {
        if in_range(original, range) {
            if !is_taken(k, asker, original) {
                return *original;
            }
        } else if let Some(tuple) = like_others_of_source(k, asker, original, range)
            && !is_taken(k, asker, &tuple)
        {
            return tuple;
        }
    }
    let mut tuple = *original;
    choose_addr(&mut tuple, range, side, asker.zone);
    if !range.draws_ports() {
        let keeps = match range.ports {
            Some((min, max)) => {
                range.base.is_none()
                    && id_in_range(&tuple, side, min, max)
                    && (min == max || !is_taken(k, asker, &tuple))
            }
            None => !is_taken(k, asker, &tuple),
        };
        if keeps {
            return tuple;
        }
    }
    choose_id(k, asker, tuple, range, side)
}

/// Whether the tuple's source is what the range allows.
fn in_range(tuple: &Tuple, range: &NatRange) -> bool {
    range.addrs.is_none_or(|(min, max)| (min..=max).contains(&tuple.src.addr))
        && range.ports.is_none_or(|(min, max)| id_in_range(tuple, Side::Src, min, max))
}

/// Whether the protocol's identifier lies in the range (`l4proto_in_range()`). ICMP has but one.
fn id_in_range(tuple: &Tuple, side: Side, min: u16, max: u16) -> bool {
    let id = match tuple.proto {
        IpProto::ICMP | IpProto::ICMPV6 => tuple.src.id,
        proto if has_id(proto) => tuple.end(side).id,
        _ => return true,
    };
    (min..=max).contains(&id)
}

/// Whether a protocol has an identifier at each end.
fn has_id(proto: IpProto) -> bool {
    matches!(
        proto,
        IpProto::TCP
            | IpProto::UDP
            | IpProto::UDPLITE
            | IpProto::SCTP
            | IpProto::DCCP
            | IpProto::GRE
    )
}

/// The translation that another flow of the same source has, if it fits (`find_appropriate_src()`).
fn like_others_of_source(
    k: &Kernel,
    asker: Asker,
    original: &Tuple,
    range: &NatRange,
) -> Option<Tuple> {
    let ct = &k.netns[asker.netns].nf.conntrack;
    ct.by_source.of(original, asker.zone.id_in(Dir::Original)).find_map(|id| {
        let mut tuple = proto::invert(ct.conns.get(id)?.tuple(Dir::Reply))?;
        tuple.dst = original.dst;
        in_range(&tuple, range).then_some(tuple)
    })
}

/// Chooses the address: a function of both ends, so that a client meets a server always from the same one
/// (`find_best_ips_proto()`).
fn choose_addr(tuple: &mut Tuple, range: &NatRange, side: Side, zone: Zone) {
    let Some((min, max)) = range.addrs else { return };
    if min == max {
        tuple.end_mut(side).addr = min;
        return;
    }
    let (IpAddr::V4(min), IpAddr::V4(max)) = (min, max) else { return };
    // Addresses are words as they lie in memory.
    let word = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => u32::from_le_bytes(addr.octets()),
        IpAddr::V6(_) => 0,
    };
    let seed = if range.persistent { 0 } else { word(tuple.dst.addr) ^ u32::from(zone.id) };
    let hash = jhash2(&[word(tuple.src.addr), 0, 0, 0], seed);
    let count = max.to_bits().wrapping_sub(min.to_bits()).wrapping_add(1);
    let chosen = min.to_bits().wrapping_add(scale(hash, count));
    tuple.end_mut(side).addr = Ipv4Addr::from_bits(chosen).into();
}

/// Maps a 32 bit hash to a number below `bound` (`reciprocal_scale()`).
fn scale(hash: u32, bound: u32) -> u32 {
    u32::try_from((u64::from(hash) * u64::from(bound)) >> 32).unwrap_or(0)
}

/// The identifiers that may be chosen for a packet whose own is `id`: the first one, and how many
/// (`nf_nat_l4proto_unique_tuple()`). Ports below 512 may stand for credentials and stay among themselves.
fn candidates(tuple: &Tuple, range: &NatRange, side: Side) -> Option<(u32, u32)> {
    let of = |(min, max): (u16, u16)| {
        let (min, max) = if max < min { (max, min) } else { (min, max) };
        (u32::from(min), u32::from(max) - u32::from(min) + 1)
    };
    match tuple.proto {
        IpProto::ICMP | IpProto::ICMPV6 => Some(range.ports.map_or((0, 0x1_0000), of)),
        // Without PPTP's control connection the keys of GRE stay as they are.
        IpProto::GRE => None,
        proto if !has_id(proto) => None,
        _ => match range.ports {
            Some(ports) => Some(of(ports)),
            None if side == Side::Dst => None,
            None => Some(match tuple.src.id {
                ..512 => of((1, 511)),
                512..1024 => of((600, 1023)),
                1024.. => of((1024, 65535)),
            }),
        },
    }
}

/// Chooses the protocol's identifier.
fn choose_id(
    k: &mut Kernel,
    asker: Asker,
    mut tuple: Tuple,
    range: &NatRange,
    side: Side,
) -> Tuple {
    let Some((min, count)) = candidates(&tuple, range, side) else { return tuple };
    // Whose destination is translated gets the first one that is free, unless the rule wants it otherwise.
    let draws = range.draws_ports() || side == Side::Src;
    let side = if tuple.proto == IpProto::ICMP { Side::Src } else { side };
    let mut offset = match range.base {
        Some(base) => tuple.end(side).id.wrapping_sub(base),
        None if draws => k.rng.choose_u16("nat.id"),
        None => 0,
    };
    let mut attempts = count.min(MAX_ATTEMPTS);
    loop {
        for n in 0..attempts {
            let id = min + u32::from(offset) % count;
            tuple.end_mut(side).id = u16::try_from(id).unwrap_or(0);
            if !is_taken_harder(k, asker, &tuple, attempts - n) {
                return tuple;
            }
            offset = offset.wrapping_add(1);
        }
        if attempts >= count || attempts < LAST_ATTEMPTS {
            return tuple;
        }
        attempts /= 2;
        offset = k.rng.choose_u16("nat.id");
    }
}

/// Whether answers to a flow that leaves as `tuple` would belong to another connection
/// (`nf_conntrack_tuple_taken()`). One that began with the same tuple is the same flow, and does not count.
fn is_taken(k: &mut Kernel, asker: Asker, tuple: &Tuple) -> bool {
    let Some(reply) = proto::invert(tuple) else { return false };
    let now = k.now.jiffies();
    let ct = &mut k.netns[asker.netns].nf.conntrack;
    let Some(own) = ct.conns.get(asker.id) else { return false };
    // Only where answers are looked for first: an opposite flow of a zone that counts for requests lies elsewhere.
    let is_taken = ct.conns.find_filed(&reply, asker.zone, Dir::Reply).any(|(id, _)| {
        id != asker.id
            && ct.conns.get(id).is_some_and(|other| {
                let same_flow = other.tuple(Dir::Original) == own.tuple(Dir::Original)
                    && other.zone.id_in(Dir::Original) == own.zone.id_in(Dir::Original);
                !other.has_expired(now) && !same_flow
            })
    });
    ct.stats.found += u64::from(is_taken);
    is_taken
}

/// As [`is_taken`], but among the last attempts a connection that is over gives way to a new one that has gone
/// beyond its sequence numbers (`nf_nat_used_tuple_harder()`).
fn is_taken_harder(k: &mut Kernel, asker: Asker, tuple: &Tuple, attempts_left: u32) -> bool {
    let conns = &k.netns[asker.netns].nf.conntrack.conns;
    let Some(own) = conns.get(asker.id) else { return false };
    if attempts_left > HARDER_THRESHOLD || !is_syn_sent(own) {
        return is_taken(k, asker, tuple);
    }
    let Some(reply) = proto::invert(tuple) else { return false };
    let now = k.now.jiffies();
    let found = conns
        .find(&reply, asker.zone)
        .find(|(id, _)| conns.get(*id).is_some_and(|conn| !conn.has_expired(now)));
    let Some((id, dir)) = found else { return false };
    let gives_way = conns.get(id).is_some_and(|old| {
        dir == Dir::Reply
            && id != asker.id
            && old.status.has(Status::SRC_NAT)
            && !old.status.has(Status(Status::FIXED_TIMEOUT.0 | Status::DYING.0))
            && has_gone_beyond(old, own)
    });
    if gives_way {
        garbage::kill(k, asker.netns, id);
    }
    !gives_way
}

/// What TCP remembers of a connection.
fn tcp(conn: &Conn) -> Option<&TcpConn> {
    if let ProtoState::Tcp(tcp) = &conn.proto { Some(tcp) } else { None }
}

/// Whether the connection has seen a SYN and nothing else.
fn is_syn_sent(conn: &Conn) -> bool {
    tcp(conn).is_some_and(|tcp| tcp.state == State::SynSent)
}

/// Whether `old` is over, and `new` begins behind what it has sent (`nf_seq_has_advanced()`): then what is still
/// under way for it makes no sense to the new one.
fn has_gone_beyond(old: &Conn, new: &Conn) -> bool {
    let (Some(old), Some(new)) = (tcp(old), tcp(new)) else { return false };
    let advanced = new.seen[0].end.wrapping_sub(old.seen[0].end).cast_signed() > 0;
    matches!(old.state, State::TimeWait | State::Close | State::SynSent2) && advanced
}

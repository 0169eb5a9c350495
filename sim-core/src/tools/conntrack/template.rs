//! The connection that the words describe, and whether another one is like it (`nfct_cmp()`).

use std::net::IpAddr;

use crate::family::AddressFamily;
use crate::netfilter::conntrack::entry::ZoneDir;
use crate::netfilter::conntrack::proto::tcp::State;
use crate::netfilter::conntrack::{Dir, Status, Tuple};
use crate::netlink::message::ConntrackMsg;
use crate::netlink::message::conntrack::ProtoInfo;
use crate::packet::IpProto;
use crate::tools::conntrack::options::{Opt, Opts};

/// The options that make a listing compare connections with the template (`CT_COMPARISON`).
pub(super) const COMPARISON: Opts = Opts::of(&[
    Opt::Proto,
    Opt::OrigSrc,
    Opt::OrigDst,
    Opt::ReplSrc,
    Opt::ReplDst,
    Opt::Mark,
    Opt::SecMark,
    Opt::Status,
    Opt::Id,
    Opt::Zone,
    Opt::Label,
    Opt::OrigZone,
    Opt::ReplZone,
]);
/// The options that describe the original tuple.
pub(super) const TUPLE_ORIG: Opts = Opts::of(&[Opt::OrigSrc, Opt::OrigDst, Opt::Proto]);
/// The options that describe the reply tuple.
pub(super) const TUPLE_REPL: Opts = Opts::of(&[Opt::ReplSrc, Opt::ReplDst, Opt::Proto]);

/// A number of 32 bits of which some count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Masked {
    pub(super) value: u32,
    pub(super) mask: u32,
}

/// What is known of a tuple.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Half {
    pub(super) family: Option<AddressFamily>,
    pub(super) src: Option<IpAddr>,
    pub(super) dst: Option<IpAddr>,
    pub(super) proto: Option<IpProto>,
    pub(super) src_id: Option<u16>,
    pub(super) dst_id: Option<u16>,
}

/// What an end is said to be translated to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Nat {
    pub(super) addr: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

/// What is known of a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Template {
    /// Its tuples, by [`Dir::index`].
    pub(super) halves: [Half; 2],
    pub(super) icmp_type: Option<u8>,
    pub(super) icmp_code: Option<u8>,
    pub(super) icmp_id: Option<u16>,
    /// The state by number, of TCP or SCTP.
    pub(super) tcp_state: Option<u8>,
    pub(super) sctp_state: Option<u8>,
    pub(super) vtag: [Option<u32>; 2],
    pub(super) src_nat: Nat,
    pub(super) dst_nat: Nat,
    /// The mark; a status named behind it takes its place, as in the real tool.
    pub(super) mark: Masked,
    /// What the kernel is to look for among marks.
    pub(super) kernel_mark: Option<Masked>,
    /// What the kernel is to look for among statuses.
    pub(super) kernel_status: Option<Masked>,
    pub(super) status: Option<u32>,
    pub(super) timeout: Option<u32>,
    pub(super) id: Option<u32>,
    pub(super) zone: Option<u16>,
    pub(super) orig_zone: Option<u16>,
    pub(super) repl_zone: Option<u16>,
    /// The masks of the original addresses.
    pub(super) masks: [Option<IpAddr>; 2],
}

/// The zones of a connection: of both directions, of the original, of the reply.
pub(super) fn zones(msg: &ConntrackMsg) -> [u16; 3] {
    let id = msg.zone.id;
    match msg.zone.dir {
        None => [id, 0, 0],
        Some(ZoneDir::Original) => [0, id, 0],
        Some(ZoneDir::Reply) => [0, 0, id],
    }
}

/// Whether something that is told agrees with what is wanted, if anything is.
fn agrees<T: PartialEq>(wanted: Option<T>, told: Option<T>) -> bool {
    wanted.is_none_or(|wanted| told == Some(wanted))
}

impl Template {
    /// Whether a connection is like this one in all that is known (`nfct_cmp()` with `NFCT_CMP_MASK`).
    pub(super) fn is_like(&self, msg: &ConntrackMsg) -> bool {
        let zones = zones(msg);
        agrees(self.id, Some(msg.number))
            && agrees(self.timeout.map(u64::from), msg.timeout)
            && self.status.is_none_or(|status| msg.status.0 & status == status)
            && agrees(self.tcp_state, tcp_state(msg))
            && agrees(self.sctp_state, sctp_state(msg))
            && agrees(self.zone, Some(zones[0]))
            && agrees(self.orig_zone, Some(zones[1]))
            && agrees(self.repl_zone, Some(zones[2]))
            && self.has_tuple(msg, Dir::Original)
            && self.has_tuple(msg, Dir::Reply)
    }

    /// Whether the tuple in one direction is like this one's (`NFCT_CMP_ORIG`, `NFCT_CMP_REPL`).
    pub(super) fn has_tuple(&self, msg: &ConntrackMsg, dir: Dir) -> bool {
        let (half, tuple) = (&self.halves[dir.index()], msg.tuple(dir));
        agrees(half.family, Some(AddressFamily::of(tuple.src.addr)))
            && agrees(half.src, Some(tuple.src.addr))
            && agrees(half.dst, Some(tuple.dst.addr))
            && half.proto.is_none_or(|proto| proto == tuple.proto && self.has_ids(msg, tuple, half))
    }

    /// Whether what the protocol tells flows apart by is like this one's. Keys of GRE are not looked at.
    fn has_ids(&self, msg: &ConntrackMsg, tuple: &Tuple, half: &Half) -> bool {
        match tuple.proto {
            IpProto::ICMP | IpProto::ICMPV6 => {
                let original = msg.tuple(Dir::Original);
                let (icmp_type, code) = original.icmp_type_code();
                agrees(self.icmp_type, Some(icmp_type))
                    && agrees(self.icmp_code, Some(code))
                    && agrees(self.icmp_id, Some(original.src.id))
            }
            IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP | IpProto::DCCP => {
                agrees(half.src_id, Some(tuple.src.id)) && agrees(half.dst_id, Some(tuple.dst.id))
            }
            _ => true,
        }
    }

    /// Whether the original addresses are in the networks that were named (`filter_network()`).
    pub(super) fn is_in_networks(&self, msg: &ConntrackMsg) -> bool {
        let (half, tuple) = (&self.halves[0], msg.tuple(Dir::Original));
        let ends = [(half.src, tuple.src.addr), (half.dst, tuple.dst.addr)];
        ends.into_iter().zip(self.masks).all(|((wanted, told), mask)| match (wanted, mask) {
            (Some(wanted), Some(mask)) => masked(wanted, mask) == masked(told, mask),
            _ => true,
        })
    }

    /// The same, but for addresses that stand for a network.
    pub(super) fn without_networks(&self) -> Self {
        let mut other = self.clone();
        let half = &mut other.halves[0];
        for (addr, mask) in [&mut half.src, &mut half.dst].into_iter().zip(self.masks) {
            if mask.is_some() {
                *addr = None;
            }
        }
        other
    }

    /// Whether addresses or ports are translated as the options ask (`filter_nat()`).
    pub(super) fn is_translated(&self, options: Opts, msg: &ConntrackMsg) -> bool {
        let any = options.has(Opt::AnyNat);
        let (src, dst) = (options.has(Opt::SrcNat), options.has(Opt::DstNat));
        let [original, reply] = &msg.tuples;
        let has_src = translated(
            self.src_nat,
            (original.src.addr, original.src.id),
            (reply.dst.addr, reply.dst.id),
            msg.status.has(Status::SRC_NAT_DONE),
        );
        let has_dst = translated(
            self.dst_nat,
            (original.dst.addr, original.dst.id),
            (reply.src.addr, reply.src.id),
            msg.status.has(Status::DST_NAT_DONE),
        );
        if any { has_src || has_dst } else { (!src || has_src) && (!dst || has_dst) }
    }
}

/// Whether an end is another one in answers, the one that is wanted if one is.
fn translated(wanted: Nat, before: (IpAddr, u16), after: (IpAddr, u16), done: bool) -> bool {
    let addr = done && before.0 != after.0;
    let port = done && before.1 != after.1;
    match (wanted.addr, wanted.port) {
        (None, None) => addr || port,
        (Some(to), None) => addr && after.0 == to,
        (None, Some(to)) => port && after.1 == to,
        (Some(to), Some(at)) => addr && after.0 == to && port && after.1 == at,
    }
}

/// The bits of an address that a mask keeps; an address of another family has none.
fn masked(addr: IpAddr, mask: IpAddr) -> Option<u128> {
    match (addr, mask) {
        (IpAddr::V4(addr), IpAddr::V4(mask)) => Some((addr.to_bits() & mask.to_bits()).into()),
        (IpAddr::V6(addr), IpAddr::V6(mask)) => Some(addr.to_bits() & mask.to_bits()),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

/// The number of TCP's state, if there is one.
fn tcp_state(msg: &ConntrackMsg) -> Option<u8> {
    match msg.proto {
        Some(ProtoInfo::Tcp(state)) => Some(state as u8),
        Some(ProtoInfo::Sctp(..)) | None => None,
    }
}

/// The number of SCTP's state, if there is one.
pub(super) fn sctp_state(msg: &ConntrackMsg) -> Option<u8> {
    match msg.proto {
        Some(ProtoInfo::Sctp(state, _)) => Some(state as u8),
        Some(ProtoInfo::Tcp(_)) | None => None,
    }
}

/// TCP's state of a number, if there is one.
pub(super) fn tcp_state_of(number: u8) -> Option<State> {
    State::ALL.get(usize::from(number)).copied()
}

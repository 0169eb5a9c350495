//! A connection (`struct nf_conn`).

use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::netfilter::conntrack::event::{self, Event};
use crate::netfilter::conntrack::helper::Helper;
use crate::netfilter::conntrack::proto::ProtoState;
use crate::netfilter::conntrack::tuple::{CtInfo, Dir, Tuple};
use crate::sysctl::Sysctl;
use crate::time::SimTime;

/// Names an entry of one namespace's table; never used twice, so that a stale one finds nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CtId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// A packet's relation to connection tracking (`skb->_nfct`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CtRef {
    /// It was not looked at, or makes no sense (`INVALID`).
    #[default]
    None,
    /// It is not to be looked at (`IP_CT_UNTRACKED`, target `NOTRACK`).
    Untracked,
    /// It answers an untracked packet: it has no connection, and yet the target `CT` takes it for one that has
    /// (`IP_CT_RELATED` without a connection).
    Answer,
    /// It belongs to an entry.
    Tracked(CtId, CtInfo),
    /// It will belong to an entry of this template, which the target `CT` gave it (`IPS_TEMPLATE`).
    Template(Template),
}

/// What the target `CT` asks of the entry that a packet will make (`struct nf_conn` with `IPS_TEMPLATE`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Template {
    /// The zone, and whether it counts for one direction only.
    pub zone: Zone,
    /// Which events are told (`--ctevents`); all if none was named.
    pub events: Option<u32>,
    /// Which events of expectations are told (`--expevents`).
    pub exp_events: Option<u32>,
    /// Its helper (`--helper`).
    pub helper: Option<&'static Helper>,
}

/// A zone (`struct nf_conntrack_zone`): equal tuples in different zones are different flows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Zone {
    /// Its number.
    pub id: u16,
    /// The direction it counts for; both if none.
    pub dir: Option<ZoneDir>,
    /// Whether the number is the packet's mark (`NF_CT_FLAG_MARK`).
    pub from_mark: bool,
}

/// The direction in which a zone counts; in the other one the default zone holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ZoneDir {
    /// The original direction.
    Original,
    /// The direction of answers.
    Reply,
}

impl Zone {
    /// The number that counts in direction `dir` (`nf_ct_zone_id()`).
    #[must_use]
    pub fn id_in(self, dir: Dir) -> u16 {
        match (self.dir, dir) {
            (None, _)
            | (Some(ZoneDir::Original), Dir::Original)
            | (Some(ZoneDir::Reply), Dir::Reply) => self.id,
            _ => 0,
        }
    }
}

/// A set of status bits (`enum ip_conntrack_status`), with Linux' numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Status(pub u32);

#[expect(missing_docs, reason = "the names are those of `enum ip_conntrack_status`")]
impl Status {
    pub const EXPECTED: Self = Self(1);
    pub const SEEN_REPLY: Self = Self(1 << 1);
    pub const ASSURED: Self = Self(1 << 2);
    pub const CONFIRMED: Self = Self(1 << 3);
    pub const SRC_NAT: Self = Self(1 << 4);
    pub const DST_NAT: Self = Self(1 << 5);
    pub const SEQ_ADJUST: Self = Self(1 << 6);
    pub const SRC_NAT_DONE: Self = Self(1 << 7);
    pub const DST_NAT_DONE: Self = Self(1 << 8);
    pub const DYING: Self = Self(1 << 9);
    pub const FIXED_TIMEOUT: Self = Self(1 << 10);
    pub const NAT_CLASH: Self = Self(1 << 12);
    pub const HELPER: Self = Self(1 << 13);
    pub const NAT_MASK: Self = Self(Self::SRC_NAT.0 | Self::DST_NAT.0);

    /// Whether any of `bits` is set.
    #[must_use]
    pub const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }

    /// How a packet in direction `dir` relates to a connection of this status.
    #[must_use]
    pub const fn of_packet(self, dir: Dir) -> CtInfo {
        match dir {
            Dir::Reply => CtInfo::EstablishedReply,
            Dir::Original if self.has(Self::SEEN_REPLY) => CtInfo::Established,
            Dir::Original if self.has(Self::EXPECTED) => CtInfo::Related,
            Dir::Original => CtInfo::New,
        }
    }

    /// Sets `bits`.
    pub fn set(&mut self, bits: Self) {
        self.0 |= bits.0;
    }

    /// Clears `bits`.
    pub fn clear(&mut self, bits: Self) {
        self.0 &= !bits.0;
    }
}

/// Packets and bytes of one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counted {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the network header on.
    pub bytes: u64,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Conn {
    /// Its tuple in each direction, by [`Dir::index`]. That of answers is the other one turned round, unless
    /// addresses are translated.
    pub tuples: [Tuple; 2],
    /// Its status.
    pub status: Status,
    /// The zone it is in.
    pub zone: Zone,
    /// When it ends, in jiffies; before it is confirmed, how many it will have (`ct->timeout`).
    pub timeout: u64,
    /// What its protocol remembers.
    pub proto: ProtoState,
    /// Its mark.
    pub mark: u32,
    /// Its labels, bit by bit (`struct nf_conn_labels`); `None` until a rule needs labels.
    pub labels: Option<u128>,
    /// What it has carried, by [`Dir::index`]; `None` if `nf_conntrack_acct` was off when it began.
    pub counted: Option<[Counted; 2]>,
    /// When it began; `None` if `nf_conntrack_timestamp` was off then.
    pub since: Option<SimTime>,
    /// The device whose address it was masqueraded with (`nat->masq_index`).
    pub masquerade: Option<DevId>,
    /// The connection that announced it.
    pub master: Option<CtId>,
    /// What would read its messages.
    pub helper: Option<&'static Helper>,
    /// Which events are told of it (`struct nf_conntrack_ecache`).
    pub event_mask: u32,
    /// Whether the packet at hand has prolonged it; only such packets are counted (`nf_ct_refresh_acct()`).
    pub refreshed: bool,
    /// What has happened to it and was not told yet: a bit each, by [`Event`].
    pub pending: u32,
    /// The number that tools show (`nf_ct_get_id()`).
    pub number: u32,
    /// How many packets that wait in a queue have it: it is not forgotten before they go on.
    pub(crate) held: u32,
}

impl Conn {
    /// A connection with these tuples about which nothing else is known.
    #[must_use]
    pub fn between(tuples: [Tuple; 2]) -> Self {
        Self {
            tuples,
            status: Status::default(),
            zone: Zone::default(),
            timeout: 0,
            proto: ProtoState::default(),
            mark: 0,
            labels: None,
            counted: None,
            since: None,
            masquerade: None,
            master: None,
            helper: None,
            event_mask: u32::MAX,
            refreshed: false,
            pending: 0,
            number: 0,
            held: 0,
        }
    }

    /// A connection that begins in `netns` now: what the settings of the namespace have it remember, and whether
    /// events are told of it, of which `events` were asked for (`init_conntrack()`).
    pub(crate) fn begun(
        k: &Kernel,
        netns: NetnsId,
        tuples: [Tuple; 2],
        events: Option<u32>,
    ) -> Self {
        let ns = &k.netns[netns];
        let on = |key| ns.sysctl.is_on(key);
        Self {
            labels: (ns.nf.conntrack.label_users > 0).then_some(0),
            counted: on(Sysctl::NfConntrackAcct).then_some([Counted::default(); 2]),
            since: on(Sysctl::NfConntrackTimestamp).then_some(k.now),
            event_mask: event::mask_of_new(k, netns, events),
            ..Self::between(tuples)
        }
    }

    /// Its tuple in direction `dir`.
    #[must_use]
    pub fn tuple(&self, dir: Dir) -> &Tuple {
        &self.tuples[dir.index()]
    }

    /// Lets it live for `extra` more jiffies from `now` (`__nf_ct_refresh_acct()`), unless its time is fixed.
    pub fn refresh(&mut self, now: u64, extra: u64) {
        self.refreshed = true;
        if self.status.has(Status::FIXED_TIMEOUT) {
            return;
        }
        let confirmed = self.status.has(Status::CONFIRMED);
        self.timeout = if confirmed { now.saturating_add(extra) } else { extra };
    }

    /// Notes that `event` is to be told (`nf_conntrack_event_cache()`).
    pub fn note(&mut self, event: Event) {
        self.pending |= 1 << event as u32;
    }
}

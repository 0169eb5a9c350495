//! Connections (`IPCTNL_MSG_CT_NEW`).

use crate::netfilter::conntrack::entry::Counted;
use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::{ProtoState, sctp, tcp};
use crate::netfilter::conntrack::{Conn, Dir, Status, Tuple, Zone};
use crate::packet::IpProto;
use crate::time::{EPOCH_S, HZ, JIFFY, SimTime};

/// A connection. What is `None` is not told.
#[derive(Clone, Debug, PartialEq)]
pub struct ConntrackMsg {
    /// Its tuples, by [`Dir::index`] (`CTA_TUPLE_ORIG`, `CTA_TUPLE_REPLY`).
    pub tuples: [Tuple; 2],
    /// Its zone (`CTA_ZONE`, `CTA_TUPLE_ZONE`).
    pub zone: Zone,
    /// Its status (`CTA_STATUS`).
    pub status: Status,
    /// How long it has to live, in seconds (`CTA_TIMEOUT`).
    pub timeout: Option<u64>,
    /// What its protocol remembers (`CTA_PROTOINFO`).
    pub proto: Option<ProtoInfo>,
    /// What it has carried, by [`Dir::index`] (`CTA_COUNTERS_*`).
    pub counted: Option<[Counted; 2]>,
    /// Its mark (`CTA_MARK`).
    pub mark: Option<u32>,
    /// Its labels, bit by bit, if it has any (`CTA_LABELS`).
    pub labels: Option<u128>,
    /// The name of its helper (`CTA_HELP`).
    pub helper: Option<&'static str>,
    /// When it began and when it ended, in nanoseconds of Unix time (`CTA_TIMESTAMP`).
    pub times: Option<(u64, Option<u64>)>,
    /// How many hold it (`CTA_USE`).
    pub users: Option<u32>,
    /// Its number (`CTA_ID`).
    pub number: u32,
}

/// What is told of the protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProtoInfo {
    /// TCP's state.
    Tcp(tcp::State),
    /// SCTP's state, and the tags by [`Dir::index`]; not when it has ended.
    Sctp(sctp::State, Option<[u32; 2]>),
}

impl ProtoInfo {
    /// What is told of a connection's protocol, if it is one that has anything to tell.
    fn of(conn: &Conn, ended: bool) -> Option<Self> {
        match (&conn.proto, conn.tuple(Dir::Original).proto) {
            (ProtoState::Tcp(tcp), _) => Some(Self::Tcp(tcp.state)),
            (ProtoState::Sctp(sctp), _) => {
                Some(Self::Sctp(sctp.state, (!ended).then_some(sctp.vtag)))
            }
            (ProtoState::None, IpProto::TCP) => Some(Self::Tcp(tcp::State::None)),
            (ProtoState::None, IpProto::SCTP) => Some(Self::Sctp(sctp::State::None, Some([0; 2]))),
            (ProtoState::None | ProtoState::Udp(_) | ProtoState::Gre(_), _) => None,
        }
    }
}

/// A moment in nanoseconds of Unix time.
fn unix_nanos(time: SimTime) -> u64 {
    EPOCH_S * 1_000_000_000 + time.as_nanos()
}

impl ConntrackMsg {
    /// What a dump tells of a connection that `users` hold (`ctnetlink_fill_info()`).
    #[must_use]
    pub fn of(conn: &Conn, now: SimTime, users: u32) -> Self {
        Self {
            timeout: Some(seconds_left(conn, now)),
            proto: ProtoInfo::of(conn, false),
            counted: conn.counted,
            mark: Some(conn.mark),
            labels: told_labels(conn),
            helper: told_helper(conn),
            times: conn.since.map(|since| (unix_nanos(since), None)),
            users: Some(users),
            ..Self::bare(conn)
        }
    }

    /// What is told when something has happened to a connection: `events` has a bit each by [`Event`]
    /// (`ctnetlink_conntrack_event()`).
    #[must_use]
    pub fn of_event(conn: &Conn, now: SimTime, events: u32) -> Self {
        let has = |event: Event| events & 1 << event as u32 != 0;
        let mark = (conn.mark != 0 || has(Event::Mark)).then_some(conn.mark);
        let left = seconds_left(conn, now);
        if has(Event::Destroy) {
            return Self {
                timeout: Some(left).filter(|left| *left != 0),
                proto: ProtoInfo::of(conn, true),
                counted: conn.counted,
                mark,
                times: conn.since.map(|since| (unix_nanos(since), Some(ended(conn, now)))),
                ..Self::bare(conn)
            };
        }
        Self {
            timeout: Some(left),
            proto: if has(Event::ProtoInfo) { ProtoInfo::of(conn, false) } else { None },
            mark,
            labels: told_labels(conn).filter(|_| has(Event::Label)),
            helper: told_helper(conn),
            ..Self::bare(conn)
        }
    }

    /// What is always told.
    fn bare(conn: &Conn) -> Self {
        Self {
            tuples: conn.tuples,
            zone: conn.zone,
            status: conn.status,
            timeout: None,
            proto: None,
            counted: None,
            mark: None,
            labels: None,
            helper: None,
            times: None,
            users: None,
            number: conn.number,
        }
    }

    /// Its tuple in direction `dir`.
    #[must_use]
    pub fn tuple(&self, dir: Dir) -> &Tuple {
        &self.tuples[dir.index()]
    }
}

/// The labels of a connection, if there is one (`ctnetlink_dump_labels()`).
fn told_labels(conn: &Conn) -> Option<u128> {
    conn.labels.filter(|labels| *labels != 0)
}

/// The name of a connection's helper (`ctnetlink_dump_helpinfo()`).
fn told_helper(conn: &Conn) -> Option<&'static str> {
    conn.helper.map(|helper| helper.name)
}

/// How long a connection has to live, in whole seconds (`nf_ct_expires()`).
fn seconds_left(conn: &Conn, now: SimTime) -> u64 {
    conn.timeout.saturating_sub(now.jiffies()) / HZ
}

/// When a connection ended: its time may have been over for a while.
fn ended(conn: &Conn, now: SimTime) -> u64 {
    let late = now.jiffies().saturating_sub(conn.timeout);
    let jiffy = u64::try_from(JIFFY.as_nanos()).unwrap_or_default();
    unix_nanos(now).saturating_sub(late.saturating_mul(jiffy))
}

//! What whoever watches hears of a packet's connection.

use std::fmt;

use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::entry::CtRef;
use crate::netfilter::conntrack::tuple::{CtInfo, Dir, Tuple};
use crate::netns::stack;
use crate::packet::IpProto;
use crate::trace::{Event, Observer, Tracked, Words};

/// When it is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// The packet's connection was looked up.
    Found,
    /// The packet has passed its last hook: what it has begun is a connection now.
    Confirmed,
}

/// Tells of the packet's connection: when it is found, and again when it begins, as NAT may have changed it meanwhile.
pub fn tell<O: Observer>(k: &Kernel, f: &Flight, when: When, o: &mut O) {
    let alone = |state| Tracked { state, is_reply: false, tuples: None };
    let (id, info) = match &f.ct {
        CtRef::Tracked(id, info) => (*id, *info),
        CtRef::None | CtRef::Untracked | CtRef::Answer | CtRef::Template(_)
            if when == When::Confirmed =>
        {
            return;
        }
        CtRef::None | CtRef::Template(_) => {
            return stack::emit(k, f, o, |_| Event::Tracked(alone("INVALID")));
        }
        CtRef::Untracked | CtRef::Answer => {
            return stack::emit(k, f, o, |_| Event::Tracked(alone("UNTRACKED")));
        }
    };
    if when == When::Confirmed && info != CtInfo::New {
        return;
    }
    let Some(conn) = k.netns[f.netns].nf.conntrack.conns.get(id) else { return };
    let [original, answers] = conn.tuples.map(Shown);
    let state = match info {
        CtInfo::New => "NEW",
        CtInfo::Established | CtInfo::EstablishedReply => "ESTABLISHED",
        CtInfo::Related | CtInfo::RelatedReply => "RELATED",
    };
    let tracked = Tracked {
        state,
        is_reply: info.dir() == Dir::Reply,
        tuples: Some([Words(&original), Words(&answers)]),
    };
    stack::emit(k, f, o, |_| Event::Tracked(tracked));
}

/// A tuple for people: `10.0.0.1:1024 > 10.0.0.2:80`.
struct Shown(Tuple);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tuple { src, dst, proto } = self.0;
        match proto {
            IpProto::TCP | IpProto::UDP | IpProto::SCTP => {
                write!(f, "{}:{} > {}:{}", src.addr, src.id, dst.addr, dst.id)
            }
            IpProto::ICMP => write!(f, "{} > {} id {}", src.addr, dst.addr, src.id),
            _ => write!(f, "{} > {}", src.addr, dst.addr),
        }
    }
}

//! Who hears of connections: nfnetlink's multicast groups (`nfnetlink_send()`).
//!
//! A message is made only if somebody listens, so that where nobody does, an event costs one comparison.

use std::collections::VecDeque;

use crate::id::{NetnsId, ProcId};
use crate::kernel::Kernel;
use crate::netfilter::conntrack::CtId;
use crate::netfilter::conntrack::event::Event;
use crate::netlink::message::ConntrackMsg;

/// What happened to a connection, and the group that hears of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum ConntrackChange {
    /// It has begun (`NFNLGRP_CONNTRACK_NEW`).
    New,
    /// It is different (`NFNLGRP_CONNTRACK_UPDATE`).
    Update,
    /// It has ended (`NFNLGRP_CONNTRACK_DESTROY`).
    Destroy,
}

impl ConntrackChange {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::New, Self::Update, Self::Destroy];
}

/// An announcement.
#[derive(Clone, Debug, PartialEq)]
pub struct ConntrackNews {
    /// What happened.
    pub change: ConntrackChange,
    /// To which connection.
    pub msg: ConntrackMsg,
    /// The program that asked for it; no packet did it (`nlmsg_pid`).
    pub by: Option<ProcId>,
}

/// What a message is charged with, in bytes (`skb->truesize`).
const MESSAGE_BYTES: usize = 1280;

/// A netlink socket that listens.
#[derive(Clone, Debug)]
struct Listener {
    owner: ProcId,
    netns: NetnsId,
    changes: u8,
    queue: VecDeque<ConntrackNews>,
    /// How many bytes may wait (`sk_rcvbuf`).
    room: usize,
    /// Messages were lost since the owner has read last.
    overrun: bool,
    /// Something has come since its owner was last called.
    woken: bool,
}

impl Listener {
    fn receive(&mut self, news: &ConntrackNews) {
        self.woken = true;
        self.overrun |= (self.queue.len() + 1) * MESSAGE_BYTES > self.room;
        if !self.overrun {
            self.queue.push_back(news.clone());
        }
    }
}

/// What a listener reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// Other messages were lost (`ENOBUFS`).
    pub overrun: bool,
    /// The messages, in order.
    pub news: Vec<ConntrackNews>,
}

/// All that listen, and who asks.
#[derive(Clone, Debug, Default)]
pub struct Nfnl {
    listeners: Vec<Listener>,
    /// The program whose request is being served.
    pub asking: Option<ProcId>,
}

impl Nfnl {
    /// Joins groups in a namespace (`NETLINK_ADD_MEMBERSHIP`), with room for `room` bytes.
    pub(crate) fn listen(
        &mut self,
        owner: ProcId,
        netns: NetnsId,
        changes: &[ConntrackChange],
        room: usize,
    ) {
        let changes = changes.iter().fold(0, |all, change| all | 1 << *change as u8);
        self.listeners.push(Listener {
            owner,
            netns,
            changes,
            queue: VecDeque::new(),
            room,
            overrun: false,
            woken: false,
        });
    }

    /// Closes the sockets of a program.
    pub(crate) fn close(&mut self, owner: ProcId) {
        self.listeners.retain(|listener| listener.owner != owner);
    }

    /// Takes what a program has not read yet.
    pub(crate) fn take(&mut self, owner: ProcId) -> Heard {
        let mut heard = Heard::default();
        for listener in self.listeners.iter_mut().filter(|listener| listener.owner == owner) {
            heard.overrun |= std::mem::take(&mut listener.overrun);
            heard.news.extend(listener.queue.drain(..));
        }
        heard
    }

    /// The programs for which something has come, each once.
    pub(crate) fn wake(&mut self) -> impl Iterator<Item = ProcId> {
        let listeners = self.listeners.iter_mut();
        listeners.filter_map(|l| std::mem::take(&mut l.woken).then_some(l.owner))
    }

    /// Whether anybody listens, in whatever namespace and to whatever (`nf_ctnetlink_has_listener`).
    #[must_use]
    pub fn has_listener(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether anybody hears of this change (`nfnetlink_has_listeners()`).
    fn wants(&self, netns: NetnsId, change: ConntrackChange) -> bool {
        let wants = |l: &Listener| l.netns == netns && l.changes & 1 << change as u8 != 0;
        self.listeners.iter().any(wants)
    }

    fn push(&mut self, netns: NetnsId, news: &ConntrackNews) {
        let bit = 1 << news.change as u8;
        for listener in &mut self.listeners {
            if listener.netns == netns && listener.changes & bit != 0 {
                listener.receive(news);
            }
        }
    }
}

/// Announces what has happened to a connection; `events` has a bit each by [`Event`]
/// (`nf_conntrack_eventmask_report()`).
pub fn conntrack(k: &mut Kernel, netns: NetnsId, id: CtId, events: u32) {
    let Some(conn) = k.netns[netns].nf.conntrack.conns.get(id) else { return };
    if events & conn.event_mask == 0 {
        return;
    }
    let has = |event: Event| events & 1 << event as u32 != 0;
    let change = if has(Event::Destroy) {
        ConntrackChange::Destroy
    } else if has(Event::New) || has(Event::Related) {
        ConntrackChange::New
    } else {
        ConntrackChange::Update
    };
    if k.nfnl.wants(netns, change) {
        let msg = ConntrackMsg::of_event(conn, k.now, events);
        let by = k.nfnl.asking;
        k.nfnl.push(netns, &ConntrackNews { change, msg, by });
    }
}

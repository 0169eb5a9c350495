//! Who hears of changes: rtnetlink's multicast groups (`rtnl_notify()`).
//!
//! A change is announced where the kernel announces it. The message is made only if somebody listens, so
//! that where nobody does, a change costs one comparison.

use std::collections::VecDeque;

use ipnet::Ipv4Net;

use crate::bridge::FdbEntry;
use crate::family::V4;
use crate::id::{BridgeId, DevId, IfIndex, NetnsId, ProcId};
use crate::kernel::Kernel;
use crate::link::inet::{ConfKey, Ipv4Conf};
use crate::link::{IfAddr, carrier};
use crate::neigh::protocol::Protocol;
use crate::netlink::message::{AddrMsg, FdbMsg, LinkMsg, NeighMsg, RouteMsg, RuleMsg};
use crate::packet::MacAddr;
use crate::route::fib::{FibAlias, Rule};

/// A multicast group (`RTNLGRP_*`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Group {
    /// Devices, and bridge ports (`RTNLGRP_LINK`).
    Link,
    /// Addresses (`RTNLGRP_IPV4_IFADDR`).
    Addr,
    /// Routes (`RTNLGRP_IPV4_ROUTE`).
    Route,
    /// Policy rules (`RTNLGRP_IPV4_RULE`).
    Rule,
    /// Neighbours and forwarding databases (`RTNLGRP_NEIGH`).
    Neigh,
    /// Settings (`RTNLGRP_IPV4_NETCONF`).
    Netconf,
    /// Numbers of namespaces (`RTNLGRP_NSID`).
    Nsid,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is new, or different (`RTM_NEW*`).
    New,
    /// It is gone (`RTM_DEL*`).
    Deleted,
}

/// An announcement.
#[derive(Clone, Debug, PartialEq)]
pub enum Notification {
    /// A device.
    Link(Change, Box<LinkNews>),
    /// An address.
    Addr(Change, AddrMsg),
    /// A route.
    Route(Change, Box<RouteMsg>),
    /// A policy rule.
    Rule(Change, Box<RuleMsg>),
    /// A neighbour.
    Neigh(Change, NeighMsg),
    /// A forwarding database's entry.
    Fdb(Change, FdbMsg),
    /// Settings of a device, of all, or of new ones.
    Netconf(Change, NetconfMsg),
    /// The number of a namespace.
    Nsid(Change, u32),
}

impl Notification {
    fn group(&self) -> Group {
        match self {
            Self::Link(..) => Group::Link,
            Self::Addr(..) => Group::Addr,
            Self::Route(..) => Group::Route,
            Self::Rule(..) => Group::Rule,
            Self::Neigh(..) | Self::Fdb(..) => Group::Neigh,
            Self::Netconf(..) => Group::Netconf,
            Self::Nsid(..) => Group::Nsid,
        }
    }
}

/// What is announced of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkNews {
    /// The device.
    pub msg: LinkMsg,
    /// As what it is told.
    pub told: ToldAs,
}

/// As what a device is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ToldAs {
    /// A device, of which nothing more is said.
    Device,
    /// A bridge's port (`AF_BRIDGE`, `br_ifinfo_notify()`).
    Port,
    /// A device whose driver can do other things now (`IFLA_EVENT_FEATURE`).
    Changed,
    /// A device that has gone to another namespace.
    Moved {
        /// The namespace's number here (`IFLA_NEW_NETNSID`).
        nsid: u32,
        /// The device's number there (`IFLA_NEW_IFINDEX`).
        index: IfIndex,
    },
}

/// Whose settings they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holder {
    /// `all`
    All,
    /// `default`
    Default,
    /// A device's.
    Dev(IfIndex),
}

/// Settings (`RTM_NEWNETCONF`, `inet_netconf_fill_devconf()`); none when they are gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetconfMsg {
    /// Whose.
    pub holder: Holder,
    /// The settings that are told.
    pub values: Vec<(ConfKey, i32)>,
}

/// The settings that are told of, in the order in which they are printed.
const NETCONF: [ConfKey; 5] = [
    ConfKey::Forwarding,
    ConfKey::RpFilter,
    ConfKey::McForwarding,
    ConfKey::ProxyArp,
    ConfKey::IgnoreRoutesWithLinkdown,
];

/// The settings that are told of, with their values.
fn told(conf: &Ipv4Conf) -> Vec<(ConfKey, i32)> {
    NETCONF.iter().map(|key| (*key, conf.get(*key))).collect()
}

/// How many bytes may wait for a listener: twice the MiB that iproute2 asks for (`sk_rcvbuf`).
const RCVBUF: usize = 2 << 20;
/// What a message about a device is charged with, in bytes (`skb->truesize`).
const LINK_BYTES: usize = 2304;
/// What any other message is charged with, in bytes.
const SMALL_BYTES: usize = 832;

/// A netlink socket that listens.
#[derive(Clone, Debug)]
struct Listener {
    owner: ProcId,
    netns: NetnsId,
    groups: u32,
    queue: VecDeque<Notification>,
    /// What the queue is charged with, in bytes.
    used: usize,
    /// There was no room for a message, and is none before all are read (`NETLINK_S_CONGESTED`).
    overrun: bool,
    /// Something has come since its owner was last called.
    woken: bool,
}

impl Listener {
    fn receive(&mut self, news: &Notification) {
        let is_link = matches!(news, Notification::Link(..));
        let bytes = if is_link { LINK_BYTES } else { SMALL_BYTES };
        self.woken = true;
        self.overrun |= self.used + bytes > RCVBUF;
        if !self.overrun {
            self.used += bytes;
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
    pub news: Vec<Notification>,
}

/// All that listen.
#[derive(Clone, Debug, Default)]
pub struct Rtnl {
    listeners: Vec<Listener>,
    /// A new device that nobody is told of yet (`RTNL_LINK_INITIALIZING`), or one that is about to go
    /// (`NETREG_UNREGISTERING`).
    quiet: Vec<DevId>,
}

impl Rtnl {
    /// Joins groups in a namespace (`NETLINK_ADD_MEMBERSHIP`).
    pub(crate) fn listen(&mut self, owner: ProcId, netns: NetnsId, groups: &[Group]) {
        let groups = groups.iter().fold(0, |all, group| all | 1 << *group as u8);
        self.listeners.push(Listener {
            owner,
            netns,
            groups,
            queue: VecDeque::new(),
            used: 0,
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
            listener.used = 0;
            heard.overrun |= std::mem::take(&mut listener.overrun);
            heard.news.extend(listener.queue.drain(..));
        }
        heard
    }

    /// Wakes the programs for which something has come. A program that does not read, as one that is
    /// stopped, is not woken again for the same message.
    pub(crate) fn wake(&mut self) -> impl Iterator<Item = ProcId> {
        let listeners = self.listeners.iter_mut();
        listeners.filter_map(|l| std::mem::take(&mut l.woken).then_some(l.owner))
    }

    /// Says nothing of a device.
    pub(crate) fn hush(&mut self, dev: DevId) {
        self.quiet.push(dev);
    }

    /// Says again what happens to a device.
    pub(crate) fn unhush(&mut self, dev: DevId) {
        self.quiet.retain(|quiet| *quiet != dev);
    }

    fn wants(&self, netns: NetnsId, group: Group) -> bool {
        let wants = |l: &Listener| l.netns == netns && l.groups & 1 << group as u8 != 0;
        self.listeners.iter().any(wants)
    }

    fn push(&mut self, netns: NetnsId, news: &Notification) {
        let bit = 1 << news.group() as u8;
        for listener in &mut self.listeners {
            if listener.netns == netns && listener.groups & bit != 0 {
                listener.receive(news);
            }
        }
    }
}

/// Announces that a device is new or different (`rtmsg_ifinfo()`). The namespace that it reaches into
/// gets a number, which the announcement carries.
pub fn link(k: &mut Kernel, dev: DevId) {
    if k.rtnl.quiet.contains(&dev) {
        return;
    }
    let netns = k.devs[dev].netns;
    if let Some(other) = carrier::link_netns(k, dev).filter(|other| *other != netns) {
        k.nsid(netns, other);
    }
    tell_link(k, dev, Change::New, ToldAs::Device);
}

/// Announces that a device is gone.
pub fn link_gone(k: &mut Kernel, dev: DevId) {
    tell_link(k, dev, Change::Deleted, ToldAs::Device);
}

/// Announces a device whose driver can do other things now (`NETDEV_FEAT_CHANGE`).
pub fn features(k: &mut Kernel, dev: DevId) {
    if k.rtnl.quiet.contains(&dev) {
        return;
    }
    tell_link(k, dev, Change::New, ToldAs::Changed);
}

/// Announces a bridge's port as such (`br_ifinfo_notify()`).
pub fn port(k: &mut Kernel, dev: DevId, change: Change) {
    tell_link(k, dev, change, ToldAs::Port);
}

/// Announces where a device has gone.
pub fn moved(k: &mut Kernel, dev: DevId, nsid: u32, index: IfIndex) {
    tell_link(k, dev, Change::Deleted, ToldAs::Moved { nsid, index });
}

fn tell_link(k: &mut Kernel, dev: DevId, change: Change, told: ToldAs) {
    let Some(device) = k.devs.get(dev) else { return };
    let netns = device.netns;
    if !k.rtnl.wants(netns, Group::Link) {
        return;
    }
    let msg = LinkMsg::of(k, dev);
    let news = LinkNews { msg, told };
    k.rtnl.push(netns, &Notification::Link(change, Box::new(news)));
}

/// Announces an address (`rtmsg_ifa()`).
pub fn addr(k: &mut Kernel, dev: DevId, addr: &IfAddr, change: Change) {
    let netns = k.devs[dev].netns;
    if k.rtnl.wants(netns, Group::Addr) {
        let msg = AddrMsg::of(k, dev, addr);
        k.rtnl.push(netns, &Notification::Addr(change, msg));
    }
}

/// Announces a route (`rtmsg_fib()`).
pub fn route(k: &mut Kernel, netns: NetnsId, net: Ipv4Net, alias: &FibAlias<V4>, change: Change) {
    if k.rtnl.wants(netns, Group::Route) {
        let msg = RouteMsg::of(k, net, alias);
        k.rtnl.push(netns, &Notification::Route(change, Box::new(msg)));
    }
}

/// Announces a policy rule (`notify_rule_change()`).
pub fn rule(k: &mut Kernel, netns: NetnsId, rule: &Rule<V4>, change: Change) {
    if k.rtnl.wants(netns, Group::Rule) {
        let msg = RuleMsg::of(k, netns, rule.clone());
        k.rtnl.push(netns, &Notification::Rule(change, Box::new(msg)));
    }
}

/// Announces a neighbour (`__neigh_notify()`).
pub fn neigh<F: Protocol>(k: &mut Kernel, dev: DevId, key: F::Addr, change: Change) {
    let netns = k.devs[dev].netns;
    if k.rtnl.wants(netns, Group::Neigh)
        && let Some(neigh) = F::table(&k.netns[netns]).get(dev, key)
    {
        let msg = NeighMsg::of(k, dev, key.into(), neigh);
        k.rtnl.push(netns, &Notification::Neigh(change, msg));
    }
}

/// Announces a bridge's entry (`fdb_notify()`).
pub fn fdb(k: &mut Kernel, bridge: BridgeId, entry: &FdbEntry, change: Change) {
    let netns = k.devs[k.bridges[bridge].dev].netns;
    if k.rtnl.wants(netns, Group::Neigh) {
        let msg = FdbMsg::of(k, bridge, entry);
        k.rtnl.push(netns, &Notification::Fdb(change, msg));
    }
}

/// Announces an address that a device itself listens to (`rtnl_fdb_notify()`).
pub fn fdb_of_device(k: &mut Kernel, dev: DevId, addr: MacAddr, change: Change) {
    let netns = k.devs[dev].netns;
    if k.rtnl.wants(netns, Group::Neigh) {
        let msg = FdbMsg::listened_to(k.devs[dev].ifindex, addr);
        k.rtnl.push(netns, &Notification::Fdb(change, msg));
    }
}

/// Announces all settings of a device, or that they are gone (`inet_netconf_notify_devconf()`).
pub fn netconf_of_device(k: &mut Kernel, dev: DevId, change: Change) {
    let netns = k.devs[dev].netns;
    if !k.rtnl.wants(netns, Group::Netconf) {
        return;
    }
    let values = match change {
        Change::New => told(&k.devs[dev].inet.conf),
        Change::Deleted => Vec::new(),
    };
    let holder = Holder::Dev(k.devs[dev].ifindex);
    k.rtnl.push(netns, &Notification::Netconf(change, NetconfMsg { holder, values }));
}

/// Announces one setting, if it is one that is told of.
pub fn netconf(k: &mut Kernel, netns: NetnsId, holder: Holder, key: ConfKey, value: i32) {
    if NETCONF.contains(&key) && k.rtnl.wants(netns, Group::Netconf) {
        let msg = NetconfMsg { holder, values: vec![(key, value)] };
        k.rtnl.push(netns, &Notification::Netconf(Change::New, msg));
    }
}

/// Announces a namespace's number (`rtnl_net_notifyid()`).
pub fn nsid(k: &mut Kernel, netns: NetnsId, nsid: u32, change: Change) {
    if k.rtnl.wants(netns, Group::Nsid) {
        k.rtnl.push(netns, &Notification::Nsid(change, nsid));
    }
}

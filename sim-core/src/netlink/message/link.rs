//! Devices (`RTM_NEWLINK`).

use std::fmt;
use std::net::Ipv4Addr;

use crate::bridge::multicast::McastOptions;
use crate::bridge::port::PortFlags;
use crate::bridge::{self, BridgeOptions, PortState};
use crate::id::{DevId, IfIndex, NetnsId, PortNo};
use crate::kernel::Kernel;
use crate::link::ipip::Ipip;
use crate::link::tun::Tun;
use crate::link::vxlan::VxlanConfig;
use crate::link::{DevFlags, DevKind, DevName, LinkStats, LinkType, NetDevice, OperState, carrier};
use crate::netlink::request::MacvlanMode;
use crate::packet::MacAddr;

/// A device as the namespace sees it that it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkMsg {
    /// Its number (`ifi_index`).
    pub index: IfIndex,
    /// Its name (`IFLA_IFNAME`).
    pub name: DevName,
    /// Its flags (`ifi_flags`).
    pub flags: DevFlags,
    /// What is in front of its packets, which decides what its addresses are (`ifi_type`).
    pub link_type: LinkType,
    /// Its MTU in bytes (`IFLA_MTU`).
    pub mtu: u32,
    /// Its queueing discipline (`IFLA_QDISC`).
    pub qdisc: &'static str,
    /// The device it is attached to (`IFLA_MASTER`).
    pub master: Option<IfIndex>,
    /// Its state (`IFLA_OPERSTATE`).
    pub oper: OperState,
    /// Its group (`IFLA_GROUP`).
    pub group: u32,
    /// The length of its queue (`IFLA_TXQLEN`).
    pub tx_queue_len: u32,
    /// Its hardware address and hardware broadcast address, if it has any (`IFLA_ADDRESS`,
    /// `IFLA_BROADCAST`).
    pub addresses: Option<(LinkAddr, LinkAddr)>,
    /// The device it stands on, or its peer; 0 if that could be and is not (`IFLA_LINK`).
    pub link: Option<IfIndex>,
    /// The number of the namespace that device is in, if it is another (`IFLA_LINK_NETNSID`).
    pub link_netnsid: Option<u32>,
    /// How many want every frame (`IFLA_PROMISCUITY`).
    pub promiscuity: u32,
    /// How many want every multicast frame (`IFLA_ALLMULTI`).
    pub allmulti: u32,
    /// The smallest and the largest MTU (`IFLA_MIN_MTU`, `IFLA_MAX_MTU`).
    pub mtu_limits: (u32, u32),
    /// What kind of device it is (`IFLA_LINKINFO`).
    pub kind: KindMsg,
    /// What it is as a bridge's port (`IFLA_INFO_SLAVE_DATA`, `IFLA_PROTINFO`).
    pub port: Option<PortMsg>,
    /// The largest TCP segment a driver takes, in bytes (`IFLA_TSO_MAX_SIZE`).
    pub tso_max_size: u32,
    /// The address it was registered with, if it has one (`IFLA_PERM_ADDRESS`).
    pub permanent: Option<Ipv4Addr>,
    /// Its alias (`IFLA_IFALIAS`).
    pub alias: Option<Box<str>>,
    /// Its counters (`IFLA_STATS64`).
    pub stats: LinkStats,
    /// How often its carrier came or went (`IFLA_CARRIER_CHANGES`).
    pub carrier_changes: u32,
}

/// A hardware address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkAddr {
    /// Of an Ethernet device.
    Mac(MacAddr),
    /// Of a tunnel: its end's address.
    V4(Ipv4Addr),
}

impl fmt::Display for LinkAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(addr) => addr.fmt(f),
            Self::V4(addr) => addr.fmt(f),
        }
    }
}

/// A device's kind and its own options.
#[derive(Clone, Debug, PartialEq)]
pub enum KindMsg {
    /// The loopback device has no kind.
    None,
    /// `veth`.
    Veth,
    /// `bridge`.
    Bridge(BridgeMsg),
    /// `vxlan`.
    Vxlan(VxlanConfig),
    /// `ipip`.
    Ipip(Ipip),
    /// `macvlan`.
    Macvlan(MacvlanMode),
    /// `dummy`.
    Dummy,
    /// `tun`.
    Tun(Tun),
}

/// A bridge's options (`IFLA_BR_*`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BridgeMsg {
    /// What can be set.
    pub options: BridgeOptions,
    /// The address part of its id.
    pub id_addr: MacAddr,
    /// What is set about groups.
    pub mcast: McastOptions,
}

/// A port's options (`IFLA_BRPORT_*`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PortMsg {
    /// What frames it passes.
    pub state: PortState,
    /// Its priority.
    pub priority: u16,
    /// What a path by it costs.
    pub cost: u32,
    /// Its number.
    pub no: PortNo,
    /// What is on and off.
    pub flags: PortFlags,
    /// Which link-local groups it forwards.
    pub group_fwd_mask: u16,
    /// Whether a router is behind it, by number (`IFLA_BRPORT_MULTICAST_ROUTER`).
    pub mcast_router: u8,
    /// The id of its bridge, which without STP is also the root's.
    pub bridge: (u16, MacAddr),
}

/// The largest segment of drivers that say nothing (`GSO_LEGACY_MAX_SIZE`).
const GSO_LEGACY_MAX_SIZE: u32 = 65536;
/// The largest segment there is (`TSO_MAX_SIZE`).
const TSO_MAX_SIZE: u32 = 524_280;

impl LinkMsg {
    /// What is told of `dev` (`rtnl_fill_ifinfo()`). A peer's namespace gets a number if it has none.
    pub fn of(k: &mut Kernel, dev: DevId) -> Self {
        let here = k.devs[dev].netns;
        let elsewhere = carrier::link_netns(k, dev).filter(|netns| *netns != here);
        let link_netnsid = elsewhere.map(|netns| k.nsid(here, netns));
        let iflink = carrier::iflink(k, dev);
        let device = &k.devs[dev];
        let link = (elsewhere.is_some() || iflink != device.ifindex).then_some(iflink);
        Self {
            index: device.ifindex,
            name: device.name,
            flags: device.shown_flags(),
            link_type: device.kind.link_type(),
            mtu: device.mtu,
            qdisc: device.qdisc(),
            master: device.master.map(|master| k.devs[master].ifindex),
            oper: device.oper_state(),
            group: device.group,
            tx_queue_len: device.tx_queue_len,
            addresses: addresses(device),
            permanent: permanent(device),
            link,
            link_netnsid,
            promiscuity: device.promiscuity,
            allmulti: device.allmulti,
            mtu_limits: device.mtu_limits(),
            kind: kind(k, dev),
            port: port(k, dev),
            tso_max_size: tso_max_size(k, dev),
            alias: device.alias.clone(),
            stats: device.stats,
            carrier_changes: device.carrier_changes,
        }
    }
}

/// All devices of a namespace in the order of a dump (`rtnl_dump_ifinfo()`).
pub fn dump(k: &mut Kernel, netns: NetnsId) -> Vec<LinkMsg> {
    let devs: Vec<DevId> = k.netns[netns].links.values().copied().collect();
    devs.into_iter().map(|dev| LinkMsg::of(k, dev)).collect()
}

fn addresses(device: &NetDevice) -> Option<(LinkAddr, LinkAddr)> {
    match &device.kind {
        DevKind::Ipip(ipip) => Some((LinkAddr::V4(ipip.local), LinkAddr::V4(ipip.remote))),
        kind if kind.link_type() == LinkType::None => None,
        DevKind::Loopback
        | DevKind::Veth(_)
        | DevKind::Bridge(_)
        | DevKind::Vxlan(_)
        | DevKind::Macvlan(_)
        | DevKind::Dummy
        | DevKind::Tun(_) => Some((LinkAddr::Mac(device.addr), LinkAddr::Mac(device.broadcast))),
    }
}

/// The address that a tunnel was registered with.
fn permanent(device: &NetDevice) -> Option<Ipv4Addr> {
    let DevKind::Ipip(ipip) = &device.kind else { return None };
    Some(ipip.registered).filter(|addr| !addr.is_unspecified())
}

fn kind(k: &Kernel, dev: DevId) -> KindMsg {
    match &k.devs[dev].kind {
        DevKind::Loopback => KindMsg::None,
        DevKind::Veth(_) => KindMsg::Veth,
        DevKind::Bridge(bridge) => {
            let bridge = &k.bridges[*bridge];
            KindMsg::Bridge(BridgeMsg {
                options: bridge.options,
                mcast: bridge.mcast.options,
                id_addr: bridge.id_addr,
            })
        }
        DevKind::Vxlan(vxlan) => KindMsg::Vxlan(vxlan.config),
        DevKind::Ipip(ipip) => KindMsg::Ipip(*ipip),
        DevKind::Macvlan(macvlan) => KindMsg::Macvlan(macvlan.mode),
        DevKind::Dummy => KindMsg::Dummy,
        DevKind::Tun(tun) => KindMsg::Tun(*tun),
    }
}

fn port(k: &Kernel, dev: DevId) -> Option<PortMsg> {
    let (bridge, no) = bridge::port_of(k, dev)?;
    let bridge = &k.bridges[bridge];
    let port = bridge.ports.get(no)?;
    Some(PortMsg {
        state: port.state,
        priority: port.priority,
        cost: port.cost,
        no,
        flags: port.flags,
        group_fwd_mask: port.group_fwd_mask,
        mcast_router: port.mcast.router as u8,
        bridge: (bridge.options.priority, bridge.id_addr),
    })
}

/// Drivers that say nothing take little; those that stand on another device take what that one takes,
/// bridges when ports come and go.
fn tso_max_size(k: &Kernel, dev: DevId) -> u32 {
    match &k.devs[dev].kind {
        DevKind::Loopback | DevKind::Veth(_) => TSO_MAX_SIZE,
        DevKind::Bridge(bridge) => match k.bridges[*bridge].ports.iter().next() {
            Some(_) => TSO_MAX_SIZE,
            None => GSO_LEGACY_MAX_SIZE,
        },
        DevKind::Macvlan(macvlan) => tso_max_size(k, macvlan.lower),
        DevKind::Vxlan(vxlan) => match k.dev_by_index(vxlan.underlay, vxlan.config.link) {
            Some(lower) => tso_max_size(k, lower),
            None => GSO_LEGACY_MAX_SIZE,
        },
        DevKind::Ipip(_) | DevKind::Dummy | DevKind::Tun(_) => GSO_LEGACY_MAX_SIZE,
    }
}

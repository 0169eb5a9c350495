//! The requests.
//!
//! Fields that are `None` were not given; the kernel's default holds. Names of fields follow the
//! netlink attributes, which each doc names.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::bridge::multicast::GroupAddr;
use crate::id::{IfIndex, NetnsId};
use crate::link::DevName;
use crate::link::inet::Scope;
pub use crate::link::ipip::TunnelProto;
pub use crate::link::macvlan::MacvlanMode;
pub use crate::link::qdisc::Handle;
pub use crate::link::qdisc::netem::{NetemOptions, Ticks};
use crate::neigh::NudState;
use crate::netfilter::conntrack::proto::{sctp, tcp};
use crate::netfilter::conntrack::{Status, Tuple, Zone};
use crate::netfilter::xtables::change::XtBatch;
pub use crate::netfilter::xtables::matches::Quota;
use crate::packet::MacAddr;
use crate::route::RouteType;
pub use crate::route::fib::rule::RuleAction;

/// A change to the kernel model.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Makes a device (`RTM_NEWLINK` with `NLM_F_CREATE`).
    LinkAdd(LinkAdd),
    /// Makes a device that may not be there either (`RTM_NEWLINK` with `NLM_F_CREATE` and `NLM_F_REPLACE`):
    /// Linux replaces none.
    LinkReplace(LinkAdd),
    /// Changes a device (`RTM_NEWLINK`).
    LinkSet(LinkRef, LinkChange),
    /// Removes a device (`RTM_DELLINK`).
    LinkDel(LinkRef),
    /// Adds an address (`RTM_NEWADDR`).
    AddrAdd(AddrSpec, Create),
    /// Removes an address (`RTM_DELADDR`).
    AddrDel(AddrSpec),
    /// Adds or changes a route (`RTM_NEWROUTE`).
    RouteAdd(RouteSpec, Create),
    /// Removes a route (`RTM_DELROUTE`).
    RouteDel(RouteSpec),
    /// Adds a policy rule (`RTM_NEWRULE`).
    RuleAdd(RuleSpec),
    /// Removes a policy rule (`RTM_DELRULE`).
    RuleDel(RuleSpec),
    /// Adds or changes a neighbour (`RTM_NEWNEIGH`).
    NeighAdd(NeighSpec, Create),
    /// Removes a neighbour (`RTM_DELNEIGH`).
    NeighDel(NeighSpec),
    /// Adds or changes a forwarding database entry (`RTM_NEWNEIGH`, `PF_BRIDGE`).
    FdbAdd(FdbSpec, Create),
    /// Removes a forwarding database entry (`RTM_DELNEIGH`, `PF_BRIDGE`).
    FdbDel(FdbSpec),
    /// Removes many forwarding database entries (`RTM_DELNEIGH`, `PF_BRIDGE`, `NLM_F_BULK`).
    FdbFlush(FdbFlush),
    /// Has a device listen to a group's address (`SIOCADDMULTI`).
    MulticastAdd(LinkRef, MacAddr),
    /// Has a device listen to it no longer (`SIOCDELMULTI`).
    MulticastDel(LinkRef, MacAddr),
    /// Adds a bridge's port, or its host, to a group (`RTM_NEWMDB`).
    MdbAdd(MdbSpec),
    /// Takes a bridge's port, or its host, out of a group (`RTM_DELMDB`).
    MdbDel(MdbSpec),
    /// Makes an IPIP tunnel by way of the device `tunl0` (`SIOCADDTUNNEL`); without a name the kernel numbers it.
    TunnelAdd(Option<DevName>, TunnelSpec),
    /// Changes an IPIP tunnel (`SIOCCHGTUNNEL`).
    TunnelSet(DevName, TunnelSpec),
    /// Removes an IPIP tunnel (`SIOCDELTUNNEL`).
    TunnelDel(DevName),
    /// Puts a queueing discipline at the root of a device, or changes the one there (`RTM_NEWQDISC`).
    QdiscSet(QdiscSpec, QdiscVerb),
    /// Takes the queueing discipline at the root of a device away (`RTM_DELQDISC`).
    QdiscDel(QdiscSpec),
    /// Gives a namespace a number as seen from this one (`RTM_NEWNSID`).
    NetnsIdSet {
        /// The namespace.
        netns: NetnsId,
        /// Its number here; `None` lets the kernel choose.
        nsid: Option<u32>,
    },
    /// Makes a connection (`IPCTNL_MSG_CT_NEW` with `NLM_F_CREATE` and `NLM_F_EXCL`).
    ConntrackCreate(Box<ConntrackSpec>),
    /// Changes the connection that has the same original tuple (`IPCTNL_MSG_CT_NEW`).
    ConntrackUpdate(Box<ConntrackSpec>),
    /// Ends the connection that has this tuple in this zone (`IPCTNL_MSG_CT_DELETE`).
    ConntrackDelete(Tuple, Zone),
    /// Ends all connections (`IPCTNL_MSG_CT_DELETE` without a tuple).
    ConntrackFlush,
    /// Starts to count anew what connections carry (`IPCTNL_MSG_CT_GET_CTRZERO`).
    ConntrackZero,
    /// Makes something that packets are counted under (`NFNL_MSG_ACCT_NEW`).
    AccountAdd(AccountSpec),
    /// Removes it (`NFNL_MSG_ACCT_DEL`).
    AccountDel(String),
    /// Writes a file under `/proc/sys`.
    SysctlSet {
        /// The name with dots, as `sysctl` takes it: `net.ipv4.ip_forward`.
        name: String,
        /// What is written.
        value: String,
    },
    /// Changes tables of rules (a batch of `nf_tables`, `IPT_SO_SET_REPLACE`).
    Xt(Box<XtBatch>),
}

/// Something that packets are counted under.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountSpec {
    /// Its name (`NFACCT_NAME`).
    pub name: String,
    /// How much may be counted (`NFACCT_QUOTA`).
    pub quota: Option<Quota>,
}

/// A connection to make, or what to change of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConntrackSpec {
    /// Its tuples, the original one first (`CTA_TUPLE_ORIG`, `CTA_TUPLE_REPLY`).
    pub tuples: [Tuple; 2],
    /// Its zone (`CTA_ZONE`, `CTA_TUPLE_ZONE`).
    pub zone: Zone,
    /// How long it lives, in seconds (`CTA_TIMEOUT`).
    pub timeout: Option<u32>,
    /// Its status; that it is confirmed goes without saying (`CTA_STATUS`).
    pub status: Option<Status>,
    /// Its mark (`CTA_MARK`).
    pub mark: Option<u32>,
    /// What its protocol remembers (`CTA_PROTOINFO`).
    pub proto: Option<ConntrackProto>,
    /// How its source is translated (`CTA_NAT_SRC`).
    pub src_nat: Option<ConntrackNat>,
    /// How its destination is translated (`CTA_NAT_DST`).
    pub dst_nat: Option<ConntrackNat>,
    /// Takes all labels away (`CTA_LABELS`).
    pub clear_labels: bool,
}

/// What a connection's protocol remembers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConntrackProto {
    /// TCP.
    Tcp {
        /// The state (`CTA_PROTOINFO_TCP_STATE`).
        state: Option<tcp::State>,
        /// Marks to set on both sides (`CTA_PROTOINFO_TCP_FLAGS_*`).
        flags: tcp::Flags,
    },
    /// SCTP.
    Sctp {
        /// The state (`CTA_PROTOINFO_SCTP_STATE`).
        state: sctp::State,
        /// The verification tag in each direction (`CTA_PROTOINFO_SCTP_VTAG_*`).
        vtag: [u32; 2],
    },
}

/// What an end is translated to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConntrackNat {
    /// The address.
    pub addr: IpAddr,
    /// The port; without one it stays.
    pub port: Option<u16>,
}

/// A queueing discipline of a device (`struct tcmsg`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QdiscSpec {
    /// The device (`tcm_ifindex`); there may be none, which the kernel then does not find.
    pub dev: Option<LinkRef>,
    /// Whether the one at the root is meant (`tcm_parent`); else it is named by its number alone.
    pub root: bool,
    /// Its number (`tcm_handle`).
    pub handle: Option<Handle>,
    /// Its kind (`TCA_KIND`) and what the kind is told (`TCA_OPTIONS`).
    pub kind: Option<QdiscKind>,
}

/// The kinds of queueing disciplines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QdiscKind {
    /// A wire that loses, delays, doubles and reorders.
    Netem(NetemOptions),
    /// One that Linux does not know.
    Unknown(String),
}

/// How a queueing discipline meets the one that is there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum QdiscVerb {
    /// `add`: fails if there is one (`CREATE|EXCL`).
    Add,
    /// `change`: fails if there is none (no flag).
    Change,
    /// `link`: as `change`, also where it is to have another number (`REPLACE`).
    Link,
    /// `replace`: changes it if it is of this kind and number, else takes its place (`CREATE|REPLACE`).
    Replace,
}

/// How a new object meets one that is there: the flags `NLM_F_CREATE`, `_EXCL`, `_REPLACE`,
/// `_APPEND`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Create {
    /// `add`: fails if it is there (`CREATE|EXCL`).
    Exclusive,
    /// `replace`: changes it if it is there (`CREATE|REPLACE`).
    Replace,
    /// `change`: fails if it is not there (`REPLACE`).
    Change,
    /// `append`: stands behind what is there (`CREATE|APPEND`).
    Append,
    /// `prepend`: stands before what is there (`CREATE`).
    Prepend,
    /// `test`: fails if it is there, but does not create (`EXCL`).
    Test,
}

/// Names a device in the namespace the request is made in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LinkRef {
    /// By name (`IFLA_IFNAME`).
    Name(DevName),
    /// By number (`ifi_index`).
    Index(IfIndex),
}

/// A device to make.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkAdd {
    /// Its name (`IFLA_IFNAME`); `None` lets the kernel number it (`veth0`, `bridge0`, ...).
    pub name: Option<DevName>,
    /// Its number (`ifi_index`).
    pub ifindex: Option<IfIndex>,
    /// What kind (`IFLA_INFO_KIND`) and the kind's own attributes (`IFLA_INFO_DATA`).
    pub kind: LinkKind,
    /// The device it stands on (`IFLA_LINK`), as in `ip link add link X`.
    pub link: Option<LinkRef>,
    /// Everything else.
    pub change: LinkChange,
}

/// The kinds of devices that can be made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkKind {
    /// A wire with two ends; the other end's name, namespace and attributes (`VETH_INFO_PEER`).
    Veth(Box<LinkPeer>),
    /// A bridge and its options.
    Bridge(BridgeChange),
    /// A VXLAN tunnel.
    Vxlan(VxlanChange),
    /// An IPv4 in IPv4 tunnel.
    Ipip(TunnelChange),
    /// A further address on another device.
    Macvlan(MacvlanMode),
    /// A device that swallows what it is given.
    Dummy,
    /// Layer 3 frames from and to a program (`ip tuntap`).
    Tun {
        /// Ethernet frames instead of IP packets.
        tap: bool,
    },
}

/// The other end of a new veth pair.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LinkPeer {
    /// Its name; `None` lets the kernel number it.
    pub name: Option<DevName>,
    /// Its number.
    pub ifindex: Option<IfIndex>,
    /// Its other attributes.
    pub change: LinkChange,
}

/// Attributes of a device that a request gives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LinkChange {
    /// The new name (`IFLA_IFNAME` on an existing device).
    pub name: Option<DevName>,
    /// `IFF_*` bits to set (`ifi_flags`).
    pub flags_on: u32,
    /// `IFF_*` bits to clear (`ifi_change` without `ifi_flags`).
    pub flags_off: u32,
    /// The MTU in bytes (`IFLA_MTU`).
    pub mtu: Option<u32>,
    /// The hardware address (`IFLA_ADDRESS`).
    pub address: Option<MacAddr>,
    /// The hardware broadcast address (`IFLA_BROADCAST`).
    pub broadcast: Option<MacAddr>,
    /// The namespace to move to (`IFLA_NET_NS_FD`).
    pub netns: Option<NetnsId>,
    /// The bridge to attach to, or none (`IFLA_MASTER`).
    pub master: Option<Option<LinkRef>>,
    /// The transmit queue's length (`IFLA_TXQLEN`).
    pub tx_queue_len: Option<u32>,
    /// The group (`IFLA_GROUP`).
    pub group: Option<u32>,
    /// The alias; empty removes it (`IFLA_IFALIAS`).
    pub alias: Option<String>,
    /// Whether the device has carrier (`IFLA_CARRIER`).
    pub carrier: Option<bool>,
    /// Options of the bridge that the device is (`IFLA_INFO_DATA`).
    pub bridge: Option<BridgeChange>,
    /// Options of the bridge port that the device is (`IFLA_PROTINFO`, `IFLA_INFO_SLAVE_DATA`).
    pub port: Option<PortChange>,
    /// Options of the VXLAN tunnel that the device is.
    pub vxlan: Option<VxlanChange>,
    /// The mode in which IPv6 link-local addresses are made, by its number
    /// (`IFLA_INET6_ADDR_GEN_MODE`).
    pub addrgenmode: Option<u8>,
}

/// Bridge options (`IFLA_BR_*`). Times are in hundredths of a second (`USER_HZ`), as on the wire.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BridgeChange {
    /// `IFLA_BR_FORWARD_DELAY`.
    pub forward_delay: Option<u32>,
    /// `IFLA_BR_HELLO_TIME`.
    pub hello_time: Option<u32>,
    /// `IFLA_BR_MAX_AGE`.
    pub max_age: Option<u32>,
    /// `IFLA_BR_AGEING_TIME`.
    pub ageing_time: Option<u32>,
    /// `IFLA_BR_STP_STATE`; only 0 is modelled.
    pub stp_state: Option<u32>,
    /// `IFLA_BR_PRIORITY`.
    pub priority: Option<u16>,
    /// `IFLA_BR_VLAN_FILTERING`; only 0 is modelled.
    pub vlan_filtering: Option<bool>,
    /// `IFLA_BR_GROUP_FWD_MASK`.
    pub group_fwd_mask: Option<u16>,
    /// `IFLA_BR_MCAST_SNOOPING`.
    pub mcast_snooping: Option<bool>,
    /// `IFLA_BR_MCAST_*`, but for the one above.
    pub mcast: Box<McastChange>,
    /// `IFLA_BR_NF_CALL_IPTABLES`.
    pub nf_call_iptables: Option<bool>,
    /// `IFLA_BR_NF_CALL_IP6TABLES`.
    pub nf_call_ip6tables: Option<bool>,
    /// `IFLA_BR_NF_CALL_ARPTABLES`.
    pub nf_call_arptables: Option<bool>,
}

/// Options of a bridge about groups (`IFLA_BR_MCAST_*`). Times are in hundredths of a second.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct McastChange {
    /// `IFLA_BR_MCAST_ROUTER`: 0 never, 1 learned, 2 always.
    pub router: Option<u8>,
    /// `IFLA_BR_MCAST_QUERIER`.
    pub querier: Option<bool>,
    /// `IFLA_BR_MCAST_QUERY_USE_IFADDR`.
    pub query_use_ifaddr: Option<bool>,
    /// `IFLA_BR_MCAST_HASH_MAX`.
    pub hash_max: Option<u32>,
    /// `IFLA_BR_MCAST_LAST_MEMBER_CNT`.
    pub last_member_count: Option<u32>,
    /// `IFLA_BR_MCAST_STARTUP_QUERY_CNT`.
    pub startup_query_count: Option<u32>,
    /// `IFLA_BR_MCAST_LAST_MEMBER_INTVL`.
    pub last_member_interval: Option<u64>,
    /// `IFLA_BR_MCAST_MEMBERSHIP_INTVL`.
    pub membership_interval: Option<u64>,
    /// `IFLA_BR_MCAST_QUERIER_INTVL`.
    pub querier_interval: Option<u64>,
    /// `IFLA_BR_MCAST_QUERY_INTVL`.
    pub query_interval: Option<u64>,
    /// `IFLA_BR_MCAST_QUERY_RESPONSE_INTVL`.
    pub query_response_interval: Option<u64>,
    /// `IFLA_BR_MCAST_STARTUP_QUERY_INTVL`.
    pub startup_query_interval: Option<u64>,
    /// `IFLA_BR_MCAST_IGMP_VERSION`; only 2 is modelled.
    pub igmp_version: Option<u8>,
    /// `IFLA_BR_MCAST_MLD_VERSION`; only 1 is modelled.
    pub mld_version: Option<u8>,
    /// `IFLA_BR_MCAST_STATS_ENABLED`; only 0 is modelled.
    pub stats_enabled: Option<bool>,
}

/// A port, or the host, that is in a group of a bridge (`struct br_mdb_entry`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MdbSpec {
    /// The bridge.
    pub dev: LinkRef,
    /// The port; the bridge itself stands for its host.
    pub port: LinkRef,
    /// The group.
    pub group: GroupAddr,
    /// Whether it stays until it is taken away.
    pub permanent: bool,
}

/// Bridge port options (`IFLA_BRPORT_*`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PortChange {
    /// `IFLA_BRPORT_STATE`: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking.
    pub state: Option<u8>,
    /// `IFLA_BRPORT_PRIORITY`.
    pub priority: Option<u16>,
    /// `IFLA_BRPORT_COST`.
    pub cost: Option<u32>,
    /// `IFLA_BRPORT_MODE`.
    pub hairpin: Option<bool>,
    /// `IFLA_BRPORT_GUARD`.
    pub guard: Option<bool>,
    /// `IFLA_BRPORT_PROTECT`.
    pub root_block: Option<bool>,
    /// `IFLA_BRPORT_FAST_LEAVE`.
    pub fastleave: Option<bool>,
    /// `IFLA_BRPORT_LEARNING`.
    pub learning: Option<bool>,
    /// `IFLA_BRPORT_UNICAST_FLOOD`.
    pub flood: Option<bool>,
    /// `IFLA_BRPORT_MCAST_FLOOD`.
    pub mcast_flood: Option<bool>,
    /// `IFLA_BRPORT_MULTICAST_ROUTER`: 0 never, 1 learned, 2 always, 3 for some time.
    pub mcast_router: Option<u8>,
    /// `IFLA_BRPORT_BCAST_FLOOD`.
    pub bcast_flood: Option<bool>,
    /// `IFLA_BRPORT_PROXYARP`.
    pub proxy_arp: Option<bool>,
    /// `IFLA_BRPORT_NEIGH_SUPPRESS`.
    pub neigh_suppress: Option<bool>,
    /// `IFLA_BRPORT_ISOLATED`.
    pub isolated: Option<bool>,
    /// `IFLA_BRPORT_GROUP_FWD_MASK`.
    pub group_fwd_mask: Option<u16>,
    /// `IFLA_BRPORT_LOCKED`.
    pub locked: Option<bool>,
}

/// VXLAN options (`IFLA_VXLAN_*`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VxlanChange {
    /// The network identifier, 24 bits (`IFLA_VXLAN_ID`).
    pub vni: Option<u32>,
    /// The remote or group that unknown stations are sent to (`IFLA_VXLAN_GROUP`).
    pub remote: Option<IpAddr>,
    /// The outer source address (`IFLA_VXLAN_LOCAL`).
    pub local: Option<IpAddr>,
    /// The device that carries the outer packets (`IFLA_VXLAN_LINK`).
    pub dev: Option<LinkRef>,
    /// The outer TTL; 0 takes the route's (`IFLA_VXLAN_TTL`).
    pub ttl: Option<u8>,
    /// The outer TOS; 1 inherits the inner one (`IFLA_VXLAN_TOS`).
    pub tos: Option<u8>,
    /// The outer DF: 0 unset, 1 set, 2 inherit (`IFLA_VXLAN_DF`).
    pub df: Option<u8>,
    /// Whether stations are learned (`IFLA_VXLAN_LEARNING`).
    pub learning: Option<bool>,
    /// How long a learned station is kept, in seconds (`IFLA_VXLAN_AGEING`).
    pub ageing_s: Option<u32>,
    /// The most stations learned (`IFLA_VXLAN_LIMIT`).
    pub limit: Option<u32>,
    /// The range of outer source ports (`IFLA_VXLAN_PORT_RANGE`).
    pub src_ports: Option<(u16, u16)>,
    /// The outer destination port (`IFLA_VXLAN_PORT`); the kernel's default is 8472.
    pub dst_port: Option<u16>,
    /// Whether outer UDP checksums are sent (`IFLA_VXLAN_UDP_CSUM`).
    pub udp_csum: Option<bool>,
    /// Whether ARP for known neighbours is answered here (`IFLA_VXLAN_PROXY`).
    pub proxy: Option<bool>,
    /// `IFLA_VXLAN_RSC`.
    pub rsc: Option<bool>,
    /// `IFLA_VXLAN_L2MISS`.
    pub l2miss: Option<bool>,
    /// `IFLA_VXLAN_L3MISS`.
    pub l3miss: Option<bool>,
}

/// IPIP options (`IFLA_IPTUN_*`); none at all are no `IFLA_INFO_DATA`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TunnelChange {
    /// What it says that it carries (`IFLA_IPTUN_PROTO`); IPv4 if nothing is said.
    pub proto: Option<TunnelProto>,
    /// The outer source; unspecified means any.
    pub local: Option<IpAddr>,
    /// The outer destination; unspecified means any.
    pub remote: Option<IpAddr>,
    /// The device that carries the outer packets.
    pub dev: Option<LinkRef>,
    /// The outer TTL; 0 inherits the inner one.
    pub ttl: Option<u8>,
    /// The outer TOS; 1 inherits the inner one.
    pub tos: Option<u8>,
    /// Whether the outer DF is set when the inner one is.
    pub pmtudisc: Option<bool>,
}

/// All parameters of an IPIP tunnel (`struct ip_tunnel_parm`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TunnelSpec {
    /// The device that carries the outer packets; none is any.
    pub dev: Option<LinkRef>,
    /// The outer source; unspecified means any.
    pub local: Ipv4Addr,
    /// The outer destination; unspecified means any.
    pub remote: Ipv4Addr,
    /// The outer TTL; 0 inherits the inner one.
    pub ttl: u8,
    /// The outer TOS; 1 inherits the inner one.
    pub tos: u8,
    /// Whether the outer DF is set; with a TTL it always is.
    pub pmtudisc: bool,
}

/// An address on a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddrSpec {
    /// The device.
    pub dev: LinkRef,
    /// The address (`IFA_LOCAL`).
    pub local: IpAddr,
    /// The other end, if it is not a subnet (`IFA_ADDRESS`).
    pub peer: Option<IpAddr>,
    /// The prefix length.
    pub prefix_len: u8,
    /// In a deletion, any prefix length and peer match: `IFA_ADDRESS` is not sent, as by `ip addr del
    /// ADDR` without a length.
    pub any_prefix: bool,
    /// The broadcast address (`IFA_BROADCAST`).
    pub broadcast: Option<IpAddr>,
    /// The label (`IFA_LABEL`).
    pub label: Option<DevName>,
    /// The scope.
    pub scope: Option<Scope>,
    /// The metric of the subnet's route (`IFA_RT_PRIORITY`).
    pub metric: Option<u32>,
    /// Whether the subnet's route is not wanted (`IFA_F_NOPREFIXROUTE`).
    pub no_prefix_route: bool,
    /// Whether the host joins the group that it is (`IFA_F_MCAUTOJOIN`).
    pub autojoin: bool,
    /// Seconds it is valid; `None` is forever.
    pub valid_lft_s: Option<u32>,
    /// Seconds it is preferred; `None` is forever.
    pub preferred_lft_s: Option<u32>,
    /// Who put it there (`IFA_PROTO`).
    pub proto: u8,
}

/// A route.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RouteSpec {
    /// The destination; `None` is the default route.
    pub dst: Option<IpNet>,
    /// The type; `None` in a deletion matches any.
    pub kind: Option<RouteType>,
    /// The table (`RTA_TABLE`); the kernel's default is main (254), local types go to local (255).
    pub table: Option<u32>,
    /// The type of service.
    pub tos: u8,
    /// The metric (`RTA_PRIORITY`).
    pub metric: Option<u32>,
    /// Who put it there (`rtm_protocol`).
    pub protocol: Option<u8>,
    /// The scope.
    pub scope: Option<Scope>,
    /// The preferred source (`RTA_PREFSRC`).
    pub prefsrc: Option<IpAddr>,
    /// The next hops: one, or several for multipath (`RTA_MULTIPATH`).
    pub next_hops: Vec<NextHopSpec>,
    /// `RTAX_MTU`, and whether it is locked.
    pub mtu: Option<(u32, bool)>,
    /// `RTAX_ADVMSS`.
    pub advmss: Option<u32>,
    /// `RTAX_INITCWND`.
    pub initcwnd: Option<u32>,
    /// `RTAX_HOPLIMIT`.
    pub hoplimit: Option<u32>,
}

/// One way of a route.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NextHopSpec {
    /// The router (`RTA_GATEWAY`).
    pub gateway: Option<IpAddr>,
    /// The device (`RTA_OIF`).
    pub dev: Option<LinkRef>,
    /// The weight, from 1 (`rtnh_hops` + 1); 0 and 1 are the same.
    pub weight: u16,
    /// The router is on the link whatever the table says (`RTNH_F_ONLINK`).
    pub onlink: bool,
}

/// A policy rule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RuleSpec {
    /// The preference (`FRA_PRIORITY`); the kernel chooses one if none is given.
    pub priority: Option<u32>,
    /// Whether the selector's result is inverted (`FIB_RULE_INVERT`).
    pub not: bool,
    /// The source (`FRA_SRC`).
    pub from: Option<IpNet>,
    /// The destination (`FRA_DST`).
    pub to: Option<IpNet>,
    /// The input device by name, which need not exist (`FRA_IIFNAME`).
    pub iif: Option<DevName>,
    /// The output device by name (`FRA_OIFNAME`).
    pub oif: Option<DevName>,
    /// The firewall mark and its mask (`FRA_FWMARK`, `FRA_FWMASK`).
    pub fwmark: Option<(u32, u32)>,
    /// The type of service.
    pub tos: u8,
    /// The IP protocol (`FRA_IP_PROTO`).
    pub ipproto: Option<u8>,
    /// The range of source ports (`FRA_SPORT_RANGE`).
    pub sport: Option<(u16, u16)>,
    /// The range of destination ports (`FRA_DPORT_RANGE`).
    pub dport: Option<(u16, u16)>,
    /// The range of user ids (`FRA_UID_RANGE`).
    pub uidrange: Option<(u32, u32)>,
    /// What happens to packets that match.
    pub action: RuleAction,
    /// Results with a prefix no longer than this are ignored (`FRA_SUPPRESS_PREFIXLEN`).
    pub suppress_prefixlength: Option<u32>,
    /// Results by a device of this group are ignored (`FRA_SUPPRESS_IFGROUP`).
    pub suppress_ifgroup: Option<u32>,
    /// Who put it there (`FRA_PROTOCOL`).
    pub protocol: Option<u8>,
}

/// A neighbour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NeighSpec {
    /// The device; only an address that is answered for can do without.
    pub dev: Option<LinkRef>,
    /// The address (`NDA_DST`).
    pub addr: IpAddr,
    /// The link layer address (`NDA_LLADDR`).
    pub lladdr: Option<MacAddr>,
    /// The state; `None` is permanent (`ndm_state`).
    pub state: Option<NudState>,
    /// An address answered for on behalf of another (`NTF_PROXY`).
    pub proxy: bool,
    /// `NTF_ROUTER`.
    pub router: bool,
    /// `NTF_EXT_LEARNED`.
    pub extern_learn: bool,
    /// Who put it there (`NDA_PROTOCOL`).
    pub protocol: u8,
}

/// An entry of a forwarding database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FdbSpec {
    /// The device: a bridge port, a bridge or a VXLAN tunnel.
    pub dev: LinkRef,
    /// The station.
    pub lladdr: MacAddr,
    /// Kept by the device itself (`NTF_SELF`).
    pub self_: bool,
    /// Kept by the bridge that the device is a port of (`NTF_MASTER`).
    pub master: bool,
    /// How the entry ages (`ndm_state`).
    pub state: FdbState,
    /// The remote end (`NDA_DST`).
    pub dst: Option<IpAddr>,
    /// The remote port (`NDA_PORT`).
    pub port: Option<u16>,
    /// The network identifier (`NDA_VNI`).
    pub vni: Option<u32>,
    /// The device towards the remote end (`NDA_IFINDEX`).
    pub via: Option<LinkRef>,
    /// The VLAN (`NDA_VLAN`).
    pub vlan: Option<u16>,
    /// `NTF_EXT_LEARNED`.
    pub extern_learn: bool,
    /// `NTF_STICKY`.
    pub sticky: bool,
}

/// Many entries of a forwarding database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FdbFlush {
    /// The device: a bridge port, a bridge or a VXLAN tunnel.
    pub dev: LinkRef,
    /// Those of the device itself (`NTF_SELF`).
    pub self_: bool,
    /// Those of the bridge that the device is a port of (`NTF_MASTER`).
    pub master: bool,
    /// Which of them.
    pub filter: FdbFilter,
}

/// Which entries of a forwarding database are meant. What is `None` does not matter; else an entry has to
/// have it, or not to have it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FdbFilter {
    /// Behind this port of a bridge; the bridge itself stands for its host (`NDA_IFINDEX`).
    pub port: Option<LinkRef>,
    /// Of this VLAN (`NDA_VLAN`).
    pub vlan: Option<u16>,
    /// Of the host itself (`NUD_PERMANENT`).
    pub permanent: Option<bool>,
    /// Kept for ever, be it the host's own or not (`NUD_NOARP`).
    pub noarp: Option<bool>,
    /// Set by hand (`NTF_USE`).
    pub by_user: Option<bool>,
    /// `NTF_EXT_LEARNED`.
    pub extern_learn: Option<bool>,
    /// `NTF_STICKY`.
    pub sticky: Option<bool>,
    /// Known to hardware (`NTF_OFFLOADED`).
    pub offloaded: Option<bool>,
}

/// How an entry of a forwarding database ages.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum FdbState {
    /// `permanent`, `local`: the host's own address (`NUD_PERMANENT`).
    #[default]
    Permanent,
    /// `static`: never ages (`NUD_NOARP`).
    Static,
    /// `dynamic`: ages like a learned one (`NUD_REACHABLE`).
    Dynamic,
}

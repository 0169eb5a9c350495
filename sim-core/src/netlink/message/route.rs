//! Routes (`RTM_NEWROUTE`): of tables, and as answers to lookups.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::errno::Errno;
use crate::family::V4;
use crate::id::{IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::Scope;
use crate::netlink::NetlinkError;
use crate::packet::IpProto;
use crate::route::fib::info::NhFlags;
use crate::route::fib::{FibAlias, FibInfo, Linkstate, Metrics, NextHop, lookup};
use crate::route::get::RouteAnswer;
use crate::route::{self, FlowKey, RouteType};

/// A route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteMsg {
    /// Its type (`rtm_type`).
    pub kind: RouteType,
    /// The destination; `None` is everything (`RTA_DST`).
    pub dst: Option<IpNet>,
    /// The source that was asked for (`RTA_SRC`).
    pub src: Option<IpAddr>,
    /// The type of service (`rtm_tos`).
    pub tos: u8,
    /// The table (`RTA_TABLE`).
    pub table: u32,
    /// Who put it there (`rtm_protocol`).
    pub protocol: u8,
    /// How far the destinations are (`rtm_scope`).
    pub scope: Scope,
    /// The preferred source (`RTA_PREFSRC`).
    pub prefsrc: Option<IpAddr>,
    /// The metric (`RTA_PRIORITY`).
    pub metric: Option<u32>,
    /// `RTAX_*`.
    pub metrics: Metrics,
    /// The only next hop, with its device and flags (`RTA_GATEWAY`, `RTA_OIF`, `rtm_flags`).
    pub hop: HopMsg,
    /// Several next hops (`RTA_MULTIPATH`).
    pub hops: Vec<HopMsg>,
    /// What an answer to a lookup says beyond a route.
    pub found: Option<FoundMsg>,
}

/// A next hop.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HopMsg {
    /// The router.
    pub gateway: Option<IpAddr>,
    /// The device.
    pub dev: Option<IfIndex>,
    /// Its share among several.
    pub weight: u16,
    /// `RTNH_F_DEAD`.
    pub dead: bool,
    /// `RTNH_F_ONLINK`.
    pub onlink: bool,
    /// `RTNH_F_LINKDOWN`.
    pub linkdown: bool,
}

/// What an answer to a lookup says beyond a route (`RTM_F_CLONED`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags, as in the kernel")]
pub struct FoundMsg {
    /// This host takes the packet (`RTCF_LOCAL`).
    pub local: bool,
    /// It is a group's (`RTCF_MULTICAST`).
    pub multicast: bool,
    /// It is everybody's (`RTCF_BROADCAST`).
    pub broadcast: bool,
    /// A redirect sends it to another router than the table's (`RTCF_REDIRECTED`).
    pub redirected: bool,
    /// The sender is told of a shorter way (`RTCF_DOREDIRECT`).
    pub redirect: bool,
    /// In how many seconds what ICMP has taught about the way is forgotten (`rta_expires`).
    pub expires_s: Option<u64>,
    /// The firewall mark that was asked for (`RTA_MARK`).
    pub mark: u32,
    /// The user that was asked for (`RTA_UID`).
    pub uid: Option<u32>,
    /// The input device that was asked for (`RTA_IIF`).
    pub iif: Option<IfIndex>,
}

fn flagged(flags: NhFlags) -> HopMsg {
    HopMsg {
        dead: flags.contains(NhFlags::DEAD),
        onlink: flags.contains(NhFlags::ONLINK),
        linkdown: flags.contains(NhFlags::LINKDOWN),
        ..HopMsg::default()
    }
}

fn hop(k: &Kernel, hop: &NextHop<V4>) -> HopMsg {
    HopMsg {
        gateway: hop.gateway.map(IpAddr::V4),
        dev: hop.dev.and_then(|dev| k.devs.get(dev)).map(|dev| dev.ifindex),
        weight: hop.weight,
        ..flagged(hop.shown_flags(k))
    }
}

impl RouteMsg {
    /// What is told of a route (`fib_dump_info()`).
    #[must_use]
    pub fn of(k: &Kernel, net: Ipv4Net, alias: &FibAlias<V4>) -> Self {
        let info: &FibInfo<V4> = &alias.info;
        let several = info.hops.len() > 1;
        Self {
            kind: alias.kind,
            dst: Some(net).filter(|net| net.prefix_len() != 0).map(IpNet::V4),
            src: None,
            tos: alias.tos,
            table: alias.table,
            protocol: info.protocol,
            scope: info.scope,
            prefsrc: info.prefsrc.map(IpAddr::V4),
            metric: Some(info.priority).filter(|metric| *metric != 0),
            metrics: info.metrics.as_deref().copied().unwrap_or_default(),
            hop: match info.hops.first() {
                Some(only) if !several => hop(k, only),
                // The state of the route as a whole.
                _ => flagged(info.flags),
            },
            hops: match several {
                true => info.hops.iter().map(|each| hop(k, each)).collect(),
                false => Vec::new(),
            },
            found: None,
        }
    }

    /// An answer to a lookup (`rt_fill_info()`).
    fn answer(k: &Kernel, query: &RouteQuery, answer: &RouteAnswer) -> Self {
        let flags = answer.flags;
        let uid = query.iif.is_none().then(|| query.uid.unwrap_or(0)).or(query.uid);
        Self {
            kind: answer.kind,
            dst: Some(IpNet::from(IpAddr::V4(answer.to))),
            src: answer.from.map(IpAddr::V4),
            tos: answer.tos,
            table: answer.table,
            protocol: 0,
            scope: Scope::UNIVERSE,
            prefsrc: answer.src.map(IpAddr::V4),
            metric: None,
            metrics: answer.metrics,
            hop: HopMsg {
                gateway: answer.gateway,
                dev: k.devs.get(answer.dev).map(|dev| dev.ifindex),
                ..HopMsg::default()
            },
            hops: Vec::new(),
            found: Some(FoundMsg {
                local: flags.local,
                multicast: flags.multicast,
                broadcast: flags.broadcast,
                redirected: flags.redirected,
                redirect: flags.redirect,
                expires_s: answer.expires_s,
                mark: query.mark,
                uid,
                iif: query.iif,
            }),
        }
    }
}

/// All routes of a table, or of all tables, in the order of a dump (`inet_dump_fib()`).
///
/// # Errors
///
/// There is no such table.
pub fn dump(k: &Kernel, netns: NetnsId, table: Option<u32>) -> Result<Vec<RouteMsg>, NetlinkError> {
    let fib = &k.netns[netns].ipv4.fib;
    let tables = match table {
        None => fib.tables(),
        Some(table) if fib.trie(table).is_some() => vec![table],
        Some(_) => {
            let text = "ipv4: FIB table does not exist";
            return Err(NetlinkError::with_message(Errno::ENOENT, text));
        }
    };
    let routes = tables.into_iter().flat_map(|table| fib.routes(table));
    Ok(routes.map(|(net, alias)| RouteMsg::of(k, net, alias)).collect())
}

/// What is asked of a lookup (`RTM_GETROUTE`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteQuery {
    /// Where to.
    pub dst: Ipv4Addr,
    /// Where from.
    pub src: Option<Ipv4Addr>,
    /// By which device the packet came in.
    pub iif: Option<IfIndex>,
    /// By which device it is to leave.
    pub oif: Option<IfIndex>,
    /// The firewall mark.
    pub mark: u32,
    /// The type of service.
    pub tos: u8,
    /// Whose packet it is.
    pub uid: Option<u32>,
    /// The IP protocol.
    pub proto: Option<u8>,
    /// The source port.
    pub sport: u16,
    /// The destination port.
    pub dport: u16,
    /// The route is wanted, not the way (`RTM_F_FIB_MATCH`).
    pub fib_match: bool,
}

/// Asks for the way of a packet (`inet_rtm_getroute()`).
///
/// # Errors
///
/// There is none, or the question is odd.
pub fn get(k: &mut Kernel, netns: NetnsId, query: &RouteQuery) -> Result<RouteMsg, NetlinkError> {
    let proto = query.proto.unwrap_or(IpProto::UDP.0);
    if ![IpProto::TCP.0, IpProto::UDP.0, IpProto::ICMP.0].contains(&proto) {
        return Err(NetlinkError::with_message(Errno::EOPNOTSUPP, "Unsupported ip proto"));
    }
    let dev = |index: IfIndex| k.dev_by_index(netns, index).ok_or(Errno::ENODEV);
    let flow = FlowKey::<V4> {
        dst: query.dst,
        src: query.src.unwrap_or(Ipv4Addr::UNSPECIFIED),
        iif: query.iif.map(dev).transpose()?,
        oif: query.oif.map(dev).transpose()?,
        mark: query.mark,
        tos: query.tos,
        proto: query.proto.unwrap_or(0),
        sport: query.sport,
        dport: query.dport,
        uid: query.uid.unwrap_or(0),
        ..FlowKey::to(query.dst)
    };
    let answer = route::get::get(k, netns, &flow)?;
    if !query.fib_match {
        return Ok(RouteMsg::answer(k, query, &answer));
    }
    match lookup::<V4>(k, netns, &flow, Linkstate::Respected) {
        Ok(found) => Ok(RouteMsg::of(k, found.net, found.alias)),
        Err(error) => Err(error.into()),
    }
}

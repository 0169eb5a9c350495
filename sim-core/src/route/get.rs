//! What `ip route get` is told (`inet_rtm_getroute()`, `rt_fill_info()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::packet::IpProto;
use crate::route::addr_type::is_zeronet;
use crate::route::fib::Metrics;
use crate::route::flow::FlowKey;
use crate::route::output::output_like;
use crate::route::{Dst, RouteType, input};
use crate::time::SimTime;

/// The answer to a query for the way of one flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteAnswer {
    /// The route's type.
    pub kind: RouteType,
    /// The destination that was asked for.
    pub to: Ipv4Addr,
    /// The type of service of the route.
    pub tos: u8,
    /// The source that was asked for.
    pub from: Option<Ipv4Addr>,
    /// The device the packet leaves by.
    pub dev: DevId,
    /// The router.
    pub gateway: Option<IpAddr>,
    /// The source that was chosen; `None` if it was given, or if the packet is a received one.
    pub src: Option<Ipv4Addr>,
    /// The table that decided; 0 if none did.
    pub table: u32,
    /// What the kernel notes about the route.
    pub flags: CacheFlags,
    /// In how many seconds what ICMP has taught about the way is forgotten.
    pub expires_s: Option<u64>,
    /// The metrics that packets get.
    pub metrics: Metrics,
}

/// The `RTCF_*` flags of a route.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CacheFlags {
    /// This host takes the packet or a copy of it.
    pub local: bool,
    /// It is a broadcast.
    pub broadcast: bool,
    /// It is a multicast.
    pub multicast: bool,
    /// A redirect sends it to another router than the table's.
    pub redirected: bool,
    /// Its sender would be told of a shorter way.
    pub redirect: bool,
}

impl CacheFlags {
    fn of(dst: &Dst) -> Self {
        Self {
            local: dst.local,
            broadcast: dst.kind == RouteType::Broadcast && dst.local,
            multicast: dst.kind == RouteType::Multicast,
            ..Self::default()
        }
    }
}

/// Finds the way of `flow`: of a received packet if it names an input device, else of one that this
/// host makes.
///
/// # Errors
///
/// The error that a packet would meet; [`Errno::EINVAL`] for addresses that would not be accepted.
pub fn get(k: &mut Kernel, netns: NetnsId, flow: &FlowKey<V4>) -> Result<RouteAnswer, Errno> {
    let from = (!is_zeronet(flow.src)).then_some(flow.src);
    let now = k.now;
    let left = |expires: Option<SimTime>| expires.map(|at| at.since(now).as_secs());
    // The kernel makes a packet to ask about, of UDP if nothing else was said.
    let proto = if flow.proto == 0 { IpProto::UDP.0 } else { flow.proto };
    let packet = FlowKey { proto, ..*flow };
    if flow.iif.is_some() {
        let route =
            input(k, netns, &packet).map_err(|(_, error)| error.unwrap_or(Errno::EINVAL))?;
        let redirected = route.redirected;
        return Ok(RouteAnswer {
            kind: route.dst.kind,
            to: flow.dst,
            tos: route.tos,
            from,
            dev: route.dst.dev,
            gateway: route.dst.gateway,
            src: None,
            table: route.table,
            flags: CacheFlags {
                redirected,
                redirect: route.do_redirect,
                ..CacheFlags::of(&route.dst)
            },
            expires_s: left(route.expires),
            metrics: route.metrics,
        });
    }
    let route = output_like(k, netns, flow, &packet)?;
    Ok(RouteAnswer {
        kind: route.dst.kind,
        to: flow.dst,
        tos: route.tos,
        from,
        dev: route.dst.dev,
        gateway: route.dst.gateway,
        src: (route.src != flow.src).then_some(route.src),
        table: route.table,
        flags: CacheFlags { redirected: route.redirected, ..CacheFlags::of(&route.dst) },
        expires_s: left(route.expires),
        metrics: route.metrics,
    })
}

//! The way of a packet of this host (`ip_route_output_key()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::family::{Family as _, V4};
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::{ConfKey, Scope};
use crate::packet::IpProto;
use crate::route::addr_type::{dev_of_addr, is_local_multicast, is_zeronet};
use crate::route::default::{self, Choice};
use crate::route::fib::{FibMatch, Linkstate, Metrics, lookup};
use crate::route::flow::FlowKey;
use crate::route::multipath::{self, Hashed};
use crate::route::source::{select_source, source_of_route};
use crate::route::{Dst, RouteType, metrics_of, shown_metrics};
use crate::time::SimTime;

/// Where a packet of this host goes, and from which address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutputRoute {
    /// The way.
    pub dst: Dst,
    /// The source address.
    pub src: Ipv4Addr,
    /// The destination: an unspecified one has become this host.
    pub to: Ipv4Addr,
    /// The table that decided; 0 where none did.
    pub table: u32,
    /// The length of the prefix that decided, in bits.
    pub prefix_len: u8,
    /// The type of service of the route that decided.
    pub tos: u8,
    /// The metrics of the route, with what ICMP has taught.
    pub metrics: Metrics,
    /// A redirect changed the router (`RTCF_REDIRECTED`).
    pub redirected: bool,
    /// When what ICMP has taught is forgotten.
    pub expires: Option<SimTime>,
    /// It is one of several default routes: the same question may get another answer at any time.
    pub is_fleeting: bool,
}

/// What the search has fixed so far.
struct Search<'k> {
    k: &'k Kernel,
    netns: NetnsId,
    flow: FlowKey<V4>,
    /// What decides among several ways.
    hashed: Hashed<'k>,
    /// What was chosen among default routes.
    choice: Option<Choice>,
}

/// Finds the way of a packet that this host makes.
///
/// # Errors
///
/// [`Errno::ENETUNREACH`] without a route; [`Errno::EINVAL`] for impossible addresses and blackholes;
/// [`Errno::EHOSTUNREACH`] and [`Errno::EACCES`] for routes that refuse; [`Errno::ENODEV`] for a device
/// that is gone.
pub fn output(k: &mut Kernel, netns: NetnsId, flow: &FlowKey<V4>) -> Result<OutputRoute, Errno> {
    find(k, netns, flow, Hashed::Flow)
}

/// As [`output`], but of several ways the one is chosen that `packet` would take if it were received.
///
/// # Errors
///
/// As [`output`].
pub fn output_like(
    k: &mut Kernel,
    netns: NetnsId,
    flow: &FlowKey<V4>,
    packet: &FlowKey<V4>,
) -> Result<OutputRoute, Errno> {
    find(k, netns, flow, Hashed::Packet(packet))
}

fn find(
    k: &mut Kernel,
    netns: NetnsId,
    flow: &FlowKey<V4>,
    hashed: Hashed<'_>,
) -> Result<OutputRoute, Errno> {
    let mut search = Search { k, netns, flow: *flow, hashed, choice: None };
    let answer = search.run();
    if let Some(choice) = search.choice {
        default::remember(k, netns, choice);
    }
    answer
}

impl Search<'_> {
    fn run(&mut self) -> Result<OutputRoute, Errno> {
        if let Some(dev) = self.check_source()? {
            return self.make(RouteType::Unicast, None, dev);
        }
        if let Some(dev) = self.bind_to_device()? {
            return self.make(RouteType::Unicast, None, dev);
        }
        if is_zeronet(self.flow.dst) {
            return self.loop_back();
        }
        self.look_up()
    }

    fn choose(&self, dev: DevId, scope: Scope) -> Ipv4Addr {
        let chosen = select_source(self.k, dev, Ipv4Addr::UNSPECIFIED, scope);
        chosen.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// Refuses sources that are not this host's. A group or broadcast without a device leaves by the
    /// device that has the source.
    fn check_source(&mut self) -> Result<Option<DevId>, Errno> {
        let FlowKey { src, dst, .. } = self.flow;
        if is_zeronet(src) {
            return Ok(None);
        }
        if src.is_multicast() || src.is_broadcast() {
            return Err(Errno::EINVAL);
        }
        let owner = || dev_of_addr(self.k, self.netns, src).ok_or(Errno::ENETUNREACH);
        if self.flow.oif.is_none() && (dst.is_multicast() || dst.is_broadcast()) {
            let dev = owner()?;
            self.flow.oif = Some(dev);
            return Ok(Some(dev));
        }
        if !self.flow.any_src {
            owner()?;
        }
        Ok(None)
    }

    /// Takes the device the caller asked for; groups and broadcasts need no route then.
    fn bind_to_device(&mut self) -> Result<Option<DevId>, Errno> {
        let Some(dev) = self.flow.oif else { return Ok(None) };
        let FlowKey { src, dst, .. } = self.flow;
        let device = self.k.devs.get(dev).filter(|d| d.netns == self.netns).ok_or(Errno::ENODEV)?;
        if !device.is_up() {
            return Err(Errno::ENETUNREACH);
        }
        let link_only =
            is_local_multicast(dst) || dst.is_broadcast() || self.flow.proto == IpProto::IGMP.0;
        if is_zeronet(src) {
            if link_only {
                self.flow.src = self.choose(dev, Scope::LINK);
            } else if dst.is_multicast() {
                self.flow.src = self.choose(dev, self.flow.scope);
            } else if is_zeronet(dst) {
                self.flow.src = self.choose(dev, Scope::HOST);
            }
        }
        Ok(link_only.then_some(dev))
    }

    /// No destination is this host itself.
    fn loop_back(&mut self) -> Result<OutputRoute, Errno> {
        if is_zeronet(self.flow.src) {
            self.flow.src = Ipv4Addr::LOCALHOST;
        }
        self.flow.dst = self.flow.src;
        self.make(RouteType::Local, None, self.k.netns[self.netns].lo)
    }

    fn look_up(&mut self) -> Result<OutputRoute, Errno> {
        let k = self.k;
        let mut found = match lookup::<V4>(k, self.netns, &self.flow, Linkstate::Respected) {
            Ok(found) => found,
            Err(error) => {
                // Bound to a device, the destination is taken to be on its link.
                let dev = self.flow.oif.ok_or(error)?;
                if is_zeronet(self.flow.src) {
                    self.flow.src = self.choose(dev, Scope::LINK);
                }
                return self.make(RouteType::Unicast, None, dev);
            }
        };
        if found.alias.kind == RouteType::Local {
            if is_zeronet(self.flow.src) {
                self.flow.src = found.alias.info.prefsrc.unwrap_or(self.flow.dst);
            }
            return self.make(RouteType::Local, Some(found), k.netns[self.netns].lo);
        }
        let tos = found.alias.tos;
        self.choice = multipath::select_path(k, self.netns, &mut found, &self.flow, self.hashed);
        if is_zeronet(self.flow.src) {
            self.flow.src = source_of_route(k, &found).unwrap_or(Ipv4Addr::UNSPECIFIED);
        }
        let dev = found.next_hop().dev.ok_or(Errno::EINVAL)?;
        let answer = self.make(found.alias.kind, Some(found), dev)?;
        // Whichever default route is taken, the one that was found names the type of service.
        Ok(OutputRoute { tos, is_fleeting: self.choice.is_some(), ..answer })
    }

    /// Puts the answer together (`__mkroute_output()`).
    fn make(
        &self,
        kind: RouteType,
        found: Option<FibMatch<'_, V4>>,
        dev: DevId,
    ) -> Result<OutputRoute, Errno> {
        let FlowKey { src, dst, proto, .. } = self.flow;
        let loopback = self.k.devs[dev].is_loopback();
        let localnet = self.k.conf_is_on(dev, ConfKey::RouteLocalnet);
        if src.is_loopback() && !loopback && !localnet {
            return Err(Errno::EINVAL);
        }
        let kind = if dst.is_broadcast() {
            RouteType::Broadcast
        } else if dst.is_multicast() {
            RouteType::Multicast
        } else if is_zeronet(dst) {
            return Err(Errno::EINVAL);
        } else {
            kind
        };
        let (local, keeps_route) = match kind {
            RouteType::Broadcast => (true, false),
            // The default route's router is not for groups.
            RouteType::Multicast => {
                let own_route = found.is_some_and(|f| V4::prefix_len(&f.net) >= 4);
                (self.k.devs[dev].inet.is_member(dst, src, proto), own_route)
            }
            RouteType::Local => (true, true),
            RouteType::Unicast
            | RouteType::Anycast
            | RouteType::Blackhole
            | RouteType::Unreachable
            | RouteType::Prohibit
            | RouteType::Throw => (loopback, true),
        };
        let mut answer = OutputRoute {
            dst: Dst { local, ..Dst::on_link(dev, kind) },
            src,
            to: dst,
            table: found.map_or(0, |f| f.table),
            prefix_len: found.map_or(0, |f| V4::prefix_len(&f.net)),
            tos: found.map_or(0, |f| f.alias.tos),
            metrics: Metrics::default(),
            redirected: false,
            expires: None,
            is_fleeting: false,
        };
        if let Some(found) = found.filter(|_| keeps_route) {
            let exceptions = &self.k.netns[self.netns].ipv4.exceptions;
            let learned = exceptions.find(&found, dst, self.k.now);
            let metrics = metrics_of(&found.alias.info);
            answer.dst.gateway = found.next_hop().router().map(IpAddr::V4);
            answer.dst = answer.dst.with_metrics(metrics).with_exception(learned);
            answer.metrics = shown_metrics(metrics, learned);
            answer.redirected = learned.is_some_and(|e| e.gateway.is_some());
            answer.expires = learned.map(|e| e.expires);
        }
        Ok(answer)
    }
}

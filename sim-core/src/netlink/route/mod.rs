//! Routes (`RTM_NEWROUTE`, `RTM_DELROUTE`; `inet_rtm_newroute()`, `inet_rtm_delroute()`).

mod check;

use ipnet::Ipv4Net;

use crate::errno::Errno;
use crate::family::{Family as _, V4};
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::link::inet::Scope;
use crate::netlink::request::{Create, RouteSpec};
use crate::netlink::{NetlinkError, link};
use crate::route::RouteType;
use crate::route::fib::change::{self, Existing, RouteKey};
use crate::route::fib::{FibAlias, FibInfo, Metrics, RT_TABLE_MAIN};
use crate::trace::Observer;

/// A route request with its words turned into the kernel's (`struct fib_config`).
struct Config<'r> {
    key: RouteKey<V4>,
    /// The type, if one was given.
    kind: Option<RouteType>,
    scope: Scope,
    metrics: Metrics,
    spec: &'r RouteSpec,
    /// The devices of the next hops, in their order.
    devs: Vec<Option<DevId>>,
}

/// Adds or changes one.
///
/// # Errors
///
/// The kernel's refusal.
pub fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &RouteSpec,
    create: Create,
    _: &mut O,
) -> Result<(), NetlinkError> {
    let config = read(k, netns, spec, Scope::UNIVERSE)?;
    // The table is there from now on, even if the route is refused.
    k.netns[netns].ipv4.fib.add_table(config.key.table);
    let info = check::create_info(k, netns, &config)?;
    let existing = match create {
        Create::Exclusive => Existing::Refuse,
        Create::Replace => Existing::Replace { create: true },
        Create::Change => Existing::Replace { create: false },
        Create::Append => Existing::Append,
        Create::Prepend => Existing::Prepend,
        Create::Test => Existing::Test,
    };
    let fib = &mut k.netns[netns].ipv4.fib;
    let new = change::insert(fib, &config.key, info, existing)?;
    fib.custom_local_routes |= config.key.kind == RouteType::Local;
    if let Some(new) = new {
        rtnl::route(k, netns, config.key.net, &new, Change::New);
    }
    Ok(())
}

/// Removes the first one that fits.
///
/// # Errors
///
/// [`Errno::ESRCH`] if none does.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &RouteSpec,
    _: &mut O,
) -> Result<(), NetlinkError> {
    let config = read(k, netns, spec, Scope::NOWHERE)?;
    let fib = &mut k.netns[netns].ipv4.fib;
    if fib.trie(config.key.table).is_none() {
        return Err(NetlinkError::with_message(Errno::ESRCH, "FIB table does not exist"));
    }
    let gone = change::remove_first(fib, &config.key, |alias| fits(&config, alias));
    let gone = gone.ok_or(Errno::ESRCH)?;
    rtnl::route(k, netns, config.key.net, &gone, Change::Deleted);
    Ok(())
}

fn refuse<T>(text: &'static str) -> Result<T, NetlinkError> {
    Err(NetlinkError::with_message(Errno::EINVAL, text))
}

/// Reads a request (`rtm_to_fib_config()`); `scope` is what holds if none was given.
fn read<'r>(
    k: &Kernel,
    netns: NetnsId,
    spec: &'r RouteSpec,
    scope: Scope,
) -> Result<Config<'r>, NetlinkError> {
    const ECN_MASK: u8 = 0x03;
    let written = match spec.dst {
        None => V4::ALL,
        Some(net) => V4::written(net).ok_or_else(not_modelled)?,
    };
    if spec.tos & ECN_MASK != 0 {
        return refuse("Invalid dsfield (tos): ECN bits must be 0");
    }
    let devs = spec
        .next_hops
        .iter()
        .map(|hop| hop.dev.map(|dev| link::find(k, netns, dev)).transpose())
        .collect::<Result<_, _>>()?;
    let net: Ipv4Net = written.trunc();
    if net != written {
        return refuse("Invalid prefix for given prefix length");
    }
    let kind = spec.kind.unwrap_or_default();
    let table = spec.table.filter(|t| *t != 0).unwrap_or(RT_TABLE_MAIN);
    Ok(Config {
        key: RouteKey { net, table, tos: spec.tos, kind },
        kind: spec.kind,
        scope: spec.scope.unwrap_or(scope),
        metrics: metrics(spec),
        spec,
        devs,
    })
}

fn not_modelled() -> NetlinkError {
    NetlinkError::with_message(Errno::EOPNOTSUPP, "IPv6 routes are not modelled")
}

/// The metrics, cut down to what packets can carry (`ip_metrics_convert()`).
fn metrics(spec: &RouteSpec) -> Metrics {
    const MAX_MTU: u32 = 65535 - 15;
    const MAX_MSS: u32 = 65535 - 40;
    Metrics {
        mtu: spec.mtu.map(|(mtu, _)| mtu.min(MAX_MTU)).filter(|mtu| *mtu != 0),
        mtu_locked: spec.mtu.is_some_and(|(_, locked)| locked),
        advmss: spec.advmss.map(|mss| mss.min(MAX_MSS)).filter(|mss| *mss != 0),
        initcwnd: spec.initcwnd.filter(|cwnd| *cwnd != 0),
        hoplimit: spec.hoplimit.map(|hops| hops.min(255)).filter(|hops| *hops != 0),
    }
}

/// Whether a route is as the request says, where it says something (`fib_table_delete()`).
fn fits(config: &Config<'_>, alias: &FibAlias<V4>) -> bool {
    let spec = config.spec;
    let info = &*alias.info;
    config.kind.is_none_or(|kind| kind == alias.kind)
        && (config.scope == Scope::NOWHERE || config.scope == info.scope)
        && spec.prefsrc.is_none_or(|src| info.prefsrc.is_some_and(|own| src == own))
        && spec.protocol.is_none_or(|p| p == 0 || p == info.protocol)
        && spec.metric.is_none_or(|m| m == 0 || m == info.priority)
        && metrics_fit(&config.metrics, info)
        && hops_fit(config, info)
}

/// Whether every metric that was given is the route's (`fib_metrics_match()`).
fn metrics_fit(wish: &Metrics, info: &FibInfo<V4>) -> bool {
    let own = info.metrics.as_deref().copied().unwrap_or_default();
    let same = |wish: Option<u32>, own: Option<u32>| wish.is_none() || wish == own;
    same(wish.mtu, own.mtu)
        && (!wish.mtu_locked || own.mtu_locked)
        && same(wish.advmss, own.advmss)
        && same(wish.initcwnd, own.initcwnd)
        && same(wish.hoplimit, own.hoplimit)
}

/// Whether the ways that were given are the route's (`fib_nh_match()`). One way fits the first of
/// several; several must all be there, in order.
fn hops_fit(config: &Config<'_>, info: &FibInfo<V4>) -> bool {
    let wishes = config.spec.next_hops.iter().zip(&config.devs);
    let multipath = config.devs.len() > 1;
    if multipath && info.hops.len() > config.devs.len() {
        return false;
    }
    if !config.devs.is_empty() && info.hops.is_empty() {
        return false;
    }
    wishes.zip(&info.hops).all(|((wish, dev), hop)| {
        (dev.is_none() || *dev == hop.dev)
            && wish.gateway.is_none_or(|gw| hop.gateway.is_some_and(|own| gw == own))
    })
}

//! Whether the source of a received packet is credible (`fib_validate_source()`).

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::inet::{ConfKey, Scope};
use crate::route::RouteType;
use crate::route::addr_type::find_addr;
use crate::route::fib::{FibMatch, Linkstate, lookup};
use crate::route::flow::FlowKey;
use crate::trace::DropReason;

/// How strictly sources are checked (`rp_filter`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Strictness {
    Off,
    /// The way back leaves by the device the packet came by.
    Strict,
    /// There is a way back.
    Loose,
}

impl Strictness {
    /// The setting that counts for `dev`.
    fn of(k: &Kernel, dev: DevId) -> Self {
        match k.conf(dev, ConfKey::RpFilter) {
            0 => Self::Off,
            1 => Self::Strict,
            _ => Self::Loose,
        }
    }
}

/// Whether the sender could reach the next hop without this host, so that a redirect is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Neighbourhood {
    /// It is on the link.
    OnLink,
    /// It is behind a router, or nobody asked.
    Elsewhere,
}

/// Checks the source of `flow`, which came by `dev` and will leave by `oif`; `dst` is the
/// destination as far as it matters to rules.
///
/// # Errors
///
/// Why the packet is dropped.
pub(super) fn validate_source(
    k: &Kernel,
    flow: &FlowKey<V4>,
    dst: Ipv4Addr,
    dev: DevId,
    oif: Option<DevId>,
) -> Result<Neighbourhood, DropReason> {
    let strictness = Strictness::of(k, dev);
    let may_redirect = oif == Some(dev) && k.conf_is_on(dev, ConfKey::SendRedirects);
    if strictness == Strictness::Off && !may_redirect {
        if k.conf_is_on(dev, ConfKey::AcceptLocal) {
            return Ok(Neighbourhood::Elsewhere);
        }
        let netns = k.devs[dev].netns;
        let fib = &k.netns[netns].ipv4.fib;
        // Addresses alone do not tell what local routes or rules may say.
        if !fib.custom_local_routes && !fib.rules.custom() {
            return match find_addr(k, netns, flow.src) {
                Some(_) => Err(DropReason::IpLocalSource),
                None => Ok(Neighbourhood::Elsewhere),
            };
        }
    }
    check_way_back(k, flow, dst, dev, oif, strictness)
}

/// Looks the source up as if it were a destination (`__fib_validate_source()`).
fn check_way_back(
    k: &Kernel,
    flow: &FlowKey<V4>,
    dst: Ipv4Addr,
    dev: DevId,
    oif: Option<DevId>,
    strictness: Strictness,
) -> Result<Neighbourhood, DropReason> {
    let netns = k.devs[dev].netns;
    let back = FlowKey {
        dst: flow.src,
        src: dst,
        iif: oif,
        mark: if k.conf_is_on(dev, ConfKey::SrcValidMark) { flow.mark } else { 0 },
        sport: flow.dport,
        dport: flow.sport,
        oif: None,
        scope: Scope::UNIVERSE,
        ..*flow
    };
    let refuse_unless_off = match strictness {
        Strictness::Off => Ok(Neighbourhood::Elsewhere),
        Strictness::Strict | Strictness::Loose => Err(DropReason::IpRpFilter),
    };
    let Ok(found) = lookup::<V4>(k, netns, &back, Linkstate::Respected) else {
        return refuse_unless_off;
    };
    let kind = found.alias.kind;
    if kind == RouteType::Local && !k.conf_is_on(dev, ConfKey::AcceptLocal) {
        return Err(DropReason::IpLocalSource);
    }
    if !matches!(kind, RouteType::Unicast | RouteType::Local) {
        return Err(DropReason::IpInvalidSource);
    }
    let by_loopback = kind == RouteType::Local && dev == k.netns[netns].lo;
    if found.alias.info.uses(dev) || by_loopback {
        return Ok(neighbourhood(&found));
    }
    if k.devs[dev].inet.addrs.is_empty() {
        return refuse_unless_off;
    }
    if strictness == Strictness::Strict {
        return Err(DropReason::IpRpFilter);
    }
    Ok(match lookup::<V4>(k, netns, &back.by(Some(dev)), Linkstate::Ignored) {
        Ok(found) if found.alias.kind == RouteType::Unicast => neighbourhood(&found),
        _ => Neighbourhood::Elsewhere,
    })
}

fn neighbourhood(found: &FibMatch<'_, V4>) -> Neighbourhood {
    if found.next_hop().scope >= Scope::HOST {
        Neighbourhood::OnLink
    } else {
        Neighbourhood::Elsewhere
    }
}

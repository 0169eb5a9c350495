//! What ICMP has taught about the way to one destination (`struct fib_nh_exception`): a smaller path
//! MTU (RFC 1191), or a better router (RFC 1122, section 3.2.2.2).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::{ConfKey, Scope};
use crate::route::addr_type::{addr_type, is_on_link, is_zeronet};
use crate::route::default;
use crate::route::fib::{FibMatch, Linkstate, lookup};
use crate::route::flow::FlowKey;
use crate::route::multipath::{self, Hashed};
use crate::route::{Dst, RouteType};
use crate::sysctl::Sysctl;
use crate::time::SimTime;

/// For how long a redirect is followed (`ip_rt_gc_timeout`).
const REDIRECT_LIFETIME: Duration = Duration::from_secs(300);
/// The kernel keeps 2048 chains of up to 6; beyond that something old goes.
const MOST: usize = 2048 * 6;

/// What was learned about one way to one destination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exception {
    /// The path MTU, in bytes.
    pub pmtu: Option<u32>,
    /// The path MTU was smaller than believable: packets may be fragmented to it.
    pub mtu_locked: bool,
    /// The better router.
    pub gateway: Option<Ipv4Addr>,
    /// When all of it is forgotten.
    pub expires: SimTime,
}

/// What was learned in a namespace, by way ([`NextHop::id`](crate::route::fib::NextHop::id)) and
/// destination.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    learned: BTreeMap<(u32, Ipv4Addr), Exception>,
}

impl Exceptions {
    /// What is known at `now` about the way `found` to `dst` (`find_exception()`).
    #[must_use]
    pub fn find(
        &self,
        found: &FibMatch<'_, V4>,
        dst: Ipv4Addr,
        now: SimTime,
    ) -> Option<&Exception> {
        if self.learned.is_empty() {
            return None;
        }
        self.learned.get(&(found.next_hop().id, dst)).filter(|e| now <= e.expires)
    }

    /// Forgets everything (writing to `net.ipv4.route.flush`).
    pub fn flush(&mut self) {
        self.learned.clear();
    }

    /// Notes something about a way (`update_or_create_fnhe()`).
    fn learn(&mut self, hop: u32, dst: Ipv4Addr, now: SimTime, expires: SimTime, what: Lesson) {
        if self.learned.len() >= MOST {
            self.learned.retain(|_, e| now <= e.expires);
            let oldest = self.learned.iter().min_by_key(|(_, e)| e.expires).map(|(key, _)| *key);
            if let Some(oldest) = oldest.filter(|_| self.learned.len() >= MOST) {
                self.learned.remove(&oldest);
            }
        }
        let fresh = Exception { pmtu: None, mtu_locked: false, gateway: None, expires };
        let entry = self.learned.entry((hop, dst)).or_insert(fresh);
        if entry.expires < now {
            *entry = fresh;
        }
        entry.expires = expires;
        match what {
            Lesson::Mtu { mtu, locked } => {
                entry.pmtu = Some(mtu);
                entry.mtu_locked = locked;
            }
            Lesson::Gateway(gateway) => entry.gateway = Some(gateway),
        }
    }

    /// Follows a change of a device's MTU (`fib_nhc_update_mtu()`): nothing learned may exceed it.
    pub(super) fn limit_mtu(&mut self, hops: &[u32], mtu: u32) {
        for ((hop, _), learned) in &mut self.learned {
            if hops.contains(hop) && learned.pmtu.is_some_and(|pmtu| mtu < pmtu) {
                learned.pmtu = Some(mtu);
                learned.mtu_locked = false;
            }
        }
    }
}

/// What is learned.
#[derive(Clone, Copy, Debug)]
enum Lesson {
    Mtu { mtu: u32, locked: bool },
    Gateway(Ipv4Addr),
}

/// The largest packet that this host sends this way (`ipv4_mtu()`), in bytes.
#[must_use]
pub fn ipv4_mtu(k: &Kernel, dst: &Dst) -> u32 {
    /// `IP_MAX_MTU`
    const LIMIT: u32 = 0xffff;
    /// What a locked way through a router gets that names no MTU (RFC 879).
    const LOCKED: u32 = 576;
    let device = k.devs[dst.dev].mtu;
    let unnamed = if dst.mtu_locked && dst.gateway.is_some() { device.min(LOCKED) } else { device };
    dst.mtu.unwrap_or(unnamed).min(LIMIT)
}

/// A router said that packets of `flow` must not be larger than `mtu` bytes
/// (`__ip_rt_update_pmtu()`). `flow` is that of the packet the error quotes.
pub fn update_pmtu(k: &mut Kernel, netns: NetnsId, flow: &FlowKey<V4>, mtu: u32) {
    let Ok(route) = crate::route::output(k, netns, flow) else { return };
    let old = ipv4_mtu(k, &route.dst);
    if route.metrics.mtu_locked || old < mtu {
        return;
    }
    let sysctl = &k.netns[netns].sysctl;
    let least = u32::try_from(sysctl.get(Sysctl::RouteMinPmtu)).unwrap_or(0);
    let lifetime = u64::try_from(sysctl.get(Sysctl::RouteMtuExpires)).unwrap_or(0);
    let lesson = if mtu < least {
        Lesson::Mtu { mtu: old.min(least), locked: true }
    } else {
        Lesson::Mtu { mtu, locked: false }
    };
    let flow = FlowKey { src: route.src, ..*flow };
    // Which of several ways the packet took is not known any more: all of them learn.
    teach(k, netns, &flow, Duration::from_secs(lifetime), lesson, |found| {
        found.alias.info.hops.iter().map(|hop| hop.id).collect()
    });
}

/// Has ways of `flow`, looked up anew, learn a lesson for a time; `learners` are their numbers.
fn teach(
    k: &mut Kernel,
    netns: NetnsId,
    flow: &FlowKey<V4>,
    lifetime: Duration,
    lesson: Lesson,
    learners: impl FnOnce(&FibMatch<'_, V4>) -> SmallVec<[u32; 1]>,
) {
    let Ok(mut found) = lookup::<V4>(k, netns, flow, Linkstate::Respected) else { return };
    let choice = multipath::select_path(k, netns, &mut found, flow, Hashed::Flow);
    let (hops, now) = (learners(&found), k.now);
    if let Some(choice) = choice {
        default::remember(k, netns, choice);
    }
    k.flush_routes();
    let ipv4 = &mut k.netns[netns].ipv4;
    ipv4.fib.flush();
    for hop in hops {
        ipv4.exceptions.learn(hop, flow.dst, now, now + lifetime, lesson);
    }
}

/// Whether a redirect that `old` sent to this host by `dev`, about packets of `flow`, may be followed to
/// `new` (`__ip_do_redirect()`).
///
/// The caller then makes sure that `new` answers ARP before it calls [`follow_redirect`]: the kernel
/// does not follow a redirect to a neighbour that it does not know yet, it only asks for it.
#[must_use]
pub fn may_redirect(
    k: &mut Kernel,
    flow: &FlowKey<V4>,
    dev: DevId,
    old: Ipv4Addr,
    new: Ipv4Addr,
) -> bool {
    let netns = k.devs[dev].netns;
    let from_router = crate::route::output(k, netns, flow)
        .is_ok_and(|route| route.dst.gateway == Some(old.into()));
    if !from_router
        || new == old
        || !k.accepts_redirects(dev)
        || new.is_multicast()
        || new.is_broadcast()
        || is_zeronet(new)
    {
        return false;
    }
    if k.conf_is_on(dev, ConfKey::SharedMedia) {
        return addr_type(k, netns, new) == RouteType::Unicast;
    }
    is_on_link(k, dev, new, old)
        && (!k.conf_is_on(dev, ConfKey::SecureRedirects) || is_router_of(k, dev, new))
}

/// Whether some route of the namespace has `gateway` on `dev` as its router (`ip_fib_check_default()`).
fn is_router_of(k: &Kernel, dev: DevId, gateway: Ipv4Addr) -> bool {
    let fib = &k.netns[k.devs[dev].netns].ipv4.fib;
    fib.tables().into_iter().flat_map(|table| fib.routes(table)).any(|(_, alias)| {
        alias.info.hops.iter().any(|hop| {
            hop.dev == Some(dev)
                && hop.gateway == Some(gateway)
                && hop.scope == Scope::LINK
                && !hop.flags.contains(crate::route::fib::NhFlags::DEAD)
        })
    })
}

/// Sends packets of `flow` to the router `gateway` from now on.
pub fn follow_redirect(k: &mut Kernel, netns: NetnsId, flow: &FlowKey<V4>, gateway: Ipv4Addr) {
    teach(k, netns, flow, REDIRECT_LIFETIME, Lesson::Gateway(gateway), |found| {
        smallvec![found.next_hop().id]
    });
}

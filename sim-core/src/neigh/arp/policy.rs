//! Which requests are answered and which announcements believed: the `arp_*` settings.

use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::inet::{ConfKey, Scope};
use crate::netns::mib::LinuxMib;
use crate::route::{self, Dst, FlowKey, RouteType};

/// Whether `arp_ignore` forbids to answer (`arp_ignore()`).
///
/// | value | answered are requests for |
/// |---|---|
/// | 0 | any address of this host |
/// | 1 | addresses of the device itself |
/// | 2 | addresses of the device itself, from askers in the same subnet |
/// | 3 | any address of this host but those of scope host |
/// | 8 | none |
pub(super) fn ignores(k: &Kernel, dev: DevId, sip: Ipv4Addr, tip: Ipv4Addr) -> bool {
    let anybody = Ipv4Addr::UNSPECIFIED;
    match k.conf(dev, ConfKey::ArpIgnore) {
        1 => confirm_addr(k, dev, anybody, tip, Scope::HOST).is_none(),
        2 => confirm_addr(k, dev, sip, tip, Scope::HOST).is_none(),
        3 => {
            let netns = k.devs[dev].netns;
            let mut devs = k.netns[netns].ipv4.devs.iter();
            !devs.any(|dev| confirm_addr(k, *dev, anybody, tip, Scope::LINK).is_some())
        }
        8 => true,
        _ => false,
    }
}

/// Whether `arp_filter` forbids to answer: the way back to the asker leaves by another device
/// (`arp_filter()`).
pub(super) fn filters(k: &mut Kernel, dev: DevId, sip: Ipv4Addr, tip: Ipv4Addr) -> bool {
    let netns = k.devs[dev].netns;
    match route::output(k, netns, &FlowKey::between(tip, sip)) {
        Ok(way) if way.dst.dev == dev => false,
        Ok(_) => {
            k.netns[netns].mib.linux.inc(LinuxMib::ArpFilter);
            true
        }
        Err(_) => true,
    }
}

/// Whether this host answers for `tip`, to which it has the way `dst`.
pub(super) fn proxies(k: &Kernel, dev: DevId, dst: &Dst, sip: Ipv4Addr, tip: Ipv4Addr) -> bool {
    if dst.kind != RouteType::Unicast {
        return false;
    }
    if dst.dev == dev {
        // A private VLAN's stations cannot hear each other (RFC 3069).
        return sip != tip && k.conf_is_on(dev, ConfKey::ProxyArpPvlan);
    }
    let other_medium = || {
        let medium = |dev: DevId| k.devs[dev].inet.conf.get(ConfKey::MediumId);
        match medium(dev) {
            0 => true,
            -1 => false,
            mine => medium(dst.dev) != mine && medium(dst.dev) != -1,
        }
    };
    (k.conf_is_on(dev, ConfKey::ProxyArp) && other_medium())
        || k.netns[k.devs[dev].netns].arp.is_proxied(tip, dev)
}

/// Whether unasked announcements of `sip` make an entry (`arp_accept()`): with 1 all do, with 2 those
/// from the device's subnets.
pub(super) fn accepts(k: &Kernel, dev: DevId, sip: Ipv4Addr) -> bool {
    match k.conf(dev, ConfKey::ArpAccept) {
        1 => true,
        2 => confirm_addr(k, dev, sip, Ipv4Addr::UNSPECIFIED, Scope::LINK).is_some(),
        _ => false,
    }
}

/// Finds an address of `dev` that is `local` and whose subnet holds `local` and `dst`, each unless
/// unspecified, and which is valid at least in `scope` (`inet_confirm_addr()`).
fn confirm_addr(
    k: &Kernel,
    dev: DevId,
    dst: Ipv4Addr,
    local: Ipv4Addr,
    scope: Scope,
) -> Option<Ipv4Addr> {
    let narrowest =
        if k.conf_is_on(dev, ConfKey::RouteLocalnet) { Scope::LINK } else { Scope::HOST };
    let any = |addr: Ipv4Addr| addr.is_unspecified();
    let mut found = None;
    let mut same_subnet = false;
    for addr in &k.devs[dev].inet.addrs {
        let wide_enough = addr.scope.min(narrowest) <= scope;
        if found.is_none() && (any(local) || local == addr.local) && wide_enough {
            found = Some(addr.local);
            if same_subnet {
                break;
            }
        }
        if same_subnet {
            continue;
        }
        same_subnet = (any(local) || addr.matches(local)) && (any(dst) || addr.matches(dst));
        if let Some(chosen) = found.filter(|_| same_subnet) {
            if !any(local) || any(dst) || addr.matches(chosen) {
                break;
            }
            if wide_enough {
                found = Some(addr.local);
                break;
            }
            same_subnet = false;
        }
    }
    found.filter(|_| same_subnet)
}

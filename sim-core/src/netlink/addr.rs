//! Addresses (`RTM_NEWADDR`, `RTM_DELADDR`; `inet_rtm_newaddr()`, `inet_rtm_deladdr()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::IfAddr;
use crate::link::group::FilterMode;
use crate::link::inet::Scope;
use crate::neigh;
use crate::netfilter::nat::masquerade;
use crate::netlink::request::{AddrSpec, Create, LinkRef};
use crate::netlink::{NetlinkError, link};
use crate::route::ifaddr::{self, Refusal};
use crate::socket::GroupRequest;
use crate::socket::multicast::{self, Member};
use crate::trace::Observer;

/// Adds or changes one. Only `add` insists that the address is new, and no other word that it is old.
///
/// # Errors
///
/// The kernel's refusal.
pub fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &AddrSpec,
    create: Create,
    _: &mut O,
) -> Result<(), NetlinkError> {
    let (dev, addr) = parse(k, netns, spec)?;
    k.devs[dev].inet.conf.set_all();
    k.netns[netns].arp.parms_mut(dev).set_all();
    let twin = |a: &IfAddr| a.same_subnet(&addr) && a.local == addr.local;
    if let Some(at) = k.devs[dev].inet.addrs.iter().position(twin) {
        if !matches!(create, Create::Replace | Create::Change) {
            return Err(NetlinkError::from(Refusal::Assigned));
        }
        ifaddr::set_metric(k, dev, at, addr.metric);
        k.devs[dev].inet.addrs[at].proto = addr.proto;
        ifaddr::set_lifetime(k, dev, at, spec.valid_lft_s, spec.preferred_lft_s);
        ifaddr::tell(k, dev, at);
        return Ok(());
    }
    if addr.autojoin {
        let request = group_request(k, dev, addr.peer);
        let joined = multicast::join(k, Member::Autojoin(netns), &request, FilterMode::Exclude);
        joined.map_err(|e| NetlinkError::with_message(e, "ipv4: Multicast auto join failed"))?;
    }
    ifaddr::insert(k, dev, addr, spec.valid_lft_s, spec.preferred_lft_s)?;
    Ok(())
}

impl From<Refusal> for NetlinkError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Assigned => {
                Self::with_message(Errno::EEXIST, "ipv4: Address already assigned")
            }
            Refusal::Scope => Self::with_message(Errno::EINVAL, "ipv4: Invalid scope value"),
        }
    }
}

/// Removes the first one that fits.
///
/// # Errors
///
/// The kernel's refusal.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &AddrSpec,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let dev = find(k, netns, spec.dev)?;
    let local = ipv4(spec.local)?;
    let peer = spec.peer.map(ipv4).transpose()?.unwrap_or(local);
    let fits = |a: &IfAddr| {
        a.local == local
            && spec.label.is_none_or(|label| label == a.label)
            && (spec.any_prefix || (spec.prefix_len == a.prefix_len && a.matches(peer)))
    };
    let at = k.devs[dev].inet.addrs.iter().position(fits).ok_or_else(|| {
        NetlinkError::with_message(Errno::EADDRNOTAVAIL, "ipv4: Address not found")
    })?;
    let group = k.devs[dev].inet.addrs[at].peer;
    if group.is_multicast() {
        let request = group_request(k, dev, group);
        // It need not be in the group.
        let _not_in = multicast::leave(k, Member::Autojoin(netns), &request, o);
    }
    ifaddr::remove(k, dev, at);
    neigh::addr_removed(k, dev, o);
    masquerade::addr_removed(k, dev);
    Ok(())
}

/// The group that an address is, by the address's device (`ip_mc_autojoin_config()`).
fn group_request(k: &Kernel, dev: DevId, group: Ipv4Addr) -> GroupRequest {
    GroupRequest { group, address: Ipv4Addr::UNSPECIFIED, dev: Some(k.devs[dev].name) }
}

/// Reads what a request says (`inet_rtm_to_ifa()`).
fn parse(k: &Kernel, netns: NetnsId, spec: &AddrSpec) -> Result<(DevId, IfAddr), NetlinkError> {
    let local = ipv4(spec.local)?;
    if spec.prefix_len > 32 {
        return Err(NetlinkError::with_message(Errno::EINVAL, "ipv4: Invalid prefix length"));
    }
    let dev = find(k, netns, spec.dev)?;
    let valid = spec.valid_lft_s.unwrap_or(u32::MAX);
    if valid == 0 || spec.preferred_lft_s.unwrap_or(u32::MAX) > valid {
        return Err(NetlinkError::with_message(Errno::EINVAL, "ipv4: address lifetime invalid"));
    }
    let addr = IfAddr {
        peer: spec.peer.map(ipv4).transpose()?.unwrap_or(local),
        broadcast: spec.broadcast.map(ipv4).transpose()?.filter(|b| !b.is_unspecified()),
        scope: spec.scope.unwrap_or(Scope::UNIVERSE),
        no_prefix_route: spec.no_prefix_route,
        autojoin: spec.autojoin,
        metric: spec.metric.unwrap_or(0),
        proto: spec.proto,
        ..IfAddr::new(local, spec.prefix_len, spec.label.unwrap_or(k.devs[dev].name))
    };
    Ok((dev, addr))
}

/// Refuses what is not IPv4.
fn ipv4(addr: IpAddr) -> Result<Ipv4Addr, NetlinkError> {
    match addr {
        IpAddr::V4(addr) => Ok(addr),
        IpAddr::V6(_) => {
            Err(NetlinkError::with_message(Errno::EOPNOTSUPP, "IPv6 addresses are not modelled"))
        }
    }
}

/// The device, or the kernel's word for its absence.
fn find(k: &Kernel, netns: NetnsId, link: LinkRef) -> Result<DevId, NetlinkError> {
    link::find(k, netns, link)
        .map_err(|e| NetlinkError::with_message(e.errno, "ipv4: Device not found"))
}

//! Forwarding databases (`RTM_NEWNEIGH`, `RTM_DELNEIGH` of `PF_BRIDGE`).
//!
//! A request may be for the bridge that the device is a port of (`master`), for the device itself
//! (`self`), or for both.

mod flush;

use std::net::{IpAddr, Ipv4Addr};

use crate::bridge::fdb::{self, ByHand};
use crate::bridge::port_of;
use crate::errno::Errno;
use crate::id::{BridgeId, DevId, IfIndex, NetnsId, PortNo};
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::link::vxlan::{Remote, VxlanConfig, device};
use crate::link::{DevKind, LinkType, filter};
use crate::neigh::NudState;
use crate::netlink::NetlinkError;
use crate::netlink::link::find;
use crate::netlink::request::{Create, FdbSpec, FdbState, LinkRef};
use crate::packet::MacAddr;
use crate::trace::Observer;

pub use flush::flush;

/// Why a device without Ethernet headers has no entries to remove.
const ONLY_ETHERNET: &str = "FDB delete only supported for Ethernet devices";

/// Adds or changes an entry (`rtnl_fdb_add()`).
///
/// # Errors
///
/// The kernel's refusal. If the bridge has taken the entry and the device refuses it, the bridge
/// keeps it.
pub fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &FdbSpec,
    create: Create,
    _: &mut O,
) -> Result<(), NetlinkError> {
    let dev = target(k, netns, spec, "FDB add only supported for Ethernet devices")?;
    let by_master = spec.master.then(|| port_of(k, dev)).flatten();
    if let Some((bridge, port)) = by_master {
        bridge_add(k, bridge, Some(port), spec, create)?;
    }
    if spec.self_ {
        match k.devs[dev].kind {
            DevKind::Bridge(bridge) => bridge_add(k, bridge, None, spec, create)?,
            DevKind::Vxlan(_) => vxlan_add(k, netns, dev, spec, create)?,
            DevKind::Macvlan(_) => return Err(Errno::EOPNOTSUPP.into()),
            DevKind::Loopback
            | DevKind::Veth(_)
            | DevKind::Ipip(_)
            | DevKind::Dummy
            | DevKind::Tun(_) => filter_add(k, dev, spec, create)?,
        }
    } else if by_master.is_none() {
        return Err(Errno::EOPNOTSUPP.into());
    }
    Ok(())
}

/// Removes an entry (`rtnl_fdb_del()`).
///
/// # Errors
///
/// The kernel's refusal.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &FdbSpec,
    _: &mut O,
) -> Result<(), NetlinkError> {
    let dev = target(k, netns, spec, ONLY_ETHERNET)?;
    let by_master = spec.master.then(|| port_of(k, dev)).flatten();
    if let Some((bridge, port)) = by_master {
        bridge_del(k, bridge, Some(port), spec.lladdr)?;
    }
    if spec.self_ {
        match k.devs[dev].kind {
            DevKind::Bridge(bridge) => bridge_del(k, bridge, None, spec.lladdr)?,
            DevKind::Vxlan(_) => vxlan_del(k, netns, dev, spec)?,
            DevKind::Macvlan(_) => return Err(Errno::EOPNOTSUPP.into()),
            DevKind::Loopback
            | DevKind::Veth(_)
            | DevKind::Ipip(_)
            | DevKind::Dummy
            | DevKind::Tun(_) => filter_del(k, dev, spec)?,
        }
    } else if by_master.is_none() {
        return Err(Errno::EOPNOTSUPP.into());
    }
    Ok(())
}

/// The device of a request.
fn target(
    k: &Kernel,
    netns: NetnsId,
    spec: &FdbSpec,
    only_ethernet: &str,
) -> Result<DevId, NetlinkError> {
    let dev = ethernet(k, netns, spec.dev, only_ethernet)?;
    // Without VLAN filtering no bridge knows a VLAN.
    if spec.vlan.is_some() { Err(Errno::EINVAL.into()) } else { Ok(dev) }
}

/// A device that has Ethernet headers.
fn ethernet(
    k: &Kernel,
    netns: NetnsId,
    link: LinkRef,
    only_ethernet: &str,
) -> Result<DevId, NetlinkError> {
    let dev = find(k, netns, link)?;
    if k.devs[dev].link_type() == LinkType::Ether {
        Ok(dev)
    } else {
        Err(NetlinkError::with_message(Errno::EINVAL, only_ethernet))
    }
}

/// Adds an entry to a bridge (`br_fdb_add()`); without a port it is the host's own.
fn bridge_add(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    spec: &FdbSpec,
    create: Create,
) -> Result<(), NetlinkError> {
    if spec.lladdr.is_zero() {
        return Err(Errno::EINVAL.into());
    }
    let permanent = spec.state == FdbState::Permanent;
    if port.is_none() && !permanent {
        if spec.extern_learn {
            let text = "FDB entry towards bridge must be permanent";
            return Err(NetlinkError::with_message(Errno::EINVAL, text));
        }
        return Err(Errno::EINVAL.into());
    }
    if !spec.extern_learn {
        let learns = port.and_then(|no| k.bridges[bridge].ports.get(no)).is_none_or(|p| p.learns());
        if spec.state == FdbState::Dynamic && !learns {
            return Err(Errno::EPERM.into());
        }
        if spec.sticky && permanent {
            return Err(Errno::EINVAL.into());
        }
        let there = k.bridges[bridge].fdb.get(spec.lladdr).is_some();
        check_create(there, create)?;
    }
    let learned = spec.extern_learn && port.is_some();
    let by_hand = ByHand {
        addr: spec.lladdr,
        local: permanent && !learned,
        is_static: spec.state != FdbState::Dynamic && !learned,
        sticky: spec.sticky && !learned,
        extern_learn: spec.extern_learn,
    };
    fdb::set(k, bridge, port, &by_hand);
    Ok(())
}

/// Whether the kernel's flags let an entry be made, or one that is there be changed.
fn check_create(there: bool, create: Create) -> Result<(), Errno> {
    match (there, create) {
        (true, Create::Exclusive | Create::Test) => Err(Errno::EEXIST),
        (false, Create::Change | Create::Test) => Err(Errno::ENOENT),
        (_, Create::Replace | Create::Append | Create::Prepend)
        | (true, Create::Change)
        | (false, Create::Exclusive) => Ok(()),
    }
}

/// Removes an entry from a bridge (`br_fdb_delete()`).
fn bridge_del(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    addr: MacAddr,
) -> Result<(), NetlinkError> {
    if fdb::unset(k, bridge, port, addr) { Ok(()) } else { Err(Errno::ENOENT.into()) }
}

/// Adds a further address to a device (`ndo_dflt_fdb_add()`).
fn filter_add(
    k: &mut Kernel,
    dev: DevId,
    spec: &FdbSpec,
    create: Create,
) -> Result<(), NetlinkError> {
    if spec.state != FdbState::Permanent {
        return Err(Errno::EINVAL.into());
    }
    let addr = spec.lladdr;
    let there = k.devs[dev].filter.as_ref().is_some_and(|f| {
        f.uc.iter().any(|(a, _)| *a == addr) || f.mc.iter().any(|mc| mc.addr == addr)
    });
    match (there, addr.is_multicast()) {
        (true, _) if create == Create::Exclusive => return Err(Errno::EEXIST.into()),
        (true, _) => {}
        (false, true) => filter::mc_add_by_hand(k, dev, addr),
        (false, false) => filter::uc_add(k, dev, addr),
    }
    rtnl::fdb_of_device(k, dev, addr, Change::New);
    Ok(())
}

/// Removes a further address of a device (`ndo_dflt_fdb_del()`).
fn filter_del(k: &mut Kernel, dev: DevId, spec: &FdbSpec) -> Result<(), NetlinkError> {
    if spec.state != FdbState::Permanent {
        let text = "FDB only supports static addresses";
        return Err(NetlinkError::with_message(Errno::EINVAL, text));
    }
    let addr = spec.lladdr;
    if addr.is_multicast() {
        filter::mc_del(k, dev, addr)?;
    } else {
        filter::uc_del(k, dev, addr)?;
    }
    rtnl::fdb_of_device(k, dev, addr, Change::Deleted);
    Ok(())
}

/// Adds a remote end to a VXLAN device (`vxlan_fdb_add()`).
fn vxlan_add(
    k: &mut Kernel,
    netns: NetnsId,
    dev: DevId,
    spec: &FdbSpec,
    create: Create,
) -> Result<(), NetlinkError> {
    let (config, remote) = vxlan_remote(k, netns, dev, spec)?;
    let remote = remote.ok_or(Errno::EINVAL)?;
    let now = k.now;
    let Some(vxlan) = device::of_mut(k, dev) else { return Ok(()) };
    let shared = spec.lladdr.is_multicast() || spec.lladdr.is_zero();
    let state = match spec.state {
        FdbState::Permanent => NudState::Permanent,
        FdbState::Static => NudState::Noarp,
        FdbState::Dynamic => NudState::Reachable,
    };
    check_create(vxlan.fdb.get(spec.lladdr).is_some(), create)?;
    let count = vxlan.fdb.len();
    if let Some(entry) = vxlan.fdb.get_mut(spec.lladdr) {
        if create == Create::Replace && shared {
            let text = "Cannot replace non-unicast fdb entries";
            return Err(NetlinkError::with_message(Errno::EOPNOTSUPP, text));
        }
        if entry.state != state {
            entry.state = state;
            entry.updated = now;
        }
        entry.extern_learn = spec.extern_learn;
        entry.sticky = spec.sticky;
        if create == Create::Replace {
            entry.remotes.clear();
            entry.remotes.push(remote);
        } else if create == Create::Append && shared && !entry.remotes.contains(&remote) {
            entry.remotes.push(remote);
        }
    } else {
        if create == Create::Replace && shared {
            return Err(Errno::EOPNOTSUPP.into());
        }
        if config.limit != 0 && count >= config.limit as usize {
            return Err(Errno::ENOSPC.into());
        }
        vxlan.fdb.create(spec.lladdr, remote, state, now);
        if let Some(entry) = vxlan.fdb.get_mut(spec.lladdr) {
            entry.extern_learn = spec.extern_learn;
            entry.sticky = spec.sticky;
        }
    }
    device::arm(k, dev);
    Ok(())
}

/// Removes a remote end from a VXLAN device, or all of a station's (`vxlan_fdb_delete()`). A remote
/// end that is not there is not missed.
fn vxlan_del(
    k: &mut Kernel,
    netns: NetnsId,
    dev: DevId,
    spec: &FdbSpec,
) -> Result<(), NetlinkError> {
    let (_, remote) = vxlan_remote(k, netns, dev, spec)?;
    let Some(vxlan) = device::of_mut(k, dev) else { return Ok(()) };
    let entry = vxlan.fdb.get_mut(spec.lladdr).ok_or(Errno::ENOENT)?;
    let gone = match remote {
        None => true,
        Some(remote) if !entry.remotes.contains(&remote) => false,
        Some(_) if entry.remotes.len() == 1 => true,
        Some(remote) => {
            entry.remotes.retain(|r| *r != remote);
            false
        }
    };
    if gone {
        vxlan.fdb.remove(spec.lladdr);
    }
    Ok(())
}

/// The remote end that a request names (`vxlan_fdb_parse()`).
fn vxlan_remote(
    k: &Kernel,
    netns: NetnsId,
    dev: DevId,
    spec: &FdbSpec,
) -> Result<(VxlanConfig, Option<Remote>), NetlinkError> {
    let Some(vxlan) = device::of(k, dev) else { return Err(Errno::EOPNOTSUPP.into()) };
    let config = vxlan.config;
    let ip = match spec.dst {
        None => None,
        Some(IpAddr::V4(ip)) => Some(ip).filter(|ip| *ip != Ipv4Addr::UNSPECIFIED),
        Some(IpAddr::V6(_)) => return Err(Errno::EAFNOSUPPORT.into()),
    };
    let link = match spec.via {
        None => IfIndex(0),
        Some(via) => k.devs[find(k, netns, via).map_err(|_| Errno::EADDRNOTAVAIL)?].ifindex,
    };
    let remote = ip.map(|ip| Remote {
        ip,
        port: spec.port.filter(|port| *port != config.dst_port).unwrap_or(0),
        vni: spec.vni.filter(|vni| *vni != config.vni),
        link,
    });
    Ok((config, remote))
}

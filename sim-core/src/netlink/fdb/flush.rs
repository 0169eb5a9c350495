//! Many entries at once (`RTM_DELNEIGH` of `PF_BRIDGE` with `NLM_F_BULK`).

use crate::bridge::fdb;
use crate::bridge::{FdbEntry, port_of};
use crate::errno::Errno;
use crate::id::{BridgeId, DevId, NetnsId, PortNo};
use crate::kernel::Kernel;
use crate::link::DevKind;
use crate::link::vxlan::{VxlanEntry, device};
use crate::neigh::NudState;
use crate::netlink::NetlinkError;
use crate::netlink::fdb::{ONLY_ETHERNET, ethernet};
use crate::netlink::link::find;
use crate::netlink::request::{FdbFilter, FdbFlush};

/// The VLANs there can be.
const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

/// Removes entries (`rtnl_fdb_del()`).
///
/// # Errors
///
/// The kernel's refusal. If the bridge has removed its entries and the device refuses, they are gone.
pub fn flush(k: &mut Kernel, netns: NetnsId, spec: &FdbFlush) -> Result<(), NetlinkError> {
    let dev = ethernet(k, netns, spec.dev, ONLY_ETHERNET)?;
    let by_master = spec.master.then(|| port_of(k, dev)).flatten();
    if let Some((bridge, port)) = by_master {
        flush_bridge(k, netns, bridge, Some(Some(port)), &spec.filter)?;
    }
    if !spec.self_ {
        return if by_master.is_some() { Ok(()) } else { Err(Errno::EOPNOTSUPP.into()) };
    }
    match k.devs[dev].kind {
        DevKind::Bridge(bridge) => flush_bridge(k, netns, bridge, None, &spec.filter),
        DevKind::Vxlan(_) => flush_vxlan(k, dev, &spec.filter),
        DevKind::Loopback
        | DevKind::Veth(_)
        | DevKind::Ipip(_)
        | DevKind::Macvlan(_)
        | DevKind::Dummy
        | DevKind::Tun(_) => Err(Errno::EOPNOTSUPP.into()),
    }
}

/// Removes entries of a bridge (`br_fdb_delete_bulk()`): those behind `port`, if the request names no
/// other one.
fn flush_bridge(
    k: &mut Kernel,
    netns: NetnsId,
    bridge: BridgeId,
    port: Option<Option<PortNo>>,
    filter: &FdbFilter,
) -> Result<(), NetlinkError> {
    if filter.vlan.is_some_and(|vlan| !VLANS.contains(&vlan)) {
        return Err(NetlinkError::with_message(Errno::ERANGE, "integer out of range"));
    }
    let port = match filter.port {
        None => port,
        Some(link) => {
            let unknown = |_| refusal(Errno::ENODEV, "bridge: Unknown flush device ifindex");
            let dev = find(k, netns, link).map_err(unknown)?;
            Some(port_to_flush(k, bridge, dev)?)
        }
    };
    // Without VLAN filtering no entry is of a VLAN.
    if filter.vlan.is_none() {
        fdb::flush(k, bridge, |entry| {
            port.is_none_or(|port| entry.port == port) && fits(entry, filter)
        });
    }
    Ok(())
}

/// The port of a bridge that a device is, `None` for the bridge itself
/// (`__fdb_flush_validate_ifindex()`).
fn port_to_flush(k: &Kernel, bridge: BridgeId, dev: DevId) -> Result<Option<PortNo>, NetlinkError> {
    let refuse = |text| Err(refusal(Errno::EINVAL, text));
    match (&k.devs[dev].kind, port_of(k, dev)) {
        (DevKind::Bridge(other), _) if *other == bridge => Ok(None),
        (DevKind::Bridge(_), _) => {
            refuse("bridge: Flush bridge device does not match target bridge device")
        }
        (_, Some((of, port))) if of == bridge => Ok(Some(port)),
        (_, Some(_)) => refuse("bridge: Port belongs to a different bridge device"),
        (_, None) => refuse("bridge: Flush device is not a bridge or bridge port"),
    }
}

/// Whether an entry of a bridge is one that is meant (`__fdb_flush_matches()`).
fn fits(entry: &FdbEntry, filter: &FdbFilter) -> bool {
    let FdbEntry { local, is_static, by_user, extern_learn, sticky, .. } = *entry;
    [
        (filter.permanent, local),
        (filter.noarp, is_static),
        (filter.by_user, by_user),
        (filter.extern_learn, extern_learn),
        (filter.sticky, sticky),
        (filter.offloaded, false),
    ]
    .into_iter()
    .all(|(wanted, has)| wanted.is_none_or(|wanted| wanted == has))
}

/// Removes stations of a VXLAN device (`vxlan_fdb_delete_bulk()`), which takes fewer words than a bridge.
fn flush_vxlan(k: &mut Kernel, dev: DevId, filter: &FdbFilter) -> Result<(), NetlinkError> {
    if filter.port.is_some() || filter.vlan.is_some() {
        return Err(refusal(Errno::EINVAL, "Unsupported attribute"));
    }
    if filter.by_user == Some(true) || filter.sticky == Some(true) {
        return Err(refusal(Errno::EINVAL, "Unsupported fdb flush ndm flag bits set"));
    }
    if let Some(vxlan) = device::of_mut(k, dev) {
        vxlan.fdb.retain(|entry| !vxlan_fits(entry, filter));
    }
    Ok(())
}

/// Whether a station of a VXLAN device is one that is meant (`vxlan_fdb_flush_matches()`).
fn vxlan_fits(entry: &VxlanEntry, filter: &FdbFilter) -> bool {
    [
        (filter.permanent, entry.state == NudState::Permanent),
        (filter.noarp, matches!(entry.state, NudState::Permanent | NudState::Noarp)),
        (filter.by_user, false),
        (filter.extern_learn, entry.extern_learn),
        (filter.sticky, entry.sticky),
        (filter.offloaded, false),
    ]
    .into_iter()
    .all(|(wanted, has)| wanted.is_none_or(|wanted| wanted == has))
}

fn refusal(errno: Errno, text: &str) -> NetlinkError {
    NetlinkError::with_message(errno, text)
}

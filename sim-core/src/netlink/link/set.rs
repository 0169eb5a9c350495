//! Changes to devices (`do_setlink()`).

use crate::bridge::{bridge_of, events};
use crate::errno::Errno;
use crate::id::{BridgeId, DevId, NetnsId};
use crate::kernel::{Kernel, rtnl};
use crate::link::ipip::IPIP_HEADROOM;
use crate::link::kind::{ETH_MAX_MTU, ETH_MIN_MTU};
use crate::link::vxlan::VXLAN_HEADROOM;
use crate::link::{DevFlags, DevKind, DevName, carrier, filter};
use crate::neigh;
use crate::netlink::NetlinkError;
use crate::netlink::link::{bridge, find, port, vxlan};
use crate::netlink::request::LinkChange;
use crate::netns::notifier::{LinkEvent, link_event};
use crate::trace::Observer;

/// What a change comes to, with everything it names looked up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    /// The namespace to move to, and the name to have there.
    netns: Option<(NetnsId, DevName)>,
    /// The new name in the namespace where it is then.
    name: Option<DevName>,
    /// The bridge to be attached to, or none.
    master: Option<Option<BridgeId>>,
}

impl Plan {
    /// Everything but a bridge to be attached to.
    pub(super) fn without_master(self) -> Self {
        Self { master: None, ..self }
    }

    /// The bridge to be attached to, and nothing else.
    pub(super) fn only_master(self) -> Self {
        Self { master: self.master, ..Self::default() }
    }
}

/// Finds out whether the change is possible.
pub(super) fn check(k: &Kernel, dev: DevId, change: &LinkChange) -> Result<Plan, NetlinkError> {
    check_kind_options(k, dev, change)?;
    let netns = check_netns(k, dev, change)?;
    if let Some(addr) = change.address {
        k.check_mac_address(dev, addr)?;
    }
    if let Some(mtu) = change.mtu {
        check_mtu(k, dev, mtu)?;
    }
    let name = check_name(k, dev, change, netns)?;
    let master = check_master(k, dev, change)?;
    if DevFlags(change.flags_on).contains(DevFlags::UP) {
        k.check_open(dev)?;
    }
    check_carrier(k, dev, change)?;
    Ok(Plan { netns, name, master })
}

/// The options that belong to a kind, on a device of that kind (`rtnl_changelink()`,
/// `slave_changelink()`).
fn check_kind_options(k: &Kernel, dev: DevId, change: &LinkChange) -> Result<(), NetlinkError> {
    if let Some(options) = &change.bridge {
        bridge::check(bridge_of(k, dev).ok_or(Errno::EOPNOTSUPP)?, options)?;
    }
    if let Some(options) = &change.vxlan {
        vxlan::check_change(k, dev, options)?;
    }
    if let Some(options) = &change.port {
        port::check(k, dev, options)?;
    }
    Ok(())
}

fn check_netns(
    k: &Kernel,
    dev: DevId,
    change: &LinkChange,
) -> Result<Option<(NetnsId, DevName)>, NetlinkError> {
    let device = &k.devs[dev];
    let Some(netns) = change.netns.filter(|n| *n != device.netns) else { return Ok(None) };
    if matches!(device.kind, DevKind::Loopback | DevKind::Bridge(_)) {
        let text = "The interface netns is immutable";
        return Err(NetlinkError::with_message(Errno::EINVAL, text));
    }
    if k.dev_name(netns, device.name.as_str()).is_ok() {
        return Ok(Some((netns, device.name)));
    }
    // Its name is taken there.
    let Some(wanted) = change.name else {
        let text = "An interface with the same name exists in the target netns";
        return Err(NetlinkError::with_message(Errno::EEXIST, text));
    };
    let name = k.dev_name(netns, wanted.as_str()).map_err(|errno| {
        let text =
            format!("Unable to use '{wanted}' for the new interface name in the target netns");
        NetlinkError::with_message(errno, text)
    })?;
    Ok(Some((netns, name)))
}

/// The name that the device is given when it has moved. A pattern is looked at once more: whatever name it
/// has by then is taken.
fn check_name(
    k: &Kernel,
    dev: DevId,
    change: &LinkChange,
    moved: Option<(NetnsId, DevName)>,
) -> Result<Option<DevName>, NetlinkError> {
    let device = &k.devs[dev];
    let (netns, name) = moved.unwrap_or((device.netns, device.name));
    let Some(wanted) = change.name.filter(|wanted| *wanted != name) else { return Ok(None) };
    Ok(Some(k.dev_name_beside(netns, wanted.as_str(), Some(name))?))
}

/// Whether the device can have this MTU (`dev_validate_mtu()` and the drivers' `ndo_change_mtu()`).
fn check_mtu(k: &Kernel, dev: DevId, mtu: u32) -> Result<(), NetlinkError> {
    let device = &k.devs[dev];
    if device.mtu == mtu {
        return Ok(());
    }
    let (min, max) = device.mtu_limits();
    check_mtu_range(Some(mtu), min, max)?;
    let (min, max) = match &device.kind {
        DevKind::Macvlan(macvlan) => (0, k.devs[macvlan.lower].mtu),
        DevKind::Ipip(_) => (ETH_MIN_MTU, ETH_MAX_MTU - IPIP_HEADROOM),
        DevKind::Vxlan(vxlan) => match k.dev_by_index(vxlan.underlay, vxlan.config.link) {
            Some(lower) => (0, k.devs[lower].mtu.saturating_sub(VXLAN_HEADROOM)),
            None => return Ok(()),
        },
        DevKind::Loopback
        | DevKind::Veth(_)
        | DevKind::Bridge(_)
        | DevKind::Dummy
        | DevKind::Tun(_) => return Ok(()),
    };
    if (min..=max).contains(&mtu) { Ok(()) } else { Err(Errno::EINVAL.into()) }
}

/// Refuses an MTU outside of a kind's limits; a largest of 0 is no limit (`dev_validate_mtu()`).
pub(super) fn check_mtu_range(mtu: Option<u32>, min: u32, max: u32) -> Result<(), NetlinkError> {
    let Some(mtu) = mtu else { return Ok(()) };
    if mtu < min {
        return Err(NetlinkError::with_message(Errno::EINVAL, "mtu less than device minimum"));
    }
    if max > 0 && mtu > max {
        return Err(NetlinkError::with_message(Errno::EINVAL, "mtu greater than device maximum"));
    }
    Ok(())
}

/// The bridge that the device is to be attached to (`do_set_master()`).
fn check_master(
    k: &Kernel,
    dev: DevId,
    change: &LinkChange,
) -> Result<Option<Option<BridgeId>>, NetlinkError> {
    let Some(master) = change.master else { return Ok(None) };
    let Some(link) = master else { return Ok(Some(None)) };
    let netns = change.netns.unwrap_or(k.devs[dev].netns);
    let upper = find(k, netns, link).map_err(|_| Errno::EINVAL)?;
    if k.devs[dev].master == Some(upper) {
        return Ok(None);
    }
    let bridge = bridge_of(k, upper).ok_or(Errno::EOPNOTSUPP)?;
    events::check_port(k, bridge, dev)?;
    Ok(Some(Some(bridge)))
}

/// Which devices let their carrier be set (`ndo_change_carrier()`): dummies, and TUN devices to off.
fn check_carrier(k: &Kernel, dev: DevId, change: &LinkChange) -> Result<(), NetlinkError> {
    match (change.carrier, &k.devs[dev].kind) {
        (None, _) | (Some(_), DevKind::Dummy) | (Some(false), DevKind::Tun(_)) => Ok(()),
        (Some(true), DevKind::Tun(_)) => Err(Errno::EPERM.into()),
        (Some(_), _) => Err(Errno::EOPNOTSUPP.into()),
    }
}

/// Makes the change.
pub(super) fn apply<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    change: &LinkChange,
    plan: Plan,
    o: &mut O,
) {
    apply_kind_options(k, dev, change, o);
    if let Some((netns, name)) = plan.netns {
        k.move_to_netns(dev, netns, name, o);
    }
    if let Some(addr) = change.address {
        k.set_mac_address(dev, addr, o);
    }
    if let Some(mtu) = change.mtu {
        if let Some(bridge) = bridge_of(k, dev) {
            k.bridges[bridge].mtu_set = true;
        }
        k.set_mtu(dev, mtu, o);
    }
    if let Some(name) = plan.name {
        k.rename(dev, name, o);
    }
    set_words(k, dev, change, o);
    if let Some(master) = plan.master {
        events::del_port(k, dev, o);
        if let Some(bridge) = master {
            events::add_port(k, bridge, dev, o);
        }
    }
    set_flags(k, dev, change, o);
    if let Some(on) = change.carrier {
        carrier::set(k, dev, on);
    }
    let notifies = change.alias.is_some()
        || change.group.is_some()
        || change.bridge.is_some()
        || change.vxlan.is_some();
    // `netdev_state_change()` is for devices that are up.
    if notifies && k.devs[dev].is_up() {
        rtnl::link(k, dev);
    }
}

fn apply_kind_options<O: Observer>(k: &mut Kernel, dev: DevId, change: &LinkChange, o: &mut O) {
    if let (Some(bridge), Some(options)) = (bridge_of(k, dev), &change.bridge) {
        bridge::set(k, bridge, options, o);
    }
    if let Some(options) = &change.vxlan {
        vxlan::change(k, dev, options, o);
    }
    if let Some(options) = &change.port {
        port::set(k, dev, options);
    }
}

/// Sets what no layer has to know.
fn set_words<O: Observer>(k: &mut Kernel, dev: DevId, change: &LinkChange, _: &mut O) {
    let device = &mut k.devs[dev];
    if let Some(alias) = &change.alias {
        device.alias = (!alias.is_empty()).then(|| alias.as_str().into());
    }
    super::assign(&mut device.group, change.group);
    super::assign(&mut device.broadcast, change.broadcast);
    if change.broadcast.is_some() {
        rtnl::link(k, dev);
    }
    if let Some(len) = change.tx_queue_len
        && std::mem::replace(&mut k.devs[dev].tx_queue_len, len) != len
    {
        rtnl::link(k, dev);
    }
}

/// Sets and clears flags (`dev_change_flags()`), and announces once that they are different; tells
/// whether they are.
pub(super) fn set_flags<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    change: &LinkChange,
    o: &mut O,
) -> bool {
    let before = (k.devs[dev].flags, k.devs[dev].gflags);
    let (on, off) = (DevFlags(change.flags_on), DevFlags(change.flags_off));
    let had_arp = !k.devs[dev].flags.contains(DevFlags::NOARP);
    let touched = |flag: DevFlags| on.contains(flag) || off.contains(flag);
    for flag in [DevFlags::NOARP, DevFlags::MULTICAST] {
        if touched(flag) {
            k.devs[dev].flags.set(flag, on.contains(flag));
        }
    }
    if had_arp == k.devs[dev].flags.contains(DevFlags::NOARP) && k.devs[dev].is_up() {
        neigh::arp_switched(k, dev, o);
    }
    let was_up = k.devs[dev].is_up();
    if on.contains(DevFlags::UP) {
        k.switch_on(dev);
    } else if off.contains(DevFlags::UP) {
        k.switch_off(dev);
    }
    for flag in [DevFlags::PROMISC, DevFlags::ALLMULTI] {
        if touched(flag) {
            filter::set_by_hand(k, dev, flag, on.contains(flag));
        }
    }
    let changed = before != (k.devs[dev].flags, k.devs[dev].gflags);
    let used_otherwise = [DevFlags::NOARP, DevFlags::MULTICAST]
        .iter()
        .any(|flag| before.0.contains(*flag) != k.devs[dev].flags.contains(*flag));
    match (was_up, k.devs[dev].is_up()) {
        (false, true) => k.announce_up(dev, o),
        (true, false) => k.announce_down(dev, o),
        _ if changed => rtnl::link(k, dev),
        _ => {}
    }
    if used_otherwise && k.devs[dev].is_up() {
        link_event(k, dev, LinkEvent::Flagged, o);
    }
    changed
}

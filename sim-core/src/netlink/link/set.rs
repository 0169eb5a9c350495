//! Changes to devices (`do_setlink()`).

use crate::bridge::{self, bridge_of, events};
use crate::errno::Errno;
use crate::id::{BridgeId, DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::{DevFlags, DevKind, DevName, promisc};
use crate::neigh;
use crate::netlink::NetlinkError;
use crate::netlink::link::find;
use crate::netlink::request::LinkChange;
use crate::netns::notifier::{LinkEvent, link_event};
use crate::packet::MacAddr;
use crate::trace::Observer;

/// What a change comes to, with everything it names looked up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    /// The namespace to move to, and the name to have there.
    netns: Option<(NetnsId, DevName)>,
    /// The bridge to be attached to, or none.
    master: Option<Option<BridgeId>>,
}

/// Finds out whether the change is possible.
pub(super) fn check(k: &Kernel, dev: DevId, change: &LinkChange) -> Result<Plan, NetlinkError> {
    let device = &k.devs[dev];
    let mut plan = Plan { netns: check_netns(k, dev, change)?, master: None };
    if let Some(addr) = change.address {
        check_address(k, dev, addr)?;
    }
    if let Some(mtu) = change.mtu {
        check_mtu(k, dev, mtu)?;
    }
    if let (Some(name), None) = (change.name, plan.netns)
        && name != device.name
        && k.dev_by_name(device.netns, name).is_some()
    {
        return Err(Errno::EEXIST.into());
    }
    if let Some(master) = change.master {
        let netns = plan.netns.map_or(device.netns, |(netns, _)| netns);
        plan.master = Some(match master {
            None => None,
            Some(link) => {
                let upper = find(k, netns, link).map_err(|_| Errno::EINVAL)?;
                let bridge = bridge_of(k, upper).ok_or(Errno::EOPNOTSUPP)?;
                events::check_port(k, bridge, dev)?;
                Some(bridge)
            }
        });
    }
    Ok(plan)
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
    let name = change.name.unwrap_or(device.name);
    if k.dev_by_name(netns, name).is_some() {
        let text = "An interface with the same name exists in the target netns";
        return Err(NetlinkError::with_message(Errno::EEXIST, text));
    }
    Ok(Some((netns, name)))
}

fn check_address(_: &Kernel, _: DevId, addr: MacAddr) -> Result<(), NetlinkError> {
    if addr.is_valid() { Ok(()) } else { Err(Errno::EADDRNOTAVAIL.into()) }
}

fn check_mtu(k: &Kernel, dev: DevId, mtu: u32) -> Result<(), NetlinkError> {
    let (min, max) = k.devs[dev].mtu_limits();
    if mtu < min {
        return Err(NetlinkError::with_message(Errno::EINVAL, "mtu less than device minimum"));
    }
    if max > 0 && mtu > max {
        return Err(NetlinkError::with_message(Errno::EINVAL, "mtu greater than device maximum"));
    }
    Ok(())
}

/// Makes the change.
pub(super) fn apply<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    change: &LinkChange,
    plan: Plan,
    o: &mut O,
) {
    if let Some((netns, name)) = plan.netns {
        k.move_to_netns(dev, netns, name, o);
    }
    if let Some(addr) = change.address {
        set_address(k, dev, addr, o);
    }
    if let Some(mtu) = change.mtu {
        set_mtu(k, dev, mtu, o);
    }
    if let Some(name) = change.name.filter(|name| *name != k.devs[dev].name) {
        rename(k, dev, name, o);
    }
    set_words(k, dev, change);
    if let Some(master) = plan.master {
        set_master(k, dev, master, o);
    }
    set_flags(k, dev, change, o);
    if let (Some(bridge), Some(options)) = (bridge_of(k, dev), &change.bridge) {
        bridge::options::set(k, bridge, options);
    }
    if let Some(port) = &change.port {
        bridge::options::set_port(k, dev, port);
    }
}

fn set_address<O: Observer>(k: &mut Kernel, dev: DevId, addr: MacAddr, o: &mut O) {
    match bridge_of(k, dev) {
        Some(bridge) => bridge::state::set_by_hand(k, bridge, addr),
        None => k.devs[dev].addr = addr,
    }
    k.devs[dev].addr_set = true;
    link_event(k, dev, LinkEvent::AddressChanged, o);
}

fn set_mtu<O: Observer>(k: &mut Kernel, dev: DevId, mtu: u32, o: &mut O) {
    if let Some(bridge) = bridge_of(k, dev) {
        k.bridges[bridge].mtu_set = true;
    }
    if k.devs[dev].mtu != mtu {
        k.devs[dev].mtu = mtu;
        link_event(k, dev, LinkEvent::MtuChanged, o);
    }
}

fn rename<O: Observer>(k: &mut Kernel, dev: DevId, name: DevName, o: &mut O) {
    let device = &mut k.devs[dev];
    let names = &mut k.netns[device.netns].names;
    names.remove(&device.name);
    names.insert(name, dev);
    device.name = name;
    link_event(k, dev, LinkEvent::Renamed, o);
}

/// Sets what nobody else has to know.
fn set_words(k: &mut Kernel, dev: DevId, change: &LinkChange) {
    let device = &mut k.devs[dev];
    if let Some(group) = change.group {
        device.group = group;
    }
    if let Some(alias) = &change.alias {
        device.alias = (!alias.is_empty()).then(|| alias.as_str().into());
    }
    if let Some(broadcast) = change.broadcast {
        device.broadcast = broadcast;
    }
    if let Some(len) = change.tx_queue_len {
        device.tx_queue_len = len;
    }
}

fn set_master<O: Observer>(k: &mut Kernel, dev: DevId, master: Option<BridgeId>, o: &mut O) {
    events::del_port(k, dev, o);
    if let Some(bridge) = master {
        events::add_port(k, bridge, dev, o);
    }
}

fn set_flags<O: Observer>(k: &mut Kernel, dev: DevId, change: &LinkChange, o: &mut O) {
    let (on, off) = (DevFlags(change.flags_on), DevFlags(change.flags_off));
    for flag in [DevFlags::PROMISC, DevFlags::ALLMULTI] {
        if on.contains(flag) || off.contains(flag) {
            promisc::set_by_hand(k, dev, flag, on.contains(flag));
        }
    }
    let had_arp = !k.devs[dev].flags.contains(DevFlags::NOARP);
    let plain = [DevFlags::NOARP, DevFlags::MULTICAST];
    for flag in plain {
        if on.contains(flag) || off.contains(flag) {
            k.devs[dev].flags.set(flag, on.contains(flag));
        }
    }
    if had_arp == k.devs[dev].flags.contains(DevFlags::NOARP) && k.devs[dev].is_up() {
        neigh::arp_switched(k, dev, o);
    }
    if on.contains(DevFlags::UP) {
        k.open(dev, o);
    } else if off.contains(DevFlags::UP) {
        k.close(dev, o);
    }
}

//! Which frames a device takes beside its own: promiscuity, and further addresses
//! (`net/core/dev_addr_lists.c`).
//!
//! No modelled device filters by address, so that one with further unicast addresses becomes
//! promiscuous (`uc_promisc`), as one without a hardware filter does in the kernel.

use std::net::Ipv4Addr;

use crate::bridge;
use crate::errno::Errno;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::{DevFlags, DevKind, LinkType, NetDevice, macvlan};
use crate::packet::MacAddr;

/// The further addresses of a device (`dev->uc`, `dev->mc`), with their users.
#[derive(Clone, Debug, Default)]
pub struct AddrFilter {
    /// Unicast addresses: those of macvlan devices on it, and those set by hand.
    pub uc: Vec<(MacAddr, u32)>,
    /// Multicast addresses set by hand; those that IP needs are not kept here.
    pub mc: Vec<MacAddr>,
    /// Whether the device is promiscuous for the sake of `uc`.
    uc_promisc: bool,
}

/// Adds a user that wants every frame, or takes one away (`dev_set_promiscuity()`).
pub fn set_promiscuity(k: &mut Kernel, dev: DevId, on: bool) {
    let device = &mut k.devs[dev];
    let before = device.promiscuity;
    device.promiscuity = if on { before + 1 } else { before.saturating_sub(1) };
    if (before == 0) != (device.promiscuity == 0) {
        device.flags.set(DevFlags::PROMISC, on);
        macvlan::rx_flags_changed(k, dev, DevFlags::PROMISC, on);
    }
}

/// Adds a user that wants every multicast frame, or takes one away (`dev_set_allmulti()`).
pub fn set_allmulti(k: &mut Kernel, dev: DevId, on: bool) {
    let device = &mut k.devs[dev];
    let before = device.allmulti;
    device.allmulti = if on { before + 1 } else { before.saturating_sub(1) };
    if (before == 0) != (device.allmulti == 0) {
        device.flags.set(DevFlags::ALLMULTI, on);
        macvlan::rx_flags_changed(k, dev, DevFlags::ALLMULTI, on);
    }
}

/// Sets what the administrator wants of `IFF_PROMISC` and `IFF_ALLMULTI` (`__dev_change_flags()`).
pub fn set_by_hand(k: &mut Kernel, dev: DevId, flag: DevFlags, on: bool) {
    if k.devs[dev].gflags.contains(flag) == on {
        return;
    }
    k.devs[dev].gflags.set(flag, on);
    if flag == DevFlags::PROMISC {
        set_promiscuity(k, dev, on);
    } else {
        set_allmulti(k, dev, on);
    }
}

/// Adds a user of a unicast address (`dev_uc_add()`).
pub fn uc_add(k: &mut Kernel, dev: DevId, addr: MacAddr) {
    let uc = &mut k.devs[dev].filter.get_or_insert_default().uc;
    match uc.iter_mut().find(|(a, _)| *a == addr) {
        Some((_, users)) => *users += 1,
        None => uc.push((addr, 1)),
    }
    set_rx_mode(k, dev);
}

/// Takes a user of a unicast address away (`dev_uc_del()`).
///
/// # Errors
///
/// `ENOENT` if the address is not there.
pub fn uc_del(k: &mut Kernel, dev: DevId, addr: MacAddr) -> Result<(), Errno> {
    let uc = &mut k.devs[dev].filter.get_or_insert_default().uc;
    let (_, users) = uc.iter_mut().find(|(a, _)| *a == addr).ok_or(Errno::ENOENT)?;
    *users -= 1;
    uc.retain(|(_, users)| *users > 0);
    set_rx_mode(k, dev);
    Ok(())
}

/// Makes the device take what it has to take, once it is up (`dev_set_rx_mode()`).
pub fn set_rx_mode(k: &mut Kernel, dev: DevId) {
    let device = &mut k.devs[dev];
    let Some(filter) = device.filter.as_mut().filter(|_| device.flags.contains(DevFlags::UP))
    else {
        return;
    };
    let wanted = !filter.uc.is_empty();
    if filter.uc_promisc != wanted {
        filter.uc_promisc = wanted;
        set_promiscuity(k, dev, wanted);
    }
}

/// The further addresses of a device that `bridge fdb` shows as its own (`ndo_dflt_fdb_dump()`):
/// unicast, then multicast.
#[must_use]
pub fn dump(k: &Kernel, dev: DevId) -> Vec<MacAddr> {
    let device = &k.devs[dev];
    if device.link_type() != LinkType::Ether {
        return Vec::new();
    }
    let mut addrs: Vec<MacAddr> = device.filter.iter().flat_map(|f| &f.uc).map(|a| a.0).collect();
    if device.mtu >= IPV6_MIN_MTU {
        addrs.push(ALL_NODES);
    }
    if let DevKind::Bridge(id) = device.kind
        && device.is_up()
        && k.bridges[id].options.mcast_snooping
    {
        addrs.extend(bridge::ALL_SNOOPERS);
    }
    if device.is_up() {
        addrs.push(ALL_HOSTS);
        addrs.extend(device.inet.groups.iter().map(|(group, _)| group_mac(*group)));
    }
    addrs.extend(device.filter.iter().flat_map(|f| &f.mc));
    addrs
}

/// The Ethernet address of an IPv4 group (RFC 1112 6.4, `ip_eth_mc_map()`).
#[must_use]
pub fn group_mac(group: Ipv4Addr) -> MacAddr {
    let [_, b, c, d] = group.octets();
    MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

/// Whether the device wants frames to this group.
#[must_use]
pub fn is_member(device: &NetDevice, group: MacAddr) -> bool {
    group == ALL_HOSTS
        || group == ALL_NODES
        || device.inet.groups.iter().any(|(g, _)| group_mac(*g) == group)
        || device.filter.as_ref().is_some_and(|filter| filter.mc.contains(&group))
}

/// The MTU without which there is no IPv6 on a device, in bytes.
const IPV6_MIN_MTU: u32 = 1280;
/// 224.0.0.1, which every IPv4 host on a link that is up belongs to.
pub const ALL_HOSTS: MacAddr = MacAddr([0x01, 0x00, 0x5e, 0, 0, 0x01]);
/// ff02::1, which every device with IPv6 belongs to, even while IPv6 is disabled on it.
pub const ALL_NODES: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 0x01]);

//! Which frames a device takes beside its own: promiscuity, and further addresses
//! (`net/core/dev_addr_lists.c`).
//!
//! No modelled device filters by address, so that one with further unicast addresses becomes
//! promiscuous (`uc_promisc`), as one without a hardware filter does in the kernel.

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::{DevFlags, NetDevice, macvlan};
use crate::packet::MacAddr;

/// A group's address that a device listens to (`struct netdev_hw_addr`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct McAddr {
    /// The address.
    pub addr: MacAddr,
    /// How many want it (`refcount`).
    pub users: u32,
    /// Whether an administrator does (`global_use`).
    pub by_hand: bool,
}

/// The further addresses of a device (`dev->uc`, `dev->mc`), with their users.
#[derive(Clone, Debug, Default)]
pub struct AddrFilter {
    /// Unicast addresses: those of macvlan devices on it, and those set by hand.
    pub uc: Vec<(MacAddr, u32)>,
    /// Groups' addresses, in the order in which they were added.
    pub mc: Vec<McAddr>,
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

/// The Ethernet address of an IPv4 group (RFC 1112 6.4, `ip_eth_mc_map()`).
#[must_use]
pub fn group_mac(group: Ipv4Addr) -> MacAddr {
    let [_, b, c, d] = group.octets();
    MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

/// Adds a user of a group's address (`dev_mc_add()`).
pub fn mc_add(k: &mut Kernel, dev: DevId, addr: MacAddr) {
    let mc = &mut k.devs[dev].filter.get_or_insert_default().mc;
    match mc.iter_mut().find(|mc| mc.addr == addr) {
        Some(mc) => mc.users += 1,
        None => mc.push(McAddr { addr, users: 1, by_hand: false }),
    }
}

/// Has the device listen to a group's address by an administrator's wish, which counts once
/// (`dev_mc_add_global()`).
pub fn mc_add_by_hand(k: &mut Kernel, dev: DevId, addr: MacAddr) {
    if k.devs[dev].listens_by_hand(addr) {
        return;
    }
    mc_add(k, dev, addr);
    let mc = &mut k.devs[dev].filter.get_or_insert_default().mc;
    for mc in mc.iter_mut().filter(|mc| mc.addr == addr) {
        mc.by_hand = true;
    }
}

/// Takes a user of a group's address away (`dev_mc_del()`).
///
/// # Errors
///
/// `ENOENT` if the address is not there.
pub fn mc_del(k: &mut Kernel, dev: DevId, addr: MacAddr) -> Result<(), Errno> {
    let mc = &mut k.devs[dev].filter.get_or_insert_default().mc;
    let found = mc.iter_mut().find(|mc| mc.addr == addr).ok_or(Errno::ENOENT)?;
    found.users -= 1;
    mc.retain(|mc| mc.users > 0);
    Ok(())
}

/// Takes an administrator's wish back (`dev_mc_del_global()`).
///
/// # Errors
///
/// `ENOENT` if there was none.
pub fn mc_del_by_hand(k: &mut Kernel, dev: DevId, addr: MacAddr) -> Result<(), Errno> {
    let mc = &mut k.devs[dev].filter.get_or_insert_default().mc;
    let found = mc.iter_mut().find(|mc| mc.addr == addr && mc.by_hand).ok_or(Errno::ENOENT)?;
    found.by_hand = false;
    mc_del(k, dev, addr)
}

impl NetDevice {
    /// The groups' addresses that the device listens to, in the kernel's order (`dev->mc`), but for
    /// [`ALL_NODES`], which comes first where there is IPv6.
    pub fn mc_list(&self) -> impl Iterator<Item = &McAddr> {
        self.filter.iter().flat_map(|filter| &filter.mc)
    }

    /// Whether groups have addresses on its link (`arp_mc_map()`).
    #[must_use]
    pub fn maps_groups(&self) -> bool {
        self.has_ethernet_header() && !self.is_loopback()
    }

    /// Whether the device has an IPv6 side.
    #[must_use]
    pub fn has_ipv6(&self) -> bool {
        self.mtu >= IPV6_MIN_MTU
    }

    /// Whether IPv6 has the device listen to [`ALL_NODES`], which it does even while it is disabled.
    #[must_use]
    pub fn listens_to_all_nodes(&self) -> bool {
        self.maps_groups() && self.has_ipv6()
    }

    fn listens_by_hand(&self, addr: MacAddr) -> bool {
        self.mc_list().any(|mc| mc.addr == addr && mc.by_hand)
    }
}

/// Whether the device wants frames to this group.
#[must_use]
pub fn is_member(device: &NetDevice, group: MacAddr) -> bool {
    group == ALL_NODES || device.mc_list().any(|mc| mc.addr == group)
}

/// The MTU without which there is no IPv6 on a device, in bytes.
pub const IPV6_MIN_MTU: u32 = 1280;
/// ff02::1, which every device with IPv6 belongs to, even while IPv6 is disabled on it.
pub const ALL_NODES: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 0x01]);

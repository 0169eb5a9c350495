//! Devices are switched on and off and get other addresses, sizes and names (`net/core/dev.c`).

use crate::bridge;
use crate::errno::Errno;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::{DevFlags, DevKind, DevName, Macvlan, filter, macvlan, qdisc, veth, vxlan};
use crate::netns::notifier::{LinkEvent, link_event};
use crate::packet::MacAddr;
use crate::trace::Observer;

impl Kernel {
    /// Whether a device that is down could be switched on (`ndo_open()`).
    ///
    /// # Errors
    ///
    /// `EADDRINUSE` for a macvlan device whose address is in use on its lower device, and for a
    /// tunnel whose UDP port is taken.
    pub fn check_open(&self, dev: DevId) -> Result<(), Errno> {
        let device = &self.devs[dev];
        match &device.kind {
            _ if device.is_up() => Ok(()),
            DevKind::Macvlan(Macvlan { lower, .. })
                if macvlan::addr_busy(self, *lower, device.addr) =>
            {
                Err(Errno::EADDRINUSE)
            }
            DevKind::Vxlan(vxlan) => vxlan::device::check_open(self, vxlan),
            DevKind::Loopback
            | DevKind::Veth(_)
            | DevKind::Bridge(_)
            | DevKind::Ipip(_)
            | DevKind::Macvlan(_)
            | DevKind::Dummy
            | DevKind::Tun(_) => Ok(()),
        }
    }

    /// Switches a device on (`dev_open()`); [`check_open`](Self::check_open) has allowed it.
    pub fn open<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        if !self.devs[dev].is_up() {
            self.switch_on(dev);
            self.announce_up(dev, o);
        }
    }

    /// Switches a device on without a word (`__dev_open()`).
    pub(crate) fn switch_on(&mut self, dev: DevId) {
        if self.devs[dev].is_up() {
            return;
        }
        match self.devs[dev].kind {
            DevKind::Veth(end) => veth::open(self, dev, end.peer),
            DevKind::Macvlan(_) => macvlan::open(self, dev),
            DevKind::Vxlan(_) => vxlan::device::open(self, dev),
            DevKind::Loopback
            | DevKind::Bridge(_)
            | DevKind::Ipip(_)
            | DevKind::Dummy
            | DevKind::Tun(_) => {}
        }
        let device = &mut self.devs[dev];
        device.flags |= DevFlags::UP;
        device.was_up = true;
        filter::set_rx_mode(self, dev);
    }

    /// Tells that a device has been switched on.
    pub(crate) fn announce_up<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        link_event(self, dev, LinkEvent::Up, o);
        macvlan::lower_changed(self, dev);
    }

    /// Switches a device off (`dev_close()`).
    pub fn close<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        if self.devs[dev].is_up() {
            self.switch_off(dev);
            self.announce_down(dev, o);
        }
    }

    /// Switches a device off without a word (`__dev_close()`).
    pub(crate) fn switch_off(&mut self, dev: DevId) {
        if !self.devs[dev].is_up() {
            return;
        }
        match self.devs[dev].kind {
            DevKind::Veth(end) => veth::close(self, dev, end.peer),
            DevKind::Macvlan(_) => macvlan::close(self, dev),
            DevKind::Vxlan(_) => vxlan::device::close(self, dev),
            DevKind::Loopback
            | DevKind::Bridge(_)
            | DevKind::Ipip(_)
            | DevKind::Dummy
            | DevKind::Tun(_) => {}
        }
        self.devs[dev].flags.set(DevFlags::UP, false);
    }

    /// Tells that a device has been switched off.
    pub(crate) fn announce_down<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        qdisc::reset(self, dev, o);
        link_event(self, dev, LinkEvent::Down, o);
        macvlan::lower_changed(self, dev);
    }

    /// Whether a device can have this hardware address (`ndo_set_mac_address()`).
    ///
    /// # Errors
    ///
    /// `EADDRNOTAVAIL` for group addresses and for none, `EADDRINUSE` for a macvlan device if another
    /// one has it, `EOPNOTSUPP` for devices without addresses.
    pub fn check_mac_address(&self, dev: DevId, addr: MacAddr) -> Result<(), Errno> {
        let device = &self.devs[dev];
        if !device.has_ethernet_header() {
            return Err(Errno::EOPNOTSUPP);
        }
        if !addr.is_valid() {
            return Err(Errno::EADDRNOTAVAIL);
        }
        if let DevKind::Macvlan(Macvlan { lower, .. }) = device.kind
            && device.addr != addr
            && macvlan::addr_busy(self, lower, addr)
        {
            return Err(Errno::EADDRINUSE);
        }
        Ok(())
    }

    /// Gives a device another hardware address (`dev_set_mac_address()`).
    pub fn set_mac_address<O: Observer>(&mut self, dev: DevId, addr: MacAddr, o: &mut O) {
        self.devs[dev].addr_set = true;
        match self.devs[dev].kind {
            DevKind::Bridge(id) => bridge::state::set_by_hand(self, id, addr),
            DevKind::Macvlan(_) => macvlan::change_address(self, dev, addr),
            DevKind::Loopback
            | DevKind::Veth(_)
            | DevKind::Vxlan(_)
            | DevKind::Ipip(_)
            | DevKind::Dummy
            | DevKind::Tun(_) => self.devs[dev].addr = addr,
        }
        link_event(self, dev, LinkEvent::AddressChanged, o);
    }

    /// Gives a device another MTU (`dev_set_mtu()`). Macvlan devices on it follow downwards.
    pub fn set_mtu<O: Observer>(&mut self, dev: DevId, mtu: u32, o: &mut O) {
        if self.devs[dev].mtu == mtu {
            return;
        }
        self.devs[dev].mtu = mtu;
        link_event(self, dev, LinkEvent::MtuChanged, o);
        let uppers = self.devs[dev].macvlans.as_ref().map(|port| port.vlans.clone());
        for upper in uppers.into_iter().flatten() {
            if self.devs[upper].mtu > mtu {
                self.set_mtu(upper, mtu, o);
            }
        }
    }

    /// Renames a device (`dev_change_name()`); the name is free.
    pub fn rename<O: Observer>(&mut self, dev: DevId, name: DevName, o: &mut O) {
        let device = &mut self.devs[dev];
        let names = &mut self.netns[device.netns].names;
        names.remove(&device.name);
        names.insert(name, dev);
        device.name = name;
        link_event(self, dev, LinkEvent::Renamed, o);
    }
}

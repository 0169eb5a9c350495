//! Devices come, go and move between namespaces (`register_netdevice()`,
//! `unregister_netdevice_many()`, `dev_change_net_namespace()`).

use crate::errno::Errno;
use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::{DevFlags, DevKind, DevName, InDevice, NetDevice, carrier, veth};
use crate::netns::notifier::{LinkEvent, link_event};
use crate::packet::MacAddr;
use crate::trace::Observer;

/// What a new device has to have.
#[derive(Clone, Copy, Debug)]
pub struct NewDev {
    /// The namespace it is made in.
    pub netns: NetnsId,
    /// Its name.
    pub name: DevName,
    /// Its number, if a certain one is wanted.
    pub ifindex: Option<IfIndex>,
    /// Its hardware address; a random one if none is given.
    pub addr: Option<MacAddr>,
}

impl Kernel {
    /// The device of a namespace with this name.
    #[must_use]
    pub fn dev_by_name(&self, netns: NetnsId, name: DevName) -> Option<DevId> {
        self.netns[netns].names.get(&name).copied()
    }

    /// The device of a namespace with this number.
    #[must_use]
    pub fn dev_by_index(&self, netns: NetnsId, ifindex: IfIndex) -> Option<DevId> {
        self.netns[netns].links.get(&ifindex).copied()
    }

    /// A random hardware address: individual, locally administered (`eth_random_addr()`).
    pub fn random_mac(&mut self) -> MacAddr {
        let [_, _, mut mac @ ..] = self.rng.stream("mac").next_u64().to_be_bytes();
        mac[0] = mac[0] & 0xfe | 0x02;
        MacAddr(mac)
    }

    /// Takes the number `wanted`, or the next one that is free (`dev_index_reserve()`).
    ///
    /// # Errors
    ///
    /// `EBUSY` if the wanted number is taken.
    fn reserve_ifindex(
        &mut self,
        netns: NetnsId,
        wanted: Option<IfIndex>,
    ) -> Result<IfIndex, Errno> {
        let ns = &mut self.netns[netns];
        if let Some(index) = wanted {
            return if ns.links.contains_key(&index) { Err(Errno::EBUSY) } else { Ok(index) };
        }
        let mut index = ns.last_ifindex;
        loop {
            index = IfIndex(if index.0 < i32::MAX.cast_unsigned() { index.0 + 1 } else { 1 });
            if !ns.links.contains_key(&index) {
                ns.last_ifindex = index;
                return Ok(index);
            }
        }
    }

    /// The first free name of the series `prefix0`, `prefix1`, ... (`__dev_alloc_name()`).
    #[must_use]
    pub fn free_dev_name(&self, netns: NetnsId, prefix: &str) -> Option<DevName> {
        let names = &self.netns[netns].names;
        (0..=names.len())
            .filter_map(|n| format!("{prefix}{n}").parse().ok())
            .find(|name| !names.contains_key(name))
    }

    /// Makes a device that holds its name and its number, but which nobody has been told of yet.
    /// `setup` makes the changes that a device of its kind needs.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the name is taken, `EBUSY` if the number is.
    pub fn alloc_netdev(
        &mut self,
        new: &NewDev,
        kind: DevKind,
        setup: impl FnOnce(&mut NetDevice),
    ) -> Result<DevId, Errno> {
        if self.dev_by_name(new.netns, new.name).is_some() {
            return Err(Errno::EEXIST);
        }
        let ifindex = self.reserve_ifindex(new.netns, new.ifindex)?;
        let addr = match new.addr {
            Some(addr) => addr,
            None => self.random_mac(),
        };
        let dev = self.devs.insert_with(|id| NetDevice {
            name: new.name,
            ifindex,
            addr_set: new.addr.is_some(),
            ..NetDevice::ethernet(id, new.netns, kind, addr)
        });
        let ns = &mut self.netns[new.netns];
        ns.links.insert(ifindex, dev);
        ns.names.insert(new.name, dev);
        setup(&mut self.devs[dev]);
        Ok(dev)
    }

    /// Frees a device that nobody has been told of (`free_netdev()`).
    pub fn free_netdev(&mut self, dev: DevId) {
        if let Some(device) = self.devs.remove(dev) {
            let ns = &mut self.netns[device.netns];
            ns.links.remove(&device.ifindex);
            ns.names.remove(&device.name);
        }
    }

    /// Makes a new device known (`register_netdevice()`).
    pub fn register_netdevice<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        let device = &mut self.devs[dev];
        let conf = self.netns[device.netns].conf_default.clone();
        device.inet = InDevice { conf, ..InDevice::default() };
        if !device.carrier {
            carrier::update(self, dev);
        }
        link_event(self, dev, LinkEvent::Registered, o);
    }

    /// Takes the device out of its namespace, switched off and detached.
    fn unlist<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        self.close(dev, o);
        link_event(self, dev, LinkEvent::Unregistering, o);
        self.forget_device(dev);
        let device = &mut self.devs[dev];
        device.was_up = false;
        let ns = &mut self.netns[device.netns];
        ns.links.remove(&device.ifindex);
        ns.names.remove(&device.name);
    }

    /// Removes a device, and with it what cannot be without it (`rtnl_delete_link()`).
    pub fn unregister<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        let peer = veth::peer(self, dev);
        for gone in [Some(dev), peer].into_iter().flatten() {
            self.close(gone, o);
        }
        for gone in [Some(dev), peer].into_iter().flatten() {
            self.unlist(gone, o);
        }
        for gone in [Some(dev), peer].into_iter().flatten() {
            self.linkwatch.retain(|d| *d != gone);
            if let Some(NetDevice { kind: DevKind::Bridge(bridge), .. }) = self.devs.remove(gone) {
                self.bridges.remove(bridge);
            }
        }
    }

    /// Moves a device to another namespace, where it keeps its number if that is free
    /// (`dev_change_net_namespace()`). The caller has made sure that `name` is free there.
    pub fn move_to_netns<O: Observer>(
        &mut self,
        dev: DevId,
        netns: NetnsId,
        name: DevName,
        o: &mut O,
    ) {
        self.unlist(dev, o);
        let old = self.devs[dev].ifindex;
        let ifindex = self
            .reserve_ifindex(netns, Some(old))
            .or_else(|_| self.reserve_ifindex(netns, None))
            .expect("some number is free");
        let device = &mut self.devs[dev];
        device.netns = netns;
        device.ifindex = ifindex;
        device.name = name;
        let ns = &mut self.netns[netns];
        ns.links.insert(ifindex, dev);
        ns.names.insert(name, dev);
        self.register_netdevice(dev, o);
    }

    /// Switches a device on (`dev_open()`).
    pub fn open<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        if self.devs[dev].is_up() {
            return;
        }
        if let Some(peer) = veth::peer(self, dev) {
            veth::open(self, dev, peer);
        }
        let device = &mut self.devs[dev];
        device.flags |= DevFlags::UP;
        device.was_up = true;
        link_event(self, dev, LinkEvent::Up, o);
    }

    /// Switches a device off (`dev_close()`).
    pub fn close<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        if !self.devs[dev].is_up() {
            return;
        }
        if let Some(peer) = veth::peer(self, dev) {
            veth::close(self, dev, peer);
        }
        self.devs[dev].flags.set(DevFlags::UP, false);
        link_event(self, dev, LinkEvent::Down, o);
    }
}

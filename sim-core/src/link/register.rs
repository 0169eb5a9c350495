//! Devices come, go and move between namespaces (`register_netdevice()`,
//! `unregister_netdevice_many()`, `dev_change_net_namespace()`).

use crate::bridge;
use crate::errno::Errno;
use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::{Kernel, rtnl};
use crate::link::{DevKind, DevName, InDevice, Macvlan, NetDevice, carrier, macvlan, qdisc, veth};
use crate::netns::notifier::{LinkEvent, link_event};
use crate::packet::MacAddr;
use crate::trace::Observer;

/// What a new device has to have.
#[derive(Clone, Copy, Debug)]
pub struct NewDev {
    /// The namespace it is made in.
    pub netns: NetnsId,
    /// Its name, or a pattern such as `veth%d`.
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

    /// The name that a device gets that wants `pattern`: itself, or the first free name of the series
    /// if it holds a `%d` (`__dev_alloc_name()`).
    ///
    /// # Errors
    ///
    /// `EEXIST` if the name is taken, `EINVAL` for a pattern with another `%`, `ENFILE` if no name of
    /// the series is left.
    pub fn dev_name(&self, netns: NetnsId, pattern: &str) -> Result<DevName, Errno> {
        self.dev_name_beside(netns, pattern, None)
    }

    /// [`Kernel::dev_name`] when the name `beside` is going to be taken too.
    ///
    /// # Errors
    ///
    /// As [`Kernel::dev_name`].
    pub fn dev_name_beside(
        &self,
        netns: NetnsId,
        pattern: &str,
        beside: Option<DevName>,
    ) -> Result<DevName, Errno> {
        let names = &self.netns[netns].names;
        let is_taken = |name: &DevName| names.contains_key(name) || beside == Some(*name);
        let Some((before, after)) = pattern.split_once('%') else {
            let name = pattern.parse().map_err(|_| Errno::EINVAL)?;
            return if is_taken(&name) { Err(Errno::EEXIST) } else { Ok(name) };
        };
        let after = after.strip_prefix('d').filter(|rest| !rest.contains('%'));
        let after = after.ok_or(Errno::EINVAL)?;
        (0..=names.len() + 1)
            .map_while(|n| format!("{before}{n}{after}").parse().ok())
            .find(|name| !is_taken(name))
            .ok_or(Errno::ENFILE)
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
        let name = self.dev_name(new.netns, new.name.as_str())?;
        let ifindex = self.reserve_ifindex(new.netns, new.ifindex)?;
        let addr = match new.addr {
            Some(addr) => addr,
            None => self.random_mac(),
        };
        let dev = self.devs.insert_with(|id| NetDevice {
            name,
            ifindex,
            addr_set: new.addr.is_some(),
            ..NetDevice::new(id, new.netns, kind, addr)
        });
        let ns = &mut self.netns[new.netns];
        ns.links.insert(ifindex, dev);
        ns.names.insert(name, dev);
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

    /// Makes a device known in the namespace it has come to; its operational state came with it.
    fn list<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        let device = &mut self.devs[dev];
        let conf = self.netns[device.netns].conf_default.clone();
        device.inet = InDevice { conf, ..InDevice::default() };
        link_event(self, dev, LinkEvent::Registered, o);
        rtnl::link(self, dev);
    }

    /// Takes the device out of its namespace, switched off and detached.
    fn unlist<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        self.close(dev, o);
        self.rtnl.hush(dev);
        link_event(self, dev, LinkEvent::Unregistering, o);
        self.forget_device(dev);
        if self.devs[dev].root_qdisc.is_some() {
            qdisc::graft(self, dev, None, o);
        }
        let device = &mut self.devs[dev];
        device.was_up = false;
        let ns = &mut self.netns[device.netns];
        ns.links.remove(&device.ifindex);
        ns.names.remove(&device.name);
        self.rtnl.unhush(dev);
    }

    /// The device and all that cannot be without it: the other end of a wire, the macvlan devices on
    /// it, the tunnels bound to it.
    fn with_dependents(&self, dev: DevId) -> Vec<DevId> {
        let mut all = vec![dev];
        let mut next = 0;
        while let Some(dev) = all.get(next).copied() {
            next += 1;
            let uppers = self.devs[dev].macvlans.iter().flat_map(|port| port.vlans.iter().copied());
            let found =
                veth::peer(self, dev).into_iter().chain(uppers).chain(tunnels_on(self, dev));
            for more in found.collect::<Vec<_>>() {
                if !all.contains(&more) {
                    all.push(more);
                }
            }
        }
        all
    }

    /// Removes a device, and with it what cannot be without it (`rtnl_delete_link()`).
    pub fn unregister<O: Observer>(&mut self, dev: DevId, o: &mut O) {
        let all = self.with_dependents(dev);
        for gone in &all {
            self.part(*gone, &all, o);
        }
        for gone in &all {
            self.close(*gone, o);
        }
        for gone in &all {
            self.unlist(*gone, o);
            rtnl::link_gone(self, *gone);
            macvlan::release(self, *gone);
        }
        for gone in all {
            self.linkwatch.retain(|d| *d != gone);
            let Some(device) = self.devs.remove(gone) else { continue };
            let underlay = match device.kind {
                DevKind::Bridge(bridge) => {
                    self.bridges.remove(bridge);
                    continue;
                }
                DevKind::Vxlan(vxlan) => vxlan.underlay,
                DevKind::Ipip(ipip) => ipip.underlay,
                DevKind::Loopback
                | DevKind::Veth(_)
                | DevKind::Macvlan(_)
                | DevKind::Dummy
                | DevKind::Tun(_) => continue,
            };
            self.netns[underlay].tunnels.retain(|tunnel| *tunnel != gone);
        }
    }

    /// Takes a device that goes from what it is tied to (`rtnl_link_ops.dellink`).
    fn part<O: Observer>(&mut self, dev: DevId, gone: &[DevId], o: &mut O) {
        match self.devs[dev].kind {
            DevKind::Veth(_) => veth::sever(self, dev),
            DevKind::Bridge(bridge) => bridge::events::dissolve(self, bridge, o),
            DevKind::Macvlan(Macvlan { lower, .. }) if !gone.contains(&lower) => {
                rtnl::link(self, lower);
            }
            DevKind::Macvlan(_)
            | DevKind::Loopback
            | DevKind::Vxlan(_)
            | DevKind::Ipip(_)
            | DevKind::Dummy
            | DevKind::Tun(_) => {}
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
        for tunnel in tunnels_on(self, dev) {
            self.unregister(tunnel, o);
        }
        let old_netns = self.devs[dev].netns;
        self.unlist(dev, o);
        let old = self.devs[dev].ifindex;
        let ifindex = self
            .reserve_ifindex(netns, Some(old))
            .or_else(|_| self.reserve_ifindex(netns, None))
            .expect("some number is free");
        let nsid = self.nsid(old_netns, netns);
        rtnl::moved(self, dev, nsid, ifindex);
        let device = &mut self.devs[dev];
        device.netns = netns;
        device.ifindex = ifindex;
        device.name = name;
        let ns = &mut self.netns[netns];
        ns.links.insert(ifindex, dev);
        ns.names.insert(name, dev);
        self.list(dev, o);
    }
}

/// The VXLAN devices that are bound to a device, in whichever namespace they are now
/// (`vxlan_handle_lowerdev_unregister()`).
fn tunnels_on(k: &Kernel, dev: DevId) -> Vec<DevId> {
    let (netns, ifindex) = (k.devs[dev].netns, k.devs[dev].ifindex);
    let tunnels = &k.netns[netns].tunnels;
    let bound = |tunnel: &DevId| matches!(&k.devs[*tunnel].kind, DevKind::Vxlan(v) if v.config.link == ifindex);
    tunnels.iter().copied().filter(bound).collect()
}

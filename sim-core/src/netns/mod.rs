//! A network namespace: what one `struct net` owns.

pub mod deliver;
pub mod mib;
pub mod notifier;
pub mod stack;

use std::collections::BTreeMap;

use crate::family::V4;
use crate::id::{DevId, IfIndex, NetnsId};
use crate::ip::NetnsIp;
use crate::ip::reassembly::Reassembly;
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::link::inet::Ipv4Conf;
use crate::link::{DevName, NetDevice, carrier};
use crate::neigh::NeighTable;
use crate::netfilter::Netfilter;
use crate::route::NetnsIpv4;
use crate::socket::{SocketTables, call};
use crate::sysctl::Sysctls;
use crate::trace::Observer;

pub use mib::Mib;

/// A network namespace. It is cheap until something is put into it.
#[derive(Clone, Debug)]
pub struct Netns {
    /// Its id in the world.
    pub id: NetnsId,
    /// Its devices by number, which is their order of creation.
    pub links: BTreeMap<IfIndex, DevId>,
    /// Its devices by name.
    pub names: BTreeMap<DevName, DevId>,
    /// Its loopback device.
    pub lo: DevId,
    /// The number of the device made last.
    pub last_ifindex: IfIndex,
    /// `net.ipv4.conf.all`.
    pub conf_all: Ipv4Conf,
    /// `net.ipv4.conf.default`: what new devices start with.
    pub conf_default: Ipv4Conf,
    /// The numbers by which it knows other namespaces (`nsid`).
    pub nsids: BTreeMap<u32, NetnsId>,
    /// The tunnels whose outer packets are in it, wherever the devices are.
    pub tunnels: Vec<DevId>,
    /// The VXLAN devices that are up, by the UDP port that they share.
    pub udp_tunnels: BTreeMap<u16, Vec<DevId>>,
    /// The counters of `/proc/net/snmp` and `/proc/net/netstat`.
    pub mib: Mib,
    /// What the Internet Protocol remembers.
    pub ip: NetnsIp,
    /// IPv4 neighbours.
    pub arp: NeighTable<V4>,
    /// The settings that belong to no device.
    pub sysctl: Sysctls,
    /// IPv4 routing.
    pub ipv4: NetnsIpv4,
    /// Datagrams of which fragments are missing.
    pub reassembly: Reassembly,
    /// Its sockets, where packets look for them.
    pub sockets: SocketTables,
    /// Connections, and the rules that judge packets.
    pub nf: Box<Netfilter>,
}

impl Kernel {
    /// Makes a namespace with its loopback device, which is down (`setup_net()`).
    pub fn add_netns(&mut self) -> NetnsId {
        let devs = &mut self.devs;
        self.netns.insert_with(|id| {
            let lo = devs.insert_with(|dev| NetDevice::loopback(dev, id));
            let (ifindex, name) = (devs[lo].ifindex, devs[lo].name);
            Netns {
                id,
                links: BTreeMap::from([(ifindex, lo)]),
                names: BTreeMap::from([(name, lo)]),
                lo,
                last_ifindex: ifindex,
                conf_all: Ipv4Conf::all(),
                conf_default: Ipv4Conf::default(),
                nsids: BTreeMap::new(),
                tunnels: Vec::new(),
                udp_tunnels: BTreeMap::new(),
                mib: Mib::default(),
                ip: NetnsIp::default(),
                arp: NeighTable::default(),
                sysctl: Sysctls::default(),
                ipv4: NetnsIpv4 { devs: vec![lo], ..NetnsIpv4::default() },
                reassembly: Reassembly::default(),
                sockets: SocketTables::default(),
                nf: Box::default(),
            }
        })
    }

    /// Removes a namespace with its devices, which are all virtual (`cleanup_net()`); the far ends
    /// of its wires go too.
    pub fn del_netns<O: Observer>(&mut self, id: NetnsId, o: &mut O) {
        if self.netns.get(id).is_none() {
            return;
        }
        call::remove_all(self, id);
        let ns = &self.netns[id];
        let devs: Vec<DevId> = ns.tunnels.iter().chain(ns.links.values().rev()).copied().collect();
        for dev in devs {
            if self.devs.get(dev).is_some() {
                self.unregister(dev, o);
            }
        }
        self.netns.remove(id);
        self.forget_nsids(id);
        carrier::run(self, o);
    }

    /// Takes away the numbers by which others know a namespace that is gone.
    fn forget_nsids(&mut self, gone: NetnsId) {
        let holders: Vec<(NetnsId, u32)> = self
            .netns
            .iter()
            .flat_map(|(id, ns)| ns.nsids.iter().map(move |(nsid, known)| (id, *nsid, *known)))
            .filter(|(_, _, known)| *known == gone)
            .map(|(id, nsid, _)| (id, nsid))
            .collect();
        for (id, nsid) in holders {
            self.netns[id].nsids.remove(&nsid);
            rtnl::nsid(self, id, nsid, Change::Deleted);
        }
    }

    /// The number by which `netns` knows `other`; one is given if there is none yet
    /// (`peernet2id_alloc()`).
    pub fn nsid(&mut self, netns: NetnsId, other: NetnsId) -> u32 {
        let known = &mut self.netns[netns].nsids;
        if let Some((nsid, _)) = known.iter().find(|(_, id)| **id == other) {
            return *nsid;
        }
        let free = (0..).find(|n| !known.contains_key(n)).expect("fewer than 2^32 namespaces");
        known.insert(free, other);
        rtnl::nsid(self, netns, free, Change::New);
        free
    }
}

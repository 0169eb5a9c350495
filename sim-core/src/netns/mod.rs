//! A network namespace: what one `struct net` owns.

pub mod notifier;
pub mod stack;

use std::collections::BTreeMap;

use crate::id::{DevId, IfIndex, NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::link::inet::Ipv4Conf;
use crate::link::{DevName, NetDevice};

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
    /// Packet sockets (`AF_PACKET`) that see every frame of the namespace.
    pub packet_sockets: Vec<SocketId>,
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
                conf_all: Ipv4Conf::default(),
                conf_default: Ipv4Conf::default(),
                packet_sockets: Vec::new(),
            }
        })
    }
}

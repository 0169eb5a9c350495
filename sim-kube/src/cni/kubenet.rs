//! kubenet: the network that kubelets up to 1.23 made by themselves, with the bridge `cbr0`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::host_local::HostLocal;
use super::hostport::HostPorts;
use super::tables::Rule;
use super::{
    Annotations, Bridge, CniError, Conflist, Gateway, Hairpin, Network, Node, NodeRoutes, Peer,
    Plugin, Runtime, Sandbox, device,
};
use crate::host::{CallError, Host};
use crate::reading::{Fields, Mistakes};

/// The bridge.
const BRIDGE: &str = "cbr0";

/// The settings of the kubelet that are about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config {
    /// How pods reach themselves by a Service (`--hairpin-mode`).
    pub hairpin: Hairpin,
    /// To where the source is not translated (`--non-masquerade-cidr`).
    pub non_masquerade_cidr: Ipv4Net,
    /// How many bytes a packet may have (`--network-plugin-mtu`), if not as many as at the uplink.
    pub mtu: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        let ten = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 0, 0, 0), 8);
        Self { hairpin: Hairpin::Promiscuous, non_masquerade_cidr: ten, mtu: None }
    }
}

/// kubenet with the kubelet's own defaults, if nothing else is said.
pub(super) fn options(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Arc<dyn Network> {
    let usual = Config::default();
    let modes = ["promiscuous-bridge", "hairpin-veth", "none"];
    let hairpin = match fields.word("hairpin-mode", &modes, mistakes) {
        Some("hairpin-veth") => Hairpin::Port,
        Some("none") => Hairpin::Off,
        Some(_) | None => Hairpin::Promiscuous,
    };
    let form = "a range of addresses such as 10.0.0.0/8";
    let inside = fields.parsed::<Ipv4Net>("non-masquerade-cidr", form, mistakes);
    let mtu = fields.number("network-plugin-mtu", 0..65_536, mistakes);
    Arc::new(Config {
        hairpin,
        non_masquerade_cidr: inside.map_or(usual.non_masquerade_cidr, |inside| inside.value),
        mtu: mtu.and_then(|mtu| mtu.value.try_into().ok()).filter(|mtu| *mtu != 0),
    })
}

impl Network for Config {
    fn on(&self, node: Node) -> Result<Box<dyn Plugin>, CniError> {
        Ok(Box::new(Kubenet::new(*self, node)?))
    }
}

/// The network, on one node; the routes to others are those that a cloud's controller makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Kubenet {
    config: Config,
    list: Conflist<Bridge>,
    ports: HostPorts,
    /// The sandboxes that have addresses.
    connected: BTreeSet<String>,
}

impl Kubenet {
    /// The network of a node.
    ///
    /// # Errors
    /// When the node's pods cannot have addresses.
    pub fn new(config: Config, node: Node) -> Result<Self, CniError> {
        // The plugin is not told of promiscuity: the kubelet sees to it.
        let hairpin = match config.hairpin {
            Hairpin::Port => Hairpin::Port,
            Hairpin::Off | Hairpin::Promiscuous => Hairpin::Off,
        };
        let main = Bridge {
            bridge: BRIDGE.parse().expect("it is a name"),
            gateway: Gateway::Address,
            mtu: config.mtu.unwrap_or(node.mtu),
            hairpin,
            routes: vec![Ipv4Net::default()],
            ..Bridge::new(HostLocal::subnet(node.pod_cidr)?)
        };
        let list = Conflist {
            name: "kubenet".to_owned(),
            main,
            portmap: None,
            node_routes: Some(NodeRoutes::new(node.uplink)),
        };
        Ok(Self { config, list, ports: HostPorts::default(), connected: BTreeSet::new() })
    }

    fn set_up(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<Vec<IpAddr>, CniError> {
        let ips = self.list.attach(host, sandbox);
        let ips = ips.map_err(|error| CniError::Kubenet(Box::new(error)))?;
        if self.config.hairpin == Hairpin::Promiscuous {
            device::set_promiscuous(host, self.list.main.bridge)?;
        }
        self.connected.insert(sandbox.id.clone());
        for ip in &ips {
            self.ports.add(host, sandbox, *ip, BRIDGE)?;
        }
        Ok(ips)
    }

    /// Takes a pod's device away, and its ports if it has come so far that it had an address.
    fn tear_down(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
        let detached = self.list.detach(host, sandbox);
        if !self.connected.remove(&sandbox.id) {
            return detached;
        }
        let removed = self.ports.remove(host, sandbox).map_err(CniError::from);
        detached.and(removed)
    }

    /// Has what leaves the cluster's addresses translated.
    fn ensure_masquerade(&self, host: &mut Host<'_>) -> Result<(), CallError> {
        if self.config.non_masquerade_cidr.prefix_len() == 0 {
            return Ok(());
        }
        let inside = self.config.non_masquerade_cidr.to_string();
        let says = "kubenet: SNAT for outbound traffic from cluster";
        let words = [
            &["-m", "comment", "--comment", says, "-m", "addrtype", "!", "--dst-type", "LOCAL"],
            &["!", "-d", &inside, "-j", "MASQUERADE"][..],
        ]
        .concat();
        Rule { table: "nat", chain: "POSTROUTING", words: &words }.append_unique(host)
    }
}

impl Plugin for Kubenet {
    fn start(&mut self, host: &mut Host<'_>) -> Result<Annotations, CniError> {
        host.set_sysctl("net.bridge.bridge-nf-call-iptables", "1")?;
        self.ensure_masquerade(host)?;
        Ok(Annotations::new())
    }

    fn set_peers(&mut self, host: &mut Host<'_>, peers: &[Peer]) -> Result<(), CniError> {
        self.list.set_peers(host, peers)
    }

    fn add(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<Vec<IpAddr>, CniError> {
        let added = self.set_up(host, sandbox);
        if added.is_err() {
            // What it fails at is the smaller harm.
            drop(self.tear_down(host, sandbox));
            return added;
        }
        self.ensure_masquerade(host)?;
        added
    }

    fn del(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
        self.tear_down(host, sandbox)?;
        Ok(self.ensure_masquerade(host)?)
    }

    fn runtime(&self) -> Runtime {
        Runtime::Kubenet
    }

    fn boxed_clone(&self) -> Box<dyn Plugin> {
        Box::new(self.clone())
    }
}

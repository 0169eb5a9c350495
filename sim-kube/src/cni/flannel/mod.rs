//! flannel: a range of addresses for each node, and a way from node to node.
//!
//! `flanneld` makes the way and the rules; the plugin `flannel` calls `bridge` with what `flanneld` has found out
//! (`/run/flannel/subnet.env`). This is 0.28.

mod lease;
pub(super) mod options;
mod rules;
mod vxlan;

use std::net::IpAddr;

use ipnet::Ipv4Net;

use self::lease::Lease;
use self::vxlan::Vxlan;
pub use self::vxlan::VxlanConfig;
use super::host_local::HostLocal;
use super::{
    Annotations, Bridge, CniError, Conflist, Gateway, Hairpin, Node, NodeRoutes, Peer, Plugin,
    Portmap, Sandbox,
};
use crate::host::Host;

/// The settings of `flanneld` and of the list of plugins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// The addresses of all pods (`Network`), if not those of the cluster.
    pub network: Option<Ipv4Net>,
    /// How packets get from node to node.
    pub backend: BackendConfig,
    /// Who masquerades what pods send to others (`--ip-masq`).
    pub ip_masq: IpMasq,
    /// Whether packets of pods are forwarded whatever the policy says (`--iptables-forward-rules`).
    pub forward_rules: bool,
    /// The name of the list of plugins.
    pub name: String,
    /// What the plugin calls `bridge` with (`delegate`).
    pub delegate: Delegate,
    /// The ports of the node that lead to pods.
    pub portmap: Option<Portmap>,
}

/// How packets get from node to node (`Backend.Type`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BackendConfig {
    /// In UDP datagrams.
    Vxlan(VxlanConfig),
    /// As they are: the nodes route, and have to be on the same link.
    HostGw,
}

/// Who masquerades.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IpMasq {
    /// `flanneld`, as its manifest has it.
    #[default]
    Flanneld,
    /// The plugin `bridge`, if `flanneld` is not told to.
    Bridge,
}

/// What the plugin calls `bridge` with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delegate {
    /// The settings but for those that follow from what `flanneld` has found out.
    pub bridge: Bridge<()>,
    /// How many bytes a packet may have, if that is said.
    pub mtu: Option<u32>,
    /// Whether `bridge` masquerades, if that is said.
    pub ip_masq: Option<bool>,
}

impl Delegate {
    /// What it is if the list says nothing about it.
    #[must_use]
    pub fn of_plugin() -> Self {
        let bridge = Bridge { gateway: Gateway::Address, ..Bridge::new(()) };
        Self { bridge, mtu: None, ip_masq: None }
    }

    /// What `bridge` is called with on a node.
    fn on(&self, ip_masq: IpMasq, mtu: u32, node: &Node) -> Result<Bridge, CniError> {
        let masquerades = self.ip_masq.unwrap_or(ip_masq == IpMasq::Bridge);
        Ok(Bridge {
            ip_masq: masquerades,
            mtu: self.mtu.unwrap_or(mtu),
            routes: vec![node.cluster_cidr],
            ..self.bridge.with_ipam(HostLocal::subnet(node.pod_cidr)?)
        })
    }
}

impl Default for Config {
    /// As the manifest has it.
    fn default() -> Self {
        let delegate = Delegate::of_plugin();
        let bridge =
            Bridge { gateway: Gateway::Default, hairpin: Hairpin::Port, ..delegate.bridge };
        Self {
            network: None,
            backend: BackendConfig::Vxlan(VxlanConfig::default()),
            ip_masq: IpMasq::default(),
            forward_rules: true,
            name: "cbr0".to_owned(),
            delegate: Delegate { bridge, ..delegate },
            portmap: Some(Portmap::default()),
        }
    }
}

impl Config {
    /// As the manifest has it, but for the backend.
    #[must_use]
    pub fn host_gw() -> Self {
        Self { backend: BackendConfig::HostGw, ..Self::default() }
    }
}

/// The name of the plugin in its list.
const KIND: &str = "flannel";

/// What `flannel` says when the plugin fails that it calls; those behind it in the list are not its own.
fn failed(error: CniError) -> CniError {
    let is_of_others = matches!(error, CniError::InList { .. });
    if is_of_others { error } else { CniError::Delegate(Box::new(error)) }
}

/// flannel on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Flannel {
    node: Node,
    masquerades: bool,
    forward_rules: bool,
    backend: Backend,
    list: Conflist<Bridge>,
    /// Whether `flanneld` has come so far that there is `/run/flannel/subnet.env`.
    is_started: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Backend {
    Vxlan(Vxlan),
    HostGw(NodeRoutes),
}

impl Flannel {
    /// flannel on a node.
    ///
    /// # Errors
    /// When the node's pods cannot have addresses.
    pub fn new(config: Config, mut node: Node) -> Result<Self, CniError> {
        node.cluster_cidr = config.network.unwrap_or(node.cluster_cidr);
        let (backend, mtu) = match config.backend {
            BackendConfig::Vxlan(config) => {
                (Backend::Vxlan(Vxlan::new(config)?), config.inner_mtu(&node))
            }
            BackendConfig::HostGw => (Backend::HostGw(NodeRoutes::new(node.uplink)), node.mtu),
        };
        let main = config.delegate.on(config.ip_masq, mtu, &node);
        let main = main.map_err(|error| failed(error).in_list(KIND))?;
        let list = Conflist { name: config.name, main, portmap: config.portmap, node_routes: None };
        let masquerades = config.ip_masq == IpMasq::Flanneld;
        let forward_rules = config.forward_rules;
        Ok(Self { node, masquerades, forward_rules, backend, list, is_started: false })
    }
}

impl Plugin for Flannel {
    fn start(&mut self, host: &mut Host<'_>) -> Result<Annotations, CniError> {
        let Node { cluster_cidr: network, pod_cidr, .. } = self.node;
        if !network.contains(&pod_cidr) {
            let node = self.node.name.clone();
            return Err(CniError::OutsideOfNetwork { network, pod_cidr, node });
        }
        let lease = match &self.backend {
            Backend::Vxlan(vxlan) => vxlan.start(host, &self.node)?,
            Backend::HostGw(_) => Lease::HostGw,
        };
        if self.masquerades {
            rules::masquerade(host, network, pod_cidr)?;
        }
        if self.forward_rules {
            rules::forward(host, network)?;
        }
        self.is_started = true;
        Ok(lease.annotations(self.node.internal_ip))
    }

    fn set_peers(&mut self, host: &mut Host<'_>, peers: &[Peer]) -> Result<(), CniError> {
        match &mut self.backend {
            Backend::Vxlan(vxlan) => vxlan.set_peers(host, peers),
            Backend::HostGw(routes) => {
                let is_ours = |peer: &&Peer| Lease::of(peer) == Some(Lease::HostGw);
                let ours: Vec<Peer> = peers.iter().filter(is_ours).cloned().collect();
                routes.set_peers(host, &ours)
            }
        }
    }

    fn add(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<Vec<IpAddr>, CniError> {
        if !self.is_started {
            return Err(CniError::NoSubnetEnv.in_list(KIND));
        }
        self.list.attach(host, sandbox).map_err(|error| failed(error).in_list(KIND))
    }

    fn del(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
        self.list.detach(host, sandbox)
    }

    fn boxed_clone(&self) -> Box<dyn Plugin> {
        Box::new(self.clone())
    }
}

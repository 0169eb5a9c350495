//! flannel: a range of addresses for each node, and a way from node to node.
//!
//! `flanneld` makes the way and the rules; the plugin `flannel` calls `bridge` with what `flanneld` has found out
//! (`/run/flannel/subnet.env`). This is 0.28.

mod lease;
mod rules;
mod vxlan;

use std::net::IpAddr;

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
    /// How packets get from node to node.
    pub backend: BackendConfig,
    /// Who masquerades what pods send to others (`--ip-masq`).
    pub ip_masq: IpMasq,
    /// Whether packets of pods are forwarded whatever the policy says (`--iptables-forward-rules`).
    pub forward_rules: bool,
    /// How pods reach themselves by a Service (`delegate.hairpinMode`).
    pub hairpin: Hairpin,
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

impl Default for Config {
    /// As the manifest has it.
    fn default() -> Self {
        Self {
            backend: BackendConfig::Vxlan(VxlanConfig::default()),
            ip_masq: IpMasq::default(),
            forward_rules: true,
            hairpin: Hairpin::Port,
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

/// flannel on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Flannel {
    node: Node,
    masquerades: bool,
    forward_rules: bool,
    backend: Backend,
    list: Conflist<Bridge>,
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
    pub fn new(config: Config, node: Node) -> Result<Self, CniError> {
        let (backend, mtu) = match config.backend {
            BackendConfig::Vxlan(config) => {
                (Backend::Vxlan(Vxlan::new(config)?), config.inner_mtu(&node))
            }
            BackendConfig::HostGw => (Backend::HostGw(NodeRoutes::new(node.uplink)), node.mtu),
        };
        let main = Bridge {
            gateway: Gateway::Default,
            ip_masq: config.ip_masq == IpMasq::Bridge,
            mtu,
            hairpin: config.hairpin,
            routes: vec![node.cluster_cidr],
            ..Bridge::new(HostLocal::subnet(node.pod_cidr)?)
        };
        let list =
            Conflist { name: "cbr0".to_owned(), main, portmap: config.portmap, node_routes: None };
        let masquerades = config.ip_masq == IpMasq::Flanneld;
        Ok(Self { node, masquerades, forward_rules: config.forward_rules, backend, list })
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
        self.list.attach(host, sandbox)
    }

    fn del(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
        self.list.detach(host, sandbox)
    }

    fn boxed_clone(&self) -> Box<dyn Plugin> {
        Box::new(self.clone())
    }
}

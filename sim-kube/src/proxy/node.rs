//! What a kube-proxy has of its own Node, and what it does when that changes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Node;
use sim_core::family::AddressFamily;

use super::config::{Config, DetectLocalMode};
use super::local::LocalDetector;
use super::topology::Location;
use super::version::Version;

/// The zone of a node.
const LABEL_ZONE: &str = "topology.kubernetes.io/zone";

/// What becomes of a kube-proxy whose Node is another one now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reaction {
    /// It goes on as if nothing had been said.
    None,
    /// It writes all its rules anew.
    FullSync,
    /// It exits, and is started again.
    Restart,
}

/// A Node, as its kube-proxy keeps it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct OwnNode {
    pub(super) at: Location,
    labels: BTreeMap<String, String>,
    /// The ranges of its pods.
    pod_cidrs: Vec<String>,
    /// Its own address.
    pub(super) ip: Option<IpAddr>,
    /// All its addresses.
    pub(super) addresses: Vec<IpAddr>,
}

impl OwnNode {
    pub(super) fn new(node: &Node, family: AddressFamily) -> Self {
        let labels = node.metadata.labels.clone().unwrap_or_default();
        let spec = node.spec.as_ref();
        Self {
            at: Location {
                node: node.metadata.name.clone().unwrap_or_default(),
                zone: labels.get(LABEL_ZONE).cloned(),
            },
            labels,
            pod_cidrs: spec.and_then(|spec| spec.pod_cidrs.clone()).unwrap_or_default(),
            ip: addresses(node, family, |kind| kind == "InternalIP").next(),
            addresses: addresses(node, family, |_| true).collect(),
        }
    }

    /// What a kube-proxy does that started with this Node, or has written all its rules with it, and hears of `new`.
    ///
    /// Other addresses of a Node are nothing to it: 1.30 never looks, and 1.36 only says so in its log. 1.20 asks for
    /// its Node once, when it starts.
    pub(super) fn reaction(&self, new: &Self, version: Version, mode: DetectLocalMode) -> Reaction {
        let has_other_labels = match version {
            Version::V1_20 => return Reaction::None,
            Version::V1_30 => new.labels != self.labels,
            // It keeps the labels alone that say where the node is.
            Version::V1_36 => new.at.zone != self.at.zone,
        };
        match mode {
            DetectLocalMode::NodeCIDR if new.pod_cidrs != self.pod_cidrs => Reaction::Restart,
            DetectLocalMode::ClusterCIDR
            | DetectLocalMode::NodeCIDR
            | DetectLocalMode::BridgeInterface
            | DetectLocalMode::InterfaceNamePrefix => {
                if has_other_labels {
                    Reaction::FullSync
                } else {
                    Reaction::None
                }
            }
        }
    }

    /// Takes over which addresses the node has.
    pub(super) fn readdress(&mut self, new: &Self) {
        self.addresses.clone_from(&new.addresses);
    }

    /// Takes over where the node is.
    pub(super) fn relabel(&mut self, new: Self) {
        self.at = new.at;
        self.labels = new.labels;
    }

    /// How the traffic of the node's pods is told.
    pub(super) fn detector(&self, config: &Config, family: AddressFamily) -> LocalDetector {
        let of_family = |texts: &mut dyn Iterator<Item = &str>| {
            let mut nets = texts.filter_map(|text| text.trim().parse::<IpNet>().ok());
            let net = nets.find(|net| AddressFamily::of(net.addr()) == family);
            net.map_or(LocalDetector::None, LocalDetector::Source)
        };
        match config.detect_local_mode {
            DetectLocalMode::ClusterCIDR => of_family(&mut config.cluster_cidr.split(',')),
            DetectLocalMode::NodeCIDR => of_family(&mut self.pod_cidrs.iter().map(String::as_str)),
            DetectLocalMode::BridgeInterface => {
                LocalDetector::Bridge(config.detect_local.bridge_interface.clone())
            }
            DetectLocalMode::InterfaceNamePrefix => {
                LocalDetector::Prefix(config.detect_local.interface_name_prefix.clone())
            }
        }
    }
}

/// Whether a kube-proxy can start on `node`: in the mode `NodeCIDR` it waits for the range of the node's pods.
#[must_use]
pub fn can_start(config: &Config, node: &Node) -> bool {
    match config.detect_local_mode {
        DetectLocalMode::NodeCIDR => {
            let cidrs = node.spec.as_ref().and_then(|spec| spec.pod_cidrs.as_ref());
            cidrs.is_some_and(|cidrs| !cidrs.is_empty())
        }
        DetectLocalMode::ClusterCIDR
        | DetectLocalMode::BridgeInterface
        | DetectLocalMode::InterfaceNamePrefix => true,
    }
}

/// The node's addresses of a family, and of some types.
fn addresses(
    node: &Node,
    family: AddressFamily,
    is_wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = IpAddr> {
    let addresses = node.status.as_ref().and_then(|status| status.addresses.as_ref());
    let wanted = addresses.into_iter().flatten().filter(move |a| is_wanted(&a.type_));
    let ips = wanted.filter_map(|a| a.address.parse().ok());
    ips.filter(move |ip| AddressFamily::of(*ip) == family)
}

//! What the controllers of a cluster are told by flags.

use ipnet::IpNet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

/// The settings of controllers, with the defaults of kube-controller-manager and kubelet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// What nodes get their ranges for pods from (`--cluster-cidr`); nothing if it is empty.
    pub cluster_cidrs: Vec<IpNet>,
    /// How long the prefix of a node's range is (`--node-cidr-mask-size-ipv4`).
    pub node_cidr_mask_size_ipv4: u8,
    /// How long that of IPv6 is (`--node-cidr-mask-size-ipv6`).
    pub node_cidr_mask_size_ipv6: u8,
    /// How many pods a node takes that does not say so itself (`maxPods` of kubelet).
    pub max_pods: u32,
    /// How many endpoints an EndpointSlice holds (`--max-endpoints-per-slice`).
    pub max_endpoints_per_slice: usize,
    /// How many pods there may be; nobody makes more. It is the largest cluster that Kubernetes supports.
    pub max_cluster_pods: usize,
    /// What time it is for objects that are made or ended.
    pub now: Time,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_cidrs: Vec::new(),
            node_cidr_mask_size_ipv4: 24,
            node_cidr_mask_size_ipv6: 64,
            max_pods: 110,
            max_endpoints_per_slice: 100,
            max_cluster_pods: 150_000,
            now: Time(Timestamp::UNIX_EPOCH),
        }
    }
}

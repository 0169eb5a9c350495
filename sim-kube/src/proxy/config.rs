//! `KubeProxyConfiguration`: kube-proxy's own settings (`kubeproxy.config.k8s.io/v1alpha1`).

mod address;
mod read;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The settings of a kube-proxy. What is not given has kube-proxy's default.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// The group and version of the settings.
    pub api_version: String,
    /// `KubeProxyConfiguration`.
    pub kind: String,
    /// How Services are proxied.
    pub mode: Mode,
    /// The node's name, if it is not the host's.
    pub hostname_override: String,
    /// Gates for features.
    pub feature_gates: BTreeMap<String, bool>,
    /// What the mode `iptables` adds.
    pub iptables: IptablesConfig,
    /// How traffic of this node's pods is told.
    pub detect_local_mode: DetectLocalMode,
    /// What tells it in some modes.
    pub detect_local: DetectLocal,
    /// The addresses of all pods, one range for each family, with a comma between them.
    #[serde(rename = "clusterCIDR")]
    pub cluster_cidr: String,
    /// The addresses of a node at which node ports are served: ranges, or `primary`; all, if there are none.
    #[serde(deserialize_with = "nullable")]
    pub node_port_addresses: Vec<String>,
    /// Where it is asked how it is.
    #[serde(deserialize_with = "address::read_healthz")]
    pub healthz_bind_address: SocketAddrV4,
    /// What is set for connection tracking.
    pub conntrack: ConntrackConfig,
    /// What has no effect on packets, or on other modes only.
    #[serde(flatten)]
    pub other: BTreeMap<Silent, Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api_version: String::new(),
            kind: String::new(),
            mode: Mode::default(),
            hostname_override: String::new(),
            feature_gates: BTreeMap::new(),
            iptables: IptablesConfig::default(),
            detect_local_mode: DetectLocalMode::default(),
            detect_local: DetectLocal::default(),
            cluster_cidr: String::new(),
            node_port_addresses: Vec::new(),
            healthz_bind_address: address::DEFAULT_HEALTHZ,
            conntrack: ConntrackConfig::default(),
            other: BTreeMap::new(),
        }
    }
}

/// How Services are proxied.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By rules of iptables.
    #[default]
    #[serde(alias = "")]
    Iptables,
    /// By IPVS.
    Ipvs,
    /// By rules of `nf_tables`.
    Nftables,
    /// By the program itself, up to 1.25.
    Userspace,
}

/// What the mode `iptables` adds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IptablesConfig {
    /// The bit of a packet's mark that asks for masquerading.
    pub masquerade_bit: u8,
    /// Whether all traffic to cluster addresses is masqueraded.
    pub masquerade_all: bool,
    /// Whether node ports are served at loopback addresses.
    pub localhost_node_ports: bool,
    /// At the latest after this time everything is looked at again.
    #[serde(deserialize_with = "crate::duration::read")]
    pub sync_period: Duration,
    /// Between two writings passes at least this time.
    #[serde(deserialize_with = "crate::duration::read")]
    pub min_sync_period: Duration,
}

impl Default for IptablesConfig {
    fn default() -> Self {
        Self {
            masquerade_bit: 14,
            masquerade_all: false,
            localhost_node_ports: true,
            sync_period: Duration::from_secs(30),
            min_sync_period: Duration::from_secs(1),
        }
    }
}

/// How traffic of a node's pods is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub enum DetectLocalMode {
    /// By the range of all pods.
    #[default]
    #[serde(alias = "")]
    ClusterCIDR,
    /// By the range of the node's pods.
    NodeCIDR,
    /// By the bridge that it comes in by.
    BridgeInterface,
    /// By how the name of the device starts that it comes in by.
    InterfaceNamePrefix,
}

/// What tells the traffic of a node's pods in some modes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DetectLocal {
    /// The bridge.
    pub bridge_interface: String,
    /// How names of devices start.
    pub interface_name_prefix: String,
}

/// What is set for connection tracking.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConntrackConfig {
    /// How many connections a node may have for each of its CPUs; none of that, if it is 0.
    pub max_per_core: Option<u32>,
    /// How many at least.
    pub min: Option<u32>,
    /// How long an established TCP connection lives.
    #[serde(deserialize_with = "crate::duration::read_option")]
    pub tcp_established_timeout: Option<Duration>,
    /// How long one in CLOSE-WAIT does.
    #[serde(deserialize_with = "crate::duration::read_option")]
    pub tcp_close_wait_timeout: Option<Duration>,
    /// Whether windows are not checked.
    pub tcp_be_liberal: bool,
    /// How long a UDP connection lives.
    #[serde(deserialize_with = "crate::duration::read_option")]
    pub udp_timeout: Option<Duration>,
    /// How long one does that was answered.
    #[serde(deserialize_with = "crate::duration::read_option")]
    pub udp_stream_timeout: Option<Duration>,
}

/// A setting that has no effect on packets, or on other modes only.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the settings' own")]
pub enum Silent {
    BindAddress,
    BindAddressHardFail,
    ClientConnection,
    ConfigSyncPeriod,
    EnableProfiling,
    Ipvs,
    Logging,
    MetricsBindAddress,
    Nftables,
    OomScoreAdj,
    PortRange,
    ShowHiddenMetricsForVersion,
    UdpIdleTimeout,
    WindowsRunAsService,
    Winkernel,
}

impl Config {
    /// Whether a feature is on; `default` says what it is without a word.
    pub(super) fn gate(&self, name: &str, default: bool) -> bool {
        self.feature_gates.get(name).copied().unwrap_or(default)
    }
}

/// Reads a list that may be null.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

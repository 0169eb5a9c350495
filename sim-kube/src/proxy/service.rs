//! What a proxier keeps of a Service: one value for each of its ports (`BaseServicePortInfo`).

use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;

use indexmap::IndexMap;
use ipnet::IpNet;
use k8s_openapi::api::core::v1 as core;
use rustc_hash::FxBuildHasher;
use sim_core::family::AddressFamily;

use super::reading::Reading;
use super::version::Version;

/// A Service with this label is another proxy's business.
const LABEL_PROXY_NAME: &str = "service.kubernetes.io/service-proxy-name";
/// How long a client stays with its endpoint if nothing else is said, in seconds.
const DEFAULT_AFFINITY_S: u32 = 10_800;

/// The protocol of a port.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// The protocol that the API calls so; without a name it is TCP.
    #[must_use]
    pub fn from_api(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("TCP") => Some(Self::Tcp),
            Some("UDP") => Some(Self::Udp),
            Some("SCTP") => Some(Self::Sctp),
            Some(_) => None,
        }
    }

    /// In small letters, as rules have it.
    #[must_use]
    pub const fn lower(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// What tells service ports apart (`ServicePortName`).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServicePortName {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// The port's name; empty if it has none.
    pub port: String,
    /// The port's protocol.
    pub protocol: Protocol,
}

impl fmt::Display for ServicePortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.service)?;
        if self.port.is_empty() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Which endpoints traffic may go to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TrafficPolicy {
    /// All of them.
    #[default]
    Cluster,
    /// Those of the node that it comes in at.
    Local,
}

/// A port of a Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServicePort {
    /// The address inside the cluster.
    pub cluster_ip: IpAddr,
    /// The port there.
    pub port: u16,
    /// The port on nodes.
    pub node_port: Option<u16>,
    /// Addresses that somebody else leads here.
    pub external_ips: Vec<IpAddr>,
    /// Addresses of load balancers.
    pub load_balancer_vips: Vec<IpAddr>,
    /// Who may reach those; anybody, if it is empty.
    pub source_ranges: Vec<IpNet>,
    /// How long a client stays with its endpoint, in seconds.
    pub affinity_s: Option<u32>,
    /// Which endpoints traffic from outside may go to.
    pub external_policy: TrafficPolicy,
    /// Which endpoints traffic from inside may go to.
    pub internal_policy: TrafficPolicy,
    /// The port at which load balancers ask for the node's endpoints.
    pub health_check_node_port: Option<u16>,
}

impl ServicePort {
    /// Whether it has an address for clients outside (`ExternallyAccessible()`).
    #[must_use]
    pub const fn is_externally_accessible(&self) -> bool {
        self.node_port.is_some()
            || !self.load_balancer_vips.is_empty()
            || !self.external_ips.is_empty()
    }

    /// Whether any traffic may go to all endpoints (`UsesClusterEndpoints()`).
    #[must_use]
    pub fn uses_cluster_endpoints(&self) -> bool {
        self.internal_policy == TrafficPolicy::Cluster || self.is_externally_accessible()
    }

    /// Whether any traffic may only go to endpoints of this node (`UsesLocalEndpoints()`).
    #[must_use]
    pub fn uses_local_endpoints(&self) -> bool {
        self.internal_policy == TrafficPolicy::Local
            || (self.external_policy == TrafficPolicy::Local && self.is_externally_accessible())
    }
}

/// Something about each service port, in an order.
pub type PortMap<T> = IndexMap<ServicePortName, T, FxBuildHasher>;

/// The service ports, in the order in which rules are written for them.
///
/// kube-proxy's own order is another one at each sync (a Go map's); here it is that of names, unless somebody
/// sorts the map otherwise.
pub type ServiceMap = PortMap<ServicePort>;

impl Reading {
    /// Reads all ports of `services`.
    #[must_use]
    pub fn service_map(
        &self,
        services: impl IntoIterator<Item: Borrow<core::Service>>,
    ) -> ServiceMap {
        let mut map: ServiceMap =
            services.into_iter().flat_map(|s| self.service_ports(s.borrow())).collect();
        map.sort_keys();
        map
    }

    /// The ports of `service` that rules are written for.
    fn service_ports(&self, service: &core::Service) -> Vec<(ServicePortName, ServicePort)> {
        let Some(spec) = &service.spec else { return Vec::new() };
        let labels = service.metadata.labels.iter().flatten();
        let is_another_proxys = labels.into_iter().any(|(key, _)| key == LABEL_PROXY_NAME);
        if is_another_proxys || spec.type_.as_deref() == Some("ExternalName") {
            return Vec::new();
        }
        let Some(cluster_ip) = self.cluster_ip(spec) else { return Vec::new() };
        let mut common = self.common(service, spec, cluster_ip);
        let mut ports = Vec::new();
        for port in spec.ports.iter().flatten() {
            let Some(protocol) = Protocol::from_api(port.protocol.as_deref()) else { continue };
            let Ok(number) = u16::try_from(port.port) else { continue };
            common.port = number;
            common.node_port = port.node_port.and_then(positive);
            let name = ServicePortName {
                namespace: service.metadata.namespace.clone().unwrap_or_default(),
                service: service.metadata.name.clone().unwrap_or_default(),
                port: port.name.clone().unwrap_or_default(),
                protocol,
            };
            ports.push((name, common.clone()));
        }
        ports
    }

    /// What all ports of `service` have in common.
    fn common(
        &self,
        service: &core::Service,
        spec: &core::ServiceSpec,
        cluster_ip: IpAddr,
    ) -> ServicePort {
        let is_local = |policy: &Option<String>| match policy.as_deref() {
            Some("Local") => TrafficPolicy::Local,
            _ => TrafficPolicy::Cluster,
        };
        let external_policy = is_local(&spec.external_traffic_policy);
        let internal_policy = match self.version {
            Version::V1_20 => TrafficPolicy::Cluster,
            Version::V1_30 | Version::V1_36 => is_local(&spec.internal_traffic_policy),
        };
        let is_load_balancer = spec.type_.as_deref() == Some("LoadBalancer");
        let health_check = spec.health_check_node_port.and_then(positive);
        ServicePort {
            cluster_ip,
            port: 0,
            node_port: None,
            external_ips: self.addresses(spec.external_ips.iter().flatten()).collect(),
            load_balancer_vips: self.load_balancer_vips(service),
            source_ranges: self.source_ranges(spec),
            affinity_s: affinity(spec),
            external_policy,
            internal_policy,
            health_check_node_port: health_check
                .filter(|_| is_load_balancer && external_policy == TrafficPolicy::Local),
        }
    }

    /// The address of `spec` in this family.
    fn cluster_ip(&self, spec: &core::ServiceSpec) -> Option<IpAddr> {
        let first = spec.cluster_ip.iter().filter(|ip| !ip.is_empty() && *ip != "None");
        let all = spec.cluster_ips.iter().flatten();
        self.addresses(all.chain(first)).next()
    }

    fn addresses(&self, texts: impl Iterator<Item: AsRef<str>>) -> impl Iterator<Item = IpAddr> {
        let family = self.family;
        texts
            .filter_map(|text| text.as_ref().parse().ok())
            .filter(move |ip| AddressFamily::of(*ip) == family)
    }

    fn load_balancer_vips(&self, service: &core::Service) -> Vec<IpAddr> {
        let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let ingress = balancer.and_then(|balancer| balancer.ingress.as_ref());
        let ours = ingress.into_iter().flatten().filter(|point| {
            self.version == Version::V1_20 || point.ip_mode.as_deref().unwrap_or("VIP") == "VIP"
        });
        self.addresses(ours.filter_map(|point| point.ip.as_ref())).collect()
    }

    /// Who may reach load balancers; a range of all addresses is none.
    fn source_ranges(&self, spec: &core::ServiceSpec) -> Vec<IpNet> {
        let texts = spec.load_balancer_source_ranges.iter().flatten();
        let nets = texts.filter_map(|text| text.trim().parse::<IpNet>().ok());
        let nets: Vec<IpNet> = nets
            .filter(|net| AddressFamily::of(net.addr()) == self.family)
            .map(|net| net.trunc())
            .collect();
        if nets.iter().any(|net| net.prefix_len() == 0) { Vec::new() } else { nets }
    }
}

/// How long clients stay with their endpoints, in seconds.
fn affinity(spec: &core::ServiceSpec) -> Option<u32> {
    if spec.session_affinity.as_deref() != Some("ClientIP") {
        return None;
    }
    let config = spec.session_affinity_config.as_ref();
    let seconds = config.and_then(|c| c.client_ip.as_ref()).and_then(|c| c.timeout_seconds);
    Some(seconds.and_then(|s| u32::try_from(s).ok()).unwrap_or(DEFAULT_AFFINITY_S))
}

fn positive(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| *number != 0)
}

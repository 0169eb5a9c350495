//! What an API server holds before anybody asks for anything.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort as OldPort, EndpointSubset, Endpoints, Namespace, Service,
    ServicePort, ServiceSpec,
};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::api::networking::v1::{ServiceCIDR, ServiceCIDRSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sim_core::family::AddressFamily;

use super::allocate;
use super::settings::Settings;
use super::version::Version;
use crate::object::Object;

/// The namespaces that are always there.
pub(super) const NAMESPACES: [&str; 4] =
    ["default", "kube-system", "kube-public", "kube-node-lease"];
/// What is called so belongs to the API server itself.
const KUBERNETES: &str = "kubernetes";

/// The objects that an API server makes when it starts.
pub(super) fn objects(settings: &Settings) -> Vec<Object> {
    let mut objects: Vec<Object> = NAMESPACES
        .iter()
        .map(|name| Namespace { metadata: meta("", name), ..Default::default() }.into())
        .collect();
    if settings.version >= Version::V1_33 {
        let cidrs = settings.service_cidrs.iter().map(ToString::to_string).collect();
        let spec = Some(ServiceCIDRSpec { cidrs: Some(cidrs) });
        let metadata = meta("", KUBERNETES);
        objects.push(ServiceCIDR { metadata, spec, status: None }.into());
    }
    objects.push(service(settings).into());
    objects
}

/// The Service of the API server: it has the first address there is.
fn service(settings: &Settings) -> Service {
    let first = settings.service_cidrs.first().and_then(|range| allocate::first_address(*range));
    let labels = [("component", "apiserver"), ("provider", KUBERNETES)];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let port = ServicePort {
        name: Some("https".to_owned()),
        port: 443,
        target_port: Some(IntOrString::Int(settings.secure_port.into())),
        ..Default::default()
    };
    Service {
        metadata: ObjectMeta {
            labels: Some(BTreeMap::from(labels)),
            ..meta("default", KUBERNETES)
        },
        spec: Some(ServiceSpec {
            cluster_ip: first.map(|ip| ip.to_string()),
            ports: Some(vec![port]),
            ..Default::default()
        }),
        status: None,
    }
}

/// The endpoints of that Service.
pub(super) fn endpoints(settings: &Settings, addresses: &[IpAddr]) -> Vec<Object> {
    let family = settings.families().next();
    let alike = |ip: &&IpAddr| family.is_none_or(|family| AddressFamily::of(**ip) == family);
    let ips: Vec<String> = addresses.iter().filter(alike).map(ToString::to_string).collect();
    let (name, protocol) = (Some("https".to_owned()), Some("TCP".to_owned()));
    let port: i32 = settings.secure_port.into();
    let old = ips.iter().map(|ip| EndpointAddress { ip: ip.clone(), ..Default::default() });
    let subset = EndpointSubset {
        addresses: Some(old.collect()),
        not_ready_addresses: None,
        ports: Some(vec![OldPort {
            name: name.clone(),
            port,
            protocol: protocol.clone(),
            app_protocol: None,
        }]),
    };
    let mut endpoints =
        Endpoints { metadata: meta("default", KUBERNETES), subsets: Some(vec![subset]) };
    // The slices come from the API server, too; nobody is to make others of this.
    let skips = ("endpointslice.kubernetes.io/skip-mirror".to_owned(), "true".to_owned());
    endpoints.metadata.labels = Some(BTreeMap::from([skips]));
    let new = ips.iter().map(|ip| Endpoint {
        addresses: vec![ip.clone()],
        conditions: Some(EndpointConditions { ready: Some(true), ..Default::default() }),
        ..Default::default()
    });
    let label = ("kubernetes.io/service-name".to_owned(), KUBERNETES.to_owned());
    let address_type = if ips.iter().any(|ip| ip.contains(':')) { "IPv6" } else { "IPv4" };
    let slice = EndpointSlice {
        metadata: ObjectMeta {
            labels: Some(BTreeMap::from([label])),
            ..meta("default", KUBERNETES)
        },
        address_type: address_type.to_owned(),
        endpoints: Some(new.collect()),
        ports: Some(vec![EndpointPort { name, port: Some(port), protocol, app_protocol: None }]),
    };
    let mut objects = vec![endpoints.into()];
    if settings.version >= Version::V1_21 {
        objects.push(slice.into());
    }
    objects
}

fn meta(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
        ..Default::default()
    }
}

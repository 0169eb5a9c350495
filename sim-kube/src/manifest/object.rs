//! The kinds of objects that are modelled.

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::Value;

/// An object of the API.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A machine of the cluster.
    Node(Box<Node>),
    /// A name and an address for what pods offer.
    Service(Box<Service>),
    /// Some of the addresses behind a Service.
    EndpointSlice(Box<EndpointSlice>),
    /// A range of addresses for Services.
    ServiceCIDR(Box<ServiceCIDR>),
}

/// Reads `document` as an object of this version and kind; `None` if that is not modelled.
pub(super) fn decode(
    version: &str,
    kind: &str,
    document: Value,
) -> Option<Result<Object, serde_json::Error>> {
    Some(match (version, kind) {
        ("v1", "Node") => super::typed(document).map(Object::Node),
        ("v1", "Service") => super::typed(document).map(Object::Service),
        ("discovery.k8s.io/v1", "EndpointSlice") => {
            super::typed(document).map(Object::EndpointSlice)
        }
        ("networking.k8s.io/v1", "ServiceCIDR") => super::typed(document).map(Object::ServiceCIDR),
        _ => return None,
    })
}

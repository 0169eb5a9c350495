//! What is read of Services and EndpointSlices: once for all proxiers of a cluster.

use std::sync::Arc;

use sim_core::family::AddressFamily;

use super::endpoint::EndpointsMap;
use super::service::{PortMap, ServiceMap, ServicePortName};
use super::version::Version;
use crate::object::Store;

/// What of objects depends on who reads them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The family of its addresses.
    pub family: AddressFamily,
    /// Which kube-proxy it is.
    pub version: Version,
}

/// What there is now, for all proxiers of one version and family.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub(super) services: Arc<ServiceMap>,
    pub(super) endpoints: Arc<EndpointsMap>,
}

impl Known {
    /// Reads what there is in `store`. What is as it was stays the same value, and proxiers that have it see that at
    /// once.
    pub fn update(&mut self, reading: Reading, store: &Store) {
        let services = reading.service_map(store.services.values());
        if services != *self.services {
            self.services = Arc::new(services);
        }
        let endpoints = reading.endpoints_map(store.endpoint_slices.values());
        if endpoints != *self.endpoints {
            self.endpoints = Arc::new(endpoints);
        }
    }
}

/// The service ports of which one map says something else than the other.
pub(super) fn differing<T: PartialEq>(
    old: &Arc<PortMap<T>>,
    new: &Arc<PortMap<T>>,
) -> Vec<ServicePortName> {
    if Arc::ptr_eq(old, new) {
        return Vec::new();
    }
    let differs = |name: &&ServicePortName| new.get(*name) != old.get(*name);
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    new.keys().filter(differs).chain(gone).cloned().collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;

    use super::*;
    use crate::object::Key;

    fn service(ip: &str) -> Service {
        let mut service = Service::default();
        service.metadata.name = Some("web".to_owned());
        let spec = service.spec.get_or_insert_default();
        spec.cluster_ip = Some(ip.to_owned());
        spec.ports =
            Some(vec![k8s_openapi::api::core::v1::ServicePort { port: 80, ..Default::default() }]);
        service
    }

    #[test]
    fn what_is_read_again_is_the_same_value_until_it_says_something_else() {
        let reading = Reading { family: AddressFamily::Inet, version: Version::V1_36 };
        let mut store = Store::default();
        store.services.insert(Key::of_cluster("web"), service("10.96.0.10"));
        let mut known = Known::default();
        known.update(reading, &store);
        let first = known.clone();
        known.update(reading, &store);
        assert!(Arc::ptr_eq(&known.services, &first.services));
        assert!(Arc::ptr_eq(&known.endpoints, &first.endpoints));
        store.services.insert(Key::of_cluster("web"), service("10.96.0.11"));
        known.update(reading, &store);
        let changed = differing(&first.services, &known.services);
        assert_eq!(changed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/web"]);
    }
}

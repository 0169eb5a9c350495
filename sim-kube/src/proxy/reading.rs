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

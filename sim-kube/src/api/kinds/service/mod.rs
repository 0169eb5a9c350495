//! Services.

mod addresses;
mod allocation;
mod defaults;
mod update;
mod validation;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use super::Kind;
use crate::api::allocate::{Allocators, NotAllocated, Source};
use crate::api::checks::{list, name, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::api::version::Version;
use crate::path::FieldPath;

/// The address of a Service without one.
const NONE: &str = "None";

impl Kind for Service {
    /// Since 1.36 they may begin with a digit.
    fn name_wrong(name: &str, settings: &Settings) -> Vec<String> {
        if settings.version >= Version::V1_36 {
            name::dns1123_label(name)
        } else {
            name::dns1035_label(name)
        }
    }

    fn set_defaults(&mut self, settings: &Settings) {
        defaults::set(self.spec.get_or_insert_default(), settings);
    }

    fn prepare_for_create(&mut self, _: &Settings) {
        self.status = Some(k8s_openapi::api::core::v1::ServiceStatus {
            load_balancer: Some(Default::default()),
            ..Default::default()
        });
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        if let (Some(spec), Some(old)) = (&mut self.spec, &old.spec) {
            update::drop_unneeded(spec, old);
            update::carry(spec, old);
        }
    }

    fn allocate(
        &mut self,
        old: Option<&Self>,
        source: Source<'_>,
        errors: &mut Errors,
    ) -> Result<(), NotAllocated> {
        let Some(spec) = &mut self.spec else { return Ok(()) };
        let old = old.and_then(|old| old.spec.as_ref());
        let mut allocators = Allocators::new(source);
        addresses::set_families(spec, allocators.settings(), errors);
        // Addresses that are no good cannot be taken.
        if errors.0.is_empty() {
            let name = text(&self.metadata.name);
            allocation::addresses(name, spec, old, &mut allocators, errors)?;
        }
        allocation::ports(spec, old, &mut allocators, errors)
    }

    fn validate(&self, settings: &Settings, errors: &mut Errors) {
        if let Some(spec) = &self.spec {
            validation::check(self, spec, settings, errors);
        }
        errors.written_as(&FieldPath::new("spec.clusterIPs"), &FieldPath::new("spec.clusterIP"));
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        if let (Some(spec), Some(old)) = (&self.spec, &old.spec) {
            update::check(spec, old, errors);
        }
    }
}

/// What kind of Service it is.
fn type_of(spec: &ServiceSpec) -> &str {
    text(&spec.type_)
}

/// Whether clients reach its pods by their own addresses only.
fn is_headless(spec: &ServiceSpec) -> bool {
    list(&spec.cluster_ips) == [NONE]
}

/// Whether it has ports of nodes.
fn has_node_ports(spec: &ServiceSpec) -> bool {
    matches!(type_of(spec), "NodePort" | "LoadBalancer")
}

/// Whether clients from outside have an address for it (`ExternallyAccessible()`).
fn is_externally_accessible(spec: &ServiceSpec) -> bool {
    has_node_ports(spec) || (type_of(spec) == "ClusterIP" && !list(&spec.external_ips).is_empty())
}

/// Whether load balancers ask nodes for its endpoints (`NeedsHealthCheck()`).
fn needs_health_check(spec: &ServiceSpec) -> bool {
    type_of(spec) == "LoadBalancer" && text(&spec.external_traffic_policy) == "Local"
}

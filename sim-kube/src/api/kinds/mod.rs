//! What an API server does with each kind: which fields it sets, and which values it takes.

mod daemon_set;
mod deployment;
mod endpoint_slice;
mod endpoints;
mod job;
mod namespace;
mod node;
mod pod;
mod replica_set;
mod service;
mod service_cidr;
mod stateful_set;
mod template;

use super::allocate::{NotAllocated, Source};
use super::checks::name;
use super::error::Errors;
use super::settings::Settings;
use crate::object::Stored;

/// A kind, as the API server knows it.
pub(super) trait Kind: Stored {
    /// What is wrong with a name.
    fn name_wrong(name: &str, _settings: &Settings) -> Vec<String> {
        name::dns1123_subdomain(name)
    }

    /// Sets what is not said, as each API server does whatever else it holds (`SetDefaults_*`).
    fn set_defaults(&mut self, _settings: &Settings) {}

    /// Sets what is nobody's to say before the object is first kept (`PrepareForCreate`).
    fn prepare_for_create(&mut self, _settings: &Settings) {}

    /// Takes over from the object that was, when one is put in its place (`PrepareForUpdate`).
    fn prepare_for_update(&mut self, _old: &Self) {}

    /// Draws addresses and ports.
    ///
    /// # Errors
    /// When there are none left.
    fn allocate(
        &mut self,
        _old: Option<&Self>,
        _source: Source<'_>,
        _errors: &mut Errors,
    ) -> Result<(), NotAllocated> {
        Ok(())
    }

    /// Checks all fields but `metadata`.
    fn validate(&self, settings: &Settings, errors: &mut Errors);

    /// Checks that nothing changes that may not.
    fn validate_update(&self, _old: &Self, _errors: &mut Errors) {}
}

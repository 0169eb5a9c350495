//! Namespaces.

use k8s_openapi::api::core::v1::{Namespace, NamespaceStatus};

use super::Kind;
use crate::api::checks::{list, meta, name, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::api::version::Version;
use crate::path::FieldPath;

/// The label with the namespace's name, for selectors.
const LABEL_NAME: &str = "kubernetes.io/metadata.name";
/// Who empties a namespace that is deleted.
const FINALIZER: &str = "kubernetes";

impl Kind for Namespace {
    fn name_wrong(name: &str, _: &Settings) -> Vec<String> {
        name::dns1123_label(name)
    }

    fn set_defaults(&mut self, settings: &Settings) {
        let name = text(&self.metadata.name).to_owned();
        if settings.version >= Version::V1_21 && !name.is_empty() {
            self.metadata.labels.get_or_insert_default().insert(LABEL_NAME.to_owned(), name);
        }
    }

    fn prepare_for_create(&mut self, _: &Settings) {
        self.status =
            Some(NamespaceStatus { phase: Some("Active".to_owned()), ..Default::default() });
        let finalizers = self.spec.get_or_insert_default().finalizers.get_or_insert_default();
        if finalizers.iter().all(|finalizer| finalizer != FINALIZER) {
            finalizers.push(FINALIZER.to_owned());
        }
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.status.clone_from(&old.status);
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let spec = self.spec.as_ref();
        for finalizer in spec.map_or(&[][..], |spec| list(&spec.finalizers)) {
            let path = FieldPath::new("spec.finalizers");
            errors.invalid_all(&path, finalizer, name::qualified(finalizer));
            meta::check_finalizer(finalizer, &path, errors);
        }
    }
}

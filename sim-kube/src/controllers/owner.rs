//! Who owns an object (`metadata.ownerReferences`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::object::Stored;

/// The reference by which `owner` controls what it makes.
pub(super) fn controller_ref<T: Stored>(owner: &T) -> OwnerReference {
    let meta = owner.metadata();
    OwnerReference {
        api_version: T::API_VERSION.to_owned(),
        kind: T::KIND.to_owned(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The reference to what controls an object.
pub(super) fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Whether `owner` controls the object with this metadata.
pub(super) fn is_controlled_by<T: Stored>(meta: &ObjectMeta, owner: &T) -> bool {
    meta.namespace == owner.metadata().namespace
        && controller(meta).is_some_and(|reference| refers_to(reference, owner))
}

/// Whether a reference means `owner`: another object that took its name later is not meant.
pub(super) fn refers_to<T: Stored>(reference: &OwnerReference, owner: &T) -> bool {
    let meta = owner.metadata();
    reference.kind == T::KIND
        && Some(&reference.name) == meta.name.as_ref()
        && reference.uid == meta.uid.as_deref().unwrap_or_default()
}

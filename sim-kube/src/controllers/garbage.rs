//! The garbage collector: what nobody owns any longer goes.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Endpoints, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::Context;
use super::pod;
use crate::object::{Key, Store, Stored};

/// What tells an owner: its kind, its key and its identifier.
type Owner = (&'static str, Key, String);

/// Ends objects all of whose owners are gone (background deletion).
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let owners = owners(store);
    let is_orphan = |meta: &ObjectMeta| is_orphan(meta, &owners);
    let mut has_changed = false;
    let pods: Vec<Key> = orphans::<Pod>(store, is_orphan);
    for key in pods {
        let is_ending = store.pods.get(&key).is_some_and(pod::is_terminating);
        if !is_ending {
            pod::delete(store, &key, &context.settings.now);
            has_changed = true;
        }
    }
    has_changed |= remove_orphans::<ReplicaSet>(store, is_orphan);
    has_changed |= remove_orphans::<Deployment>(store, is_orphan);
    has_changed |= remove_orphans::<StatefulSet>(store, is_orphan);
    has_changed |= remove_orphans::<DaemonSet>(store, is_orphan);
    has_changed |= remove_orphans::<Job>(store, is_orphan);
    has_changed |= remove_orphans::<Service>(store, is_orphan);
    has_changed |= remove_orphans::<Endpoints>(store, is_orphan);
    has_changed |= remove_orphans::<EndpointSlice>(store, is_orphan);
    has_changed
}

fn orphans<T: Stored>(store: &Store, is_orphan: impl Fn(&ObjectMeta) -> bool) -> Vec<Key> {
    let all = T::all(store).iter();
    all.filter(|(_, object)| is_orphan(object.metadata())).map(|(key, _)| key.clone()).collect()
}

fn remove_orphans<T: Stored>(store: &mut Store, is_orphan: impl Fn(&ObjectMeta) -> bool) -> bool {
    let before = T::all(store).len();
    T::all_mut(store).retain(|_, object| !is_orphan(object.metadata()));
    T::all(store).len() < before
}

/// The kinds whose absence means something. Owners of other kinds are not known here, so they are taken to exist.
const KINDS: &[&str] = &[
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Endpoints",
    "Job",
    "Node",
    "Pod",
    "ReplicaSet",
    "Service",
    "StatefulSet",
];

fn owners(store: &Store) -> BTreeSet<Owner> {
    fn of<'a, T: Stored + 'a>(store: &'a Store) -> impl Iterator<Item = Owner> {
        T::all(store).iter().map(|(key, object)| {
            (T::KIND, key.clone(), object.metadata().uid.clone().unwrap_or_default())
        })
    }
    of::<DaemonSet>(store)
        .chain(of::<Deployment>(store))
        .chain(of::<EndpointSlice>(store))
        .chain(of::<Endpoints>(store))
        .chain(of::<Job>(store))
        .chain(of::<Node>(store))
        .chain(of::<Pod>(store))
        .chain(of::<ReplicaSet>(store))
        .chain(of::<Service>(store))
        .chain(of::<StatefulSet>(store))
        .collect()
}

fn is_orphan(meta: &ObjectMeta, owners: &BTreeSet<Owner>) -> bool {
    let references = meta.owner_references.as_deref().unwrap_or_default();
    let exists = |reference: &OwnerReference| {
        let Some(kind) = KINDS.iter().find(|kind| **kind == reference.kind) else { return true };
        let namespace = match *kind {
            "Node" => String::new(),
            _ => meta.namespace.clone().unwrap_or_default(),
        };
        let key = Key { namespace, name: reference.name.clone() };
        owners.contains(&(*kind, key, reference.uid.clone()))
    };
    !references.is_empty() && !references.iter().any(exists)
}

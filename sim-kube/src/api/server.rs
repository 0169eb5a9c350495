//! The API server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sim_core::rng::SimRng;

use super::allocate::Source;
use super::checks::{labels::Labels, meta, text};
use super::error::{Errors, FieldError, Refusal, Refusals, Status};
use super::kinds::Kind;
use super::settings::{Settings, SettingsError};
use super::version::Version;
use super::{bootstrap, random};
use crate::manifest::Placed;
use crate::object::{Key, Object, Store};
use crate::path::FieldPath;

/// The namespaces that nobody deletes.
const KEPT_NAMESPACES: [&str; 3] = ["default", "kube-system", "kube-public"];

/// An API server, with all objects of a cluster.
#[derive(Clone, Debug)]
pub struct ApiServer {
    settings: Settings,
    store: Store,
    rng: SimRng,
    /// How often something changed.
    revision: u64,
    /// The keys of the labels and annotations that the last manifest of each object had; others are somebody else's.
    last_applied: BTreeMap<(&'static str, Key), [BTreeSet<String>; 2]>,
}

/// What became of an object that was applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is new.
    Created,
    /// It is another one now.
    Configured,
    /// It is as it was.
    Unchanged,
}

/// An object that was applied. It prints as kubectl says it: `service/web created`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Applied {
    /// Its kind, as kubectl writes it: `deployment.apps`.
    pub kind: String,
    /// Which one it is.
    pub key: Key,
    /// What became of it.
    pub change: Change,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            Change::Created => "created",
            Change::Configured => "configured",
            Change::Unchanged => "unchanged",
        };
        write!(f, "{}/{} {change}", self.kind, self.key.name)
    }
}

/// Does something with the object of whatever kind it is.
macro_rules! with_kind {
    ($object:expr, $inner:ident => $do:expr) => {
        match $object {
            Object::Namespace($inner) => $do,
            Object::Node($inner) => $do,
            Object::Pod($inner) => $do,
            Object::Service($inner) => $do,
            Object::Endpoints($inner) => $do,
            Object::EndpointSlice($inner) => $do,
            Object::Deployment($inner) => $do,
            Object::ReplicaSet($inner) => $do,
            Object::StatefulSet($inner) => $do,
            Object::DaemonSet($inner) => $do,
            Object::Job($inner) => $do,
            Object::ServiceCIDR($inner) => $do,
        }
    };
}

impl ApiServer {
    /// Starts one, with the objects that it makes itself.
    ///
    /// # Errors
    /// When no API server starts with these settings.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let mut server = Self {
            rng: SimRng::new(settings.seed),
            store: Store::default(),
            revision: 0,
            last_applied: BTreeMap::new(),
            settings,
        };
        for object in bootstrap::objects(&server.settings) {
            let created = server.create(object);
            debug_assert!(created.is_ok(), "{created:?}");
        }
        Ok(server)
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The objects.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The objects, for what nobody checks: statuses, and what is in the place of components that are not modelled.
    pub const fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Says where the API server is: `default/kubernetes` gets these endpoints.
    pub fn publish(&mut self, addresses: &[IpAddr]) {
        for object in bootstrap::endpoints(&self.settings, addresses) {
            object.put(&mut self.store);
        }
    }

    /// Makes an object, as `kubectl create` does.
    ///
    /// # Errors
    /// All reasons why it cannot be.
    pub fn create(&mut self, object: Object) -> Result<Key, Vec<Status>> {
        self.check_kind(&object)?;
        with_kind!(object, object => self.create_kind(*object))
    }

    /// Puts an object in the place of another one with its name, as `kubectl replace` does.
    ///
    /// # Errors
    /// All reasons why it cannot be.
    pub fn update(&mut self, object: Object) -> Result<Key, Vec<Status>> {
        self.check_kind(&object)?;
        with_kind!(object, object => self.update_kind(*object).map(|(key, _)| key))
    }

    /// Applies the objects of a manifest, as `kubectl apply` does, but either all of them or none.
    ///
    /// # Errors
    /// All reasons why one cannot be, with their places; then nothing has changed.
    pub fn apply(&mut self, objects: &[Placed]) -> Result<Vec<Applied>, Refusals> {
        self.transaction(objects, Self::apply_one)
    }

    /// Deletes the objects of a manifest, either all of them or none. Those of a namespace go with it.
    ///
    /// # Errors
    /// All reasons why one cannot be, with their places; then nothing has changed.
    pub fn delete(&mut self, objects: &[Placed]) -> Result<Vec<Key>, Refusals> {
        self.transaction(objects, |server, object| server.delete_one(object))
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// When there is none, or it has to stay.
    pub fn delete_one(&mut self, mut object: Object) -> Result<Key, Vec<Status>> {
        set_namespace(&mut object);
        let (resource, name) = (resource(&object), text(&object.metadata().name).to_owned());
        if object.kind() == "Namespace" && KEPT_NAMESPACES.contains(&name.as_str()) {
            let why = "this namespace may not be deleted";
            return Err(vec![Status::Forbidden { resource, name, why }]);
        }
        let key = Key::of(object.metadata());
        if !object.take(&mut self.store) {
            return Err(vec![Status::NotFound { resource, name }]);
        }
        self.last_applied.remove(&(object.kind(), key.clone()));
        if object.kind() == "Namespace" {
            self.last_applied.retain(|(_, key), _| key.namespace != name);
            self.store.remove_namespace(&name);
        }
        Ok(key)
    }

    /// Does something with each object on a copy, which counts if nothing is refused.
    fn transaction<T>(
        &mut self,
        objects: &[Placed],
        act: impl Fn(&mut Self, Object) -> Result<T, Vec<Status>>,
    ) -> Result<Vec<T>, Refusals> {
        let (mut copy, mut done, mut refused) = (self.clone(), Vec::new(), Vec::new());
        for placed in objects {
            match act(&mut copy, placed.object.clone()) {
                Ok(one) => done.push(one),
                Err(statuses) => {
                    refused.extend(statuses.into_iter().map(|status| refusal(placed, status)));
                }
            }
        }
        if refused.is_empty() {
            *self = copy;
            return Ok(done);
        }
        refused.sort_by_key(|refusal| refusal.place);
        Err(Refusals(refused))
    }

    fn apply_one(&mut self, mut object: Object) -> Result<Applied, Vec<Status>> {
        self.check_kind(&object)?;
        set_namespace(&mut object);
        let kind = applied_kind(&object);
        if text(&object.metadata().name).is_empty() {
            return Err(vec![match text(&object.metadata().generate_name) {
                "" => Status::NoName,
                base => Status::GenerateName(base.to_owned()),
            }]);
        }
        let id = (object.kind(), Key::of(object.metadata()));
        let said = [&object.metadata().labels, &object.metadata().annotations];
        let said = said.map(|map| map.iter().flatten().map(|(key, _)| key.clone()).collect());
        let is_known = with_kind!(&object, inner => self.find(inner.as_ref()).is_some());
        let (key, change) = if is_known {
            let before = self.last_applied.get(&id).cloned().unwrap_or_default();
            self.keep_foreign(&mut object, &before);
            with_kind!(object, object => self.update_kind(*object))?
        } else {
            (self.create(object)?, Change::Created)
        };
        self.last_applied.insert(id, said);
        Ok(Applied { kind, key, change })
    }

    /// Leaves labels and annotations as they are that no manifest had.
    fn keep_foreign(&self, object: &mut Object, before: &[BTreeSet<String>; 2]) {
        let Some(old) = with_kind!(&*object, inner => {
            self.find(inner.as_ref()).map(|old| old.metadata.clone())
        }) else {
            return;
        };
        let new = object.metadata_mut();
        let maps = [
            (&mut new.labels, &old.labels, &before[0]),
            (&mut new.annotations, &old.annotations, &before[1]),
        ];
        for (new, old, before) in maps {
            let foreign = old.iter().flatten().filter(|(key, _)| !before.contains(*key));
            let foreign: Labels = foreign.map(|(k, v)| (k.clone(), v.clone())).collect();
            if !foreign.is_empty() {
                let new = new.get_or_insert_default();
                for (key, value) in foreign {
                    new.entry(key).or_insert(value);
                }
            }
        }
    }

    /// Checks that this version of Kubernetes has the kind.
    fn check_kind(&self, object: &Object) -> Result<(), Vec<Status>> {
        let since = match object.kind() {
            "EndpointSlice" => Version::V1_21,
            "ServiceCIDR" => Version::V1_33,
            _ => Version::V1_20,
        };
        if self.settings.version >= since {
            return Ok(());
        }
        Err(vec![Status::NoMatch { kind: object.kind(), version: object.version() }])
    }

    fn find<T: Kind>(&self, object: &T) -> Option<&T> {
        T::all(&self.store).get(&object.key())
    }

    fn create_kind<T: Kind>(&mut self, mut object: T) -> Result<Key, Vec<Status>> {
        set_namespace_of(object.metadata_mut(), T::NAMESPACED);
        self.check_namespace(&object)?;
        self.name(object.metadata_mut());
        object.set_defaults(&self.settings);
        object.prepare_for_create(&self.settings);
        let name = text(&object.metadata().name).to_owned();
        if self.find(&object).is_some() {
            return Err(vec![Status::AlreadyExists { resource: resource_of::<T>(), name }]);
        }
        self.allocate_and_check(&mut object, None)?;
        Ok(self.keep(object))
    }

    fn update_kind<T: Kind>(&mut self, mut object: T) -> Result<(Key, Change), Vec<Status>> {
        set_namespace_of(object.metadata_mut(), T::NAMESPACED);
        self.check_namespace(&object)?;
        let name = text(&object.metadata().name).to_owned();
        let Some(old) = self.find(&object).cloned() else {
            return Err(vec![Status::NotFound { resource: resource_of::<T>(), name }]);
        };
        object.set_defaults(&self.settings);
        object.prepare_for_update(&old);
        let (new_meta, old_meta) = (object.metadata_mut(), old.metadata());
        new_meta.uid.clone_from(&old_meta.uid);
        new_meta.creation_timestamp.clone_from(&old_meta.creation_timestamp);
        new_meta.resource_version.clone_from(&old_meta.resource_version);
        new_meta.generation = old_meta.generation;
        self.allocate_and_check(&mut object, Some(&old))?;
        if object == old {
            return Ok((old.key(), Change::Unchanged));
        }
        Ok((self.keep(object), Change::Configured))
    }

    /// Draws what an object needs, and checks it.
    fn allocate_and_check<T: Kind>(
        &mut self,
        object: &mut T,
        old: Option<&T>,
    ) -> Result<(), Vec<Status>> {
        let mut errors = Errors::default();
        let (settings, store) = (&self.settings, &self.store);
        let source = Source { settings, store, rng: &mut self.rng };
        let allocated = object.allocate(old, source, &mut errors);
        let name_wrong = |name: &str| T::name_wrong(name, &self.settings);
        meta::check(object.metadata(), name_wrong, &mut errors);
        object.validate(&self.settings, &mut errors);
        if let Some(old) = old {
            object.validate_update(old, &mut errors);
        }
        let name = text(&object.metadata().name);
        let invalid =
            |error: FieldError| Status::Invalid { kind: T::KIND, name: name.to_owned(), error };
        let mut statuses: Vec<Status> = errors.0.into_iter().map(invalid).collect();
        statuses.extend(allocated.err().map(|error| Status::Internal(error.to_string())));
        if statuses.is_empty() { Ok(()) } else { Err(statuses) }
    }

    /// Puts a checked object where it belongs.
    fn keep<T: Kind>(&mut self, mut object: T) -> Key {
        self.revision = self.revision.saturating_add(1);
        object.metadata_mut().resource_version = Some(self.revision.to_string());
        let key = object.key();
        T::all_mut(&mut self.store).insert(key.clone(), object);
        key
    }

    /// Draws what tells an object from others.
    fn name(&mut self, meta: &mut ObjectMeta) {
        let base = text(&meta.generate_name).to_owned();
        if text(&meta.name).is_empty() && !base.is_empty() {
            meta.name = Some(random::name(&base, self.rng.stream("kube.names")));
        }
        meta.uid = Some(random::uid(self.rng.stream("kube.uids")));
    }

    fn check_namespace<T: Kind>(&self, object: &T) -> Result<(), Vec<Status>> {
        let namespace = text(&object.metadata().namespace);
        let key = Key::of_cluster(namespace);
        if !T::NAMESPACED || self.store.get::<Namespace>(&key).is_some() {
            return Ok(());
        }
        let resource = resource_of::<Namespace>();
        Err(vec![Status::NotFound { resource, name: namespace.to_owned() }])
    }
}

/// The place of what is wrong with an object.
fn refusal(placed: &Placed, status: Status) -> Refusal {
    let place = match &status {
        Status::Invalid { error, .. } => {
            let found = error.written().find_map(|path| placed.find(path));
            found.unwrap_or_else(|| placed.place_of(&error.path))
        }
        Status::NotFound { resource, .. } if resource == "namespaces" => {
            placed.place_of(&FieldPath::new("metadata.namespace"))
        }
        Status::NotFound { .. }
        | Status::AlreadyExists { .. }
        | Status::Forbidden { .. }
        | Status::NoName => placed.place_of(&FieldPath::new("metadata.name")),
        Status::GenerateName(_) => placed.place_of(&FieldPath::new("metadata.generateName")),
        Status::NoMatch { .. } => placed.place_of(&FieldPath::new("apiVersion")),
        Status::Internal(_) => placed.place(),
    };
    Refusal { place: Some(place), status }
}

fn set_namespace(object: &mut Object) {
    let is_namespaced = object.is_namespaced();
    set_namespace_of(object.metadata_mut(), is_namespaced);
}

/// What says no namespace is in `default`; what is in none, is in none.
fn set_namespace_of(meta: &mut ObjectMeta, is_namespaced: bool) {
    if !is_namespaced {
        meta.namespace = None;
    } else if text(&meta.namespace).is_empty() {
        meta.namespace = Some("default".to_owned());
    }
}

/// A kind, as messages name it: `deployments.apps`.
fn resource_of<T: Kind>() -> String {
    qualified(T::PLURAL, T::GROUP)
}

fn resource(object: &Object) -> String {
    qualified(object.plural(), group(object.version()))
}

/// A kind, as kubectl names it: `deployment.apps`.
fn applied_kind(object: &Object) -> String {
    qualified(&object.kind().to_lowercase(), group(object.version()))
}

fn group(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

//! The kinds of objects that are modelled, and where they are kept.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use serde::{Deserialize, Deserializer, Serialize};

/// Which object of a kind: its namespace, which is empty for what belongs to the whole cluster, and its name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// The key of an object that belongs to the whole cluster.
    #[must_use]
    pub fn of_cluster(name: &str) -> Self {
        Self { namespace: String::new(), name: name.to_owned() }
    }

    /// The key of the object that has this metadata.
    #[must_use]
    pub fn of(meta: &ObjectMeta) -> Self {
        Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// An object of a kind that is modelled.
pub trait Stored: Resource + Metadata<Ty = ObjectMeta> + Clone + PartialEq + Serialize {
    /// What URLs call it, in the plural.
    const PLURAL: &'static str;
    /// Whether it is in a namespace.
    const NAMESPACED: bool;

    /// Those that a store holds.
    fn all(store: &Store) -> &BTreeMap<Key, Self>;

    /// Those that a store holds.
    fn all_mut(store: &mut Store) -> &mut BTreeMap<Key, Self>;

    /// Its key.
    fn key(&self) -> Key {
        Key::of(self.metadata())
    }
}

/// Declares the kinds: the type, its field of a store, its plural, the short name that kubectl takes for it, and whether
/// it is in a namespace.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $field:ident $plural:literal $short:literal $namespaced:literal)*) => {
        /// An object.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $($(#[$doc])* $kind(Box<$kind>),)*
        }

        /// The objects that an API server holds.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Store {
            $($(#[$doc])* pub $field: BTreeMap<Key, $kind>,)*
        }

        impl Store {
            /// Takes out all that is in a namespace.
            pub(crate) fn remove_namespace(&mut self, namespace: &str) {
                $(if $namespaced {
                    self.$field.retain(|key, _| key.namespace != namespace);
                })*
            }
        }

        $(impl Stored for $kind {
            const PLURAL: &'static str = $plural;
            const NAMESPACED: bool = $namespaced;

            fn all(store: &Store) -> &BTreeMap<Key, Self> {
                &store.$field
            }

            fn all_mut(store: &mut Store) -> &mut BTreeMap<Key, Self> {
                &mut store.$field
            }
        })*

        $(impl From<$kind> for Object {
            fn from(object: $kind) -> Self {
                Self::$kind(Box::new(object))
            }
        })*

        impl Object {
            /// Its metadata.
            #[must_use]
            pub fn metadata(&self) -> &ObjectMeta {
                match self {
                    $(Self::$kind(object) => &object.metadata,)*
                }
            }

            /// Its metadata.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Self::$kind(object) => &mut object.metadata,)*
                }
            }

            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => <$kind as Resource>::KIND,)*
                }
            }

            /// Whether it is in a namespace.
            #[must_use]
            pub fn is_namespaced(&self) -> bool {
                match self {
                    $(Self::$kind(_) => $namespaced,)*
                }
            }

            /// The version of its kind.
            #[must_use]
            pub fn version(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => <$kind as Resource>::API_VERSION,)*
                }
            }

            /// What URLs call its kind, in the plural.
            #[must_use]
            pub fn plural(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $plural,)*
                }
            }

            /// An object that has nothing but its name. Its kind is called as kubectl takes it: `pods`, `pod` or `po`.
            #[must_use]
            pub fn named(resource: &str, key: Key) -> Option<Self> {
                let resource = resource.to_lowercase();
                $(if [$plural, $short].contains(&resource.as_str())
                    || <$kind as Resource>::KIND.to_lowercase() == resource
                {
                    let mut object = $kind::default();
                    object.metadata.name = Some(key.name);
                    object.metadata.namespace = Some(key.namespace).filter(|_| $namespaced);
                    return Some(object.into());
                })*
                None
            }

            /// Reads an object of this version and kind; `None` if it is not modelled.
            pub(crate) fn decode<'de, D: Deserializer<'de>>(
                version: &str,
                kind: &str,
                value: D,
            ) -> Option<Result<Self, D::Error>> {
                match (version, kind) {
                    $((<$kind as Resource>::API_VERSION, <$kind as Resource>::KIND) => {
                        Some(Deserialize::deserialize(value).map(Self::$kind))
                    })*
                    _ => None,
                }
            }

            /// Puts it into a store, in the place of what had its kind and key.
            pub fn put(self, store: &mut Store) {
                match self {
                    $(Self::$kind(object) => drop(store.$field.insert(object.key(), *object)),)*
                }
            }

            /// Takes what has its kind and key out of a store; whether there was something.
            pub fn take(&self, store: &mut Store) -> bool {
                match self {
                    $(Self::$kind(object) => store.$field.remove(&object.key()).is_some(),)*
                }
            }
        }
    };
}

kinds! {
    /// Namespaces.
    Namespace namespaces "namespaces" "ns" false
    /// Machines of the cluster.
    Node nodes "nodes" "no" false
    /// Pods.
    Pod pods "pods" "po" true
    /// Names and addresses for what pods offer.
    Service services "services" "svc" true
    /// The addresses behind Services, as they were listed first.
    Endpoints endpoints "endpoints" "ep" true
    /// The addresses behind Services.
    EndpointSlice endpoint_slices "endpointslices" "endpointslice" true
    /// Pods that are replaced bit by bit when they change.
    Deployment deployments "deployments" "deploy" true
    /// So many equal pods.
    ReplicaSet replica_sets "replicasets" "rs" true
    /// Pods with names of their own.
    StatefulSet stateful_sets "statefulsets" "sts" true
    /// A pod on each node.
    DaemonSet daemon_sets "daemonsets" "ds" true
    /// Pods that end.
    Job jobs "jobs" "job" true
    /// Ranges of addresses for Services.
    ServiceCIDR service_cidrs "servicecidrs" "servicecidr" false
}

impl Store {
    /// What a store holds under a key.
    #[must_use]
    pub fn get<T: Stored>(&self, key: &Key) -> Option<&T> {
        T::all(self).get(key)
    }
}

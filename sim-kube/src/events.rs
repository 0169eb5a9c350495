//! What components tell people about objects (`kubectl describe` shows it): Events of the version `v1`.

use k8s_openapi::Resource;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

/// The Events of a cluster, in the order in which they were told.
///
/// Nobody forgets them, as there is no clock that would tell after an hour. What is told again while it is still the
/// last word about its object is there once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events(Vec<core::Event>);

impl Events {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &core::Event> {
        self.0.iter()
    }

    /// Those about an object.
    pub fn about<T: Resource>(&self, object: &ObjectMeta) -> impl Iterator<Item = &core::Event> {
        let (name, namespace) = (object.name.clone(), object.namespace.clone());
        let uid = object.uid.clone();
        self.iter().filter(move |event| {
            let of = &event.involved_object;
            of.kind.as_deref() == Some(T::KIND)
                && (&of.name, &of.namespace, &of.uid) == (&name, &namespace, &uid)
        })
    }

    /// Takes down what the kubelet of a node warns of about a pod.
    pub(crate) fn warn(
        &mut self,
        pod: &core::Pod,
        node: &str,
        reason: &str,
        message: String,
        now: &Time,
    ) {
        let ObjectMeta { name, namespace, uid, .. } = &pod.metadata;
        let last = self.about::<core::Pod>(&pod.metadata).last();
        if last.is_some_and(|last| last.message.as_ref() == Some(&message)) {
            return;
        }
        // The second part of a real name is the time in nanoseconds.
        let number = self.0.len() + 1;
        let metadata = ObjectMeta {
            name: Some(format!("{}.{number:x}", name.as_deref().unwrap_or_default())),
            namespace: namespace.clone(),
            ..ObjectMeta::default()
        };
        let involved_object = core::ObjectReference {
            api_version: Some(core::Pod::API_VERSION.to_owned()),
            kind: Some(core::Pod::KIND.to_owned()),
            name: name.clone(),
            namespace: namespace.clone(),
            uid: uid.clone(),
            ..core::ObjectReference::default()
        };
        self.0.push(core::Event {
            metadata,
            involved_object,
            type_: Some("Warning".to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            source: Some(core::EventSource {
                component: Some("kubelet".to_owned()),
                host: Some(node.to_owned()),
            }),
            reporting_component: Some("kubelet".to_owned()),
            reporting_instance: Some(node.to_owned()),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now.clone()),
            count: Some(1),
            ..core::Event::default()
        });
    }
}

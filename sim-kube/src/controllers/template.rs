//! Pods from templates.

use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Context;
use super::owner;
use super::random;
use crate::object::{Key, Store, Stored};

/// Makes the pod that `owner` wants; who calls it gives it a name.
pub(super) fn pod<T: Stored>(
    template: &PodTemplateSpec,
    owner: &T,
    context: &mut Context<'_>,
) -> Pod {
    let template_meta = template.metadata.clone().unwrap_or_default();
    let metadata = ObjectMeta {
        namespace: owner.metadata().namespace.clone(),
        labels: template_meta.labels,
        annotations: template_meta.annotations,
        finalizers: template_meta.finalizers,
        owner_references: Some(vec![owner::controller_ref(owner)]),
        uid: Some(random::uid(context.rng)),
        creation_timestamp: Some(context.settings.now.clone()),
        ..ObjectMeta::default()
    };
    Pod { metadata, spec: template.spec.clone(), status: None }
}

/// Makes such a pod with a name that ends at random, and puts it into the store.
pub(super) fn create_named_at_random(
    mut pod: Pod,
    base: &str,
    store: &mut Store,
    context: &mut Context<'_>,
) {
    let mut key = Key::of(&pod.metadata);
    let name = random::name(context.rng, "kube.pod-name", base, |name| {
        name.clone_into(&mut key.name);
        store.pods.contains_key(&key)
    });
    pod.metadata.generate_name = Some(base.to_owned());
    pod.metadata.name = Some(name);
    store.pods.insert(pod.key(), pod);
}

/// Names the version of a template (`ComputeHash()`): FNV-1a over it, and over how often that name was taken by
/// another one.
///
/// Real controllers hash what Go prints of their structure; this is its JSON, so that names differ from theirs.
pub(super) fn hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let text = serde_json::to_string(template).expect("a template is JSON");
    let mut hash = fnv32a(0x811c_9dc5, text.as_bytes());
    if let Some(collisions) = collisions {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&collisions.to_le_bytes());
        hash = fnv32a(hash, &bytes);
    }
    random::safe_encode(&hash.to_string())
}

fn fnv32a(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of the authors of FNV.
    #[test]
    fn fnv_1a_gives_the_published_values() {
        let cases = [("", 0x811c_9dc5), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968)];
        for (text, hash) in cases {
            assert_eq!(fnv32a(0x811c_9dc5, text.as_bytes()), hash);
        }
    }
}

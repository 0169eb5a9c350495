//! How many pods each ReplicaSet of a Deployment may have while they replace each other.

use k8s_openapi::api::apps::v1::{DeploymentSpec, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::replicas;
use crate::controllers::quantity::{Rounding, scaled};
use crate::object::{Key, Stored as _};

/// How many pods there may be more than wanted.
pub(super) fn max_surge(spec: &DeploymentSpec) -> i32 {
    if is_recreated(spec) {
        return 0;
    }
    let total = spec.replicas.unwrap_or(1);
    let rolling = spec.strategy.as_ref().and_then(|s| s.rolling_update.as_ref());
    let given = rolling.and_then(|r| r.max_surge.clone());
    let quarter = IntOrString::String("25%".to_owned());
    scaled(&given.unwrap_or(quarter), total, Rounding::Up).unwrap_or(0)
}

/// How many may be missing; one, if neither more nor fewer may be there.
fn max_unavailable(spec: &DeploymentSpec) -> i32 {
    let total = spec.replicas.unwrap_or(1);
    let rolling = spec.strategy.as_ref().and_then(|s| s.rolling_update.as_ref());
    let given = rolling.and_then(|r| r.max_unavailable.clone());
    let quarter = IntOrString::String("25%".to_owned());
    let allowed = scaled(&given.unwrap_or(quarter), total, Rounding::Down).unwrap_or(0);
    if allowed == 0 && max_surge(spec) == 0 { 1.min(total) } else { allowed.min(total) }
}

/// Whether all pods end before there are new ones.
pub(super) fn is_recreated(spec: &DeploymentSpec) -> bool {
    spec.strategy.as_ref().and_then(|s| s.type_.as_deref()) == Some("Recreate")
}

/// Ends all pods of old ReplicaSets.
pub(super) fn end_old(sets: &mut [ReplicaSet]) {
    sets.iter_mut().for_each(|set| resize(set, 0));
}

/// Scales the ReplicaSet of a Deployment that is not rolled out: the only one that has pods, or else the newest.
pub(super) fn scale_paused(spec: &DeploymentSpec, new: Option<&Key>, sets: &mut [ReplicaSet]) {
    let mut active = (0..sets.len()).filter(|&i| replicas(&sets[i]) > 0);
    let at = match (active.next(), active.next()) {
        (Some(_), Some(_)) => None,
        (Some(only), None) => Some(only),
        (None, _) => (0..sets.len())
            .max_by_key(|&i| (Some(&sets[i].key()) == new, super::revision(&sets[i]))),
    };
    if let Some(at) = at {
        resize(&mut sets[at], spec.replicas.unwrap_or(1));
    }
}

/// Scales the ReplicaSets one step; `has_old_pods` says that a pod of an old one is still there.
pub(super) fn scale(spec: &DeploymentSpec, new: &Key, sets: &mut [ReplicaSet], has_old_pods: bool) {
    let wanted = spec.replicas.unwrap_or(1).max(0);
    let current = total(sets);
    let Some(at) = sets.iter().position(|set| set.key() == *new) else { return };
    let have = replicas(&sets[at]);
    if spec.strategy.is_some() && is_recreated(spec) {
        sets.iter_mut().enumerate().filter(|(i, _)| *i != at).for_each(|(_, set)| resize(set, 0));
        if have > wanted || !has_old_pods {
            resize(&mut sets[at], wanted);
        }
        return;
    }
    if current == have || have > wanted {
        // There is nothing else, or too much of it.
        resize(&mut sets[at], wanted);
    } else {
        let room = wanted.saturating_add(max_surge(spec)).saturating_sub(current).max(0);
        resize(&mut sets[at], have + room.min(wanted - have));
    }
    scale_down_old(spec, at, sets);
}

/// Takes pods from old ReplicaSets: first those that don't work, then as many as may be missing.
fn scale_down_old(spec: &DeploymentSpec, at: usize, sets: &mut [ReplicaSet]) {
    let wanted = spec.replicas.unwrap_or(1).max(0);
    let least = wanted - max_unavailable(spec);
    let new_unavailable = replicas(&sets[at]).saturating_sub(available(&sets[at])).max(0);
    let mut broken = total(sets) - least - new_unavailable;
    if broken <= 0 {
        return;
    }
    let mut old: Vec<usize> = (0..sets.len()).filter(|&i| i != at).collect();
    old.sort_by_key(|&i| super::revision(&sets[i]));
    for &i in &old {
        let dead = replicas(&sets[i]).saturating_sub(available(&sets[i])).clamp(0, broken);
        let left = replicas(&sets[i]) - dead;
        resize(&mut sets[i], left);
        broken -= dead;
    }
    let working = sets.iter().map(|set| available(set).min(replicas(set)));
    let mut spare = working.fold(0, i32::saturating_add) - least;
    for &i in &old {
        let gone = replicas(&sets[i]).min(spare).max(0);
        let left = replicas(&sets[i]) - gone;
        resize(&mut sets[i], left);
        spare -= gone;
    }
}

fn total(sets: &[ReplicaSet]) -> i32 {
    sets.iter().map(replicas).fold(0, i32::saturating_add)
}

fn available(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0)
}

fn resize(set: &mut ReplicaSet, replicas: i32) {
    set.spec.replicas = Some(replicas);
}

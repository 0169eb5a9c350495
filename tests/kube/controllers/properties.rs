//! What holds for all objects.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;

use super::Cluster;
use super::services::{pods, service};

/// How a pod is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Absent,
    Ready,
    Unready,
    Ending,
    Done,
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        1 => Just(State::Absent),
        3 => Just(State::Ready),
        1 => Just(State::Unready),
        1 => Just(State::Ending),
        1 => Just(State::Done),
    ]
}

const SPEC: &str = "selector: {app: web}, clusterIP: 10.96.0.9, ipFamilies: [IPv4], \
                    trafficDistribution: PreferClose, ports: [{port: 80, targetPort: 8080}]";

/// Makes the pod with this number be so.
fn set(cluster: &mut Cluster, number: usize, state: State) {
    let (meta, ready) = match state {
        State::Absent => {
            let key = super::key("default", &format!("p-{number}"));
            cluster.store.pods.remove(&key);
            return;
        }
        State::Ready => ("", "True"),
        State::Unready => ("", "False"),
        State::Ending => ("deletionTimestamp: '2026-01-01T00:00:00Z',", "True"),
        State::Done => ("", "False"),
    };
    let mut yaml = pods("p", number..number + 1, meta, ready);
    if state == State::Done {
        yaml = yaml.replace("Running", "Succeeded");
    }
    cluster.put(&yaml);
}

/// A cluster whose slices hold few endpoints.
fn small() -> Cluster {
    let mut cluster = Cluster::new(&service(SPEC));
    cluster.settings.max_endpoints_per_slice = 3;
    cluster
}

/// Addresses with their conditions, as slices have them.
fn listed(cluster: &Cluster) -> Vec<(String, bool, bool)> {
    let endpoints = cluster.slices().into_iter().flat_map(|s| s.endpoints.iter().flatten());
    let mut listed: Vec<_> = endpoints
        .map(|e| {
            let conditions = e.conditions.clone().unwrap_or_default();
            let told = (conditions.ready == Some(true), conditions.terminating == Some(true));
            assert_eq!(e.hints.is_some(), told.0);
            (e.addresses[0].clone(), told.0, told.1)
        })
        .collect();
    listed.sort();
    listed
}

/// As they should be.
fn expected(states: &[State]) -> Vec<(String, bool, bool)> {
    let told = |(i, state): (usize, &State)| {
        let (ready, terminating) = match state {
            State::Absent | State::Done => return None,
            State::Ready => (true, false),
            State::Unready => (false, false),
            State::Ending => (false, true),
        };
        Some((format!("10.9.0.{i}"), ready, terminating))
    };
    let mut all: Vec<_> = states.iter().enumerate().filter_map(told).collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happened before.
    #[test]
    fn slices_hold_each_pod_once_with_its_conditions_and_never_too_many(
        history in prop::collection::vec(prop::collection::vec(state(), 12), 1..5),
    ) {
        let mut cluster = small();
        for states in &history {
            for (number, state) in states.iter().enumerate() {
                set(&mut cluster, number, *state);
            }
            cluster.reconcile();
            prop_assert_eq!(listed(&cluster), expected(states));
            for slice in cluster.slices() {
                prop_assert!(slice.endpoints.as_ref().unwrap().len() <= 3);
            }
            let empty = cluster.slices().iter().filter(|s| s.endpoints.as_ref().unwrap().is_empty()).count();
            prop_assert_eq!(empty, usize::from(expected(states).is_empty()));
            let at_rest = cluster.store.clone();
            prop_assert!(!cluster.reconcile());
            prop_assert_eq!(&cluster.store, &at_rest);
        }
    }

    /// One after the other, in any order, or all at once.
    #[test]
    fn the_order_in_which_pods_come_does_not_matter_for_who_is_listed(
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        states in prop::collection::vec(state(), 12),
    ) {
        let mut one_by_one = small();
        for number in order {
            set(&mut one_by_one, number, states[number]);
            one_by_one.reconcile();
        }
        let mut at_once = small();
        (0..12).for_each(|number| set(&mut at_once, number, states[number]));
        at_once.reconcile();
        prop_assert_eq!(listed(&one_by_one), listed(&at_once));
        prop_assert_eq!(
            &one_by_one.store.endpoints.values().next().unwrap().subsets,
            &at_once.store.endpoints.values().next().unwrap().subsets
        );
    }

    #[test]
    fn workloads_come_to_rest_with_as_many_pods_as_they_want(
        scales in prop::collection::vec((0..8_i32, 0..3_usize, any::<bool>()), 1..5),
    ) {
        let mut cluster = Cluster::new("");
        for (replicas, version, serves_at_once) in scales {
            let yaml = WORKLOADS
                .replace("REPLICAS", &replicas.to_string())
                .replace("IMAGE", &format!("i:{version}"));
            apply_keeping_status(&mut cluster, &yaml);
            if serves_at_once {
                cluster.settle();
            } else {
                cluster.reconcile();
            }
        }
        cluster.settle();
        let at_rest = cluster.store.clone();
        prop_assert!(!cluster.reconcile());
        prop_assert_eq!(&cluster.store, &at_rest);
        let wanted = cluster.get::<k8s_openapi::api::apps::v1::Deployment>("web").spec.replicas.unwrap();
        let wanted = usize::try_from(wanted).unwrap();
        prop_assert_eq!(count(&cluster, "web-"), wanted);
        prop_assert_eq!(count(&cluster, "db-"), wanted);
        prop_assert_eq!(count(&cluster, "agent-"), 2);
        let images: BTreeSet<Option<String>> =
            cluster.store.pods.values().map(|p| p.spec.clone().unwrap().containers[0].image.clone()).collect();
        prop_assert!(images.len() <= 1, "{:?}", images);
    }
}

fn count(cluster: &Cluster, prefix: &str) -> usize {
    let alive = |pod: &&Pod| pod.metadata.deletion_timestamp.is_none();
    let pods = cluster.store.pods.values().filter(alive);
    pods.filter(|pod| pod.metadata.name.as_ref().unwrap().starts_with(prefix)).count()
}

/// As `kubectl apply` changes objects: their status stays.
fn apply_keeping_status(cluster: &mut Cluster, yaml: &str) {
    let before = cluster.store.clone();
    cluster.put(yaml);
    for (key, new) in &mut cluster.store.deployments {
        new.status = before.deployments.get(key).and_then(|old| old.status.clone());
    }
    for (key, new) in &mut cluster.store.stateful_sets {
        new.status = before.stateful_sets.get(key).and_then(|old| old.status.clone());
    }
    for (key, new) in &mut cluster.store.daemon_sets {
        new.status = before.daemon_sets.get(key).and_then(|old| old.status.clone());
    }
}

const WORKLOADS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, uid: u-web}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: 'IMAGE'}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default, uid: u-db}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: 'IMAGE'}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: default, uid: u-agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: 'IMAGE'}]}}
";

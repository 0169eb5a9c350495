//! Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::{Cluster, is_random, is_ready, node_of, phase};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, uid: u-web, generation: 1}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:1'}]}
";

fn set_image(cluster: &mut Cluster, image: &str) {
    cluster.edit::<Deployment>("web", |web| {
        web.spec.template.spec.as_mut().unwrap().containers[0].image = Some(image.to_owned());
    });
}

/// The ReplicaSets by their revisions: how many pods each wants.
fn revisions(cluster: &Cluster) -> Vec<(String, i32)> {
    let mut sets: Vec<(String, i32)> = cluster
        .store
        .replica_sets
        .values()
        .map(|set| {
            let annotations = set.metadata.annotations.as_ref().unwrap();
            let revision = annotations["deployment.kubernetes.io/revision"].clone();
            (revision, set.spec.replicas.unwrap())
        })
        .collect();
    sets.sort();
    sets
}

#[test]
fn a_deployment_makes_a_replica_set_and_that_makes_pods_with_names_after_both() {
    let cluster = Cluster::new(WEB);
    let sets: Vec<&ReplicaSet> = cluster.store.replica_sets.values().collect();
    let [set] = sets[..] else { panic!("{sets:?}") };
    let name = set.metadata.name.clone().unwrap();
    let hash = name.strip_prefix("web-").unwrap();
    assert!(hash.chars().all(|c| "456789bcdf".contains(c)), "{hash}");
    assert_eq!(set.metadata.owner_references.as_ref().unwrap()[0].uid, "u-web");
    assert_eq!(set.spec.selector.match_labels.as_ref().unwrap()["pod-template-hash"], hash);
    assert_eq!(cluster.store.pods.len(), 4);
    for pod in cluster.store.pods.values() {
        let end = pod.metadata.name.as_ref().unwrap().strip_prefix(&format!("{name}-"));
        assert!(is_random(end.unwrap(), 5), "{end:?}");
        assert_eq!(pod.metadata.generate_name, Some(format!("{name}-")));
        assert_eq!(pod.metadata.labels.as_ref().unwrap()["pod-template-hash"], hash);
        let owner = &pod.metadata.owner_references.as_ref().unwrap()[0];
        assert_eq!((owner.kind.as_str(), owner.controller), ("ReplicaSet", Some(true)));
        assert_eq!(Some(&owner.uid), set.metadata.uid.as_ref());
    }
    let status = cluster.get::<Deployment>("web").status.clone().unwrap();
    assert_eq!((status.replicas, status.available_replicas), (Some(4), Some(4)));
    assert_eq!(status.unavailable_replicas, None);
}

#[test]
fn a_rolling_update_keeps_within_surge_and_unavailability() {
    let mut cluster = Cluster::new(WEB);
    set_image(&mut cluster, "web:2");
    cluster.reconcile();
    loop {
        let running =
            cluster.store.pods.values().filter(|p| p.metadata.deletion_timestamp.is_none());
        let running: Vec<&Pod> = running.collect();
        let ready = running.iter().filter(|pod| is_ready(pod)).count();
        assert!(running.len() <= 5 && ready >= 3, "{} pods, {ready} ready", running.len());
        if !cluster.serve() {
            break;
        }
        cluster.reconcile();
    }
    assert_eq!(revisions(&cluster), [("1".to_owned(), 0), ("2".to_owned(), 4)]);
    assert_eq!(cluster.store.pods.len(), 4);
}

#[test]
fn going_back_to_an_old_template_takes_its_replica_set_up_again() {
    let mut cluster = Cluster::new(WEB);
    set_image(&mut cluster, "web:2");
    cluster.settle();
    set_image(&mut cluster, "web:1");
    cluster.settle();
    assert_eq!(revisions(&cluster), [("2".to_owned(), 0), ("3".to_owned(), 4)]);
    let web = cluster.get::<Deployment>("web").metadata.annotations.clone().unwrap();
    assert_eq!(web["deployment.kubernetes.io/revision"], "3");
}

#[test]
fn a_template_whose_pods_never_get_ready_stops_a_rolling_update() {
    let mut cluster = Cluster::new(WEB);
    cluster.edit::<Deployment>("web", |web| {
        let meta = web.spec.template.metadata.as_mut().unwrap();
        meta.annotations = Some([("kubewire.io/ready".to_owned(), "false".to_owned())].into());
    });
    cluster.settle();
    assert_eq!(revisions(&cluster), [("1".to_owned(), 3), ("2".to_owned(), 2)]);
}

#[test]
fn recreate_makes_no_new_pod_before_the_last_old_one_is_gone() {
    let mut cluster = Cluster::new(&WEB.replace(
        "{type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}",
        "{type: Recreate}",
    ));
    set_image(&mut cluster, "web:2");
    cluster.reconcile();
    assert_eq!(revisions(&cluster), [("1".to_owned(), 0)]);
    assert!(cluster.store.pods.values().all(|pod| pod.metadata.deletion_timestamp.is_some()));
    cluster.settle();
    assert_eq!(revisions(&cluster), [("1".to_owned(), 0), ("2".to_owned(), 4)]);
}

#[test]
fn what_a_deployment_made_goes_with_it() {
    let mut cluster = Cluster::new(WEB);
    cluster.delete::<Deployment>("web");
    cluster.reconcile();
    assert!(cluster.store.replica_sets.is_empty());
    assert!(cluster.store.pods.values().all(|pod| pod.metadata.deletion_timestamp.is_some()));
    cluster.settle();
    assert!(cluster.store.pods.is_empty());
}

#[test]
fn a_deployment_of_the_same_name_with_another_identifier_owns_nothing_of_the_old_one() {
    let mut cluster = Cluster::new(WEB);
    let before: Vec<String> = cluster.pod_names().into_iter().map(str::to_owned).collect();
    cluster.apply(&WEB.replace("u-web", "u-other").replace("app: web", "app: other"));
    assert_eq!(cluster.store.pods.len(), 4);
    assert!(cluster.pod_names().iter().all(|name| !before.iter().any(|old| old == name)));
}

const SET: &str = "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rs, namespace: default, uid: u-rs}
spec:
  replicas: 0
  selector: {matchLabels: {app: rs}}
  template:
    metadata: {labels: {app: rs}}
    spec: {containers: [{name: c, image: i}]}
";

fn owned_pod(name: &str, node: &str, rest: &str, status: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default, labels: {{app: rs}}, {rest}}}
spec: {{nodeName: {node}, containers: [{{name: c, image: i}}]}}
status: {status}
"
    )
}

/// The order that the documentation of ReplicaSets gives.
#[test]
fn a_replica_set_that_shrinks_ends_the_least_useful_pods_first() {
    let ready = "{phase: Running, podIP: 10.0.0.9, conditions: [{type: Ready, status: 'True'}]}";
    let not_ready =
        "{phase: Running, podIP: 10.0.0.9, conditions: [{type: Ready, status: 'False'}]}";
    let cost =
        |n: &str| format!("annotations: {{controller.kubernetes.io/pod-deletion-cost: '{n}'}}");
    let created = |year: &str| format!("creationTimestamp: '{year}-01-01T00:00:00Z'");
    let pods = [
        owned_pod("f-oldest", "node-b", &created("2020"), ready),
        owned_pod("e-young", "node-b", &created("2024"), ready),
        owned_pod("d-crowded", "node-a", &created("2019"), ready),
        owned_pod("c-cheap", "node-a", &cost("-5"), ready),
        owned_pod("b-unready", "node-a", &created("2019"), not_ready),
        owned_pod("a-dear", "node-b", &cost("100"), ready),
    ];
    let yaml = format!("{}{}", SET.replace("replicas: 0", "replicas: 6"), pods.concat());
    let mut cluster = Cluster::new(&yaml);
    let mut gone = Vec::new();
    for replicas in (0..6).rev() {
        let before: Vec<String> = cluster.pod_names().into_iter().map(str::to_owned).collect();
        cluster.edit::<ReplicaSet>("rs", |set| set.spec.replicas = Some(replicas));
        cluster.settle();
        let names = cluster.pod_names();
        gone.extend(before.into_iter().filter(|name| !names.contains(&name.as_str())));
    }
    // Behind b and c, node-a has one pod and node-b three, the dear one among them.
    assert_eq!(gone, ["b-unready", "c-cheap", "e-young", "f-oldest", "d-crowded", "a-dear"]);
}

#[test]
fn a_replica_set_takes_pods_that_match_and_nobody_owns_and_lets_go_of_relabelled_ones() {
    let pod = owned_pod("stray", "node-a", "annotations: {}", "{}");
    let mut cluster = Cluster::new(&format!("{}{pod}", SET.replace("replicas: 0", "replicas: 1")));
    assert_eq!(cluster.pod_names(), ["stray"]);
    cluster.edit::<Pod>("stray", |pod| {
        pod.metadata.labels = Some([("app".to_owned(), "quarantine".to_owned())].into());
    });
    cluster.settle();
    assert_eq!(cluster.store.pods.len(), 2);
    let stray = cluster.get::<Pod>("stray");
    assert!(stray.metadata.owner_references.as_ref().is_none_or(Vec::is_empty));
}

const DB: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default, uid: u-db}
spec:
  replicas: 3
  serviceName: db-headless
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: 'db:1'}]}
";

#[test]
fn a_stateful_set_makes_one_pod_after_the_other_has_become_ready() {
    let mut cluster = Cluster::new("");
    cluster.put(DB);
    for names in [&["db-0"][..], &["db-0", "db-1"], &["db-0", "db-1", "db-2"]] {
        cluster.reconcile();
        assert_eq!(cluster.pod_names(), names);
        assert!(cluster.serve());
    }
    cluster.settle();
    let pod = cluster.get::<Pod>("db-1");
    let spec = pod.spec.as_ref().unwrap();
    assert_eq!(spec.hostname.as_deref(), Some("db-1"));
    assert_eq!(spec.subdomain.as_deref(), Some("db-headless"));
    let labels = pod.metadata.labels.as_ref().unwrap();
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "db-1");
    assert_eq!(labels["apps.kubernetes.io/pod-index"], "1");
}

#[test]
fn a_parallel_stateful_set_waits_for_nobody() {
    let mut cluster = Cluster::new("");
    cluster.put(&DB.replace("replicas: 3", "replicas: 3\n  podManagementPolicy: Parallel"));
    cluster.reconcile();
    assert_eq!(cluster.pod_names(), ["db-0", "db-1", "db-2"]);
}

#[test]
fn a_stateful_set_shrinks_from_its_highest_ordinal_one_at_a_time() {
    let mut cluster = Cluster::new(DB);
    cluster.edit::<StatefulSet>("db", |db| db.spec.replicas = Some(1));
    for ending in ["db-2", "db-1"] {
        cluster.reconcile();
        let ended = cluster.store.pods.values().filter(|p| p.metadata.deletion_timestamp.is_some());
        let ended: Vec<_> = ended.filter_map(|pod| pod.metadata.name.as_deref()).collect();
        assert_eq!(ended, [ending]);
        assert!(cluster.serve());
    }
    cluster.settle();
    assert_eq!(cluster.pod_names(), ["db-0"]);
}

#[test]
fn a_stateful_set_updates_its_highest_pod_first_and_none_below_its_partition() {
    let mut cluster = Cluster::new(&DB.replace(
        "replicas: 3",
        "replicas: 3\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}",
    ));
    let first = cluster.get::<Pod>("db-0").metadata.labels.clone().unwrap();
    cluster.edit::<StatefulSet>("db", |db| {
        db.spec.template.spec.as_mut().unwrap().containers[0].image = Some("db:2".to_owned());
    });
    cluster.reconcile();
    assert!(cluster.get::<Pod>("db-2").metadata.deletion_timestamp.is_some());
    assert!(cluster.get::<Pod>("db-1").metadata.deletion_timestamp.is_none());
    cluster.settle();
    let image =
        |name: &str| cluster.get::<Pod>(name).spec.clone().unwrap().containers[0].image.clone();
    assert_eq!(image("db-0").as_deref(), Some("db:1"));
    assert_eq!(image("db-1").as_deref(), Some("db:2"));
    assert_eq!(image("db-2").as_deref(), Some("db:2"));
    assert_eq!(cluster.get::<Pod>("db-0").metadata.labels.clone().unwrap(), first);
}

const AGENT: &str = "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: default, uid: u-agent, generation: 1}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: 'agent:1'}]}
";

const MORE_NODES: &str = "
apiVersion: v1
kind: Node
metadata: {name: control}
spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}
---
apiVersion: v1
kind: Node
metadata: {name: cordoned}
spec: {unschedulable: true}
";

fn nodes(cluster: &Cluster) -> Vec<&str> {
    let mut nodes: Vec<&str> = cluster.store.pods.values().filter_map(node_of).collect();
    nodes.sort_unstable();
    nodes
}

#[test]
fn a_daemon_set_has_a_pod_on_each_node_whose_taints_it_tolerates_and_on_cordoned_ones() {
    let mut cluster = Cluster::new(MORE_NODES);
    cluster.apply(AGENT);
    assert_eq!(nodes(&cluster), ["cordoned", "node-a", "node-b"]);
    cluster.edit::<DaemonSet>("agent", |agent| {
        let spec = agent.spec.template.spec.as_mut().unwrap();
        spec.tolerations = Some(vec![k8s_openapi::api::core::v1::Toleration {
            operator: Some("Exists".to_owned()),
            ..Default::default()
        }]);
    });
    cluster.settle();
    assert_eq!(nodes(&cluster), ["control", "cordoned", "node-a", "node-b"]);
    let status = cluster.get::<DaemonSet>("agent").status.clone().unwrap();
    assert_eq!((status.desired_number_scheduled, status.number_ready), (4, 4));
    assert_eq!(status.updated_number_scheduled, Some(4));
}

#[test]
fn a_daemon_set_replaces_one_pod_at_a_time() {
    let mut cluster = Cluster::new(AGENT);
    cluster.edit::<DaemonSet>("agent", |agent| {
        agent.spec.template.spec.as_mut().unwrap().containers[0].image = Some("agent:2".to_owned());
    });
    cluster.reconcile();
    let ending = |cluster: &Cluster| {
        cluster.store.pods.values().filter(|p| p.metadata.deletion_timestamp.is_some()).count()
    };
    assert_eq!(ending(&cluster), 1);
    cluster.settle();
    let images = cluster.store.pods.values().map(|pod| pod.spec.clone().unwrap());
    assert!(images.into_iter().all(|spec| spec.containers[0].image.as_deref() == Some("agent:2")));
    assert_eq!(nodes(&cluster), ["node-a", "node-b"]);
}

#[test]
fn a_daemon_set_leaves_a_node_that_no_longer_has_the_label_that_it_wants() {
    let mut cluster = Cluster::new(
        &AGENT
            .replace("containers:", "nodeSelector: {topology.kubernetes.io/zone: z1}, containers:"),
    );
    assert_eq!(nodes(&cluster), ["node-a"]);
    cluster.edit::<Node>("node-a", |node| node.metadata.labels = None);
    cluster.settle();
    assert!(nodes(&cluster).is_empty());
}

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: sum, namespace: default, uid: u-sum}
spec:
  completions: 3
  parallelism: 2
  backoffLimit: 1
  template:
    metadata: {annotations: {}}
    spec: {restartPolicy: Never, containers: [{name: sum, image: i}]}
";

#[test]
fn the_pods_of_a_job_run_until_somebody_says_that_they_end() {
    let cluster = Cluster::new(JOB);
    let phases: Vec<&str> = cluster.store.pods.values().map(phase).collect();
    assert_eq!(phases, ["Running", "Running"]);
    let pod = cluster.store.pods.values().next().unwrap();
    let labels = pod.metadata.labels.as_ref().unwrap();
    assert_eq!(labels["batch.kubernetes.io/job-name"], "sum");
    assert_eq!(labels["controller-uid"], "u-sum");
    assert_eq!(cluster.get::<Job>("sum").status.clone().unwrap().active, Some(2));
}

#[test]
fn a_job_is_complete_when_enough_of_its_pods_have_succeeded() {
    let cluster = Cluster::new(&JOB.replace("{}", "{kubewire.io/outcome: Succeeded}"));
    let phases: Vec<&str> = cluster.store.pods.values().map(phase).collect();
    assert_eq!(phases, ["Succeeded"; 3]);
    let status = cluster.get::<Job>("sum").status.clone().unwrap();
    assert_eq!((status.succeeded, status.active), (Some(3), None));
    let ended: Vec<String> = status.conditions.unwrap().into_iter().map(|c| c.type_).collect();
    assert_eq!(ended, ["SuccessCriteriaMet", "Complete"]);
}

#[test]
fn a_job_gives_up_after_more_failures_than_its_limit() {
    let cluster = Cluster::new(&JOB.replace("{}", "{kubewire.io/outcome: Failed}"));
    let status = cluster.get::<Job>("sum").status.clone().unwrap();
    assert_eq!((status.failed, status.active), (Some(2), None));
    let condition = &status.conditions.unwrap()[0];
    assert_eq!(condition.reason.as_deref(), Some("BackoffLimitExceeded"));
}

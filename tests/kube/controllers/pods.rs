//! The status of pods.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use sim_kube::controllers::pod_life;

use super::{Cluster, is_ready, key, phase};

fn pod(annotations: &str, status: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: p, namespace: default, annotations: {{{annotations}}}}}
spec: {{containers: [{{name: c, image: i}}]}}
status: {{{status}}}
"
    )
}

fn container(cluster: &Cluster) -> ContainerStatus {
    cluster.get::<Pod>("p").status.clone().unwrap().container_statuses.unwrap().remove(0)
}

/// As `kubectl get pods` shows them: `0/1 ContainerCreating`, then `1/1 Running`.
#[test]
fn a_pod_waits_for_its_network_and_then_runs_and_is_ready() {
    let mut cluster = Cluster::reconciled(&pod("", ""));
    assert_eq!(pod_life::pods_without_network(&cluster.store), [key("default", "p")]);
    let state = container(&cluster).state.unwrap().waiting.unwrap();
    assert_eq!(state.reason.as_deref(), Some("ContainerCreating"));
    assert_eq!((phase(cluster.get("p")), is_ready(cluster.get("p"))), ("Pending", false));
    cluster.settle();
    assert!(container(&cluster).ready && container(&cluster).state.unwrap().running.is_some());
    assert_eq!((phase(cluster.get("p")), is_ready(cluster.get("p"))), ("Running", true));
    let status = cluster.get::<Pod>("p").status.clone().unwrap();
    assert_eq!(status.pod_ip.as_deref(), Some("10.244.1.1"));
    assert_eq!(status.host_ip.as_deref(), Some("192.168.50.11"));
    assert!(pod_life::pods_without_network(&cluster.store).is_empty());
}

#[test]
fn an_annotation_says_whether_probes_succeed_and_may_change_its_mind() {
    let mut cluster = Cluster::new(&pod("kubewire.io/ready: 'false'", ""));
    assert_eq!((phase(cluster.get("p")), is_ready(cluster.get("p"))), ("Running", false));
    for ready in ["true", "false"] {
        cluster.edit::<Pod>("p", |pod| {
            let annotations = pod.metadata.annotations.get_or_insert_default();
            annotations.insert("kubewire.io/ready".to_owned(), ready.to_owned());
        });
        cluster.settle();
        assert_eq!(is_ready(cluster.get("p")).to_string(), ready);
        assert_eq!(container(&cluster).ready.to_string(), ready);
    }
}

#[test]
fn a_status_that_a_manifest_gives_is_kept() {
    let status = "phase: Running, podIP: 10.0.0.7, conditions: [{type: Ready, status: 'False'}]";
    let cluster = Cluster::new(&pod("", status));
    assert!(!is_ready(cluster.get("p")));
    let status = cluster.get::<Pod>("p").status.clone().unwrap();
    assert_eq!(status.pod_ip.as_deref(), Some("10.0.0.7"));
    assert_eq!(status.pod_ips.unwrap()[0].ip, "10.0.0.7");
}

#[test]
fn a_pod_whose_outcome_is_said_ends_when_it_has_run() {
    for (outcome, code) in [("Succeeded", 0), ("Failed", 1)] {
        let cluster = Cluster::new(&pod(&format!("kubewire.io/outcome: {outcome}"), ""));
        assert_eq!(phase(cluster.get("p")), outcome);
        assert_eq!(container(&cluster).state.unwrap().terminated.unwrap().exit_code, code);
        assert!(!is_ready(cluster.get("p")));
    }
}

#[test]
fn a_pod_that_is_not_there_gets_no_address() {
    let mut cluster = Cluster::new("");
    let ip = [10, 0, 0, 1].into();
    let missing = key("default", "p");
    let answer = pod_life::set_pod_ip(&mut cluster.store, &missing, &[ip], &cluster.settings.now);
    assert_eq!(answer, Err(pod_life::NoPod(missing.clone())));
    assert_eq!(pod_life::remove_pod(&mut cluster.store, &missing), Err(pod_life::NoPod(missing)));
}

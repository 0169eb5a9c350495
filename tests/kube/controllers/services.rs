//! EndpointSlices of Services.

use std::fmt::Write as _;
use std::ops::Range;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::{Cluster, is_random};

/// A Service called `web`.
pub(super) fn service(spec: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: default, uid: u-web, labels: {{team: a}}}}
spec: {{{spec}}}
"
    )
}

/// Pods that run on `node-a`, the nth of which has the address 10.9.0.n.
pub(super) fn pods(name: &str, numbers: Range<usize>, meta: &str, ready: &str) -> String {
    let mut yaml = String::new();
    for i in numbers {
        write!(
            yaml,
            "
---
apiVersion: v1
kind: Pod
metadata: {{{meta} name: {name}-{i}, namespace: default, uid: u-{name}-{i}, labels: {{app: web}}}}
spec: {{nodeName: node-a, containers: [{{name: c, image: i}}]}}
status: {{phase: Running, podIP: 10.9.{}.{}, conditions: [{{type: Ready, status: '{ready}'}}]}}
",
            i / 250,
            i % 250
        )
        .unwrap();
    }
    yaml
}

const CLUSTER_IP: &str = "selector: {app: web}, clusterIP: 10.96.0.9, ipFamilies: [IPv4], \
                          ports: [{name: http, port: 80, targetPort: 8080, protocol: TCP}]";

/// Room for many pods on one node.
fn cluster(yaml: &str) -> Cluster {
    let mut cluster = Cluster::new("");
    cluster.settings.max_pods = 1000;
    cluster.apply(yaml);
    cluster
}

/// How many endpoints each slice holds, the fullest first.
fn sizes(cluster: &Cluster) -> Vec<usize> {
    let slices = cluster.slices().into_iter();
    let mut sizes: Vec<usize> = slices.map(|s| s.endpoints.as_ref().map_or(0, Vec::len)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

fn only(cluster: &Cluster) -> &EndpointSlice {
    let slices = cluster.slices();
    assert_eq!(slices.len(), 1, "{slices:#?}");
    slices[0]
}

fn endpoints(cluster: &Cluster) -> Vec<Endpoint> {
    only(cluster).endpoints.clone().unwrap()
}

#[test]
fn a_slice_is_named_and_labelled_after_its_service_and_owned_by_it() {
    let cluster = Cluster::new(&format!("{}{}", service(CLUSTER_IP), pods("p", 1..2, "", "True")));
    let slice = only(&cluster);
    let name = slice.metadata.name.as_ref().unwrap();
    assert!(is_random(name.strip_prefix("web-").unwrap(), 5), "{name}");
    let labels: Vec<(&str, &str)> =
        slice.metadata.labels.iter().flatten().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [
        ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"),
        ("kubernetes.io/service-name", "web"),
        ("team", "a"),
    ];
    assert_eq!(labels, expected);
    let owner = &slice.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.kind.as_str(), owner.uid.as_str()), ("Service", "u-web"));
    assert_eq!((owner.controller, owner.block_owner_deletion), (Some(true), Some(true)));
    let port = &slice.ports.as_ref().unwrap()[0];
    assert_eq!((port.name.as_deref(), port.port), (Some("http"), Some(8080)));
    let endpoint = &slice.endpoints.as_ref().unwrap()[0];
    assert_eq!(endpoint.addresses, ["10.9.0.1"]);
    assert_eq!(endpoint.node_name.as_deref(), Some("node-a"));
    assert_eq!(endpoint.zone.as_deref(), Some("z1"));
    assert_eq!(endpoint.target_ref.as_ref().unwrap().name.as_deref(), Some("p-1"));
    assert_eq!(endpoint.hints, None);
}

/// The table of conditions that the API's documentation gives.
#[test]
fn conditions_follow_readiness_and_the_end_of_a_pod() {
    const ENDING: &str = "deletionTimestamp: '2026-01-01T00:00:00Z',";
    let cases = [
        ("", "True", false, (true, true, false)),
        ("", "False", false, (false, false, false)),
        (ENDING, "True", false, (false, true, true)),
        (ENDING, "False", false, (false, false, true)),
        ("", "False", true, (true, false, false)),
        (ENDING, "True", true, (true, true, true)),
    ];
    for (meta, ready, publish, expected) in cases {
        let spec = format!("{CLUSTER_IP}, publishNotReadyAddresses: {publish}");
        let pods = pods("p", 1..2, meta, ready);
        let cluster = Cluster::reconciled(&format!("{}{pods}", service(&spec)));
        let conditions = endpoints(&cluster)[0].conditions.clone().unwrap();
        let told = (conditions.ready, conditions.serving, conditions.terminating);
        let expected = (Some(expected.0), Some(expected.1), Some(expected.2));
        assert_eq!(told, expected, "{meta} {ready} {publish}");
    }
}

#[test]
fn pods_that_have_ended_or_have_no_address_are_in_no_slice() {
    let ended = pods("done", 1..2, "", "True").replace("Running", "Succeeded")
        + &pods("failed", 2..3, "", "True").replace("Running", "Failed");
    let mut cluster = Cluster::new("");
    cluster.put(&format!("{}{ended}", service(CLUSTER_IP)));
    cluster.put(
        "
apiVersion: v1
kind: Pod
metadata: {name: new, namespace: default, labels: {app: web}}
spec: {nodeName: node-a, containers: [{name: c}]}
",
    );
    cluster.reconcile();
    assert_eq!(endpoints(&cluster).len(), 0);
    cluster.settle();
    assert_eq!(endpoints(&cluster).len(), 1);
}

#[test]
fn a_service_without_pods_keeps_one_slice_that_holds_nothing() {
    let mut cluster = Cluster::new(&service(CLUSTER_IP));
    let empty = only(&cluster).clone();
    assert_eq!(empty.endpoints.as_deref(), Some(&[][..]));
    assert_eq!(empty.ports.as_deref(), Some(&[][..]));
    // Its name stays when pods come.
    cluster.apply(&pods("p", 1..2, "", "True"));
    assert_eq!(only(&cluster).metadata.name, empty.metadata.name);
    cluster.delete::<Pod>("p-1");
    cluster.settle();
    assert_eq!(only(&cluster).metadata.name, empty.metadata.name);
    assert_eq!(only(&cluster).ports.as_deref(), Some(&[][..]));
}

#[test]
fn a_slice_holds_a_hundred_endpoints() {
    let cluster = cluster(&format!("{}{}", service(CLUSTER_IP), pods("p", 0..250, "", "True")));
    assert_eq!(sizes(&cluster), [100, 100, 50]);
}

#[test]
fn slices_are_never_rebalanced() {
    let mut cluster = cluster(&format!("{}{}", service(CLUSTER_IP), pods("p", 0..300, "", "True")));
    let members: Vec<Vec<String>> = cluster
        .slices()
        .iter()
        .map(|slice| {
            let names =
                slice.endpoints.iter().flatten().map(|e| e.target_ref.clone().unwrap().name);
            names.map(Option::unwrap).collect()
        })
        .collect();
    for slice in &members {
        slice[34..].iter().for_each(|name| cluster.delete::<Pod>(name));
    }
    cluster.settle();
    assert_eq!(sizes(&cluster), [34, 34, 34]);
    // A single new one goes where the fit is tightest; here all are alike.
    cluster.apply(&pods("new", 400..401, "", "True"));
    assert_eq!(sizes(&cluster), [35, 34, 34]);
    cluster.apply(&pods("more", 401..466, "", "True"));
    assert_eq!(sizes(&cluster), [100, 34, 34]);
    // What does not fit into one gets one of its own.
    cluster.apply(&pods("most", 500..567, "", "True"));
    assert_eq!(sizes(&cluster), [100, 67, 34, 34]);
}

#[test]
fn what_changes_anyway_is_filled_first() {
    let mut cluster = cluster(&format!("{}{}", service(CLUSTER_IP), pods("p", 0..160, "", "True")));
    let full = cluster.slices().into_iter().find(|s| s.endpoints.as_ref().unwrap().len() == 100);
    let full = full.unwrap().endpoints.clone().unwrap();
    let gone = full[0].target_ref.clone().unwrap().name.unwrap();
    cluster.delete::<Pod>(&gone);
    cluster.apply(&pods("new", 200..202, "", "True"));
    assert_eq!(sizes(&cluster), [100, 61]);
}

#[test]
fn a_headless_service_without_ports_has_slices_with_addresses_alone() {
    let spec = "selector: {app: web}, clusterIP: None, ipFamilies: [IPv4]";
    let cluster = Cluster::new(&format!("{}{}", service(spec), pods("p", 1..3, "", "True")));
    assert_eq!(endpoints(&cluster).len(), 2);
    let labels = only(&cluster).metadata.labels.as_ref().unwrap();
    assert_eq!(labels["service.kubernetes.io/headless"], "");
}

#[test]
fn a_pod_has_its_hostname_in_the_slices_of_the_service_that_is_its_subdomain() {
    let spec = "selector: {app: web}, clusterIP: None, ipFamilies: [IPv4]";
    let named = |subdomain: &str| {
        let words = format!("hostname: h, subdomain: {subdomain}, nodeName");
        format!("{}{}", service(spec), pods("p", 1..2, "", "True").replace("nodeName", &words))
    };
    assert_eq!(endpoints(&Cluster::new(&named("web")))[0].hostname.as_deref(), Some("h"));
    assert_eq!(endpoints(&Cluster::new(&named("other")))[0].hostname, None);
}

#[test]
fn a_pod_without_a_port_of_the_name_is_listed_without_that_port() {
    let spec = "selector: {app: web}, clusterIP: 10.96.0.9, ipFamilies: [IPv4], ports: \
                [{name: a, port: 80, targetPort: http}, {name: b, port: 81, targetPort: 8081}]";
    let cluster = Cluster::new(&format!("{}{}", service(spec), pods("p", 1..2, "", "True")));
    let ports = only(&cluster).ports.clone().unwrap().into_iter().map(|port| port.name.unwrap());
    assert_eq!(ports.collect::<Vec<_>>(), ["b"]);
}

#[test]
fn hints_follow_the_distribution_that_a_service_asks_for() {
    let cases = [
        ("PreferClose", Some("z1"), None),
        ("PreferSameZone", Some("z1"), None),
        ("PreferSameNode", Some("z1"), Some("node-a")),
    ];
    for (distribution, zone, node) in cases {
        let spec = format!("{CLUSTER_IP}, trafficDistribution: {distribution}");
        let yaml = format!(
            "{}{}{}",
            service(&spec),
            pods("p", 1..2, "", "True"),
            pods("unready", 2..3, "", "False")
        );
        let mut cluster = Cluster::new(&yaml);
        let mut all = endpoints(&cluster);
        all.sort_by(|a, b| a.addresses.cmp(&b.addresses));
        let hints = all[0].hints.clone().unwrap_or_default();
        assert_eq!(hints.for_zones.map(|z| z[0].name.clone()).as_deref(), zone);
        assert_eq!(hints.for_nodes.map(|n| n[0].name.clone()).as_deref(), node);
        assert_eq!(all[1].hints, None);
        cluster.edit::<Service>("web", |web| {
            web.spec.get_or_insert_default().traffic_distribution = None;
        });
        cluster.settle();
        assert!(endpoints(&cluster).iter().all(|endpoint| endpoint.hints.is_none()));
    }
}

#[test]
fn both_families_of_a_service_have_slices_of_their_own() {
    let spec = CLUSTER_IP.replace("[IPv4]", "[IPv4, IPv6]");
    let ips = "podIPs: [{ip: 10.9.0.1}, {ip: 'fd00::1'}], phase";
    let yaml = format!("{}{}", service(&spec), pods("p", 1..2, "", "True").replace("phase", ips));
    let mut cluster = Cluster::new(&yaml);
    let told = |cluster: &Cluster| {
        let slices = cluster.slices().into_iter();
        let mut told: Vec<(String, Vec<String>)> = slices
            .map(|s| (s.address_type.clone(), s.endpoints.clone().unwrap()[0].addresses.clone()))
            .collect();
        told.sort();
        told
    };
    let v4 = ("IPv4".to_owned(), vec!["10.9.0.1".to_owned()]);
    let v6 = ("IPv6".to_owned(), vec!["fd00::1".to_owned()]);
    assert_eq!(told(&cluster), [v4.clone(), v6]);
    cluster.edit::<Service>("web", |web| {
        web.spec.get_or_insert_default().ip_families = Some(vec!["IPv4".to_owned()]);
    });
    cluster.settle();
    assert_eq!(told(&cluster), [v4]);
}

#[test]
fn a_new_label_of_a_service_reaches_its_slices() {
    let mut cluster =
        Cluster::new(&format!("{}{}", service(CLUSTER_IP), pods("p", 1..2, "", "True")));
    cluster.edit::<Service>("web", |web| {
        web.metadata.labels = Some([("team".to_owned(), "b".to_owned())].into());
    });
    cluster.settle();
    assert_eq!(only(&cluster).metadata.labels.as_ref().unwrap()["team"], "b");
}

#[test]
fn slices_of_others_are_left_alone() {
    let mut cluster = Cluster::new(&service(CLUSTER_IP));
    cluster.apply(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: mine, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1]}]
ports: []
",
    );
    assert_eq!(cluster.slices().len(), 2);
    assert_eq!(cluster.get::<EndpointSlice>("mine").endpoints.as_ref().unwrap().len(), 1);
}

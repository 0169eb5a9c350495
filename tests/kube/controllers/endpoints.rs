//! Endpoints, and slices that mirror them.

use k8s_openapi::api::core::v1::{Endpoints, Service};

use super::Cluster;
use super::services::{pods, service};

/// The subsets of Endpoints: ports, ready addresses and others.
fn subsets(cluster: &Cluster, name: &str) -> Vec<String> {
    let subsets = cluster.get::<Endpoints>(name).subsets.clone().unwrap_or_default();
    let line = |subset: k8s_openapi::api::core::v1::EndpointSubset| {
        let ports = subset.ports.unwrap_or_default().into_iter();
        let ports: Vec<String> = ports
            .map(|p| {
                format!(
                    "{}/{}/{}",
                    p.name.unwrap_or_default(),
                    p.protocol.unwrap_or_default(),
                    p.port
                )
            })
            .collect();
        let list = |addresses: Option<Vec<k8s_openapi::api::core::v1::EndpointAddress>>| {
            let ips = addresses.unwrap_or_default().into_iter().map(|address| address.ip);
            ips.collect::<Vec<_>>().join(" ")
        };
        let (ready, others) = (list(subset.addresses), list(subset.not_ready_addresses));
        format!("{}: {ready} | {others}", ports.join(" "))
    };
    subsets.into_iter().map(line).collect()
}

#[test]
fn endpoints_list_ready_and_other_addresses_but_no_terminating_ones() {
    let cluster = Cluster::reconciled(&format!(
        "{}{}{}{}",
        service(
            "selector: {app: web}, clusterIP: 10.96.0.9, ports: [{port: 80, targetPort: 8080}]"
        ),
        pods("ready", 1..3, "", "True"),
        pods("unready", 3..4, "", "False"),
        pods("ending", 4..5, "deletionTimestamp: '2026-01-01T00:00:00Z',", "True"),
    ));
    assert_eq!(subsets(&cluster, "web"), ["/TCP/8080: 10.9.0.1 10.9.0.2 | 10.9.0.3"]);
    let labels = cluster.get::<Endpoints>("web").metadata.labels.clone().unwrap();
    assert_eq!(labels["endpoints.kubernetes.io/managed-by"], "endpoint-controller");
}

#[test]
fn a_service_that_publishes_all_lists_even_terminating_pods_as_ready() {
    let cluster = Cluster::reconciled(&format!(
        "{}{}{}",
        service("selector: {app: web}, clusterIP: None, publishNotReadyAddresses: true"),
        pods("unready", 3..4, "", "False"),
        pods("ending", 4..5, "deletionTimestamp: '2026-01-01T00:00:00Z',", "True"),
    ));
    assert_eq!(subsets(&cluster, "web"), [": 10.9.0.3 10.9.0.4 | "]);
}

#[test]
fn pods_with_other_numbers_for_a_named_port_are_a_subset_of_their_own() {
    let port = |number: &str| format!("ports: [{{name: http, containerPort: {number}}}],");
    let yaml = format!(
        "{}{}{}",
        service(
            "selector: {app: web}, clusterIP: 10.96.0.9, ports: [{port: 80, targetPort: http}]"
        ),
        pods("old", 1..3, "", "True").replace("image: i", &format!("{} image: i", port("8080"))),
        pods("new", 3..4, "", "True").replace("image: i", &format!("{} image: i", port("9090"))),
    );
    let cluster = Cluster::new(&yaml);
    let expected = ["/TCP/8080: 10.9.0.1 10.9.0.2 | ", "/TCP/9090: 10.9.0.3 | "];
    assert_eq!(subsets(&cluster, "web"), expected);
    assert_eq!(cluster.slices().len(), 2);
}

/// The documentation's limit.
#[test]
fn endpoints_hold_a_thousand_addresses_and_say_that_there_were_more() {
    let yaml = format!(
        "{}{}{}",
        service("selector: {app: web}, clusterIP: 10.96.0.9, ports: [{port: 80}]"),
        pods("ready", 0..990, "", "True"),
        pods("unready", 990..1010, "", "False"),
    );
    let mut cluster = Cluster::new(&yaml);
    let count = |cluster: &Cluster| {
        let subset = cluster.get::<Endpoints>("web").subsets.clone().unwrap().remove(0);
        let len = |list: Option<Vec<_>>| list.unwrap_or_default().len();
        (len(subset.addresses), len(subset.not_ready_addresses))
    };
    const OVER: &str = "endpoints.kubernetes.io/over-capacity";
    assert_eq!(count(&cluster), (990, 10));
    assert_eq!(
        cluster.get::<Endpoints>("web").metadata.annotations.as_ref().unwrap()[OVER],
        "truncated"
    );
    assert!(!cluster.reconcile());
    for i in 1000..1010 {
        cluster.delete::<k8s_openapi::api::core::v1::Pod>(&format!("unready-{i}"));
    }
    cluster.settle();
    assert_eq!(count(&cluster), (990, 10));
    assert_eq!(cluster.get::<Endpoints>("web").metadata.annotations, None);
    // Slices have room for all.
    assert_eq!(
        cluster.slices().iter().map(|s| s.endpoints.as_ref().unwrap().len()).sum::<usize>(),
        1000
    );
}

#[test]
fn a_service_without_a_selector_and_an_external_name_get_no_endpoints() {
    for spec in [
        "clusterIP: 10.96.0.9, ports: [{port: 80}]",
        "type: ExternalName, externalName: example.com, selector: {app: web}",
    ] {
        let cluster = Cluster::new(&format!("{}{}", service(spec), pods("p", 1..2, "", "True")));
        assert!(cluster.store.endpoints.is_empty(), "{spec}");
        assert!(cluster.slices().is_empty(), "{spec}");
    }
}

#[test]
fn endpoints_go_with_their_service() {
    let mut cluster = Cluster::new(&service("selector: {app: web}, clusterIP: 10.96.0.9"));
    assert_eq!((cluster.store.endpoints.len(), cluster.slices().len()), (1, 1));
    cluster.delete::<Service>("web");
    cluster.settle();
    assert_eq!((cluster.store.endpoints.len(), cluster.slices().len()), (0, 0));
}

const HAND_MADE: &str = "
---
apiVersion: v1
kind: Endpoints
metadata: {name: web, namespace: default, labels: {who: me}, annotations: {note: text}}
subsets:
- addresses: [{ip: 192.0.2.42}, {ip: '2001:db8::1'}]
  notReadyAddresses: [{ip: 192.0.2.43}]
  ports: [{port: 9376}]
";

#[test]
fn endpoints_written_by_hand_are_mirrored_family_by_family() {
    let cluster = Cluster::new(&format!(
        "{}{HAND_MADE}",
        service("clusterIP: 10.96.0.9, ports: [{port: 80}]")
    ));
    let mut families: Vec<String> = Vec::new();
    for slice in cluster.slices() {
        let labels = slice.metadata.labels.as_ref().unwrap();
        assert_eq!(labels["kubernetes.io/service-name"], "web");
        let manager = &labels["endpointslice.kubernetes.io/managed-by"];
        assert_eq!(manager, "endpointslicemirroring-controller.k8s.io");
        assert_eq!(labels["who"], "me");
        assert_eq!(slice.metadata.annotations.as_ref().unwrap()["note"], "text");
        let owner = &slice.metadata.owner_references.as_ref().unwrap()[0];
        assert_eq!((owner.kind.as_str(), owner.name.as_str()), ("Endpoints", "web"));
        let endpoints = slice.endpoints.clone().unwrap().into_iter();
        let all = endpoints
            .map(|e| format!("{}={:?}", e.addresses[0], e.conditions.unwrap().ready.unwrap()));
        families.push(format!("{} {}", slice.address_type, all.collect::<Vec<_>>().join(" ")));
    }
    families.sort();
    assert_eq!(families, ["IPv4 192.0.2.42=true 192.0.2.43=false", "IPv6 2001:db8::1=true"]);
}

#[test]
fn endpoints_are_not_mirrored_if_they_or_their_service_say_so() {
    let plain = service("clusterIP: 10.96.0.9, ports: [{port: 80}]");
    let skipped =
        HAND_MADE.replace("{who: me}", "{endpointslice.kubernetes.io/skip-mirror: 'true'}");
    let lock = HAND_MADE.replace("{note: text}", "{control-plane.alpha.kubernetes.io/leader: x}");
    let cases = [format!("{plain}{skipped}"), format!("{plain}{lock}"), HAND_MADE.to_owned()];
    for yaml in cases {
        assert!(Cluster::new(&yaml).slices().is_empty(), "{yaml}");
    }
}

#[test]
fn a_mirror_follows_its_endpoints_and_goes_with_them() {
    let mut cluster = Cluster::new(&format!(
        "{}{}",
        service("clusterIP: 10.96.0.9, ports: [{port: 80}]"),
        HAND_MADE.replace(", {ip: '2001:db8::1'}", "")
    ));
    let name = cluster.slices()[0].metadata.name.clone();
    cluster.edit::<Endpoints>("web", |web| {
        web.subsets.as_mut().unwrap()[0].not_ready_addresses = None;
    });
    cluster.settle();
    assert_eq!(cluster.slices()[0].metadata.name, name);
    assert_eq!(cluster.slices()[0].endpoints.as_ref().unwrap().len(), 1);
    cluster.delete::<Endpoints>("web");
    cluster.settle();
    assert!(cluster.slices().is_empty());
}

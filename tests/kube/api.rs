//! The API server: what it sets, what it hands out, and what stays when objects change.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::{Value, json};
use sim_kube::api::{ApiServer, Applied, Settings, SettingsError, Version};
use sim_kube::manifest::Reading;
use sim_kube::object::{Key, Object, Stored};

fn key(namespace: &str, name: &str) -> Key {
    Key { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn server() -> ApiServer {
    ApiServer::new(Settings::default()).unwrap()
}

fn server_of(version: Version) -> ApiServer {
    ApiServer::new(Settings { version, ..Settings::default() }).unwrap()
}

fn try_apply(server: &mut ApiServer, text: &str) -> Result<Vec<Applied>, String> {
    let manifest = Reading::default().read(text).map_err(|mistakes| mistakes.to_string())?;
    server.apply(&manifest.objects).map_err(|refusals| refusals.to_string())
}

/// What kubectl would say, in one line.
fn apply(server: &mut ApiServer, text: &str) -> String {
    let applied = try_apply(server, text).unwrap();
    applied.iter().map(Applied::to_string).collect::<Vec<String>>().join(", ")
}

/// A Service of a namespace, without what every one has.
fn service(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n")
}

fn get<T: Stored>(server: &ApiServer, name: &str) -> T {
    let namespace = if T::NAMESPACED { "default" } else { "" };
    server.store().get::<T>(&key(namespace, name)).unwrap().clone()
}

fn spec(server: &ApiServer, name: &str) -> k8s_openapi::api::core::v1::ServiceSpec {
    get::<Service>(server, name).spec.unwrap()
}

/// The only port on nodes of a Service.
fn node_port(server: &ApiServer, name: &str) -> i32 {
    spec(server, name).ports.unwrap()[0].node_port.unwrap()
}

fn cluster_ip(server: &ApiServer, name: &str) -> String {
    spec(server, name).cluster_ip.unwrap()
}

/// Applies a manifest, and checks fields of what is kept then.
fn assert_fields<T: Stored>(
    server: &mut ApiServer,
    name: &str,
    text: &str,
    fields: &[(&str, Value)],
) {
    apply(server, text);
    let object = serde_json::to_value(get::<T>(server, name)).unwrap();
    for (pointer, expected) in fields {
        let found = object.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, expected, "{pointer} of {object:#}");
    }
}

#[test]
fn an_api_server_begins_with_its_own_namespaces_and_service() {
    let server = server();
    let namespaces: Vec<&str> =
        server.store().namespaces.keys().map(|key| key.name.as_str()).collect();
    assert_eq!(namespaces, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let own = spec(&server, "kubernetes");
    assert_eq!(own.cluster_ip.as_deref(), Some("10.96.0.1"));
    let port = &own.ports.unwrap()[0];
    assert_eq!((port.name.as_deref(), port.port), (Some("https"), 443));
    let cidr = get::<ServiceCIDR>(&server, "kubernetes").spec.unwrap().cidrs;
    assert_eq!(cidr, Some(vec!["10.96.0.0/12".to_owned()]));
}

#[test]
fn the_api_server_is_where_it_says() {
    let mut server = server();
    server.publish(&["192.168.1.10".parse().unwrap()]);
    let slice = get::<EndpointSlice>(&server, "kubernetes");
    assert_eq!(slice.endpoints.unwrap()[0].addresses, ["192.168.1.10"]);
    assert_eq!(slice.ports.unwrap()[0].port, Some(6443));
    assert!(get::<Endpoints>(&server, "kubernetes").subsets.is_some());
}

#[test]
fn settings_that_no_api_server_starts_with_are_refused() {
    let with = |cidrs: &[&str]| {
        let service_cidrs = cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect();
        ApiServer::new(Settings { service_cidrs, ..Settings::default() }).map(drop)
    };
    assert_eq!(with(&[]), Err(SettingsError::ServiceCidrs(0)));
    assert!(matches!(with(&["10.0.0.0/16", "10.1.0.0/16"]), Err(SettingsError::SameFamily(..))));
    assert!(matches!(with(&["10.0.0.0/31"]), Err(SettingsError::TooSmall(_))));
    assert_eq!(with(&["10.0.0.0/16", "fd00::/112"]), Ok(()));
    assert_eq!(with(&["fd00::/108"]), Ok(()));
    assert!(
        ApiServer::new(Settings { node_ports: 0..=10, ..Settings::default() }).is_err(),
        "there is no port 0"
    );
}

#[test]
fn a_service_gets_what_it_does_not_say() {
    let text = service("web", "{ports: [{port: 80}]}");
    let fields = [
        ("/metadata/namespace", json!("default")),
        ("/spec/type", json!("ClusterIP")),
        ("/spec/sessionAffinity", json!("None")),
        ("/spec/internalTrafficPolicy", json!("Cluster")),
        ("/spec/externalTrafficPolicy", json!(null)),
        ("/spec/allocateLoadBalancerNodePorts", json!(null)),
        ("/spec/ipFamilies", json!(["IPv4"])),
        ("/spec/ipFamilyPolicy", json!("SingleStack")),
        ("/spec/ports/0/protocol", json!("TCP")),
        ("/spec/ports/0/targetPort", json!(80)),
        ("/spec/ports/0/nodePort", json!(null)),
        ("/status", json!({"loadBalancer": {}})),
    ];
    assert_fields::<Service>(&mut server(), "web", &text, &fields);
}

#[test]
fn a_load_balancer_gets_what_it_does_not_say() {
    let text = service(
        "web",
        "{type: LoadBalancer, sessionAffinity: ClientIP, externalTrafficPolicy: Local, ports: [{port: 80, targetPort: http}]}",
    );
    let fields = [
        ("/spec/allocateLoadBalancerNodePorts", json!(true)),
        ("/spec/sessionAffinityConfig/clientIP/timeoutSeconds", json!(10800)),
        ("/spec/ports/0/targetPort", json!("http")),
    ];
    let mut server = server();
    assert_fields::<Service>(&mut server, "web", &text, &fields);
    assert!((30_086..=32_767).contains(&node_port(&server, "web")));
    let check = spec(&server, "web").health_check_node_port.unwrap();
    assert!((30_086..=32_767).contains(&check));
    assert_ne!(check, node_port(&server, "web"));
}

#[test]
fn a_cluster_ip_with_external_ips_is_for_clients_outside() {
    let text = service("web", "{externalIPs: [203.0.113.1], ports: [{port: 80}]}");
    let fields = [("/spec/externalTrafficPolicy", json!("Cluster"))];
    assert_fields::<Service>(&mut server(), "web", &text, &fields);
}

#[test]
fn a_service_without_an_address_gets_none() {
    let mut server = server();
    let text = service("db", "{clusterIP: None, selector: {app: db}}")
        + &service("any", "{clusterIP: None}")
        + &service("far", "{type: ExternalName, externalName: example.com.}");
    apply(&mut server, &text);
    assert_eq!(spec(&server, "db").cluster_ips, Some(vec!["None".to_owned()]));
    assert_eq!(spec(&server, "db").ip_family_policy.as_deref(), Some("SingleStack"));
    // Whoever writes the endpoints may write those of both families.
    assert_eq!(spec(&server, "any").ip_family_policy.as_deref(), Some("RequireDualStack"));
    assert_eq!(spec(&server, "any").ip_families.unwrap(), ["IPv4", "IPv6"]);
    assert_eq!(spec(&server, "far").cluster_ips, None);
    assert_eq!(spec(&server, "far").internal_traffic_policy, None);
}

#[test]
fn old_versions_do_not_know_newer_fields() {
    let text =
        service("web", "{type: LoadBalancer, internalTrafficPolicy: Local, ports: [{port: 80}]}");
    let mut server = server_of(Version::V1_20);
    let fields = [
        ("/spec/internalTrafficPolicy", json!(null)),
        ("/spec/allocateLoadBalancerNodePorts", json!(null)),
        ("/spec/ipFamilyPolicy", json!(null)),
    ];
    assert_fields::<Service>(&mut server, "web", &text, &fields);
    let namespace = server.store().get::<Namespace>(&key("", "default")).unwrap();
    assert_eq!(namespace.metadata.labels, None);
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\naddressType: IPv4\n";
    let refused = try_apply(&mut server, slice).unwrap_err();
    assert_eq!(
        refused,
        "1:13: no matches for kind \"EndpointSlice\" in version \"discovery.k8s.io/v1\""
    );
}

#[test]
fn names_of_services_begin_with_a_letter_before_1_36_and_may_begin_with_a_digit_since() {
    let text = service("1-web", "{ports: [{port: 80}]}");
    let refused = try_apply(&mut server_of(Version::V1_35), &text).unwrap_err();
    assert!(refused.contains("a DNS-1035 label must consist of"), "{refused}");
    assert_eq!(apply(&mut server(), &text), "service/1-web created");
}

#[test]
fn the_range_is_named_to_who_asks_for_another_address_only_before_1_33() {
    let text = service("web", "{clusterIP: 10.0.0.1, ports: [{port: 80}]}");
    let said = |version| try_apply(&mut server_of(version), &text).unwrap_err();
    assert!(said(Version::V1_32).ends_with("The range of valid IPs is 10.96.0.0/12"));
    assert!(
        said(Version::V1_33).ends_with("the provided network does not match the current range")
    );
}

#[test]
fn a_pod_gets_what_it_does_not_say() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  \
                - {name: a, image: nginx, ports: [{containerPort: 80}], readinessProbe: {httpGet: {port: 80}}}\n  \
                - {name: b, image: \"registry:5000/b:1.2\", resources: {limits: {cpu: 1}}}\n";
    let fields = [
        ("/spec/restartPolicy", json!("Always")),
        ("/spec/dnsPolicy", json!("ClusterFirst")),
        ("/spec/schedulerName", json!("default-scheduler")),
        ("/spec/terminationGracePeriodSeconds", json!(30)),
        ("/spec/enableServiceLinks", json!(true)),
        ("/spec/securityContext", json!({})),
        ("/spec/containers/0/imagePullPolicy", json!("Always")),
        ("/spec/containers/0/terminationMessagePath", json!("/dev/termination-log")),
        ("/spec/containers/0/terminationMessagePolicy", json!("File")),
        ("/spec/containers/0/ports/0/protocol", json!("TCP")),
        ("/spec/containers/0/ports/0/hostPort", json!(null)),
        ("/spec/containers/0/readinessProbe/periodSeconds", json!(10)),
        ("/spec/containers/0/readinessProbe/failureThreshold", json!(3)),
        ("/spec/containers/0/readinessProbe/httpGet/path", json!("/")),
        ("/spec/containers/0/readinessProbe/httpGet/scheme", json!("HTTP")),
        ("/spec/containers/1/imagePullPolicy", json!("IfNotPresent")),
        ("/spec/containers/1/resources/requests/cpu", json!("1")),
        ("/status/phase", json!("Pending")),
    ];
    assert_fields::<Pod>(&mut server(), "web", text, &fields);
}

#[test]
fn a_pod_on_the_network_of_its_host_takes_the_ports_of_its_containers() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  hostNetwork: true\n  containers:\n  \
                - {name: a, image: nginx, ports: [{containerPort: 80}]}\n";
    let fields = [("/spec/containers/0/ports/0/hostPort", json!(80))];
    assert_fields::<Pod>(&mut server(), "web", text, &fields);
}

const TEMPLATE: &str = "selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
                        spec: {containers: [{name: web, image: nginx}]}\n";

#[test]
fn a_deployment_gets_what_it_does_not_say() {
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  {TEMPLATE}"
    );
    let fields = [
        ("/spec/replicas", json!(1)),
        ("/spec/revisionHistoryLimit", json!(10)),
        ("/spec/progressDeadlineSeconds", json!(600)),
        ("/spec/strategy/type", json!("RollingUpdate")),
        ("/spec/strategy/rollingUpdate", json!({"maxSurge": "25%", "maxUnavailable": "25%"})),
        ("/spec/template/spec/restartPolicy", json!("Always")),
        ("/spec/template/spec/enableServiceLinks", json!(null)),
    ];
    assert_fields::<Deployment>(&mut server(), "web", &text, &fields);
}

#[test]
fn other_workloads_get_what_they_do_not_say() {
    let of = |kind: &str| {
        format!("apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec:\n  {TEMPLATE}")
    };
    let mut server = server();
    let fields = [("/spec/replicas", json!(1)), ("/metadata/labels", json!(null))];
    assert_fields::<ReplicaSet>(&mut server, "web", &of("ReplicaSet"), &fields);
    let fields = [
        ("/spec/replicas", json!(1)),
        ("/spec/podManagementPolicy", json!("OrderedReady")),
        (
            "/spec/updateStrategy",
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        ),
        ("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted", json!("Retain")),
    ];
    assert_fields::<StatefulSet>(&mut server, "web", &of("StatefulSet"), &fields);
    let rolling =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    let fields = [("/spec/revisionHistoryLimit", json!(10)), ("/spec/updateStrategy", rolling)];
    assert_fields::<DaemonSet>(&mut server, "web", &of("DaemonSet"), &fields);
}

#[test]
fn a_job_gets_a_selector_of_its_own() {
    let text = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  template:\n    spec:\n      \
                restartPolicy: Never\n      containers: [{name: once, image: busybox}]\n";
    let mut server = server();
    let fields = [
        ("/spec/completions", json!(1)),
        ("/spec/parallelism", json!(1)),
        ("/spec/backoffLimit", json!(6)),
        ("/spec/completionMode", json!("NonIndexed")),
        ("/spec/suspend", json!(false)),
        ("/spec/podReplacementPolicy", json!("TerminatingOrFailed")),
        ("/spec/template/metadata/labels/batch.kubernetes.io~1job-name", json!("once")),
    ];
    assert_fields::<Job>(&mut server, "once", text, &fields);
    let job = get::<Job>(&server, "once");
    let labels = job.spec.unwrap().selector.unwrap().match_labels.unwrap();
    assert_eq!(labels.get("batch.kubernetes.io/controller-uid"), job.metadata.uid.as_ref());
    assert_eq!(apply(&mut server, text), "job.batch/once unchanged");
}

#[test]
fn endpoints_and_slices_and_nodes_get_what_they_do_not_say() {
    let mut server = server();
    let text = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n\
                subsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]\n";
    let fields = [("/subsets/0/ports/0/protocol", json!("TCP"))];
    assert_fields::<Endpoints>(&mut server, "web", text, &fields);
    let text = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1}\naddressType: IPv4\n\
                endpoints: [{addresses: [10.0.0.1]}]\nports: [{port: 80}]\n";
    let fields = [("/ports/0/protocol", json!("TCP")), ("/ports/0/name", json!(""))];
    assert_fields::<EndpointSlice>(&mut server, "web-1", text, &fields);
    let text = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.244.0.0/24}\n\
                status: {capacity: {pods: 110}}\n";
    let fields = [
        ("/spec/podCIDRs", json!(["10.244.0.0/24"])),
        ("/status/allocatable/pods", json!("110")),
        ("/metadata/namespace", json!(null)),
    ];
    assert_fields::<Node>(&mut server, "n1", text, &fields);
    let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, namespace: default}\n";
    let fields = [
        ("/metadata/labels", json!({"kubernetes.io/metadata.name": "shop"})),
        ("/metadata/namespace", json!(null)),
        ("/spec/finalizers", json!(["kubernetes"])),
        ("/status/phase", json!("Active")),
    ];
    assert_fields::<Namespace>(&mut server, "shop", text, &fields);
}

#[test]
fn addresses_are_drawn_from_the_upper_part_of_the_range() {
    let mut server = server();
    let text: String =
        (0..100).map(|i| service(&format!("s{i}"), "{ports: [{port: 80}]}")).collect();
    apply(&mut server, &text);
    let mut ips: Vec<std::net::Ipv4Addr> =
        (0..100).map(|i| cluster_ip(&server, &format!("s{i}")).parse().unwrap()).collect();
    assert!(ips.iter().all(|ip| *ip > std::net::Ipv4Addr::new(10, 96, 1, 0)));
    ips.sort();
    ips.dedup();
    assert_eq!(ips.len(), 100);
}

#[test]
fn a_full_range_is_told_of() {
    let service_cidrs = vec!["10.0.0.0/29".parse().unwrap()];
    let mut server = ApiServer::new(Settings { service_cidrs, ..Settings::default() }).unwrap();
    // Six addresses, of which the API server has one.
    let text: String = (0..5).map(|i| service(&format!("s{i}"), "{ports: [{port: 80}]}")).collect();
    apply(&mut server, &text);
    let refused = try_apply(&mut server, &service("more", "{ports: [{port: 80}]}")).unwrap_err();
    assert_eq!(
        refused,
        "1:1: Internal error occurred: failed to allocate a serviceIP for Service \"more\": range is full"
    );
    let more = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: more}\nspec: {cidrs: [10.1.0.0/24]}\n";
    apply(&mut server, more);
    apply(&mut server, &service("more", "{ports: [{port: 80}]}"));
    assert!(cluster_ip(&server, "more").starts_with("10.1.0."));
}

#[test]
fn a_seed_decides_what_is_drawn() {
    let text = service("web", "{type: NodePort, ports: [{port: 80}]}");
    let drawn = |seed| {
        let mut server = ApiServer::new(Settings { seed, ..Settings::default() }).unwrap();
        apply(&mut server, &text);
        (cluster_ip(&server, "web"), node_port(&server, "web"))
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn ports_of_one_number_have_the_same_port_on_nodes() {
    let mut server = server();
    let ports = "{type: NodePort, ports: [{name: u, port: 53, protocol: UDP}, {name: t, port: 53}, \
                 {name: m, port: 9153}]}";
    apply(&mut server, &service("dns", ports));
    let found: Vec<i32> =
        spec(&server, "dns").ports.unwrap().iter().filter_map(|port| port.node_port).collect();
    assert_eq!(found[0], found[1]);
    assert_ne!(found[0], found[2]);
    // One that is asked for counts for both, wherever it stands.
    let ports = "{type: NodePort, ports: [{name: u, port: 53, protocol: UDP}, {name: t, port: 53, nodePort: 30053}]}";
    apply(&mut server, &service("dns2", ports));
    let ports = spec(&server, "dns2").ports.unwrap();
    assert!(ports.iter().all(|port| port.node_port == Some(30_053)));
}

#[test]
fn a_load_balancer_without_node_ports_has_only_those_it_asks_for() {
    let mut server = server();
    let ports = "{type: LoadBalancer, allocateLoadBalancerNodePorts: false, \
                 ports: [{name: a, port: 80}, {name: b, port: 81, nodePort: 30081}]}";
    apply(&mut server, &service("web", ports));
    let found: Vec<Option<i32>> =
        spec(&server, "web").ports.unwrap().iter().map(|port| port.node_port).collect();
    assert_eq!(found, [None, Some(30_081)]);
}

#[test]
fn dual_stack_services_have_an_address_of_each_family() {
    let service_cidrs = vec!["10.96.0.0/16".parse().unwrap(), "fd00::/108".parse().unwrap()];
    let mut server = ApiServer::new(Settings { service_cidrs, ..Settings::default() }).unwrap();
    let text = service("one", "{ports: [{port: 80}]}")
        + &service("both", "{ipFamilyPolicy: PreferDualStack, ports: [{port: 80}]}")
        + &service(
            "six",
            "{ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6], ports: [{port: 80}]}",
        )
        + &service("chosen", "{clusterIP: \"fd00::20\", ports: [{port: 80}]}");
    apply(&mut server, &text);
    assert_eq!(spec(&server, "one").ip_families.unwrap(), ["IPv4"]);
    let both = spec(&server, "both").cluster_ips.unwrap();
    assert!(both[0].starts_with("10.96.") && both[1].starts_with("fd00::"), "{both:?}");
    assert_eq!(spec(&server, "six").ip_families.unwrap(), ["IPv6", "IPv4"]);
    assert_eq!(spec(&server, "chosen").ip_families.unwrap(), ["IPv6"]);
    // Whoever wants one family again gives the other one back.
    apply(&mut server, &service("both", "{ipFamilyPolicy: SingleStack, ports: [{port: 80}]}"));
    assert_eq!(spec(&server, "both").cluster_ips.unwrap(), both[..1]);
}

#[test]
fn what_was_handed_out_stays_when_a_service_changes() {
    let mut server = server();
    apply(&mut server, &service("web", "{type: NodePort, ports: [{port: 80}]}"));
    let (ip, port) = (cluster_ip(&server, "web"), node_port(&server, "web"));
    assert_eq!(
        apply(&mut server, &service("web", "{type: NodePort, ports: [{port: 80}]}")),
        "service/web unchanged"
    );
    let text =
        service("web", "{type: LoadBalancer, ports: [{name: a, port: 81}, {name: b, port: 80}]}");
    assert_eq!(apply(&mut server, &text), "service/web configured");
    assert_eq!(cluster_ip(&server, "web"), ip);
    let ports = spec(&server, "web").ports.unwrap();
    assert_eq!(ports[1].node_port, Some(port));
    assert_ne!(ports[0].node_port, Some(port));
    apply(&mut server, &service("web", "{ports: [{port: 80}]}"));
    assert_eq!(spec(&server, "web").ports.unwrap()[0].node_port, None);
    // The port is free again.
    let text =
        service("other", &format!("{{type: NodePort, ports: [{{port: 80, nodePort: {port}}}]}}"));
    apply(&mut server, &text);
}

#[test]
fn an_address_is_free_again_when_its_service_is_gone() {
    let mut server = server();
    let text = service("web", "{clusterIP: 10.96.0.20, ports: [{port: 80}]}");
    apply(&mut server, &text);
    let manifest = Reading::default().read(&text).unwrap();
    server.delete(&manifest.objects).unwrap();
    apply(&mut server, &service("other", "{clusterIP: 10.96.0.20, ports: [{port: 80}]}"));
    let refused = server.delete(&manifest.objects).unwrap_err();
    assert_eq!(refused.to_string(), "3:18: services \"web\" not found");
}

#[test]
fn one_refused_object_keeps_all_others_out() {
    let mut server = server();
    let before = server.store().clone();
    let text = service("a", "{ports: [{port: 80}]}")
        + &service("b", "{ports: [{port: 0}]}")
        + &service("c", "{ports: []}");
    let refused = try_apply(&mut server, &text).unwrap_err();
    assert_eq!(
        refused,
        "9:16: The Service \"b\" is invalid: spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive\n\
         9:23: The Service \"b\" is invalid: spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\n\
         14:8: The Service \"c\" is invalid: spec.ports: Required value"
    );
    assert_eq!(*server.store(), before);
    // Nothing was drawn either: what follows is as if it had not been tried.
    let mut other = self::server();
    for server in [&mut server, &mut other] {
        apply(server, &service("a", "{ports: [{port: 80}]}"));
    }
    assert_eq!(server.store(), other.store());
}

#[test]
fn an_object_may_be_in_a_namespace_that_the_manifest_makes_before_it() {
    let mut server = server();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n";
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80}]}\n";
    let both = format!("{namespace}{text}");
    assert_eq!(apply(&mut server, &both), "namespace/shop created, service/web created");
    assert!(server.store().get::<Service>(&key("shop", "web")).is_some());
    let shop = Reading::default().read(namespace).unwrap();
    server.delete(&shop.objects).unwrap();
    assert!(server.store().get::<Service>(&key("shop", "web")).is_none());
    let default = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n";
    let refused = server.delete(&Reading::default().read(default).unwrap().objects).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "3:18: namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
}

#[test]
fn labels_of_others_stay_and_those_of_the_last_manifest_go() {
    let mut server = server();
    let node = |labels: &str| {
        format!("apiVersion: v1\nkind: Node\nmetadata: {{name: n1, labels: {labels}}}\n")
    };
    apply(&mut server, &node("{a: \"1\", b: \"1\"}"));
    let stored = server.store_mut().nodes.get_mut(&key("", "n1")).unwrap();
    stored.metadata.labels.get_or_insert_default().insert("zone".to_owned(), "z1".to_owned());
    apply(&mut server, &node("{a: \"2\"}"));
    let labels = get::<Node>(&server, "n1").metadata.labels.unwrap();
    let found: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(found, [("a", "2"), ("zone", "z1")]);
}

#[test]
fn an_object_that_is_there_cannot_be_created_again() {
    let mut server = server();
    let read = |text: &str| Reading::default().read(text).unwrap().objects[0].object.clone();
    let object = read(&service("web", "{ports: [{port: 80}]}"));
    server.create(object.clone()).unwrap();
    let refused = server.create(object).unwrap_err();
    assert_eq!(refused[0].to_string(), "services \"web\" already exists");
    let missing = read(&service("other", "{ports: [{port: 80}]}"));
    assert_eq!(server.update(missing).unwrap_err()[0].to_string(), "services \"other\" not found");
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  {TEMPLATE}"
    );
    let missing = server.update(read(&deployment)).unwrap_err();
    assert_eq!(missing[0].to_string(), "deployments.apps \"web\" not found");
}

#[test]
fn a_name_can_be_left_to_the_api_server() {
    let mut server = server();
    let mut pod = Pod::default();
    pod.metadata.generate_name = Some("web-".to_owned());
    pod.spec.get_or_insert_default().containers = vec![k8s_openapi::api::core::v1::Container {
        name: "web".to_owned(),
        image: Some("nginx".to_owned()),
        ..Default::default()
    }];
    let first = server.create(pod.clone().into()).unwrap();
    let second = server.create(Object::from(pod)).unwrap();
    assert_ne!(first, second);
    assert!(first.name.starts_with("web-") && first.name.len() == 9, "{first}");
}

#[test]
fn versions_are_read_with_or_without_their_patch() {
    assert_eq!("1.20".parse(), Ok(Version::V1_20));
    assert_eq!("v1.36.2".parse(), Ok(Version::V1_36));
    for unknown in ["1.19", "1.2", "1.360", "2.0", ""] {
        assert!(unknown.parse::<Version>().is_err(), "{unknown}");
    }
}

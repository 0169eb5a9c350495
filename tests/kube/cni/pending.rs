//! Pods that no plugin can connect, and plugins that do not start.

use k8s_openapi::api::core::v1::{Node, Pod};
use sim_kube::cluster::Cluster;
use sim_kube::manifest;
use sim_kube::object::Stored as _;
use sim_kube::proxy::config::Config;
use sim_kube::topology::Topology;

/// One node that has room for one pod, with these settings of the cluster.
fn cluster(settings: &str) -> Cluster {
    let text = format!(
        "network = [{{ name = \"lan\", subnets = [\"10.0.0.0/24\"] }}]
[[node]]
name = \"node-1\"
interface = [{{ network = \"lan\", address = \"10.0.0.1\" }}]
[cluster]
pod-cidr = \"10.42.0.0/16\"
node-cidr-mask-size = 30
{settings}"
    );
    Cluster::start(&Topology::read(&text).unwrap(), Config::default()).unwrap()
}

/// A Deployment of so many pods.
fn deployment(name: &str, replicas: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: i, ports: [{{containerPort: 80}}]}}]}}
"
    )
}

fn apply(cluster: &mut Cluster, yaml: &str) {
    let manifest = manifest::Reading::default().read(yaml).unwrap();
    cluster.apply(&manifest.objects).unwrap().unwrap();
}

/// The pods of a Deployment: name, phase, what was told about them.
fn pods(cluster: &Cluster, of: &str) -> Vec<(String, String, Vec<String>)> {
    let pods = cluster.api().store().pods.values();
    let of_it = |pod: &&Pod| pod.key().name.starts_with(&format!("{of}-"));
    let seen = |pod: &Pod| {
        let phase = pod.status.clone().unwrap().phase.unwrap();
        let events = cluster.events().about::<Pod>(&pod.metadata);
        let told = events.map(|event| event.message.clone().unwrap()).collect();
        (pod.key().name, phase, told)
    };
    pods.filter(of_it).map(seen).collect()
}

#[test]
fn a_pod_without_an_address_waits_and_gets_one_that_becomes_free() {
    let mut cluster = cluster("cni = \"flannel\"");
    apply(&mut cluster, &deployment("first", 1));
    apply(&mut cluster, &deployment("second", 1));
    assert_eq!(pods(&cluster, "first")[0].1, "Running");
    let (name, phase, told) = pods(&cluster, "second").remove(0);
    assert_eq!(phase, "Pending");
    let expected = format!(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \
         \"{name}.default\": plugin type=\"flannel\" failed (add): failed to delegate add: failed to allocate for range \
         0: no IP addresses available in range set: 10.42.0.1-10.42.0.2"
    );
    assert_eq!(told, [expected]);
    assert_eq!(cluster.world.netns_by_name(&format!("{name}.default")), None);
    apply(&mut cluster, &deployment("first", 0));
    assert_eq!(pods(&cluster, "first"), []);
    assert_eq!(pods(&cluster, "second")[0].1, "Running");
    assert_eq!(cluster.pod_ip("default", &name).unwrap().to_string(), "10.42.0.2");
}

#[test]
fn an_event_is_whole_and_told_once() {
    let mut cluster = cluster("cni = \"bridge\"");
    apply(&mut cluster, &deployment("many", 3));
    apply(&mut cluster, &deployment("other", 0));
    let events: Vec<_> = cluster.events().iter().collect();
    assert_eq!(events.len(), 2);
    for event in events {
        let of = &event.involved_object;
        let name = of.name.clone().unwrap();
        assert!(event.metadata.name.as_ref().unwrap().starts_with(&format!("{name}.")));
        assert_eq!(event.metadata.namespace.as_deref(), Some("default"));
        assert_eq!((of.kind.as_deref(), of.api_version.as_deref()), (Some("Pod"), Some("v1")));
        assert_eq!(event.reason.as_deref(), Some("FailedCreatePodSandBox"));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        let source = event.source.clone().unwrap();
        assert_eq!(source.component.as_deref(), Some("kubelet"));
        assert_eq!(source.host.as_deref(), Some("node-1"));
        assert!(
            event
                .message
                .as_ref()
                .unwrap()
                .contains("plugin type=\"bridge\" failed (add): failed to allocate")
        );
    }
}

#[test]
fn the_words_of_an_old_kubelet_are_those_of_dockershim() {
    for (plugin, network, says) in
        [("ptp", "cni", ""), ("kubenet", "kubenet", "error adding container to network: ")]
    {
        let mut cluster = cluster(&format!("cni = \"{plugin}\"\nversion = \"1.20\""));
        apply(&mut cluster, &deployment("first", 1));
        apply(&mut cluster, &deployment("second", 1));
        let (name, _, told) = pods(&cluster, "second").remove(0);
        let expected = format!(
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to set up sandbox container \
             \"{name}.default\" network for pod \"{name}\": networkPlugin {network} failed to set up pod \
             \"{name}_default\" network: {says}failed to allocate for range 0: no IP addresses available in range set: \
             10.42.0.1-10.42.0.2"
        );
        assert_eq!(told, [expected]);
    }
}

fn ready(cluster: &Cluster) -> (String, Option<String>) {
    let node: &Node = cluster.api().store().nodes.values().next().unwrap();
    let conditions = node.status.clone().unwrap().conditions.unwrap();
    let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
    (ready.status, ready.message)
}

#[test]
fn a_node_whose_flanneld_does_not_start_is_ready_and_its_pods_wait() {
    let settings = "[cluster.cni]\nplugin = \"flannel\"\n\
                    net-conf = '{ \"Network\": \"10.99.0.0/16\", \"Backend\": { \"Type\": \"vxlan\" } }'";
    let mut cluster = cluster(settings);
    apply(&mut cluster, &deployment("web", 1));
    assert_eq!(ready(&cluster).0, "True");
    let fault = cluster.plugin_fault("node-1").unwrap().to_string();
    assert!(
        fault.contains("subnet \"10.99.0.0/16\" specified in the flannel net config"),
        "{fault}"
    );
    let (name, phase, told) = pods(&cluster, "web").remove(0);
    assert_eq!(phase, "Pending");
    let expected = format!(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \
         \"{name}.default\": plugin type=\"flannel\" failed (add): failed to load flannel 'subnet.env' file: open \
         /run/flannel/subnet.env: no such file or directory. Check the flannel pod log for this node."
    );
    assert_eq!(told, [expected]);
}

#[test]
fn a_node_without_a_plugin_is_not_ready_and_gets_no_pods() {
    let mut cluster = cluster("cni = \"none\"");
    apply(&mut cluster, &deployment("web", 1));
    let (status, message) = ready(&cluster);
    assert_eq!(status, "False");
    assert_eq!(
        message.unwrap(),
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin \
         returns error: cni plugin not initialized"
    );
    let pod = cluster.api().store().pods.values().next().unwrap();
    assert_eq!(pod.spec.clone().unwrap().node_name, None);
}

#[test]
fn nodes_that_host_gw_cannot_reach_stay_unreachable_and_the_cluster_works() {
    let text = "
network = [{ name = \"a\", subnets = [\"10.1.0.0/24\"] }, { name = \"b\", subnets = [\"10.2.0.0/24\"] }]
router = [{ name = \"r\", interface = [{ network = \"a\", address = \"10.1.0.254\" }, { network = \"b\", address = \"10.2.0.254\" }] }]
node = [
  { name = \"one\", interface = [{ network = \"a\", address = \"10.1.0.1\" }] },
  { name = \"two\", interface = [{ network = \"b\", address = \"10.2.0.1\" }] },
]
cluster = { cni = \"flannel-host-gw\" }
";
    let mut cluster = Cluster::start(&Topology::read(text).unwrap(), Config::default()).unwrap();
    let fault = cluster.plugin_fault("one").unwrap().to_string();
    assert!(fault.ends_with(": Nexthop has invalid gateway"), "{fault}");
    apply(&mut cluster, &deployment("web", 2));
    assert!(pods(&cluster, "web").iter().all(|(_, phase, _)| phase == "Running"));
}

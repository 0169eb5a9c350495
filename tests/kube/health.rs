//! What kube-proxies answer to whoever asks how they are, and to load balancers that ask about Services.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sim_core::id::ProcId;
use sim_core::time::SimTime;
use sim_core::tools::{self, Call};
use sim_core::world::{Output, World};
use sim_kube::cluster::Cluster;
use sim_kube::manifest;
use sim_kube::proxy::Version;
use sim_kube::proxy::config::Config;
use sim_kube::topology::Topology;

/// A Service with one pod, which is on `node-1`.
const SHOP: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeName: node-1
  containers: [{name: web, image: web, ports: [{containerPort: 8080}, {containerPort: 8443}]}]
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 30999
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: https, port: 443, targetPort: 8443}
";
const NODE_1: &str = "10.0.0.1";
const NODE_2: &str = "10.0.0.2";

fn cluster(version: Version, config: Config) -> Cluster {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies/two-nodes.toml");
    let text = fs::read_to_string(path).unwrap();
    let text = text.replace("version = \"1.36\"", &format!("version = \"{version}\""));
    let mut cluster = Cluster::start(&Topology::read(&text).unwrap(), config).unwrap();
    apply(&mut cluster, SHOP);
    cluster
}

/// When [`wait`] has waited, as Go writes it; programs count from 1 ns.
const MOMENT: &str = "2026-01-01 00:00:01.5 +0000 UTC m=+1.500000001";

/// Lets time pass until a second and a half after the beginning.
fn wait(cluster: &mut Cluster) {
    cluster.world.run_until(SimTime::from_millis(1500));
}

fn apply(cluster: &mut Cluster, text: &str) {
    let manifest = manifest::Reading::default().read(text).unwrap();
    cluster.apply(&manifest.objects).unwrap().unwrap();
}

/// What a machine hears from a port when it says `text` there and no more.
fn hear_at(cluster: &mut Cluster, from: &str, ip: &str, port: u16, text: &str) -> String {
    let netns = cluster.world.netns_by_name(from).unwrap();
    let argv = ["nc", "-N", ip, &port.to_string()].map(str::to_owned);
    let outcome = cluster.world.run_command_on(netns, &argv, text.as_bytes()).unwrap();
    outcome.stdout
}

fn hear(cluster: &mut Cluster, ip: &str, port: u16, text: &str) -> String {
    hear_at(cluster, "outside", ip, port, text)
}

/// Asks with a request of HTTP/1.1; answers the status line and the body.
fn ask(cluster: &mut Cluster, ip: &str, port: u16, path: &str) -> (String, String) {
    let text = format!("GET {path} HTTP/1.1\r\nHost: {ip}\r\n\r\n");
    let heard = hear(cluster, ip, port, &text);
    let (head, body) = heard.split_once("\r\n\r\n").unwrap_or((&heard, ""));
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[test]
fn a_load_balancer_hears_how_many_endpoints_a_node_has() {
    let mut cluster = cluster(Version::V1_36, Config::default());
    let request = "GET / HTTP/1.1\r\nHost: 10.0.0.1:30999\r\n\r\n";
    assert_eq!(
        hear(&mut cluster, NODE_1, 30_999, request),
        "HTTP/1.1 200 OK\r\n\
         Content-Type: application/json\r\n\
         X-Content-Type-Options: nosniff\r\n\
         X-Load-Balancing-Endpoint-Weight: 1\r\n\
         Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Content-Length: 115\r\n\
         \r\n\
         {\n\t\"service\": {\n\t\t\"namespace\": \"default\",\n\t\t\"name\": \"shop\"\n\t},\n\
         \t\"localEndpoints\": 1,\n\t\"serviceProxyHealthy\": true\n}"
    );
    let (status, body) = ask(&mut cluster, NODE_2, 30_999, "/whatever");
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(body.contains("\"localEndpoints\": 0,"), "{body}");
}

#[test]
fn kube_proxy_1_20_says_neither_a_weight_nor_how_it_is() {
    let mut cluster = cluster(Version::V1_20, Config::default());
    let heard = hear(&mut cluster, NODE_1, 30_999, "GET / HTTP/1.0\r\n\r\n");
    assert!(!heard.contains("Weight"), "{heard}");
    let body = "\r\n\r\n{\n\t\"service\": {\n\t\t\"namespace\": \"default\",\n\t\t\"name\": \"shop\"\n\t},\n\
                \t\"localEndpoints\": 1\n}";
    assert!(heard.ends_with(body), "{heard}");
}

#[test]
fn a_port_for_health_checks_comes_and_goes_with_what_its_service_asks_for() {
    let mut cluster = cluster(Version::V1_36, Config::default());
    let other = SHOP.replace("30999", "30998");
    apply(&mut cluster, &other.replace("name: shop", "name: other"));
    assert_eq!(ask(&mut cluster, NODE_1, 30_998, "/").0, "HTTP/1.1 200 OK");
    let anywhere = SHOP.replace("externalTrafficPolicy: Local\n  healthCheckNodePort: 30999", "");
    apply(&mut cluster, &anywhere);
    assert_eq!(ask(&mut cluster, NODE_1, 30_999, "/").0, "");
    assert_eq!(ask(&mut cluster, NODE_1, 30_998, "/").0, "HTTP/1.1 200 OK");
    apply(&mut cluster, SHOP);
    assert_eq!(ask(&mut cluster, NODE_1, 30_999, "/").0, "HTTP/1.1 200 OK");
}

/// Takes what a program has printed since the last time.
fn printed(world: &mut World, program: ProcId) -> String {
    let end = world.now() + Duration::from_secs(1);
    world.run_until(end);
    let mut text = Vec::new();
    for output in std::mem::take(&mut world.process_mut(program).unwrap().output) {
        let Output::Stdout(bytes) = output else { panic!("{output:?}") };
        text.extend(bytes);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_client_that_stays_hears_of_endpoints_that_have_come_since() {
    let mut cluster = cluster(Version::V1_36, Config::default());
    let from = cluster.world.netns_by_name("outside").unwrap();
    let argv = ["nc", NODE_1, "30999"].map(str::to_owned).to_vec();
    let start = tools::find("nc").unwrap().start;
    let nc = start(Call { argv, to_terminal: false, columns: None });
    let nc = cluster.world.spawn_program("nc", from, nc);
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    cluster.world.feed(nc, Some(request.as_bytes()));
    assert!(printed(&mut cluster.world, nc).contains("\"localEndpoints\": 1,"));
    let pod = SHOP.split("---").next().unwrap().replace("{name: web, l", "{name: web-2, l");
    apply(&mut cluster, &pod);
    cluster.world.feed(nc, Some(request.as_bytes()));
    assert!(printed(&mut cluster.world, nc).contains("\"localEndpoints\": 2,"));
}

#[test]
fn a_kube_proxy_says_that_it_is_well() {
    let mut cluster = cluster(Version::V1_36, Config::default());
    wait(&mut cluster);
    let (status, body) = ask(&mut cluster, NODE_2, 10_256, "/healthz");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        body,
        "{\"lastUpdated\":\"2026-01-01T00:00:01.5Z\",\"currentTime\":\"2026-01-01T00:00:01.5Z\",\
         \"nodeEligible\":true,\"healthy\":true,\
         \"status\":{\"IPv4\":{\"lastUpdated\":\"2026-01-01T00:00:00Z\",\"healthy\":true}}}"
    );
    let (_, alive) = ask(&mut cluster, NODE_2, 10_256, "/livez");
    assert_eq!(alive, body.replace("\"nodeEligible\":true,", ""));
    let (status, body) = ask(&mut cluster, NODE_2, 10_256, "/");
    assert_eq!((&*status, &*body), ("HTTP/1.1 404 Not Found", "404 page not found\n"));
}

#[test]
fn kube_proxies_before_1_36_write_moments_as_their_logs_do() {
    let mut cluster = cluster(Version::V1_30, Config::default());
    wait(&mut cluster);
    let alive = format!("{{\"lastUpdated\": \"{MOMENT}\",\"currentTime\": \"{MOMENT}\"");
    let well = format!("{alive}, \"nodeEligible\": true}}");
    assert_eq!(ask(&mut cluster, NODE_2, 10_256, "/healthz").1, well);
    assert_eq!(ask(&mut cluster, NODE_2, 10_256, "/livez").1, format!("{alive}}}"));
}

#[test]
fn kube_proxy_1_20_has_no_other_place_to_ask_than_healthz() {
    let mut cluster = cluster(Version::V1_20, Config::default());
    wait(&mut cluster);
    let well = format!("{{\"lastUpdated\": \"{MOMENT}\",\"currentTime\": \"{MOMENT}\"}}");
    assert_eq!(ask(&mut cluster, NODE_2, 10_256, "/healthz").1, well);
    assert_eq!(ask(&mut cluster, NODE_2, 10_256, "/livez").0, "HTTP/1.1 404 Not Found");
}

#[test]
fn a_node_that_is_to_go_takes_no_new_traffic_from_1_30_on() {
    let tainted = "apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\nspec: {taints: \
                   [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}\n";
    let cases = [
        (Version::V1_20, "HTTP/1.1 200 OK"),
        (Version::V1_30, "HTTP/1.1 503 Service Unavailable"),
        (Version::V1_36, "HTTP/1.1 503 Service Unavailable"),
    ];
    for (version, expected) in cases {
        let mut cluster = cluster(version, Config::default());
        apply(&mut cluster, tainted);
        wait(&mut cluster);
        let (status, body) = ask(&mut cluster, NODE_1, 10_256, "/healthz");
        assert_eq!(status, expected, "{version}");
        // Who takes nothing new tells when it last wrote rules, not that all is well now.
        let (updated, now) = body.split_once("currentTime").unwrap();
        assert_eq!(updated.contains("00:00:01.5"), version == Version::V1_20, "{body}");
        assert!(now.contains("00:00:01.5"), "{body}");
        let alive = ask(&mut cluster, NODE_1, 10_256, "/livez").0;
        assert_eq!(alive == "HTTP/1.1 200 OK", version > Version::V1_20, "{version}");
    }
}

#[test]
fn it_listens_where_its_settings_say() {
    let text = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n\
                healthzBindAddress: 127.0.0.1\nnodePortAddresses: [127.0.0.0/8]\n";
    let mut cluster = cluster(Version::V1_36, Config::read(text).unwrap());
    for port in [10_256, 30_999] {
        let request = "GET /healthz HTTP/1.0\r\n\r\n";
        assert_eq!(hear(&mut cluster, NODE_1, port, request), "", "{port}");
        let heard = hear_at(&mut cluster, "node-1", "127.0.0.1", port, request);
        assert!(heard.starts_with("HTTP/1.0 200 OK\r\n"), "{port}: {heard}");
    }
    for same in ["\"\"", "null", "0.0.0.0", "\"[::]:10256\""] {
        let config = Config::read(&text.replace("127.0.0.1", same)).unwrap();
        assert_eq!(config.healthz_bind_address, Config::default().healthz_bind_address, "{same}");
    }
    let wrong = Config::read(&text.replace("127.0.0.1", "nowhere")).unwrap_err();
    assert_eq!(wrong[0].message, "healthzBindAddress: nowhere: must be IP:port");
}

//! The compact form in which states are noted down.

use std::fmt::Write as _;
use std::str::FromStr;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use sim_core::family::AddressFamily;
use sim_kube::object::{Object, Store};

use super::{Expected, Flow, State};

/// The namespace of Services that name none.
const NAMESPACE: &str = "ns";
/// The settings that all states have.
const CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

/// Reads states.
pub(super) fn read(text: &str) -> Vec<State> {
    let mut states: Vec<State> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("  ") {
            None => states.push(State {
                name: line.to_owned(),
                family: AddressFamily::Inet,
                rules: None,
                flows: Vec::new(),
                store: Store::default(),
                config: CONFIG.to_owned(),
            }),
            Some(line) => states.last_mut().expect("a state begins with its name").read(line),
        }
    }
    states
}

impl State {
    fn read(&mut self, line: &str) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "family" => self.family = family(rest),
            "pods" => self.set(&format!("clusterCIDR: \"{rest}\"")),
            "masquerade-all" => self.set_iptables("masqueradeAll: true"),
            "localhost-node-ports" => self.set_iptables("localhostNodePorts: false"),
            "node-port-addresses" => {
                let list = rest.replace(' ', "\", \"");
                self.set(&format!("nodePortAddresses: [\"{list}\"]"));
            }
            "rules" => self.rules = Some(rest.to_owned()),
            "service" => Object::from(service(rest)).put(&mut self.store),
            "endpoint" => {
                let slice = slice(self.family, self.store.endpoint_slices.len(), rest);
                Object::from(slice).put(&mut self.store);
            }
            "flow" => self.flows.push(flow(rest)),
            other => panic!("{other}"),
        }
    }

    fn set(&mut self, setting: &str) {
        writeln!(self.config, "{setting}").expect("a string takes everything");
    }

    fn set_iptables(&mut self, setting: &str) {
        if !self.config.contains("iptables:") {
            self.set("iptables:");
        }
        self.set(&format!("  {setting}"));
    }
}

fn family(text: &str) -> AddressFamily {
    match text {
        "IPv6" => AddressFamily::Inet6,
        other => panic!("{other}"),
    }
}

fn parse<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// The next of some words.
fn next<'a>(words: &mut impl Iterator<Item = &'a str>) -> &'a str {
    words.next().expect("a line is complete")
}

/// `svc`, or `ns/svc`: namespace and name.
fn named(text: &str) -> (Option<String>, &str) {
    let (namespace, name) = text.split_once('/').unwrap_or((NAMESPACE, text));
    (Some(namespace.to_owned()), name)
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn service(line: &str) -> core::Service {
    let mut words = line.split(' ');
    let (namespace, name) = named(next(&mut words));
    let mut service = core::Service::default();
    service.metadata.name = Some(name.to_owned());
    service.metadata.namespace = namespace;
    let spec = service.spec.get_or_insert_default();
    spec.cluster_ip = Some(next(&mut words).to_owned());
    while let (Some(what), Some(value)) = (words.next(), words.next()) {
        match what {
            "external" => spec.external_ips = Some(list(value)),
            "type" => spec.type_ = Some(value.to_owned()),
            "ranges" => spec.load_balancer_source_ranges = Some(list(value)),
            "external-policy" => spec.external_traffic_policy = Some(value.to_owned()),
            "internal-policy" => spec.internal_traffic_policy = Some(value.to_owned()),
            "health" => spec.health_check_node_port = Some(parse(value)),
            "port" => spec.ports.get_or_insert_default().push(port(value)),
            "balancer" => {
                let status = service.status.get_or_insert_default();
                let ingress = status.load_balancer.get_or_insert_default();
                let point = |ip| core::LoadBalancerIngress { ip: Some(ip), ..Default::default() };
                ingress.ingress = Some(list(value).into_iter().map(point).collect());
            }
            other => panic!("{other}"),
        }
    }
    service
}

fn slice(family: AddressFamily, number: usize, line: &str) -> discovery::EndpointSlice {
    let mut words = line.split(' ');
    let (namespace, service) = named(next(&mut words));
    let mut endpoint =
        discovery::Endpoint { addresses: vec![next(&mut words).to_owned()], ..Default::default() };
    let mut ports = Vec::new();
    while let Some(what) = words.next() {
        let conditions = endpoint.conditions.get_or_insert_default();
        match what {
            "node" => endpoint.node_name = words.next().map(str::to_owned),
            "serving" => (conditions.ready, conditions.serving) = (Some(false), Some(true)),
            "not-serving" => (conditions.ready, conditions.serving) = (Some(false), Some(false)),
            "terminating" => conditions.terminating = Some(true),
            "port" => ports.push(endpoint_port(next(&mut words))),
            other => panic!("{other}"),
        }
    }
    let address_type = match family {
        AddressFamily::Inet => "IPv4",
        AddressFamily::Inet6 => "IPv6",
    };
    let mut slice = discovery::EndpointSlice {
        address_type: address_type.to_owned(),
        endpoints: Some(vec![endpoint]),
        ports: Some(ports),
        ..Default::default()
    };
    slice.metadata.name = Some(format!("{service}-{number}"));
    slice.metadata.namespace = namespace;
    let label = ("kubernetes.io/service-name".to_owned(), service.to_owned());
    slice.metadata.labels = Some([label].into());
    slice
}

/// `http/tcp/80/3001`: name, protocol, port, and perhaps node port.
fn port(text: &str) -> core::ServicePort {
    let mut parts = text.split('/');
    core::ServicePort {
        name: Some(next(&mut parts).to_owned()),
        protocol: Some(next(&mut parts).to_uppercase()),
        port: parse(next(&mut parts)),
        node_port: parts.next().map(parse),
        ..Default::default()
    }
}

fn endpoint_port(text: &str) -> discovery::EndpointPort {
    let port = port(text);
    discovery::EndpointPort {
        name: port.name,
        protocol: port.protocol,
        port: Some(port.port),
        ..Default::default()
    }
}

/// `10.0.0.2 > 172.30.0.41:80 tcp = 10.180.0.1:80`.
fn flow(line: &str) -> Flow {
    let (packet, end) = line.split_once(" = ").expect("a flow has an end");
    let mut words = packet.split(' ');
    let src = parse(next(&mut words));
    assert_eq!(words.next(), Some(">"), "{line}");
    Flow {
        src,
        to: parse(next(&mut words)),
        protocol: next(&mut words).to_owned(),
        expected: expected(end),
    }
}

fn expected(text: &str) -> Expected {
    let (what, are_masqueraded) = match text.strip_suffix(" masqueraded") {
        Some(what) => (what, true),
        None => (text, false),
    };
    match what {
        "unchanged" => Expected::Unchanged,
        "ACCEPT" => Expected::Accepted,
        "REJECT" => Expected::Rejected,
        "DROP" => Expected::Dropped,
        _ => Expected::Endpoints { to: what.split(',').map(parse).collect(), are_masqueraded },
    }
}

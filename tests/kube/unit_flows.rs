//! The packets of kube-proxy's own unit tests, sent through the rules for real, there and back.
//!
//! Its tests follow a packet through the text of the rules; `tests/kube-proxy/unit-flows.txt` has what they expect.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddrV4;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use sim_core::family::AddressFamily;
use sim_core::world::World;
use sim_kube::host::{Host, IptablesBackend};
use sim_kube::object::Store;
use sim_kube::proxy::Version;
use sim_kube::proxy::config::Config;
use sim_kube::proxy::iptables::Proxier;

use crate::node::{self, Pods};
use crate::probe::{End, Probe};

/// So many packets are sent of each flow: whatever ends are possible with three endpoints show.
const PACKETS: u16 = 24;
/// The addresses of the node of those tests.
const NODE: &str = "
ip addr add 192.168.0.2/24 dev eth0
ip addr add 192.168.1.2/24 dev eth0
ip addr add 192.168.99.11/24 dev eth0
ip neigh add 192.168.99.22 lladdr 02:00:00:00:50:02 dev eth0 nud permanent
";

/// What a unit test gives to the proxier, and what becomes of packets.
#[derive(Default)]
struct State {
    name: String,
    store: Store,
    config: String,
    flows: Vec<(Probe, Expected)>,
}

/// What becomes of packets.
enum Expected {
    /// They go where they were sent, or the node takes them.
    Unchanged,
    /// The node takes them.
    Accepted,
    /// An error comes back.
    Rejected,
    /// Nothing.
    Dropped,
    /// They go to one of these, as coming from their sender, or from the node.
    Endpoints { to: BTreeSet<SocketAddrV4>, are_masqueraded: bool },
}

impl Expected {
    fn parse(text: &str) -> Self {
        let (what, are_masqueraded) = match text.strip_suffix(" masqueraded") {
            Some(what) => (what, true),
            None => (text, false),
        };
        match what {
            "unchanged" => Self::Unchanged,
            "ACCEPT" => Self::Accepted,
            "REJECT" => Self::Rejected,
            "DROP" => Self::Dropped,
            _ => {
                let to = what.split(',').map(|text| text.parse().unwrap()).collect();
                Self::Endpoints { to, are_masqueraded }
            }
        }
    }
}

impl State {
    fn all() -> Vec<Self> {
        let mut states: Vec<Self> = Vec::new();
        for line in include_str!("../kube-proxy/unit-flows.txt").lines() {
            match line.strip_prefix("  ") {
                None => states.push(Self {
                    name: line.to_owned(),
                    config: "apiVersion: kubeproxy.config.k8s.io/v1alpha1\n\
                             kind: KubeProxyConfiguration\n"
                        .to_owned(),
                    ..Self::default()
                }),
                Some(line) => states.last_mut().unwrap().read(line),
            }
        }
        states
    }

    fn read(&mut self, line: &str) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "pods" => writeln!(self.config, "clusterCIDR: {rest}").unwrap(),
            "masquerade-all" => self.iptables("masqueradeAll: true"),
            "localhost-node-ports" => self.iptables("localhostNodePorts: false"),
            "node-port-addresses" => {
                let list = rest.replace(' ', ", ");
                writeln!(self.config, "nodePortAddresses: [{list}]").unwrap();
            }
            "service" => self.service(rest),
            "endpoint" => self.endpoint(rest),
            "flow" => self.flow(rest),
            other => panic!("{other}"),
        }
    }

    fn iptables(&mut self, setting: &str) {
        if !self.config.contains("iptables:") {
            self.config.push_str("iptables:\n");
        }
        writeln!(self.config, "  {setting}").unwrap();
    }

    fn service(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (name, ip) = (words.next().unwrap(), words.next().unwrap());
        let mut service = core::Service::default();
        service.metadata.name = Some(name.to_owned());
        service.metadata.namespace = Some("ns".to_owned());
        let spec = service.spec.get_or_insert_default();
        spec.cluster_ip = Some(ip.to_owned());
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        while let (Some(what), Some(value)) = (words.next(), words.next()) {
            match what {
                "external" => spec.external_ips = Some(list(value)),
                "type" => spec.type_ = Some(value.to_owned()),
                "ranges" => spec.load_balancer_source_ranges = Some(list(value)),
                "external-policy" => spec.external_traffic_policy = Some(value.to_owned()),
                "internal-policy" => spec.internal_traffic_policy = Some(value.to_owned()),
                "health" => spec.health_check_node_port = Some(value.parse().unwrap()),
                "port" => spec.ports.get_or_insert_default().push(port(value)),
                "balancer" => {
                    let status = service.status.get_or_insert_default();
                    let ingress = status.load_balancer.get_or_insert_default();
                    let point = |ip: String| core::LoadBalancerIngress {
                        ip: Some(ip),
                        ..Default::default()
                    };
                    ingress.ingress = Some(list(value).into_iter().map(point).collect());
                }
                other => panic!("{other}"),
            }
        }
        sim_kube::object::Object::from(service).put(&mut self.store);
    }

    fn endpoint(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (service, ip) = (words.next().unwrap(), words.next().unwrap());
        let mut endpoint =
            discovery::Endpoint { addresses: vec![ip.to_owned()], ..Default::default() };
        let mut ports = Vec::new();
        while let Some(what) = words.next() {
            let conditions = endpoint.conditions.get_or_insert_default();
            match what {
                "node" => endpoint.node_name = words.next().map(str::to_owned),
                "serving" => (conditions.ready, conditions.serving) = (Some(false), Some(true)),
                "not-serving" => {
                    (conditions.ready, conditions.serving) = (Some(false), Some(false));
                }
                "terminating" => conditions.terminating = Some(true),
                "port" => ports.push(endpoint_port(words.next().unwrap())),
                other => panic!("{other}"),
            }
        }
        let mut slice = discovery::EndpointSlice {
            address_type: "IPv4".to_owned(),
            endpoints: Some(vec![endpoint]),
            ports: Some(ports),
            ..Default::default()
        };
        let number = self.store.endpoint_slices.len();
        slice.metadata.name = Some(format!("{service}-{number}"));
        slice.metadata.namespace = Some("ns".to_owned());
        let label = ("kubernetes.io/service-name".to_owned(), service.to_owned());
        slice.metadata.labels = Some([label].into());
        sim_kube::object::Object::from(slice).put(&mut self.store);
    }

    fn flow(&mut self, line: &str) {
        let (packet, end) = line.split_once(" = ").unwrap();
        let is_here =
            ["192.168.0.2 ", "192.168.1.2 ", "127."].iter().any(|ip| packet.starts_with(ip));
        let from = if is_here { "node" } else { "wire" };
        let probe = format!("{from} {packet}").parse().unwrap();
        self.flows.push((probe, Expected::parse(end)));
    }

    /// The node with the rules.
    fn node(&self) -> World {
        let mut world = node::world(Pods::Routed);
        node::run(&mut world, NODE);
        let mut here = core::Node::default();
        here.metadata.name = Some("here".to_owned());
        let addresses = here.status.get_or_insert_default().addresses.get_or_insert_default();
        addresses.push(core::NodeAddress {
            type_: "InternalIP".to_owned(),
            address: "192.168.0.2".to_owned(),
        });
        let config = Config::read(&self.config).unwrap();
        let mut proxier = Proxier::new(Version::V1_36, AddressFamily::Inet, config, &here);
        proxier.set_services(self.store.services.values());
        proxier.set_endpoints(self.store.endpoint_slices.values());
        let netns = world.initial_netns();
        proxier
            .sync(&mut Host { world: &mut world, netns, iptables: IptablesBackend::Nft })
            .unwrap();
        world
    }
}

/// `http/tcp/80/3001`: name, protocol, port, and perhaps node port.
fn port(text: &str) -> core::ServicePort {
    let parts: Vec<&str> = text.split('/').collect();
    core::ServicePort {
        name: Some(parts[0].to_owned()),
        protocol: Some(parts[1].to_uppercase()),
        port: parts[2].parse().unwrap(),
        node_port: parts.get(3).map(|number| number.parse().unwrap()),
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

/// What is wrong with the end of a packet.
fn complaint(probe: &Probe, expected: &Expected, end: &End) -> Option<String> {
    let End(end) = end;
    let is_well = match expected {
        Expected::Unchanged => end.contains(&format!("> {}", probe.to)) && !end.contains("masq"),
        Expected::Accepted => *end == format!("input {} > {}", probe.src, probe.to),
        Expected::Rejected => end.starts_with("reject 3/3 "),
        Expected::Dropped => end.starts_with("drop"),
        Expected::Endpoints { to, are_masqueraded } => {
            let hits = |to: &SocketAddrV4| {
                end.ends_with(&format!("> {to} masqueraded")) || end.ends_with(&format!("> {to}"))
            };
            end.starts_with("forward ")
                && to.iter().any(hits)
                && end.ends_with("masqueraded") == *are_masqueraded
        }
    };
    (!is_well).then(|| end.clone())
}

#[test]
fn packets_and_their_replies_go_where_the_tests_of_kube_proxy_say() {
    let (mut found, mut count) = (String::new(), 0);
    for state in State::all() {
        let world = state.node();
        for (probe, expected) in &state.flows {
            count += 1;
            let mut reached = BTreeSet::new();
            let mut world = world.clone();
            for i in 0..PACKETS {
                let passed = probe.pass(&mut world, Pods::Routed, 20_000 + i);
                if let Some(end) = complaint(probe, expected, &passed.end) {
                    writeln!(found, "{}: {probe:?}: {end}", state.name).unwrap();
                    break;
                }
                if let Some(forwarded) = passed.forwarded {
                    reached.insert(forwarded.to);
                    if matches!(expected, Expected::Endpoints { .. })
                        && let Err(why) = probe.answer(&mut world, &forwarded, 20_000 + i)
                    {
                        writeln!(found, "{}: {probe:?}: reply: {why}", state.name).unwrap();
                        break;
                    }
                }
            }
            if let Expected::Endpoints { to, .. } = expected
                && reached != *to
            {
                writeln!(found, "{}: {probe:?}: only {reached:?}", state.name).unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{found}");
    // Those of IPv6 are not among them.
    assert_eq!(count, 231);
}

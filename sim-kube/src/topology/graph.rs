//! Who is connected to whom.

use petgraph::algo::dijkstra;
use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::unionfind::UnionFind;
use petgraph::visit::EdgeRef as _;

use super::{Role, Topology, Wire};

/// What the graph connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Network(usize),
    Machine(usize),
}

/// How two places are connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Link {
    /// By an interface of a machine: where it stands.
    Interface(usize),
    /// By a wire between switches.
    Wire,
}

/// The machines and switches of a topology, and what connects them.
pub(super) struct Graph<'t> {
    topology: &'t Topology,
    graph: UnGraph<Place, Link>,
    networks: Vec<NodeIndex>,
    machines: Vec<NodeIndex>,
}

/// The next router on the way to a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hop {
    /// Where the machine stands.
    pub(super) machine: usize,
    /// Which of its interfaces is reached.
    pub(super) interface: usize,
}

impl<'t> Graph<'t> {
    pub(super) fn new(topology: &'t Topology) -> Self {
        let mut graph = UnGraph::default();
        let networks: Vec<NodeIndex> =
            (0..topology.networks.len()).map(|i| graph.add_node(Place::Network(i))).collect();
        let machines: Vec<NodeIndex> =
            (0..topology.machines.len()).map(|i| graph.add_node(Place::Machine(i))).collect();
        for (i, machine) in topology.machines.iter().enumerate() {
            for (j, interface) in machine.interfaces.iter().enumerate() {
                graph.add_edge(machines[i], networks[interface.network], Link::Interface(j));
            }
        }
        for Wire { between: [a, b], .. } in &topology.wires {
            graph.add_edge(networks[*a], networks[*b], Link::Wire);
        }
        Self { topology, graph, networks, machines }
    }

    /// The wires that close a loop of switches, in which a frame would go round for ever.
    pub(super) fn loops(&self) -> Vec<&'t Wire> {
        let mut joined = UnionFind::new(self.topology.networks.len());
        let closes = |wire: &&Wire| !joined.union(wire.between[0], wire.between[1]);
        self.topology.wires.iter().filter(closes).collect()
    }

    fn passes_on(&self, place: Place) -> bool {
        match place {
            Place::Network(_) => true,
            Place::Machine(i) => self.topology.machines[i].role == Role::Router,
        }
    }

    /// How far every place is from a machine, by way of switches and routers alone.
    fn distances(&self, from: NodeIndex) -> Vec<Option<usize>> {
        let mut open = self.graph.clone();
        open.retain_edges(|graph, edge| {
            let ends = graph.edge_endpoints(edge).map(|(a, b)| [a, b]);
            ends.is_some_and(|ends| {
                ends.iter().all(|end| *end == from || self.passes_on(graph[*end]))
            })
        });
        let found = dijkstra(&open, from, None, |_| 1_usize);
        self.graph.node_indices().map(|place| found.get(&place).copied()).collect()
    }

    /// Whether a machine reaches a network, by way of switches and routers alone.
    fn reaches_network(&self, machine: usize, network: usize) -> bool {
        self.distances(self.machines[machine])[self.networks[network].index()].is_some()
    }

    /// The machines of `others` that `machine` does not reach.
    pub(super) fn unreached(&self, machine: usize, others: &[usize]) -> Vec<usize> {
        let reaches = |other: &usize| {
            let mut interfaces = self.topology.machines[*other].interfaces.iter();
            interfaces.any(|interface| self.reaches_network(machine, interface.network))
        };
        others.iter().copied().filter(|other| !reaches(other)).collect()
    }

    /// The networks that are one with `network`, because wires join them.
    fn segment(&self, network: usize) -> Vec<usize> {
        let mut found = vec![network];
        let mut next = 0;
        while next < found.len() {
            for edge in self.graph.edges(self.networks[found[next]]) {
                let ends = [edge.source(), edge.target()].map(|end| self.graph[end]);
                let joined = ends.into_iter().filter_map(|end| match (end, edge.weight()) {
                    (Place::Network(other), Link::Wire) => Some(other),
                    (Place::Network(_) | Place::Machine(_), _) => None,
                });
                for other in joined {
                    if !found.contains(&other) {
                        found.push(other);
                    }
                }
            }
            next += 1;
        }
        found
    }

    /// The router by which a machine comes nearest to a network that it is not in; of equals the first in the file.
    pub(super) fn next_hop(&self, machine: usize, network: usize) -> Option<Hop> {
        let machines = &self.topology.machines;
        let own: Vec<usize> =
            machines[machine].interfaces.iter().flat_map(|i| self.segment(i.network)).collect();
        if own.contains(&network) {
            return None;
        }
        let far =
            |hop: &Hop| self.distances(self.machines[hop.machine])[self.networks[network].index()];
        let routers = machines
            .iter()
            .enumerate()
            .filter(|(i, other)| *i != machine && other.role == Role::Router);
        let hops = routers.flat_map(|(i, router)| {
            let near = router.interfaces.iter().enumerate();
            near.filter(|(_, interface)| own.contains(&interface.network))
                .map(move |(interface, _)| Hop { machine: i, interface })
        });
        hops.filter_map(|hop| Some((far(&hop)?, hop)))
            .min_by_key(|(far, _)| *far)
            .map(|(_, hop)| hop)
    }

    /// The topology as a graph for `dot(1)`.
    pub(super) fn dot(&self) -> String {
        let mut lines = vec!["graph topology {".to_owned(), "  rankdir=LR;".to_owned()];
        for network in &self.topology.networks {
            lines.push(format!(
                "  {:?} [shape=box, label={:?}];",
                network.name,
                format!("{}\n{}", network.name, self.subnets(network))
            ));
        }
        for machine in &self.topology.machines {
            let shape = match machine.role {
                Role::Node(_) => "box3d",
                Role::Router => "diamond",
                Role::Host => "ellipse",
            };
            lines.push(format!("  {:?} [shape={shape}];", machine.name));
        }
        for (machine, network, label) in self.edges() {
            lines.push(format!("  {machine:?} -- {network:?} [label={label:?}];"));
        }
        for [a, b] in self.wires() {
            lines.push(format!("  {a:?} -- {b:?};"));
        }
        lines.push("}\n".to_owned());
        lines.join("\n")
    }

    /// The topology as a flowchart of Mermaid.
    pub(super) fn mermaid(&self) -> String {
        let mut lines = vec!["flowchart LR".to_owned()];
        for network in &self.topology.networks {
            let (name, subnets) = (&network.name, self.subnets(network));
            lines.push(format!("  {name}[\"{name}<br/>{subnets}\"]"));
        }
        for machine in &self.topology.machines {
            let name = &machine.name;
            lines.push(match machine.role {
                Role::Node(_) => format!("  {name}[[\"{name}\"]]"),
                Role::Router => format!("  {name}{{\"{name}\"}}"),
                Role::Host => format!("  {name}([\"{name}\"])"),
            });
        }
        for (machine, network, label) in self.edges() {
            lines.push(format!("  {machine} ---|\"{label}\"| {network}"));
        }
        for [a, b] in self.wires() {
            lines.push(format!("  {a} --- {b}"));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    fn subnets(&self, network: &super::Network) -> String {
        network.subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The interfaces: machine, network, device with its address.
    fn edges(&self) -> impl Iterator<Item = (&'t str, &'t str, String)> {
        self.topology.machines.iter().flat_map(|machine| {
            machine.interfaces.iter().map(|interface| {
                let network = self.topology.networks[interface.network].name.as_str();
                let label = format!("{} {}", interface.name, interface.address.addr());
                (machine.name.as_str(), network, label)
            })
        })
    }

    fn wires(&self) -> impl Iterator<Item = [&'t str; 2]> {
        self.topology
            .wires
            .iter()
            .map(|wire| wire.between.map(|end| self.topology.networks[end].name.as_str()))
    }
}

impl Topology {
    /// The topology as a graph for `dot(1)`.
    #[must_use]
    pub fn dot(&self) -> String {
        Graph::new(self).dot()
    }

    /// The topology as a flowchart of Mermaid.
    #[must_use]
    pub fn mermaid(&self) -> String {
        Graph::new(self).mermaid()
    }
}

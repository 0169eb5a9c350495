//! Topologies: machines, what connects them, and the cluster on them, as people write them down.
//!
//! Everything is a network namespace: a machine is one, and so is a switch, whose bridge has a port for each machine.
//! `docs/topology.md` has the fields of a file.

mod build;
mod check;
mod graph;
mod schema;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use ipnet::Ipv4Net;
use sim_core::link::DevName;
use sim_core::packet::MacAddr;

use crate::cni;
use crate::files::{FileMistake, NamedFiles, ReadFile, in_file, no_files};
use crate::proxy::Version;
use crate::reading::{self, Mistake, Placed};

pub use build::BuildError;
pub(crate) use build::{add_namespace, host};

/// Machines, what connects them, and the cluster on them.
#[derive(Clone, Debug)]
pub struct Topology {
    /// What decides about everything random.
    pub seed: u64,
    /// The switches.
    pub networks: Vec<Network>,
    /// The wires between switches: where both stand in `networks`.
    pub wires: Vec<Wire>,
    /// The machines, in the order of the file.
    pub machines: Vec<Machine>,
    /// The cluster, if some of the machines are nodes.
    pub cluster: Option<Cluster>,
}

/// A switch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The ranges of addresses on it.
    pub subnets: Vec<Ipv4Net>,
    /// The largest packet that it carries, in bytes.
    pub mtu: u32,
    /// Its place in the file.
    span: Range<usize>,
}

/// A wire between two switches: where they stand in [`Topology::networks`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wire {
    /// Both ends.
    pub between: [usize; 2],
    /// Its place in the file.
    span: Range<usize>,
}

/// A machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Machine {
    /// Its name, which is that of its namespace.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its interfaces, in the order of the file.
    pub interfaces: Vec<Interface>,
    /// Where everything goes that it knows no other way for.
    pub gateway: Option<Ipv4Addr>,
    /// Other ways.
    pub routes: Vec<Route>,
    /// Its place in the file.
    span: Range<usize>,
}

/// What a machine is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Role {
    /// It is one of the cluster.
    Node(NodeRole),
    /// It passes on what others send.
    Router,
    /// It is outside the cluster.
    Host,
}

/// What a machine is in the cluster.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeRole {
    /// The addresses of its pods; without them the cluster gives some.
    pub pod_cidr: Option<Ipv4Net>,
    /// Its address for the world outside.
    pub external_ip: Option<Ipv4Addr>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// An interface of a machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: DevName,
    /// Where its network stands in [`Topology::networks`].
    pub network: usize,
    /// Its address and the range that it is in.
    pub address: Ipv4Net,
    /// Its address of the link layer; without one chance decides.
    pub mac: Option<MacAddr>,
    /// Its place in the file.
    span: Range<usize>,
}

/// A way to a range of addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// The range.
    pub to: Ipv4Net,
    /// The next router.
    pub via: Ipv4Addr,
    /// Its place in the file.
    span: Range<usize>,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Which Kubernetes it is.
    pub version: Version,
    /// The addresses of all pods.
    pub pod_cidr: Placed<Ipv4Net>,
    /// How long the prefixes are that nodes get of them.
    pub node_mask: u8,
    /// The addresses of Services.
    pub service_cidr: Placed<Ipv4Net>,
    /// The ports of nodes for Services.
    pub node_ports: RangeInclusive<u16>,
    /// The plugin that connects pods, with its settings; without one they are not connected.
    pub cni: Option<cni::Setup>,
    /// Whether there is a kube-proxy on each node.
    pub kube_proxy: bool,
    /// The file with its settings, if they are not all as by default.
    pub kube_proxy_config: Option<Placed<String>>,
    /// Files with manifests.
    pub manifests: Vec<Placed<String>>,
}

impl Topology {
    /// Reads a topology that has all settings of its plugin itself: to name a file with them is a mistake.
    ///
    /// # Errors
    /// All mistakes in the text, in the order of their places.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        let (topology, found) = Self::read_all(Path::new(""), text, &mut no_files);
        let found: Vec<Mistake> = found.into_iter().map(|found| found.mistake).collect();
        if found.is_empty() { Ok(topology) } else { Err(found) }
    }

    /// Reads the topology in the file `path`, which holds `text`, with the files that have settings of its plugin.
    /// Those of others are read with a whole [`Blueprint`](crate::blueprint::Blueprint).
    ///
    /// # Errors
    /// All mistakes in all of them, those of the topology first.
    pub fn load(path: &Path, text: &str, read: ReadFile<'_>) -> Result<Self, Vec<FileMistake>> {
        let (topology, found) = Self::read_all(path, text, read);
        if found.is_empty() { Ok(topology) } else { Err(found) }
    }

    /// The same, but there is a topology also if something is wrong, of what is not. In what is no TOML, names of files
    /// may not be those that were meant; then they are left out.
    pub(crate) fn read_all(
        path: &Path,
        text: &str,
        read: ReadFile<'_>,
    ) -> (Self, Vec<FileMistake>) {
        let is_toml = reading::is_toml(text);
        let mut files =
            if is_toml { NamedFiles::new(path, read) } else { NamedFiles::left_alone(path) };
        let (mut topology, found) = reading::read_all(text, "a topology", |fields, mistakes| {
            let topology = schema::topology(fields, &mut files, mistakes);
            check::check(&topology, mistakes);
            topology
        });
        if let Some(cluster) = topology.cluster.as_mut().filter(|_| !is_toml) {
            (cluster.kube_proxy_config, cluster.manifests) = (None, Vec::new());
        }
        let mut all = in_file(path, text, found);
        all.extend(files.into_mistakes());
        (topology, all)
    }

    /// Where a machine stands in [`Self::machines`].
    #[must_use]
    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.name == name)
    }

    /// The machines of the cluster.
    pub fn nodes(&self) -> impl Iterator<Item = (&Machine, &NodeRole)> {
        self.machines.iter().filter_map(|machine| match &machine.role {
            Role::Node(node) => Some((machine, node)),
            Role::Router | Role::Host => None,
        })
    }
}

impl Machine {
    /// Its first address, by which others know it.
    #[must_use]
    pub fn ip(&self) -> Option<Ipv4Addr> {
        self.interfaces.first().map(|interface| interface.address.addr())
    }
}

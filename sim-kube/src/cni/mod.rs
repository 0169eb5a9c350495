//! Container network plugins: what gives pods their devices, addresses and routes.
//!
//! A [`Plugin`] is what runs on one node: its daemon, if it has one, and the binaries that the container runtime
//! calls for each sandbox of a pod (ADD and DEL of the Container Network Interface, version 1.0.0). What it makes it
//! makes by requests and commands in the node's namespace and in the pod's.
//!
//! What real plugins draw at random comes from streams of the world's generator: the names of veth devices on the
//! node from `cni.veth`, the link layer addresses of flannel's tunnels from `cni.flannel`. The addresses of veth
//! devices and bridges are the kernel's own choice, here as there.

pub mod bridge;
pub mod conflist;
mod device;
mod error;
pub mod flannel;
pub mod host_local;
mod hostport;
pub mod ipam;
pub mod kubenet;
mod masquerade;
mod names;
mod node_routes;
pub mod portmap;
pub mod ptp;
pub mod sandbox;
mod setup;
mod tables;
mod veth;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use sim_core::link::DevName;

pub use self::bridge::{Bridge, Gateway, Hairpin};
pub use self::conflist::Conflist;
pub use self::error::CniError;
pub use self::flannel::Flannel;
pub use self::ipam::Ipam;
pub use self::kubenet::Kubenet;
pub use self::node_routes::NodeRoutes;
pub use self::portmap::Portmap;
pub use self::ptp::Ptp;
pub use self::setup::{Network, Setup, plugin, plugin_names};
use crate::host::Host;
use crate::proxy::service::Protocol;

/// What the metadata of Nodes say about plugins, by key.
pub type Annotations = BTreeMap<String, String>;

/// A network of pods, as it runs on one node.
///
/// `host` is the node's own namespace in each of the calls.
pub trait Plugin: fmt::Debug + Send + Sync {
    /// Starts it on its node; answers what the Node is to be annotated with.
    ///
    /// # Errors
    /// When the plugin does not start.
    fn start(&mut self, host: &mut Host<'_>) -> Result<Annotations, CniError>;

    /// Takes notice of the other nodes there are now.
    ///
    /// # Errors
    /// When something could not be made or taken away for one of them; the others are served all the same.
    fn set_peers(&mut self, host: &mut Host<'_>, peers: &[Peer]) -> Result<(), CniError>;

    /// Connects a pod (ADD), whose namespace is there; answers the pod's addresses.
    ///
    /// # Errors
    /// When it could not be connected. What was made for it has been taken away again.
    fn add(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<Vec<IpAddr>, CniError>;

    /// Takes away what was made for a pod (DEL), as often as one likes.
    ///
    /// # Errors
    /// When something could not be taken away.
    fn del(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError>;

    /// What calls it for each sandbox.
    fn runtime(&self) -> Runtime {
        Runtime::Cni
    }

    /// A copy of it, with all that it remembers.
    fn boxed_clone(&self) -> Box<dyn Plugin>;
}

impl Clone for Box<dyn Plugin> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}

/// What calls a plugin for each sandbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Runtime {
    /// Whatever runtime the kubelet has, by the Container Network Interface.
    Cni,
    /// The kubelet itself, as long as it had kubenet.
    Kubenet,
}

/// What a plugin knows of its own node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// The Node's name.
    pub name: String,
    /// The address by which the other nodes reach it.
    pub internal_ip: Ipv4Addr,
    /// The device that has this address.
    pub uplink: DevName,
    /// How many bytes a packet may have there.
    pub mtu: u32,
    /// The addresses of its pods.
    pub pod_cidr: Ipv4Net,
    /// The addresses of all pods.
    pub cluster_cidr: Ipv4Net,
    /// What the Node is annotated with already.
    pub annotations: Annotations,
}

/// Another node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// The Node's name.
    pub name: String,
    /// The address by which it is reached.
    pub internal_ip: Ipv4Addr,
    /// The addresses of its pods.
    pub pod_cidr: Ipv4Net,
    /// What the Node is annotated with.
    pub annotations: Annotations,
}

/// The sandbox of a pod that is not in the node's own network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sandbox {
    /// The sandbox's container (`CNI_CONTAINERID`).
    pub id: String,
    /// Its network namespace, by name (`CNI_NETNS`).
    pub netns: String,
    /// The namespace of the Pod.
    pub pod_namespace: String,
    /// The name of the Pod.
    pub pod_name: String,
    /// The ports of its containers that are ports of the node, too (`portMappings`).
    pub host_ports: Vec<HostPort>,
}

/// A port of a node that leads to a pod.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HostPort {
    /// The protocol.
    pub protocol: Protocol,
    /// The port of the node.
    pub host_port: u16,
    /// The port of the pod.
    pub container_port: u16,
    /// The address of the node, if not all of them do.
    pub host_ip: Option<IpAddr>,
}

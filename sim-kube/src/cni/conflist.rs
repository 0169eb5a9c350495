//! Plugins that are called one after the other for each sandbox (`/etc/cni/net.d/*.conflist`).

pub(super) mod options;

use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::host_local::IpConfig;
use super::{Annotations, CniError, NodeRoutes, Peer, Plugin, Portmap, Sandbox, device, veth};
use crate::host::Host;

/// What a plugin is called with.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    /// The network's name.
    pub network: &'a str,
    /// The sandbox's container (`CNI_CONTAINERID`).
    pub container: &'a str,
    /// The pod's namespace, by name (`CNI_NETNS`).
    pub netns: &'a str,
}

/// What a plugin answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attached {
    /// The pod's addresses.
    pub ips: Vec<IpConfig>,
}

/// The plugin that makes the pod's device.
pub trait Main {
    /// Its name (`type`).
    const KIND: &'static str;

    /// Makes it (ADD).
    ///
    /// # Errors
    /// When it could not be made as it should be. Parts of it may be there.
    fn add(&mut self, host: &mut Host<'_>, call: Attachment<'_>) -> Result<Attached, CniError>;

    /// Takes it away (DEL), if it is there.
    ///
    /// # Errors
    /// When something could not be taken away.
    fn del(&mut self, host: &mut Host<'_>, call: Attachment<'_>) -> Result<(), CniError>;
}

impl Attachment<'_> {
    /// Removes the pod's device; answers the addresses that it had.
    pub(super) fn remove_device(self, host: &mut Host<'_>) -> Result<Vec<Ipv4Net>, CniError> {
        let Some(netns) = host.world.netns_by_name(self.netns) else { return Ok(Vec::new()) };
        let mut pod = device::within(host, netns);
        let addresses = device::addresses(&pod, veth::pod_device());
        device::remove(&mut pod, veth::pod_device())?;
        Ok(addresses)
    }
}

/// A list of plugins, and routes between nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflist<M> {
    /// The network's name.
    pub name: String,
    /// The plugin that makes the pod's device.
    pub main: M,
    /// The plugin that makes ports of the node lead to the pod; without it they don't.
    pub portmap: Option<Portmap>,
    /// The routes to the pods of other nodes, if somebody makes them.
    pub node_routes: Option<NodeRoutes>,
}

impl<M: Main> Conflist<M> {
    /// Calls the plugins for a new sandbox.
    ///
    /// # Errors
    /// When one of them fails. What they have made has been taken away again.
    pub fn attach(
        &mut self,
        host: &mut Host<'_>,
        sandbox: &Sandbox,
    ) -> Result<Vec<IpAddr>, CniError> {
        let added = self.try_to_attach(host, sandbox);
        if added.is_err() {
            // As the runtime does; what it fails at is the smaller harm.
            drop(self.detach(host, sandbox));
        }
        added
    }

    fn try_to_attach(
        &mut self,
        host: &mut Host<'_>,
        sandbox: &Sandbox,
    ) -> Result<Vec<IpAddr>, CniError> {
        let attached = self.main.add(host, attachment(&self.name, sandbox))?;
        if let (Some(portmap), Some(ip)) = (&self.portmap, attached.ips.first()) {
            let call = attachment(&self.name, sandbox);
            let added = portmap.add(host, call, ip.address, &sandbox.host_ports);
            added.map_err(|error| error.in_list("portmap"))?;
        }
        Ok(attached.ips.iter().map(|ip| ip.address.addr().into()).collect())
    }

    /// Calls the plugins for a sandbox that ends, the last one first.
    ///
    /// # Errors
    /// When one of them fails; those before it have not been called then.
    pub fn detach(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
        if let Some(portmap) = &self.portmap {
            portmap.del(host, attachment(&self.name, sandbox), &sandbox.host_ports)?;
        }
        self.main.del(host, attachment(&self.name, sandbox))
    }
}

fn attachment<'a>(network: &'a str, sandbox: &'a Sandbox) -> Attachment<'a> {
    Attachment { network, container: &sandbox.id, netns: &sandbox.netns }
}

impl<M> Plugin for Conflist<M>
where
    M: Main + Clone + std::fmt::Debug + Send + Sync + 'static,
{
    fn start(&mut self, _: &mut Host<'_>) -> Result<Annotations, CniError> {
        Ok(Annotations::new())
    }

    fn set_peers(&mut self, host: &mut Host<'_>, peers: &[Peer]) -> Result<(), CniError> {
        match &mut self.node_routes {
            Some(routes) => routes.set_peers(host, peers),
            None => Ok(()),
        }
    }

    fn add(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<Vec<IpAddr>, CniError> {
        self.attach(host, sandbox).map_err(|error| error.in_list(M::KIND))
    }

    fn del(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
        self.detach(host, sandbox)
    }

    fn boxed_clone(&self) -> Box<dyn Plugin> {
        Box::new(self.clone())
    }
}

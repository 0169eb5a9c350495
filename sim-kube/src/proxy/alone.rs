//! What a kube-proxy writes on a node that has nothing else: for comparing with one's own node.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Node;
use sim_core::family::AddressFamily;
use sim_core::world::World;

use super::config::Config;
use super::iptables::{self, Proxier};
use super::version::Version;
use crate::host::{CallError, Host, IptablesBackend};
use crate::object::Store;

/// The rules of a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alone {
    /// What `iptables-restore` is given.
    pub restore: String,
    /// What `iptables-save` prints afterwards.
    pub save: String,
}

/// Why there are no rules.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AloneError {
    /// No such node is known.
    #[error("there is no node called {0:?}")]
    NoNode(String),
    /// Something that the proxier did on the node failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Starts the kube-proxy of the node called `name` for the objects of `store`, on a machine that has the node's
/// addresses and no rules.
///
/// # Errors
/// When there is no such node.
pub fn rules(
    version: Version,
    config: Config,
    store: &Store,
    name: &str,
    backend: IptablesBackend,
) -> Result<Alone, AloneError> {
    on_empty_machine(backend, |host| start(version, config, store, name, host))
}

/// Does what [`rules`] does, and then what `kube-proxy --cleanup` does; the answer is about the latter.
///
/// # Errors
/// When there is no such node.
pub fn cleanup(
    version: Version,
    config: Config,
    store: &Store,
    name: &str,
    backend: IptablesBackend,
) -> Result<Alone, AloneError> {
    on_empty_machine(backend, |host| {
        start(version, config, store, name, host)?;
        let cleaned = iptables::cleanup(version, AddressFamily::Inet, host)?;
        match cleaned.failures.into_iter().next() {
            Some(failed) => Err(failed.into()),
            None => Ok(cleaned.restores.concat()),
        }
    })
}

/// Has something give input to `iptables-restore` on a machine without rules.
fn on_empty_machine(
    backend: IptablesBackend,
    act: impl FnOnce(&mut Host<'_>) -> Result<String, AloneError>,
) -> Result<Alone, AloneError> {
    let mut world = World::new(0);
    let netns = world.initial_netns();
    let mut host = Host { world: &mut world, netns, iptables: backend };
    let restore = act(&mut host)?;
    let save = host.must_run(&["iptables-save"], "")?;
    Ok(Alone { restore, save })
}

/// Has a kube-proxy write its rules on an empty machine; answers what `iptables-restore` was given.
fn start(
    version: Version,
    config: Config,
    store: &Store,
    name: &str,
    host: &mut Host<'_>,
) -> Result<String, AloneError> {
    let named = |node: &&Node| node.metadata.name.as_deref() == Some(name);
    let node = store.nodes.values().find(named);
    let node = node.ok_or_else(|| AloneError::NoNode(name.to_owned()))?;
    for ip in addresses(node) {
        host.must_run(&["ip", "addr", "add", &ip.to_string(), "dev", "lo"], "")?;
    }
    host.must_run(&["ip", "link", "set", "lo", "up"], "")?;
    let mut proxier = Proxier::new(version, AddressFamily::Inet, config, node);
    proxier.set_services(store.services.values());
    proxier.set_endpoints(store.endpoint_slices.values());
    Ok(proxier.sync(host)?.unwrap_or_default())
}

/// The addresses of a node by which it is known.
fn addresses(node: &Node) -> Vec<IpAddr> {
    let addresses = node.status.as_ref().and_then(|status| status.addresses.as_ref());
    let ips = addresses.into_iter().flatten().filter_map(|a| a.address.parse().ok());
    let mut ips: Vec<IpAddr> = ips.filter(IpAddr::is_ipv4).collect();
    ips.sort_unstable();
    ips.dedup();
    ips
}

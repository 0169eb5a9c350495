//! Routes to the pods of other nodes by way of these nodes, which have to be on the same link.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use sim_core::errno::Errno;
use sim_core::link::DevName;
use sim_core::netlink::Request;
use sim_core::netlink::request::Create;

use super::{CniError, Peer, device};
use crate::host::Host;

/// The routes that a node has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeRoutes {
    uplink: DevName,
    /// The router of each range of pods.
    there: BTreeMap<Ipv4Net, Ipv4Addr>,
}

impl NodeRoutes {
    /// No routes yet; `uplink` leads to the other nodes.
    #[must_use]
    pub fn new(uplink: DevName) -> Self {
        Self { uplink, there: BTreeMap::new() }
    }

    /// Makes the routes that are wanted now, and removes the others.
    ///
    /// # Errors
    /// When one of them could not be made or removed; the others are there all the same.
    pub fn set_peers(&mut self, host: &mut Host<'_>, peers: &[Peer]) -> Result<(), CniError> {
        let wanted: BTreeMap<_, _> =
            peers.iter().map(|peer| (peer.pod_cidr.trunc(), peer.internal_ip)).collect();
        let mut outcome = Ok(());
        let gone = self.there.iter().filter(|(pods, _)| !wanted.contains_key(pods));
        for (pods, router) in gone.map(|(pods, router)| (*pods, *router)).collect::<Vec<_>>() {
            let route = device::route(pods, Some(router), self.uplink);
            let removed = host.ensure(&Request::RouteDel(route), Errno::ESRCH);
            self.there.remove(&pods);
            outcome = outcome.and(removed);
        }
        for (pods, router) in wanted {
            if self.there.get(&pods) == Some(&router) {
                continue;
            }
            let route = device::route(pods, Some(router), self.uplink);
            let made = host.request(&Request::RouteAdd(route, Create::Replace));
            if made.is_ok() {
                self.there.insert(pods, router);
            }
            outcome = outcome.and(made);
        }
        Ok(outcome?)
    }
}

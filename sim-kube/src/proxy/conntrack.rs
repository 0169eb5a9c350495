//! The end of UDP connections to endpoints that are gone (`conntrack.CleanStaleEntries()`).
//!
//! A UDP client that goes on sending keeps its connection, and with it the endpoint that was chosen once. So after
//! a change of endpoints those connections are removed that lead elsewhere; those of TCP end by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use sim_core::errno::Errno;
use sim_core::family::AddressFamily;
use sim_core::netfilter::conntrack::Tuple;
use sim_core::netlink::{Request, conntrack};
use sim_core::packet::IpProto;

use super::endpoint::{Endpoint, EndpointsMap};
use super::service::{Protocol, ServiceMap, ServicePortName};
use crate::host::{CallError, Host};

/// Where UDP traffic of Services may have gone.
#[derive(Debug, Default)]
struct Served {
    by_address: BTreeMap<SocketAddr, BTreeSet<SocketAddr>>,
    by_node_port: BTreeMap<u16, BTreeSet<SocketAddr>>,
}

impl Served {
    fn new(services: &ServiceMap, endpoints: &EndpointsMap) -> Self {
        let mut served = Self::default();
        for (name, port) in services.iter().filter(|(name, _)| name.protocol == Protocol::Udp) {
            let endpoints = endpoints.get(name).into_iter().flatten();
            let serving: BTreeSet<SocketAddr> =
                endpoints.filter(|e| e.is_serving).map(|e| e.addr).collect();
            // Whom nobody serves may wait for what comes.
            if serving.is_empty() {
                continue;
            }
            let others = port.external_ips.iter().chain(&port.load_balancer_vips);
            for ip in std::iter::once(&port.cluster_ip).chain(others) {
                served.by_address.insert(SocketAddr::new(*ip, port.port), serving.clone());
            }
            if let Some(number) = port.node_port {
                served.by_node_port.insert(number, serving);
            }
        }
        served
    }

    /// Whether a connection leads where nobody serves. A node port counts at whatever address.
    fn is_stale(&self, [original, reply]: &[Tuple; 2]) -> bool {
        let to = SocketAddr::new(original.dst.addr, original.dst.id);
        let served_by = SocketAddr::new(reply.src.addr, reply.src.id);
        let fronts = [self.by_address.get(&to), self.by_node_port.get(&to.port())];
        fronts.into_iter().flatten().any(|serving| !serving.contains(&served_by))
    }
}

/// Removes the connections that lead where nobody serves (1.31 and later).
pub(super) fn remove_stale(
    services: &ServiceMap,
    endpoints: &EndpointsMap,
    family: AddressFamily,
    host: &mut Host<'_>,
) -> Result<(), CallError> {
    let served = Served::new(services, endpoints);
    for entry in conntrack::dump(&host.world.kernel, host.netns) {
        let original = entry.tuples[0];
        let is_ours =
            original.proto == IpProto::UDP && AddressFamily::of(original.dst.addr) == family;
        if is_ours && served.is_stale(&entry.tuples) {
            host.ensure(&Request::ConntrackDelete(original, entry.zone), Errno::ENOENT)?;
        }
    }
    Ok(())
}

impl Gone {
    /// Takes down what becomes of endpoints.
    pub(super) fn note_endpoints(&mut self, old: &EndpointsMap, new: &EndpointsMap) {
        let is_udp =
            |(name, _): &(&ServicePortName, &Vec<Endpoint>)| name.protocol == Protocol::Udp;
        for (name, before) in old.iter().filter(is_udp) {
            let now = new.get(name).map_or(&[][..], Vec::as_slice);
            let left = before.iter().filter(|e| !now.iter().any(|other| other.addr == e.addr));
            self.endpoints.extend(left.map(|e| (name.clone(), e.addr)));
        }
        let had_some = |name: &ServicePortName| old.get(name).is_some_and(|all| !all.is_empty());
        let awoken =
            new.iter().filter(is_udp).filter(|(name, now)| !now.is_empty() && !had_some(name));
        self.awoken.extend(awoken.map(|(name, _)| name.clone()));
    }

    /// Takes down what becomes of Services.
    pub(super) fn note_services(&mut self, old: &ServiceMap, new: &ServiceMap) {
        for (name, port) in old {
            if name.protocol == Protocol::Udp && !new.contains_key(name) {
                let others = port.external_ips.iter().chain(&port.load_balancer_vips);
                self.addresses.extend(std::iter::once(&port.cluster_ip).chain(others));
            }
        }
    }
}

/// What has become of Services and endpoints of UDP since connections were removed last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Gone {
    /// Endpoints that are no longer there.
    pub(super) endpoints: Vec<(ServicePortName, SocketAddr)>,
    /// Services that got their first endpoint.
    pub(super) awoken: Vec<ServicePortName>,
    /// Addresses of Services that are no longer there.
    pub(super) addresses: Vec<IpAddr>,
}

/// Removes connections with the tool `conntrack`, address by address (up to 1.30).
pub(super) fn remove_by_tool(
    gone: &Gone,
    services: &ServiceMap,
    host: &mut Host<'_>,
) -> Result<(), CallError> {
    let mut addresses: BTreeSet<IpAddr> = gone.addresses.iter().copied().collect();
    let mut node_ports = BTreeSet::new();
    for port in gone.awoken.iter().filter_map(|name| services.get(name)) {
        addresses.insert(port.cluster_ip);
        addresses.extend(port.external_ips.iter().chain(&port.load_balancer_vips));
        node_ports.extend(port.node_port);
    }
    for ip in addresses {
        remove(host, &["--orig-dst", &ip.to_string(), "-p", "udp"])?;
    }
    for number in node_ports {
        remove(host, &["-p", "udp", "--dport", &number.to_string()])?;
    }
    for (name, endpoint) in &gone.endpoints {
        let Some(port) = services.get(name) else { continue };
        let to = endpoint.ip().to_string();
        if let Some(number) = port.node_port {
            remove(host, &["-p", "udp", "--dport", &number.to_string(), "--dst-nat", &to])?;
        } else {
            let ip = port.cluster_ip.to_string();
            remove(host, &["--orig-dst", &ip, "--dst-nat", &to, "-p", "udp"])?;
        }
        for ip in port.external_ips.iter().chain(&port.load_balancer_vips) {
            remove(host, &["--orig-dst", &ip.to_string(), "--dst-nat", &to, "-p", "udp"])?;
        }
    }
    Ok(())
}

/// Runs `conntrack -D`, whose status is 1 if there was nothing.
fn remove(host: &mut Host<'_>, filter: &[&str]) -> Result<(), CallError> {
    let mut argv = vec!["conntrack", "-D"];
    argv.extend(filter);
    match host.run(&argv, "")? {
        outcome if outcome.status <= 1 => Ok(()),
        outcome => Err(CallError::Failed(argv.join(" "), outcome.status, outcome.stderr)),
    }
}

//! `ptp`: each pod has a wire of its own to the node, which routes.

use ipnet::Ipv4Net;
use sim_core::link::DevName;
use sim_core::link::inet::Scope;
use sim_core::netlink::Request;
use sim_core::netlink::request::{Create, RouteSpec};

use super::conflist::{Attached, Attachment, Main};
use super::host_local::{HostLocal, IpConfig};
use super::{CniError, Ipam, Node, device, masquerade, veth};
use crate::host::{CallError, Host};
use crate::reading::{Fields, Mistakes};

/// The settings of the plugin, and the addresses that it gives away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ptp<I = HostLocal> {
    /// Whether what pods send beyond their subnet has the node's address (`ipMasq`).
    pub ip_masq: bool,
    /// How many bytes a packet may have (`mtu`); 0 is the kernel's choice.
    pub mtu: u32,
    /// The addresses of pods (`ipam`).
    pub ipam: I,
    /// Where pods reach by way of the gateway, besides their own subnet (`ipam.routes`).
    pub routes: Vec<Ipv4Net>,
}

impl<I> Ptp<I> {
    /// The plugin with its own defaults, and addresses for its pods.
    #[must_use]
    pub fn new(ipam: I) -> Self {
        Self { ip_masq: false, mtu: 0, ipam, routes: Vec::new() }
    }
}

impl Ptp<Ipam> {
    /// The plugin on a node, with the routes of its `ipam`.
    ///
    /// # Errors
    /// When the node's pods cannot have addresses.
    pub fn on(&self, node: &Node) -> Result<Ptp, CniError> {
        let (ipam, routes) = (self.ipam.on(node)?, self.ipam.routes.clone());
        Ok(Ptp { ip_masq: self.ip_masq, mtu: self.mtu, ipam, routes })
    }
}

/// Reads the plugin's fields but for `ipam`; those that are not said stay as they are.
pub(super) fn read<I>(
    mut ptp: Ptp<I>,
    fields: &mut Fields<'_, '_>,
    mistakes: &mut Mistakes,
) -> Ptp<I> {
    ptp.ip_masq = fields.flag("ipMasq", mistakes).unwrap_or(ptp.ip_masq);
    let mtu = fields.number("mtu", 0..65_536, mistakes);
    ptp.mtu = mtu.and_then(|mtu| mtu.value.try_into().ok()).unwrap_or(ptp.mtu);
    fields.word("ipMasqBackend", &["iptables"], mistakes);
    fields.refuse(&["capabilities"], mistakes);
    ptp
}

impl Ptp {
    fn add_with_address(
        &self,
        host: &mut Host<'_>,
        call: Attachment<'_>,
        attached: &Attached,
    ) -> Result<(), CniError> {
        device::forward(host)?;
        let netns = device::netns(host, call.netns)?;
        let wire = veth::make(host, netns, self.mtu)?;
        let mut pod = device::within(host, netns);
        configure(&mut pod, attached, &self.routes)?;
        for ip in &attached.ips {
            pod_routes(&mut pod, ip)?;
        }
        for ip in &attached.ips {
            node_routes(host, wire, ip)?;
        }
        if self.ip_masq {
            for ip in &attached.ips {
                masquerade::set_up(host, ip.address, call.network, call.container)?;
            }
        }
        Ok(())
    }
}

/// Gives the pod's device its addresses and the routes of the configuration.
fn configure(pod: &mut Host<'_>, attached: &Attached, routes: &[Ipv4Net]) -> Result<(), CallError> {
    let eth0 = veth::pod_device();
    for ip in &attached.ips {
        device::add_address(pod, eth0, ip.address)?;
    }
    device::set_up(pod, eth0)?;
    let gateway = attached.ips.first().map(|ip| ip.gateway);
    for dst in routes {
        let route = device::route(*dst, gateway, eth0);
        pod.request(&Request::RouteAdd(route, Create::Prepend))?;
    }
    Ok(())
}

/// Has a pod reach its subnet only by way of the gateway: a veth device cannot be told that it has but one
/// neighbour.
fn pod_routes(pod: &mut Host<'_>, ip: &IpConfig) -> Result<(), CallError> {
    let eth0 = veth::pod_device();
    let by_kernel = RouteSpec {
        kind: None,
        protocol: None,
        scope: Some(Scope::NOWHERE),
        ..device::route(ip.address, None, eth0)
    };
    pod.request(&Request::RouteDel(by_kernel))?;
    let prefsrc = Some(ip.address.addr().into());
    let to_gateway = RouteSpec {
        scope: Some(Scope::LINK),
        prefsrc,
        ..device::route(Ipv4Net::from(ip.gateway), None, eth0)
    };
    pod.request(&Request::RouteAdd(to_gateway, Create::Exclusive))?;
    let to_others = RouteSpec { prefsrc, ..device::route(ip.address, Some(ip.gateway), eth0) };
    pod.request(&Request::RouteAdd(to_others, Create::Exclusive))
}

/// Gives the node's end of the wire the gateway's address, as it has at all other wires, too, and the way to the pod.
fn node_routes(host: &mut Host<'_>, wire: DevName, ip: &IpConfig) -> Result<(), CallError> {
    device::add_address(host, wire, Ipv4Net::from(ip.gateway))?;
    let to_pod = RouteSpec {
        scope: Some(Scope::HOST),
        ..device::route(Ipv4Net::from(ip.address.addr()), None, wire)
    };
    host.request(&Request::RouteAdd(to_pod, Create::Exclusive))
}

impl Main for Ptp {
    const KIND: &'static str = "ptp";

    fn add(&mut self, host: &mut Host<'_>, call: Attachment<'_>) -> Result<Attached, CniError> {
        let attached = Attached { ips: self.ipam.add(call.container)? };
        let added = self.add_with_address(host, call, &attached);
        if added.is_err() {
            self.ipam.del(call.container);
        }
        added.map(|()| attached)
    }

    fn del(&mut self, host: &mut Host<'_>, call: Attachment<'_>) -> Result<(), CniError> {
        self.ipam.del(call.container);
        let removed = call.remove_device(host)?;
        if self.ip_masq && !removed.is_empty() {
            masquerade::tear_down(host, &removed, call.network, call.container)?;
        }
        Ok(())
    }
}

//! The backend `vxlan`: a tunnel that learns nothing; `flanneld` tells it where each node's pods are.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use sim_core::errno::Errno;
use sim_core::link::DevName;
use sim_core::netlink::Request;
use sim_core::netlink::request::{
    Create, FdbSpec, FdbState, LinkAdd, LinkChange, LinkKind, LinkRef, NeighSpec, RouteSpec,
    VxlanChange,
};
use sim_core::packet::MacAddr;

use super::lease::Lease;
use crate::cni::{CniError, Node, Peer, device};
use crate::host::{CallError, Host};

/// What the outer headers take of a packet.
const OVERHEAD: u32 = 50;
/// No address of the link layer is a group's.
const GROUP: u8 = 0x01;
/// An address that nobody was given by a manufacturer.
const LOCALLY_ADMINISTERED: u8 = 0x02;

/// The settings of the backend.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VxlanConfig {
    /// The network's identifier (`VNI`).
    pub vni: u32,
    /// The UDP port (`Port`); without one it is the kernel's choice, 8472.
    pub port: Option<u16>,
    /// How many bytes the outer packets may have (`MTU`), if not as many as the uplink's.
    pub mtu: Option<u32>,
    /// Whether there is no tunnel to nodes on the same link (`DirectRouting`).
    pub direct_routing: bool,
}

impl Default for VxlanConfig {
    fn default() -> Self {
        Self { vni: 1, port: None, mtu: None, direct_routing: false }
    }
}

impl VxlanConfig {
    /// How many bytes the inner packets may have.
    pub(super) fn inner_mtu(&self, node: &Node) -> u32 {
        self.mtu.unwrap_or(node.mtu).saturating_sub(OVERHEAD)
    }
}

/// The tunnel of a node, and the ways to others by it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vxlan {
    config: VxlanConfig,
    /// The tunnel's end on this node.
    device: DevName,
    /// The ways to other nodes, by the Node's name.
    ways: BTreeMap<String, Way>,
}

/// The way to another node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Way {
    pods: Ipv4Net,
    node: Ipv4Addr,
    mac: MacAddr,
}

impl Vxlan {
    /// No tunnel yet.
    pub(super) fn new(config: VxlanConfig) -> Result<Self, CniError> {
        let name = format!("flannel.{}", config.vni);
        let device = name.parse().map_err(|_| CniError::DeviceName(name))?;
        Ok(Self { config, device, ways: BTreeMap::new() })
    }

    /// Makes the tunnel's end on this node.
    pub(super) fn start(&self, host: &mut Host<'_>, node: &Node) -> Result<Lease, CniError> {
        let name = self.device;
        let mac = Lease::stored_mac(&node.annotations);
        let mac = mac.unwrap_or_else(|| draw_mac(host));
        let tunnel = VxlanChange {
            vni: Some(self.config.vni),
            local: Some(node.internal_ip.into()),
            dev: Some(LinkRef::Name(node.uplink)),
            learning: Some(false),
            dst_port: self.config.port,
            ..Default::default()
        };
        let change = LinkChange {
            address: Some(mac),
            mtu: Some(self.config.inner_mtu(node)),
            // Not meant, but so it is sent.
            tx_queue_len: Some(0),
            ..Default::default()
        };
        let request = Request::LinkAdd(LinkAdd {
            name: Some(name),
            ifindex: None,
            kind: LinkKind::Vxlan(tunnel),
            link: None,
            change,
        });
        host.ensure(&request, Errno::EEXIST)?;
        device::set_if_there(host, &format!("net/ipv6/conf/{name}/accept_ra"), "0")?;
        ensure_address(host, name, node)?;
        device::set_up(host, name)?;
        Ok(Lease::Vxlan { vni: self.config.vni, mac: device::mac(host, name)? })
    }

    /// Makes the ways that are wanted now, and removes those to nodes that are gone.
    pub(super) fn set_peers(
        &mut self,
        host: &mut Host<'_>,
        peers: &[Peer],
    ) -> Result<(), CniError> {
        let wanted: BTreeMap<String, Way> = peers.iter().filter_map(Way::to).collect();
        let mut outcome = Ok(());
        let gone = self
            .ways
            .iter()
            .filter(|(name, way)| wanted.get(*name).is_none_or(|now| now.pods != way.pods));
        for (name, way) in gone.map(|(name, way)| (name.clone(), *way)).collect::<Vec<_>>() {
            let removed = self.remove(host, way);
            outcome = outcome.and(removed);
            self.ways.remove(&name);
        }
        for (name, way) in wanted {
            if self.ways.get(&name) == Some(&way) {
                continue;
            }
            let made = self.make(host, way);
            if made.is_ok() {
                self.ways.insert(name, way);
            }
            outcome = outcome.and(made);
        }
        Ok(outcome?)
    }

    /// Whether a node is reached without the tunnel.
    fn is_direct(&self, host: &mut Host<'_>, node: Ipv4Addr) -> Result<Option<DevName>, CallError> {
        if !self.config.direct_routing {
            return Ok(None);
        }
        let way = device::way_to(host, node)?;
        Ok(way.filter(|way| !way.is_routed).map(|way| way.dev))
    }

    /// Makes a way: who the router is, where it is, and only then the route, so that nobody asks for it.
    fn make(&self, host: &mut Host<'_>, way: Way) -> Result<(), CallError> {
        if let Some(dev) = self.is_direct(host, way.node)? {
            let route = device::route(way.pods, Some(way.node), dev);
            return host.request(&Request::RouteAdd(route, Create::Replace));
        }
        let dev = self.device;
        host.request(&Request::NeighAdd(way.neighbour(dev), Create::Replace))?;
        host.request(&Request::FdbAdd(way.station(dev), Create::Replace))?;
        host.request(&Request::RouteAdd(way.route(dev), Create::Replace))
    }

    /// Removes a way, as much of it as there is.
    fn remove(&self, host: &mut Host<'_>, way: Way) -> Result<(), CallError> {
        if let Some(dev) = self.is_direct(host, way.node)? {
            let route = device::route(way.pods, Some(way.node), dev);
            return host.ensure(&Request::RouteDel(route), Errno::ESRCH);
        }
        let dev = self.device;
        let neighbour = host.ensure(&Request::NeighDel(way.neighbour(dev)), Errno::ENOENT);
        let station = host.ensure(&Request::FdbDel(way.station(dev)), Errno::ENOENT);
        let route = host.ensure(&Request::RouteDel(way.route(dev)), Errno::ESRCH);
        neighbour.and(station).and(route)
    }
}

impl Way {
    /// The way to a node, by the node's name, if it has a tunnel's end.
    fn to(peer: &Peer) -> Option<(String, Self)> {
        let Lease::Vxlan { mac, .. } = Lease::of(peer)? else { return None };
        let node = Lease::public_ip(peer)?;
        Some((peer.name.clone(), Self { pods: peer.pod_cidr.trunc(), node, mac }))
    }

    /// The router to the pods, which has the first address of their range: that of its tunnel's end.
    fn router(self) -> Ipv4Addr {
        self.pods.network()
    }

    fn neighbour(self, dev: DevName) -> NeighSpec {
        NeighSpec {
            dev: Some(LinkRef::Name(dev)),
            addr: self.router().into(),
            lladdr: Some(self.mac),
            state: None,
            proxy: false,
            router: false,
            extern_learn: false,
            protocol: 0,
        }
    }

    fn station(self, dev: DevName) -> FdbSpec {
        FdbSpec {
            dev: LinkRef::Name(dev),
            lladdr: self.mac,
            self_: true,
            master: false,
            state: FdbState::Permanent,
            dst: Some(self.node.into()),
            port: None,
            vni: None,
            via: None,
            vlan: None,
            extern_learn: false,
            sticky: false,
        }
    }

    fn route(self, dev: DevName) -> RouteSpec {
        let mut route = device::route(self.pods, Some(self.router()), dev);
        for hop in &mut route.next_hops {
            hop.onlink = true;
        }
        route
    }
}

/// Gives the tunnel's end the first address of the node's range, alone, so that the kernel makes no broadcast
/// address of it; it is the source of what the node itself sends to pods of others.
fn ensure_address(host: &mut Host<'_>, name: DevName, node: &Node) -> Result<(), CallError> {
    let wanted = Ipv4Net::from(node.pod_cidr.network());
    let there = device::addresses(host, name);
    for other in there.iter().filter(|a| **a != wanted && node.cluster_cidr.contains(&a.addr())) {
        device::remove_address(host, name, *other)?;
    }
    if there.contains(&wanted) {
        return Ok(());
    }
    device::add_address(host, name, wanted)
}

/// Draws an address of the link layer that is nobody's.
fn draw_mac(host: &mut Host<'_>) -> MacAddr {
    let number = host.world.kernel.rng.stream("cni.flannel").next_u64();
    let [first, b, c, d, e, f, ..] = number.to_be_bytes();
    MacAddr([first & !GROUP | LOCALLY_ADMINISTERED, b, c, d, e, f])
}

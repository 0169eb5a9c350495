//! `bridge`: pods are ports of a bridge, which routes for them.

use ipnet::Ipv4Net;
use sim_core::errno::Errno;
use sim_core::link::DevName;
use sim_core::netlink::Request;
use sim_core::netlink::request::{
    BridgeChange, Create, LinkAdd, LinkChange, LinkKind, LinkRef, PortChange,
};
use sim_core::packet::MacAddr;

use super::conflist::{Attached, Attachment, Main};
use super::host_local::HostLocal;
use super::{CniError, Ipam, Node, device, masquerade, veth};
use crate::host::{CallError, Host};
use crate::reading::{Fields, Mistakes};

/// The settings of the plugin, and the addresses that it gives away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bridge<I = HostLocal> {
    /// The bridge's name (`bridge`).
    pub bridge: DevName,
    /// Whether the bridge routes.
    pub gateway: Gateway,
    /// Whether an address of the bridge that it should not have is replaced (`forceAddress`).
    pub force_address: bool,
    /// Whether what pods send beyond their subnet has the node's address (`ipMasq`).
    pub ip_masq: bool,
    /// How many bytes a packet may have (`mtu`); 0 is the kernel's choice.
    pub mtu: u32,
    /// How frames get back to where they came from.
    pub hairpin: Hairpin,
    /// Whether pods cannot reach each other over the bridge (`portIsolation`).
    pub port_isolation: bool,
    /// The addresses of pods (`ipam`).
    pub ipam: I,
    /// Where pods reach by way of the gateway, besides their own subnet (`ipam.routes`).
    pub routes: Vec<Ipv4Net>,
}

/// Whether a bridge routes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Gateway {
    /// It has no address.
    #[default]
    No,
    /// It has the gateway's address (`isGateway`).
    Address,
    /// Pods send everything there, too (`isDefaultGateway`).
    Default,
}

/// How frames of a bridge get back to the port that they came from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Hairpin {
    /// They don't.
    #[default]
    Off,
    /// The port reflects them (`hairpinMode`).
    Port,
    /// The bridge takes all frames (`promiscMode`).
    Promiscuous,
}

impl<I> Bridge<I> {
    /// The plugin with its own defaults, and addresses for its pods.
    #[must_use]
    pub fn new(ipam: I) -> Self {
        Self {
            bridge: "cni0".parse().expect("it is a name"),
            gateway: Gateway::default(),
            force_address: false,
            ip_masq: false,
            mtu: 0,
            hairpin: Hairpin::default(),
            port_isolation: false,
            ipam,
            routes: Vec::new(),
        }
    }

    /// The same settings with other addresses.
    #[must_use]
    pub fn with_ipam<J>(&self, ipam: J) -> Bridge<J> {
        Bridge {
            bridge: self.bridge,
            gateway: self.gateway,
            force_address: self.force_address,
            ip_masq: self.ip_masq,
            mtu: self.mtu,
            hairpin: self.hairpin,
            port_isolation: self.port_isolation,
            ipam,
            routes: self.routes.clone(),
        }
    }
}

impl Bridge<Ipam> {
    /// The plugin on a node, with the routes of its `ipam`.
    ///
    /// # Errors
    /// When the node's pods cannot have addresses.
    pub fn on(&self, node: &Node) -> Result<Bridge, CniError> {
        let routes = self.ipam.routes.clone();
        Ok(Bridge { routes, ..self.with_ipam(self.ipam.on(node)?) })
    }
}

/// Reads the plugin's fields but for `ipam`; those that are not said stay as they are.
pub(super) fn read<I>(
    mut bridge: Bridge<I>,
    fields: &mut Fields<'_, '_>,
    mistakes: &mut Mistakes,
) -> Bridge<I> {
    let name = fields.parsed::<DevName>("bridge", "the name of a device such as cni0", mistakes);
    bridge.bridge = name.map_or(bridge.bridge, |name| name.value);
    let is_gateway = fields.flag("isGateway", mistakes);
    bridge.gateway = match (is_gateway, fields.flag("isDefaultGateway", mistakes)) {
        (_, Some(true)) => Gateway::Default,
        (Some(true), Some(false)) => Gateway::Address,
        (Some(true), None) if bridge.gateway == Gateway::No => Gateway::Address,
        (Some(true), None) => bridge.gateway,
        (Some(false), _) => Gateway::No,
        (None, Some(false)) if bridge.gateway == Gateway::Default => Gateway::Address,
        (None, _) => bridge.gateway,
    };
    bridge.hairpin = read_hairpin(bridge.hairpin, fields, mistakes);
    let mut flag = |key, usual| fields.flag(key, mistakes).unwrap_or(usual);
    bridge.force_address = flag("forceAddress", bridge.force_address);
    bridge.ip_masq = flag("ipMasq", bridge.ip_masq);
    bridge.port_isolation = flag("portIsolation", bridge.port_isolation);
    let mtu = fields.number("mtu", 0..65_536, mistakes);
    bridge.mtu = mtu.and_then(|mtu| mtu.value.try_into().ok()).unwrap_or(bridge.mtu);
    fields.word("ipMasqBackend", &["iptables"], mistakes);
    fields.refuse(&["vlan", "vlanTrunk", "capabilities"], mistakes);
    let switches = ["preserveDefaultVlan", "macspoofchk", "enabledad", "disableContainerInterface"];
    fields.refuse_on(&switches, mistakes);
    bridge
}

/// Reads how frames get back to where they came from, which two fields say.
fn read_hairpin(usual: Hairpin, fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Hairpin {
    let hairpin = fields.flag("hairpinMode", mistakes);
    let promiscuous = fields.flag("promiscMode", mistakes);
    match (hairpin, promiscuous) {
        (Some(true), Some(true)) => {
            let message = "cannot set hairpin mode and promiscuous mode at the same time";
            mistakes.add(fields.span(), message);
            usual
        }
        (_, Some(true)) => Hairpin::Promiscuous,
        (Some(true), _) => Hairpin::Port,
        (Some(false), _) if usual == Hairpin::Port => Hairpin::Off,
        (Some(false) | None, Some(false) | None) => usual,
    }
}

impl Bridge {
    /// Makes the bridge if it is not there.
    fn ensure_bridge(&self, host: &mut Host<'_>) -> Result<(), CallError> {
        let mtu = (self.mtu > 0).then_some(self.mtu);
        let request = Request::LinkAdd(LinkAdd {
            name: Some(self.bridge),
            ifindex: None,
            kind: LinkKind::Bridge(BridgeChange::default()),
            link: None,
            change: LinkChange { mtu, ..Default::default() },
        });
        host.ensure(&request, Errno::EEXIST)?;
        if self.hairpin == Hairpin::Promiscuous {
            device::set_promiscuous(host, self.bridge)?;
        }
        device::set_if_there(host, &format!("net/ipv6/conf/{}/accept_ra", self.bridge), "0")?;
        device::set_up(host, self.bridge)
    }

    /// Gives the bridge the gateway's address, and an address of the link layer that stays: by itself it has the
    /// lowest one of its ports, which come and go.
    fn ensure_address(
        &self,
        host: &mut Host<'_>,
        address: Ipv4Net,
        own: MacAddr,
    ) -> Result<(), CniError> {
        for other in device::addresses(host, self.bridge) {
            if other == address {
                return Ok(());
            }
            if !self.force_address {
                return Err(CniError::OtherAddress { bridge: self.bridge, address });
            }
            device::remove_address(host, self.bridge, other)?;
        }
        device::add_address(host, self.bridge, address)?;
        let change = LinkChange { address: Some(own), ..Default::default() };
        Ok(device::set(host, self.bridge, change)?)
    }

    /// Makes the pod's port.
    fn connect(&self, host: &mut Host<'_>, call: Attachment<'_>) -> Result<(), CniError> {
        let pod = device::netns(host, call.netns)?;
        let port = veth::make(host, pod, self.mtu)?;
        let master = Some(Some(LinkRef::Name(self.bridge)));
        device::set(host, port, LinkChange { master, ..Default::default() })?;
        let hairpin = Some(self.hairpin == Hairpin::Port);
        device::set_port(host, port, PortChange { hairpin, ..Default::default() })?;
        let isolated = Some(self.port_isolation);
        Ok(device::set_port(host, port, PortChange { isolated, ..Default::default() })?)
    }

    /// Gives the pod's device its addresses and routes.
    fn configure(
        &self,
        host: &mut Host<'_>,
        call: Attachment<'_>,
        attached: &Attached,
    ) -> Result<(), CniError> {
        let netns = device::netns(host, call.netns)?;
        let mut pod = device::within(host, netns);
        let eth0 = veth::pod_device();
        device::set_if_there(&mut pod, &format!("net/ipv6/conf/{eth0}/accept_dad"), "0")?;
        pod.set_sysctl(&format!("net/ipv4/conf/{eth0}/arp_notify"), "1")?;
        for ip in &attached.ips {
            device::add_address(&mut pod, eth0, ip.address)?;
        }
        device::set_up(&mut pod, eth0)?;
        let gateway = attached.ips.first().map(|ip| ip.gateway);
        let everywhere = (self.gateway == Gateway::Default).then(Ipv4Net::default);
        for dst in self.routes.iter().copied().chain(everywhere) {
            let route = device::route(dst, gateway, eth0);
            pod.request(&Request::RouteAdd(route, Create::Prepend))?;
        }
        Ok(())
    }

    fn add_with_address(
        &self,
        host: &mut Host<'_>,
        call: Attachment<'_>,
        attached: &Attached,
        own: MacAddr,
    ) -> Result<(), CniError> {
        self.configure(host, call, attached)?;
        if self.gateway != Gateway::No {
            for ip in &attached.ips {
                let address = Ipv4Net::new(ip.gateway, ip.address.prefix_len());
                self.ensure_address(host, address.expect("the length is an address'"), own)?;
            }
            device::forward(host)?;
        }
        if self.ip_masq {
            for ip in &attached.ips {
                masquerade::set_up(host, ip.address, call.network, call.container)?;
            }
        }
        Ok(())
    }
}

impl Main for Bridge {
    const KIND: &'static str = "bridge";

    fn add(&mut self, host: &mut Host<'_>, call: Attachment<'_>) -> Result<Attached, CniError> {
        self.ensure_bridge(host)?;
        let own = device::mac(host, self.bridge)?;
        self.connect(host, call)?;
        let attached = Attached { ips: self.ipam.add(call.container)? };
        let added = self.add_with_address(host, call, &attached, own);
        if added.is_err() {
            self.ipam.del(call.container);
        }
        added.map(|()| attached)
    }

    fn del(&mut self, host: &mut Host<'_>, call: Attachment<'_>) -> Result<(), CniError> {
        let removed = call.remove_device(host)?;
        self.ipam.del(call.container);
        if self.ip_masq && !removed.is_empty() {
            masquerade::tear_down(host, &removed, call.network, call.container)?;
        }
        Ok(())
    }
}

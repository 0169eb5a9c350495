//! Requests about devices, with the attributes that the plugins' library of netlink sends.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use sim_core::errno::Errno;
use sim_core::id::{DevId, NetnsId};
use sim_core::link::inet::Scope;
use sim_core::link::{DevFlags, DevName};
use sim_core::netlink::Request;
use sim_core::netlink::request::{
    AddrSpec, Create, LinkChange, LinkRef, NextHopSpec, PortChange, RouteSpec,
};
use sim_core::packet::MacAddr;
use sim_core::route::RouteType;

use super::CniError;
use crate::host::{CallError, Host};

/// From this length on a subnet has no address for all of its hosts.
const NO_BROADCAST: u8 = 31;
/// The table of ordinary routes.
const MAIN: u32 = 254;
/// Routes that were made by hand (`RTPROT_BOOT`).
const BOOT: u8 = 3;

/// The same machine, seen from another namespace.
pub(super) fn within<'h>(host: &'h mut Host<'_>, netns: NetnsId) -> Host<'h> {
    Host { world: host.world, netns, iptables: host.iptables }
}

/// The namespace of a pod.
pub(super) fn netns(host: &Host<'_>, name: &str) -> Result<NetnsId, CniError> {
    host.world.netns_by_name(name).ok_or_else(|| CniError::NoNetns(name.to_owned()))
}

/// The device of this name.
fn find(host: &Host<'_>, name: DevName) -> Option<DevId> {
    host.world.kernel.netns[host.netns].names.get(&name).copied()
}

/// Whether there is a device of this name.
pub(super) fn exists(host: &Host<'_>, name: DevName) -> bool {
    find(host, name).is_some()
}

/// The link layer address of a device.
pub(super) fn mac(host: &Host<'_>, name: DevName) -> Result<MacAddr, CniError> {
    let dev = find(host, name).ok_or(CniError::NoDevice(name))?;
    Ok(host.world.kernel.devs[dev].addr)
}

/// The addresses of a device, if it is there.
pub(super) fn addresses(host: &Host<'_>, name: DevName) -> Vec<Ipv4Net> {
    let dev = find(host, name).map(|dev| &host.world.kernel.devs[dev]);
    let addrs = dev.into_iter().flat_map(|dev| dev.inet.addrs.iter());
    addrs.filter_map(|addr| Ipv4Net::new(addr.local, addr.prefix_len).ok()).collect()
}

/// Changes a device.
pub(super) fn set(host: &mut Host<'_>, name: DevName, change: LinkChange) -> Result<(), CallError> {
    host.request(&Request::LinkSet(LinkRef::Name(name), change))
}

/// Switches a device on.
pub(super) fn set_up(host: &mut Host<'_>, name: DevName) -> Result<(), CallError> {
    set(host, name, LinkChange { flags_on: DevFlags::UP.0, ..Default::default() })
}

/// Lets a device take all frames.
pub(super) fn set_promiscuous(host: &mut Host<'_>, name: DevName) -> Result<(), CallError> {
    set(host, name, LinkChange { flags_on: DevFlags::PROMISC.0, ..Default::default() })
}

/// Changes the port of a bridge that a device is.
pub(super) fn set_port(
    host: &mut Host<'_>,
    name: DevName,
    port: PortChange,
) -> Result<(), CallError> {
    set(host, name, LinkChange { port: Some(port), ..Default::default() })
}

/// Removes a device; whether it was there.
pub(super) fn remove(host: &mut Host<'_>, name: DevName) -> Result<bool, CallError> {
    if !exists(host, name) {
        return Ok(false);
    }
    host.request(&Request::LinkDel(LinkRef::Name(name)))?;
    Ok(true)
}

/// Gives a device an address, with a broadcast address if its subnet has room for one.
pub(super) fn add_address(
    host: &mut Host<'_>,
    name: DevName,
    address: Ipv4Net,
) -> Result<(), CallError> {
    let has_broadcast = address.prefix_len() < NO_BROADCAST;
    let spec = AddrSpec {
        broadcast: has_broadcast.then(|| address.broadcast().into()),
        ..address_spec(name, address)
    };
    host.request(&Request::AddrAdd(spec, Create::Exclusive))
}

/// Takes an address of a device away.
pub(super) fn remove_address(
    host: &mut Host<'_>,
    name: DevName,
    address: Ipv4Net,
) -> Result<(), CallError> {
    let spec = AddrSpec { scope: None, ..address_spec(name, address) };
    host.request(&Request::AddrDel(spec))
}

fn address_spec(name: DevName, address: Ipv4Net) -> AddrSpec {
    AddrSpec {
        dev: LinkRef::Name(name),
        local: address.addr().into(),
        peer: None,
        prefix_len: address.prefix_len(),
        any_prefix: false,
        broadcast: None,
        label: None,
        scope: Some(Scope::UNIVERSE),
        metric: None,
        no_prefix_route: false,
        autojoin: false,
        valid_lft_s: None,
        preferred_lft_s: None,
        proto: 0,
    }
}

/// A route to `dst` by a device, and by a router if there is one.
pub(super) fn route(dst: Ipv4Net, gateway: Option<Ipv4Addr>, dev: DevName) -> RouteSpec {
    let hop = NextHopSpec {
        gateway: gateway.map(IpAddr::from),
        dev: Some(LinkRef::Name(dev)),
        ..Default::default()
    };
    RouteSpec {
        dst: (dst.prefix_len() > 0).then(|| IpNet::from(dst.trunc())),
        kind: Some(RouteType::Unicast),
        table: Some(MAIN),
        protocol: Some(BOOT),
        scope: Some(Scope::UNIVERSE),
        next_hops: vec![hop],
        ..Default::default()
    }
}

/// Where packets to an address go (`RTM_GETROUTE`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Way {
    /// The device.
    pub(super) dev: DevName,
    /// Whether a router is in between.
    pub(super) is_routed: bool,
}

/// Asks where packets to an address go.
pub(super) fn way_to(host: &mut Host<'_>, to: Ipv4Addr) -> Result<Option<Way>, CallError> {
    let outcome = host.run(&["ip", "route", "get", &to.to_string()], "")?;
    let words: Vec<&str> = outcome.stdout.split_whitespace().collect();
    let dev = words.windows(2).find(|pair| pair[0] == "dev").and_then(|pair| pair[1].parse().ok());
    Ok(dev.map(|dev| Way { dev, is_routed: words.contains(&"via") }))
}

/// Writes a setting that a kernel without IPv6 does not have.
pub(super) fn set_if_there(host: &mut Host<'_>, name: &str, value: &str) -> Result<(), CallError> {
    host.ensure(
        &Request::SysctlSet { name: name.to_owned(), value: value.to_owned() },
        Errno::ENOENT,
    )
}

/// Lets the node forward packets.
pub(super) fn forward(host: &mut Host<'_>) -> Result<(), CallError> {
    if host.sysctl("net.ipv4.ip_forward").as_deref() == Some("1") {
        return Ok(());
    }
    host.set_sysctl("net.ipv4.ip_forward", "1")
}

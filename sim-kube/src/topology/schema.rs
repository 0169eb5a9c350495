//! The fields of a topology's file.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::Ipv4Net;
use sim_core::link::DevName;
use sim_core::packet::MacAddr;

use super::{Cluster, Interface, Machine, Network, NodeRole, Role, Route, Topology, Wire};
use crate::cni;
use crate::files::NamedFiles;
use crate::proxy::Version;
use crate::reading::{Fields, Mistakes, Placed, suggest};

const RANGE: &str = "a range of addresses such as 10.42.0.0/16";
const ADDRESS: &str = "an address such as 10.0.0.1";
/// What a cluster's pods get if nothing is said, and its Services.
const POD_CIDR: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 42, 0, 0), 16);
const SERVICE_CIDR: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 43, 0, 0), 16);
const NODE_PORTS: RangeInclusive<u16> = 30_000..=32_767;

/// Reads the root of the file.
pub(super) fn topology(
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Topology {
    // Words for people; nothing follows from them.
    fields.text("name", mistakes);
    fields.text("description", mistakes);
    let seed = fields.number("seed", 0..i64::MAX, mistakes);
    let networks: Vec<Network> = fields
        .tables("network", "a network", mistakes)
        .into_iter()
        .map(|fields| network(fields, mistakes))
        .collect();
    let wires = fields.tables("wire", "a wire", mistakes);
    let wires = wires.into_iter().filter_map(|fields| wire(fields, &networks, mistakes)).collect();
    let mut machines = Vec::new();
    for (key, what, read) in [
        ("router", "a router", (|_, _| Role::Router) as ReadRole),
        ("node", "a node", node_role),
        ("host", "a host", |_, _| Role::Host),
    ] {
        for mut fields in fields.tables(key, what, mistakes) {
            let role = read(&mut fields, mistakes);
            machines.push(machine(fields, role, &networks, mistakes));
        }
    }
    let cluster = fields.table("cluster", "a cluster", mistakes);
    Topology {
        seed: seed.map_or(0, |seed| seed.value.unsigned_abs()),
        networks,
        wires,
        machines,
        cluster: cluster.map(|fields| self::cluster(fields, files, mistakes)),
    }
}

/// Reads the fields that only machines of one role have.
type ReadRole = fn(&mut Fields<'_, '_>, &mut Mistakes) -> Role;

fn name(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> String {
    fields.demand("name", "\"lan\"", mistakes);
    fields.text("name", mistakes).map_or_else(String::new, |name| name.value.to_owned())
}

fn network(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Network {
    let name = name(&mut fields, mistakes);
    fields.demand("subnets", "[\"10.0.0.0/24\"]", mistakes);
    let subnets = fields.all_parsed::<Ipv4Net>("subnets", RANGE, mistakes);
    for subnet in &subnets {
        if subnet.value.trunc() != subnet.value {
            let message = format!("`{}` is an address in a range", subnet.value);
            let help = format!("the range is `{}`", subnet.value.trunc());
            mistakes.add_with(subnet.span.clone(), message, help);
        }
    }
    let mtu = fields.number("mtu", 576..9_217, mistakes);
    let network = Network {
        name,
        subnets: subnets.into_iter().map(|subnet| subnet.value).collect(),
        mtu: mtu.and_then(|mtu| u32::try_from(mtu.value).ok()).unwrap_or(1500),
        span: fields.span(),
    };
    fields.finish(mistakes);
    network
}

/// Where the network called `name` stands.
fn find(name: &Placed<&str>, networks: &[Network], mistakes: &mut Mistakes) -> Option<usize> {
    let place = networks.iter().position(|network| network.name == name.value);
    if place.is_none() {
        let names: Vec<&str> = networks.iter().map(|network| network.name.as_str()).collect();
        let help =
            suggest(name.value, &names, || format!("the networks are: {}", names.join(", ")));
        let message = format!("there is no network called `{}`", name.value);
        mistakes.add_with(name.span.clone(), message, help);
    }
    place
}

fn wire(mut fields: Fields<'_, '_>, networks: &[Network], mistakes: &mut Mistakes) -> Option<Wire> {
    fields.demand("between", "[\"lan\", \"dmz\"]", mistakes);
    let ends = fields.texts("between", mistakes);
    let span = fields.span();
    fields.finish(mistakes);
    let found: Vec<Option<usize>> = ends.iter().map(|end| find(end, networks, mistakes)).collect();
    match found[..] {
        [Some(a), Some(b)] => Some(Wire { between: [a, b], span }),
        [_, _] | [] => None,
        [..] => {
            mistakes.add(span, "a wire has two ends");
            None
        }
    }
}

fn machine(
    mut fields: Fields<'_, '_>,
    role: Role,
    networks: &[Network],
    mistakes: &mut Mistakes,
) -> Machine {
    let name = name(&mut fields, mistakes);
    let example = "[{ network = \"lan\", address = \"10.0.0.1\" }]";
    fields.demand("interface", example, mistakes);
    let mut interfaces = Vec::new();
    let tables = fields.tables("interface", "an interface", mistakes);
    if fields.has("interface") && tables.is_empty() {
        mistakes.add_with(
            fields.span(),
            "a machine has an interface",
            format!("for example `interface = {example}`"),
        );
    }
    for (i, fields) in tables.into_iter().enumerate() {
        interfaces.extend(interface(fields, i, networks, mistakes));
    }
    let gateway = fields.parsed::<Ipv4Addr>("gateway", ADDRESS, mistakes);
    let routes = fields.tables("route", "a route", mistakes);
    let machine = Machine {
        name,
        role,
        interfaces,
        gateway: gateway.map(|gateway| gateway.value),
        routes: routes.into_iter().filter_map(|fields| route(fields, mistakes)).collect(),
        span: fields.span(),
    };
    fields.finish(mistakes);
    machine
}

/// Reads an interface; `number` is how many come before it.
fn interface(
    mut fields: Fields<'_, '_>,
    number: usize,
    networks: &[Network],
    mistakes: &mut Mistakes,
) -> Option<Interface> {
    fields.demand("network", "\"lan\"", mistakes);
    fields.demand("address", "\"10.0.0.1\"", mistakes);
    let network = fields.text("network", mistakes);
    let network = network.and_then(|name| find(&name, networks, mistakes));
    let address = fields.parsed::<Ipv4Addr>("address", ADDRESS, mistakes);
    let name = fields.parsed::<DevName>("name", "the name of a device such as eth0", mistakes);
    let mac = fields.parsed::<MacAddr>("mac", "an address such as 02:00:00:00:00:01", mistakes);
    let span = fields.span();
    fields.finish(mistakes);
    let (network, address) = (network?, address?);
    let subnets = &networks[network].subnets;
    let Some(subnet) = subnets.iter().find(|subnet| subnet.contains(&address.value)) else {
        let all: Vec<String> = subnets.iter().map(ToString::to_string).collect();
        let message =
            format!("`{}` is not an address of `{}`", address.value, networks[network].name);
        mistakes.add_with(address.span, message, format!("its ranges are: {}", all.join(", ")));
        return None;
    };
    let address = Ipv4Net::new(address.value, subnet.prefix_len()).unwrap_or(*subnet);
    let name = match name {
        Some(name) => name.value,
        None => format!("eth{number}").parse().ok()?,
    };
    Some(Interface { name, network, address, mac: mac.map(|mac| mac.value), span })
}

fn route(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Route> {
    fields.demand("to", "\"10.43.0.0/16\"", mistakes);
    fields.demand("via", "\"10.0.0.1\"", mistakes);
    let to = fields.parsed::<Ipv4Net>("to", RANGE, mistakes);
    let via = fields.parsed::<Ipv4Addr>("via", ADDRESS, mistakes);
    let span = fields.span();
    fields.finish(mistakes);
    Some(Route { to: to?.value.trunc(), via: via?.value, span })
}

fn node_role(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Role {
    let pod_cidr = fields.parsed::<Ipv4Net>("pod-cidr", RANGE, mistakes);
    let external_ip = fields.parsed::<Ipv4Addr>("external-ip", ADDRESS, mistakes);
    let labels = fields.own_texts("labels", "labels", mistakes);
    Role::Node(NodeRole {
        pod_cidr: pod_cidr.map(|cidr| cidr.value.trunc()),
        external_ip: external_ip.map(|ip| ip.value),
        labels: labels
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.value.to_owned()))
            .collect(),
    })
}

fn cluster(
    mut fields: Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Cluster {
    let here = fields.span();
    let or = |cidr: Option<Placed<Ipv4Net>>, default| {
        cidr.unwrap_or_else(|| Placed { value: default, span: here.clone() })
    };
    let version = fields.parsed::<Version>("version", "a version such as 1.36", mistakes);
    let pod_cidr = fields.parsed("pod-cidr", RANGE, mistakes);
    let service_cidr = fields.parsed("service-cidr", RANGE, mistakes);
    let node_mask = fields.number("node-cidr-mask-size", 9..31, mistakes);
    let node_ports =
        fields.parsed::<Ports>("node-port-range", "a range of ports such as 30000-32767", mistakes);
    let cni = cni::Setup::read(&mut fields, files, mistakes);
    let kube_proxy_config = fields.text("kube-proxy-config", mistakes);
    let manifests = fields.texts("manifests", mistakes);
    let cluster = Cluster {
        version: version.map(|version| version.value).unwrap_or_default(),
        pod_cidr: or(pod_cidr, POD_CIDR),
        node_mask: node_mask.and_then(|mask| u8::try_from(mask.value).ok()).unwrap_or(24),
        service_cidr: or(service_cidr, SERVICE_CIDR),
        node_ports: node_ports.map_or(NODE_PORTS, |ports| ports.value.0),
        cni,
        kube_proxy: fields.flag("kube-proxy", mistakes).unwrap_or(true),
        kube_proxy_config: kube_proxy_config.as_ref().map(Placed::owned),
        manifests: manifests.iter().map(Placed::owned).collect(),
    };
    fields.finish(mistakes);
    cluster
}

/// A range of ports: `30000-32767`.
struct Ports(RangeInclusive<u16>);

/// Why a text is no range of ports.
struct NoPorts;

impl fmt::Display for NoPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it wants two numbers, the lower one first")
    }
}

impl FromStr for Ports {
    type Err = NoPorts;

    fn from_str(text: &str) -> Result<Self, NoPorts> {
        let (first, last) = text.split_once('-').ok_or(NoPorts)?;
        let (first, last) =
            (first.parse().map_err(|_| NoPorts)?, last.parse().map_err(|_| NoPorts)?);
        if first == 0 || first > last { Err(NoPorts) } else { Ok(Self(first..=last)) }
    }
}

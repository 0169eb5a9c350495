//! What has to hold of a topology as a whole.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;

use ipnet::Ipv4Net;

use super::graph::Graph;
use super::{Cluster, Machine, Role, Topology};
use crate::reading::Mistakes;

/// The longest name, in bytes (RFC 1123).
const MAX_NAME: usize = 63;

/// Takes down everything that is wrong.
pub(super) fn check(topology: &Topology, mistakes: &mut Mistakes) {
    check_names(topology, mistakes);
    for machine in &topology.machines {
        check_machine(topology, machine, mistakes);
    }
    check_addresses(topology, mistakes);
    check_ranges(topology, mistakes);
    // A machine whose interface is wrong would be told to be cut off besides.
    if mistakes.is_empty() {
        check_graph(topology, mistakes);
    }
    let nodes = topology.nodes().next();
    match (&topology.cluster, nodes) {
        (None, Some((node, _))) => mistakes.add_with(
            node.span.clone(),
            "there is a node, but no cluster",
            "`[cluster]` makes one; a machine outside is a `[[host]]`",
        ),
        (Some(cluster), None) => {
            mistakes.add(cluster.pod_cidr.span.clone(), "the cluster has no `[[node]]`");
        }
        (Some(cluster), Some(_)) => check_cluster(topology, cluster, mistakes),
        (None, None) => {}
    }
}

/// Names are those of namespaces and of nodes.
fn check_names(topology: &Topology, mistakes: &mut Mistakes) {
    let machines = topology.machines.iter().map(|machine| (&machine.name, &machine.span));
    let networks = topology.networks.iter().map(|network| (&network.name, &network.span));
    let mut known: BTreeMap<&str, ()> = BTreeMap::new();
    for (name, span) in networks.chain(machines).filter(|(name, _)| !name.is_empty()) {
        if known.insert(name, ()).is_some() {
            mistakes.add(span.clone(), format!("`{name}` is there twice"));
        }
        if !is_label(name) {
            mistakes.add_with(
                span.clone(),
                format!("`{name}` is no name"),
                "it has small letters, digits and `-`, which is neither the first nor the last",
            );
        }
    }
}

/// Whether a name is a label of the DNS (RFC 1123, section 2.1).
fn is_label(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= MAX_NAME
        && name.chars().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn check_machine(topology: &Topology, machine: &Machine, mistakes: &mut Mistakes) {
    for (i, interface) in machine.interfaces.iter().enumerate() {
        if machine.interfaces[..i].iter().any(|other| other.name == interface.name) {
            let message = format!("`{}` has `{}` twice", machine.name, interface.name);
            mistakes.add(interface.span.clone(), message);
        }
        let (ip, subnet) = (interface.address.addr(), interface.address.trunc());
        let is_no_hosts = ip == subnet.network() || ip == subnet.broadcast();
        if is_no_hosts && subnet.prefix_len() < 31 {
            let message =
                format!("`{ip}` is no machine's address: it stands for all of `{subnet}`");
            mistakes.add(interface.span.clone(), message);
        }
    }
    if machine.interfaces.is_empty() {
        return;
    }
    let is_near = |ip: &Ipv4Addr| {
        machine.interfaces.iter().any(|interface| {
            topology.networks[interface.network].subnets.iter().any(|subnet| subnet.contains(ip))
        })
    };
    if let Some(gateway) = machine.gateway.filter(|gateway| !is_near(gateway)) {
        let message = format!("the gateway `{gateway}` is in no network of `{}`", machine.name);
        mistakes.add(machine.span.clone(), message);
    }
    for route in machine.routes.iter().filter(|route| !is_near(&route.via)) {
        let message = format!("`{}` is in no network of `{}`", route.via, machine.name);
        mistakes.add(route.span.clone(), message);
    }
}

fn check_addresses(topology: &Topology, mistakes: &mut Mistakes) {
    let mut known: BTreeMap<Ipv4Addr, &str> = BTreeMap::new();
    for machine in &topology.machines {
        for interface in &machine.interfaces {
            let ip = interface.address.addr();
            if let Some(other) = known.insert(ip, &machine.name) {
                let message = format!("`{other}` has `{ip}` already");
                mistakes.add(interface.span.clone(), message);
            }
        }
    }
}

/// Ranges of addresses that would be in each other's way.
fn check_ranges(topology: &Topology, mistakes: &mut Mistakes) {
    let mut known: Vec<(String, Ipv4Net)> = Vec::new();
    let mut add = |what: String, range: Ipv4Net, span: &Range<usize>, mistakes: &mut Mistakes| {
        let overlaps = |(_, other): &&(String, Ipv4Net)| {
            other.contains(&range.network()) || range.contains(&other.network())
        };
        if let Some((other, range_there)) = known.iter().find(overlaps) {
            let message = format!("`{range}` of {what} overlaps `{range_there}` of {other}");
            mistakes.add(span.clone(), message);
        }
        known.push((what, range));
    };
    for network in &topology.networks {
        for subnet in &network.subnets {
            add(format!("`{}`", network.name), *subnet, &network.span, mistakes);
        }
    }
    if let Some(cluster) = &topology.cluster {
        for (what, range) in [("pods", &cluster.pod_cidr), ("Services", &cluster.service_cidr)] {
            add(what.to_owned(), range.value.trunc(), &range.span, mistakes);
        }
    }
}

fn check_graph(topology: &Topology, mistakes: &mut Mistakes) {
    let graph = Graph::new(topology);
    for wire in graph.loops() {
        let names = wire.between.map(|end| topology.networks[end].name.as_str());
        let message = format!("this wire closes a loop of `{}` and `{}`", names[0], names[1]);
        mistakes.add_with(wire.span.clone(), message, "frames would go round in it for ever");
    }
    let is_node = |i: &usize| matches!(topology.machines[*i].role, Role::Node(_));
    let nodes: Vec<usize> = (0..topology.machines.len()).filter(is_node).collect();
    let Some((first, others)) = nodes.split_first() else { return };
    for other in graph.unreached(*first, others) {
        let [from, to] = [*first, other].map(|i| topology.machines[i].name.as_str());
        let message = format!("no way leads from `{from}` to `{to}`");
        let help = "a `[[router]]` with an interface in the networks of both connects them";
        mistakes.add_with(topology.machines[other].span.clone(), message, help);
    }
}

fn check_cluster(topology: &Topology, cluster: &Cluster, mistakes: &mut Mistakes) {
    let pods = cluster.pod_cidr.value.trunc();
    if cluster.node_mask < pods.prefix_len() {
        let message = format!("`{pods}` has no room for a node's /{}", cluster.node_mask);
        mistakes.add(cluster.pod_cidr.span.clone(), message);
    }
    let mut known: Vec<(Ipv4Net, &str)> = Vec::new();
    for (machine, node) in topology.nodes() {
        let Some(cidr) = node.pod_cidr else { continue };
        if !pods.contains(&cidr) {
            let message = format!("`{cidr}` is not among the cluster's pods, `{pods}`");
            mistakes.add(machine.span.clone(), message);
        }
        let overlaps =
            |(other, _): &&(Ipv4Net, &str)| other.contains(&cidr) || cidr.contains(other);
        if let Some((_, other)) = known.iter().find(overlaps) {
            let message = format!("`{cidr}` of `{}` overlaps that of `{other}`", machine.name);
            mistakes.add(machine.span.clone(), message);
        }
        known.push((cidr, &machine.name));
    }
}

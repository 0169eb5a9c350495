//! The packets of kube-proxy's own unit tests, sent through the rules for real, there and back.
//!
//! Its tests follow a packet through the text of the rules; `tests/kube-proxy/unit-flows.txt` has what they expect.
//! Packets of IPv6 meet no rules here; `unit_rules.rs` has the rules for them, and the real kernel the packets
//! (`tests/kernel/unit_flows.rs`).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use sim_core::family::AddressFamily;
use sim_core::world::World;
use sim_kube::host::{Host, IptablesBackend};
use sim_tests::unit_flows::{Expected, Flow, NODE_INET, State};

use crate::node::{self, Pods};
use crate::probe::{End, Probe};

/// So many packets are sent of each flow: whatever ends are possible with three endpoints show.
const PACKETS: u16 = 24;
/// Who is asked at an address of a load balancer that the node does not have.
const NEIGHBOUR: &str =
    "ip neigh add 192.168.99.22 lladdr 02:00:00:00:50:02 dev eth0 nud permanent";

/// The node with the rules.
fn node(state: &State) -> World {
    let mut world = node::world(Pods::Routed);
    for address in NODE_INET {
        node::run(&mut world, &format!("ip addr add {address}/24 dev eth0"));
    }
    node::run(&mut world, NEIGHBOUR);
    let netns = world.initial_netns();
    let mut host = Host { world: &mut world, netns, iptables: IptablesBackend::Nft };
    state.proxier().sync(&mut host).unwrap();
    world
}

/// The packet of a flow.
fn probe(flow: &Flow) -> Probe {
    let Flow { src, to, protocol, .. } = flow;
    let is_here = ["192.168.0.2", "192.168.1.2"].contains(&src.to_string().as_str());
    let from = if is_here || src.is_loopback() { "node" } else { "wire" };
    format!("{from} {src} > {to} {protocol}").parse().unwrap()
}

/// What is wrong with the end of a packet.
fn complaint(probe: &Probe, expected: &Expected, end: &End) -> Option<String> {
    let End(end) = end;
    let is_well = match expected {
        Expected::Unchanged => end.contains(&format!("> {}", probe.to)) && !end.contains("masq"),
        Expected::Accepted => *end == format!("input {} > {}", probe.src, probe.to),
        Expected::Rejected => end.starts_with("reject 3/3 "),
        Expected::Dropped => end.starts_with("drop"),
        Expected::Endpoints { to, are_masqueraded } => {
            let hits = |to: &SocketAddr| {
                end.ends_with(&format!("> {to} masqueraded")) || end.ends_with(&format!("> {to}"))
            };
            end.starts_with("forward ")
                && to.iter().any(hits)
                && end.ends_with("masqueraded") == *are_masqueraded
        }
    };
    (!is_well).then(|| end.clone())
}

#[test]
fn packets_and_their_replies_go_where_the_tests_of_kube_proxy_say() {
    let (mut found, mut count) = (String::new(), 0);
    for state in State::all(AddressFamily::Inet) {
        let world = node(&state);
        for flow in &state.flows {
            count += 1;
            let (probe, expected) = (probe(flow), &flow.expected);
            let mut reached = BTreeSet::new();
            let mut world = world.clone();
            for i in 0..PACKETS {
                let passed = probe.pass(&mut world, Pods::Routed, 20_000 + i);
                if let Some(end) = complaint(&probe, expected, &passed.end) {
                    writeln!(found, "{}: {probe:?}: {end}", state.name).unwrap();
                    break;
                }
                if let Some(forwarded) = passed.forwarded {
                    reached.insert(SocketAddr::V4(forwarded.to));
                    if matches!(expected, Expected::Endpoints { .. })
                        && let Err(why) = probe.answer(&mut world, &forwarded, 20_000 + i)
                    {
                        writeln!(found, "{}: {probe:?}: reply: {why}", state.name).unwrap();
                        break;
                    }
                }
            }
            if let Expected::Endpoints { to, .. } = expected
                && reached != *to
            {
                writeln!(found, "{}: {probe:?}: only {reached:?}", state.name).unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{found}");
    assert_eq!(count, 231);
}

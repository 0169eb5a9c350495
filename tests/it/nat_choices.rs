//! What chance decides about a packet: it can be decided beforehand, all of it can be gone through, and a trace
//! tells of it.

use std::collections::BTreeSet;

use sim_core::trace::record::What;
use sim_core::trace::{Keep, Recorder};
use sim_core::world::World;

/// A router that gives clients one of eight ports.
const ROUTER: &str = "
    ip netns add r
    ip netns add x
    ip netns exec r sysctl -qw net.ipv4.ip_forward=1
    ip -n r link add c0 address 02:00:00:00:01:01 type veth peer name xc0 netns x
    ip -n r link add s0 address 02:00:00:00:02:01 type veth peer name xs0 netns x
    ip -n x link set xc0 up
    ip -n x link set xs0 up
    ip -n r link set c0 up
    ip -n r link set s0 up
    ip -n r addr add 10.0.1.1/24 dev c0
    ip -n r addr add 10.0.2.1/24 dev s0
    ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
    ip netns exec r iptables -t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 4000-4007 --random
";

/// 10.0.1.2:5000 > 10.0.2.2:53 UDP without data and without a checksum.
const REQUEST: &str = "0200000001010200000001020800\
                       4500001c00014000401123cd\
                       0a0001020a000202\
                       1388003500080000";

fn run(world: &mut World, command: &str) -> String {
    let argv: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let outcome = world.run_command(world.initial_netns(), &argv).unwrap();
    assert_eq!(outcome.status, 0, "{command}: {}", outcome.stderr);
    outcome.stdout
}

/// The router, where the next draws for ports of NAT are these.
fn router(draws: &[u64]) -> World {
    let mut world = World::new(1);
    for command in ROUTER.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run(&mut world, command);
    }
    world.kernel.rng.stream("nat.id").pin(draws.iter().copied());
    world
}

fn request(world: &mut World) {
    let bytes = REQUEST.as_bytes().chunks(2);
    let frame: Vec<u8> = bytes
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    let r = world.netns_by_name("r").unwrap();
    let c0 = world.kernel.netns[r].names[&"c0".parse().unwrap()];
    world.inject(c0, &frame);
}

/// The port that answers to the client's datagram are sent to.
fn port(world: &mut World) -> u16 {
    request(world);
    let listed = run(world, "ip netns exec r conntrack -L -p udp");
    let last = listed.split("dport=").nth(2).unwrap();
    last.split_whitespace().next().unwrap().parse().unwrap()
}

/// Linux takes the draw modulo the size of the range (`nf_nat_l4proto_unique_tuple()`).
#[test]
fn every_port_of_a_range_is_reached_by_one_of_as_many_draws() {
    let ports: Vec<u16> = (0..8).map(|draw| port(&mut router(&[draw]))).collect();
    assert_eq!(ports, (4000..4008).collect::<Vec<u16>>());
    assert_eq!(port(&mut router(&[8 + 3])), 4003);
}

#[test]
fn a_choice_that_was_not_decided_beforehand_follows_from_the_seed() {
    let ports: BTreeSet<u16> = (0..4).map(|_| port(&mut router(&[]))).collect();
    assert_eq!(ports.len(), 1);
}

#[test]
fn a_trace_tells_what_was_drawn_about_a_packet() {
    let mut world = router(&[5]);
    world.set_recorder(Some(Recorder::new(Keep::Everything)));
    request(&mut world);
    let records = world.take_records();
    let chosen = records.iter().filter_map(|record| {
        if let What::Chosen { stream, value } = &record.what {
            Some((stream.as_str(), *value))
        } else {
            None
        }
    });
    assert_eq!(chosen.collect::<Vec<_>>(), [("nat.id", 5)]);
}

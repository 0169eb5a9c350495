//! What chance decides about a packet: it can be decided beforehand, all of it can be gone through, and a trace
//! tells of it.

use std::collections::BTreeSet;

use sim_core::trace::record::What;
use sim_core::trace::{Keep, Recorder};
use sim_core::world::World;

use crate::router::{c0, router, run};

/// 10.0.1.2:5000 > 10.0.2.2:53 UDP without data and without a checksum.
const REQUEST: &str = "0200000001010200000001020800\
                       4500001c00014000401123cd\
                       0a0001020a000202\
                       1388003500080000";

/// A router that gives clients one of eight ports, where the next draws for ports of NAT are these.
fn translating(draws: &[u64]) -> World {
    let mut world = router(1);
    run(
        &mut world,
        "ip netns exec r iptables -t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 4000-4007 --random",
    );
    world.kernel.rng.stream("nat.id").pin(draws.iter().copied());
    world
}

fn request(world: &mut World) {
    let bytes = REQUEST.as_bytes().chunks(2);
    let frame: Vec<u8> = bytes
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    world.inject(c0(world), &frame);
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
    let ports: Vec<u16> = (0..8).map(|draw| port(&mut translating(&[draw]))).collect();
    assert_eq!(ports, (4000..4008).collect::<Vec<u16>>());
    assert_eq!(port(&mut translating(&[8 + 3])), 4003);
}

#[test]
fn a_choice_that_was_not_decided_beforehand_follows_from_the_seed() {
    let ports: BTreeSet<u16> = (0..4).map(|_| port(&mut translating(&[]))).collect();
    assert_eq!(ports.len(), 1);
}

#[test]
fn a_trace_tells_what_was_drawn_about_a_packet() {
    let mut world = translating(&[5]);
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

//! Wires that lose and delay (`netem`): what programs notice of them. What frames meet is in
//! `sim-core/src/link/qdisc/tests.rs`, and the cases `netem-*` compare with the kernel.

use sim_core::id::ProcId;
use sim_core::tools::{self, Call};
use sim_core::trace::record::What;
use sim_core::trace::{Keep, Recorder};
use sim_core::world::journal::script;
use sim_core::world::{Output, Poll, World};

use crate::router::{run, run_in};

const SETUP: [&str; 7] = [
    "ip netns add a",
    "ip netns add b",
    "ip -n a link add e0 type veth peer e0 netns b",
    "ip -n a addr add 10.0.9.1/24 dev e0",
    "ip -n b addr add 10.0.9.2/24 dev e0",
    "ip -n a link set e0 up",
    "ip -n b link set e0 up",
];

/// Hosts `a` and `b` with a wire between them, whose ends have these qdiscs.
fn wire(seed: u64, ends: [&str; 2]) -> World {
    let mut world = World::new(seed);
    for line in SETUP {
        run(&mut world, line);
    }
    for (netns, netem) in ["a", "b"].into_iter().zip(ends) {
        if !netem.is_empty() {
            run(&mut world, &format!("tc -n {netns} qdisc add dev e0 root netem {netem}"));
        }
    }
    world
}

/// Runs a command of `a`, whatever its exit status.
fn on_a(world: &mut World, line: &str) -> String {
    let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let netns = world.netns_by_name("a").unwrap();
    world.run_command(netns, &argv).unwrap().stdout
}

#[test]
fn an_echo_takes_as_long_as_both_ways_are_delayed() {
    let mut world = wire(1, ["delay 100ms", "delay 20ms"]);
    // The first one waits for an address that is asked for over the same wire.
    let said = on_a(&mut world, "ping -c 2 10.0.9.2");
    assert!(said.contains("icmp_seq=1 ttl=64 time=240 ms"), "{said}");
    assert!(said.contains("icmp_seq=2 ttl=64 time=120 ms"), "{said}");
}

#[test]
fn of_all_lost_no_echo_comes_back() {
    let mut world = wire(1, ["loss 100%", ""]);
    let said = on_a(&mut world, "ping -c 3 10.0.9.2");
    assert!(said.contains("3 packets transmitted, 0 received"), "{said}");
}

/// Starts a listener of TCP on `b`.
fn listener(world: &mut World) -> ProcId {
    let argv = ["nc", "-l", "-n", "8001"].map(str::to_owned).to_vec();
    let tool = tools::find("nc").unwrap();
    let netns = world.netns_by_name("b").unwrap();
    let call = Call { argv, to_terminal: false, columns: None };
    let id = world.spawn_program("nc", netns, (tool.start)(call));
    world.feed(id, None);
    id
}

/// What a listener hears of a text that a client sends over a wire that loses a fifth both ways.
fn heard(seed: u64, text: &str) -> (World, String) {
    let mut world = wire(seed, ["loss 20%", "loss 20%"]);
    let server = listener(&mut world);
    let a = world.netns_by_name("a").unwrap();
    run_in(&mut world, a, "nc -n -N 10.0.9.2 8001", text);
    while world.process(server).unwrap().state != Poll::Exit(0) {
        let at = world.next_event().expect("something to wait for");
        world.step_until(at);
    }
    let output = world.reap(server).unwrap().output;
    let heard = output.into_iter().filter_map(|piece| {
        let Output::Stdout(bytes) = piece else { return None };
        Some(String::from_utf8(bytes).unwrap())
    });
    (world, heard.collect())
}

#[test]
fn tcp_carries_every_byte_over_a_wire_that_loses_a_fifth_of_the_packets() {
    let text: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    for seed in 1..6 {
        let (mut world, heard) = heard(seed, &text);
        assert!(heard == text, "seed {seed}: {} of {} bytes", heard.len(), text.len());
        let stats = run(&mut world, "tc -n a -s qdisc show dev e0");
        assert!(!stats.contains("dropped 0,"), "seed {seed}: {stats}");
    }
}

#[test]
fn what_is_lost_follows_from_the_seed() {
    let lost = |seed| on_a(&mut wire(seed, ["loss 50%", ""]), "ping -c 20 -i 0.2 10.0.9.2");
    assert_eq!(lost(1), lost(1));
    assert_ne!(lost(1), lost(2));
}

#[test]
fn a_trace_tells_where_a_packet_was_lost_and_what_was_drawn() {
    let mut world = wire(1, ["loss 50%", ""]);
    run(&mut world, "ip -n a neigh add 10.0.9.2 lladdr 02:00:00:00:00:02 dev e0");
    world.kernel.rng.stream("netem.loss").pin([0x7fff_ffff]);
    world.set_recorder(Some(Recorder::new(Keep::Everything)));
    on_a(&mut world, "ping -c 1 -W 1 10.0.9.2");
    let records = world.take_records();
    let told = records.iter().filter_map(|record| {
        if let What::Arrived { place, .. } = &record.what {
            place.contains("netem").then(|| place.clone())
        } else if let What::Chosen { stream, value } = &record.what {
            Some(format!("{stream} {value}"))
        } else if let What::Dropped { reason, .. } = &record.what {
            Some(reason.clone())
        } else {
            matches!(record.what, What::Frame { .. }).then(|| "frame".to_owned())
        }
    });
    let told: Vec<String> = told.collect();
    assert_eq!(told, ["netem enqueue", "netem.loss 2147483647", "QDISC_DROP"]);
}

#[test]
fn the_script_of_a_world_says_which_number_the_kernel_gave_to_a_qdisc() {
    let mut world = World::new(1);
    world.keep_journal();
    for line in SETUP {
        run(&mut world, line);
    }
    run(&mut world, "ip netns exec a tc qdisc add dev e0 root netem delay 1.5ms 100us loss 0.3%");
    run(&mut world, "ip netns exec a tc qdisc del dev e0 root");
    let text = script(&world.take_journal());
    let lines: Vec<&str> = text.lines().skip(SETUP.len()).collect();
    assert_eq!(
        lines,
        [
            "tc -n a qdisc add dev e0 root handle 8001: netem delay 1500us 100us loss 0.3%",
            "tc -n a qdisc del dev e0 root",
        ]
    );
}

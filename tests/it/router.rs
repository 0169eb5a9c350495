//! A router between a client's and a server's side, and commands in a world.

use sim_core::id::{DevId, NetnsId};
use sim_core::world::World;

/// Nobody answers on either side, and nobody has to.
const SETUP: &str = "
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
    ip -n r neigh add 10.0.2.3 lladdr 02:00:00:00:02:03 dev s0 nud permanent
";

/// A world with the router `r`.
pub(crate) fn router(seed: u64) -> World {
    let mut world = World::new(seed);
    for line in SETUP.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run(&mut world, line);
    }
    world
}

/// The router.
pub(crate) fn r(world: &World) -> NetnsId {
    world.netns_by_name("r").unwrap()
}

/// The device on the client's side.
pub(crate) fn c0(world: &World) -> DevId {
    world.kernel.netns[r(world)].names[&"c0".parse().unwrap()]
}

/// What a command writes, which has to succeed.
pub(crate) fn run(world: &mut World, command: &str) -> String {
    run_in(world, world.initial_netns(), command, "")
}

/// The same in a namespace, with `input` to read.
pub(crate) fn run_in(world: &mut World, netns: NetnsId, command: &str, input: &str) -> String {
    let argv: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let outcome = world.run_command_on(netns, &argv, input.as_bytes()).unwrap();
    assert_eq!(outcome.status, 0, "{command}: {}", outcome.stderr);
    outcome.stdout
}

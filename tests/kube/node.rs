//! The node on which the real kube-proxies ran.

use sim_core::world::World;

/// Its devices, addresses and routes, with three pods and the wire.
const SETUP: &str = "
ip link add eth0 address 02:00:00:00:00:11 type veth peer name wire
ip link set lo up
ip link set eth0 up
ip link set wire up
ip addr add 192.168.50.11/24 dev eth0
ip route add default via 192.168.50.1 dev eth0
ip route add 10.244.2.0/24 via 192.168.50.12 dev eth0
ip route add 10.244.3.0/24 via 192.168.50.13 dev eth0
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000
";

/// Makes the world with the node in its first namespace.
pub(crate) fn world() -> World {
    let mut world = World::new(0);
    run(&mut world, SETUP);
    world
}

/// Runs a script, whose lines are commands without quotes, on the node.
pub(crate) fn run(world: &mut World, script: &str) {
    for line in script.lines().filter(|line| !line.is_empty()) {
        let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let outcome = world.run_command(world.initial_netns(), &argv).unwrap();
        assert_eq!(outcome.status, 0, "{line}: {}", outcome.stderr);
    }
}

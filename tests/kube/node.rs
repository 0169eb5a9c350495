//! The node on which the real kube-proxies ran, its three pods and the wire.

use sim_core::id::{DevId, NetnsId};
use sim_core::world::World;

/// Its devices, addresses and routes. The ends of its wires are in namespaces that forward nothing.
const SETUP: &str = "
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.ipv4.icmp_ratelimit=0
sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000
sysctl -qw net.ipv4.icmp_msgs_burst=1000000
ip link set lo up
ip netns add wire
ip link add eth0 address 02:00:00:00:00:11 type veth peer name end netns wire
ip link set eth0 up
ip -n wire link set end up
ip addr add 192.168.50.11/24 dev eth0
ip route add default via 192.168.50.1 dev eth0
ip route add 10.244.2.0/24 via 192.168.50.12 dev eth0
ip route add 10.244.3.0/24 via 192.168.50.13 dev eth0
ip neigh add 192.168.50.1 lladdr 02:00:00:00:50:01 dev eth0 nud permanent
ip neigh add 192.168.50.12 lladdr 02:00:00:00:50:12 dev eth0 nud permanent
ip neigh add 192.168.50.13 lladdr 02:00:00:00:50:13 dev eth0 nud permanent
";

/// A pod whose wire ends at the node itself.
const ROUTED_POD: &str = "
ip netns add podN
ip link add vethpN address 02:00:00:00:02:0N type veth peer name end netns podN
ip link set vethpN up
ip -n podN link set end up
ip addr add 10.244.1.1/32 dev vethpN
ip route add 10.244.1.IP dev vethpN scope link
ip neigh add 10.244.1.IP lladdr 02:00:00:00:03:0N dev vethpN nud permanent
";

/// What pods on a bridge need.
const BRIDGE: &str = "
ip link add cni0 address 02:00:00:00:01:01 type bridge
ip link set cni0 up
ip addr add 10.244.1.1/24 dev cni0
sysctl -qw net.bridge.bridge-nf-call-iptables=0
";

/// A pod whose wire ends at the bridge.
const BRIDGED_POD: &str = "
ip netns add podN
ip link add vethpN address 02:00:00:00:02:0N type veth peer name end netns podN
ip link set vethpN master cni0 up
ip -n podN link set end up
bridge fdb add 02:00:00:00:03:0N dev vethpN master static
ip neigh add 10.244.1.IP lladdr 02:00:00:00:03:0N dev cni0 nud permanent
";

/// The pods: what they are called after, and the end of their address.
const PODS: &[(&str, &str)] = &[("1", "5"), ("2", "6"), ("9", "9")];

/// How pods are connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pods {
    Routed,
    Bridged,
}

/// Makes the world with the node in its first namespace.
pub(crate) fn world(pods: Pods) -> World {
    let mut world = World::new(0);
    run(&mut world, SETUP);
    let pod = match pods {
        Pods::Routed => ROUTED_POD,
        Pods::Bridged => {
            run(&mut world, BRIDGE);
            BRIDGED_POD
        }
    };
    for (number, ip) in PODS {
        run(&mut world, &pod.replace('N', number).replace("IP", ip));
    }
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

/// The device of the node that a packet from `place` comes in by.
pub(crate) fn entrance(world: &World, place: &str) -> DevId {
    let name = match place.strip_prefix("pod") {
        Some(number) => format!("vethp{number}"),
        None => "eth0".to_owned(),
    };
    device(world, world.initial_netns(), &name)
}

/// Where a packet goes that leaves by a device.
pub(crate) fn place_beyond(device: &str) -> Option<String> {
    match device.strip_prefix("vethp") {
        Some(number) => Some(format!("pod{number}")),
        None => (device == "eth0").then(|| "wire".to_owned()),
    }
}

/// The link layer addresses of a packet from `place`, the receiver's first.
pub(crate) fn macs(world: &World, place: &str, pods: Pods) -> ([u8; 6], [u8; 6]) {
    let entrance = match pods {
        Pods::Bridged if place != "wire" => device(world, world.initial_netns(), "cni0"),
        Pods::Bridged | Pods::Routed => entrance(world, place),
    };
    let sender = match place.strip_prefix("pod") {
        Some(number) => [2, 0, 0, 0, 3, number.parse().unwrap()],
        None => [2, 0, 0, 0, 0x50, 1],
    };
    (world.kernel.devs[entrance].addr.octets(), sender)
}

fn device(world: &World, netns: NetnsId, name: &str) -> DevId {
    world.kernel.netns[netns].names[&name.parse().unwrap()]
}

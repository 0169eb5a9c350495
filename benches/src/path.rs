//! The measured paths. Each is a script that both kernels run, and a flow of datagrams over it.

use std::net::Ipv4Addr;

/// A path through namespaces.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Its name in reports.
    pub name: &'static str,
    /// The commands that build it.
    pub setup: &'static [&'static str],
    /// The namespace and address that sends.
    pub from: (&'static str, Ipv4Addr),
    /// The namespace and address that receives.
    pub to: (&'static str, Ipv4Addr),
}

/// The port that datagrams go to.
pub const PORT: u16 = 9;
/// The port that datagrams come from.
pub const SOURCE_PORT: u16 = 40_000;
/// The payload of every datagram: small packets show the cost of a packet, not of copying.
pub const PAYLOAD: &[u8] = &[0x5a; 18];

/// The paths that are measured without rules.
pub const PATHS: &[Path] = &[BRIDGED, ROUTED];

/// Two hosts on one bridge: namespace, veth, bridge, veth, namespace.
pub const BRIDGED: Path = Path {
    name: "bridged",
    setup: &[
        "ip netns add a",
        "ip netns add sw",
        "ip netns add b",
        "ip netns exec sw sysctl -qw net.bridge.bridge-nf-call-iptables=0",
        "ip -n sw link add br0 address 02:00:00:00:00:10 type bridge",
        "ip -n sw link set br0 up",
        "ip -n sw link add p0 address 02:00:00:00:00:11 type veth peer name e0 address 02:00:00:00:00:01 netns a",
        "ip -n sw link add p1 address 02:00:00:00:00:12 type veth peer name e0 address 02:00:00:00:00:02 netns b",
        "ip -n sw link set p0 master br0 up",
        "ip -n sw link set p1 master br0 up",
        "ip -n a link set e0 up",
        "ip -n b link set e0 up",
        "ip -n a addr add 10.0.0.1/24 dev e0",
        "ip -n b addr add 10.0.0.2/24 dev e0",
        "ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev e0 nud permanent",
        "ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev e0 nud permanent",
    ],
    from: ("a", Ipv4Addr::new(10, 0, 0, 1)),
    to: ("b", Ipv4Addr::new(10, 0, 0, 2)),
};

/// Two hosts with two routers between them.
pub const ROUTED: Path = Path {
    name: "routed",
    setup: &[
        "ip netns add a",
        "ip netns add r1",
        "ip netns add r2",
        "ip netns add b",
        "ip -n a link add e0 address 02:00:00:00:01:02 type veth peer name e0 address 02:00:00:00:01:01 netns r1",
        "ip -n r1 link add e1 address 02:00:00:00:02:01 type veth peer name e0 address 02:00:00:00:02:02 netns r2",
        "ip -n r2 link add e1 address 02:00:00:00:03:01 type veth peer name e0 address 02:00:00:00:03:02 netns b",
        "ip -n a link set e0 up",
        "ip -n r1 link set e0 up",
        "ip -n r1 link set e1 up",
        "ip -n r2 link set e0 up",
        "ip -n r2 link set e1 up",
        "ip -n b link set e0 up",
        "ip -n a addr add 10.0.1.2/24 dev e0",
        "ip -n r1 addr add 10.0.1.1/24 dev e0",
        "ip -n r1 addr add 10.0.2.1/24 dev e1",
        "ip -n r2 addr add 10.0.2.2/24 dev e0",
        "ip -n r2 addr add 10.0.3.1/24 dev e1",
        "ip -n b addr add 10.0.3.2/24 dev e0",
        "ip netns exec r1 sysctl -qw net.ipv4.ip_forward=1",
        "ip netns exec r2 sysctl -qw net.ipv4.ip_forward=1",
        "ip -n a route add default via 10.0.1.1",
        "ip -n r1 route add 10.0.3.0/24 via 10.0.2.2",
        "ip -n r2 route add 10.0.1.0/24 via 10.0.2.1",
        "ip -n b route add default via 10.0.3.1",
        "ip -n a neigh add 10.0.1.1 lladdr 02:00:00:00:01:01 dev e0 nud permanent",
        "ip -n r1 neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev e1 nud permanent",
        "ip -n r2 neigh add 10.0.3.2 lladdr 02:00:00:00:03:02 dev e1 nud permanent",
    ],
    from: ("a", Ipv4Addr::new(10, 0, 1, 2)),
    to: ("b", Ipv4Addr::new(10, 0, 3, 2)),
};

/// Two hosts with one router between them, `r`, which is given rules.
pub const FILTERED: Path = Path {
    name: "filtered",
    setup: &[
        "ip netns add a",
        "ip netns add r",
        "ip netns add b",
        "ip -n a link add e0 address 02:00:00:00:01:02 type veth peer name e0 address 02:00:00:00:01:01 netns r",
        "ip -n r link add e1 address 02:00:00:00:02:01 type veth peer name e0 address 02:00:00:00:02:02 netns b",
        "ip -n a link set e0 up",
        "ip -n r link set e0 up",
        "ip -n r link set e1 up",
        "ip -n b link set e0 up",
        "ip -n a addr add 10.0.1.2/24 dev e0",
        "ip -n r addr add 10.0.1.1/24 dev e0",
        "ip -n r addr add 10.0.2.1/24 dev e1",
        "ip -n b addr add 10.0.2.2/24 dev e0",
        "ip netns exec r sysctl -qw net.ipv4.ip_forward=1",
        "ip -n a route add default via 10.0.1.1",
        "ip -n b route add default via 10.0.2.1",
        "ip -n a neigh add 10.0.1.1 lladdr 02:00:00:00:01:01 dev e0 nud permanent",
        "ip -n r neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev e0 nud permanent",
        "ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev e1 nud permanent",
        "ip -n b neigh add 10.0.2.1 lladdr 02:00:00:00:02:01 dev e0 nud permanent",
    ],
    from: ("a", Ipv4Addr::new(10, 0, 1, 2)),
    to: ("b", Ipv4Addr::new(10, 0, 2, 2)),
};

/// Pods of 10.244.0.0/16 in `a`, a node `r` that is given the rules of services, and behind it `b`, which
/// has the addresses of all endpoints.
pub const CLUSTER: Path = Path {
    name: "cluster",
    setup: &[
        "ip netns add a",
        "ip netns add r",
        "ip netns add b",
        "ip -n a link add e0 address 02:00:00:00:01:02 type veth peer name e0 address 02:00:00:00:01:01 netns r",
        "ip -n r link add e1 address 02:00:00:00:02:01 type veth peer name e0 address 02:00:00:00:02:02 netns b",
        "ip -n a link set e0 up",
        "ip -n r link set e0 up",
        "ip -n r link set e1 up",
        "ip -n b link set e0 up",
        "ip -n b link set lo up",
        "ip -n a addr add 10.244.0.2/16 dev e0",
        "ip -n r addr add 10.244.0.1/16 dev e0",
        "ip -n r addr add 10.0.2.1/24 dev e1",
        "ip -n b addr add 10.0.2.2/24 dev e0",
        "ip -n b route add local 10.64.0.0/16 dev lo",
        "ip netns exec r sysctl -qw net.ipv4.ip_forward=1",
        "ip -n a route add default via 10.244.0.1",
        "ip -n r route add 10.64.0.0/16 via 10.0.2.2",
        "ip -n b route add default via 10.0.2.1",
        "ip -n a neigh add 10.244.0.1 lladdr 02:00:00:00:01:01 dev e0 nud permanent",
        "ip -n r neigh add 10.244.0.2 lladdr 02:00:00:00:01:02 dev e0 nud permanent",
        "ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev e1 nud permanent",
        "ip -n b neigh add 10.0.2.1 lladdr 02:00:00:00:02:01 dev e0 nud permanent",
    ],
    from: ("a", Ipv4Addr::new(10, 244, 0, 2)),
    to: ("b", Ipv4Addr::new(10, 0, 2, 2)),
};

//! A workbench for tests of tools: a world that is set up with commands.

use crate::id::NetnsId;
use crate::tools::Outcome;
use crate::world::World;

/// Namespaces h, r1, r2, r3 and d in a row: h has 10.0.1.1, each router .2 on its left and .1 on its
/// right, d 10.0.4.2.
const ROW: &str = "\
    h ip link add hr1 type veth peer name r1h netns r1
    r1 ip link add r1r2 type veth peer name r2r1 netns r2
    r2 ip link add r2r3 type veth peer name r3r2 netns r3
    r3 ip link add r3d type veth peer name dr3 netns d
    h ip addr add 10.0.1.1/24 dev hr1
    r1 ip addr add 10.0.1.2/24 dev r1h
    r1 ip addr add 10.0.2.1/24 dev r1r2
    r2 ip addr add 10.0.2.2/24 dev r2r1
    r2 ip addr add 10.0.3.1/24 dev r2r3
    r3 ip addr add 10.0.3.2/24 dev r3r2
    r3 ip addr add 10.0.4.1/24 dev r3d
    d ip addr add 10.0.4.2/24 dev dr3
    h ip link set hr1 up
    r1 ip link set r1h up
    r1 ip link set r1r2 up
    r2 ip link set r2r1 up
    r2 ip link set r2r3 up
    r3 ip link set r3r2 up
    r3 ip link set r3d up
    d ip link set dr3 up
    h ip route add default via 10.0.1.2
    r1 ip route add 10.0.3.0/24 via 10.0.2.2
    r1 ip route add 10.0.4.0/24 via 10.0.2.2
    r2 ip route add 10.0.1.0/24 via 10.0.2.1
    r2 ip route add 10.0.4.0/24 via 10.0.3.2
    r3 ip route add default via 10.0.3.1
    d ip route add default via 10.0.4.1
    r1 sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
    r2 sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
    r3 sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0";

/// A world to run commands in.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) world: World,
}

impl Lab {
    /// A row of five hosts, the three in the middle being routers.
    pub(super) fn row() -> Self {
        let mut world = World::new(7);
        for name in ["h", "r1", "r2", "r3", "d"] {
            world.add_netns(name).unwrap();
        }
        let mut lab = Self { world };
        for name in ["h", "r1", "r2", "r3", "d"] {
            lab.set(&format!("{name} ip link set lo up"));
        }
        lab.set(ROW);
        lab
    }

    pub(super) fn netns(&self, name: &str) -> NetnsId {
        self.world.netns_by_name(name).unwrap()
    }

    /// Runs a command, the namespace being its first word.
    pub(super) fn run(&mut self, line: &str) -> Outcome {
        let mut words = line.split_whitespace().map(str::to_owned);
        let netns = self.netns(&words.next().unwrap());
        let argv: Vec<String> = words.collect();
        self.world.run_command(netns, &argv).unwrap()
    }

    /// Runs commands that have nothing to say.
    pub(super) fn set(&mut self, lines: &str) {
        for line in lines.lines() {
            assert_eq!(self.run(line), Outcome::default(), "{line}");
        }
    }
}

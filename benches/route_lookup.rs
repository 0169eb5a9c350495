//! One lookup, for a received packet and for one of this host: in a pod's tables, and in those of a
//! node that has a route to each of 5000 others.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, criterion_group, criterion_main};
use sim_core::family::V4;
use sim_core::id::{DevId, NetnsId};
use sim_core::route::{self, FlowKey};
use sim_core::world::World;

const OWN: Ipv4Addr = Ipv4Addr::new(10, 42, 0, 1);
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 42, 0, 7);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 60, 9, 7);
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);

struct Host {
    world: World,
    netns: NetnsId,
    dev: DevId,
}

impl Host {
    /// A host with one device, a default route and `routes` routes to /24 networks.
    fn new(routes: u16) -> Self {
        let mut world = World::new(1);
        let netns = world.initial_netns();
        let mut commands = vec![
            "ip link set lo up".to_owned(),
            "ip link add eth0 type veth peer name wire".to_owned(),
            "ip link set eth0 up".to_owned(),
            "ip link set wire up".to_owned(),
            "ip addr add 10.42.0.1/24 dev eth0".to_owned(),
            "ip route add default via 10.42.0.2".to_owned(),
            "sysctl -qw net.ipv4.ip_forward=1".to_owned(),
        ];
        commands.extend((0..routes).map(|i| {
            let [high, low] = i.to_be_bytes();
            format!("ip route add 10.{}.{low}.0/24 via 10.42.0.3", 50 + high)
        }));
        for command in commands {
            let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            let outcome = world.run_command(netns, &words).expect("there is such a command");
            assert_eq!(outcome.status, 0, "{command}: {}", outcome.stderr);
        }
        let name = "eth0".parse().expect("a name");
        let dev = world.kernel.dev_by_name(netns, name).expect("it was made");
        Self { world, netns, dev }
    }
}

fn route_lookup(c: &mut Criterion) {
    for (size, mut host) in [("pod", Host::new(0)), ("node", Host::new(5000))] {
        let k = &mut host.world.kernel;
        let mut group = c.benchmark_group(format!("route_lookup/{size}"));
        for (name, dst) in [("own", OWN), ("near", NEAR), ("far", FAR), ("outside", OUTSIDE)] {
            let flow = FlowKey::<V4>::to(dst);
            group.bench_function(format!("output/{name}"), |b| {
                b.iter(|| route::output(k, host.netns, black_box(&flow)));
            });
            let from = FlowKey { iif: Some(host.dev), ..FlowKey::between(NEAR, dst) };
            group.bench_function(format!("input/{name}"), |b| {
                b.iter(|| route::input(k, host.netns, black_box(&from)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, route_lookup);
criterion_main!(benches);

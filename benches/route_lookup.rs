//! One lookup, for a received packet and for one of this host: in a pod's tables, and in those of a
//! node that has a route to each of 5000 others.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, criterion_group, criterion_main};
use sim_core::family::V4;
use sim_core::id::{DevId, NetnsId};
use sim_core::netlink::Request;
use sim_core::netlink::request::{
    AddrSpec, Create, LinkAdd, LinkChange, LinkKind, LinkPeer, LinkRef, NextHopSpec, RouteSpec,
};
use sim_core::route::{self, FlowKey, RouteType};
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
        let name = "eth0".parse().expect("a name");
        let up = LinkChange { flags_on: 1, ..LinkChange::default() };
        let peer = LinkPeer {
            name: Some("wire".parse().expect("a name")),
            change: up.clone(),
            ..LinkPeer::default()
        };
        let kind = LinkKind::Veth(Box::new(peer));
        let link =
            LinkAdd { name: Some(name), ifindex: None, kind, link: None, change: up.clone() };
        let lo = LinkRef::Name("lo".parse().expect("a name"));
        let dev = LinkRef::Name(name);
        let mut requests = vec![
            Request::LinkSet(lo, up),
            Request::LinkAdd(link),
            Request::SysctlSet { name: "net.ipv4.ip_forward".into(), value: "1".into() },
            Request::AddrAdd(
                AddrSpec {
                    dev,
                    local: OWN.into(),
                    peer: None,
                    prefix_len: 24,
                    any_prefix: false,
                    broadcast: None,
                    label: None,
                    scope: None,
                    metric: None,
                    no_prefix_route: false,
                    valid_lft_s: None,
                    preferred_lft_s: None,
                    proto: 0,
                },
                Create::Exclusive,
            ),
        ];
        let via = |dst: Option<Ipv4Addr>, gateway: u8| {
            let gateway = Some(Ipv4Addr::new(10, 42, 0, gateway).into());
            let spec = RouteSpec {
                dst: dst.map(|dst| ipnet::IpNet::new(dst.into(), 24).expect("a prefix")),
                kind: Some(RouteType::Unicast),
                next_hops: vec![NextHopSpec { gateway, ..NextHopSpec::default() }],
                ..RouteSpec::default()
            };
            Request::RouteAdd(spec, Create::Exclusive)
        };
        requests.push(via(None, 2));
        requests.extend((0..routes).map(|i| {
            let [high, low] = i.to_be_bytes();
            via(Some(Ipv4Addr::new(10, 50 + high, low, 0)), 3)
        }));
        for request in requests {
            world.request(netns, &request).expect("the request is sound");
        }
        let dev = world.kernel.dev_by_name(netns, name).expect("it was made");
        Self { world, netns, dev }
    }
}

fn route_lookup(c: &mut Criterion) {
    for (size, host) in [("pod", Host::new(0)), ("node", Host::new(5000))] {
        let k = &host.world.kernel;
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

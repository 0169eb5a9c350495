//! Arbitrary requests about addresses, routes, rules, neighbours, forwarding databases and settings, as
//! far as the tools can say them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use proptest::option::of;
use proptest::prelude::*;
use sim_core::bridge::multicast::GroupAddr;
use sim_core::link::DevName;
use sim_core::link::inet::Scope;
use sim_core::neigh::NudState;
use sim_core::netlink::Request;
use sim_core::netlink::request::{
    AddrSpec, Create, FdbFilter, FdbFlush, FdbSpec, FdbState, LinkRef, MdbSpec, NeighSpec,
    NetemOptions, NextHopSpec, QdiscKind, QdiscSpec, QdiscVerb, RouteSpec, RuleAction, RuleSpec,
    Ticks,
};
use sim_core::route::RouteType;

use super::links::mac;
use super::{NAMESPACES, WORLD, any_dev_name, link};

fn v4() -> BoxedStrategy<IpAddr> {
    any::<Ipv4Addr>().prop_map(IpAddr::V4).boxed()
}

fn net() -> BoxedStrategy<IpNet> {
    (any::<Ipv4Addr>(), 0_u8..=32).prop_map(|(a, len)| Ipv4Net::new(a, len).unwrap().into()).boxed()
}

fn scope() -> BoxedStrategy<Scope> {
    prop_oneof![any::<u8>(), prop::sample::select(vec![0, 200, 253, 254, 255])]
        .prop_map(Scope)
        .boxed()
}

fn create() -> BoxedStrategy<Create> {
    use Create::{Append, Change, Exclusive, Prepend, Replace, Test};
    prop::sample::select(vec![Append, Change, Exclusive, Prepend, Replace, Test]).boxed()
}

fn label() -> BoxedStrategy<DevName> {
    "[ -~]{1,15}".prop_map(|text| DevName::label(&text).unwrap()).boxed()
}

/// Lifetimes, the valid one not zero and not shorter than the preferred one.
fn lifetimes() -> BoxedStrategy<(Option<u32>, Option<u32>)> {
    prop_oneof![
        of(0_u32..u32::MAX).prop_map(|preferred| (None, preferred)),
        (1_u32..u32::MAX).prop_flat_map(|valid| (Just(Some(valid)), (0..=valid).prop_map(Some))),
    ]
    .boxed()
}

fn addr(any_prefix: bool) -> BoxedStrategy<AddrSpec> {
    let main = (link(), v4(), of(v4()), if any_prefix { 32_u8..=32 } else { 0..=32 });
    let flags = (any::<bool>(), any::<bool>());
    let rest = (of(v4()), of(label()), scope(), of(any::<u32>()), flags, lifetimes());
    (main, rest)
        .prop_map(move |((dev, local, peer, prefix_len), rest)| {
            let (broadcast, label, scope, metric, flags, (valid_lft_s, preferred_lft_s)) = rest;
            let (no_prefix_route, autojoin) = flags;
            AddrSpec {
                dev,
                local,
                peer: peer.filter(|_| !any_prefix),
                prefix_len,
                any_prefix,
                broadcast,
                label,
                scope: Some(scope),
                metric,
                no_prefix_route,
                autojoin: autojoin && local.is_multicast(),
                valid_lft_s,
                preferred_lft_s,
                proto: 0,
            }
        })
        .boxed()
}

fn deleted_addr() -> BoxedStrategy<AddrSpec> {
    let spec = prop_oneof![addr(false), addr(true)];
    (spec, any::<bool>())
        .prop_map(|(spec, scoped)| AddrSpec { scope: spec.scope.filter(|_| scoped), ..spec })
        .boxed()
}

fn route_type() -> BoxedStrategy<RouteType> {
    use RouteType::{
        Anycast, Blackhole, Broadcast, Local, Multicast, Prohibit, Throw, Unicast, Unreachable,
    };
    prop::sample::select(vec![
        Anycast,
        Blackhole,
        Broadcast,
        Local,
        Multicast,
        Prohibit,
        Throw,
        Unicast,
        Unreachable,
    ])
    .boxed()
}

fn hop(weight: impl Strategy<Value = u16> + 'static) -> BoxedStrategy<NextHopSpec> {
    (of(v4()), of(link()), weight, any::<bool>())
        .prop_map(|(gateway, dev, weight, onlink)| NextHopSpec { gateway, dev, weight, onlink })
        .boxed()
}

fn hops() -> BoxedStrategy<Vec<NextHopSpec>> {
    prop_oneof![
        Just(Vec::new()),
        hop(Just(0)).prop_map(|hop| vec![hop]),
        prop::collection::vec(hop(1_u16..=256), 1..4),
    ]
    .boxed()
}

fn route() -> BoxedStrategy<RouteSpec> {
    let main = (of(net()), route_type(), any::<u32>(), any::<u8>(), of(any::<u32>()), any::<u8>());
    let table = prop_oneof![any::<u32>(), prop::sample::select(vec![253, 254, 255])];
    let metrics = (of(any::<(u32, bool)>()), of(any::<u32>()), of(any::<u32>()), of(0_u32..256));
    (main, table, scope(), of(v4()), hops(), metrics)
        .prop_map(
            |((dst, kind, _, tos, metric, protocol), table, scope, prefsrc, next_hops, metrics)| {
                let (mtu, advmss, initcwnd, hoplimit) = metrics;
                RouteSpec {
                    dst,
                    kind: Some(kind),
                    table: Some(table),
                    tos,
                    metric,
                    protocol: Some(protocol),
                    scope: Some(scope),
                    prefsrc,
                    next_hops,
                    mtu,
                    advmss,
                    initcwnd,
                    hoplimit,
                }
            },
        )
        .boxed()
}

fn deleted_route() -> BoxedStrategy<RouteSpec> {
    (route(), any::<bool>(), any::<bool>())
        .prop_map(|(spec, typed, owned)| RouteSpec {
            kind: spec.kind.filter(|_| typed),
            protocol: spec.protocol.filter(|_| owned),
            ..spec
        })
        .boxed()
}

fn action() -> BoxedStrategy<RuleAction> {
    prop_oneof![
        any::<u32>().prop_map(RuleAction::Lookup),
        any::<u32>().prop_map(RuleAction::Goto),
        Just(RuleAction::Nop),
        Just(RuleAction::Blackhole),
        Just(RuleAction::Unreachable),
        Just(RuleAction::Prohibit),
        Just(RuleAction::Unspecified),
    ]
    .boxed()
}

fn rule() -> BoxedStrategy<RuleSpec> {
    let selectors = (of(any::<u32>()), any::<bool>(), of(net()), of(net()));
    let devices = (of(any_dev_name()), of(any_dev_name()));
    let marks = (of(any::<(u32, u32)>()), any::<u8>(), of(any::<u8>()));
    let ranges = (of(any::<(u16, u16)>()), of(any::<(u16, u16)>()), of(any::<(u32, u32)>()));
    let suppress = (of(0_u32..0x8000_0000), of(0_u32..0x8000_0000), of(any::<u8>()));
    (selectors, devices, marks, ranges, suppress, action())
        .prop_map(|((priority, not, from, to), (iif, oif), marks, ranges, suppress, action)| {
            let (fwmark, tos, ipproto) = marks;
            let (sport, dport, uidrange) = ranges;
            let (suppress_prefixlength, suppress_ifgroup, protocol) = suppress;
            RuleSpec {
                priority,
                not,
                from,
                to,
                iif,
                oif,
                fwmark,
                tos,
                ipproto,
                sport,
                dport,
                uidrange,
                action,
                suppress_prefixlength,
                suppress_ifgroup,
                protocol,
            }
        })
        .boxed()
}

fn neigh() -> BoxedStrategy<NeighSpec> {
    use NudState::{Delay, Failed, Incomplete, Noarp, None, Permanent, Probe, Reachable, Stale};
    let states = vec![Delay, Failed, Incomplete, Noarp, None, Permanent, Probe, Reachable, Stale];
    let state = of(prop::sample::select(states));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<u8>());
    (of(link()), v4(), of(mac()), state, flags)
        .prop_map(|(dev, addr, lladdr, state, flags)| {
            let (proxy, router, extern_learn, protocol) = flags;
            NeighSpec { dev, addr, lladdr, state, proxy, router, extern_learn, protocol }
        })
        .boxed()
}

fn fdb() -> BoxedStrategy<FdbSpec> {
    let flags = prop::array::uniform4(any::<bool>());
    let state =
        prop::sample::select(vec![FdbState::Permanent, FdbState::Static, FdbState::Dynamic]);
    let remote = (of(v4()), of(1_u16..), of(0_u32..1 << 24), of(link()), of(any::<u16>()));
    (link(), mac(), flags, state, remote)
        .prop_map(|(dev, lladdr, flags, state, remote)| {
            let [self_, master, extern_learn, sticky] = flags;
            let (dst, port, vni, via, vlan) = remote;
            FdbSpec {
                dev,
                lladdr,
                self_,
                master,
                state,
                dst,
                port,
                vni,
                via,
                vlan,
                extern_learn,
                sticky,
            }
        })
        .boxed()
}

fn fdb_flush() -> BoxedStrategy<FdbFlush> {
    let wanted = prop::array::uniform6(of(any::<bool>()));
    let keepers = prop::sample::select(vec![(true, false), (false, true), (true, true)]);
    (link(), keepers, of(link()), of(0_u16..1 << 12), wanted)
        .prop_map(|(dev, (self_, master), port, vlan, wanted)| {
            let [permanent, noarp, by_user, extern_learn, sticky, offloaded] = wanted;
            let filter = FdbFilter {
                port,
                vlan,
                permanent,
                noarp,
                by_user,
                extern_learn,
                sticky,
                offloaded,
            };
            FdbFlush { dev, self_, master, filter }
        })
        .boxed()
}

/// Groups' addresses on devices, and groups of bridges.
fn group() -> BoxedStrategy<Request> {
    let addr =
        prop_oneof![any::<Ipv4Addr>().prop_map(GroupAddr::V4), mac().prop_map(GroupAddr::Mac),];
    let mdb = (link(), link(), addr, any::<bool>())
        .prop_map(|(dev, port, group, permanent)| MdbSpec { dev, port, group, permanent });
    prop_oneof![
        (link(), mac()).prop_map(|(dev, addr)| Request::MulticastAdd(dev, addr)),
        (link(), mac()).prop_map(|(dev, addr)| Request::MulticastDel(dev, addr)),
        mdb.clone().prop_map(Request::MdbAdd),
        mdb.prop_map(Request::MdbDel),
    ]
    .boxed()
}

/// A time that tc can say: whole microseconds, in ticks.
fn ticks() -> BoxedStrategy<Ticks> {
    let micros = prop_oneof![Just(0), 0_u32..2000, (0_u32..274).prop_map(|s| s * 1_000_000)];
    let ticks = |micros: u32| u32::try_from(u64::from(micros) * 125 / 8).unwrap();
    micros.prop_map(move |micros| Ticks(ticks(micros))).boxed()
}

fn netem() -> BoxedStrategy<NetemOptions> {
    let order = prop_oneof![Just((0, None)), (1_u32.., 1_u32..).prop_map(|(g, r)| (g, Some(r)))];
    let share = || prop_oneof![Just(0), any::<u32>()];
    (any::<u32>(), ticks(), ticks(), share(), share(), order)
        .prop_map(|(limit, latency, jitter, loss, duplicate, (gap, reorder))| NetemOptions {
            limit,
            latency,
            jitter,
            loss,
            duplicate,
            gap,
            reorder,
        })
        .boxed()
}

fn qdisc() -> BoxedStrategy<Request> {
    use QdiscVerb::{Add, Change, Link, Replace};
    let kind = prop_oneof![
        netem().prop_map(QdiscKind::Netem),
        "[A-Z]{1,15}".prop_map(QdiscKind::Unknown),
    ];
    let spec = (of(link()), any::<bool>(), of(1_u16..), of(kind))
        .prop_map(|(dev, root, handle, kind)| QdiscSpec { dev, root, handle, kind });
    let verb = prop::sample::select(vec![Add, Change, Link, Replace]);
    prop_oneof![
        3 => (spec.clone(), verb).prop_map(|(spec, verb)| Request::QdiscSet(spec, verb)),
        1 => spec.prop_map(Request::QdiscDel),
    ]
    .boxed()
}

fn setting() -> BoxedStrategy<Request> {
    let name = prop_oneof![
        Just("net.ipv4.ip_forward".to_owned()),
        Just("net.ipv4.conf.eth0/1.rp_filter".to_owned()),
        "[a-z]{1,8}(\\.[a-z_/0-9]{1,8}){1,3}",
    ];
    let value = "[ -~\t]{0,20}".prop_map(|value| value.trim().to_owned());
    (name, value).prop_map(|(name, value)| Request::SysctlSet { name, value }).boxed()
}

fn netns_id() -> BoxedStrategy<Request> {
    (0..NAMESPACES.len(), of(0_u32..0x8000_0000))
        .prop_map(|(n, nsid)| {
            let netns = WORLD.with(|world| world.netns_by_name(NAMESPACES[n]).unwrap());
            Request::NetnsIdSet { netns, nsid }
        })
        .boxed()
}

pub(super) fn request() -> BoxedStrategy<Request> {
    prop_oneof![
        2 => (addr(false), create()).prop_map(|(spec, create)| Request::AddrAdd(spec, create)),
        2 => deleted_addr().prop_map(Request::AddrDel),
        4 => (route(), create()).prop_map(|(spec, create)| Request::RouteAdd(spec, create)),
        4 => deleted_route().prop_map(Request::RouteDel),
        2 => rule().prop_map(Request::RuleAdd),
        2 => rule().prop_map(Request::RuleDel),
        2 => (neigh(), create()).prop_map(|(spec, create)| Request::NeighAdd(spec, create)),
        1 => neigh().prop_map(Request::NeighDel),
        2 => (fdb(), create()).prop_map(|(spec, create)| Request::FdbAdd(spec, create)),
        1 => fdb().prop_map(Request::FdbDel),
        1 => fdb_flush().prop_map(Request::FdbFlush),
        1 => netns_id(),
        1 => group(),
        2 => qdisc(),
        1 => setting(),
    ]
    .boxed()
}

/// Requests that name no device but `lo`, so that they can be made in any namespace.
pub(super) fn anywhere() -> BoxedStrategy<Request> {
    let lo = || LinkRef::Name("lo".parse().unwrap());
    let on_lo = (addr(false), create())
        .prop_map(move |(spec, create)| Request::AddrAdd(AddrSpec { dev: lo(), ..spec }, create));
    let fdb_on_lo =
        fdb().prop_map(move |spec| Request::FdbDel(FdbSpec { dev: lo(), via: None, ..spec }));
    prop_oneof![on_lo, fdb_on_lo, rule().prop_map(Request::RuleAdd), setting()].boxed()
}

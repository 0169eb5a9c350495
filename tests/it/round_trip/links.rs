//! Arbitrary requests about devices, as far as the tools can say them.

use std::net::{IpAddr, Ipv4Addr};

use proptest::option::of;
use proptest::prelude::*;
use sim_core::id::IfIndex;
use sim_core::link::{DevFlags, DevName};
use sim_core::netlink::Request;
use sim_core::netlink::request::{
    BridgeChange, LinkAdd, LinkChange, LinkKind, LinkPeer, LinkRef, MacvlanMode, McastChange,
    PortChange, TunnelChange, TunnelProto, TunnelSpec, VxlanChange,
};
use sim_core::packet::MacAddr;

use super::{WORLD, any_dev_name, dev_name, link};

pub(super) fn mac() -> BoxedStrategy<MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr).boxed()
}

fn v4() -> BoxedStrategy<IpAddr> {
    any::<Ipv4Addr>().prop_map(IpAddr::V4).boxed()
}

fn unicast() -> BoxedStrategy<IpAddr> {
    v4().prop_filter("no group", |addr| !addr.is_multicast()).boxed()
}

fn index() -> BoxedStrategy<IfIndex> {
    (1_u32..0x7fff_ffff).prop_map(IfIndex).boxed()
}

/// Flags that are set and cleared, those that have words only.
fn flags() -> BoxedStrategy<(u32, u32)> {
    const FLAGS: [DevFlags; 5] =
        [DevFlags::UP, DevFlags::NOARP, DevFlags::MULTICAST, DevFlags::ALLMULTI, DevFlags::PROMISC];
    prop::array::uniform5(of(any::<bool>()))
        .prop_map(|wishes| {
            FLAGS.iter().zip(wishes).fold((0, 0), |(on, off), (flag, wish)| match wish {
                None => (on, off),
                Some(true) => (on | flag.0, off),
                Some(false) => (on, off | flag.0),
            })
        })
        .boxed()
}

/// What new and existing devices take; a group needs a name.
fn attributes() -> BoxedStrategy<LinkChange> {
    let numbers = (of(any::<u32>()), of(any::<u32>()), of(0_u32..0x8000_0000));
    let addresses = (of(mac()), of(mac()), of(any::<bool>()), of(0_u8..4));
    let alias = of("[ -~äß]{0,60}");
    let netns = of(0_u32..3);
    (flags(), numbers, addresses, alias, netns, of(of(link())))
        .prop_map(
            |(
                (flags_on, flags_off),
                (mtu, tx_queue_len, group),
                addresses,
                alias,
                netns,
                master,
            )| {
                let (address, broadcast, carrier, addrgenmode) = addresses;
                let netns = netns.map(|n| {
                    WORLD.with(|world| match n {
                        0 => world.initial_netns(),
                        n => world.netns_by_name(super::NAMESPACES[n as usize - 1]).unwrap(),
                    })
                });
                LinkChange {
                    flags_on,
                    flags_off,
                    mtu,
                    address,
                    broadcast,
                    netns,
                    master,
                    tx_queue_len,
                    group,
                    alias,
                    carrier,
                    addrgenmode,
                    ..LinkChange::default()
                }
            },
        )
        .boxed()
}

fn bridge() -> BoxedStrategy<BridgeChange> {
    let times = (of(any::<u32>()), of(any::<u32>()), of(any::<u32>()), of(any::<u32>()));
    let numbers = (of(any::<u32>()), of(any::<u16>()), of(any::<u16>()));
    let switches = prop::array::uniform5(of(any::<bool>()));
    (times, numbers, switches)
        .prop_map(|(times, numbers, switches)| {
            let (forward_delay, hello_time, max_age, ageing_time) = times;
            let (stp_state, priority, group_fwd_mask) = numbers;
            let [
                vlan_filtering,
                mcast_snooping,
                nf_call_iptables,
                nf_call_ip6tables,
                nf_call_arptables,
            ] = switches;
            BridgeChange {
                mcast: Box::default(),
                forward_delay,
                hello_time,
                max_age,
                ageing_time,
                stp_state,
                priority,
                vlan_filtering,
                group_fwd_mask,
                mcast_snooping,
                nf_call_iptables,
                nf_call_ip6tables,
                nf_call_arptables,
            }
        })
        .boxed()
}

fn groups_bridge() -> BoxedStrategy<BridgeChange> {
    let modes = (of(any::<u8>()), of(any::<u8>()), of(any::<u8>()));
    let switches = prop::array::uniform3(of(any::<bool>()));
    let counts = prop::array::uniform3(of(any::<u32>()));
    let times = prop::array::uniform6(of(any::<u64>()));
    (bridge(), modes, switches, counts, times)
        .prop_map(|(rest, modes, switches, counts, times)| {
            let (router, igmp_version, mld_version) = modes;
            let [querier, query_use_ifaddr, stats_enabled] = switches;
            let [hash_max, last_member_count, startup_query_count] = counts;
            let [last_member_interval, membership_interval, querier_interval, ..] = times;
            let [.., query_interval, query_response_interval, startup_query_interval] = times;
            let mcast = McastChange {
                router,
                querier,
                query_use_ifaddr,
                hash_max,
                last_member_count,
                startup_query_count,
                last_member_interval,
                membership_interval,
                querier_interval,
                query_interval,
                query_response_interval,
                startup_query_interval,
                igmp_version,
                mld_version,
                stats_enabled,
            };
            BridgeChange { mcast: Box::new(mcast), ..rest }
        })
        .boxed()
}

fn port() -> BoxedStrategy<PortChange> {
    let modes = (of(any::<u8>()), of(any::<u8>()));
    let numbers = (modes, of(any::<u16>()), of(any::<u32>()), of(any::<u16>()));
    let switches = prop::array::uniform12(of(any::<bool>()));
    (numbers, switches)
        .prop_map(|(((state, mcast_router), priority, cost, group_fwd_mask), switches)| {
            let [hairpin, guard, root_block, fastleave, learning, flood, ..] = switches;
            let [.., mcast_flood, bcast_flood, proxy_arp, neigh_suppress, isolated, locked] =
                switches;
            PortChange {
                state,
                mcast_router,
                priority,
                cost,
                hairpin,
                guard,
                root_block,
                fastleave,
                learning,
                flood,
                mcast_flood,
                bcast_flood,
                proxy_arp,
                neigh_suppress,
                isolated,
                group_fwd_mask,
                locked,
            }
        })
        .boxed()
}

fn vxlan() -> BoxedStrategy<VxlanChange> {
    let ends = (of(v4()), of(unicast()), link());
    let bytes = (of(any::<u8>()), of(any::<u8>()), of(0_u8..3));
    let numbers = (of(any::<u32>()), of(any::<u32>()), of(any::<(u16, u16)>()), of(1_u16..));
    let switches = prop::array::uniform6(of(any::<bool>()));
    (0_u32..1 << 24, ends, bytes, numbers, switches)
        .prop_map(|(vni, (remote, local, dev), (ttl, tos, df), numbers, switches)| {
            let (ageing_s, limit, src_ports, dst_port) = numbers;
            let [learning, udp_csum, proxy, rsc, l2miss, l3miss] = switches;
            VxlanChange {
                vni: Some(vni),
                remote,
                local,
                dev: Some(dev),
                ttl,
                tos,
                df,
                learning,
                ageing_s,
                limit,
                src_ports,
                dst_port,
                udp_csum,
                proxy,
                rsc,
                l2miss,
                l3miss,
            }
        })
        .boxed()
}

fn ipip() -> BoxedStrategy<TunnelChange> {
    let bytes = (of(any::<u8>()), of(any::<u8>()), of(any::<bool>()));
    let proto = prop::sample::select(vec![TunnelProto::Any, TunnelProto::Ipip]);
    (proto, of(v4()), of(v4()), of(link()), bytes)
        .prop_map(|(proto, local, remote, dev, bytes)| {
            let (ttl, tos, pmtudisc) = bytes;
            TunnelChange { proto: Some(proto), local, remote, dev, ttl, tos, pmtudisc }
        })
        .boxed()
}

fn tunnel() -> BoxedStrategy<Request> {
    let spec = (of(link()), any::<Ipv4Addr>(), any::<Ipv4Addr>(), any::<u8>(), any::<u8>());
    let spec = (spec, any::<bool>()).prop_map(|((dev, local, remote, ttl, tos), pmtudisc)| {
        TunnelSpec { dev, local, remote, ttl, tos, pmtudisc }
    });
    prop_oneof![
        (of(any_dev_name()), spec.clone()).prop_map(|(name, s)| Request::TunnelAdd(name, s)),
        (any_dev_name(), spec).prop_map(|(name, spec)| Request::TunnelSet(name, spec)),
        any_dev_name().prop_map(Request::TunnelDel),
    ]
    .boxed()
}

fn peer() -> BoxedStrategy<LinkPeer> {
    (of(any_dev_name()), of(index()), attributes())
        .prop_map(|(name, ifindex, change)| LinkPeer { name, ifindex, change })
        .boxed()
}

fn kind() -> BoxedStrategy<LinkKind> {
    use MacvlanMode::{Bridge, Passthru, Private, Source, Vepa};
    prop_oneof![
        peer().prop_map(|peer| LinkKind::Veth(Box::new(peer))),
        Just(LinkKind::Veth(Box::default())),
        groups_bridge().prop_map(LinkKind::Bridge),
        vxlan().prop_map(LinkKind::Vxlan),
        Just(LinkKind::Vxlan(VxlanChange::default())),
        ipip().prop_map(LinkKind::Ipip),
        Just(LinkKind::Ipip(TunnelChange::default())),
        prop::sample::select(vec![Bridge, Passthru, Private, Source, Vepa])
            .prop_map(LinkKind::Macvlan),
        Just(LinkKind::Dummy),
    ]
    .boxed()
}

fn add() -> BoxedStrategy<LinkAdd> {
    (of(any_dev_name()), of(index()), kind(), of(link()), attributes())
        .prop_map(|(name, ifindex, kind, link, change)| LinkAdd {
            name,
            ifindex,
            kind,
            link,
            change,
        })
        .boxed()
}

fn tuntap() -> BoxedStrategy<LinkAdd> {
    (of(any_dev_name()), any::<bool>())
        .prop_map(|(name, tap)| LinkAdd {
            name,
            ifindex: None,
            kind: LinkKind::Tun { tap },
            link: None,
            change: LinkChange::default(),
        })
        .boxed()
}

fn set() -> BoxedStrategy<(LinkRef, LinkChange)> {
    let options = prop_oneof![
        Just(LinkChange::default()),
        groups_bridge().prop_map(|b| LinkChange { bridge: Some(b), ..LinkChange::default() }),
        port().prop_map(|p| LinkChange { port: Some(p), ..LinkChange::default() }),
        vxlan().prop_map(|v| LinkChange { vxlan: Some(v), ..LinkChange::default() }),
    ];
    (link(), of(any_dev_name()), attributes(), options)
        .prop_map(|(dev, name, change, options)| {
            let LinkChange { bridge, port, vxlan, .. } = options;
            (dev, LinkChange { name, bridge, port, vxlan, ..change })
        })
        .boxed()
}

/// `bridge link set` without anything to set, which `ip link` cannot say.
fn touched_port() -> BoxedStrategy<(LinkRef, LinkChange)> {
    let p0: DevName = "p0".parse().unwrap();
    let change = LinkChange { port: Some(PortChange::default()), ..LinkChange::default() };
    Just((LinkRef::Name(p0), change)).boxed()
}

pub(super) fn request() -> BoxedStrategy<Request> {
    prop_oneof![
        8 => add().prop_map(Request::LinkAdd),
        2 => add().prop_map(Request::LinkReplace),
        1 => tuntap().prop_map(Request::LinkAdd),
        3 => tunnel(),
        8 => set().prop_map(|(dev, change)| Request::LinkSet(dev, change)),
        1 => touched_port().prop_map(|(dev, change)| Request::LinkSet(dev, change)),
        1 => dev_name().prop_map(|name| Request::LinkDel(LinkRef::Name(name))),
        1 => link().prop_map(Request::LinkDel),
    ]
    .boxed()
}

//! Arbitrary requests about connections, as far as `conntrack` can say them where there is none.

use std::net::{IpAddr, Ipv4Addr};

use proptest::option::of;
use proptest::prelude::*;
use sim_core::netfilter::conntrack::entry::ZoneDir;
use sim_core::netfilter::conntrack::proto::{invert, sctp, tcp};
use sim_core::netfilter::conntrack::{Status, Tuple, Zone};
use sim_core::netlink::Request;
use sim_core::netlink::request::{ConntrackNat, ConntrackProto, ConntrackSpec};
use sim_core::packet::IpProto;

fn addr() -> BoxedStrategy<IpAddr> {
    any::<Ipv4Addr>().prop_map(IpAddr::V4).boxed()
}

/// A tuple, and what its protocol remembers.
fn flow() -> BoxedStrategy<(Tuple, Option<ConntrackProto>)> {
    let ports = prop::sample::select(vec![
        IpProto::UDP,
        IpProto::UDPLITE,
        IpProto::GRE,
        IpProto::TCP,
        IpProto::SCTP,
    ]);
    let with_ports = (ports, addr(), addr(), any::<u16>(), any::<u16>())
        .prop_map(|(proto, src, dst, sport, dport)| Tuple::new(proto, (src, sport), (dst, dport)));
    let query = prop::sample::select(vec![8_u8, 0, 13, 14, 15, 16, 17, 18]);
    let icmp = (addr(), addr(), query, any::<u8>(), any::<u16>()).prop_map(
        |(src, dst, icmp_type, code, id)| {
            let at = u16::from_be_bytes([icmp_type, code]);
            Tuple::new(IpProto::ICMP, (src, id), (dst, at))
        },
    );
    let other = (addr(), addr(), 90_u8..130)
        .prop_map(|(src, dst, proto)| Tuple::new(IpProto(proto), (src, 0), (dst, 0)));
    let state = (0_usize..10, 0_usize..8, any::<[u32; 2]>());
    (prop_oneof![3 => with_ports, 1 => icmp, 1 => other], state)
        .prop_map(|(tuple, (of_tcp, of_sctp, vtag))| {
            let state = tcp::State::ALL[of_tcp];
            let mut flags = tcp::Flags(tcp::Flags::BE_LIBERAL.0 | tcp::Flags::SACK_PERM.0);
            if state >= tcp::State::TimeWait {
                flags.set(tcp::Flags::CLOSE_INIT);
            }
            let proto = match tuple.proto {
                IpProto::TCP => Some(ConntrackProto::Tcp { state: Some(state), flags }),
                IpProto::SCTP => {
                    Some(ConntrackProto::Sctp { state: sctp::State::ALL[of_sctp], vtag })
                }
                _ => None,
            };
            (tuple, proto)
        })
        .boxed()
}

fn zone() -> BoxedStrategy<Zone> {
    let dir = of(prop::sample::select(vec![ZoneDir::Original, ZoneDir::Reply]));
    prop_oneof![
        Just(Zone::default()),
        (1_u16.., dir).prop_map(|(id, dir)| Zone { id, dir, from_mark: false }),
    ]
    .boxed()
}

fn nat() -> BoxedStrategy<Option<ConntrackNat>> {
    of((addr(), of(any::<u16>())).prop_map(|(addr, port)| ConntrackNat { addr, port })).boxed()
}

fn spec() -> BoxedStrategy<ConntrackSpec> {
    let statuses = vec![
        Status::ASSURED,
        Status::SEEN_REPLY,
        Status(Status::ASSURED.0 | Status::SEEN_REPLY.0),
        Status(Status::FIXED_TIMEOUT.0 | Status::SEEN_REPLY.0),
    ];
    let status = of(prop::sample::select(statuses));
    let answers = of((addr(), addr(), any::<u16>(), any::<u16>()));
    let rest = (zone(), any::<u32>(), status, of(any::<u32>()), nat(), nat());
    (flow(), answers, rest)
        .prop_filter_map("an answer", |((original, proto), answers, rest)| {
            let mut reply = invert(&original)?;
            if let Some((src, dst, sport, dport)) = answers {
                (reply.src.addr, reply.dst.addr) = (src, dst);
                if !matches!(original.proto, IpProto::ICMP) && original.src.id != 0 {
                    (reply.src.id, reply.dst.id) = (sport, dport);
                }
            }
            let (zone, timeout, status, mark, src_nat, dst_nat) = rest;
            Some(ConntrackSpec {
                tuples: [original, reply],
                zone,
                timeout: Some(timeout),
                status,
                mark,
                proto,
                src_nat,
                dst_nat,
                clear_labels: false,
            })
        })
        .boxed()
}

pub(super) fn request() -> BoxedStrategy<Request> {
    prop_oneof![
        8 => spec().prop_map(|spec| Request::ConntrackCreate(Box::new(spec))),
        1 => Just(Request::ConntrackFlush),
        1 => Just(Request::ConntrackZero),
    ]
    .boxed()
}

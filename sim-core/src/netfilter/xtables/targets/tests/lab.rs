//! A router on which one target is applied to one packet.

use crate::id::NetnsId;
use crate::ip::lab::Bench;
use crate::kernel::{Flight, Place};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::{Conn, CtId, CtInfo, CtRef, Tuple};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::{Sentence, Target};
use crate::packet::hex::from_hex;
use crate::packet::{EtherType, IpProto, Ipv4};
use crate::trace::NoObserver;

use super::reader::Line;

/// The target of a rule of the transcript's form.
pub(super) fn target(rule: &str) -> Target {
    Line::new(rule).target().unwrap_or_else(|problem| panic!("{rule}: {problem}"))
}

/// A connection of which nothing was seen but its first packet.
pub(super) fn conn(tuple: Tuple) -> Conn {
    let reply = Tuple { src: tuple.dst, dst: tuple.src, proto: tuple.proto };
    Conn::between([tuple, reply])
}

/// A flight of the packet with these bytes, from the IPv4 header on, that waits at `hook` of the router, in by
/// `c0`.
pub(super) fn flight(bench: &mut Bench, hook: Hook, packet: &str) -> Flight {
    let mut skb = bench.k.skb();
    skb.put(&from_hex(packet).unwrap());
    skb.reset_network_header();
    skb.meta.protocol = EtherType::IPV4;
    let (netns, dev) = (bench.r, bench.dev("c0"));
    let flow = bench.k.new_flow();
    let mut f = Flight::new(skb, Place::Hook(hook), netns, dev, flow);
    f.iif = Some(dev);
    f
}

/// Makes the flight's packet the first one of a connection with this mark.
pub(super) fn track(bench: &mut Bench, f: &mut Flight, mark: u32) -> CtId {
    let ip = Ipv4::parse(f.skb.network_header()).unwrap();
    let tuple = Tuple::new(IpProto::UDP, (ip.src(), 1), (ip.dst(), 2));
    let id = conns(bench, f.netns).insert(Conn { mark, ..conn(tuple) });
    f.ct = CtRef::Tracked(id, CtInfo::New);
    id
}

pub(super) fn conns(
    bench: &mut Bench,
    netns: NetnsId,
) -> &mut crate::netfilter::conntrack::table::ConnTable {
    &mut bench.k.netns[netns].nf.conntrack.conns
}

/// What rules see of the packet beside its bytes.
pub(super) fn seen(f: &Flight, hook: Hook) -> Seen {
    let ip = Ipv4::parse(f.skb.network_header()).unwrap();
    Seen {
        variant: crate::netfilter::xtables::table::Variant::Nft,
        hook,
        iif: f.iif,
        oif: f.dst.map(|dst| dst.dev),
        physin: None,
        physout: None,
        src: ip.src(),
        dst: ip.dst(),
        header_len: ip.header_len(),
        frag_off: u16::try_from(ip.frag_offset()).unwrap(),
        proto: ip.proto().0,
    }
}

/// What the target decides about the packet at its hook.
pub(super) fn apply(bench: &mut Bench, f: &mut Flight, rule: &str) -> Sentence {
    let target = target(rule);
    let Place::Hook(hook) = f.place else { panic!("the flight is at no hook") };
    let seen = seen(f, hook);
    let mut state = target.state();
    target.apply(&mut bench.k, f, &seen, &mut state, &mut NoObserver)
}

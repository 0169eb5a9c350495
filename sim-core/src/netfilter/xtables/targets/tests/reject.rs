//! What is refused is answered as by Linux 6.18, byte by byte, or not at all.

use std::net::Ipv4Addr;

use crate::ip::flow;
use crate::ip::lab::{Bench, blank_id};
use crate::kernel::{Flight, Place};
use crate::link::receive::eth_type_trans;
use crate::neigh::NudState;
use crate::netfilter::Hook;
use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::ProtoState;
use crate::netfilter::conntrack::proto::tcp::{State, TcpConn};
use crate::netfilter::conntrack::{Conn, CtInfo, CtRef, Status, Tuple};
use crate::netfilter::reject;
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::Sentence;
use crate::packet::IpProto;
use crate::packet::hex::from_hex;
use crate::packet::rewrite::ip_decrease_ttl;
use crate::route;
use crate::time::HZ;
use crate::trace::{DropReason, NoObserver};

use super::lab::{apply, conn, conns, seen};

/// `#` names a case, `<` is the frame that `c0` of the router received, `>` the one that it sent. What was for
/// 10.0.2.3 met `REJECT --reject-with tcp-reset`, all else `REJECT`. Checksums were not left to the device, and
/// `icmp_ratelimit` was 0.
const OBSERVED: &str = include_str!("rejected.txt");

fn router() -> Bench {
    let mut bench = Bench::new();
    bench.neigh("c0", Ipv4Addr::new(10, 0, 1, 2), NudState::Permanent);
    bench.sysctl("net.ipv4.icmp_ratelimit", "0");
    bench
}

/// The flight of a received frame, at the hook to which its route leads.
fn received(bench: &mut Bench, frame: &str) -> Flight {
    let dev = bench.dev("c0");
    let mut skb = bench.k.skb();
    skb.put(&from_hex(frame).unwrap());
    let flow = bench.k.new_flow();
    let mut f = Flight::new(skb, Place::IpReceive, bench.r, dev, flow);
    eth_type_trans(&mut bench.k.devs[dev], &mut f);
    f.skb.reset_network_header();
    f.iif = Some(dev);
    let way = route::input(&bench.k, bench.r, &flow::of(&f.skb, dev).unwrap()).unwrap();
    f.dst = Some(way.dst);
    f.place = Place::Hook(if way.dst.local { Hook::Input } else { Hook::Forward });
    if !way.dst.local {
        ip_decrease_ttl(f.skb.network_header_mut());
    }
    f
}

#[test]
fn refused_packets_are_answered_as_by_the_kernel() {
    let mut count = 0;
    for case in OBSERVED.split("# ").skip(1) {
        let mut bench = router();
        let (mut frame, mut answers) = ("", Vec::new());
        for line in case.lines().skip(1) {
            match line.split_once(' ').unwrap() {
                ("<", hex) => frame = hex,
                (_, hex) => answers.push(blank_id(hex)),
            }
        }
        let mut f = received(&mut bench, frame);
        let to_server = f.skb.network_header()[16..20] == [10, 0, 2, 3];
        let rule = if to_server { "REJECT --reject-with tcp-reset" } else { "REJECT" };
        let sentence = apply(&mut bench, &mut f, &format!("filter FORWARD -p tcp -j {rule}"));
        assert_eq!(sentence, Sentence::Drop(DropReason::NetfilterDrop));
        bench.settle();
        assert_eq!(bench.sent_bytes(), answers, "{case}");
        count += 1;
    }
    assert!(count > 40);
}

/// A SYN 10.0.1.2:5000 > 10.0.1.3:80 that a bridge passes on from its port `c0`.
const BRIDGED: &str = "02000000020302000000010208004500002800010000400664cb0a0001020a00010313880050000003e8000000005002faf0872d0000";
/// Seen with `bridge-nf-call-iptables`; it met no rule of `OUTPUT`.
const BRIDGED_RESET: &str = "02000000010202000000020308004500002800004000400624cc0a0001030a0001020050138800000000000003e950140000820b0000";

#[test]
fn a_bridged_segment_is_reset_at_the_port_it_came_in_by_as_if_by_the_other_station() {
    let mut bench = router();
    let f = received(&mut bench, BRIDGED);
    let port = bench.dev("c0");
    let seen = Seen { physin: Some(port), ..seen(&f, Hook::Forward) };
    reject::send_reset(&mut bench.k, &f, &seen, &mut NoObserver);
    bench.settle();
    assert_eq!(bench.sent_bytes(), [BRIDGED_RESET]);
}

/// A segment of an established connection, 10.0.1.2:5000 > 10.0.2.2:80, with data.
const DATA: &str = "02000000010102000000010208004500002d00010000400663c70a0001020a0002021388005000000065000001f55018faf043cf000068656c6c6f";

/// Seen with `conntrack -L`: `9 CLOSE`, and `[UPDATE] tcp 6 10 CLOSE` with `conntrack -E`.
#[test]
fn a_connection_that_is_reset_is_closed_and_lives_for_ten_more_seconds() {
    let mut bench = router();
    let mut f = received(&mut bench, DATA);
    let tuple = Tuple::new(
        IpProto::TCP,
        (Ipv4Addr::new(10, 0, 1, 2), 5000),
        (Ipv4Addr::new(10, 0, 2, 2), 80),
    );
    let established = TcpConn { state: State::Established, ..TcpConn::default() };
    let conn = Conn {
        proto: ProtoState::Tcp(established),
        status: Status::CONFIRMED,
        timeout: 432_000 * HZ,
        ..conn(tuple)
    };
    let id = conns(&mut bench, f.netns).insert(conn);
    f.ct = CtRef::Tracked(id, CtInfo::Established);
    apply(&mut bench, &mut f, "filter FORWARD -p tcp -j REJECT --reject-with tcp-reset");
    let now = bench.k.now.jiffies();
    let conn = conns(&mut bench, f.netns).get(id).unwrap();
    assert!(matches!(&conn.proto, ProtoState::Tcp(tcp) if tcp.state == State::Close));
    assert_eq!(conn.timeout, now + 10 * HZ);
    assert_eq!(conn.pending, 1 << Event::ProtoInfo as u32);
}

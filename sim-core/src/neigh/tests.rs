//! Neighbours on a wire. Frames are what Linux 6.18 sent in the same case; times are its times, but for
//! the phase of its timer wheel.

use std::net::Ipv4Addr;

use super::NudState;
use crate::ip::lab::{Bench, blank_id, neigh_spec};
use crate::link::lab::{link, up};
use crate::netlink::request::{Create, LinkChange, Request};
use crate::trace::DropReason;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

/// UDP from 10.0.1.2 to 10.0.2.99, which does not answer, and what leaves if it did.
const TO_99: [&str; 2] = [
    "02000000010102000000010208004500002000014000401123680a0001020a00026313880035000cf5e370696e67",
    "02000000010102000000010208004500002000024000401123670a0001020a00026313890035000cf5e270696e67",
];
const WHO_HAS_99: &str =
    "ffffffffffff020000000201080600010800060400010200000002010a0002010000000000000a000263";

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.neigh("c0", CLIENT, NudState::Permanent);
    bench.sent();
    bench
}

#[test]
fn a_silent_neighbour_is_asked_three_times_and_then_every_sender_is_told() {
    let mut bench = bench();
    bench.receive("c0", TO_99[0]);
    bench.pass(10);
    bench.receive("c0", TO_99[1]);
    bench.pass(3400);
    let told = [
        "020000000102020000000101080045c0003c43100000400120ef0a0001010a000102030114810000000045000020000\
         140003f1124680a0001020a00026313880035000cf5e370696e67",
        "020000000102020000000101080045c0003c43110000400120ee0a0001010a000102030114810000000045000020000\
         240003f1124670a0001020a00026313890035000cf5e270696e67",
    ];
    let sent = bench.sent();
    let times: Vec<(u64, &str)> = sent.iter().map(|(at, dev, _)| (*at, dev.as_str())).collect();
    assert_eq!(times, [(0, "s0"), (1024, "s0"), (2048, "s0"), (3072, "c0"), (3072, "c0")]);
    let bytes: Vec<String> = sent.iter().map(|(_, _, hex)| blank_id(hex)).collect();
    let told = told.map(blank_id);
    assert_eq!(bytes, [WHO_HAS_99, WHO_HAS_99, WHO_HAS_99, &told[0], &told[1]]);
    assert_eq!(bench.drops(), [DropReason::NeighFailed; 2]);
    assert_eq!(bench.state("s0", Ipv4Addr::new(10, 0, 2, 99)), Some(NudState::Failed));
}

#[test]
fn packets_that_waited_leave_in_order_when_the_neighbour_answers() {
    let mut bench = bench();
    bench.receive(
        "c0",
        "020000000101020000000102080045000020000140004011238f0a0001020a00023c13880035000cf60a70696e67",
    );
    bench.receive(
        "c0",
        "020000000101020000000102080045000020000240004011238e0a0001020a00023c13890035000cf60970696e67",
    );
    bench.receive(
        "s0",
        "02000000020102000000023c0806000108000604000202000000023c0a00023c0200000002010a000201",
    );
    assert_eq!(
        bench.sent_bytes(),
        [
            "ffffffffffff020000000201080600010800060400010200000002010a0002010000000000000a00023c",
            "02000000023c020000000201080045000020000140003f11248f0a0001020a00023c13880035000cf60a70696e67",
            "02000000023c020000000201080045000020000240003f11248e0a0001020a00023c13890035000cf60970696e67",
        ]
    );
    assert_eq!(bench.state("s0", Ipv4Addr::new(10, 0, 2, 60)), Some(NudState::Reachable));
}

#[test]
fn the_oldest_packets_make_room_in_a_full_queue() {
    let mut bench = bench();
    bench.sysctl("net.ipv4.neigh.s0.unres_qlen_bytes", "1000");
    for packet in TO_99 {
        bench.receive("c0", packet);
    }
    assert_eq!(bench.drops(), [DropReason::NeighQueueFull]);
}

/// Who answers is asked at the known address; a group is asked by nobody.
#[test]
fn a_stale_neighbour_is_used_for_five_seconds_then_asked_itself_and_given_up() {
    let mut bench = bench();
    let stale = Ipv4Addr::new(10, 0, 2, 99);
    bench.neigh("s0", stale, NudState::Stale);
    bench.receive("c0", TO_99[0]);
    assert_eq!(bench.state("s0", stale), Some(NudState::Delay));
    bench.pass(12_000);
    let sent = bench.sent();
    let question =
        "020000000263020000000201080600010800060400010200000002010a0002010000000000000a000263";
    let questions: Vec<u64> = sent.iter().skip(1).map(|(at, _, _)| *at).collect();
    assert_eq!(questions, [5120, 6144, 7168], "and not again");
    assert!(sent.iter().skip(1).all(|(_, _, hex)| hex == question), "{sent:?}");
    assert_eq!(bench.state("s0", stale), Some(NudState::Failed));
}

#[test]
fn a_neighbour_that_nobody_uses_becomes_stale_within_45_seconds() {
    let mut bench = bench();
    let neigh = Ipv4Addr::new(10, 0, 2, 99);
    bench.neigh("s0", neigh, NudState::Reachable);
    bench.pass(14_900);
    assert_eq!(bench.state("s0", neigh), Some(NudState::Reachable));
    bench.pass(34_000);
    assert_eq!(bench.state("s0", neigh), Some(NudState::Stale));
    assert!(bench.sent().is_empty(), "nobody is asked");
}

/// A reply for another host waits for a random part of `proxy_delay`, 0.8 s, and the owner may come
/// first.
#[test]
fn an_answer_given_for_another_waits() {
    let mut bench = bench();
    bench.sysctl("net.ipv4.conf.c0.proxy_arp", "1");
    let question =
        "ffffffffffff020000000102080600010800060400010200000001020a0001020000000000000a000202";
    bench.receive("c0", question);
    assert!(bench.sent().is_empty());
    bench.pass(850);
    let sent = bench.sent();
    let [(_, _, answer)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(
        answer,
        "020000000102020000000101080600010800060400020200000001010a0002020200000001020a000102"
    );
    bench.sysctl("net.ipv4.neigh.c0.proxy_delay", "0");
    bench.receive("c0", question);
    assert_eq!(bench.sent_bytes(), [answer.as_str()]);
}

#[test]
fn arp_notify_announces_all_addresses_when_a_device_comes_up_or_is_renumbered() {
    let mut bench = bench();
    bench.addr("c0", Ipv4Addr::new(10, 0, 1, 7));
    bench.addr("c0", Ipv4Addr::new(10, 9, 9, 9));
    bench.sysctl("net.ipv4.conf.c0.arp_notify", "1");
    bench.request(&Request::LinkSet(link("c0"), crate::link::lab::down())).unwrap();
    bench.request(&Request::LinkSet(link("c0"), up())).unwrap();
    let addr = Some("02:00:00:00:01:77".parse().unwrap());
    let change = LinkChange { address: addr, ..LinkChange::default() };
    bench.request(&Request::LinkSet(link("c0"), change)).unwrap();
    assert_eq!(
        bench.sent_bytes(),
        [
            "ffffffffffff020000000101080600010800060400010200000001010a0001010000000000000a000101",
            "ffffffffffff020000000101080600010800060400010200000001010a0909090000000000000a090909",
            "ffffffffffff020000000101080600010800060400010200000001010a0001070000000000000a000107",
            "ffffffffffff020000000177080600010800060400010200000001770a0001010000000000000a000101",
            "ffffffffffff020000000177080600010800060400010200000001770a0909090000000000000a090909",
            "ffffffffffff020000000177080600010800060400010200000001770a0001070000000000000a000107",
        ]
    );
}

#[test]
fn devices_that_change_forget_their_neighbours() {
    let mut bench = bench();
    let addrs = [Ipv4Addr::new(10, 0, 2, 2), Ipv4Addr::new(10, 0, 2, 3)];
    let mut left_after = |change: &Request| {
        bench.neigh("s0", addrs[0], NudState::Stale);
        bench.neigh("s0", addrs[1], NudState::Permanent);
        bench.request(change).unwrap();
        addrs.map(|addr| bench.state("s0", addr).is_some())
    };
    let set = |change| Request::LinkSet(link("s0"), change);
    let mac = Some("02:00:00:00:02:99".parse().unwrap());
    let noarp = LinkChange { flags_on: 0x80, ..LinkChange::default() };
    let arp = LinkChange { flags_off: 0x80, ..LinkChange::default() };
    let changes = [
        (LinkChange { mtu: Some(1400), ..LinkChange::default() }, [true, true]),
        (LinkChange { address: mac, ..LinkChange::default() }, [false, false]),
        (noarp, [false, false]),
        (arp, [false, false]),
        (crate::link::lab::down(), [false, false]),
    ];
    for (change, left) in changes {
        let words = format!("{change:?}");
        assert_eq!(left_after(&set(change)), left, "{words}");
    }
}

/// Seen on Linux 6.18: the refused addition leaves an entry without an address behind.
#[test]
fn requests_are_refused_as_by_the_kernel() {
    let mut bench = bench();
    let addr = Ipv4Addr::new(10, 0, 1, 8);
    let spec = neigh_spec("c0", addr, NudState::Permanent);
    let nameless = crate::netlink::request::NeighSpec { lladdr: None, ..spec };
    let mut add = |spec: &crate::netlink::request::NeighSpec, mode| {
        let answer = bench.request(&Request::NeighAdd(spec.clone(), mode));
        answer.err().map(|error| error.to_string())
    };
    let given = Some("No link layer address given");
    assert_eq!(add(&spec, Create::Change).as_deref(), Some("No such file or directory"));
    assert_eq!(add(&nameless, Create::Exclusive).as_deref(), given);
    assert_eq!(add(&spec, Create::Exclusive).as_deref(), Some("File exists"));
    assert_eq!(add(&spec, Create::Replace), None);
    assert_eq!(bench.request(&Request::NeighDel(spec.clone())), Ok(()));
    let gone = bench.request(&Request::NeighDel(spec)).err().map(|error| error.to_string());
    assert_eq!(gone.as_deref(), Some("No such file or directory"));
}

/// Requests come one a millisecond, so that no entry is old enough to be thrown out for a new one.
#[test]
fn the_table_holds_so_many_entries_and_no_more() {
    let mut bench = bench();
    bench.k.neigh.gc_thresh2 = 4;
    bench.k.neigh.gc_thresh3 = 6;
    for last in 10..20 {
        let asker = format!(
            "ffffffffffff0200000001{last:02x}08060001080006040001\
             0200000001{last:02x}0a0001{last:02x}0000000000000a000101"
        );
        bench.receive("c0", &asker);
        bench.pass(1);
    }
    let askers =
        (10..20).filter(|last| bench.state("c0", Ipv4Addr::new(10, 0, 1, *last)).is_some());
    assert_eq!(askers.collect::<Vec<_>>(), [10, 11, 12, 13, 14, 15]);
    assert_eq!(bench.sent().len(), 6, "who finds no room is not answered");
}

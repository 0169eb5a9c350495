//! What `netem` does to frames. The numbers are those of Linux 6.1.

use super::{Handle, QdiscStats};
use crate::link::lab::{Lab, down, frame, link, up};
use crate::netlink::request::{NetemOptions, QdiscKind, QdiscSpec, QdiscVerb, Request, Ticks};
use crate::time::SimTime;
use crate::trace::{Direction, DropReason};

const TO: &str = "02:00:00:00:00:02";
const FROM: &str = "02:00:00:00:00:01";

fn ms(n: u32) -> Ticks {
    Ticks(n * 15_625)
}

fn spec(dev: &str, handle: Option<Handle>, options: NetemOptions) -> QdiscSpec {
    QdiscSpec { dev: Some(link(dev)), root: true, handle, kind: Some(QdiscKind::Netem(options)) }
}

/// A wire from `a` to `b`, whose end `a` has this `netem`.
fn wire(options: NetemOptions) -> Lab {
    let mut lab = Lab::new();
    lab.veth("a", "b");
    lab.try_request(&Request::QdiscSet(spec("a", None, options), QdiscVerb::Add)).unwrap();
    lab.seen = Default::default();
    lab
}

/// Sends a frame that is told from others by its length.
fn send(lab: &mut Lab, payload: usize) {
    lab.send("a", &frame(TO, FROM, payload));
}

/// The lengths of the frames that `b` has received since the last time, without their headers.
fn received(lab: &mut Lab) -> Vec<usize> {
    let frames = std::mem::take(&mut lab.seen.frames);
    let at_b = frames.into_iter().filter(|(dev, way, _)| dev == "b" && *way == Direction::In);
    at_b.map(|(_, _, frame)| frame.len() - 14).collect()
}

fn stats(lab: &Lab) -> QdiscStats {
    lab.device("a").root_qdisc.as_ref().unwrap().stats
}

#[test]
fn what_is_lost_is_seen_by_no_capture_and_counts_as_dropped() {
    let mut lab = wire(NetemOptions { loss: u32::MAX, ..NetemOptions::default() });
    for n in 0..3 {
        send(&mut lab, 46 + n);
    }
    assert_eq!(lab.seen.frames, []);
    let dropped = ("a".to_owned(), DropReason::QdiscDrop);
    assert_eq!(lab.seen.drops, vec![dropped; 3]);
    assert_eq!(stats(&lab), QdiscStats { drops: 3, ..QdiscStats::default() });
    assert_eq!(lab.device("a").stats.tx.packets, 0);
}

#[test]
fn a_delayed_frame_arrives_when_its_time_has_come_and_not_before() {
    let mut lab = wire(NetemOptions { latency: ms(100), ..NetemOptions::default() });
    send(&mut lab, 50);
    lab.run_until(SimTime::from_millis(99));
    assert!(received(&mut lab).is_empty());
    let waiting = QdiscStats { backlog: 64, qlen: 1, ..QdiscStats::default() };
    assert_eq!(stats(&lab), waiting);
    lab.run_until(SimTime::from_millis(100));
    assert_eq!(received(&mut lab), [50]);
    assert_eq!(stats(&lab), QdiscStats { bytes: 64, packets: 1, ..QdiscStats::default() });
}

#[test]
fn a_constant_delay_keeps_the_order() {
    let mut lab = wire(NetemOptions { latency: ms(10), ..NetemOptions::default() });
    for n in 0..20 {
        send(&mut lab, 100 - n);
    }
    lab.run_until(SimTime::from_millis(20));
    let sent: Vec<usize> = (0..20).map(|n| 100 - n).collect();
    assert_eq!(received(&mut lab), sent);
}

#[test]
fn jitter_changes_the_order_and_stays_within_its_bounds() {
    let options = NetemOptions { latency: ms(10), jitter: ms(4), ..NetemOptions::default() };
    let mut lab = wire(options);
    for n in 0..100 {
        send(&mut lab, 50 + n);
    }
    lab.run_until(SimTime::from_nanos(5_999_999));
    assert!(received(&mut lab).is_empty());
    lab.run_until(SimTime::from_millis(14));
    let mut all = received(&mut lab);
    assert!(!all.is_sorted());
    all.sort_unstable();
    assert_eq!(all, (50..150).collect::<Vec<_>>());
}

#[test]
fn who_finds_no_room_is_dropped_and_who_waits_is_not() {
    let options = NetemOptions { latency: ms(10), limit: 2, ..NetemOptions::default() };
    let mut lab = wire(options);
    for n in 0..4 {
        send(&mut lab, 50 + n);
    }
    assert_eq!(stats(&lab).drops, 2);
    lab.run_until(SimTime::from_millis(10));
    assert_eq!(received(&mut lab), [50, 51]);
}

#[test]
fn a_limit_of_nothing_lets_nothing_through() {
    let mut lab = wire(NetemOptions { limit: 0, ..NetemOptions::default() });
    send(&mut lab, 50);
    assert_eq!((received(&mut lab), stats(&lab).drops), (vec![], 1));
}

#[test]
fn every_frame_comes_twice_and_no_copy_is_copied() {
    let mut lab = wire(NetemOptions { duplicate: u32::MAX, ..NetemOptions::default() });
    send(&mut lab, 50);
    send(&mut lab, 60);
    assert_eq!(received(&mut lab), [50, 50, 60, 60]);
    assert_eq!(stats(&lab).packets, 4);
}

/// Of a frame that chance doubles and loses, one is left; its copy was not made, so nothing was dropped.
#[test]
fn what_is_doubled_and_lost_arrives_once() {
    let all = NetemOptions { duplicate: u32::MAX, loss: u32::MAX, ..NetemOptions::default() };
    let mut lab = wire(all);
    send(&mut lab, 50);
    assert_eq!((received(&mut lab), stats(&lab).drops), (vec![50], 0));
}

/// As `delay 10ms reorder 100% gap 3` lets frames through on Linux 6.1: every third at once.
#[test]
fn of_as_many_as_the_gap_one_overtakes_the_others() {
    let (latency, reorder) = (ms(10), Some(u32::MAX));
    let mut lab = wire(NetemOptions { latency, reorder, gap: 3, ..NetemOptions::default() });
    for n in 0..6 {
        send(&mut lab, 50 + n);
    }
    assert_eq!(received(&mut lab), [52, 55]);
    assert_eq!(stats(&lab).requeues, 2);
    lab.run_until(SimTime::from_millis(10));
    assert_eq!(received(&mut lab), [50, 51, 53, 54]);
}

#[test]
fn what_waits_keeps_its_time_when_the_delay_changes() {
    let mut lab = wire(NetemOptions { latency: ms(100), ..NetemOptions::default() });
    send(&mut lab, 50);
    let sooner = spec("a", None, NetemOptions { latency: ms(10), ..NetemOptions::default() });
    lab.try_request(&Request::QdiscSet(sooner, QdiscVerb::Change)).unwrap();
    send(&mut lab, 60);
    lab.run_until(SimTime::from_millis(99));
    assert_eq!(received(&mut lab), [60]);
    lab.run_until(SimTime::from_millis(100));
    assert_eq!(received(&mut lab), [50]);
}

/// A way to lose all that waits.
type Loses = fn(&mut Lab);

#[test]
fn what_waits_is_lost_and_counts_nowhere_when_the_wire_goes() {
    let ways: [(&str, Loses); 5] = [
        ("down", |lab| lab.set("a", down())),
        ("the other end down", |lab| lab.set("b", down())),
        ("deleted", |lab| lab.try_request(&Request::LinkDel(link("a"))).unwrap()),
        ("without netem", |lab| {
            let root = QdiscSpec { dev: Some(link("a")), root: true, handle: None, kind: None };
            lab.try_request(&Request::QdiscDel(root)).unwrap();
        }),
        ("another netem", |lab| {
            let other = spec("a", Some(5), NetemOptions::default());
            lab.try_request(&Request::QdiscSet(other, QdiscVerb::Replace)).unwrap();
        }),
    ];
    for (name, lose) in ways {
        let mut lab = wire(NetemOptions { latency: ms(10), ..NetemOptions::default() });
        send(&mut lab, 50);
        lose(&mut lab);
        assert_eq!(lab.seen.drops, [("a".to_owned(), DropReason::NotSpecified)], "{name}");
        lab.run_until(SimTime::from_millis(100));
        assert!(received(&mut lab).is_empty(), "{name}");
        assert!(lab.k.with_qdisc.iter().all(|dev| lab.k.devs.get(*dev).is_some()), "{name}");
    }
}

#[test]
fn a_device_that_was_down_has_its_netem_and_its_counters_still() {
    let mut lab = wire(NetemOptions { loss: u32::MAX, ..NetemOptions::default() });
    send(&mut lab, 50);
    lab.set("a", down());
    assert_eq!(lab.device("a").qdisc(), "netem");
    lab.set("a", up());
    send(&mut lab, 50);
    assert_eq!(stats(&lab).drops, 2);
}

#[test]
fn without_loss_jitter_and_the_like_nothing_is_drawn() {
    let mut lab = wire(NetemOptions { latency: ms(1), ..NetemOptions::default() });
    send(&mut lab, 50);
    let mut fresh = crate::rng::SimRng::new(lab.k.rng.seed());
    for stream in ["netem.loss", "netem.delay", "netem.duplicate", "netem.reorder"] {
        let next = lab.k.rng.stream(stream).next_u64();
        assert_eq!(next, fresh.stream(stream).next_u64(), "{stream}");
    }
}

#[test]
fn half_of_all_is_lost_by_a_loss_of_half() {
    let mut lab = wire(NetemOptions { loss: u32::MAX / 2, ..NetemOptions::default() });
    for _ in 0..1000 {
        send(&mut lab, 50);
    }
    let lost = stats(&lab).drops;
    assert!((430..570).contains(&lost), "{lost}");
    assert_eq!(u32::try_from(received(&mut lab).len()), Ok(1000 - lost));
}

//! What a bridge does with frames; expected values were seen on Linux 6.18.

use crate::link::lab::{Lab, down, frame, master, up};
use crate::trace::DropReason;

const A: &str = "02:00:00:00:00:aa";
const B: &str = "02:00:00:00:00:bb";
const ALL: &str = "ff:ff:ff:ff:ff:ff";

/// A bridge with the ports p1, p2 and p3, attached in this order.
fn bridge() -> Lab {
    let mut lab = Lab::new();
    lab.bridge("br0");
    for n in 1..=3 {
        lab.veth(&format!("p{n}"), &format!("x{n}"));
        lab.set(&format!("p{n}"), master("br0"));
    }
    lab.set("br0", up());
    lab.sent();
    lab
}

#[test]
fn flooding_starts_with_the_newest_port() {
    let mut lab = bridge();
    lab.inject("p1", &frame(B, A, 46));
    assert_eq!(lab.sent(), ["p3", "p2"]);
}

#[test]
fn a_station_that_has_sent_gets_its_frames_alone() {
    let mut lab = bridge();
    lab.inject("p2", &frame(ALL, B, 46));
    assert_eq!(lab.sent(), ["p3", "p1"]);
    lab.inject("p1", &frame(B, A, 46));
    assert_eq!(lab.sent(), ["p2"]);
}

#[test]
fn a_station_moves_with_its_frames() {
    let mut lab = bridge();
    lab.inject("p2", &frame(ALL, B, 46));
    lab.inject("p3", &frame(ALL, B, 46));
    lab.sent();
    lab.inject("p1", &frame(B, A, 46));
    assert_eq!(lab.sent(), ["p3"]);
}

#[test]
fn frames_for_the_port_they_came_from_are_dropped() {
    let mut lab = bridge();
    lab.inject("p1", &frame(ALL, B, 46));
    lab.sent();
    lab.seen.drops.clear();
    lab.inject("p1", &frame(B, A, 46));
    assert_eq!(lab.sent(), [""; 0]);
    assert_eq!(lab.seen.drops, [("p1".to_owned(), DropReason::NotSpecified)]);
}

#[test]
fn a_bridge_has_carrier_while_a_port_forwards() {
    let mut lab = bridge();
    let br0 = lab.dev("br0");
    assert!(lab.k.devs[br0].is_running());
    for port in ["p1", "p2", "p3"] {
        lab.set(port, down());
    }
    assert!(!lab.k.devs[br0].is_running());
    lab.set("p2", up());
    assert!(lab.k.devs[br0].is_running());
}

#[test]
fn the_hosts_own_broadcast_goes_to_every_port() {
    let mut lab = bridge();
    lab.send("br0", &frame(ALL, A, 46));
    assert_eq!(lab.sent(), ["br0", "p3", "p2", "p1"]);
}

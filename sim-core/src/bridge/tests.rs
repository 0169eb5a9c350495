//! What a bridge does with frames; expected values were seen on Linux 6.18.

use crate::bridge::{PortState, bridge_of, port_of};
use crate::link::lab::{Lab, down, frame, link, master, up};
use crate::netlink::request::{
    BridgeChange, Create, FdbSpec, FdbState, LinkChange, PortChange, Request,
};
use crate::packet::MacAddr;
use crate::time::SimTime;
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

fn port(lab: &mut Lab, dev: &str, change: PortChange) {
    lab.set(dev, LinkChange { port: Some(change), ..LinkChange::default() });
}

fn options(lab: &mut Lab, change: BridgeChange) {
    lab.set("br0", LinkChange { bridge: Some(change), ..LinkChange::default() });
}

fn mac(text: &str) -> MacAddr {
    text.parse().unwrap()
}

/// Stations and ports of the database, newest first, `br0` being the host; without the host's own
/// random addresses.
fn stations(lab: &Lab) -> Vec<String> {
    let br = &lab.k.bridges[bridge_of(&lab.k, lab.dev("br0")).unwrap()];
    let name = |entry: &super::FdbEntry| match entry.port {
        Some(no) => lab.k.devs[br.ports.get(no).unwrap().dev].name.to_string(),
        None => "br0".to_owned(),
    };
    let by_hand = |entry: &&super::FdbEntry| !entry.local || entry.by_user;
    let entries = br.fdb.dump().into_iter().filter(by_hand);
    entries.map(|entry| format!("{} {}", entry.addr, name(entry))).collect()
}

fn fdb(dev: &str, station: &str, state: FdbState) -> FdbSpec {
    FdbSpec {
        dev: link(dev),
        lladdr: mac(station),
        self_: dev == "br0",
        master: dev != "br0",
        state,
        dst: None,
        port: None,
        vni: None,
        via: None,
        vlan: None,
        extern_learn: false,
        sticky: false,
    }
}

const GROUP: &str = "01:00:5e:01:02:03";

#[test]
fn each_kind_of_flooding_can_be_switched_off_at_a_port() {
    let on = PortChange::default();
    for (change, to, expected) in [
        (PortChange { flood: Some(false), ..on.clone() }, B, vec!["p3"]),
        (PortChange { flood: Some(false), ..on.clone() }, GROUP, vec!["p3", "p2"]),
        (PortChange { mcast_flood: Some(false), ..on.clone() }, GROUP, vec!["p3"]),
        (PortChange { mcast_flood: Some(false), ..on.clone() }, ALL, vec!["p3", "p2"]),
        (PortChange { bcast_flood: Some(false), ..on.clone() }, ALL, vec!["p3"]),
        (PortChange { bcast_flood: Some(false), ..on }, B, vec!["p3", "p2"]),
    ] {
        let mut lab = bridge();
        port(&mut lab, "p2", change.clone());
        lab.inject("p1", &frame(to, A, 46));
        assert_eq!(lab.sent(), expected, "{to} {change:?}");
    }
    // The host's own frames to groups go to every port all the same.
    let mut lab = bridge();
    port(&mut lab, "p2", PortChange { bcast_flood: Some(false), ..on });
    lab.send("br0", &frame(ALL, A, 46));
    assert_eq!(lab.sent(), ["br0", "p3", "p2", "p1"]);
}

#[test]
fn isolated_ports_do_not_reach_each_other_but_all_others() {
    let mut lab = bridge();
    for dev in ["p1", "p2"] {
        port(&mut lab, dev, PortChange { isolated: Some(true), ..PortChange::default() });
    }
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!(lab.sent(), ["p3"]);
    lab.inject("p2", &frame(A, B, 46));
    assert_eq!(lab.sent(), [""; 0]);
    lab.inject("p3", &frame(ALL, "02:00:00:00:00:cc", 46));
    assert_eq!(lab.sent(), ["p2", "p1"]);
}

#[test]
fn a_hairpin_port_gets_back_what_it_sent() {
    let mut lab = bridge();
    port(&mut lab, "p1", PortChange { hairpin: Some(true), ..PortChange::default() });
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!(lab.sent(), ["p3", "p2", "p1"]);
    lab.inject("p1", &frame(A, B, 46));
    assert_eq!(lab.sent(), ["p1"]);
}

#[test]
fn a_locked_port_lets_only_known_stations_in() {
    let mut lab = bridge();
    lab.inject("p1", &frame(ALL, A, 46));
    port(&mut lab, "p1", PortChange { locked: Some(true), ..PortChange::default() });
    lab.sent();
    lab.seen.drops.clear();
    lab.inject("p1", &frame(ALL, B, 46));
    assert_eq!(lab.sent(), [""; 0]);
    assert_eq!(lab.seen.drops[0], ("p1".to_owned(), DropReason::NotSpecified));
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!(lab.sent(), ["p3", "p2"]);
}

#[test]
fn a_port_that_does_not_learn_leaves_its_stations_unknown() {
    let mut lab = bridge();
    port(&mut lab, "p1", PortChange { learning: Some(false), ..PortChange::default() });
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!(stations(&lab), [""; 0]);
}

/// Of the groups that bridges keep to themselves, STP's is forwarded while nobody speaks STP.
#[test]
fn link_local_groups_are_forwarded_only_by_their_mask() {
    for (group, mask, sent, dropped) in [
        (0x00, 0, vec!["p3", "p2"], DropReason::UnhandledProto),
        (0x01, 0, vec![], DropReason::MacIeeeMacControl),
        (0x0e, 0, vec![], DropReason::UnhandledProto),
        (0x0e, 0x4000, vec!["p3", "p2"], DropReason::UnhandledProto),
    ] {
        let mut lab = bridge();
        if mask != 0 {
            let change = BridgeChange { group_fwd_mask: Some(mask), ..BridgeChange::default() };
            options(&mut lab, change);
        }
        lab.seen.drops.clear();
        lab.inject("p1", &frame(&format!("01:80:c2:00:00:{group:02x}"), A, 46));
        assert_eq!(lab.sent(), sent, "{group:02x}");
        let here = |(dev, _): &&(String, DropReason)| matches!(dev.as_str(), "p1" | "br0");
        let drops: Vec<_> = lab.seen.drops.iter().filter(here).map(|(_, r)| *r).collect();
        assert_eq!(drops, [dropped], "{group:02x}");
        assert_eq!(stations(&lab), if group == 1 { vec![] } else { vec![format!("{A} p1")] });
    }
}

#[test]
fn port_states_decide_what_passes() {
    let mut lab = bridge();
    let set = |lab: &mut Lab, state| {
        port(lab, "p1", PortChange { state: Some(state), ..PortChange::default() });
        let (bridge, no) = port_of(&lab.k, lab.dev("p1")).unwrap();
        lab.seen.drops.clear();
        lab.k.bridges[bridge].ports.get(no).unwrap().state
    };
    // Without STP a blocking port does not stay so.
    assert_eq!(set(&mut lab, 4), PortState::Forwarding);
    assert_eq!(set(&mut lab, 0), PortState::Disabled);
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!((lab.sent(), stations(&lab)), (vec![], vec![]));
    assert_eq!(lab.seen.drops[0].1, DropReason::BridgeIngressStpState);
    assert_eq!(set(&mut lab, 2), PortState::Learning);
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!((lab.sent(), stations(&lab)), (vec![], vec![format!("{A} p1")]));
    assert_eq!(lab.seen.drops[0].1, DropReason::BridgeIngressStpState);
    lab.inject("p2", &frame(A, B, 46));
    assert_eq!(lab.sent(), [""; 0]);
}

#[test]
fn frames_for_the_host_go_up_whichever_of_its_addresses_they_name() {
    let mut lab = bridge();
    for dev in ["br0", "p1", "p3"] {
        let to = lab.device(dev).addr.to_string();
        let before = lab.device("br0").stats.rx;
        lab.inject("p2", &frame(&to, A, 46));
        assert_eq!(lab.sent(), [""; 0], "{dev}");
        // Counted without the Ethernet header.
        let rx = lab.device("br0").stats.rx;
        assert_eq!((rx.packets - before.packets, rx.bytes - before.bytes), (1, 46), "{dev}");
    }
}

#[test]
fn a_frame_may_exceed_the_ports_mtu_by_a_tag() {
    let mut lab = bridge();
    lab.set("p1", LinkChange { mtu: Some(1400), ..LinkChange::default() });
    lab.inject("p1", &frame(ALL, A, 46));
    lab.sent();
    lab.inject("p2", &frame(A, B, 1404));
    assert_eq!(lab.sent(), ["p1"]);
    lab.inject("p2", &frame(A, B, 1405));
    assert_eq!(lab.sent(), [""; 0]);
}

#[test]
fn a_bridge_takes_the_lowest_address_of_its_ports() {
    let mut lab = Lab::new();
    lab.bridge("br0");
    for (dev, addr) in [("p1", "02:00:00:00:00:05"), ("p2", "02:00:00:00:00:03")] {
        lab.veth(dev, &format!("x{dev}"));
        lab.set(dev, LinkChange { address: Some(mac(addr)), ..LinkChange::default() });
        lab.set(dev, master("br0"));
    }
    assert_eq!(lab.device("br0").addr, mac("02:00:00:00:00:03"));
    lab.set("p2", LinkChange { master: Some(None), ..LinkChange::default() });
    assert_eq!(lab.device("br0").addr, mac("02:00:00:00:00:05"));
    lab.set("p1", LinkChange { master: Some(None), ..LinkChange::default() });
    assert_eq!(lab.device("br0").addr, MacAddr::ZERO);
    let nine = LinkChange { address: Some(mac("02:00:00:00:00:09")), ..LinkChange::default() };
    lab.set("br0", nine);
    lab.set("p1", master("br0"));
    assert_eq!(lab.device("br0").addr, mac("02:00:00:00:00:09"));
}

#[test]
fn a_bridge_takes_the_smallest_mtu_of_its_ports_until_it_gets_its_own() {
    let mut lab = bridge();
    let mtu = |mtu| LinkChange { mtu: Some(mtu), ..LinkChange::default() };
    lab.set("p2", mtu(1400));
    assert_eq!(lab.device("br0").mtu, 1400);
    lab.set("br0", mtu(1450));
    lab.set("p2", mtu(1300));
    assert_eq!(lab.device("br0").mtu, 1450);
}

#[test]
fn entries_set_by_hand_stay_where_they_are_put() {
    let mut lab = bridge();
    let add = |spec: FdbSpec| Request::FdbAdd(spec, Create::Exclusive);
    lab.try_request(&add(fdb("p2", A, FdbState::Static))).unwrap();
    assert_eq!(
        lab.try_request(&add(fdb("p3", A, FdbState::Static))).unwrap_err().to_string(),
        "File exists"
    );
    // A static station moves with its frames, a sticky one does not.
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!(stations(&lab), [format!("{A} p1")]);
    let sticky = FdbSpec { sticky: true, ..fdb("p2", B, FdbState::Static) };
    lab.try_request(&add(sticky)).unwrap();
    lab.inject("p1", &frame(ALL, B, 46));
    assert_eq!(stations(&lab), [format!("{B} p2"), format!("{A} p1")]);
    // What is behind a port that goes down is forgotten, unless it was set by hand.
    lab.inject("p2", &frame(ALL, "02:00:00:00:00:cc", 46));
    lab.set("p2", down());
    assert_eq!(stations(&lab), [format!("{B} p2"), format!("{A} p1")]);
}

#[test]
fn entries_are_refused_in_the_kernels_words() {
    let mut lab = bridge();
    let (static_, dynamic) = (FdbState::Static, FdbState::Dynamic);
    let zero = "00:00:00:00:00:00";
    let invalid = "Invalid argument";
    for (spec, text) in [
        (fdb("p1", zero, static_), invalid),
        (fdb("br0", A, static_), invalid),
        (fdb("br0", A, dynamic), invalid),
        (FdbSpec { sticky: true, ..fdb("p1", A, FdbState::Permanent) }, invalid),
        (FdbSpec { vlan: Some(5), ..fdb("p1", A, static_) }, invalid),
        (FdbSpec { self_: true, master: false, ..fdb("p1", A, static_) }, invalid),
        (
            FdbSpec { self_: false, master: true, ..fdb("br0", A, static_) },
            "Operation not supported",
        ),
        (fdb("x1", A, static_), "Operation not supported"),
        (
            FdbSpec { self_: true, master: false, ..fdb("lo", A, FdbState::Permanent) },
            "FDB add only supported for Ethernet devices",
        ),
    ] {
        let answer = lab.try_request(&Request::FdbAdd(spec.clone(), Create::Exclusive));
        assert_eq!(answer.unwrap_err().to_string(), text, "{spec:?}");
    }
    let del = lab.try_request(&Request::FdbDel(fdb("p1", A, FdbState::Permanent)));
    assert_eq!(del.unwrap_err().to_string(), "No such file or directory");
    lab.set("p1", down());
    let add = Request::FdbAdd(fdb("p1", A, dynamic), Create::Exclusive);
    assert_eq!(lab.try_request(&add).unwrap_err().to_string(), "Operation not permitted");
}

#[test]
fn stations_are_forgotten_after_the_ageing_time() {
    let mut lab = bridge();
    options(&mut lab, BridgeChange { ageing_time: Some(200), ..BridgeChange::default() });
    lab.run_until(SimTime::from_millis(500));
    lab.inject("p1", &frame(ALL, A, 46));
    lab.run_until(SimTime::from_millis(2300));
    assert_eq!(stations(&lab), [format!("{A} p1")]);
    lab.run_until(SimTime::from_millis(3000));
    assert_eq!(stations(&lab), [""; 0]);
    assert!(lab.k.timers.next_at().is_none(), "nothing is left to do");
}

#[test]
fn without_an_ageing_time_nothing_is_learned() {
    let mut lab = bridge();
    lab.inject("p1", &frame(ALL, A, 46));
    options(&mut lab, BridgeChange { ageing_time: Some(0), ..BridgeChange::default() });
    assert_eq!(stations(&lab), [""; 0]);
    lab.inject("p1", &frame(ALL, A, 46));
    assert_eq!(stations(&lab), [""; 0]);
}

#[test]
fn the_hosts_own_addresses_are_in_the_database() {
    let own = |lab: &Lab| {
        let br = &lab.k.bridges[bridge_of(&lab.k, lab.dev("br0")).unwrap()];
        let local = br.fdb.dump().into_iter().filter(|entry| entry.local);
        local.map(|e| (e.addr, e.port.is_some())).collect::<Vec<_>>()
    };
    let mut lab = Lab::new();
    lab.bridge("br0");
    assert_eq!(own(&lab), [(lab.device("br0").addr, false)]);
    lab.veth("p1", "x1");
    lab.set("p1", master("br0"));
    // The bridge has taken the port's address, whose entry serves both.
    assert_eq!(own(&lab), [(lab.device("p1").addr, true)]);
    let five = "02:00:00:00:00:05";
    lab.set("br0", LinkChange { address: Some(mac(five)), ..LinkChange::default() });
    assert_eq!(own(&lab), [(mac(five), false), (lab.device("p1").addr, true)]);
    lab.set("p1", LinkChange { address: Some(mac(five)), ..LinkChange::default() });
    assert_eq!(own(&lab), [(mac(five), false)]);
}

//! What devices do with frames; counters and drop reasons were seen on Linux 6.18, those of dummy
//! devices on Linux 6.1.

use crate::link::lab::{Lab, down, frame, link, up};
use crate::link::macvlan::MacvlanMode;
use crate::netlink::NetlinkError;
use crate::netlink::request::{LinkAdd, LinkChange, LinkKind, Request};
use crate::packet::{MacAddr, PacketType};
use crate::trace::{Direction, DropReason};

const A: &str = "02:00:00:00:00:aa";
const B: &str = "02:00:00:00:00:bb";
const ALL: &str = "ff:ff:ff:ff:ff:ff";

fn mac(text: &str) -> MacAddr {
    text.parse().unwrap()
}

fn address(text: &str) -> LinkChange {
    LinkChange { address: Some(mac(text)), ..LinkChange::default() }
}

fn mtu(mtu: u32) -> LinkChange {
    LinkChange { mtu: Some(mtu), ..LinkChange::default() }
}

#[test]
fn a_frame_too_large_for_the_peer_is_counted_at_both_ends() {
    let mut lab = Lab::new();
    lab.veth("p", "q");
    lab.set("q", mtu(1000));
    lab.send("p", &frame(B, A, 1004));
    assert_eq!((lab.device("p").stats.tx.packets, lab.device("q").stats.rx.packets), (1, 1));
    lab.send("p", &frame(B, A, 1005));
    assert_eq!((lab.device("p").stats.tx.packets, lab.device("p").stats.tx.dropped), (1, 1));
    // Of two drops one is the frame that was for nobody here.
    assert_eq!((lab.device("q").stats.rx.packets, lab.device("q").stats.rx.dropped), (1, 2));
    assert_eq!(lab.seen.drops[1], ("p".to_owned(), DropReason::NotSpecified));
}

#[test]
fn without_carrier_frames_vanish_before_any_capture() {
    let mut lab = Lab::new();
    lab.veth("p", "q");
    lab.set("q", down());
    lab.seen.frames.clear();
    lab.send("p", &frame(B, A, 46));
    assert_eq!(lab.sent(), [""; 0]);
    assert_eq!(lab.seen.drops, [("p".to_owned(), DropReason::QdiscDrop)]);
    assert_eq!(lab.device("p").stats.tx.dropped, 1);
    lab.set("p", down());
    lab.send("p", &frame(B, A, 46));
    assert_eq!(lab.seen.drops[1], ("p".to_owned(), DropReason::DevReady));
    assert_eq!(lab.device("p").stats.tx.dropped, 1);
}

#[test]
fn the_loopback_device_counts_without_link_headers() {
    let mut lab = Lab::new();
    lab.set("lo", up());
    lab.send("lo", &frame("00:00:00:00:00:00", "00:00:00:00:00:00", 50));
    let stats = lab.device("lo").stats;
    assert_eq!((stats.tx.bytes, stats.rx.bytes, stats.rx.dropped), (50, 50, 1));
}

#[test]
fn frames_are_for_whom_their_destination_says() {
    let mut lab = Lab::new();
    lab.veth("p", "q");
    lab.set("p", address(A));
    for (to, kind) in [
        (A, PacketType::Host),
        (B, PacketType::OtherHost),
        (ALL, PacketType::Broadcast),
        ("01:00:5e:00:00:01", PacketType::Multicast),
    ] {
        lab.seen.kinds.clear();
        lab.inject("p", &frame(to, B, 46));
        assert_eq!(lab.seen.kinds, [kind], "{to}");
    }
}

/// Type, then what is dropped for which reason, and whether the device counts it.
#[test]
fn only_frames_of_unknown_protocols_are_counted_as_dropped() {
    let tagged = |id: u8, inner: [u8; 2]| [0x81, 0x00, 0x00, id, inner[0], inner[1]];
    for (start, reason, dropped) in [
        ([0x88, 0xb5, 0, 0, 0, 0], DropReason::UnhandledProto, 1),
        ([0x86, 0xdd, 0x60, 0, 0, 0], DropReason::Ipv6Disabled, 0),
        // 802.3 with an LLC header, which the kernel's LLC swallows, and without.
        ([0x00, 0x26, 0x42, 0x42, 3, 0], DropReason::NotSpecified, 0),
        ([0x00, 0x26, 0xff, 0xff, 3, 0], DropReason::UnhandledProto, 1),
        // A tag of VLAN 0 is only a priority; in VLAN 10 an IPv4 packet is for somebody else.
        (tagged(0, [0x88, 0xb5]), DropReason::UnhandledProto, 1),
        (tagged(10, [0x08, 0x00]), DropReason::OtherHost, 0),
    ] {
        let mut lab = Lab::new();
        lab.veth("p", "q");
        let own = lab.device("p").addr.to_string();
        let mut bytes = frame(&own, B, 60);
        bytes[12..18].copy_from_slice(&start);
        lab.inject("p", &bytes);
        assert_eq!(lab.seen.drops, [("p".to_owned(), reason)], "{start:02x?}");
        assert_eq!(lab.device("p").stats.rx.dropped, dropped, "{start:02x?}");
    }
}

#[test]
fn a_dummy_swallows_and_counts() {
    let mut lab = Lab::new();
    lab.add("d0", LinkKind::Dummy, up());
    lab.send("d0", &frame(B, A, 84));
    let stats = lab.device("d0").stats;
    assert_eq!((stats.tx.packets, stats.tx.bytes, stats.tx.dropped), (1, 98, 0));
    assert_eq!(lab.sent(), ["d0"]);
}

fn try_macvlan(
    lab: &mut Lab,
    name: &str,
    lower: &str,
    mode: MacvlanMode,
    change: LinkChange,
) -> Result<(), NetlinkError> {
    lab.try_request(&Request::LinkAdd(LinkAdd {
        name: Some(name.parse().unwrap()),
        ifindex: None,
        kind: LinkKind::Macvlan(mode),
        link: Some(link(lower)),
        change,
    }))
}

/// A wire v-w and macvlan devices m1, m2 on v, all up.
fn macvlans(mode: MacvlanMode) -> Lab {
    let mut lab = Lab::new();
    lab.veth("v", "w");
    for (name, addr) in [("m1", A), ("m2", B)] {
        try_macvlan(&mut lab, name, "v", mode, LinkChange { flags_on: 1, ..address(addr) })
            .unwrap();
    }
    lab.seen.frames.clear();
    lab
}

/// Which devices saw which way a frame passed, in order.
fn passed(lab: &mut Lab) -> Vec<String> {
    let frames = std::mem::take(&mut lab.seen.frames);
    let way = |d: Direction| if d == Direction::In { "in" } else { "out" };
    frames.into_iter().map(|(dev, d, _)| format!("{dev} {}", way(d))).collect()
}

#[test]
fn siblings_in_bridge_mode_meet_by_way_of_the_lower_device() {
    let mut lab = macvlans(MacvlanMode::Bridge);
    lab.send("m1", &frame(B, A, 46));
    assert_eq!(passed(&mut lab), ["m1 out", "v in", "m2 in"]);
    lab.send("m1", &frame(ALL, A, 46));
    assert_eq!(passed(&mut lab), ["m1 out", "v out", "m2 in", "w in"]);
    assert_eq!((lab.device("m2").stats.rx.packets, lab.device("m2").stats.multicast), (2, 1));
    // The lower device's own address is not reached.
    let own = lab.device("v").addr.to_string();
    lab.send("m1", &frame(&own, A, 46));
    assert_eq!(passed(&mut lab), ["m1 out", "v out", "w in"]);
}

#[test]
fn siblings_in_private_mode_do_not_meet() {
    let mut lab = macvlans(MacvlanMode::Private);
    for to in [B, ALL] {
        lab.send("m1", &frame(to, A, 46));
        assert_eq!(passed(&mut lab), ["m1 out", "v out", "w in"], "{to}");
    }
}

#[test]
fn the_wire_reaches_macvlan_devices_by_their_address_and_all_by_broadcast() {
    let mut lab = macvlans(MacvlanMode::Bridge);
    lab.inject("v", &frame(B, "02:00:00:00:00:cc", 46));
    assert_eq!(passed(&mut lab), ["v in", "m2 in"]);
    lab.inject("v", &frame(ALL, "02:00:00:00:00:cc", 46));
    let mut seen = passed(&mut lab);
    // Their order is that of a hash of their addresses.
    seen[1..].sort();
    assert_eq!(seen, ["v in", "m1 in", "m2 in"]);
    // A group that nobody has joined stays below.
    lab.inject("v", &frame("01:00:5e:01:02:03", "02:00:00:00:00:cc", 46));
    assert_eq!(passed(&mut lab), ["v in"]);
}

#[test]
fn a_macvlan_device_follows_its_lower_device() {
    let mut lab = macvlans(MacvlanMode::Bridge);
    assert_eq!(lab.device("v").promiscuity, 1);
    assert!(lab.device("m1").is_running());
    lab.set("w", down());
    assert!(!lab.device("m1").carrier);
    lab.set("w", up());
    assert!(lab.device("m1").is_running());
    lab.set("v", mtu(1300));
    assert_eq!(lab.device("m1").mtu, 1300);
    lab.set("m1", down());
    lab.set("m2", down());
    assert_eq!(lab.device("v").promiscuity, 0);
    lab.try_request(&Request::LinkDel(link("v"))).unwrap();
    assert_eq!(lab.k.devs.len(), 1);
}

#[test]
fn macvlan_devices_are_refused_in_the_kernels_words() {
    let mut lab = macvlans(MacvlanMode::Bridge);
    lab.bridge("br0");
    lab.veth("c", "d");
    lab.set("c", crate::link::lab::master("br0"));
    let bridge = MacvlanMode::Bridge;
    let none = LinkChange::default;
    let words = |answer: Result<(), NetlinkError>| {
        answer.map_or_else(|refusal| refusal.to_string(), |()| String::new())
    };
    let invalid = "Invalid argument";
    for (lower, mode, change, text) in [
        ("lo", bridge, none(), invalid),
        ("v", bridge, mtu(1600), invalid),
        ("c", bridge, none(), "Device or resource busy"),
        ("v", MacvlanMode::Passthru, none(), "macvlan mode passthru is not modelled"),
        ("m1", bridge, none(), ""),
    ] {
        let answer = try_macvlan(&mut lab, "m3", lower, mode, change);
        assert_eq!(words(answer), text, "{lower} {mode:?}");
    }
    for (dev, change, text) in [
        ("m1", mtu(1501), invalid),
        ("m1", address(B), "Address already in use"),
        ("m1", address("02:00:00:00:00:07"), ""),
        ("v", crate::link::lab::master("br0"), "Device or resource busy"),
    ] {
        let shown = format!("{dev} {change:?}");
        assert_eq!(words(lab.try_set(dev, change)), text, "{shown}");
    }
    lab.set("m2", down());
    lab.set("m3", address(B));
    lab.set("m2", up());
    assert_eq!(words(lab.try_set("m3", up())), "Address already in use");
}

//! What tunnels put on the wire; bytes and counters were seen on Linux 6.18, those of IPIP on Linux 6.1.

use std::net::{IpAddr, Ipv4Addr};

use crate::link::lab::{Lab, frame, link, up};
use crate::link::stats::LinkStats;
use crate::link::vxlan::device;
use crate::neigh::NudState;
use crate::netlink::request::{
    AddrSpec, Create, FdbSpec, FdbState, LinkChange, LinkKind, NeighSpec, NextHopSpec, Request,
    RouteSpec, TunnelChange, VxlanChange,
};
use crate::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, UdpParams, push_ethernet, push_ipv4, push_udp,
    push_vxlan,
};
use crate::packet::{EtherType, IpProto, Ipv4, MacAddr, Skb};
use crate::time::SimTime;
use crate::trace::{Direction, DropReason};

const A: &str = "02:00:00:00:05:02";
const B: &str = "02:00:00:00:05:03";
const OWN: &str = "02:00:00:00:05:01";

fn mac(text: &str) -> MacAddr {
    text.parse().unwrap()
}

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A host with 10.0.2.1 on s0 and known neighbours 10.0.2.2 to 10.0.2.5 there.
fn host() -> Lab {
    let mut lab = Lab::new();
    lab.set("lo", up());
    lab.veth("s0", "xs0");
    lab.set("s0", LinkChange { address: Some(mac("02:00:00:00:02:01")), ..LinkChange::default() });
    add_addr(&mut lab, "s0", "10.0.2.1", 24);
    for n in 2..=5 {
        let spec = NeighSpec {
            dev: Some(link("s0")),
            addr: IpAddr::V4(Ipv4Addr::new(10, 0, 2, n)),
            lladdr: Some(MacAddr([2, 0, 0, 0, 2, n])),
            state: Some(NudState::Permanent),
            proxy: false,
            router: false,
            extern_learn: false,
            protocol: 0,
        };
        lab.try_request(&Request::NeighAdd(spec, Create::Exclusive)).unwrap();
    }
    lab
}

fn add_addr(lab: &mut Lab, dev: &str, local: &str, prefix_len: u8) {
    let spec = AddrSpec {
        dev: link(dev),
        local: addr(local),
        peer: None,
        prefix_len,
        broadcast: None,
        label: None,
        scope: None,
        metric: None,
        any_prefix: false,
        no_prefix_route: false,
        autojoin: false,
        valid_lft_s: None,
        preferred_lft_s: None,
        proto: 0,
    };
    lab.try_request(&Request::AddrAdd(spec, Create::Exclusive)).unwrap();
}

/// Adds vx0, VNI 42, as the options say.
fn vxlan(lab: &mut Lab, options: VxlanChange) {
    let options = VxlanChange {
        vni: Some(42),
        dst_port: Some(8472),
        local: Some(addr("10.0.2.1")),
        src_ports: Some((50000, 50001)),
        ..options
    };
    let change = LinkChange { address: Some(mac(OWN)), ..up() };
    lab.add("vx0", LinkKind::Vxlan(options), change);
    lab.seen.frames.clear();
}

fn fdb(station: &str, dst: &str, state: FdbState) -> FdbSpec {
    FdbSpec {
        dev: link("vx0"),
        lladdr: mac(station),
        self_: true,
        master: false,
        state,
        dst: Some(addr(dst)),
        port: None,
        vni: None,
        via: None,
        vlan: None,
        extern_learn: false,
        sticky: false,
    }
}

fn append(lab: &mut Lab, station: &str, dst: &str) {
    let spec = fdb(station, dst, FdbState::Permanent);
    lab.try_request(&Request::FdbAdd(spec, Create::Append)).unwrap();
}

/// The outer destinations of the frames that left by s0.
fn remotes(lab: &mut Lab) -> Vec<String> {
    let frames = std::mem::take(&mut lab.seen.frames);
    let sent = frames.iter().filter(|(dev, way, _)| dev == "s0" && *way == Direction::Out);
    sent.map(|(.., frame)| Ipv4::parse(&frame[14..]).unwrap().dst().to_string()).collect()
}

/// The stations and their remote ends, newest first.
fn stations(lab: &Lab) -> Vec<String> {
    let vxlan = device::of(&lab.k, lab.dev("vx0")).unwrap();
    let remotes = |entry: &crate::link::vxlan::VxlanEntry| {
        entry.remotes.iter().map(|r| format!(" {}", r.ip)).collect::<String>()
    };
    vxlan.fdb.dump().into_iter().map(|e| format!("{}{}", e.addr, remotes(e))).collect()
}

/// A VXLAN packet from `src` around `inner`, as a frame for s0.
fn outer(src: &str, vni: u32, tos: u8, inner: &[u8]) -> Vec<u8> {
    let (src, dst) = (src.parse().unwrap(), Ipv4Addr::new(10, 0, 2, 1));
    let mut skb = Skb::new();
    skb.put(inner);
    push_vxlan(&mut skb, vni);
    let ports = UdpParams { src_port: 40000, dst_port: 8472, checksum: ChecksumMode::None };
    push_udp(&mut skb, &ports, PseudoHeader::V4 { src, dst });
    push_ipv4(&mut skb, &Ipv4Params { tos, ..Ipv4Params::new(src, dst, IpProto::UDP) });
    push_ethernet(&mut skb, mac("02:00:00:00:02:01"), mac("02:00:00:00:02:02"), EtherType::IPV4);
    skb.data().to_vec()
}

fn stats(lab: &Lab) -> LinkStats {
    lab.device("vx0").stats
}

#[test]
fn a_frame_leaves_in_udp_with_the_ports_and_the_vni_of_the_device() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange { udp_csum: Some(false), ..VxlanChange::default() });
    append(&mut lab, A, "10.0.2.2");
    lab.send("vx0", &frame(A, OWN, 29));
    let (_, _, sent) = lab.seen.frames.iter().find(|(dev, ..)| dev == "s0").unwrap();
    assert_eq!(sent[..14], [2, 0, 0, 0, 2, 2, 2, 0, 0, 0, 2, 1, 8, 0]);
    // Version, TOS, length; no DF; TTL 64, UDP; the addresses.
    assert_eq!(sent[14..18], [0x45, 0, 0, 79]);
    assert_eq!(sent[20..24], [0, 0, 64, 17]);
    assert_eq!(sent[26..34], [10, 0, 2, 1, 10, 0, 2, 2]);
    // Ports 50000 to 8472, length, no checksum; VXLAN with VNI 42; the frame.
    assert_eq!(sent[34..42], [0xc3, 0x50, 0x21, 0x18, 0, 59, 0, 0]);
    assert_eq!(sent[42..50], [8, 0, 0, 0, 0, 0, 42, 0]);
    assert_eq!(sent[50..], frame(A, OWN, 29));
    // Counted without the inner Ethernet header.
    assert_eq!((stats(&lab).tx.packets, stats(&lab).tx.bytes), (1, 29));
}

#[test]
fn of_several_default_remotes_the_first_is_served_last() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange::default());
    for dst in ["10.0.2.2", "10.0.2.3", "10.0.2.4"] {
        append(&mut lab, "00:00:00:00:00:00", dst);
    }
    lab.send("vx0", &frame(A, OWN, 46));
    assert_eq!(remotes(&mut lab), ["10.0.2.3", "10.0.2.4", "10.0.2.2"]);
    append(&mut lab, A, "10.0.2.5");
    lab.send("vx0", &frame(A, OWN, 46));
    assert_eq!(remotes(&mut lab), ["10.0.2.5"]);
}

#[test]
fn a_frame_without_a_remote_is_dropped_and_counted() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange::default());
    lab.send("vx0", &frame(A, OWN, 46));
    assert_eq!(lab.seen.drops, [("vx0".to_owned(), DropReason::NoTxTarget)]);
    assert_eq!(stats(&lab).tx.dropped, 1);
}

#[test]
fn a_remote_without_a_route_is_an_error_of_the_carrier() {
    let mut lab = host();
    let remote = Some(addr("10.99.0.1"));
    vxlan(&mut lab, VxlanChange { remote, ..VxlanChange::default() });
    assert_eq!(stations(&lab), ["00:00:00:00:00:00 10.99.0.1"]);
    lab.send("vx0", &frame(A, OWN, 46));
    assert_eq!(lab.seen.drops, [("vx0".to_owned(), DropReason::IpOutNoRoutes)]);
    assert_eq!((stats(&lab).tx.errors, stats(&lab).tx_carrier_errors), (1, 1));
}

#[test]
fn received_frames_come_out_and_their_senders_are_learned() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange::default());
    lab.inject("s0", &outer("10.0.2.2", 42, 0, &frame(OWN, A, 46)));
    assert!(lab.seen.frames.contains(&("vx0".to_owned(), Direction::In, frame(OWN, A, 46))));
    assert_eq!((stats(&lab).rx.packets, stats(&lab).rx.bytes), (1, 46));
    assert_eq!(stations(&lab), [format!("{A} 10.0.2.2")]);
    // The station moves.
    lab.inject("s0", &outer("10.0.2.3", 42, 0, &frame(OWN, A, 46)));
    assert_eq!(stations(&lab), [format!("{A} 10.0.2.3")]);
    lab.run_until(SimTime::from_millis(330_000));
    assert_eq!(stations(&lab), [""; 0]);
}

#[test]
fn a_station_set_by_hand_does_not_move() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange::default());
    append(&mut lab, A, "10.0.2.2");
    lab.seen.drops.clear();
    lab.inject("s0", &outer("10.0.2.3", 42, 0, &frame(OWN, A, 46)));
    assert_eq!(lab.seen.drops, [("s0".to_owned(), DropReason::VxlanEntryExists)]);
}

#[test]
fn what_is_no_vxlan_of_ours_is_dropped_for_its_reason() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange { learning: Some(false), ..VxlanChange::default() });
    let good = outer("10.0.2.2", 42, 0, &frame(OWN, A, 46));
    let with = |at: usize, value: u8| {
        let mut frame = good.clone();
        frame[at] = value;
        frame
    };
    for (bytes, reason) in [
        (with(42, 0), DropReason::VxlanInvalidHdr),
        (with(42, 0x0c), DropReason::VxlanInvalidHdr),
        (with(49, 1), DropReason::VxlanInvalidHdr),
        (outer("10.0.2.2", 43, 0, &frame(OWN, A, 46)), DropReason::VxlanVniNotFound),
        (outer("10.0.2.2", 42, 0, &frame(A, OWN, 46)), DropReason::LocalMac),
        (outer("10.0.2.2", 42, 0, &[1, 2, 3]), DropReason::Nomem),
    ] {
        lab.seen.drops.clear();
        lab.inject("s0", &bytes);
        assert_eq!(lab.seen.drops, [("s0".to_owned(), reason)]);
    }
    assert_eq!(stats(&lab).rx.errors, 2);
    assert_eq!(stations(&lab), [""; 0]);
}

#[test]
fn two_devices_of_one_host_meet_without_udp() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange { remote: Some(addr("10.0.2.1")), ..VxlanChange::default() });
    lab.send("vx0", &frame(A, OWN, 46));
    // It comes back to the device that sent it, the only one with this VNI and port.
    assert_eq!(remotes(&mut lab), [""; 0]);
    assert_eq!((stats(&lab).tx.bytes, stats(&lab).rx.bytes), (60, 60));
    assert_eq!(stations(&lab), [format!("{OWN} 127.0.0.1"), "00:00:00:00:00:00 10.0.2.1".into()]);
}

#[test]
fn a_vxlan_device_holds_its_udp_port_while_it_is_up() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange::default());
    assert!(lab.k.netns[lab.ns].udp_tunnels.contains_key(&8472));
    lab.set("vx0", LinkChange { flags_off: 1, ..LinkChange::default() });
    assert!(lab.k.netns[lab.ns].udp_tunnels.is_empty());
}

#[test]
fn vxlan_options_are_refused_in_the_kernels_words() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange::default());
    let zero = VxlanChange::default();
    for (change, text) in [
        (VxlanChange { vni: Some(5), ..zero.clone() }, "Cannot change VNI"),
        (VxlanChange { dst_port: Some(1), ..zero.clone() }, "Cannot change port"),
        (VxlanChange { src_ports: Some((1, 2)), ..zero.clone() }, "Cannot change port range"),
        (VxlanChange { udp_csum: Some(false), ..zero.clone() }, "Cannot change UDP_CSUM flag"),
        (VxlanChange { limit: Some(3), ..zero.clone() }, "Cannot change limit"),
        (VxlanChange { proxy: Some(true), ..zero }, "vxlan: cannot change PROXY flag"),
    ] {
        let change = LinkChange { vxlan: Some(change), ..LinkChange::default() };
        assert_eq!(lab.try_set("vx0", change).unwrap_err().to_string(), text);
    }
    let again = VxlanChange { vni: Some(42), dst_port: Some(8472), ..zero };
    let clash = lab.try_add("vx1", LinkKind::Vxlan(again), LinkChange::default());
    assert_eq!(
        clash.unwrap_err().to_string(),
        "A VXLAN device with the specified VNI already exists"
    );
    let moved = VxlanChange { remote: Some(addr("10.0.2.9")), ..zero };
    lab.set("vx0", LinkChange { vxlan: Some(moved), ..LinkChange::default() });
    assert_eq!(stations(&lab), ["00:00:00:00:00:00 10.0.2.9"]);
}

#[test]
fn a_vxlan_device_is_no_larger_than_its_lower_device_allows() {
    let mut lab = host();
    let options = |vni| {
        LinkKind::Vxlan(VxlanChange { vni: Some(vni), dev: Some(link("s0")), ..Default::default() })
    };
    let mtu = |mtu| LinkChange { mtu: Some(mtu), ..LinkChange::default() };
    lab.add("vx1", options(1), LinkChange::default());
    lab.add("vx2", options(2), mtu(1600));
    lab.add("vx3", options(3), mtu(1400));
    assert_eq!(["vx1", "vx2", "vx3"].map(|dev| lab.device(dev).mtu), [1450, 1450, 1400]);
    assert_eq!(lab.try_set("vx1", mtu(1451)).unwrap_err().to_string(), "Invalid argument");
    // They go with it.
    lab.try_request(&Request::LinkDel(link("s0"))).unwrap();
    assert!(lab.k.netns[lab.ns].tunnels.is_empty());
}

#[test]
fn vxlan_entries_are_refused_in_the_kernels_words() {
    let mut lab = host();
    vxlan(&mut lab, VxlanChange::default());
    append(&mut lab, A, "10.0.2.2");
    append(&mut lab, "00:00:00:00:00:00", "10.0.2.2");
    let permanent = FdbState::Permanent;
    for (spec, create, text) in [
        (fdb(A, "10.0.2.3", permanent), Create::Exclusive, "File exists"),
        (fdb(A, "10.0.2.3", permanent), Create::Append, ""),
        (
            fdb("00:00:00:00:00:00", "10.0.2.3", permanent),
            Create::Replace,
            "Cannot replace non-unicast fdb entries",
        ),
        (
            FdbSpec { dst: None, ..fdb(B, "10.0.2.3", permanent) },
            Create::Exclusive,
            "Invalid argument",
        ),
        (
            fdb(B, "2001::1", permanent),
            Create::Exclusive,
            "Address family not supported by protocol",
        ),
        (fdb(B, "10.0.2.3", FdbState::Static), Create::Exclusive, ""),
    ] {
        let answer = lab.try_request(&Request::FdbAdd(spec.clone(), create));
        assert_eq!(answer.map_or_else(|e| e.to_string(), |()| String::new()), text, "{spec:?}");
    }
    // To append to a unicast station adds nothing, and says nothing.
    let zero = "00:00:00:00:00:00 10.0.2.2";
    assert_eq!(stations(&lab), [&format!("{B} 10.0.2.3"), zero, &format!("{A} 10.0.2.2")]);
    let del = |lab: &mut Lab, spec| lab.try_request(&Request::FdbDel(spec));
    del(&mut lab, fdb(A, "10.0.2.9", permanent)).unwrap();
    del(&mut lab, FdbSpec { dst: None, ..fdb(A, "10.0.2.2", permanent) }).unwrap();
    let gone = del(&mut lab, fdb(A, "10.0.2.2", permanent));
    assert_eq!(gone.unwrap_err().to_string(), "No such file or directory");
    assert_eq!(stations(&lab), [&format!("{B} 10.0.2.3"), zero]);
}

fn ipip(lab: &mut Lab, name: &str, options: TunnelChange) {
    let local = Some(addr("10.0.2.1"));
    lab.add(name, LinkKind::Ipip(TunnelChange { local, ..options }), up());
}

fn route(lab: &mut Lab, dst: &str, dev: &str, gateway: Option<&str>) {
    let hop = NextHopSpec {
        gateway: gateway.map(addr),
        dev: Some(link(dev)),
        onlink: true,
        ..NextHopSpec::default()
    };
    let spec =
        RouteSpec { dst: Some(dst.parse().unwrap()), next_hops: vec![hop], ..RouteSpec::default() };
    lab.try_request(&Request::RouteAdd(spec, Create::Exclusive)).unwrap();
}

/// An IPv4 packet to `dst`.
fn packet(dst: &str, tos: u8, ttl: u8, df: bool) -> Vec<u8> {
    let mut skb = Skb::new();
    skb.put(&[0; 12]);
    let addrs = Ipv4Params::new(Ipv4Addr::new(10, 0, 1, 2), dst.parse().unwrap(), IpProto::UDP);
    push_ipv4(&mut skb, &Ipv4Params { tos, ttl, df, ..addrs });
    skb.data().to_vec()
}

/// Sends a bare packet by a tunnel and returns TOS, TTL, DF, source and destination of the outer one.
fn through(lab: &mut Lab, dev: &str, inner: &[u8]) -> (u8, u8, bool, String, String) {
    lab.send_ip(dev, inner);
    let frames = std::mem::take(&mut lab.seen.frames);
    let (.., sent) = frames.iter().find(|(dev, ..)| dev == "s0").unwrap();
    let ip = Ipv4::parse(&sent[14..]).unwrap();
    assert_eq!((ip.proto(), ip.payload()), (IpProto::IPIP, inner));
    (ip.tos(), ip.ttl(), ip.df(), ip.src().to_string(), ip.dst().to_string())
}

#[test]
fn ipip_takes_ttl_and_ecn_from_the_inner_packet_and_sets_df() {
    let mut lab = host();
    ipip(&mut lab, "t1", TunnelChange { remote: Some(addr("10.0.2.3")), ..Default::default() });
    let expected = |tos, ttl, df| (tos, ttl, df, "10.0.2.1".into(), "10.0.2.3".into());
    let inner = packet("10.0.3.9", 0xb9, 16, false);
    assert_eq!(through(&mut lab, "t1", &inner), expected(0x01, 16, true));
    let fixed = TunnelChange {
        remote: Some(addr("10.0.2.3")),
        dev: Some(link("s0")),
        ttl: Some(7),
        tos: Some(0x10),
        ..Default::default()
    };
    ipip(&mut lab, "t2", fixed);
    let inner = packet("10.0.4.9", 0x03, 63, true);
    assert_eq!(through(&mut lab, "t2", &inner), expected(0x12, 7, true));
}

#[test]
fn ipip_without_pmtudisc_takes_df_from_the_inner_packet() {
    let mut lab = host();
    let remote = Some(addr("10.0.2.5"));
    let options = TunnelChange { remote, pmtudisc: Some(false), ..Default::default() };
    ipip(&mut lab, "t4", options);
    for df in [true, false] {
        assert_eq!(through(&mut lab, "t4", &packet("10.60.0.9", 0, 63, df)).2, df);
    }
}

#[test]
fn ipip_without_a_remote_goes_to_the_next_hop() {
    let mut lab = host();
    ipip(&mut lab, "t3", TunnelChange::default());
    route(&mut lab, "10.50.0.0/16", "t3", Some("10.0.2.2"));
    let outer = through(&mut lab, "t3", &packet("10.50.0.9", 0, 63, true));
    assert_eq!(outer.4, "10.0.2.2");
}

#[test]
fn two_ipip_tunnels_between_the_same_ends_cannot_be() {
    let mut lab = host();
    let options = TunnelChange {
        local: Some(addr("10.0.2.1")),
        remote: Some(addr("10.0.2.3")),
        ..Default::default()
    };
    let kind = || LinkKind::Ipip(options.clone());
    lab.add("t1", kind(), LinkChange::default());
    let again = lab.try_add("t2", kind(), LinkChange::default());
    assert_eq!(again.unwrap_err().to_string(), "File exists");
    assert_eq!(lab.device("t1").mtu, 1480);
    let mtu = |mtu| LinkChange { mtu: Some(mtu), ..LinkChange::default() };
    for (value, text) in [(67, "Invalid argument"), (65516, "Invalid argument")] {
        assert_eq!(lab.try_set("t1", mtu(value)).unwrap_err().to_string(), text);
    }
    lab.set("t1", mtu(65515));
}

//! Rewriting keeps right checksums right, wrong ones as wrong, and agrees with a recompute by etherparse.

use core::net::{Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;
use crate::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpParams, push_ipv4, push_tcp,
};
use crate::packet::checksum::fold_sum;
use crate::packet::{Icmp, IpProto, Ipv4, Ipv6, MacAddr, Skb, Tcp, TcpFlags, Udp};

/// The transport of a packet to rewrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    Udp,
    Icmp,
}

#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    src: [u8; 4],
    dst: [u8; 4],
    ports: (u16, u16),
    ttl: u8,
    payload: Vec<u8>,
}

impl Case {
    /// Has etherparse build the packet, checksums included.
    fn build(&self) -> Vec<u8> {
        let ip = PacketBuilder::ipv4(self.src, self.dst, self.ttl);
        let mut out = Vec::new();
        let (src, dst) = self.ports;
        match self.kind {
            Kind::Tcp => ip.tcp(src, dst, 1, 1000).syn().write(&mut out, &self.payload),
            Kind::Udp => ip.udp(src, dst).write(&mut out, &self.payload),
            Kind::Icmp => ip.icmpv4_echo_request(src, dst).write(&mut out, &self.payload),
        }
        .expect("memory");
        out
    }
}

fn case() -> impl Strategy<Value = Case> {
    let kind = prop_oneof![Just(Kind::Tcp), Just(Kind::Udp), Just(Kind::Icmp)];
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    (kind, any::<[u8; 4]>(), any::<[u8; 4]>(), any::<(u16, u16)>(), 2u8..=255, payload).prop_map(
        |(kind, src, dst, ports, ttl, payload)| Case { kind, src, dst, ports, ttl, payload },
    )
}

/// What one rewrite changes in the case, and the rewrite itself.
#[derive(Clone, Copy, Debug)]
enum Change {
    Src([u8; 4]),
    Dst([u8; 4]),
    SrcPort(u16),
    DstPort(u16),
    TtlDown,
    Ttl(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(Change::Src),
        any::<[u8; 4]>().prop_map(Change::Dst),
        any::<u16>().prop_map(Change::SrcPort),
        any::<u16>().prop_map(Change::DstPort),
        Just(Change::TtlDown),
        (2u8..).prop_map(Change::Ttl),
    ]
}

impl Change {
    fn apply_to_case(self, case: &mut Case) {
        match self {
            Self::Src(addr) => case.src = addr,
            Self::Dst(addr) => case.dst = addr,
            Self::SrcPort(port) => case.ports.0 = port,
            Self::DstPort(_) if case.kind == Kind::Icmp => {}
            Self::DstPort(port) => case.ports.1 = port,
            Self::TtlDown => case.ttl -= 1,
            Self::Ttl(ttl) => case.ttl = ttl,
        }
    }

    fn apply_to_bytes(self, packet: &mut [u8], kind: Kind) {
        match self {
            Self::Src(addr) => set_ipv4_src(packet, addr.into()),
            Self::Dst(addr) => set_ipv4_dst(packet, addr.into()),
            Self::SrcPort(id) if kind == Kind::Icmp => assert!(set_icmp_id(packet, id)),
            Self::SrcPort(port) => assert!(set_src_port(packet, port)),
            Self::DstPort(port) => assert_eq!(set_dst_port(packet, port), kind != Kind::Icmp),
            Self::TtlDown => assert!(ip_decrease_ttl(packet).is_some()),
            Self::Ttl(ttl) => set_ttl(packet, ttl),
        }
    }
}

fn transport_checksum_at(kind: Kind) -> usize {
    20 + match kind {
        Kind::Tcp => 16,
        Kind::Udp => 6,
        Kind::Icmp => 2,
    }
}

fn transport_ok(packet: &[u8]) -> bool {
    let ip = Ipv4::parse(packet).expect("whole");
    match ip.proto() {
        IpProto::TCP => Tcp::parse(ip.payload()).expect("whole").checksum_ok(ip.src(), ip.dst()),
        IpProto::UDP => Udp::parse(ip.payload()).expect("whole").checksum_ok(ip.src(), ip.dst()),
        _ => Icmp::parse(ip.payload()).expect("whole").checksum_ok(),
    }
}

/// The two zeros of one's complement are one number.
fn same_sum(a: u16, b: u16) -> bool {
    a % 0xffff == b % 0xffff
}

fn word(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

proptest! {
    #[test]
    fn rewriting_is_rebuilding(
        mut case in case(), changes in prop::collection::vec(change(), 1..6),
    ) {
        let mut packet = case.build();
        prop_assert!(Ipv4::parse(&packet).expect("whole").checksum_ok());
        for change in changes {
            if matches!(change, Change::TtlDown) && case.ttl < 3 {
                continue;
            }
            change.apply_to_case(&mut case);
            change.apply_to_bytes(&mut packet, case.kind);
            prop_assert!(Ipv4::parse(&packet).expect("whole").checksum_ok());
            prop_assert!(transport_ok(&packet));
        }
        let want = case.build();
        for at in [10, transport_checksum_at(case.kind)] {
            prop_assert!(same_sum(word(&packet, at), word(&want, at)));
            packet[at..at + 2].copy_from_slice(&want[at..at + 2]);
        }
        prop_assert_eq!(packet, want);
    }

    #[test]
    fn a_wrong_checksum_stays_wrong_by_as_much(
        case in case(), change in change(), wrong in 1u16..0xffff,
    ) {
        let mut right = case.build();
        let mut broken = right.clone();
        let places = [10, transport_checksum_at(case.kind)];
        for at in places {
            let sum = fold_sum(u32::from(word(&broken, at)) + u32::from(wrong));
            prop_assume!(sum != 0 && sum != 0xffff);
            broken[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        change.apply_to_bytes(&mut right, case.kind);
        change.apply_to_bytes(&mut broken, case.kind);
        for at in places {
            let want = u32::from(word(&right, at)) + u32::from(wrong);
            prop_assert!(same_sum(word(&broken, at), fold_sum(want)));
        }
        prop_assert!(!Ipv4::parse(&broken).expect("whole").checksum_ok());
        prop_assert!(!transport_ok(&broken));
    }

    #[test]
    fn the_tos_byte_is_set_with_its_checksum(case in case(), mask: u8, value: u8, ecn in 0u8..4) {
        let mut packet = case.build();
        ipv4_change_dsfield(&mut packet, mask, value);
        let ip = Ipv4::parse(&packet).expect("whole");
        prop_assert_eq!((ip.tos(), ip.checksum_ok()), (value, true));
        ipv4_change_dsfield(&mut packet, 0xfc, ecn);
        let tos = Ipv4::parse(&packet).expect("whole").tos();
        prop_assert_eq!(ip_ecn_set_ce(&mut packet), ecn != 0);
        let ip = Ipv4::parse(&packet).expect("whole");
        let want = if ecn == 0 { tos } else { tos | 3 };
        prop_assert_eq!((ip.tos(), ip.checksum_ok()), (want, true));
    }

    #[test]
    fn ipv6_addresses_are_set_with_the_checksum(
        src: [u8; 16], dst: [u8; 16], new: [u8; 16], kind in 0..3u8,
        payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let build = |src, dst| {
            let ip = PacketBuilder::ipv6(src, dst, 64);
            let mut out = Vec::new();
            match kind {
                0 => ip.tcp(1, 2, 3, 4).write(&mut out, &payload),
                1 => ip.udp(1, 2).write(&mut out, &payload),
                _ => ip.icmpv6_echo_request(1, 2).write(&mut out, &payload),
            }
            .expect("memory");
            out
        };
        let at = 40 + [16, 6, 2][usize::from(kind)];
        let mut packet = build(src, dst);
        set_ipv6_src(&mut packet, new.into());
        set_ipv6_dst(&mut packet, src.into());
        let want = build(new, src);
        prop_assert!(same_sum(word(&packet, at), word(&want, at)));
        packet[at..at + 2].copy_from_slice(&want[at..at + 2]);
        prop_assert_eq!(packet, want);
    }

    #[test]
    fn any_bytes_are_rewritten_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..120), first in 0x44u8..0x50, v6: bool,
    ) {
        if let Some(byte) = bytes.first_mut() {
            *byte = if v6 { 0x60 } else { first };
        }
        set_ethernet_src(&mut bytes.clone(), MacAddr::BROADCAST);
        set_ethernet_dst(&mut bytes.clone(), MacAddr::BROADCAST);
        set_ipv6_src(&mut bytes, Ipv6Addr::LOCALHOST);
        set_ipv6_dst(&mut bytes, Ipv6Addr::LOCALHOST);
        set_ipv4_src(&mut bytes, Ipv4Addr::LOCALHOST);
        set_ipv4_dst(&mut bytes, Ipv4Addr::LOCALHOST);
        set_src_port(&mut bytes, 1);
        set_dst_port(&mut bytes, 2);
        set_icmp_id(&mut bytes, 3);
        set_ipv4_id(&mut bytes, 4);
        ip_decrease_ttl(&mut bytes);
        set_ttl(&mut bytes, 9);
        ipv4_change_dsfield(&mut bytes, 1, 2);
        ip_ecn_set_ce(&mut bytes);
        set_tcp_mss(&mut bytes, 1000);
        let mut skb = Skb::from_slice(&bytes);
        skb.reset_network_header();
        insert_tcp_mss(&mut skb, 1000);
        prop_assert!(Ipv6::parse(&[]).is_err());
    }
}

/// Does to a packet what the router of the observations does.
fn route(kind: &str, packet: Vec<u8>) -> Vec<u8> {
    let mut skb = Skb::from_slice(&packet);
    skb.reset_network_header();
    let packet = skb.network_header_mut();
    ip_decrease_ttl(packet).expect("IPv4");
    let port = word(packet, 22);
    match (kind, port) {
        ("ttl", _) => {}
        ("nat", _) => set_ipv4_src(packet, Ipv4Addr::new(10, 0, 2, 1)),
        ("mss", _) => match tcp_mss(packet) {
            Some(old) if old > 1000 => assert_eq!(set_tcp_mss(packet, 1000), Some(old)),
            Some(_) => {}
            // The target adds the default that a missing option stands for (RFC 9293, 3.7.1).
            None => {
                insert_tcp_mss(&mut skb, 536);
            }
        },
        ("tos", 2) => {
            let tos = Ipv4::parse(packet).expect("whole").tos();
            ipv4_change_dsfield(packet, 0, tos & !0x3f ^ 0x10);
        }
        ("tos", 3) => ipv4_change_dsfield(packet, 0x03, 46 << 2),
        ("tos", 4) => set_ttl(packet, 9),
        ("tos", 5) => ipv4_change_dsfield(packet, 0x03, 0),
        _ => panic!("{kind} {port}"),
    }
    skb.network_header().to_vec()
}

#[test]
fn linux_leaves_the_same_bytes_the_zeros_of_checksums_among_them() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let unhex = |text: &str| -> Vec<u8> {
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(byte).collect()
    };
    for line in include_str!("observed.txt").lines().filter(|line| !line.starts_with('#')) {
        let [kind, before, after] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!(hex(&route(kind, unhex(before))), after, "{kind} {before}");
    }
}

#[test]
fn a_udp_checksum_of_0_stays_0_and_a_computed_one_does_not_become_0() {
    let case = Case {
        kind: Kind::Udp,
        src: [10, 0, 0, 1],
        dst: [10, 0, 0, 2],
        ports: (1, 2),
        ttl: 64,
        payload: Vec::new(),
    };
    let mut none = case.build();
    none[26..28].fill(0);
    set_ipv4_src(&mut none, Ipv4Addr::LOCALHOST);
    set_dst_port(&mut none, 9);
    assert_eq!(none[26..28], [0, 0]);
    let mut packet = case.build();
    let check = Udp::parse(&packet[20..]).expect("whole").checksum();
    set_src_port(&mut packet, check + 1);
    assert_eq!(packet[26..28], [0xff, 0xff]);
    assert!(transport_ok(&packet));
}

#[test]
fn a_later_fragment_has_no_ports_and_no_checksum_to_patch() {
    let mut packet = [0u8; 40];
    packet[0] = 0x45;
    packet[3] = 40;
    packet[7] = 1;
    packet[9] = 17;
    set_ipv4_src(&mut packet, Ipv4Addr::LOCALHOST);
    assert!(!set_src_port(&mut packet, 9));
    assert_eq!(packet[20..], [0; 20]);
}

#[test]
fn of_a_quoted_tcp_header_of_8_bytes_the_port_alone_changes() {
    let mut packet = [0u8; 28];
    packet[0] = 0x45;
    packet[3] = 60;
    packet[9] = 6;
    assert!(set_dst_port(&mut packet, 0x1234));
    set_ipv4_dst(&mut packet, Ipv4Addr::LOCALHOST);
    assert_eq!(packet[20..], [0, 0, 0x12, 0x34, 0, 0, 0, 0]);
}

fn syn(options: &[u8], payload: &[u8]) -> Skb {
    let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let params = TcpParams {
        src_port: 1,
        dst_port: 2,
        seq: 3,
        ack: 0,
        flags: TcpFlags::SYN,
        window: 1000,
        urgent_pointer: 0,
        options: TcpOptionBytes::raw(options),
        checksum: ChecksumMode::Complete,
    };
    let mut skb = Skb::from_slice(payload);
    push_tcp(&mut skb, &params, PseudoHeader::V4 { src, dst });
    push_ipv4(&mut skb, &Ipv4Params::new(src, dst, IpProto::TCP));
    skb
}

#[test]
fn the_mss_is_set_where_it_is() {
    let mut skb = syn(&[1, 1, 2, 4, 5, 0xb4, 1, 1], &[]);
    assert_eq!(tcp_mss(skb.network_header()), Some(1460));
    assert_eq!(set_tcp_mss(skb.network_header_mut(), 1400), Some(1460));
    assert_eq!(tcp_mss(skb.network_header()), Some(1400));
    assert!(transport_ok(skb.network_header()));
    let mut without = syn(&[1, 1, 4, 2], &[]);
    assert_eq!(set_tcp_mss(without.network_header_mut(), 1400), None);
}

#[test]
fn a_missing_mss_is_added_in_front_of_the_other_options() {
    let mut skb = syn(&[1, 1, 4, 2], &[]);
    assert!(insert_tcp_mss(&mut skb, 536));
    let ip = Ipv4::parse(skb.network_header()).expect("whole");
    let tcp = Tcp::parse(ip.payload()).expect("whole");
    assert_eq!((ip.total_len(), ip.checksum_ok()), (48, true));
    assert_eq!(tcp.options(), [2, 4, 2, 0x18, 1, 1, 4, 2]);
    assert!(tcp.checksum_ok(ip.src(), ip.dst()));
    assert!(!insert_tcp_mss(&mut syn(&[], b"data"), 536));
    assert!(!insert_tcp_mss(&mut syn(&[1; 40], &[]), 536));
}

#[test]
fn ethernet_addresses_are_set_where_they_fit() {
    let mut frame = [0u8; 14];
    set_ethernet_dst(&mut frame, MacAddr([1; 6]));
    set_ethernet_src(&mut frame, MacAddr([2; 6]));
    assert_eq!(frame, [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0, 0]);
    set_ethernet_src(&mut frame[..11], MacAddr::ZERO);
    assert_eq!(frame[6..12], [2; 6]);
}

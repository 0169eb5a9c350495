//! The builders write what etherparse writes and what the views read.

use etherparse::{Ipv4Header, PacketBuilder, SlicedPacket, TcpHeader, TcpOptionElement};
use proptest::prelude::*;

use super::*;
use crate::packet::{
    Arp, ArpOp, EtherType, Ethernet, Icmp, Ipv4, Ipv6, MacAddr, Skb, Tcp, TcpFlags, Udp, Vxlan,
};

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const V4: PseudoHeader = PseudoHeader::V4 { src: A, dst: B };

#[test]
fn a_frame_is_built_from_the_inside_out() {
    let mut skb = Skb::from_slice(b"hello");
    let udp = UdpParams { src_port: 40000, dst_port: 53, checksum: ChecksumMode::Complete };
    push_udp(&mut skb, &udp, V4);
    push_ipv4(&mut skb, &Ipv4Params { id: 7, df: true, ..Ipv4Params::new(A, B, IpProto::UDP) });
    push_ethernet(&mut skb, MacAddr([2; 6]), MacAddr([4; 6]), EtherType::IPV4);
    let mut want = Vec::new();
    let mut ip =
        Ipv4Header::new(0, 64, etherparse::IpNumber::UDP, A.octets(), B.octets()).expect("short");
    ip.identification = 7;
    ip.dont_fragment = true;
    PacketBuilder::ethernet2([4; 6], [2; 6])
        .ip(etherparse::IpHeaders::Ipv4(ip, etherparse::Ipv4Extensions::default()))
        .udp(40000, 53)
        .write(&mut want, b"hello")
        .expect("memory");
    assert_eq!(skb.data(), want);
    assert_eq!(skb.transport_header().len(), 13);
    assert_eq!(skb.network_header().len(), 33);
    assert_eq!(skb.mac_header().len(), 47);
    assert_eq!(skb.meta.protocol, EtherType::IPV4);
}

#[test]
fn options_of_a_linux_syn_are_laid_out_as_linux_lays_them_out() {
    let params = TcpOptionParams {
        mss: Some(1460),
        sack_permitted: true,
        timestamps: Some((7, 0)),
        window_scale: Some(10),
        sack: &[],
    };
    let syn = [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 10];
    assert_eq!(TcpOptionBytes::new(&params).as_slice(), syn);
    let without_clock = TcpOptionParams { timestamps: None, ..params };
    let syn = [2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 10];
    assert_eq!(TcpOptionBytes::new(&without_clock).as_slice(), syn);
}

#[test]
fn sack_blocks_take_the_room_that_is_left() {
    let blocks = [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)];
    let alone = TcpOptionParams { sack: &blocks, ..TcpOptionParams::default() };
    assert_eq!(TcpOptionBytes::new(&alone).as_slice().len(), 36);
    let with_clock = TcpOptionParams { timestamps: Some((1, 2)), ..alone };
    let bytes = TcpOptionBytes::new(&with_clock);
    assert_eq!(bytes.as_slice().len(), 40);
    assert_eq!(bytes.as_slice()[12..16], [1, 1, 5, 26]);
}

#[test]
fn raw_tcp_options_are_padded() {
    assert_eq!(TcpOptionBytes::raw(&[3, 3, 7]).as_slice(), [3, 3, 7, 0]);
    assert_eq!(TcpOptionBytes::raw(&[1; 50]).as_slice(), [1; 40]);
}

#[test]
fn a_partial_checksum_is_the_folded_pseudo_header() {
    let mut skb = Skb::from_slice(&[0; 4]);
    let udp = UdpParams { src_port: 1, dst_port: 2, checksum: ChecksumMode::Partial };
    push_udp(&mut skb, &udp, V4);
    let check = Udp::parse(skb.data()).expect("whole").checksum();
    assert_eq!(check, checksum::fold_sum(checksum::pseudo_v4(A, B, IpProto::UDP, 12)));
}

#[test]
fn arp_is_read_as_it_was_written() {
    let mut skb = Skb::new();
    put_arp(&mut skb, &ArpParams::request(MacAddr([2; 6]), A, B));
    push_ethernet(&mut skb, MacAddr::BROADCAST, MacAddr([2; 6]), EtherType::ARP);
    let frame = Ethernet::parse(skb.data()).expect("whole");
    let arp = Arp::parse(frame.payload()).expect("whole");
    assert_eq!((arp.op(), arp.sha(), arp.sip()), (ArpOp::REQUEST, MacAddr([2; 6]), A));
    assert_eq!((arp.tha(), arp.tip(), skb.data().len()), (MacAddr::ZERO, B, 42));
    let mut reply = Skb::new();
    put_arp(&mut reply, &ArpParams::reply(MacAddr([4; 6]), B, MacAddr([2; 6]), A));
    assert_eq!(Arp::parse(reply.data()).expect("whole").op(), ArpOp::REPLY);
}

#[test]
fn vxlan_and_vlan_headers_are_read_as_they_were_written() {
    let mut skb = Skb::from_slice(&[9]);
    push_vxlan(&mut skb, 4096);
    let vxlan = Vxlan::parse(skb.data()).expect("whole");
    assert_eq!((vxlan.vni(), vxlan.has_vni(), vxlan.payload()), (4096, true, &[9][..]));
    let mut skb = Skb::from_slice(&[9]);
    push_ethernet(&mut skb, MacAddr([2; 6]), MacAddr([4; 6]), EtherType::IPV4);
    push_vlan(&mut skb, EtherType::VLAN, 0x600a);
    assert_eq!(skb.data()[..6], [2; 6]);
    assert_eq!(skb.mac_header()[6..], [4, 4, 4, 4, 4, 4, 0x81, 0, 0x60, 0x0a, 8, 0, 9]);
}

#[test]
fn an_icmp_error_quotes_576_bytes_in_all() {
    assert_eq!(icmp_quote(&[0; 2000], 1500, 0).len(), 548);
    assert_eq!(icmp_quote(&[0; 2000], 1500, 8).len(), 540);
    assert_eq!(icmp_quote(&[0; 100], 1500, 0).len(), 100);
    assert_eq!(icmp_quote(&[0; 2000], 68, 0).len(), 40);
    assert_eq!(icmp_quote(&[0; 2000], 10, 0).len(), 0);
    let mut skb = Skb::from_slice(&[1, 2, 3]);
    push_icmp(&mut skb, &IcmpParams::echo(7, 1));
    let icmp = Icmp::parse(skb.data()).expect("whole");
    assert_eq!((icmp.id(), icmp.sequence(), icmp.checksum_ok()), (7, 1, true));
}

#[test]
fn what_no_datagram_can_hold_has_length_0() {
    let mut skb = Skb::from_slice(&vec![0; 65516]);
    push_ipv4(&mut skb, &Ipv4Params::new(A, B, IpProto::UDP));
    assert_eq!(Ipv4::parse(skb.data()).expect("whole").total_len(), 0);
}

proptest! {
    #[test]
    fn ipv4_headers_are_those_of_etherparse(
        src: [u8; 4], dst: [u8; 4], proto: u8, ttl: u8, tos: u8, id: u16, df: bool, mf: bool,
        offset in 0u16..8192, options in prop::collection::vec(any::<u8>(), 0..=10),
    ) {
        let options: Vec<u8> = options.iter().flat_map(|byte| [*byte; 4]).collect();
        let params = Ipv4Params {
            src: src.into(), dst: dst.into(), proto: IpProto(proto), ttl, tos, id, df, mf,
            frag_offset: usize::from(offset) * 8, options: &options,
        };
        let mut skb = Skb::from_slice(b"data");
        push_ipv4(&mut skb, &params);
        let mut want =
            Ipv4Header::new(4, ttl, etherparse::IpNumber(proto), src, dst).expect("short");
        want.dscp = etherparse::IpDscp::try_new(tos >> 2).expect("six bits");
        want.ecn = etherparse::IpEcn::try_new(tos & 3).expect("two bits");
        want.identification = id;
        want.dont_fragment = df;
        want.more_fragments = mf;
        want.fragment_offset = etherparse::IpFragOffset::try_new(offset).expect("13 bits");
        want.options = options.as_slice().try_into().expect("words");
        want.set_payload_len(4).expect("short");
        want.header_checksum = want.calc_header_checksum();
        let got = skb.network_header();
        prop_assert_eq!(got[..got.len() - 4].to_vec(), want.to_bytes().to_vec());
        prop_assert!(Ipv4::parse(got).expect("whole").checksum_ok());
    }

    #[test]
    fn tcp_segments_are_those_of_etherparse(
        src_port: u16, dst_port: u16, seq: u32, ack: u32, flags: u8, window: u16, urgent: u16,
        mss: u16, clock: (u32, u32), payload in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let options = TcpOptionParams {
            mss: Some(mss), timestamps: Some(clock), ..TcpOptionParams::default()
        };
        let params = TcpParams {
            src_port, dst_port, seq, ack, flags: TcpFlags(flags), window, urgent_pointer: urgent,
            options: TcpOptionBytes::new(&options), checksum: ChecksumMode::Complete,
        };
        let mut skb = Skb::from_slice(&payload);
        push_tcp(&mut skb, &params, V4);
        let mut want = TcpHeader::new(src_port, dst_port, seq, window);
        want.acknowledgment_number = ack;
        want.urgent_pointer = urgent;
        let bit = |bit: u8| flags >> bit & 1 != 0;
        (want.fin, want.syn, want.rst, want.psh) = (bit(0), bit(1), bit(2), bit(3));
        (want.ack, want.urg, want.ece, want.cwr) = (bit(4), bit(5), bit(6), bit(7));
        let elements = [
            TcpOptionElement::MaximumSegmentSize(mss), TcpOptionElement::Noop,
            TcpOptionElement::Noop, TcpOptionElement::Timestamp(clock.0, clock.1),
        ];
        want.set_options(&elements).expect("room");
        want.checksum =
            want.calc_checksum_ipv4_raw(A.octets(), B.octets(), &payload).expect("short");
        prop_assert_eq!(skb.data()[..36].to_vec(), want.to_bytes().to_vec());
        let tcp = Tcp::parse(skb.transport_header()).expect("whole");
        prop_assert!(tcp.checksum_ok(A, B));
        prop_assert_eq!((tcp.flags(), tcp.payload()), (TcpFlags(flags), &payload[..]));
    }

    #[test]
    fn udp_over_ipv6_is_taken_by_etherparse(
        src: [u8; 16], dst: [u8; 16], ports: (u16, u16), label in 0u32..1 << 20, class: u8,
        payload in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let pseudo = PseudoHeader::V6 { src: src.into(), dst: dst.into() };
        let mut skb = Skb::from_slice(&payload);
        let udp =
            UdpParams { src_port: ports.0, dst_port: ports.1, checksum: ChecksumMode::Complete };
        push_udp(&mut skb, &udp, pseudo);
        let params = Ipv6Params {
            flow_label: label, traffic_class: class,
            ..Ipv6Params::new(src.into(), dst.into(), IpProto::UDP)
        };
        push_ipv6(&mut skb, &params);
        prop_assert!(SlicedPacket::from_ip(skb.data()).is_ok());
        let ip = Ipv6::parse(skb.data()).expect("whole");
        prop_assert_eq!((ip.flow_label(), ip.traffic_class()), (label, class));
        let udp = Udp::parse(ip.payload()).expect("whole");
        prop_assert!(udp.checksum_ok_v6(ip.src(), ip.dst()));
        prop_assert_eq!(udp.payload(), &payload[..]);
    }
}

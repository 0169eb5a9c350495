//! Whatever the bytes are, reading them ends without a panic and without growing beyond their size.

use proptest::prelude::*;

use super::ipv4_options::Ipv4Options;
use super::summary::{Captured, Dump, LinkType, Summarizer, SummaryOptions};
use super::*;

/// Parses bytes as every header there is and calls what the views can do.
fn read_all(bytes: &[u8]) {
    if let Ok(frame) = Ethernet::parse(bytes) {
        let _ = (frame.src(), frame.dst(), frame.ether_type(), frame.header());
        let _ = ethernet::Vlan::parse(frame.payload()).map(|tag| (tag.id(), tag.ether_type()));
    }
    if let Ok(arp) = Arp::parse(bytes) {
        let _ = (arp.op(), arp.sha(), arp.sip(), arp.tha(), arp.tip(), arp.hardware_type());
    }
    if let Ok(ip) = Ipv4::parse(bytes) {
        assert!(ip.payload().len() <= bytes.len());
        assert_eq!(ip.header().len(), ip.header_len());
        let _ = (ip.version(), ip.tos(), ip.id(), ip.df(), ip.mf(), ip.frag_offset(), ip.ttl());
        let _ = (ip.proto(), ip.checksum(), ip.checksum_ok(), ip.src(), ip.dst());
        assert!(Ipv4Options::new(ip.options()).count() <= ip.options().len());
    }
    if let Ok(ip) = Ipv6::parse(bytes) {
        assert!(ip.extensions().count() <= bytes.len());
        let _ = (ip.upper(), ip.flow_label(), ip.traffic_class(), ip.hop_limit());
    }
    if let Ok(icmp) = Icmp::parse(bytes) {
        let _ = (icmp.id(), icmp.mtu(), icmp.gateway(), icmp.pointer(), icmp.checksum_ok());
    }
    let local = core::net::Ipv4Addr::LOCALHOST;
    if let Ok(udp) = Udp::parse(bytes) {
        let _ = (udp.payload(), udp.checksum_ok(local, local));
    }
    if let Ok(tcp) = Tcp::parse(bytes) {
        assert!(tcp.options_iter().count() <= tcp.options().len());
        let _ = (tcp.payload(), tcp.seq_len(), tcp.checksum_ok(local, local), tcp.reserved());
    }
    let _ = Vxlan::parse(bytes).map(|vxlan| (vxlan.vni(), vxlan.payload().len()));
}

/// Summarizes bytes with options and as frames of all kinds of link.
fn summarize_all(bytes: &[u8], verbose: u8, link_header: bool) -> usize {
    let options = SummaryOptions { verbose, link_header, ..SummaryOptions::default() };
    let links = [LinkType::Ethernet, LinkType::Raw, LinkType::Cooked { device: "eth0" }];
    let lengths = [bytes.len(), bytes.len() + 1000];
    let mut summarizer = Summarizer::new(options);
    let captures = links.into_iter().flat_map(|link| lengths.map(|wire_len| (link, wire_len)));
    captures
        .map(|(link, wire_len)| {
            summarizer.summarize(&Captured { link, bytes, wire_len }).text.len()
        })
        .max()
        .unwrap_or_default()
}

/// A frame whose headers lead somewhere: types, protocols and ports that have printers.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec![
        0x0800u16, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x8100, 0x9000, 0x0026, 0x1234,
    ]);
    let proto = prop::sample::select(vec![
        6u8, 6, 6, 17, 17, 17, 17, 1, 2, 4, 41, 47, 50, 51, 58, 58, 0, 43, 44, 60, 99,
    ]);
    let port = prop::sample::select(vec![
        53u16, 53, 53, 80, 5353, 6379, 22, 25, 514, 3784, 4789, 8472, 6081, 5060, 49152, 6784, 7,
    ]);
    let rest = prop::collection::vec(any::<u8>(), 0..300);
    (kind, proto, port, rest, 0x45u8..0x48, any::<bool>()).prop_map(
        |(kind, proto, port, rest, first, whole)| {
            let mut frame = vec![2; 12];
            frame.extend(kind.to_be_bytes());
            let v6 = kind == 0x86dd;
            let mut ip = vec![0; if v6 { 40 } else { usize::from(first & 0x0f) * 4 }];
            let len = if whole { ip.len() + rest.len() } else { 2000 };
            let len = u16::try_from(len).expect("short");
            if v6 {
                (ip[0], ip[6]) = (0x60, proto);
                ip[4..6].copy_from_slice(&(len.saturating_sub(40)).to_be_bytes());
            } else {
                (ip[0], ip[9]) = (first, proto);
                ip[2..4].copy_from_slice(&len.to_be_bytes());
            }
            frame.extend(ip);
            frame.extend(port.to_be_bytes());
            frame.extend(rest);
            frame
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn any_bytes_are_summarized_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300), verbose in 0u8..4, link_header: bool,
    ) {
        prop_assert!(summarize_all(&bytes, verbose, link_header) <= 2000 + 200 * bytes.len());
    }

    #[test]
    fn plausible_frames_are_summarized_without_a_panic(
        bytes in plausible(), verbose in 0u8..4, link_header: bool,
    ) {
        prop_assert!(summarize_all(&bytes, verbose, link_header) <= 2000 + 200 * bytes.len());
    }

    #[test]
    fn a_dump_shows_every_byte(bytes in prop::collection::vec(any::<u8>(), 1..100)) {
        let dump = Dump::Hex { link_header: true };
        let mut summarizer =
            Summarizer::new(SummaryOptions { dump, quiet: true, ..SummaryOptions::default() });
        let text = summarizer.ethernet(&bytes).text;
        let lines: String = text
            .split("\n\t0x")
            .skip(1)
            .flat_map(|line| line.split(' ').skip(1))
            .collect();
        let want: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert!(lines.ends_with(&want));
    }
}

#[test]
fn packets_nested_without_end_are_cut_off_and_said_so() {
    let mut packet = Vec::new();
    for _ in 0..3000u16 {
        let left = u16::try_from(65535 - packet.len()).expect("below 64 KiB").to_be_bytes();
        packet.extend([0x45, 0, left[0], left[1], 0, 0, 0, 0, 64, 4, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    }
    let mut summarizer = Summarizer::new(SummaryOptions::default());
    let frame = Captured { link: LinkType::Raw, bytes: &packet, wire_len: 65535 };
    let summary = summarizer.summarize(&frame);
    assert_eq!(summary.unmodelled, Some("packets nested more than 32 deep"));
}

#[test]
fn what_is_not_modelled_is_said() {
    let mut skb = Skb::from_slice(&[0x23; 48]);
    let (src, dst) = (core::net::Ipv4Addr::LOCALHOST, core::net::Ipv4Addr::LOCALHOST);
    let params = build::UdpParams {
        src_port: 40000,
        dst_port: 123,
        checksum: build::ChecksumMode::Complete,
    };
    build::push_udp(&mut skb, &params, build::PseudoHeader::V4 { src, dst });
    build::push_ipv4(&mut skb, &build::Ipv4Params::new(src, dst, IpProto::UDP));
    build::push_ethernet(&mut skb, MacAddr::ZERO, MacAddr::ZERO, EtherType::IPV4);
    let summary = Summarizer::new(SummaryOptions::default()).ethernet(skb.data());
    let text = "IP 127.0.0.1.40000 > 127.0.0.1.123: UDP, length 48 [NTP: not modelled]";
    assert_eq!((summary.text.as_str(), summary.unmodelled), (text, Some("NTP")));
}

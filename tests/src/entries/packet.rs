//! Bytes as packets.

use std::net::Ipv4Addr;

use sim_core::packet::ipv4_options::Ipv4Options;
use sim_core::packet::rewrite;
use sim_core::packet::summary::{Captured, Dump, LinkType, Summarizer, SummaryOptions};
use sim_core::packet::{Arp, Ethernet, Icmp, Ipv4, Ipv6, Tcp, Udp, Vxlan};

/// Reads bytes as every header there is, rewrites them, and summarizes them as a frame. The first byte chooses
/// how that looks.
pub fn packet(input: &[u8]) {
    let Some((flags, bytes)) = input.split_first() else { return };
    read(bytes);
    change(&mut bytes.to_vec());
    let options = SummaryOptions {
        verbose: flags & 3,
        link_header: flags & 4 != 0,
        quiet: flags & 8 != 0,
        absolute_seq: flags & 16 != 0,
        dump: if flags & 32 == 0 { Dump::None } else { Dump::HexAscii { link_header: true } },
    };
    let wire_len = bytes.len() + if flags & 64 == 0 { 0 } else { 1000 };
    let mut summarizer = Summarizer::new(options);
    for link in [LinkType::Ethernet, LinkType::Raw, LinkType::Cooked { device: "eth0" }] {
        let _summary = summarizer.summarize(&Captured { link, bytes, wire_len });
    }
}

fn read(bytes: &[u8]) {
    let _payload = Ethernet::parse(bytes).map(|frame| frame.payload().len());
    let _addresses = Arp::parse(bytes).map(|arp| (arp.sip(), arp.tip()));
    let _options =
        Ipv4::parse(bytes).map(|ip| (ip.payload().len(), Ipv4Options::new(ip.options()).count()));
    let _upper = Ipv6::parse(bytes).map(|ip| ip.upper());
    let _checksum = Icmp::parse(bytes).map(|icmp| icmp.checksum_ok());
    let _payload = Udp::parse(bytes).map(|udp| udp.payload().len());
    let _options = Tcp::parse(bytes).map(|tcp| tcp.options_iter().count());
    let _vni = Vxlan::parse(bytes).map(|vxlan| vxlan.vni());
}

fn change(packet: &mut [u8]) {
    rewrite::set_ipv4_src(packet, Ipv4Addr::LOCALHOST);
    rewrite::set_ipv4_dst(packet, Ipv4Addr::LOCALHOST);
    rewrite::set_src_port(packet, 1);
    rewrite::set_dst_port(packet, 2);
    rewrite::set_icmp_id(packet, 3);
    rewrite::ip_decrease_ttl(packet);
    rewrite::set_tcp_mss(packet, 1000);
}

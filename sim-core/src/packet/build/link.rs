//! Link layer headers: Ethernet, 802.1Q, ARP, VXLAN.

use core::net::Ipv4Addr;

use etherparse::{ArpEthIpv4Packet, ArpOperation, Ethernet2Header};

use super::copy_front;
use crate::packet::arp::ArpOp;
use crate::packet::ethernet::{ETH_HLEN, EtherType, MacAddr, VLAN_HLEN};
use crate::packet::meta::PacketType;
use crate::packet::skb::Skb;
use crate::packet::vxlan::{VXLAN_FLAG_VNI, VXLAN_HLEN};

/// Pushes an Ethernet header (`eth_header()`).
pub fn push_ethernet(skb: &mut Skb, dst: MacAddr, src: MacAddr, ether_type: EtherType) {
    let header = Ethernet2Header {
        source: src.0,
        destination: dst.0,
        ether_type: etherparse::EtherType(ether_type.0),
    };
    copy_front(skb.push(ETH_HLEN), &header.to_bytes());
    skb.reset_mac_header();
}

/// Inserts an 802.1Q tag behind the addresses of the Ethernet header at the data
/// (`vlan_insert_tag()`): `tci` is priority, drop eligible bit and identifier.
///
/// A buffer with less than an Ethernet header stays as it is.
pub fn push_vlan(skb: &mut Skb, tpid: EtherType, tci: u16) {
    if skb.len() < ETH_HLEN {
        return;
    }
    skb.push(VLAN_HLEN);
    let data = skb.data_mut();
    data.copy_within(VLAN_HLEN..VLAN_HLEN + 12, 0);
    let [a, b] = tpid.0.to_be_bytes();
    let [c, d] = tci.to_be_bytes();
    copy_front(data.get_mut(12..).unwrap_or_default(), &[a, b, c, d]);
    skb.reset_mac_header();
}

/// Pushes a VXLAN header with nothing but the network identifier, of which 24 bits count
/// (`vxlan_build_skb()`).
pub fn push_vxlan(skb: &mut Skb, vni: u32) {
    let [_, a, b, c] = vni.to_be_bytes();
    copy_front(skb.push(VXLAN_HLEN), &[VXLAN_FLAG_VNI, 0, 0, 0, a, b, c, 0]);
}

/// Length of the pseudo header that packet sockets without a link type make, in bytes.
pub const SLL2_HLEN: usize = 20;

/// The fields of a `LINUX_SLL2` pseudo header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sll2Params {
    /// The type of what follows.
    pub protocol: EtherType,
    /// The index of the device.
    pub ifindex: u32,
    /// The hardware type of the device (`ARPHRD_*`).
    pub hardware_type: u16,
    /// Whom the frame was for.
    pub pkt_type: PacketType,
    /// The sender's address, if the device has such addresses.
    pub addr: Option<MacAddr>,
}

/// Pushes the pseudo header that a capture on all devices has in place of a link header
/// (`DLT_LINUX_SLL2` of libpcap).
pub fn push_sll2(skb: &mut Skb, params: &Sll2Params) {
    let [p0, p1] = params.protocol.0.to_be_bytes();
    let [i0, i1, i2, i3] = params.ifindex.to_be_bytes();
    let [h0, h1] = params.hardware_type.to_be_bytes();
    let [a, b, c, d, e, f] = params.addr.unwrap_or_default().octets();
    let addr_len = if params.addr.is_some() { 6 } else { 0 };
    let pkt_type = params.pkt_type.number();
    let header: [u8; SLL2_HLEN] =
        [p0, p1, 0, 0, i0, i1, i2, i3, h0, h1, pkt_type, addr_len, a, b, c, d, e, f, 0, 0];
    copy_front(skb.push(SLL2_HLEN), &header);
}

/// The fields of an ARP packet for Ethernet and IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpParams {
    /// Request or reply.
    pub op: ArpOp,
    /// The sender's Ethernet address.
    pub sha: MacAddr,
    /// The sender's IPv4 address, 0.0.0.0 in a probe (RFC 5227).
    pub sip: Ipv4Addr,
    /// The target's Ethernet address.
    pub tha: MacAddr,
    /// The target's IPv4 address.
    pub tip: Ipv4Addr,
}

impl ArpParams {
    /// Asks who has `tip`; Linux leaves the target's Ethernet address zero.
    #[must_use]
    pub const fn request(sha: MacAddr, sip: Ipv4Addr, tip: Ipv4Addr) -> Self {
        Self { op: ArpOp::REQUEST, sha, sip, tha: MacAddr::ZERO, tip }
    }

    /// Answers `tip` at `tha` that `sha` has `sip`.
    #[must_use]
    pub const fn reply(sha: MacAddr, sip: Ipv4Addr, tha: MacAddr, tip: Ipv4Addr) -> Self {
        Self { op: ArpOp::REPLY, sha, sip, tha, tip }
    }
}

/// Appends an ARP packet (`arp_create()`) and points the network header at it.
pub fn put_arp(skb: &mut Skb, params: &ArpParams) {
    let packet = ArpEthIpv4Packet {
        operation: ArpOperation(params.op.0),
        sender_mac: params.sha.0,
        sender_ipv4: params.sip.octets(),
        target_mac: params.tha.0,
        target_ipv4: params.tip.octets(),
    };
    skb.set_network_header(skb.len());
    skb.put(&packet.to_bytes());
    skb.meta.protocol = EtherType::ARP;
}

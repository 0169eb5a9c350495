//! Names of protocol numbers as tcpdump spells them.

use super::printer::find;

const ETHERTYPES: &[(u16, &str)] = &[
    (0x0800, "IPv4"),
    (0x0806, "ARP"),
    (0x8035, "Reverse ARP"),
    (0x86dd, "IPv6"),
    (0x8100, "802.1Q"),
    (0x88a8, "802.1Q-QinQ"),
    (0x9100, "802.1Q-9100"),
    (0x9200, "802.1Q-9200"),
    (0x88e5, "802.1AE MACsec"),
    (0x8847, "MPLS unicast"),
    (0x8848, "MPLS multicast"),
    (0x8809, "Slow Protocols"),
    (0x88cc, "LLDP"),
    (0x888e, "EAPOL"),
    (0x8863, "PPPoE D"),
    (0x8864, "PPPoE S"),
    (0x880b, "PPP"),
    (0x8808, "MPCP"),
    (0x6558, "TEB"),
    (0x894f, "NSH"),
    (0x88ca, "TIPC"),
    (0x88f7, "PTP"),
    (0x88a2, "AoE"),
    (0x8902, "CFM"),
    (0xabcd, "CFM (old)"),
    (0x893a, "IEEE1905.1"),
    (0x8870, "Jumbo"),
    (0x886f, "MS NLB heartbeat"),
    (0x8899, "Realtek protocols"),
    (0x9000, "Loopback"),
    (0x8137, "IPX"),
    (0x809b, "Appletalk"),
    (0x80f3, "Appletalk ARP"),
    (0x0200, "PUP"),
    (0x0500, "Sprite"),
    (0x0600, "NS"),
    (0x1000, "Trail"),
    (0x6001, "MOP DL"),
    (0x6002, "MOP RC"),
    (0x6003, "DN"),
    (0x6004, "LAT"),
    (0x6007, "SCA"),
    (0x8038, "Lanbridge"),
    (0x803c, "DEC DNS"),
    (0x803e, "DEC DTS"),
    (0x805b, "VEXP"),
    (0x805c, "VPROD"),
    (0xfefe, "OSI"),
    (0x00fe, "GRE-OSI"),
    (0x0707, "GeoNet (old)"),
    (0x8947, "GeoNet"),
    (0x1111, "CALM FAST"),
    (0xd28b, "Arista Vendor Specific Protocol"),
];

const IP_PROTOCOLS: &[(u8, &str)] = &[
    (0, "Options"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IPIP"),
    (6, "TCP"),
    (8, "EGP"),
    (9, "IGRP"),
    (17, "UDP"),
    (33, "DCCP"),
    (41, "IPv6"),
    (43, "Routing"),
    (44, "Fragment"),
    (46, "RSVP"),
    (47, "GRE"),
    (50, "ESP"),
    (51, "AH"),
    (55, "Mobile IP"),
    (58, "ICMPv6"),
    (62, "Mobile IP (old)"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (103, "PIM"),
    (108, "Compressed IP"),
    (112, "VRRP"),
    (113, "PGM"),
    (132, "SCTP"),
    (135, "Mobility"),
    (143, "Ethernet"),
];

const OUIS: &[(u32, &str)] = &[
    (0x00_0000, "Ethernet"),
    (0x00_000c, "Cisco"),
    (0x00_005e, "IANA"),
    (0x00_0081, "Nortel Networks SONMP"),
    (0x00_00f8, "Cisco bridged"),
    (0x00_80c2, "Ethernet bridged"),
    (0x00_a03e, "ATM Forum"),
    (0x00_e02f, "DOCSIS Spanning Tree"),
    (0x08_0007, "Appletalk"),
    (0x00_9069, "Juniper"),
    (0x08_0009, "Hewlett-Packard"),
    (0x00_120f, "IEEE 802.3 Private"),
    (0x00_12bb, "ANSI/TIA"),
    (0x00_1b21, "DCBX"),
    (0x00_2320, "Nicira Networks"),
    (0x5c_16c7, "Big Switch Networks"),
    (0xb0_d2f5, "Vello Systems"),
    (0x00_2481, "HP"),
    (0x00_04ea, "HP-Labs"),
    (0x74_8771, "Infoblox Inc"),
    (0xa4_2305, "Open Networking Lab"),
    (0x00_049f, "Freescale"),
    (0x00_15ad, "Netronome"),
    (0x00_1018, "Broadcom"),
    (0x00_e004, "PMC-Sierra"),
    (0xd0_f0db, "Ericsson"),
];

/// Returns the name of an EtherType.
pub(super) fn ethertype(number: u16) -> Option<&'static str> {
    find(ETHERTYPES, &number)
}

/// Returns the name of an IP protocol as verbose headers have it.
pub(super) fn ip_protocol(number: u8) -> Option<&'static str> {
    find(IP_PROTOCOLS, &number)
}

/// Returns the name of an organisation by its 24-bit identifier.
pub(super) fn oui(number: u32) -> Option<&'static str> {
    find(OUIS, &number)
}

//! The flow of a received packet, as route lookups ask for it.

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::DevId;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{EtherType, Ethernet, Icmp, IpProto, Ipv4, Skb};
use crate::route::flow::{Carried, CarriedFlow, FlowKey};

/// The flow of the packet at the network header of `skb`, received by `dev`; `None` if there is no
/// IPv4 header.
///
/// Ports are read only where every packet of the flow has them: not from fragments. An ICMP error
/// belongs to the flow that it is about (`ip_multipath_l3_keys()`).
#[must_use]
pub fn of(skb: &Skb, dev: DevId) -> Option<FlowKey<V4>> {
    let ip = Ipv4::parse(skb.network_header()).ok()?;
    let mut flow = FlowKey {
        iif: Some(dev),
        mark: skb.meta.mark,
        tos: ip.tos(),
        proto: ip.proto().0,
        ..FlowKey::between(ip.src(), ip.dst())
    };
    (flow.sport, flow.dport) = ports(&ip);
    flow.carried = match ip.proto() {
        _ if ip.is_fragment() => Carried::Nothing,
        IpProto::ICMP => {
            quoted(&ip).map_or(Carried::Nothing, |(src, dst)| Carried::Error(src, dst))
        }
        IpProto::IPIP | IpProto::GRE => innermost(ip).map_or(Carried::Nothing, Carried::Packet),
        _ => Carried::Nothing,
    };
    Some(flow)
}

/// Source and destination port, 0 where there are none.
fn ports(ip: &Ipv4<'_>) -> (u16, u16) {
    match ip.proto() {
        _ if ip.is_fragment() => (0, 0),
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP | IpProto::DCCP => {
            let Some([a, b, c, d]) = ip.payload().first_chunk::<4>() else { return (0, 0) };
            (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))
        }
        _ => (0, 0),
    }
}

/// The flow within tunnels (`__skb_flow_dissect()`): what cannot be read leaves the one around it. `None` where
/// there is no tunnel, or one with IPv6 in it.
fn innermost(mut ip: Ipv4<'_>) -> Option<CarriedFlow<Ipv4Addr>> {
    /// How many headers are looked at (`MAX_FLOW_DISSECT_HDRS`).
    const MOST: usize = 15;
    let mut is_carried = false;
    for _ in 0..MOST {
        let carried = match ip.proto() {
            _ if ip.is_fragment() => break,
            IpProto::IPIP => ip.payload(),
            IpProto::GRE => match gre(ip.payload()) {
                Some((EtherType::IPV4, carried)) => carried,
                Some((EtherType::IPV6, _)) => return None,
                Some(_) => &[],
                None => break,
            },
            IpProto::IPV6 => return None,
            _ => break,
        };
        is_carried = true;
        let Ok(inner) = Ipv4::parse(carried) else { break };
        ip = inner;
    }
    let (sport, dport) = ports(&ip);
    let flow = CarriedFlow { src: ip.src(), dst: ip.dst(), proto: ip.proto().0, sport, dport };
    is_carried.then_some(flow)
}

/// What a GRE packet carries (RFC 2784, RFC 2890); `None` if it is not looked into: with a source route, or of
/// another version.
fn gre(packet: &[u8]) -> Option<(EtherType, &[u8])> {
    const ROUTING: u8 = 0x40;
    /// Checksum, key and sequence number, 4 bytes each.
    const OPTIONS: [u8; 3] = [0x80, 0x20, 0x10];
    let &[flags, version, high, low, ..] = packet else { return None };
    if flags & ROUTING != 0 || version & 7 != 0 {
        return None;
    }
    let options = OPTIONS.iter().filter(|option| flags & **option != 0).count();
    let carried = packet.get(4 + 4 * options..).unwrap_or_default();
    match EtherType(u16::from_be_bytes([high, low])) {
        EtherType::TEB => {
            Ethernet::parse(carried).ok().map(|eth| (eth.ether_type(), eth.payload()))
        }
        ether_type => Some((ether_type, carried)),
    }
}

/// The addresses of the packet that an ICMP error quotes.
fn quoted(ip: &Ipv4<'_>) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let icmp = Icmp::parse(ip.payload()).ok().filter(|icmp| icmp.icmp_type().is_error())?;
    let inner = icmp.payload().get(..IPV4_HLEN)?;
    let addr = |at: usize| inner.get(at..).and_then(<[u8]>::first_chunk::<4>).copied();
    Some((addr(12)?.into(), addr(16)?.into()))
}

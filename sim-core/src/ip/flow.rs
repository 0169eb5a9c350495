//! The flow of a received packet, as route lookups ask for it.

use crate::family::V4;
use crate::id::DevId;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{Icmp, IpProto, Ipv4, Skb};
use crate::route::FlowKey;

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
    match ip.proto() {
        _ if ip.is_fragment() => {}
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP | IpProto::DCCP => {
            if let Some([a, b, c, d]) = ip.payload().first_chunk::<4>() {
                flow.sport = u16::from_be_bytes([*a, *b]);
                flow.dport = u16::from_be_bytes([*c, *d]);
            }
        }
        IpProto::ICMP => flow.quoted = quoted(&ip),
        _ => {}
    }
    Some(flow)
}

/// The addresses of the packet that an ICMP error quotes.
fn quoted(ip: &Ipv4<'_>) -> Option<(std::net::Ipv4Addr, std::net::Ipv4Addr)> {
    let icmp = Icmp::parse(ip.payload()).ok().filter(|icmp| icmp.icmp_type().is_error())?;
    let inner = icmp.payload().get(..IPV4_HLEN)?;
    let addr = |at: usize| inner.get(at..).and_then(<[u8]>::first_chunk::<4>).copied();
    Some((addr(12)?.into(), addr(16)?.into()))
}

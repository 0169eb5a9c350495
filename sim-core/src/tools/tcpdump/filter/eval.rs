//! Whether a frame passes a filter, decided on its bytes as the kernel's filter would.

use std::net::Ipv4Addr;

use super::{Base, Cast, Comparison, Direction, Expr, Family, Filter, Layer, Operator};
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{EtherType, Ethernet, IpProto, Ipv4, Ipv6, MacAddr};

/// A frame as a filter sees it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Frame<'a> {
    /// All its bytes, from the Ethernet header on.
    pub(in super::super) bytes: &'a [u8],
}

/// The protocols with ports.
const WITH_PORTS: [IpProto; 3] = [IpProto(6), IpProto(17), IpProto(132)];

impl Filter {
    /// Whether the frame passes. A load beyond its end makes the whole filter fail, as in BPF.
    pub(in super::super) fn passes(&self, frame: &Frame<'_>) -> bool {
        self.matches(frame).unwrap_or(false)
    }

    fn matches(&self, frame: &Frame<'_>) -> Option<bool> {
        Some(match self {
            Self::All => true,
            Self::And(left, right) => left.matches(frame)? && right.matches(frame)?,
            Self::Or(left, right) => left.matches(frame)? || right.matches(frame)?,
            Self::Not(inner) => !inner.matches(frame)?,
            Self::Compare(left, relation, right) => compare(frame, left, *relation, right)?,
            Self::Ether(ether_type) => frame.ether_type() == Some(*ether_type),
            Self::Proto(family, proto) => frame.protocol(*family) == Some(*proto),
            Self::Mac(direction, mac) => {
                let header = Ethernet::parse(frame.bytes).ok()?;
                direction.holds(|src| if src { header.src() } else { header.dst() } == *mac)
            }
            Self::Net(layer, direction, net, mask) => {
                let addresses = frame.addresses(*layer);
                addresses.is_some_and(|(from, to)| {
                    direction.holds(|src| {
                        let address = if src { from } else { to };
                        address.to_bits() & mask == net.to_bits()
                    })
                })
            }
            Self::Ports(proto, direction, low, high) => {
                frame.ports(*proto).is_some_and(|(from, to)| {
                    direction.holds(|src| (*low..=*high).contains(if src { &from } else { &to }))
                })
            }
            Self::Group(cast, layer) => frame.is_for_group(*cast, *layer)?,
        })
    }
}

impl Direction {
    /// Applies a test to the ends that are meant; it is told whether the source is asked for.
    fn holds(self, test: impl Fn(bool) -> bool) -> bool {
        match self {
            Self::Src => test(true),
            Self::Dst => test(false),
            Self::SrcOrDst => test(true) || test(false),
            Self::SrcAndDst => test(true) && test(false),
        }
    }
}

impl<'a> Frame<'a> {
    fn ether_type(&self) -> Option<EtherType> {
        Ethernet::parse(self.bytes).ok().map(|header| header.ether_type())
    }

    /// What follows the link header, if it is of this type.
    fn network(&self, ether_type: EtherType) -> Option<&'a [u8]> {
        (self.ether_type() == Some(ether_type)).then(|| self.bytes.get(ETH_HLEN..)).flatten()
    }

    fn ipv4(&self) -> Option<Ipv4<'a>> {
        Ipv4::parse(self.network(EtherType::IPV4)?).ok()
    }

    fn protocol(&self, family: Family) -> Option<IpProto> {
        let v4 = || self.ipv4().map(|ip| ip.proto());
        let v6 = || {
            let header = self.network(EtherType::IPV6)?;
            Some(IpProto(*header.get(6)?))
        };
        match family {
            Family::V4 => v4(),
            Family::V6 => v6(),
            Family::Any => v4().or_else(v6),
        }
    }

    /// Source and destination of an IPv4 or ARP packet.
    fn addresses(&self, layer: Layer) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let ip = || self.ipv4().map(|ip| (ip.src(), ip.dst()));
        let arp = || {
            let arp = self.network(EtherType::ARP)?;
            let at = |from: usize| arp.get(from..from + 4)?.first_chunk::<4>().copied();
            Some((Ipv4Addr::from(at(14)?), Ipv4Addr::from(at(24)?)))
        };
        match layer {
            Layer::Ether => None,
            Layer::Ip => ip(),
            Layer::Arp => arp(),
            Layer::Any => ip().or_else(arp),
        }
    }

    /// Source and destination port. Later fragments have none.
    fn ports(&self, wanted: Option<IpProto>) -> Option<(u16, u16)> {
        let proto = self.protocol(Family::Any)?;
        if !wanted.map_or_else(|| WITH_PORTS.contains(&proto), |wanted| wanted == proto) {
            return None;
        }
        let transport = match self.ipv4() {
            Some(ip) if ip.frag_offset() != 0 => return None,
            Some(ip) => self.bytes.get(ETH_HLEN + ip.header_len()..)?,
            None => {
                Ipv6::parse(self.network(EtherType::IPV6)?).ok()?;
                self.bytes.get(ETH_HLEN + 40..)?
            }
        };
        let [s0, s1, d0, d1] = *transport.first_chunk()?;
        Some((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])))
    }

    fn is_for_group(&self, cast: Cast, layer: Layer) -> Option<bool> {
        if layer == Layer::Ip {
            let to = self.ipv4().map(|ip| ip.dst());
            // Classes D and E, as the compiled filter has it.
            return Some(to.is_some_and(|to| to.octets()[0] >= 224));
        }
        let to: MacAddr = Ethernet::parse(self.bytes).ok()?.dst();
        Some(match cast {
            Cast::Broadcast => to == MacAddr::BROADCAST,
            Cast::Multicast => to.0[0] & 1 != 0,
        })
    }

    /// Where offsets of `base` count from; `None` if the frame has no such header.
    fn base(&self, base: Base) -> Option<usize> {
        match base {
            Base::Ether => Some(0),
            Base::Network(ether_type) => self.network(ether_type).map(|_| ETH_HLEN),
            Base::Transport(proto) => {
                let ip = self.ipv4()?;
                let whole = ip.proto() == proto && ip.frag_offset() == 0;
                whole.then_some(ETH_HLEN + ip.header_len())
            }
        }
    }
}

/// A comparison with a header that the frame does not have is false; one beyond the frame's end fails.
fn compare(frame: &Frame<'_>, left: &Expr, relation: Comparison, right: &Expr) -> Option<bool> {
    if !left.has_headers(frame) || !right.has_headers(frame) {
        return Some(false);
    }
    let (left, right) = (left.value(frame)?, right.value(frame)?);
    Some(match relation {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    })
}

impl Expr {
    fn has_headers(&self, frame: &Frame<'_>) -> bool {
        match self {
            Self::Number(_) | Self::Len => true,
            Self::Load(base, offset, _) => frame.base(*base).is_some() && offset.has_headers(frame),
            Self::Binary(_, left, right) => left.has_headers(frame) && right.has_headers(frame),
        }
    }

    fn value(&self, frame: &Frame<'_>) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Len => u32::try_from(frame.bytes.len()).ok(),
            Self::Load(base, offset, width) => {
                let start = frame.base(*base)?.checked_add(offset.value(frame)? as usize)?;
                let bytes = frame.bytes.get(start..start.checked_add(usize::from(*width))?)?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
            }
            Self::Binary(operator, left, right) => {
                operator.apply(left.value(frame)?, right.value(frame)?)
            }
        }
    }
}

impl Operator {
    fn apply(self, left: u32, right: u32) -> Option<u32> {
        Some(match self {
            Self::Add => left.wrapping_add(right),
            Self::Subtract => left.wrapping_sub(right),
            Self::Multiply => left.wrapping_mul(right),
            Self::Divide => left.checked_div(right)?,
            Self::Modulo => left.checked_rem(right)?,
            Self::And => left & right,
            Self::Or => left | right,
            Self::Xor => left ^ right,
            Self::ShiftLeft => left.checked_shl(right).unwrap_or(0),
            Self::ShiftRight => left.checked_shr(right).unwrap_or(0),
        })
    }
}

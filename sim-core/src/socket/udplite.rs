//! UDP-Lite (RFC 3828; `net/ipv4/udplite.c`). No sockets of it are modelled: all that happens is that
//! its datagrams find nobody.

use crate::kernel::{Flight, Kernel};
use crate::netns::mib::UdpMib;
use crate::netns::stack::Decision;
use crate::packet::checksum::{csum_fold, csum_partial, pseudo_v4};
use crate::packet::udp::UDP_HLEN;
use crate::packet::{IpProto, Ipv4, Udp};
use crate::route::RouteType;
use crate::trace::DropReason;

/// Takes a datagram (`udplite_rcv()`). The packet's data starts at its header.
///
/// # Errors
/// Always: the datagram is malformed, or nobody is bound to its port ([`DropReason::NoSocket`]), which the
/// ICMP layer has to say.
pub fn receive(k: &mut Kernel, f: &Flight) -> Decision<()> {
    let reason = judge(f);
    let mib = &mut k.netns[f.netns].mib.udp_lite;
    if reason == DropReason::NoSocket {
        let to_group =
            f.dst.is_some_and(|d| matches!(d.kind, RouteType::Broadcast | RouteType::Multicast));
        if to_group {
            mib.inc(UdpMib::IgnoredMulti);
            return Err(DropReason::NotSpecified);
        }
        mib.inc(UdpMib::NoPorts);
    } else {
        mib.inc(UdpMib::InErrors);
    }
    if reason == DropReason::UdpCsum {
        mib.inc(UdpMib::InCsumErrors);
    }
    Err(reason)
}

/// What is wrong with the datagram. In place of the length the header says how many of its bytes the
/// checksum covers; 0 is all.
fn judge(f: &Flight) -> DropReason {
    let data = f.skb.data();
    let (Ok(ip), Ok(header)) = (Ipv4::parse(f.skb.network_header()), Udp::parse(data)) else {
        return DropReason::NotSpecified;
    };
    let covered = if header.length() == 0 { data.len() } else { header.length() };
    let Some(covered) = data.get(..covered) else { return DropReason::PktTooSmall };
    if header.checksum() == 0 || covered.len() < UDP_HLEN {
        return DropReason::UdpCsum;
    }
    let pseudo = pseudo_v4(ip.src(), ip.dst(), IpProto::UDPLITE, data.len());
    let right = csum_fold(csum_partial(covered, pseudo)) == 0;
    if right { DropReason::NoSocket } else { DropReason::UdpCsum }
}

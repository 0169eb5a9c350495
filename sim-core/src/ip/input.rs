//! Received packets (`net/ipv4/ip_input.c`).

use crate::errno::Errno;
use crate::ip::reassembly::{self, Datagram, User};
use crate::ip::{flow, icmp, options};
use crate::kernel::flight::IpCb;
use crate::kernel::{Flight, Kernel};
use crate::link::inet::ConfKey;
use crate::netns::Mib;
use crate::netns::mib::{IpExtMib, IpMib, LinuxMib};
use crate::netns::stack::{self, Decision};
use crate::packet::build::IcmpParams;
use crate::packet::checksum::ip_fast_csum;
use crate::packet::icmp::unreach;
use crate::packet::ipv4::{INET_ECN_MASK, IPV4_HLEN};
use crate::packet::{IcmpType, Ipv4, PacketType};
use crate::route::{self, Dst, RouteType};
use crate::trace::{DropReason, Event, Observer};

/// Where the route lookup sends a received packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// To this host.
    Local,
    /// To another one.
    Forward,
}

/// Checks the header (`ip_rcv_core()`). Afterwards the packet ends where its header says, and the
/// transport header is known.
pub fn receive(k: &mut Kernel, f: &mut Flight) -> Decision<()> {
    if f.skb.meta.pkt_type == PacketType::OtherHost {
        k.devs[f.dev].stats.rx_otherhost += 1;
        return Err(DropReason::OtherHost);
    }
    let mib = &mut k.netns[f.netns].mib;
    mib.ip.inc(IpMib::InReceives);
    mib.ip_ext.add(IpExtMib::InOctets, f.skb.len() as u64);
    let checked = check(f.skb.data(), mib);
    let (header_len, total_len) = match checked {
        Ok(lengths) => lengths,
        Err(DropReason::PktTooSmall) => {
            mib.ip_ext.inc(IpExtMib::InTruncatedPkts);
            return Err(DropReason::PktTooSmall);
        }
        Err(reason) => {
            if reason == DropReason::IpCsum {
                mib.ip_ext.inc(IpExtMib::InCsumErrors);
            }
            mib.ip.inc(IpMib::InHdrErrors);
            return Err(reason);
        }
    };
    f.skb.trim(total_len);
    f.skb.reset_network_header();
    f.skb.set_transport_header(header_len);
    f.cb = IpCb::default();
    Ok(())
}

/// The header's and the packet's length.
fn check(data: &[u8], mib: &mut Mib) -> Decision<(usize, usize)> {
    let Some(fixed) = data.first_chunk::<IPV4_HLEN>() else { return Err(DropReason::IpInHdr) };
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    if fixed[0] >> 4 != 4 || header_len < IPV4_HLEN {
        return Err(DropReason::IpInHdr);
    }
    mib.ip_ext.inc(match fixed[1] & INET_ECN_MASK {
        0 => IpExtMib::InNoEctPkts,
        1 => IpExtMib::InEct1Pkts,
        2 => IpExtMib::InEct0Pkts,
        _ => IpExtMib::InCePkts,
    });
    let Some(header) = data.get(..header_len) else { return Err(DropReason::IpInHdr) };
    if ip_fast_csum(header) != 0 {
        return Err(DropReason::IpCsum);
    }
    let total_len = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    if data.len() < total_len {
        return Err(DropReason::PktTooSmall);
    }
    if total_len < header_len { Err(DropReason::IpInHdr) } else { Ok((header_len, total_len)) }
}

/// Looks up the route and handles options (`ip_rcv_finish()`).
pub fn route<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Way> {
    // A packet that this host has sent to itself brings its route along.
    let refused = if f.dst.is_none() { look_up(k, f)? } else { None };
    if let Some(dst) = f.dst {
        stack::emit(k, f, o, |_| Event::Routed { dst });
    }
    if f.skb.network_header().first().is_some_and(|first| first & 0x0f > 5) {
        options::receive(k, f, o)?;
    }
    let Some(dst) = f.dst else { return Err(DropReason::NotSpecified) };
    count_group(k, f, dst)?;
    if let Some(error) = refused {
        return Err(no_route(k, f, error, o));
    }
    if dst.local {
        Ok(Way::Local)
    } else if dst.forwards {
        Ok(Way::Forward)
    } else {
        // It was routed as a packet of this host, for which nobody here is the receiver.
        Err(DropReason::NotSpecified)
    }
}

/// Finds the way; where there is none but the sender may be told, returns the error.
fn look_up(k: &mut Kernel, f: &mut Flight) -> Decision<Option<Errno>> {
    let Some(flow) = flow::of(&f.skb, f.dev) else { return Err(DropReason::IpInHdr) };
    match route::memo::received(k, f.netns, &flow) {
        Ok(way) => {
            f.dst = Some(way.dst);
            f.cb.do_redirect = way.do_redirect;
            Ok(None)
        }
        Err((_, Some(error))) => {
            f.dst = Some(Dst::unreachable(k.netns[f.netns].lo, error));
            Ok(Some(error))
        }
        Err((reason, None)) => {
            if reason == DropReason::IpRpFilter {
                k.netns[f.netns].mib.linux.inc(LinuxMib::IpReversePathFilter);
            }
            Err(reason)
        }
    }
}

/// Counts packets to groups, and drops packets to one host that came to a group of stations if
/// `drop_unicast_in_l2_multicast` wants it.
fn count_group(k: &mut Kernel, f: &Flight, dst: Dst) -> Decision<()> {
    let len = f.skb.len();
    let mib = &mut k.netns[f.netns].mib;
    match (dst.kind, f.skb.meta.pkt_type) {
        (RouteType::Multicast, _) => {
            mib.ip_bytes(IpExtMib::InMcastPkts, IpExtMib::InMcastOctets, len);
        }
        (RouteType::Broadcast, _) => {
            mib.ip_bytes(IpExtMib::InBcastPkts, IpExtMib::InBcastOctets, len);
        }
        (_, PacketType::Broadcast | PacketType::Multicast)
            if k.conf_is_on(f.dev, ConfKey::DropUnicastInL2Multicast) =>
        {
            return Err(DropReason::UnicastInL2Multicast);
        }
        _ => {}
    }
    Ok(())
}

/// Tells the sender that there is no way, if this host is a router (`ip_error()`).
fn no_route<O: Observer>(k: &mut Kernel, f: &Flight, error: Errno, o: &mut O) -> DropReason {
    let forwarding = k.devs[f.dev].inet.conf.is_on(ConfKey::Forwarding);
    let mib = &mut k.netns[f.netns].mib;
    if !forwarding {
        return if error == Errno::ENETUNREACH {
            mib.ip_ext.inc(IpExtMib::InNoRoutes);
            DropReason::IpInNoRoutes
        } else {
            mib.ip.inc(IpMib::InAddrErrors);
            DropReason::IpInAddrErrors
        };
    }
    let (code, reason) = if error == Errno::EHOSTUNREACH {
        (unreach::HOST, DropReason::NotSpecified)
    } else if error == Errno::ENETUNREACH {
        mib.ip_ext.inc(IpExtMib::InNoRoutes);
        (unreach::NET, DropReason::IpInNoRoutes)
    } else if error == Errno::EACCES {
        (unreach::FILTERED, DropReason::NotSpecified)
    } else {
        return DropReason::NotSpecified;
    };
    let now = jiffies(k);
    if let Ok(ip) = Ipv4::parse(f.skb.network_header())
        && k.netns[f.netns].ip.peers.get(now, ip.src()).may_report_no_route(now)
    {
        icmp::send(k, f, IcmpParams::error(IcmpType::DEST_UNREACH, code, 0), o);
    }
    reason
}

/// Puts fragments of a packet for this host together (`ip_local_deliver()`).
pub fn defragment(k: &mut Kernel, f: &mut Flight) -> Decision<Datagram> {
    // More fragments, or an offset: all of the fragment word but DF.
    let is_fragment = match f.skb.network_header().get(6..8) {
        Some(&[high, low]) => high & 0x3f != 0 || low != 0,
        _ => false,
    };
    if is_fragment { reassembly::defragment(k, f, User::LocalDeliver) } else { Ok(Datagram::Whole) }
}

/// The jiffy that it is.
pub(super) fn jiffies(k: &Kernel) -> i64 {
    i64::try_from(k.now.jiffies()).unwrap_or(i64::MAX)
}

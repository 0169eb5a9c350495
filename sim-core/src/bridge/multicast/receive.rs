//! What a bridge learns from the frames to groups that pass it (`br_multicast_rcv()`), and whom it sends
//! them.

use std::net::Ipv4Addr;

use smallvec::SmallVec;

use crate::bridge::multicast::check::{self, Kind};
use crate::bridge::multicast::group::Full;
use crate::bridge::multicast::{GroupAddr, group, query, router};
use crate::id::{BridgeId, PortNo};
use crate::kernel::{Flight, Kernel};
use crate::netns::stack::Decision;
use crate::packet::{EtherType, IpProto, MacAddr};
use crate::route::addr_type::is_local_multicast;
use crate::trace::{DropReason, Observer};

/// The group of all PIM routers.
const ALL_PIM_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 13);
/// The group of all snoopers.
const ALL_SNOOPERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 106);

/// What a frame is to the bridge that has listened to it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::bridge) struct Heard {
    /// It is about groups, and goes by no group itself (`igmp`).
    about_groups: bool,
    /// If nobody has joined its group it is for routers alone (`mrouters_only`).
    routers_only: bool,
}

/// Listens to a frame to a group that came by a port, or from the host. Its data starts at the network
/// header.
///
/// # Errors
/// What is malformed, and reports of more groups than there may be.
pub(in crate::bridge) fn receive<O: Observer>(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    f: &Flight,
    o: &mut O,
) -> Decision<Heard> {
    if !k.bridges[bridge].options.mcast_snooping {
        return Ok(Heard::default());
    }
    let packet = f.skb.data();
    match f.skb.meta.protocol {
        EtherType::IPV4 => {}
        EtherType::IPV6 if !check::ipv6_is_well_formed(packet) => {
            return Err(DropReason::NotSpecified);
        }
        _ => return Ok(Heard::default()),
    }
    let Some((ip, kind)) = check::check(packet) else { return Err(DropReason::NotSpecified) };
    let Kind::Igmp(message) = kind else {
        return Ok(other(k, bridge, port, &ip, packet));
    };
    let group = Ipv4Addr::new(message[4], message[5], message[6], message[7]);
    let mut heard = Heard { about_groups: true, routers_only: false };
    let done = match message[0] {
        0x12 | 0x16 => {
            heard.routers_only = true;
            group::reported(k, bridge, port, group)
        }
        0x22 => return report_v3(k, bridge, port, message, o).map(|()| heard),
        0x11 => {
            query::received(k, bridge, port, ip.src, message);
            Ok(())
        }
        0x17 => {
            leave(k, bridge, port, group, o);
            Ok(())
        }
        _ => Ok(()),
    };
    done.map(|()| heard).map_err(|Full| DropReason::NotSpecified)
}

/// A packet that is not about groups: some show that a router is there.
fn other(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    ip: &check::Header,
    packet: &[u8],
) -> Heard {
    let first = packet.get(ip.header_len).copied();
    if !is_local_multicast(ip.dst) {
        return Heard { about_groups: false, routers_only: true };
    }
    // A hello of PIM version 2, or an advertisement of a multicast router (RFC 4286).
    let pim = ip.dst == ALL_PIM_ROUTERS && ip.proto == IpProto::PIM && first == Some(0x20);
    let advertised = ip.dst == ALL_SNOOPERS && ip.proto == IpProto::IGMP && first == Some(0x30);
    if pim || advertised {
        router::mark(k, bridge, port);
    }
    Heard::default()
}

/// Somebody has left a group.
fn leave<O: Observer>(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    group: Ipv4Addr,
    o: &mut O,
) {
    if group::left(k, bridge, port, group) {
        query::send(k, bridge, port, Some(group), o);
    }
}

/// Reads a report of version 3 as version 2 would say it (`br_ip4_multicast_igmp3_report()`): whoever wants
/// to hear nobody has left.
fn report_v3<O: Observer>(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    message: &[u8],
    o: &mut O,
) -> Decision<()> {
    let malformed = DropReason::NotSpecified;
    let count = u16::from_be_bytes([message[6], message[7]]);
    let mut rest = &message[8..];
    for _ in 0..count {
        let (record, more) = rest.split_first_chunk::<8>().ok_or(malformed)?;
        let sources = u16::from_be_bytes([record[2], record[3]]);
        rest = more.get(usize::from(sources) * 4..).ok_or(malformed)?;
        let group = Ipv4Addr::new(record[4], record[5], record[6], record[7]);
        match record[0] {
            // The mode is, or has become, to include, and nobody is named.
            1 | 3 if sources == 0 => leave(k, bridge, port, group, o),
            1..=6 => group::reported(k, bridge, port, group).map_err(|Full| malformed)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whom a frame to a group is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::bridge) enum Reach {
    /// Everybody, the host among them.
    All,
    /// These ports, in this order; and the host, or not.
    Ports(SmallVec<[PortNo; 8]>, bool),
}

/// Tells whom a frame to a group is sent (`br_mdb_entry_skb_get()`, `br_multicast_flood()`).
pub(in crate::bridge) fn reach(
    k: &Kernel,
    bridge: BridgeId,
    f: &Flight,
    to: MacAddr,
    heard: Heard,
) -> Reach {
    let br = &k.bridges[bridge];
    if !br.options.mcast_snooping {
        return Reach::All;
    }
    let addr = match f.skb.meta.protocol {
        EtherType::IPV4 => destination(f.skb.data()).map(GroupAddr::V4),
        EtherType::IPV6 => None,
        _ => Some(GroupAddr::Mac(to)),
    };
    let group = addr.filter(|_| !heard.about_groups).and_then(|addr| br.mcast.group(addr));
    let known = match group.map(|group| group.addr) {
        Some(GroupAddr::Mac(_)) => true,
        Some(GroupAddr::V4(_)) => br.mcast.has_querier(),
        None => heard.routers_only && br.mcast.has_querier(),
    };
    if !known {
        return Reach::All;
    }
    let mut ports: SmallVec<[PortNo; 8]> = SmallVec::new();
    // Routers of IPv4 are no routers of other protocols.
    if f.skb.meta.protocol == EtherType::IPV4 {
        ports.extend(br.ports.iter().filter(|port| port.mcast.is_router).map(|port| port.no));
    }
    for member in group.iter().flat_map(|group| &group.ports) {
        if !ports.contains(&member.port) {
            ports.push(member.port);
        }
    }
    ports.sort_unstable_by(|a, b| b.cmp(a));
    let host = group.is_some_and(|group| group.host_joined) || br.mcast.host_is_router();
    Reach::Ports(ports, host)
}

/// The destination of the IPv4 packet that stands here.
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    Some(bytes.into())
}

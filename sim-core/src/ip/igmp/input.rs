//! Messages of routers and of other hosts (`igmp_rcv()`).

use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::ip::igmp::{self, Version, timer};
use crate::kernel::{Flight, Kernel};
use crate::link::group::{FilterMode, Group};
use crate::netns::stack::Decision;
use crate::packet::PacketType;
use crate::packet::checksum::ip_compute_csum;
use crate::time::HZ;
use crate::trace::DropReason;

/// The length of messages of versions 1 and 2, in bytes.
const IGMP_HLEN: usize = 8;
/// The length of a query of version 3 that names no senders, in bytes.
const QUERY_V3_LEN: usize = 12;
/// Response times are counted in tenths of a second (`IGMP_TIMER_SCALE`).
const TIMER_SCALE: u64 = 10;

/// Takes a message. The packet's data starts at the IGMP header.
///
/// # Errors
/// What is malformed, or not for hosts.
pub fn receive(k: &mut Kernel, f: &Flight) -> Decision<()> {
    let dev = f.iif.unwrap_or(f.dev);
    let message = f.skb.data();
    if message.len() < IGMP_HLEN || ip_compute_csum(message) != 0 {
        return Err(DropReason::NotSpecified);
    }
    let group = Ipv4Addr::new(message[4], message[5], message[6], message[7]);
    match message[0] {
        0x11 => query(k, dev, group, message),
        0x12 | 0x16 => {
            // Another host's report serves as well as one's own; the own one that loops back says nothing.
            let to_group = f.skb.meta.pkt_type;
            if !matches!(to_group, PacketType::Multicast | PacketType::Broadcast) {
                return Err(DropReason::NotSpecified);
            }
            if igmp::is_reported(k, dev, group) {
                timer::stop_group(k, dev, group);
            }
            Ok(())
        }
        _ => Err(DropReason::NotSpecified),
    }
}

/// A router asks (`igmp_heard_query()`).
fn query(k: &mut Kernel, dev: DevId, group: Ipv4Addr, message: &[u8]) -> Decision<()> {
    let code = message[1];
    let mut asked = group;
    let mut sources = Vec::new();
    let within;
    if message.len() == IGMP_HLEN {
        within = heard_older(k, dev, code);
        if code == 0 {
            asked = Ipv4Addr::UNSPECIFIED;
        }
    } else if message.len() < QUERY_V3_LEN {
        return Err(DropReason::NotSpecified);
    } else {
        match igmp::version(k, dev) {
            Version::V1 => {
                within = igmp::QUERY_RESPONSE_INTERVAL;
                asked = Ipv4Addr::UNSPECIFIED;
            }
            Version::V2 => within = response_time(code),
            Version::V3 => {
                sources = named_sources(message).ok_or(DropReason::NotSpecified)?;
                within = response_time(code);
                learn(k, dev, message);
                if group.is_unspecified() {
                    if !sources.is_empty() {
                        return Err(DropReason::NotSpecified);
                    }
                    timer::start_general(k, dev, within);
                    return Ok(());
                }
            }
        }
    }
    answer(k, dev, asked, &sources, within);
    Ok(())
}

/// A router is there that speaks an older version; tells how long hosts may take to answer it, in
/// jiffies.
fn heard_older(k: &mut Kernel, dev: DevId, code: u8) -> u64 {
    let now = k.now.jiffies();
    let igmp = igmp::igmp(k, dev);
    let until = now + u64::from(igmp.robustness) * igmp.query_interval + igmp.response_interval;
    let within = if code == 0 {
        igmp.v1_until = Some(until);
        igmp::QUERY_RESPONSE_INTERVAL
    } else {
        igmp.v2_until = Some(until);
        u64::from(code) * (HZ / TIMER_SCALE)
    };
    timer::stop_change(k, dev);
    // Nobody has to be told any more of what was left.
    igmp::igmp(k, dev).left.clear();
    for group in &mut k.devs[dev].inet.groups {
        group.tomb.clear();
    }
    within
}

/// How long hosts may take to answer a query of version 3, in jiffies; at least one.
fn response_time(code: u8) -> u64 {
    (decode(code) * (HZ / TIMER_SCALE)).max(1)
}

/// A number that above 127 is a mantissa with an exponent (RFC 3376 section 4.1.1).
fn decode(code: u8) -> u64 {
    if code < 0x80 {
        return u64::from(code);
    }
    u64::from(code & 0x0f | 0x10) << ((code >> 4 & 0x07) + 3)
}

/// The senders that a query of version 3 names; `None` if it is shorter than it says.
fn named_sources(message: &[u8]) -> Option<Vec<Ipv4Addr>> {
    let count = usize::from(u16::from_be_bytes([message[10], message[11]]));
    let bytes = message.get(QUERY_V3_LEN..QUERY_V3_LEN + count * 4)?;
    Some(bytes.chunks_exact(4).map(|b| Ipv4Addr::new(b[0], b[1], b[2], b[3])).collect())
}

/// Takes over how often the router asks, and how often things are to be told.
fn learn(k: &mut Kernel, dev: DevId, message: &[u8]) {
    let default = igmp::default_robustness(k, dev);
    let (robustness, interval) = (u32::from(message[8] & 0x07), decode(message[9]) * HZ);
    let igmp = igmp::igmp(k, dev);
    igmp.robustness = if robustness == 0 { default } else { robustness };
    igmp.query_interval = if interval == 0 { igmp::QUERY_INTERVAL } else { interval };
    if igmp.response_interval >= igmp.query_interval {
        igmp.response_interval = (igmp.query_interval / HZ - 1) * HZ;
    }
}

/// Has the groups reported that were asked for: all if `asked` is unspecified.
fn answer(k: &mut Kernel, dev: DevId, asked: Ipv4Addr, sources: &[Ipv4Addr], within: u64) {
    let groups: Vec<Ipv4Addr> = k.devs[dev].inet.groups.iter().map(|g| g.addr).collect();
    for group in groups {
        if !asked.is_unspecified() && asked != group || !igmp::is_reported(k, dev, group) {
            continue;
        }
        let Some(known) = igmp::group_mut(k, dev, group) else { continue };
        let for_sources = !sources.is_empty();
        known.asked_for_sources = for_sources && (known.timer.is_none() || known.asked_for_sources);
        if !known.asked_for_sources || concerns(known, sources) {
            timer::hasten_group(k, dev, group, within);
        }
    }
}

/// Notes which of the senders that a router asks for count here; false if none does
/// (`igmp_marksources()`).
fn concerns(group: &mut Group, asked: &[Ipv4Addr]) -> bool {
    if group.mode == FilterMode::Exclude {
        // Whoever is not refused by all is wanted.
        let refused = |source: &&crate::link::group::GroupSource| {
            source.counts.include == 0
                && source.counts.exclude == group.counts.exclude
                && asked.contains(&source.addr)
        };
        let refused = group.sources.iter().filter(refused).count();
        group.asked_for_sources = false;
        return refused != asked.len();
    }
    let mut found = 0;
    for source in &mut group.sources {
        if found == asked.len() {
            break;
        }
        if asked.contains(&source.addr) {
            source.asked = true;
            found += 1;
        }
    }
    group.asked_for_sources = found != 0;
    found != 0
}

//! Answers to requests (`icmp_reply()`).

use std::net::Ipv4Addr;

use crate::ip::icmp::limit::{global_allow, host_allow};
use crate::ip::icmp::transmit::{Hashed, find_way, transmit};
use crate::ip::options;
use crate::kernel::{Flight, Kernel};
use crate::packet::build::IcmpParams;
use crate::packet::icmp::ICMP_HLEN;
use crate::packet::{Icmp, IcmpType, Ipv4};
use crate::sysctl::table::Sysctl;
use crate::trace::{DropReason, Observer};

/// Answers an echo request (`icmp_echo()`). The packet's data starts at the ICMP header.
pub(super) fn echo<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) {
    if k.netns[f.netns].sysctl.get(Sysctl::IcmpEchoIgnoreAll) != 0 {
        return;
    }
    let Ok(icmp) = Icmp::parse(f.skb.data()) else { return };
    let params = IcmpParams {
        icmp_type: IcmpType::ECHO_REPLY,
        code: icmp.code(),
        rest_of_header: icmp.rest_of_header(),
    };
    reply(k, f, &params, f.skb.data().get(ICMP_HLEN..).unwrap_or_default(), o);
}

/// Answers a timestamp request (`icmp_timestamp()`).
pub(super) fn timestamp<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    o: &mut O,
) -> Result<(), DropReason> {
    let Ok(icmp) = Icmp::parse(f.skb.data()) else { return Err(DropReason::PktTooSmall) };
    let Some(originate) = icmp.payload().first_chunk::<4>() else {
        return Err(DropReason::PktTooSmall);
    };
    let now = options::timestamp_ms(k).to_be_bytes();
    let mut times = [0; 12];
    times[..4].copy_from_slice(originate);
    times[4..8].copy_from_slice(&now);
    times[8..].copy_from_slice(&now);
    let params = IcmpParams {
        icmp_type: IcmpType::TIMESTAMP_REPLY,
        code: 0,
        rest_of_header: icmp.rest_of_header(),
    };
    reply(k, f, &params, &times, o);
    Ok(())
}

/// Sends an answer to where the packet came from.
fn reply<O: Observer>(k: &mut Kernel, f: &Flight, params: &IcmpParams, data: &[u8], o: &mut O) {
    let Some(options) = options::echo(k, f) else { return };
    let Some(limited) = global_allow(k, f.netns, params.icmp_type, params.code) else { return };
    let src = options::spec_dst(k, f).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let Ok(tos) = Ipv4::parse(f.skb.network_header()).map(|ip| ip.tos()) else { return };
    let Some(answer) = find_way(k, f, src, tos, options, Hashed::Answer) else { return };
    let loopback = k.devs[answer.way.dst.dev].is_loopback();
    if !host_allow(k, f.netns, answer.way.to, loopback, limited) {
        return;
    }
    let mut skb = k.pool.take();
    skb.put(data);
    transmit(k, f, skb, params, &answer, o);
}

//! From an ICMP message to a packet under way (`icmp_push_reply()`).

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::ip::icmp::counts_as_error;
use crate::ip::{flow, ident};
use crate::kernel::{Caller, Flight, Kernel, Place, SentBy};
use crate::netns::mib::{IcmpMib, MessageDirection};
use crate::netns::stack;
use crate::packet::build::{IcmpParams, Ipv4Params, push_icmp, push_ipv4};
use crate::packet::ipv4_options::Echo;
use crate::packet::{IcmpType, IpProto, Ipv4, Skb};
use crate::route::output::output_like;
use crate::route::{self, FlowKey, OutputRoute, RouteType};
use crate::sysctl::table::Sysctl;
use crate::trace::{Observer, Origin};

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// The route, with the addresses it settled.
    pub(super) way: OutputRoute,
    /// The end of the way, which differs from the route's destination with a source route.
    pub(super) end: Ipv4Addr,
    /// The type of service.
    pub(super) tos: u8,
    /// The options.
    pub(super) options: Echo,
    /// The mark.
    pub(super) mark: u32,
}

/// The mark of an answer to a packet (`IP4_REPLY_MARK()`).
pub(super) fn reply_mark(k: &Kernel, f: &Flight) -> u32 {
    if k.netns[f.netns].sysctl.get(Sysctl::FwmarkReflect) != 0 { f.skb.meta.mark } else { 0 }
}

/// What an answer to the packet is routed by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hashed {
    /// The answer alone.
    Answer,
    /// The packet: of several ways an error takes the one that its cause would take.
    Cause,
}

/// Finds the way of an answer to the packet, from `src` unless unspecified.
pub(super) fn find_way(
    k: &mut Kernel,
    f: &Flight,
    src: Ipv4Addr,
    tos: u8,
    options: Echo,
    hashed: Hashed,
) -> Option<Answer> {
    let ip = Ipv4::parse(f.skb.network_header()).ok()?;
    let end = ip.src();
    let mark = reply_mark(k, f);
    let flow = FlowKey::<V4> {
        mark,
        tos,
        proto: IpProto::ICMP.0,
        ..FlowKey::between(src, options.found.faddr.unwrap_or(end))
    };
    let way = match hashed {
        Hashed::Answer => route::output(k, f.netns, &flow),
        Hashed::Cause => output_like(k, f.netns, &flow, &flow::of(&f.skb, f.dev)?),
    };
    Some(Answer { way: way.ok()?, end, tos, options, mark })
}

/// Sends the message whose data is `skb`.
pub(super) fn transmit<O: Observer>(
    k: &mut Kernel,
    cause: &Flight,
    mut skb: Box<Skb>,
    params: &IcmpParams,
    answer: &Answer,
    o: &mut O,
) {
    let OutputRoute { dst, src, to, .. } = answer.way;
    push_icmp(&mut skb, params);
    let options = answer.options.leaving(src, answer.end, crate::ip::options::timestamp_ms(k));
    let id = ident::select(k, cause.netns, src, to, IpProto::ICMP);
    let default_ttl = k.netns[cause.netns].sysctl.get(Sysctl::IpDefaultTtl);
    let default_ttl = u8::try_from(default_ttl).unwrap_or(u8::MAX);
    let to_group = dst.kind == RouteType::Multicast;
    let ttl = if to_group { 1 } else { dst.hoplimit.unwrap_or(default_ttl) };
    push_ipv4(
        &mut skb,
        &Ipv4Params {
            ttl,
            tos: answer.tos,
            id,
            options: options.bytes(),
            ..Ipv4Params::new(src, to, IpProto::ICMP)
        },
    );
    skb.meta.mark = answer.mark;
    let mib = &mut k.netns[cause.netns].mib;
    mib.icmp.inc(IcmpMib::OutMsgs);
    mib.icmp_msg(MessageDirection::Out, counted_as(params.icmp_type));
    let flow = k.new_flow();
    let mut flight = Flight::new(skb, Place::LocalOut, cause.netns, dst.dev, flow);
    flight.dst = Some(dst);
    flight.sk = SentBy::Icmp;
    flight.caller = Caller::IpSend(cause.netns, None);
    flight.cb.opt = answer.options.found;
    if counts_as_error(params.icmp_type) {
        flight.ct = cause.ct.for_answer();
    }
    let origin = Origin::Reply { to: cause.flow, what: name(params.icmp_type) };
    stack::start(k, flight, origin, o);
}

/// The type that a message is counted as: every answer as an echo reply, as `__ip_make_skb()` counts the
/// type that was looked up the route for, and `icmp_reply()` names none.
fn counted_as(icmp_type: IcmpType) -> IcmpType {
    match icmp_type {
        IcmpType::TIMESTAMP_REPLY => IcmpType::ECHO_REPLY,
        other => other,
    }
}

/// What traces call the messages that this host sends.
fn name(icmp_type: IcmpType) -> &'static str {
    match icmp_type {
        IcmpType::ECHO_REPLY => "icmp echo reply",
        IcmpType::DEST_UNREACH => "icmp destination unreachable",
        IcmpType::REDIRECT => "icmp redirect",
        IcmpType::TIME_EXCEEDED => "icmp time exceeded",
        IcmpType::PARAMETER_PROBLEM => "icmp parameter problem",
        IcmpType::TIMESTAMP_REPLY => "icmp timestamp reply",
        _ => "icmp",
    }
}

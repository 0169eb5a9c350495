//! Segments that belong to no socket: resets, and ACKs of what is left of connections
//! (`tcp_v4_send_reset()`, `tcp_v4_send_ack()`); and how many answers there may be.

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::ip::options;
use crate::kernel::{Caller, Flight, Kernel, Place, SentBy};
use crate::netns::mib::TcpMib;
use crate::netns::stack;
use crate::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpOptionParams, TcpParams, push_ipv4,
    push_tcp,
};
use crate::packet::ipv4::INET_ECN_MASK;
use crate::packet::{IpProto, TcpFlags};
use crate::route::{FlowKey, RouteType};
use crate::socket::flow;
use crate::socket::tcp::Sk;
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::sk::sysctl;
use crate::sysctl::Sysctl;
use crate::time::SimTime;
use crate::trace::{Event, Observer, Origin};

/// When an answer to a segment without data was sent last (`last_oow_ack_time`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RateLimit(Option<u64>);

impl RateLimit {
    /// Whether the last answer is less than `ms` milliseconds old; if not, there is one now
    /// (`__tcp_oow_rate_limited()`).
    pub(super) fn is_exceeded(&mut self, now: SimTime, ms: u32) -> bool {
        let now = now.jiffies();
        let interval = u64::from(ms).div_ceil(4);
        if self.0.is_some_and(|last| now.saturating_sub(last) < interval) {
            return true;
        }
        self.0 = Some(now);
        false
    }
}

/// How many challenges a namespace may still send in this second (RFC 5961, section 7).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ChallengeLimit {
    second: u64,
    left: u32,
}

/// Whether a namespace may send one challenge more (`tcp_send_challenge_ack()`).
pub(super) fn may_challenge(k: &mut Kernel, netns: NetnsId) -> bool {
    let most = sysctl(k, netns, Sysctl::TcpChallengeAckLimit);
    if most == i32::MAX.unsigned_abs() {
        return true;
    }
    let second = k.now.as_millis() / 1000;
    if k.netns[netns].sockets.challenges.second != second {
        // Around the limit, so that nobody can find out by counting.
        let half = most.div_ceil(2);
        let left = half + k.rng.stream("tcp.challenge").below(most.max(1));
        k.netns[netns].sockets.challenges = ChallengeLimit { second, left };
    }
    let left = &mut k.netns[netns].sockets.challenges.left;
    let may = *left > 0;
    *left = left.saturating_sub(1);
    may
}

/// An answer to a segment that needs no socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    /// The number of the answer.
    pub(super) seq: Seq,
    /// What it acknowledges, if the flag is set.
    pub(super) ack: Seq,
    /// Its flags.
    pub(super) flags: TcpFlags,
    /// Its window, unscaled.
    pub(super) window: u16,
    /// Clock and echo.
    pub(super) timestamps: Option<(u32, u32)>,
    /// The type of service; its congestion bits are left out.
    pub(super) tos: u8,
    /// The mark that its route is looked up with.
    pub(super) mark: u32,
    /// The device that it is bound to.
    pub(super) dev: Option<DevId>,
}

impl Reply {
    /// The reset that answers a segment (`tcp_v4_send_reset()`); `None` for a reset.
    fn reset(segment: &Segment) -> Option<Self> {
        if segment.flags.rst() {
            return None;
        }
        let blank = Self {
            seq: Seq(0),
            ack: Seq(0),
            flags: TcpFlags::RST,
            window: 0,
            timestamps: None,
            tos: segment.tos,
            mark: 0,
            dev: None,
        };
        Some(if segment.flags.ack() {
            Self { seq: segment.ack, ..blank }
        } else {
            Self { ack: segment.end_seq, flags: TcpFlags::RST | TcpFlags::ACK, ..blank }
        })
    }
}

/// Answers a segment with a reset, if it may be: not to a reset, and only for packets to this host.
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    segment: &Segment,
    (mark, dev): (u32, Option<DevId>),
    o: &mut O,
) {
    if f.dst.is_some_and(|dst| dst.kind != RouteType::Local) {
        return;
    }
    let Some(reply) = Reply::reset(segment) else { return };
    k.netns[f.netns].mib.tcp.inc(TcpMib::OutRsts);
    answer(k, f, segment, &Reply { mark, dev, ..reply }, "tcp reset", o);
}

/// Answers a segment of a socket with a reset.
pub(super) fn send_for<O: Observer>(sk: &mut Sk<'_, O>, segment: &Segment, f: &Flight) {
    let opts = &sk.sock().opts;
    let from = (opts.mark, opts.bound_dev);
    send(sk.k, f, segment, from, sk.o);
}

/// Sends an answer back to where a segment came from (`ip_send_unicast_reply()`).
pub(super) fn answer<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    segment: &Segment,
    reply: &Reply,
    what: &'static str,
    o: &mut O,
) {
    k.netns[f.netns].mib.tcp.inc(TcpMib::OutSegs);
    let Some(echo) = options::echo(k, f) else { return };
    // Nothing is said about congestion that another segment met.
    let tos = reply.tos & !INET_ECN_MASK;
    let key = FlowKey::<V4> {
        src: segment.dst,
        oif: reply.dev,
        mark: reply.mark,
        tos,
        proto: IpProto::TCP.0,
        sport: segment.dport,
        dport: segment.sport,
        ..FlowKey::to(echo.found.faddr.unwrap_or(segment.src))
    };
    let Ok(routed) = flow::route(k, f.netns, &key) else { return };
    let params = TcpParams {
        src_port: segment.dport,
        dst_port: segment.sport,
        seq: reply.seq.0,
        ack: reply.ack.0,
        flags: reply.flags,
        window: reply.window,
        urgent_pointer: 0,
        options: TcpOptionBytes::new(&TcpOptionParams {
            timestamps: reply.timestamps,
            ..TcpOptionParams::default()
        }),
        checksum: ChecksumMode::Complete,
    };
    let (src, dst): (Ipv4Addr, Ipv4Addr) = (segment.dst, segment.src);
    let mut skb = k.skb();
    push_tcp(&mut skb, &params, PseudoHeader::V4 { src, dst });
    let default_ttl = k.netns[f.netns].sysctl.get(Sysctl::IpDefaultTtl);
    let ttl = routed.dst.hoplimit.unwrap_or_else(|| u8::try_from(default_ttl).unwrap_or(u8::MAX));
    let ip_options = echo.leaving(src, dst, options::timestamp_ms(k));
    let ip = Ipv4Params {
        ttl,
        tos,
        id: 0,
        df: true,
        options: ip_options.bytes(),
        ..Ipv4Params::new(src, routed.daddr, IpProto::TCP)
    };
    push_ipv4(&mut skb, &ip);
    skb.meta.mark = reply.mark;
    let flow = k.new_flow();
    let mut flight = Flight::new(skb, Place::LocalOut, f.netns, routed.dst.dev, flow);
    flight.dst = Some(routed.dst);
    flight.cb.opt = echo.found;
    flight.sk = SentBy::Tcp;
    flight.caller = Caller::IpSend(f.netns, None);
    stack::emit(k, &flight, o, |_| Event::Started { origin: Origin::Reply { to: f.flow, what } });
    k.spawn(flight);
}

//! From a socket's data to an IP packet under way (`ip_make_skb()`, `ip_send_skb()`).

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::ip::ident;
use crate::ip::options::timestamp_ms;
use crate::kernel::{Caller, Flight, Kernel, Place, SentBy};
use crate::netns::stack;
use crate::packet::Skb;
use crate::packet::build::{Ipv4Params, push_ipv4};
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::ipv4_options::{MAX_IPOPTLEN, build};
use crate::route::{Dst, RouteType};
use crate::socket::error::report_local;
use crate::socket::flow::{self, Routed};
use crate::socket::options::SentOptions;
use crate::socket::{PmtuDiscovery, Socket};
use crate::sysctl::Sysctl;
use crate::trace::{Event, Observer, Origin};

/// The longest IPv4 packet, in bytes.
const IP_MAX_MTU: usize = 0xffff;

/// Pushes the IP header in front of a datagram (`__ip_make_skb()`).
pub(super) fn push_header(k: &mut Kernel, id: SocketId, skb: &mut Skb, routed: &Routed) {
    let mtu = flow::mtu(k, &routed.dst);
    let len = skb.len() + header_len(&k.sockets[id]);
    let df = df(&k.sockets[id], len, mtu, routed.dst.mtu_locked);
    let ip_id = select_id(k, id, df, routed);
    let ttl = select_ttl(k, id, &routed.dst);
    let socket = &k.sockets[id];
    let options = LeavingOptions::new(k, socket.opts.ip_options.as_ref(), routed);
    push_ipv4(
        skb,
        &Ipv4Params {
            ttl,
            tos: socket.opts.tos,
            id: ip_id,
            df,
            options: options.bytes(),
            ..Ipv4Params::new(routed.saddr, options.first_hop, socket.ip_proto())
        },
    );
    skb.meta.mark = socket.opts.mark;
}

fn header_len(socket: &Socket) -> usize {
    IPV4_HLEN + socket.opts.ip_options.as_ref().map_or(0, |o| o.bytes.len())
}

/// Whether the packet carries DF. With [`PmtuDiscovery::Want`] one that is too long for the route is cut
/// and does not.
fn df(socket: &Socket, len: usize, mtu: usize, locked: bool) -> bool {
    match socket.opts.pmtu {
        PmtuDiscovery::Do | PmtuDiscovery::Probe => true,
        PmtuDiscovery::Want => len <= mtu && !locked,
        PmtuDiscovery::Dont => false,
    }
}

/// The identification (`ip_select_ident()`): a connected socket counts, others take one of the host's
/// counters; 0 only for a packet that nobody may cut.
fn select_id(k: &mut Kernel, id: SocketId, df: bool, routed: &Routed) -> u16 {
    let socket = &mut k.sockets[id];
    if socket.inet.connected {
        socket.inet.id = socket.inet.id.wrapping_add(1);
        return socket.inet.id;
    }
    let may_cut = matches!(socket.opts.pmtu, PmtuDiscovery::Dont | PmtuDiscovery::Want);
    let (netns, proto) = (socket.netns, socket.ip_proto());
    if df && !may_cut { 0 } else { ident::select(k, netns, routed.saddr, routed.daddr, proto) }
}

/// The time to live (`ip_select_ttl()`, `ip_mc_output()`'s `mc_ttl`).
pub(super) fn select_ttl(k: &Kernel, id: SocketId, dst: &Dst) -> u8 {
    let socket = &k.sockets[id];
    if dst.kind == RouteType::Multicast {
        return socket.opts.mc_ttl;
    }
    socket.opts.ttl.or(dst.hoplimit).unwrap_or_else(|| {
        u8::try_from(k.netns[socket.netns].sysctl.get(Sysctl::IpDefaultTtl)).unwrap_or(u8::MAX)
    })
}

/// The IPv4 options of a packet that leaves.
pub(super) struct LeavingOptions {
    bytes: [u8; MAX_IPOPTLEN],
    len: usize,
    /// Where the packet goes first: with a source route not to the end of its way.
    pub(super) first_hop: Ipv4Addr,
}

impl LeavingOptions {
    /// Completes the options that a socket sends (`ip_options_build()`).
    pub(super) fn new(k: &Kernel, sent: Option<&SentOptions>, routed: &Routed) -> Self {
        let mut leaving = Self { bytes: [0; MAX_IPOPTLEN], len: 0, first_hop: routed.daddr };
        let Some(sent) = sent else { return leaving };
        let Some(bytes) = leaving.bytes.get_mut(..sent.bytes.len()) else { return leaving };
        bytes.copy_from_slice(&sent.bytes);
        build(bytes, &sent.parsed, routed.saddr, routed.daddr, timestamp_ms(k));
        leaving.len = sent.bytes.len();
        leaving.first_hop = sent.parsed.faddr.unwrap_or(routed.daddr);
        leaving
    }

    /// The bytes, whole words.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Refuses what cannot be sent in one datagram (the length checks of `__ip_append_data()`); `len` counts
/// from the transport header on.
pub(super) fn check_length(
    k: &mut Kernel,
    id: SocketId,
    routed: &Routed,
    len: usize,
) -> Result<(), Errno> {
    let socket = &k.sockets[id];
    let mtu = if socket.opts.pmtu == PmtuDiscovery::Probe {
        k.devs.get(routed.dst.dev).map_or(0, |d| d.mtu as usize)
    } else {
        flow::mtu(k, &routed.dst)
    };
    let limit = match socket.opts.pmtu {
        PmtuDiscovery::Dont | PmtuDiscovery::Want => IP_MAX_MTU,
        PmtuDiscovery::Do | PmtuDiscovery::Probe => mtu,
    };
    let header = header_len(socket);
    if len + header > limit {
        let info = u32::try_from(mtu.saturating_sub(header - IPV4_HLEN)).unwrap_or(u32::MAX);
        let dport = socket.inet.dport;
        report_local(k, id, Errno::EMSGSIZE, (routed.daddr, dport), info);
        return Err(Errno::EMSGSIZE);
    }
    Ok(())
}

/// Sends a packet from a system call, to its end (`ip_send_skb()`).
///
/// # Errors
/// What refused it; [`unless_ignored`] tells what the program hears of that.
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    skb: Box<Skb>,
    dst: Dst,
    place: Place,
    o: &mut O,
) -> Result<(), Errno> {
    let mut flight = flight(k, id, skb, dst, place, o);
    flight.caller = Caller::IpSend(flight.netns, Some(id));
    run(k, id, flight, o)
}

/// Runs a flight that a system call of `id` has begun.
///
/// # Errors
/// What refused it.
pub(super) fn run<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    flight: Flight,
    o: &mut O,
) -> Result<(), Errno> {
    k.send_error = None;
    k.sender = Some(id);
    k.run_from_syscall(flight, o);
    k.sender = None;
    k.send_error.take().map_or(Ok(()), Err)
}

/// Runs a flight that a received segment or a timer of `id` has begun: what devices receive of it waits for the
/// softirq.
///
/// # Errors
/// What refused it.
pub(super) fn run_in_softirq<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    flight: Flight,
    o: &mut O,
) -> Result<(), Errno> {
    // A system call of another socket may be what all this comes of.
    let outer = (k.send_error.take(), k.sender.replace(id));
    k.run_within(flight, o);
    let refused = k.send_error.take();
    (k.send_error, k.sender) = outer;
    refused.map_or(Ok(()), Err)
}

/// Hides from a program that a queue was full, unless its socket collects errors.
///
/// # Errors
/// What else was wrong.
pub(super) fn unless_ignored(
    k: &Kernel,
    id: SocketId,
    sent: Result<(), Errno>,
) -> Result<(), Errno> {
    let collects = k.sockets.get(id).is_some_and(|socket| socket.opts.recv_err);
    if sent == Err(Errno::ENOBUFS) && !collects { Ok(()) } else { sent }
}

/// A flight of a packet that `id` sends.
pub(super) fn flight<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    skb: Box<Skb>,
    dst: Dst,
    place: Place,
    o: &mut O,
) -> Flight {
    let (flow, netns) = (k.new_flow(), k.sockets[id].netns);
    let mut flight = Flight::new(skb, place, netns, dst.dev, flow);
    flight.dst = Some(dst);
    flight.sk = SentBy::Socket(id);
    flight.caller = Caller::Socket(id);
    stack::emit(k, &flight, o, |_| Event::Started { origin: Origin::Socket(id) });
    flight
}

//! From a socket's data to an IP packet under way (`ip_make_skb()`, `ip_send_skb()`).

use crate::errno::Errno;
use crate::id::SocketId;
use crate::ip::ident;
use crate::kernel::{Flight, Kernel, Place};
use crate::netns::stack;
use crate::packet::Skb;
use crate::packet::build::{Ipv4Params, push_ipv4};
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::ipv4_options::{IpOptions, MAX_IPOPTLEN};
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
    let now_ms = k.now.as_millis();
    let socket = &k.sockets[id];
    let options = socket.opts.ip_options.as_ref();
    let (bytes, optlen) =
        options.map_or(([0; MAX_IPOPTLEN], 0), |o| fill_options(o, routed, now_ms));
    let first_hop = options.and_then(|o| o.parsed.faddr);
    let daddr = first_hop.unwrap_or(routed.daddr);
    push_ipv4(
        skb,
        &Ipv4Params {
            ttl,
            tos: socket.opts.tos,
            id: ip_id,
            df,
            options: bytes.get(..optlen).unwrap_or_default(),
            ..Ipv4Params::new(routed.saddr, daddr, socket.ip_proto())
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

/// Completes the options as they leave (`ip_options_build()`).
fn fill_options(sent: &SentOptions, routed: &Routed, now_ms: u64) -> ([u8; MAX_IPOPTLEN], usize) {
    let mut bytes = [0; MAX_IPOPTLEN];
    let len = sent.bytes.len().min(MAX_IPOPTLEN);
    bytes[..len].copy_from_slice(&sent.bytes[..len]);
    let IpOptions { srr, rr, rr_needaddr, ts, ts_needaddr, ts_needtime, .. } = sent.parsed;
    // Offsets count from the start of the IP header.
    let at = |offset: u8| usize::from(offset).saturating_sub(IPV4_HLEN);
    if let Some(srr) = srr.map(at) {
        // The last hop of a source route is the destination itself.
        let end = srr + usize::from(byte(&bytes, srr + 1));
        put(&mut bytes, end.saturating_sub(4), &routed.daddr.octets());
    }
    if let Some(rr) = rr.map(at).filter(|_| rr_needaddr) {
        let slot = rr + usize::from(byte(&bytes, rr + 2)).saturating_sub(5);
        put(&mut bytes, slot, &routed.saddr.octets());
    }
    if let Some(ts) = ts.map(at) {
        let pointer = ts + usize::from(byte(&bytes, ts + 2));
        if ts_needaddr {
            put(&mut bytes, pointer.saturating_sub(9), &routed.saddr.octets());
        }
        if ts_needtime {
            let day_ms = u32::try_from(now_ms % 86_400_000).unwrap_or(0);
            put(&mut bytes, pointer.saturating_sub(5), &day_ms.to_be_bytes());
        }
    }
    (bytes, len)
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8; 4]) {
    if let Some(slot) = bytes.get_mut(at..at + 4) {
        slot.copy_from_slice(value);
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
/// What refused it; a full queue is told only to sockets that collect errors.
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    skb: Box<Skb>,
    dst: Dst,
    place: Place,
    o: &mut O,
) -> Result<(), Errno> {
    let flight = flight(k, id, skb, dst, place, o);
    k.send_error = None;
    k.sender = Some(id);
    k.run_from_syscall(flight, o);
    k.sender = None;
    match k.send_error.take() {
        Some(Errno::ENOBUFS) if !k.sockets.get(id).is_some_and(|s| s.opts.recv_err) => Ok(()),
        Some(errno) => Err(errno),
        None => Ok(()),
    }
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
    flight.sk = Some(id);
    stack::emit(k, &flight, o, |_| Event::Started { origin: Origin::Socket(id) });
    flight
}

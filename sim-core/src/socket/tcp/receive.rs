//! Which socket a segment is for (`tcp_v4_rcv()`).

use std::net::SocketAddrV4;

use crate::id::{NetnsId, SocketId};
use crate::kernel::{Flight, Kernel};
use crate::netns::mib::{LinuxMib, TcpMib};
use crate::netns::stack::{self, Decision};
use crate::packet::PacketType;
use crate::socket::tcp::segment::{Segment, charge};
use crate::socket::tcp::{Sk, TcpEntry, request, reset, timewait};
use crate::socket::{Protocol, reuseport};
use crate::trace::{DropReason, Event, Observer};

/// Handles a segment for this host. The flight's data start at the TCP header.
///
/// # Errors
/// Why it was dropped.
pub fn receive<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    if f.skb.meta.pkt_type != PacketType::Host {
        return Err(DropReason::NotSpecified);
    }
    k.netns[f.netns].mib.tcp.inc(TcpMib::InSegs);
    let segment = match Segment::parse(f) {
        Ok(segment) => segment,
        Err(reason) => {
            let mib = &mut k.netns[f.netns].mib.tcp;
            if reason == DropReason::TcpCsum {
                mib.inc(TcpMib::InCsumErrors);
            }
            // One that is cut short counts as nothing.
            if reason != DropReason::NotSpecified {
                mib.inc(TcpMib::InErrs);
            }
            return Err(reason);
        }
    };
    match k.netns[f.netns].sockets.tcp_connections.get(&segment.tuple()) {
        Some(TcpEntry::Socket(id)) => {
            let id = *id;
            match k.sockets.get(id).map(|socket| &socket.protocol) {
                Some(Protocol::TcpTimeWait(_)) => to_time_wait(k, id, f, &segment, o),
                _ => to_socket(k, id, f, o),
            }
        }
        Some(TcpEntry::Request(_)) => request::receive(k, f, &segment, o),
        None => match listener(k, f.netns, &segment) {
            Some(id) => to_socket(k, id, f, o),
            None => to_nobody(k, f, &segment, o),
        },
    }
}

/// The listening socket that fits a segment best (`inet_lookup_listener()`): one bound to its address
/// before one bound to all, of those one bound to its device first.
pub(super) fn listener(k: &Kernel, netns: NetnsId, segment: &Segment) -> Option<SocketId> {
    let listening = k.netns[netns].sockets.tcp_listening.at(segment.dport);
    let best = |specific: bool| {
        let mut best = None;
        for id in listening {
            let socket = &k.sockets[*id];
            let addr = socket.inet.rcv_saddr;
            let fits = if specific { addr == segment.dst } else { addr.is_unspecified() };
            let dev = socket.opts.bound_dev;
            if !fits || dev.is_some_and(|dev| dev != segment.dev) {
                continue;
            }
            let score = u32::from(dev.is_some());
            if best.is_none_or(|(known, _)| score > known) {
                best = Some((score, *id));
            }
        }
        best.map(|(_, id)| id)
    };
    let found = best(true).or_else(|| best(false))?;
    let tuple = segment.tuple();
    let from = SocketAddrV4::new(tuple.daddr, tuple.dport);
    let to = SocketAddrV4::new(tuple.saddr, tuple.sport);
    Some(reuseport::select(k, listening, found, from, to))
}

/// Hands a segment to a socket, now or when its system call is done.
pub(super) fn to_socket<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    f: &mut Flight,
    o: &mut O,
) -> Decision<()> {
    let Some(mut sk) = Sk::open(k, id, o) else { return Err(DropReason::NoSocket) };
    sk.tp().count.receive(&f.skb);
    if sk.t().owned {
        return sk.wait_for_release(f);
    }
    let result = sk.receive_segment(f);
    sk.finish();
    result?;
    stack::emit(k, f, o, |_| Event::Delivered { socket: id });
    Ok(())
}

impl<O: Observer> Sk<'_, O> {
    /// Keeps a segment until the system call is done, if not too many wait (`tcp_add_backlog()`).
    fn wait_for_release(&mut self, f: &mut Flight) -> Decision<()> {
        let opts = &self.sock().opts;
        let limit = opts.rcvbuf.saturating_mul(2).saturating_add(opts.sndbuf / 2 + 64 * 1024);
        let rx = &self.t().rx;
        if rx.backlog + rx.rmem > limit {
            self.mib(LinuxMib::BacklogDrop);
            return Err(DropReason::SocketBacklog);
        }
        let size = charge(&f.skb);
        let skb = std::mem::replace(&mut f.skb, self.k.skb());
        let waiting = f.with_skb(skb);
        let tp = self.tp();
        tp.rx.backlog += size;
        tp.backlog.push_back(waiting);
        Ok(())
    }
}

/// Hands a segment to what is left of a connection; one that begins a new connection goes to the
/// listener.
fn to_time_wait<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    f: &mut Flight,
    segment: &Segment,
    o: &mut O,
) -> Decision<()> {
    let Some(isn) = timewait::receive(k, id, f, segment, o)? else { return Ok(()) };
    let Some(listening) = listener(k, f.netns, segment) else {
        timewait::acknowledge_limited(k, id, f, segment, o);
        return Ok(());
    };
    timewait::kill(k, id);
    k.sockets[listening].tcp_mut().reuse_isn = Some(isn);
    let result = to_socket(k, listening, f, o);
    k.sockets[listening].tcp_mut().reuse_isn = None;
    result
}

/// Nobody listens there.
fn to_nobody<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    segment: &Segment,
    o: &mut O,
) -> Decision<()> {
    reset::send(k, f, segment, (0, None), o);
    Err(DropReason::NoSocket)
}

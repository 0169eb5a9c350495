//! A segment leaves (`__tcp_transmit_skb()`, `ip_queue_xmit()`).

use crate::errno::Errno;
use crate::kernel::Place;
use crate::netns::mib::TcpMib;
use crate::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpOptionParams, TcpParams, push_ipv4,
    push_tcp,
};
use crate::packet::segment::scattered_truesize;
use crate::packet::{IpProto, TcpFlags};
use crate::socket::PmtuDiscovery;
use crate::socket::flow::{self, Routed, Target};
use crate::socket::output;
use crate::socket::output::LeavingOptions;
use crate::socket::tcp::Sk;
use crate::socket::tcp::ecn::ECN_MASK;
use crate::socket::tcp::options::{NUM_SACKS, clock_ms};
use crate::socket::tcp::send_queue::Chunk;
use crate::socket::tcp::seq::Seq;
use crate::sysctl::Sysctl;
use crate::trace::Observer;

/// A segment, or several that leave together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    /// The number of its first byte, SYN or FIN.
    pub(super) seq: Seq,
    /// The number behind its last.
    pub(super) end_seq: Seq,
    /// Its flags.
    pub(super) flags: TcpFlags,
    /// How many bytes of data it has.
    pub(super) len: u32,
    /// In how many segments it leaves.
    pub(super) segs: u32,
    /// The size of those, in bytes of data.
    pub(super) mss: u32,
}

impl Outgoing {
    /// A segment without data.
    pub(super) fn bare(seq: Seq, flags: TcpFlags) -> Self {
        Self { seq, end_seq: seq, flags, len: 0, segs: 1, mss: 0 }
    }

    /// An entry of the send queue.
    pub(super) fn of(chunk: &Chunk) -> Self {
        let syn_only = chunk.flags.syn();
        Self {
            seq: chunk.seq,
            end_seq: chunk.end_seq,
            flags: if syn_only { chunk.flags } else { chunk.flags | TcpFlags::ACK },
            len: chunk.len(),
            segs: chunk.segs.max(1),
            mss: chunk.mss,
        }
    }
}

impl<O: Observer> Sk<'_, O> {
    /// This side's clock for timestamps, in milliseconds, without its offset.
    pub(super) fn clock(&self) -> u32 {
        clock_ms(self.k.now)
    }

    /// Sends a segment.
    ///
    /// # Errors
    /// Why it did not leave this host.
    pub(super) fn transmit(&mut self, out: &Outgoing) -> Result<(), Errno> {
        let Ok(routed) = self.route() else {
            let netns = self.sock().netns;
            self.k.netns[netns].mib.ip.inc(crate::netns::mib::IpMib::OutNoRoutes);
            return Err(Errno::EHOSTUNREACH);
        };
        let mut flags = out.flags;
        let syn = flags.syn();
        let options = if syn { self.syn_options() } else { self.usual_options() };
        if !syn && out.segs > 1 {
            // Several segments at once are pushed, so that the peer handles them at once.
            flags = flags | TcpFlags::PSH;
        }
        let window = self.choose_window(syn);
        let new_data = out.len > 0 && !out.seq.before(self.t().tx.nxt);
        let ecn = if syn { 0 } else { self.tp().ecn.send(&mut flags, new_data) };
        let tp = self.t();
        let params = TcpParams {
            src_port: self.sock().inet.sport,
            dst_port: self.sock().inet.dport,
            seq: out.seq.0,
            ack: if flags.ack() { tp.rx.nxt.0 } else { 0 },
            flags,
            window,
            urgent_pointer: 0,
            options,
            checksum: ChecksumMode::Complete,
        };
        self.count_sent(out, flags);
        self.emit_segment(out, &routed, &params, ecn)
    }

    /// Builds the packet and sends it on its way.
    fn emit_segment(
        &mut self,
        out: &Outgoing,
        routed: &Routed,
        params: &TcpParams,
        ecn: u8,
    ) -> Result<(), Errno> {
        let mut skb = self.k.skb();
        let from = if out.flags.syn() { out.seq.plus(1) } else { out.seq };
        self.t().tx.copy_to(from, out.len, &mut skb);
        let pseudo = PseudoHeader::V4 { src: routed.saddr, dst: routed.daddr };
        push_tcp(&mut skb, params, pseudo);
        let ttl = output::select_ttl(self.k, self.id, &routed.dst);
        let segs = u16::try_from(out.segs).unwrap_or(u16::MAX);
        let socket = self.sock_mut();
        let ip_id = socket.inet.id;
        socket.inet.id = ip_id.wrapping_add(segs);
        let df = match socket.opts.pmtu {
            PmtuDiscovery::Dont => false,
            PmtuDiscovery::Want => !routed.dst.mtu_locked,
            PmtuDiscovery::Do | PmtuDiscovery::Probe => true,
        };
        let options = LeavingOptions::new(self.k, self.sock().opts.ip_options.as_ref(), routed);
        let socket = self.sock();
        let ip = Ipv4Params {
            ttl,
            tos: socket.opts.tos & !ECN_MASK | ecn,
            id: ip_id,
            df,
            options: options.bytes(),
            ..Ipv4Params::new(routed.saddr, options.first_hop, IpProto::TCP)
        };
        skb.meta.mark = socket.opts.mark;
        push_ipv4(&mut skb, &ip);
        // Its data stay where the program put them.
        skb.meta.truesize = scattered_truesize(out.len as usize);
        if out.segs > 1 {
            skb.meta.gso_size = u16::try_from(out.mss).unwrap_or(u16::MAX);
        }
        let (k, id) = (&mut *self.k, self.id);
        let mut flight = output::flight(k, id, skb, routed.dst, Place::LocalOut, self.o);
        flight.cb.confirm_neigh = k.sockets[id].confirm_neigh;
        let sent = if self.in_process {
            output::run(k, id, flight, self.o)
        } else {
            output::run_in_softirq(k, id, flight, self.o)
        };
        output::unless_ignored(k, id, sent)
    }

    /// The way to the peer (`__sk_dst_check()`, `ip_route_output_ports()`).
    pub(super) fn route(&mut self) -> Result<Routed, Errno> {
        let socket = self.sock();
        let daddr = socket.inet.daddr;
        let first_hop = flow::first_hop(socket).unwrap_or(daddr);
        let to = Target { daddr: first_hop, dport: socket.inet.dport };
        let key = flow::flow_key(socket, to);
        Ok(Routed { daddr, ..flow::route_held(self.k, self.id, &key)? })
    }

    /// What a SYN offers (`tcp_syn_options()`): always the same, even in answer to another's SYN that offers
    /// less.
    fn syn_options(&self) -> TcpOptionBytes {
        let tp = self.t();
        let timestamps = self.sysctl(Sysctl::TcpTimestamps) != 0;
        let scaling = self.sysctl(Sysctl::TcpWindowScaling) != 0;
        let sack = self.sysctl(Sysctl::TcpSack) != 0;
        let clock = self.clock().wrapping_add(tp.opt.ts_offset);
        TcpOptionBytes::new(&TcpOptionParams {
            mss: u16::try_from(tp.rx.advmss).ok(),
            sack_permitted: sack,
            timestamps: timestamps.then_some((clock, tp.opt.ts_recent)),
            window_scale: scaling.then_some(tp.opt.rcv_wscale),
            sack: &[],
        })
    }

    /// Timestamps, and what came out of order (`tcp_established_options()`).
    fn usual_options(&self) -> TcpOptionBytes {
        let tp = self.t();
        let room = if tp.opt.tstamp_ok { NUM_SACKS - 1 } else { NUM_SACKS };
        let blocks = tp.rx.blocks();
        tp.opt.established(self.clock(), blocks.get(..room).unwrap_or(&blocks))
    }

    /// The window field.
    fn choose_window(&mut self, syn: bool) -> u16 {
        let rcvbuf = self.sock().opts.rcvbuf;
        let tp = self.tp();
        if syn {
            return u16::try_from(tp.rx.wnd).unwrap_or(u16::MAX);
        }
        if tp.ack.no_memory {
            return tp.rx.close_window();
        }
        let window = tp.rx.select(&tp.opt, rcvbuf, tp.ack.rcv_mss);
        if tp.rx.short_of_space {
            tp.ack.quick = 0;
        }
        window
    }

    /// Notes what a segment does beside its data: it acknowledges, it reports, it counts.
    fn count_sent(&mut self, out: &Outgoing, flags: TcpFlags) {
        let now = self.k.now.jiffies();
        let tp = self.tp();
        if flags.ack() {
            tp.ack.sent();
            tp.timers.delack_due = None;
            tp.rx.dsack = None;
        }
        tp.count.segs_out += out.segs;
        if out.len > 0 {
            tp.count.data_segs_out += out.segs;
            tp.count.bytes_sent += u64::from(out.len);
            self.event_data_sent(now);
        }
        let tp = self.t();
        if out.end_seq.after(tp.tx.nxt) || out.seq == out.end_seq {
            let netns = self.sock().netns;
            let mib = &mut self.k.netns[netns].mib.tcp;
            mib.add(TcpMib::OutSegs, u64::from(out.segs));
        }
        if flags.ack() {
            self.disarm_ack();
        }
    }

    /// Data leave (`tcp_event_data_sent()`): data in answer to data make a connection interactive.
    fn event_data_sent(&mut self, now: u64) {
        let tp = self.tp();
        if tp.tx.in_flight() == 0 {
            let idle = now.saturating_sub(tp.tx.last_data);
            tp.ca.skip_idle(idle, now);
        }
        tp.tx.last_data = now;
        if now.saturating_sub(tp.ack.last_data) < tp.ack.ato {
            tp.ack.pingpong = true;
        }
    }
}

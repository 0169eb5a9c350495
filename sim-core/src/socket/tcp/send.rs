//! A program writes (`tcp_sendmsg()`).

use crate::errno::Errno;
use crate::id::SocketId;
use crate::kernel::Kernel;
use crate::packet::TcpFlags;
use crate::socket::tcp::congestion::INIT_CWND;
use crate::socket::tcp::output::{MAX_TCP_HEADER, Nagle};
use crate::socket::tcp::{ConnectState, Sk, TcpState};
use crate::sysctl::Sysctl;
use crate::trace::Observer;

/// After so many new entries the segments that have come meanwhile are looked at.
const FLUSH_AFTER: u32 = 16;
/// The memory that a buffer takes beside its data: the rounded structures at its two ends, in bytes.
const SHARED_INFO: u32 = 320;
const SKB_STRUCT: u32 = 256;

/// Writes to a connection: as many bytes as there is room for.
///
/// # Errors
/// `EAGAIN` when there is no room or no connection yet, `EPIPE` when this side was closed or there is no
/// connection, or the pending error.
pub fn send<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    data: &[u8],
    o: &mut O,
) -> Result<usize, Errno> {
    let mut sk = Sk::open(k, id, o).ok_or(Errno::EOPNOTSUPP)?;
    sk.lock();
    let answer = sk.write(data);
    sk.release();
    answer
}

impl<O: Observer> Sk<'_, O> {
    fn write(&mut self, data: &[u8]) -> Result<usize, Errno> {
        let state = self.t().state;
        if state.is_opening() {
            return Err(Errno::EAGAIN);
        }
        if state == TcpState::Close && self.t().connecting == ConnectState::Unconnected {
            self.sock_mut().take_error()?;
            return Err(Errno::EPIPE);
        }
        let mut written = 0;
        let result = self.write_all(data, &mut written);
        if written == 0 {
            result?;
        }
        Ok(written)
    }

    /// Why nothing can be written, if so (`sk_stream_error()`).
    fn check_writable(&mut self) -> Result<(), Errno> {
        let socket = self.sock_mut();
        if socket.error.is_some() || socket.shutdown.write {
            return socket.take_error().and(Err(Errno::EPIPE));
        }
        Ok(())
    }

    /// Appends data to the queue until it is full, and sends on the way (`tcp_sendmsg_locked()`).
    fn write_all(&mut self, data: &[u8], written: &mut usize) -> Result<(), Errno> {
        self.check_writable()?;
        let mut mss = self.current_mss();
        let mut goal = self.tp().size_goal(mss);
        let mut opened = 0;
        while *written < data.len() {
            let tail = self.tp().tx.tail_mut().map(|tail| tail.len());
            let room = match tail.map(|len| goal.saturating_sub(len)) {
                Some(room) if room > 0 => room,
                _ => {
                    if !self.has_memory() {
                        return self.out_of_room(*written > 0, mss);
                    }
                    if opened >= FLUSH_AFTER && !self.t().backlog.is_empty() {
                        self.drain_backlog();
                        opened = 0;
                        self.check_writable()?;
                        mss = self.current_mss();
                        goal = self.tp().size_goal(mss);
                        continue;
                    }
                    self.open_entry();
                    opened += 1;
                    goal
                }
            };
            let rest = data.get(*written..).unwrap_or_default();
            let take = rest.get(..room as usize).unwrap_or(rest);
            self.append(take, *written == 0);
            *written += take.len();
            let full = self.tp().tx.tail_mut().is_some_and(|tail| tail.len() >= goal);
            if *written < data.len() && full {
                self.push_full(mss);
            }
        }
        let nagle = self.t().nagle();
        self.push(mss, nagle);
        Ok(())
    }

    fn has_memory(&self) -> bool {
        self.t().tx.queued < self.sock().opts.sndbuf
    }

    /// Adds an entry to the queue (`tcp_skb_entail()`).
    fn open_entry(&mut self) {
        self.restart_after_idle();
        self.tp().tx.open_chunk();
    }

    /// Begins with a small congestion window again after a pause (`tcp_slow_start_after_idle_check()`).
    pub(super) fn restart_after_idle(&mut self) {
        let now = self.k.now.jiffies();
        let on = self.sysctl(Sysctl::TcpSlowStartAfterIdle) != 0;
        let tp = self.tp();
        let idle = now.saturating_sub(tp.tx.last_data);
        if on && tp.tx.packets_out == 0 && idle > tp.rtt.rto {
            tp.ca.restart_after_idle(idle, tp.rtt.rto, now);
        }
    }

    fn append(&mut self, data: &[u8], first: bool) {
        let tx = &mut self.tp().tx;
        if first && let Some(tail) = tx.tail_mut() {
            // More follows what was pushed before.
            tail.flags = tail.flags.without(TcpFlags::PSH);
        }
        tx.append(data);
    }

    /// Sends a full entry while more is being written.
    fn push_full(&mut self, mss: u32) {
        if self.must_push() {
            self.mark_push();
            self.push_with(mss, Nagle::Push);
        } else if self.t().tx.head_is_tail() {
            self.push_one(mss);
        }
    }

    /// Whether half a window was written since the last push (`forced_push()`).
    fn must_push(&self) -> bool {
        let tx = &self.t().tx;
        tx.write_seq.after(tx.pushed.plus(tx.max_wnd >> 1))
    }

    /// Has the last entry carry PSH (`tcp_mark_push()`).
    fn mark_push(&mut self) {
        let tx = &mut self.tp().tx;
        if let Some(tail) = tx.tail_mut() {
            tail.flags = tail.flags | TcpFlags::PSH;
        }
        tx.pushed = tx.write_seq;
    }

    /// Sends what was written (`tcp_push()`).
    fn push(&mut self, mss: u32, nagle: Nagle) {
        if self.t().tx.is_all_sent() {
            return;
        }
        self.mark_push();
        self.push_with(mss, nagle);
    }

    /// The queue is full: what is there leaves, and the program has to wait.
    fn out_of_room(&mut self, written: bool, mss: u32) -> Result<(), Errno> {
        let tx = &mut self.tp().tx;
        tx.wants_space = true;
        tx.drop_empty_tail();
        if written {
            self.push(mss, Nagle::Push);
            // What is left is pushed once more when the call returns.
            let nagle = self.t().nagle();
            let mss = self.current_mss();
            self.push(mss, nagle);
        }
        Err(Errno::EAGAIN)
    }

    /// Makes the send buffer large enough for two congestion windows (`tcp_sndbuf_expand()`).
    pub(super) fn expand_sndbuf(&mut self) {
        let [_, _, most] = self.k.netns[self.sock().netns].sysctl.numbers(Sysctl::TcpWmem);
        let most = u32::try_from(most).unwrap_or(0);
        let tp = self.t();
        let segment = tp.opt.mss_clamp.max(tp.tx.mss) + MAX_TCP_HEADER + SHARED_INFO;
        let segment = segment.next_power_of_two() + SKB_STRUCT;
        let segments = INIT_CWND.max(tp.ca.cwnd).max(tp.loss.reordering + 1);
        let wanted = segment.saturating_mul(segments).saturating_mul(2);
        let socket = self.sock_mut();
        if !socket.opts.sndbuf_locked && socket.opts.sndbuf < wanted {
            socket.opts.sndbuf = wanted.min(most);
        }
    }

    /// Tells a waiting program that there is room again (`tcp_check_space()`).
    pub(super) fn check_space(&mut self) {
        if !self.t().tx.wants_space {
            return;
        }
        let tp = self.t();
        if tp.tx.in_flight() < tp.ca.cwnd {
            self.expand_sndbuf();
            let now = self.k.now.jiffies();
            self.tp().ca.cwnd_stamp = now;
        }
        let sndbuf = self.sock().opts.sndbuf;
        let tx = &mut self.tp().tx;
        if tx.is_writable(sndbuf) {
            tx.wants_space = false;
            self.k.wake(self.id);
        }
    }
}

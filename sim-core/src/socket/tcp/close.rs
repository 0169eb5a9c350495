//! Ending a connection (`tcp_close()`, `tcp_shutdown()`).

use crate::errno::Errno;
use crate::id::SocketId;
use crate::kernel::Kernel;
use crate::netns::mib::LinuxMib;
use crate::socket::Shutdown;
use crate::socket::tcp::output::Nagle;
use crate::socket::tcp::timewait::TIMEWAIT_LEN;
use crate::socket::tcp::{ConnectState, Sk, TcpState};
use crate::trace::Observer;

impl TcpState {
    /// The state after the program has closed its side, and whether that takes a FIN (`new_state`).
    fn closed(self) -> (Self, bool) {
        match self {
            Self::Established | Self::SynRecv => (Self::FinWait1, true),
            Self::CloseWait => (Self::LastAck, true),
            Self::SynSent | Self::Listen | Self::Close | Self::TimeWait => (Self::Close, false),
            Self::FinWait1 | Self::FinWait2 | Self::Closing | Self::LastAck => (self, false),
        }
    }

    /// Whether a connection that is given up has to tell the peer (`tcp_need_reset()`).
    fn needs_reset(self) -> bool {
        matches!(
            self,
            Self::Established | Self::CloseWait | Self::FinWait1 | Self::FinWait2 | Self::SynRecv
        )
    }
}

/// Closes the socket for its program; the connection goes on until it has ended (`close(2)`).
pub fn close<O: Observer>(k: &mut Kernel, id: SocketId, o: &mut O) {
    let Some(mut sk) = Sk::open(k, id, o) else { return };
    sk.lock();
    sk.close_locked();
    sk.release();
}

/// Closes directions (`shutdown(2)`, `inet_shutdown()`).
///
/// # Errors
/// `ENOTCONN` without a connection.
pub fn shutdown<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    how: Shutdown,
    o: &mut O,
) -> Result<(), Errno> {
    let mut sk = Sk::open(k, id, o).ok_or(Errno::EBADF)?;
    sk.lock();
    let answer = sk.shutdown_locked(how);
    sk.k.wake(id);
    sk.release();
    answer
}

impl<O: Observer> Sk<'_, O> {
    fn close_locked(&mut self) {
        self.sock_mut().shutdown = Shutdown::BOTH;
        if self.t().state == TcpState::Listen {
            self.stop_listening();
            self.orphan();
            return;
        }
        let unread = self.t().rx.readable();
        let (socket, pool) = self.socket_and_pool();
        socket.tcp_mut().rx.drop_unread(pool);
        if self.t().state == TcpState::Close {
            self.orphan();
            return;
        }
        if unread {
            // The peer has to know that its data were not read (RFC 2525, section 2.17).
            self.mib(LinuxMib::AbortOnClose);
            self.send_active_reset();
            self.done();
        } else if self.close_state() {
            self.send_fin();
        }
        self.orphan();
        if self.t().state == TcpState::FinWait2 {
            let wait = self.fin_time();
            if wait > TIMEWAIT_LEN {
                self.arm_fin_wait2(wait - TIMEWAIT_LEN);
            } else {
                self.enter_time_wait(TcpState::FinWait2, wait);
            }
        } else if self.t().state == TcpState::Close {
            self.done();
        }
    }

    /// No program has the socket any more; what has come meanwhile is processed (`sock_orphan()`).
    fn orphan(&mut self) {
        let tp = self.tp();
        tp.orphaned = true;
        self.sock_mut().owner = None;
        self.drain_backlog();
    }

    /// Goes to the state that follows when the program closes; whether that takes a FIN
    /// (`tcp_close_state()`).
    fn close_state(&mut self) -> bool {
        let (next, fin) = self.t().state.closed();
        if next != self.t().state {
            self.set_state(next);
        }
        fin
    }

    /// Sends a FIN behind all data (`tcp_send_fin()`).
    fn send_fin(&mut self) {
        self.tp().tx.append_fin();
        let mss = self.current_mss();
        self.push_with(mss, Nagle::Off);
    }

    fn shutdown_locked(&mut self, how: Shutdown) -> Result<(), Errno> {
        let state = self.t().state;
        if state == TcpState::Close {
            self.sock_mut().shutdown.add(how);
            return Err(Errno::ENOTCONN);
        }
        if state == TcpState::Listen && how.read {
            self.stop_listening();
            return Ok(());
        }
        if state == TcpState::SynSent {
            self.abort_connect();
            return Ok(());
        }
        self.sock_mut().shutdown.add(how);
        if how.write {
            self.shutdown_write();
        }
        Ok(())
    }

    /// Closes this side (`tcp_shutdown()`).
    pub(super) fn shutdown_write(&mut self) {
        let open = matches!(
            self.t().state,
            TcpState::Established | TcpState::SynSent | TcpState::CloseWait
        );
        if open && self.close_state() {
            self.send_fin();
        }
    }

    /// Gives a connection up that was begun (`tcp_disconnect()`).
    fn abort_connect(&mut self) {
        self.done();
        self.sock_mut().error = Some(Errno::ECONNRESET);
        self.tp().connecting = ConnectState::Unconnected;
    }

    /// Gives a connection up that nobody has accepted (`inet_child_forget()`).
    pub(super) fn abort(&mut self) {
        if self.t().state.needs_reset() {
            self.send_active_reset();
        }
        self.tp().orphaned = true;
        self.done();
        self.finish();
    }
}

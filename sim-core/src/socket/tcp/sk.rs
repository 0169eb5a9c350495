//! A connection within its kernel: locking, and the end of its life.

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::netns::mib::{LinuxMib, TcpMib};
use crate::netns::stack;
use crate::packet::SkbPool;
use crate::socket::tcp::{FourTuple, TcpEntry, TcpSock, TcpState};
use crate::socket::{Protocol, Shutdown, Socket, bind, call};
use crate::sysctl::Sysctl;
use crate::trace::{Event, Observer};

/// A TCP socket that is being worked on.
#[derive(Debug)]
pub(super) struct Sk<'k, O> {
    pub(super) k: &'k mut Kernel,
    pub(super) id: SocketId,
    pub(super) o: &'k mut O,
    /// A system call works on it: what it sends is processed to the end, even by who receives it. Otherwise it
    /// is a received segment or a timer, and what is sent goes as far as devices that receive it.
    pub(super) in_process: bool,
}

impl<'k, O: Observer> Sk<'k, O> {
    /// The socket, for a received segment or a timer; `None` if there is no such TCP socket.
    pub(super) fn open(k: &'k mut Kernel, id: SocketId, o: &'k mut O) -> Option<Self> {
        matches!(k.sockets.get(id)?.protocol, Protocol::Tcp(_)).then_some(Self {
            k,
            id,
            o,
            in_process: false,
        })
    }

    /// The socket.
    pub(super) fn sock(&self) -> &Socket {
        &self.k.sockets[self.id]
    }

    /// The socket, to be changed.
    pub(super) fn sock_mut(&mut self) -> &mut Socket {
        &mut self.k.sockets[self.id]
    }

    /// Its TCP part.
    pub(super) fn t(&self) -> &TcpSock {
        self.sock().tcp()
    }

    /// Its TCP part, to be changed.
    pub(super) fn tp(&mut self) -> &mut TcpSock {
        self.sock_mut().tcp_mut()
    }

    /// The socket, and the pool for its buffers.
    pub(super) fn socket_and_pool(&mut self) -> (&mut Socket, &mut SkbPool) {
        (&mut self.k.sockets[self.id], &mut self.k.pool)
    }

    /// Counts an event of `TcpExt`.
    pub(super) fn mib(&mut self, item: LinuxMib) {
        let netns = self.sock().netns;
        self.k.netns[netns].mib.linux.inc(item);
    }

    /// Counts an event of `Tcp`.
    pub(super) fn tcp_mib(&mut self, item: TcpMib) {
        let netns = self.sock().netns;
        self.k.netns[netns].mib.tcp.inc(item);
    }

    /// A setting of its namespace; a negative one counts as 0.
    pub(super) fn sysctl(&self, key: Sysctl) -> u32 {
        sysctl(self.k, self.sock().netns, key)
    }

    /// The largest receive buffer of its namespace, in bytes (`tcp_rmem[2]`).
    pub(super) fn rmem_max(&self) -> u32 {
        let [_, _, most] = self.k.netns[self.sock().netns].sysctl.numbers(Sysctl::TcpRmem);
        u32::try_from(most).unwrap_or(0)
    }

    /// What names the connection.
    pub(super) fn tuple(&self) -> FourTuple {
        let inet = &self.sock().inet;
        FourTuple { saddr: inet.saddr, sport: inet.sport, daddr: inet.daddr, dport: inet.dport }
    }

    /// A system call begins: segments wait until it ends (`lock_sock()`).
    pub(super) fn lock(&mut self) {
        self.in_process = true;
        self.tp().owned = true;
    }

    /// The system call ends: segments that have come are processed (`release_sock()`).
    pub(super) fn release(&mut self) {
        self.drain_backlog();
        let tp = self.tp();
        tp.owned = false;
        if std::mem::take(&mut tp.ack_deferred) && tp.ack.scheduled {
            self.send_ack();
        }
        self.finish();
    }

    /// Processes the segments that have come during a system call (`__release_sock()`).
    pub(super) fn drain_backlog(&mut self) {
        while let Some(mut f) = self.tp().backlog.pop_front() {
            let result = self.receive_segment(&mut f);
            match result {
                Ok(()) => {
                    let socket = self.id;
                    stack::emit(self.k, &f, self.o, |_| Event::Delivered { socket });
                }
                Err(reason) => stack::emit(self.k, &f, self.o, |_| Event::Dropped { reason }),
            }
            self.k.pool.give(f.skb);
        }
        // Only now: what is left of the buffer is judged as if all of them were still there.
        self.tp().rx.backlog = 0;
    }

    /// Removes the socket if it has ended and no program has it (`inet_csk_destroy_sock()`).
    pub(super) fn finish(&mut self) {
        let tp = self.t();
        if tp.state == TcpState::Close && tp.orphaned && !tp.owned {
            self.disarm_all();
            self.tp().tx.purge();
            let (socket, pool) = self.socket_and_pool();
            socket.tcp_mut().rx.purge(pool);
            call::remove(self.k, self.id);
        }
    }

    /// Changes the state, with what the tables and the counters have to know (`tcp_set_state()`).
    pub(super) fn set_state(&mut self, state: TcpState) {
        let old = std::mem::replace(&mut self.tp().state, state);
        let was_up = matches!(old, TcpState::Established | TcpState::CloseWait);
        let is_up = matches!(state, TcpState::Established | TcpState::CloseWait);
        let netns = self.sock().netns;
        let mib = &mut self.k.netns[netns].mib.tcp;
        if is_up && !was_up {
            mib.inc(TcpMib::CurrEstab);
        } else if was_up && !is_up {
            mib.dec(TcpMib::CurrEstab);
        }
        if state == TcpState::Close {
            if matches!(old, TcpState::Established | TcpState::CloseWait) {
                mib.inc(TcpMib::EstabResets);
            }
            self.unhash();
            if !self.sock().inet.port_locked {
                bind::release_port(self.k, self.id);
            }
        }
    }

    /// Takes the connection out of the table.
    fn unhash(&mut self) {
        let (id, tuple, netns) = (self.id, self.tuple(), self.sock().netns);
        let table = &mut self.k.netns[netns].sockets.tcp_connections;
        if matches!(table.get(&tuple), Some(TcpEntry::Socket(other)) if *other == id) {
            table.swap_remove(&tuple);
        }
    }

    /// The connection is over (`tcp_done()`).
    pub(super) fn done(&mut self) {
        if self.t().state.is_opening() {
            self.tcp_mib(TcpMib::AttemptFails);
        }
        self.set_state(TcpState::Close);
        self.disarm_all();
        self.sock_mut().shutdown = Shutdown::BOTH;
        self.k.wake(self.id);
    }

    /// The connection is over because of an error (`tcp_done_with_error()`).
    pub(super) fn done_with_error(&mut self, errno: Errno) {
        self.sock_mut().error = Some(errno);
        let (socket, _) = self.socket_and_pool();
        socket.tcp_mut().tx.purge();
        self.done();
        self.k.wake(self.id);
    }
}

/// A setting of a namespace; a negative one counts as 0.
pub(super) fn sysctl(k: &Kernel, netns: NetnsId, key: Sysctl) -> u32 {
    u32::try_from(k.netns[netns].sysctl.get(key).max(0)).unwrap_or(u32::MAX)
}

impl Socket {
    /// The TCP part of a socket that is known to be one.
    pub(super) fn tcp(&self) -> &TcpSock {
        let Protocol::Tcp(tcp) = &self.protocol else { unreachable!("only TCP sockets get here") };
        tcp
    }

    /// The TCP part of a socket that is known to be one, to be changed.
    pub(super) fn tcp_mut(&mut self) -> &mut TcpSock {
        let Protocol::Tcp(tcp) = &mut self.protocol else {
            unreachable!("only TCP sockets get here")
        };
        tcp
    }
}

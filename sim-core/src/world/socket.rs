//! The system calls on sockets: for programs through [`Sys`], and for whoever drives a world and has no
//! program, through [`World`].

use std::net::SocketAddrV4;

use crate::errno::Errno;
use crate::id::{DevId, NetnsId, SocketId};
use crate::packet::EtherType;
use crate::socket::packet::{self, LinkTarget};
use crate::socket::tcp;
use crate::socket::{
    Datagram, ExtendedError, LinkInfo, Readiness, Shutdown, SockOpt, SocketType, bind, call,
    options,
};
use crate::world::{Sys, World, observed};

/// Declares the calls once for both: name, arguments, answer, and what they do with a kernel and its
/// observer.
macro_rules! system_calls {
    ($(
        $(#[$doc:meta])*
        fn $name:ident(|$k:ident, $o:ident|, $socket:ident $(, $arg:ident: $kind:ty)*)
            -> $answer:ty = $body:expr;
    )*) => {
        impl World {$(
            $(#[$doc])*
            pub fn $name(&mut self, $socket: SocketId $(, $arg: $kind)*) -> $answer {
                let answer = observed!(self, |$k, $o| { let _ = &$o; $body });
                self.run_programs();
                answer
            }
        )*}

        impl Sys<'_> {$(
            $(#[$doc])*
            pub fn $name(&mut self, $socket: SocketId $(, $arg: $kind)*) -> $answer {
                observed!(self.world, |$k, $o| { let _ = &$o; $body })
            }
        )*}
    };
}

system_calls! {
    /// Binds an IP socket to a local address and port (`bind(2)`); see [`bind::bind`].
    ///
    /// # Errors
    /// `EADDRNOTAVAIL`, `EADDRINUSE`, `EINVAL`.
    fn bind(|k, o|, socket, addr: SocketAddrV4) -> Result<(), Errno> = bind::bind(k, socket, addr);

    /// Binds a packet socket to a device, or to all of them, and a protocol (`bind(2)`).
    ///
    /// # Errors
    /// `ENODEV`.
    fn bind_packet(|k, o|, socket, dev: Option<DevId>, protocol: EtherType) -> Result<(), Errno>
        = packet::bind(k, socket, dev, protocol);

    /// Sets an option (`setsockopt(2)`).
    ///
    /// # Errors
    /// `ENODEV`, `EINVAL`, `ENOPROTOOPT`.
    fn set_option(|k, o|, socket, option: SockOpt) -> Result<(), Errno>
        = options::set_option(k, socket, option, o);

    /// Has a device show a packet socket every frame on its wire (`PACKET_MR_PROMISC`).
    ///
    /// # Errors
    /// `ENODEV`, `EINVAL`.
    fn set_promiscuous(|k, o|, socket, dev: DevId, on: bool) -> Result<(), Errno>
        = packet::set_promiscuous(k, socket, dev, on);

    /// Connects a socket (`connect(2)`); see [`call::connect`].
    ///
    /// # Errors
    /// What routing answers.
    fn connect(|k, o|, socket, to: SocketAddrV4) -> Result<(), Errno>
        = call::connect(k, socket, to, o);

    /// Dissolves the connection of a datagram socket.
    ///
    /// # Errors
    /// `EOPNOTSUPP`.
    fn disconnect(|k, o|, socket) -> Result<(), Errno> = call::disconnect(k, socket);

    /// Sends a message (`sendto(2)`); see [`call::send_to`].
    ///
    /// # Errors
    /// Why the packet could not be sent, or what an earlier one met.
    fn send_to(|k, o|, socket, data: &[u8], to: Option<SocketAddrV4>) -> Result<usize, Errno>
        = call::send_to(k, socket, data, to, o);

    /// Sends a frame on a packet socket (`sendto(2)`).
    ///
    /// # Errors
    /// `ENXIO`, `ENETDOWN`, `EMSGSIZE`, `EINVAL`, or what the device answers.
    fn send_packet(|k, o|, socket, frame: &[u8], to: Option<LinkTarget>) -> Result<usize, Errno>
        = packet::send(k, socket, frame, to, o);

    /// Has a TCP socket accept connections, of which `backlog` may wait (`listen(2)`).
    ///
    /// # Errors
    /// `EADDRINUSE`, `EINVAL`, `EOPNOTSUPP`.
    fn listen(|k, o|, socket, backlog: u32) -> Result<(), Errno> = tcp::listen(k, socket, backlog);

    /// Writes to a connection as many bytes as there is room for (`send(2)`).
    ///
    /// # Errors
    /// `EAGAIN` when there is no room, `EPIPE`, `ENOTCONN`, or how the connection ended.
    fn send(|k, o|, socket, data: &[u8]) -> Result<usize, Errno>
        = call::send_to(k, socket, data, None, o);

    /// Reads up to `max` bytes of a connection into `buf`, which they replace (`recv(2)`); 0 bytes mean that
    /// the peer sends no more.
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing yet, `ENOTCONN`, or how the connection ended.
    fn recv(|k, o|, socket, buf: &mut Vec<u8>, max: usize) -> Result<usize, Errno>
        = tcp::recv(k, socket, buf, max, o);

    /// Takes the oldest datagram into `buf`, which it replaces (`recvfrom(2)`).
    ///
    /// # Errors
    /// `EAGAIN` when there is none; a pending error comes first.
    fn recv_from(|k, o|, socket, buf: &mut Vec<u8>) -> Result<Datagram, Errno>
        = call::recv_from(k, socket, buf);

    /// Tells of the oldest datagram and leaves it there (`MSG_PEEK`).
    ///
    /// # Errors
    /// `EAGAIN` when there is none; a pending error comes first.
    fn peek_from(|k, o|, socket) -> Result<Datagram, Errno> = call::peek_from(k, socket);

    /// Takes the oldest frame of a packet socket into `buf`, which it replaces (`recvfrom(2)`).
    ///
    /// # Errors
    /// `EAGAIN` when there is none; a pending error comes first.
    fn recv_packet(|k, o|, socket, buf: &mut Vec<u8>) -> Result<LinkInfo, Errno>
        = call::recv_packet(k, socket, buf);

    /// Takes the oldest entry of the error queue (`MSG_ERRQUEUE`).
    ///
    /// # Errors
    /// `EAGAIN` when there is none.
    fn recv_error(|k, o|, socket) -> Result<ExtendedError, Errno> = call::recv_error(k, socket);

    /// Takes the pending error (`SO_ERROR`).
    fn take_error(|k, o|, socket) -> Option<Errno> = call::take_error(k, socket);

    /// Reads and resets how many frames a packet socket was to receive, and how many of them it lost
    /// (`PACKET_STATISTICS`).
    ///
    /// # Errors
    /// `EINVAL` for other sockets.
    fn packet_statistics(|k, o|, socket) -> Result<(u32, u32), Errno>
        = packet::take_statistics(k, socket);

    /// Closes directions (`shutdown(2)`).
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn shutdown(|k, o|, socket, how: Shutdown) -> Result<(), Errno>
        = call::shutdown(k, socket, how, o);

    /// The local address (`getsockname(2)`).
    ///
    /// # Errors
    /// `EOPNOTSUPP` for packet sockets.
    fn local_addr(|k, o|, socket) -> Result<SocketAddrV4, Errno> = call::local_addr(k, socket);

    /// The peer's address (`getpeername(2)`).
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn peer_addr(|k, o|, socket) -> Result<SocketAddrV4, Errno> = call::peer_addr(k, socket);

    /// What `poll(2)` says.
    fn poll(|k, o|, socket) -> Readiness = call::poll(k, socket);
}

impl World {
    /// Opens a socket in `netns` that no program owns (`socket(2)`).
    ///
    /// # Errors
    /// `EACCES` for ping sockets where they are not allowed.
    pub fn socket(&mut self, netns: NetnsId, kind: SocketType) -> Result<SocketId, Errno> {
        call::open(&mut self.kernel, netns, kind)
    }

    /// Takes the oldest connection that waits at a listening socket (`accept(2)`).
    ///
    /// # Errors
    /// `EAGAIN` when there is none, `EINVAL`.
    pub fn accept(&mut self, socket: SocketId) -> Result<SocketId, Errno> {
        tcp::accept(&mut self.kernel, socket)
    }

    /// Closes a socket (`close(2)`).
    pub fn close_socket(&mut self, socket: SocketId) {
        self.release_socket(socket);
        self.run_programs();
    }

    /// Closes a socket, and leaves it to the caller to run programs that this concerns.
    pub(super) fn release_socket(&mut self, socket: SocketId) {
        observed!(self, |k, o| call::close(k, socket, o));
    }
}

impl Sys<'_> {
    /// Opens a socket in the program's namespace (`socket(2)`). The program is called when it changes, and
    /// it is closed when the program ends.
    ///
    /// # Errors
    /// `EACCES` for ping sockets where they are not allowed.
    pub fn socket(&mut self, kind: SocketType) -> Result<SocketId, Errno> {
        let netns = self.netns();
        let socket = call::open(&mut self.world.kernel, netns, kind)?;
        self.own(socket);
        Ok(socket)
    }

    /// Takes the oldest connection that waits at a listening socket (`accept(2)`); it is the program's.
    ///
    /// # Errors
    /// `EAGAIN` when there is none, `EINVAL`.
    pub fn accept(&mut self, socket: SocketId) -> Result<SocketId, Errno> {
        let connection = tcp::accept(&mut self.world.kernel, socket)?;
        self.own(connection);
        Ok(connection)
    }

    /// Closes a socket (`close(2)`).
    pub fn close(&mut self, socket: SocketId) {
        let slots = &mut self.process().sockets;
        slots.iter_mut().filter(|slot| **slot == Some(socket)).for_each(|slot| *slot = None);
        self.world.release_socket(socket);
    }
}

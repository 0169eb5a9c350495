//! Where a namespace finds its sockets: one table a protocol.
//!
//! Sockets that share a port stand newest first, as in the kernel's hash chains: of two that fit a
//! packet equally well the newer one gets it. Nothing here is ever walked over as a whole.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::id::SocketId;
use crate::socket::multicast::Membership;
use crate::socket::tcp::{ChallengeLimit, FourTuple, TcpEntry};

/// The sockets at each port, or at each ping identifier.
#[derive(Clone, Debug, Default)]
pub struct PortTable(IndexMap<u16, SmallVec<[SocketId; 2]>, FxBuildHasher>);

impl PortTable {
    /// The sockets at `port`, newest first.
    #[must_use]
    pub fn at(&self, port: u16) -> &[SocketId] {
        self.0.get(&port).map_or(&[], SmallVec::as_slice)
    }

    /// Adds a socket.
    pub fn insert(&mut self, port: u16, socket: SocketId) {
        self.0.entry(port).or_default().insert(0, socket);
    }

    /// Removes a socket; false if it was not there.
    pub fn remove(&mut self, port: u16, socket: SocketId) -> bool {
        let Some(sockets) = self.0.get_mut(&port) else { return false };
        let Some(at) = sockets.iter().position(|s| *s == socket) else { return false };
        sockets.remove(at);
        if sockets.is_empty() {
            self.0.swap_remove(&port);
        }
        true
    }
}

/// A namespace's sockets.
#[derive(Clone, Debug, Default)]
pub struct SocketTables {
    /// Bound UDP sockets by port.
    pub udp: PortTable,
    /// Ping sockets by identifier.
    pub ping: PortTable,
    /// Raw sockets, newest first.
    pub raw: Vec<SocketId>,
    /// Packet sockets, newest first.
    pub packet: Vec<SocketId>,
    /// TCP sockets by local port, whatever their state.
    pub tcp_bound: PortTable,
    /// Listening TCP sockets by port.
    pub tcp_listening: PortTable,
    /// TCP connections, connection requests and what is left of closed connections.
    pub tcp_connections: IndexMap<FourTuple, TcpEntry, FxBuildHasher>,
    /// The groups that the namespace itself is in, for its addresses with `autojoin`.
    pub autojoin: Vec<Membership>,
    /// How many challenge ACKs may still be sent.
    pub challenges: ChallengeLimit,
}

//! `SO_REUSEPORT`: sockets that share a port share what comes there (`net/core/sock_reuseport.c`).

use std::net::SocketAddrV4;

use crate::id::SocketId;
use crate::kernel::Kernel;
use crate::route::siphash::siphash;
use crate::socket::Socket;

/// Which socket of `found`'s group gets a packet or a connection: a keyed hash of its addresses chooses, so
/// that what belongs together stays together (`reuseport_select_sock()`). `at_port` holds the sockets at
/// the port, newest first.
///
/// A socket that is connected takes part in no group, and a group in which one is has its newest socket
/// take the rest.
#[must_use]
pub fn select(
    k: &Kernel,
    at_port: &[SocketId],
    found: SocketId,
    from: SocketAddrV4,
    to: SocketAddrV4,
) -> SocketId {
    let chosen = &k.sockets[found];
    if !chosen.opts.reuse_port || chosen.inet.connected {
        return found;
    }
    let members = || at_port.iter().filter(|id| is_alike(chosen, &k.sockets[**id]));
    let count = members().count();
    if count < 2 || members().any(|id| k.sockets[*id].inet.connected) {
        return found;
    }
    let word = |addr: SocketAddrV4| u64::from(addr.ip().to_bits()) << 16 | u64::from(addr.port());
    let hash = siphash(k.flow_hash_key, &[word(from), word(to)]) >> 32;
    let place = usize::try_from((hash * count as u64) >> 32).unwrap_or(0);
    members().rev().nth(place).copied().unwrap_or(found)
}

/// Whether two sockets at a port belong to one group.
fn is_alike(a: &Socket, b: &Socket) -> bool {
    b.opts.reuse_port
        && a.opts.bound_dev == b.opts.bound_dev
        && a.inet.rcv_saddr == b.inet.rcv_saddr
}

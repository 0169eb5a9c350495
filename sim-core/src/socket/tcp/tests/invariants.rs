//! What holds of every TCP socket at every time.

use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::socket::tcp::{TcpEntry, TcpSock, TcpState, WriteTimer};
use crate::socket::{Protocol, Socket};

/// More than a packet is ever charged as, in bytes.
const LARGEST_PACKET: u32 = 256 * 1024;

/// Panics if something is not as it has to be while no system call is under way.
pub(super) fn check(k: &Kernel) {
    assert!(k.is_idle());
    for (id, socket) in k.sockets.iter() {
        if let Protocol::Tcp(tcp) = &socket.protocol {
            check_socket(k, id, socket, tcp);
        }
    }
    for (netns, _) in k.netns.iter() {
        check_tables(k, netns);
    }
}

fn check_socket(k: &Kernel, id: SocketId, socket: &Socket, tcp: &TcpSock) {
    let state = tcp.state;
    assert!(!tcp.owned && tcp.backlog.is_empty() && !tcp.ack_deferred, "{id:?} is at rest");
    assert_eq!(tcp.rx.backlog, 0);
    assert!(state != TcpState::Close || !tcp.orphaned, "{id:?} was forgotten");
    assert_eq!(tcp.listener.is_some(), state == TcpState::Listen);
    tcp.tx.check(tcp.opt.sack_ok);
    tcp.rx.check();
    let [_, _, most] = k.netns[socket.netns].sysctl.numbers(crate::sysctl::Sysctl::TcpRmem);
    let most = socket.opts.rcvbuf.max(u32::try_from(most).unwrap());
    assert!(tcp.rx.rmem <= most + LARGEST_PACKET, "{} of {most} bytes", tcp.rx.rmem);
    assert!(tcp.ca.cwnd > 0 && tcp.rtt.rto > 0, "{:?} {:?}", tcp.timers, tcp.rtt);
    if matches!(state, TcpState::Close | TcpState::Listen) {
        assert_eq!(tcp.timers.write, None, "{state:?}");
    } else if tcp.tx.packets_out > 0 {
        assert!(
            tcp.timers.write.is_some_and(|timer| timer != WriteTimer::Probe),
            "{:?} {:?}",
            tcp.timers,
            tcp.rtt
        );
    } else if !tcp.tx.is_all_sent() {
        assert!(tcp.timers.write.is_some(), "what waits is sent some time: {id:?}");
    }
}

fn check_tables(k: &Kernel, netns: NetnsId) {
    let tables = &k.netns[netns].sockets;
    for (tuple, entry) in &tables.tcp_connections {
        match entry {
            TcpEntry::Socket(id) => {
                let inet = k.sockets[*id].inet;
                let own = (inet.saddr, inet.sport, inet.daddr, inet.dport);
                assert_eq!(own, (tuple.saddr, tuple.sport, tuple.daddr, tuple.dport));
            }
            TcpEntry::Request(request) => assert!(request.expires().is_some()),
        }
    }
    for (id, socket) in k.sockets.iter().filter(|(_, socket)| socket.netns == netns) {
        let Protocol::Tcp(tcp) = &socket.protocol else { continue };
        let Some(listener) = &tcp.listener else { continue };
        let requests = tables
            .tcp_connections
            .values()
            .filter(|entry| matches!(entry, TcpEntry::Request(request) if request.listener == id));
        assert_eq!(requests.count(), usize::try_from(listener.requests).unwrap());
        assert!(listener.requests <= listener.backlog.max(1) + 1, "{listener:?}");
        assert!(listener.accept_queue.len() <= usize::try_from(listener.backlog).unwrap() + 1);
        assert!(tables.tcp_listening.at(socket.inet.sport).contains(&id));
    }
}

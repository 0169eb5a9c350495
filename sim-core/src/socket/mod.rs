//! Sockets: from a packet to a program and back.
//!
//! ```text
//!   options, queue, error     what every socket has
//!   table, bind, reuseport    how a packet finds its socket, and a socket its port
//!   flow, output              the route of what a socket sends, and the IP header
//!   call                      the system calls, for all kinds of sockets
//!   multicast                 groups that sockets are in
//!   udp ping raw packet       one file a datagram protocol
//!   tcp/                      the Transmission Control Protocol
//! ```
//!
//! A system call of a datagram socket is synchronous: [`call::send_to`] returns when the packet has been
//! handed to a device or refused, with the error that the refusing layer gave.

pub mod bind;
pub mod call;
pub mod deliver;
pub mod error;
pub mod flow;
pub mod multicast;
pub mod options;
pub mod output;
pub mod packet;
pub mod ping;
pub mod queue;
pub mod raw;
pub mod reuseport;
pub mod table;
pub mod tcp;
pub mod udp;
pub mod udplite;

#[cfg(test)]
pub(crate) mod lab;
#[cfg(test)]
mod multicast_tests;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::id::{NetnsId, ProcId};
use crate::packet::{EtherType, IpProto};

pub use call::{Readiness, Shutdown};
pub use error::{ErrorOrigin, ErrorQueue, ExtendedError, IcmpError, IcmpFault};
pub(crate) use flow::HeldWay;
pub use multicast::{GroupChange, GroupRequest, Membership, SourceChange};
pub use options::{PmtuDiscovery, SentOptions, SockOpt, SockOptions};
pub use packet::PacketSock;
pub use queue::{Datagram, LinkInfo, Message, MessageInfo, ReceiveQueue};
pub use raw::RawSock;
pub use table::{PortTable, SocketTables};
pub use tcp::TcpSock;

/// Family, type and protocol, as `socket(2)` takes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SocketType {
    /// `AF_INET, SOCK_STREAM`: TCP.
    Tcp,
    /// `AF_INET, SOCK_DGRAM`: UDP.
    Udp,
    /// `AF_INET, SOCK_DGRAM, IPPROTO_ICMP`: echo requests without further rights (`icmp(7)`).
    Ping,
    /// `AF_INET, SOCK_RAW` of a protocol.
    Raw(IpProto),
    /// `AF_PACKET, SOCK_RAW`: whole frames of an EtherType, or of [`EtherType::ALL`]. The type 0 receives
    /// nothing.
    PacketRaw(EtherType),
    /// `AF_PACKET, SOCK_DGRAM`: frames without their link header.
    PacketDgram(EtherType),
}

/// A socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The namespace it was opened in.
    pub netns: NetnsId,
    /// The program that is called when it changes.
    pub owner: Option<ProcId>,
    /// Its options.
    pub opts: SockOptions,
    /// Its addresses.
    pub inet: InetSock,
    /// The groups that it is in, the newest first (`mc_list`).
    pub memberships: Vec<Membership>,
    /// The error that the next system call reports (`sk_err`).
    pub error: Option<Errno>,
    /// What `IP_RECVERR` collects.
    pub error_queue: ErrorQueue,
    /// Messages that were received; a stream's bytes are in its protocol part.
    pub receive_queue: ReceiveQueue,
    /// Messages that were dropped because the receive queue was full (`sk_drops`).
    pub drops: u32,
    /// The peer has answered, and the next packet tells the next hop's entry so (`sk_dst_pending_confirm`).
    pub confirm_neigh: bool,
    /// Which directions `shutdown(2)` has closed.
    pub shutdown: Shutdown,
    /// The way of what a connected socket sends (`sk_dst_cache`), kept only if the next lookup could find another.
    pub(crate) held: Option<HeldWay>,
    /// What its protocol adds.
    pub protocol: Protocol,
}

/// What each protocol adds to a socket.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// TCP.
    Tcp(Box<TcpSock>),
    /// What is left of a TCP connection.
    TcpTimeWait(Box<tcp::TimeWaitSock>),
    /// UDP.
    Udp,
    /// ICMP echo.
    Ping,
    /// Raw IP.
    Raw(RawSock),
    /// Raw frames.
    Packet(PacketSock),
}

/// A socket's addresses (`struct inet_sock`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InetSock {
    /// The address that packets must be for; unspecified takes all (`inet_rcv_saddr`).
    pub rcv_saddr: Ipv4Addr,
    /// The address to send from; unspecified leaves it to routing (`inet_saddr`).
    pub saddr: Ipv4Addr,
    /// The local port, or the ping identifier; 0 while unbound (`inet_num`).
    pub sport: u16,
    /// The address it is connected to (`inet_daddr`).
    pub daddr: Ipv4Addr,
    /// The port it is connected to (`inet_dport`).
    pub dport: u16,
    /// Whether it is connected.
    pub connected: bool,
    /// The identification counter of a connected socket (`inet_id`).
    pub id: u16,
    /// Whether `bind(2)` chose the address (`SOCK_BINDADDR_LOCK`).
    pub addr_locked: bool,
    /// Whether `bind(2)` chose the port (`SOCK_BINDPORT_LOCK`).
    pub port_locked: bool,
}

impl Default for InetSock {
    fn default() -> Self {
        Self {
            rcv_saddr: Ipv4Addr::UNSPECIFIED,
            saddr: Ipv4Addr::UNSPECIFIED,
            sport: 0,
            daddr: Ipv4Addr::UNSPECIFIED,
            dport: 0,
            connected: false,
            id: 0,
            addr_locked: false,
            port_locked: false,
        }
    }
}

impl Socket {
    /// Its type, as it was asked for.
    #[must_use]
    pub fn socket_type(&self) -> SocketType {
        match &self.protocol {
            Protocol::Tcp(_) | Protocol::TcpTimeWait(_) => SocketType::Tcp,
            Protocol::Udp => SocketType::Udp,
            Protocol::Ping => SocketType::Ping,
            Protocol::Raw(raw) => SocketType::Raw(raw.protocol),
            Protocol::Packet(p) if p.cooked => SocketType::PacketDgram(p.protocol),
            Protocol::Packet(p) => SocketType::PacketRaw(p.protocol),
        }
    }

    /// The IP protocol of its packets.
    #[must_use]
    pub fn ip_proto(&self) -> IpProto {
        match &self.protocol {
            Protocol::Tcp(_) | Protocol::TcpTimeWait(_) => IpProto::TCP,
            Protocol::Udp => IpProto::UDP,
            Protocol::Ping => IpProto::ICMP,
            Protocol::Raw(raw) => raw.protocol,
            Protocol::Packet(_) => IpProto::RAW,
        }
    }

    /// Takes the pending error (`sock_error()`).
    pub(crate) fn take_error(&mut self) -> Result<(), Errno> {
        self.error.take().map_or(Ok(()), Err)
    }
}

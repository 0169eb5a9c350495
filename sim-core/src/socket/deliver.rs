//! What the protocols share when a packet has arrived.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::id::{DevId, SocketId};
use crate::kernel::{Flight, Kernel};
use crate::packet::{IpProto, Ipv4, Skb};
use crate::socket::{Datagram, MessageInfo};
use crate::time::SimTime;

/// The addresses of a received packet, by which its socket is found.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    /// The source address.
    pub src: Ipv4Addr,
    /// The destination address.
    pub dst: Ipv4Addr,
    /// The source port; 0 if the protocol has none.
    pub sport: u16,
    /// The destination port; 0 if the protocol has none.
    pub dport: u16,
    /// The device it came in by.
    pub dev: DevId,
    /// Its time to live.
    pub ttl: u8,
    /// Its type of service.
    pub tos: u8,
    /// The length of its IP options in bytes.
    pub optlen: u8,
}

impl Incoming {
    /// Reads the IP header of a flight.
    #[must_use]
    pub fn of(f: &Flight, sport: u16, dport: u16) -> Option<Self> {
        let ip = Ipv4::parse(f.skb.network_header()).ok()?;
        Some(Self {
            src: ip.src(),
            dst: ip.dst(),
            sport,
            dport,
            dev: f.iif.unwrap_or(f.dev),
            ttl: ip.ttl(),
            tos: ip.tos(),
            optlen: u8::try_from(ip.options().len()).unwrap_or(0),
        })
    }

    /// The packet that carried an ICMP error.
    #[must_use]
    pub fn carrier(carrier: &Datagram) -> Self {
        Self {
            src: *carrier.from.ip(),
            dst: carrier.to,
            sport: 0,
            dport: 0,
            dev: carrier.dev,
            ttl: carrier.ttl,
            tos: carrier.tos,
            optlen: carrier.optlen,
        }
    }

    /// What a program is told about it.
    #[must_use]
    pub fn datagram(&self, time: SimTime) -> Datagram {
        Datagram {
            from: SocketAddrV4::new(self.src, self.sport),
            to: self.dst,
            dev: self.dev,
            ttl: self.ttl,
            tos: self.tos,
            time,
            optlen: self.optlen,
        }
    }
}

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a> {
    /// Its source address: this host's.
    pub src: Ipv4Addr,
    /// Its destination address.
    pub dst: Ipv4Addr,
    /// Its protocol.
    pub proto: IpProto,
    /// What follows its IP header, as much as there is.
    pub payload: &'a [u8],
}

impl<'a> Quoted<'a> {
    /// Reads the quoted IP header.
    #[must_use]
    pub fn parse(quoted: &'a [u8]) -> Option<Self> {
        let ip = Ipv4::parse(quoted).ok()?;
        let payload = quoted.get(ip.header_len()..)?;
        Some(Self { src: ip.src(), dst: ip.dst(), proto: ip.proto(), payload })
    }
}

/// Queues a message for a socket's program; false if there was no room (`sock_queue_rcv_skb()`).
/// `len` is what its packet is charged as, in bytes from the network header on.
pub(super) fn queue(
    k: &mut Kernel,
    id: SocketId,
    skb: Box<Skb>,
    info: MessageInfo,
    len: usize,
) -> bool {
    let socket = &mut k.sockets[id];
    if socket.receive_queue.used() >= socket.opts.rcvbuf as usize {
        socket.drops += 1;
        k.pool.give(skb);
        return false;
    }
    socket.receive_queue.push(skb, info, len);
    k.wake(id);
    true
}

//! Receive queues: what waits for a program to read it, and how much room it takes.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::id::DevId;
use crate::packet::{EtherType, MacAddr, PacketType, Skb, SkbPool, truesize};
use crate::time::SimTime;

/// What a datagram socket tells about a message beside its bytes: the sender's address and the
/// control messages of `ip(7)`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Datagram {
    /// Who sent it (`msg_name`); the port is 0 where the protocol has none.
    pub from: SocketAddrV4,
    /// The destination address of its IP header (`ipi_addr` of `IP_PKTINFO`).
    pub to: Ipv4Addr,
    /// The device it came in by (`ipi_ifindex`).
    pub dev: DevId,
    /// Its time to live when it arrived (`IP_TTL`).
    pub ttl: u8,
    /// Its type of service (`IP_TOS`).
    pub tos: u8,
    /// When it was received (`SO_TIMESTAMPNS`).
    pub time: SimTime,
    /// The length of the IP options in front of the protocol's header, in bytes.
    pub optlen: u8,
}

/// What a packet socket tells about a frame (`struct sockaddr_ll`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkInfo {
    /// The frame's EtherType (`sll_protocol`).
    pub protocol: EtherType,
    /// The device that saw it (`sll_ifindex`).
    pub dev: DevId,
    /// Whose frame it is (`sll_pkttype`).
    pub pkt_type: PacketType,
    /// The sender's hardware address (`sll_addr`).
    pub addr: MacAddr,
    /// When it passed the device.
    pub time: SimTime,
    /// It leaves in the buffer of a fragment that came in; see [`SkbMeta::in_place`](crate::packet::SkbMeta::in_place).
    pub in_place: bool,
}

/// What is known about a message in a receive queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageInfo {
    /// A datagram of an IP socket.
    Inet(Datagram),
    /// A frame of a packet socket.
    Link(LinkInfo),
}

/// A message that waits to be read.
#[derive(Clone, Debug)]
pub struct Message {
    /// The message is what its data starts with.
    pub skb: Box<Skb>,
    /// Where it came from.
    pub info: MessageInfo,
    truesize: usize,
}

/// What a socket has received and nobody has read yet.
#[derive(Clone, Debug, Default)]
pub struct ReceiveQueue {
    messages: VecDeque<Message>,
    used: usize,
}

impl ReceiveQueue {
    /// Queues a message whose packet has `len` bytes from the network header on.
    pub fn push(&mut self, skb: Box<Skb>, info: MessageInfo, len: usize) {
        let truesize = truesize(len);
        self.used += truesize;
        self.messages.push_back(Message { skb, info, truesize });
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.used -= message.truesize;
        Some(message)
    }

    /// The oldest message.
    #[must_use]
    pub fn front(&self) -> Option<&Message> {
        self.messages.front()
    }

    /// How many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many bytes of memory the waiting messages are charged with (`sk_rmem_alloc`).
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Gives all buffers back.
    pub fn purge(&mut self, pool: &mut SkbPool) {
        while let Some(message) = self.pop() {
            pool.give(message.skb);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many datagrams of a size fit into the default buffer of 212992 bytes; counted on
    /// Linux 6.18 over loopback.
    #[test]
    fn as_many_datagrams_fit_as_on_linux() {
        for (payload, count) in [
            (0, 256),
            (1, 256),
            (197, 256),
            (198, 166),
            (645, 166),
            (646, 92),
            (1669, 92),
            (1670, 48),
            (3717, 48),
            (3718, 25),
            (8000, 12),
            (32000, 6),
            (60000, 3),
        ] {
            assert_eq!(212_992 / truesize(payload + 28), count, "{payload}");
        }
    }
}

//! The TCP connections that relative sequence numbers count from.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;

use crate::packet::tcp::TcpFlags;

/// The addresses of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Addrs {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Addrs {
    const fn swapped(self) -> Self {
        match self {
            Self::V4(src, dst) => Self::V4(dst, src),
            Self::V6(src, dst) => Self::V6(dst, src),
        }
    }

    fn src_is_higher(self) -> bool {
        match self {
            Self::V4(src, dst) => src > dst,
            Self::V6(src, dst) => src > dst,
        }
    }
}

/// The numbers that a connection's are relative to: those of the side with the lower port first.
#[derive(Clone, Copy, Debug)]
struct Origin {
    seq: u32,
    ack: u32,
}

/// The connections seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences {
    origins: BTreeMap<(Addrs, u16, u16), Origin>,
}

/// The numbers to print for a segment, and what to take off the numbers in its SACK option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relative {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) sack_base: u32,
}

impl Sequences {
    /// Returns the numbers of a segment relative to its connection.
    ///
    /// The first segment with ACK, and every one with SYN and ACK, starts the connection anew and keeps
    /// its numbers.
    pub(super) fn relative(
        &mut self,
        addrs: Addrs,
        ports: (u16, u16),
        flags: TcpFlags,
        (seq, ack): (u32, u32),
    ) -> Relative {
        let (src, dst) = ports;
        let reverse = src > dst || (src == dst && addrs.src_is_higher());
        let key = if reverse { (addrs.swapped(), dst, src) } else { (addrs, src, dst) };
        let first = if reverse {
            Origin { ack: seq, seq: ack.wrapping_sub(1) }
        } else {
            Origin { seq, ack: ack.wrapping_sub(1) }
        };
        let known = self.origins.get(&key).copied().filter(|_| !flags.syn());
        let origin = known.unwrap_or_else(|| {
            self.origins.insert(key, first);
            first
        });
        let (own, peer) = if reverse { (origin.ack, origin.seq) } else { (origin.seq, origin.ack) };
        let (seq, ack) = match known {
            Some(_) => (seq.wrapping_sub(own), ack.wrapping_sub(peer)),
            None => (seq, ack),
        };
        Relative { seq, ack, sack_base: peer }
    }
}

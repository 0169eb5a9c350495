//! Identifications (`ip_idents`, `__ip_select_ident()` of `net/ipv4/route.c`).
//!
//! Packets without a connected socket take theirs from one of 2048 counters, chosen by a keyed hash of
//! the packet's addresses and protocol. A counter also jumps ahead by a random part of the time since it
//! was last used, so that nobody can count what a host sends to others.

use std::hash::Hasher as _;
use std::net::Ipv4Addr;

use rustc_hash::FxHasher;

use crate::id::{Id as _, NetnsId};
use crate::kernel::Kernel;
use crate::packet::IpProto;

/// How many counters there are (`IP_IDENTS_SZ`).
const COUNTERS: usize = 2048;

/// A counter and the jiffy in which it was last used.
#[derive(Clone, Copy, Debug)]
struct Counter {
    next: u16,
    used: u64,
}

/// The counters, made when the first packet wants one.
#[derive(Clone, Debug, Default)]
pub struct Idents {
    counters: Box<[Counter]>,
    key: u64,
}

/// Chooses the identification of a packet (`__ip_select_ident()`).
pub fn select(k: &mut Kernel, netns: NetnsId, src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto) -> u16 {
    let now = k.now.jiffies();
    if k.idents.counters.is_empty() {
        let stream = k.rng.stream("ip.id");
        k.idents.key = stream.next_u64();
        let new = |_| Counter { next: stream.next_u16(), used: 0 };
        k.idents.counters = (0..COUNTERS).map(new).collect();
    }
    let mut hasher = FxHasher::default();
    for word in [netns.index(), src.to_bits(), dst.to_bits(), u32::from(proto.0)] {
        hasher.write_u32(word);
    }
    hasher.write_u64(k.idents.key);
    let at = usize::try_from(hasher.finish() >> 32).unwrap_or(0) % COUNTERS;
    let counter = &mut k.idents.counters[at];
    if counter.used != now {
        let passed = u32::try_from(now - counter.used).unwrap_or(u32::MAX);
        let [_, _, high, low] = k.rng.stream("ip.id").below(passed).to_be_bytes();
        counter.next = counter.next.wrapping_add(u16::from_be_bytes([high, low]));
        counter.used = now;
    }
    let id = counter.next;
    counter.next = id.wrapping_add(1);
    id
}

//! Numbers that nobody outside can guess: where sequence numbers and clocks begin
//! (`net/core/secure_seq.c`).
//!
//! Both are a keyed hash, so that they are the same for the same peer: a connection that follows another
//! one begins at a later number and shows a later clock.

use std::net::Ipv4Addr;

use crate::kernel::Kernel;
use crate::socket::tcp::FourTuple;
use crate::socket::tcp::seq::Seq;

/// The keys, drawn when the first connection wants one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TcpKeys(Option<(u64, u64)>);

fn keys(k: &mut Kernel) -> (u64, u64) {
    let drawn = k.tcp_keys.0;
    drawn.unwrap_or_else(|| {
        let keys = (k.rng.stream("tcp.isn").next_u64(), k.rng.stream("tcp.timestamp").next_u64());
        k.tcp_keys = TcpKeys(Some(keys));
        keys
    })
}

/// Mixes a word into a state (the finalizer of SplitMix64).
fn mix(state: u64, word: u64) -> u64 {
    let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn low_half(word: u64) -> u32 {
    u32::try_from(word & 0xffff_ffff).unwrap_or(0)
}

fn addresses(saddr: Ipv4Addr, daddr: Ipv4Addr) -> u64 {
    u64::from(saddr.to_bits()) << 32 | u64::from(daddr.to_bits())
}

/// The first number of a connection: the hash of its addresses, and a clock that ticks every 64 ns
/// (`secure_tcp_seq()`).
pub(super) fn isn(k: &mut Kernel, tuple: &FourTuple) -> Seq {
    let key = keys(k).0;
    let ports = u64::from(tuple.sport) << 16 | u64::from(tuple.dport);
    let hash = mix(mix(key, addresses(tuple.saddr, tuple.daddr)), ports);
    Seq(low_half(hash)).plus(low_half(k.now.as_nanos() >> 6))
}

/// By how much the clock is displaced that two hosts' connections show (`secure_tcp_ts_off()`).
pub(super) fn ts_offset(k: &mut Kernel, saddr: Ipv4Addr, daddr: Ipv4Addr) -> u32 {
    let key = keys(k).1;
    low_half(mix(key, addresses(saddr, daddr)))
}

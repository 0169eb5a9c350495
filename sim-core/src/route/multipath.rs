//! Which of several ways a flow takes (`fib_rebalance()`, `fib_multipath_hash()`,
//! `fib_select_multipath()`).

use std::net::Ipv4Addr;

use crate::family::{Family, V4};
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::ConfKey;
use crate::route::addr_type::is_zeronet;
use crate::route::default::{self, Choice};
use crate::route::fib::{FibInfo, FibMatch, NhFlags};
use crate::route::flow::{Carried, CarriedFlow, FlowKey};
use crate::route::siphash::siphash;
use crate::route::source::source_of_hop;
use crate::sysctl::Sysctl;

/// Whether `dev` passes over ways without carrier.
pub(crate) fn ignores_linkdown(k: &Kernel, dev: DevId) -> bool {
    k.conf_is_on(dev, ConfKey::IgnoreRoutesWithLinkdown)
}

/// Shares the hash space, 2^31 values, among the ways that are alive, by their weights.
pub(crate) fn rebalance<F: Family>(info: &mut FibInfo<F>, ignores: impl Fn(DevId) -> bool) {
    if info.hops.len() < 2 {
        return;
    }
    let counts = |flags: NhFlags, dev: Option<DevId>| {
        let ignored = flags.contains(NhFlags::LINKDOWN) && dev.is_some_and(&ignores);
        !flags.contains(NhFlags::DEAD) && !ignored
    };
    let alive = info.hops.iter().filter(|hop| counts(hop.flags, hop.dev));
    let total: u64 = alive.map(|hop| u64::from(hop.weight)).sum();
    let mut sum = 0;
    for hop in &mut info.hops {
        hop.upper_bound = if counts(hop.flags, hop.dev) {
            sum += u64::from(hop.weight);
            let share = ((sum << 31) + total / 2) / total;
            i32::try_from(share - 1).expect("at most 2^31 - 1, as sum is at most total")
        } else {
            -1
        };
    }
}

/// What a hash is taken of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hashed<'f> {
    /// The flow of a packet that this host is about to make.
    Flow,
    /// This packet.
    Packet(&'f FlowKey<V4>),
}

/// Chooses among the ways that were found for a packet of this host, if there are several, and says what is to be
/// remembered of it (`fib_select_path()`).
pub(super) fn select_path<'k>(
    k: &'k Kernel,
    netns: NetnsId,
    found: &mut FibMatch<'k, V4>,
    flow: &FlowKey<V4>,
    hashed: Hashed<'_>,
) -> Option<Choice> {
    if flow.oif.is_some() {
        return None;
    }
    if found.alias.info.hops.len() < 2 {
        return default::choose(k, netns, found, flow);
    }
    let hash = match hashed {
        Hashed::Flow => multipath_hash(k, netns, flow),
        Hashed::Packet(packet) => packet_hash(k, netns, packet),
    };
    found.hop = select(k, found, hash, flow.src);
    None
}

/// Chooses among the ways that were found for a received packet, if there are several
/// (`ip_mkroute_input()`).
pub(super) fn select_received(
    k: &Kernel,
    netns: NetnsId,
    found: &mut FibMatch<'_, V4>,
    packet: &FlowKey<V4>,
) {
    if found.alias.info.hops.len() > 1 {
        let hash = packet_hash(k, netns, packet);
        found.hop = select(k, found, hash, Ipv4Addr::UNSPECIFIED);
    }
}

/// The way for this hash: the first whose share holds it. A way whose own source address is `src` is
/// preferred to one that holds the hash.
fn select(k: &Kernel, found: &FibMatch<'_, V4>, hash: i32, src: Ipv4Addr) -> usize {
    let info = &*found.alias.info;
    let mut best = (found.hop, -1);
    for (i, hop) in info.hops.iter().enumerate().filter(|(_, hop)| hop.upper_bound != -1) {
        let own = !is_zeronet(src) && source_of_hop(k, info, i) == Some(src);
        let score = 2 * i32::from(own) + i32::from(hash <= hop.upper_bound);
        if score > best.1 {
            best = (i, score);
        }
        if score == 3 || (is_zeronet(src) && score == 1) {
            break;
        }
    }
    best.0
}

/// Bits of `fib_multipath_hash_fields`.
mod field {
    pub(super) const SRC_IP: i64 = 1;
    pub(super) const DST_IP: i64 = 2;
    pub(super) const IP_PROTO: i64 = 4;
    pub(super) const SRC_PORT: i64 = 16;
    pub(super) const DST_PORT: i64 = 32;
    /// How many there are of the outer packet; then come the same ones of the inner packet.
    pub(super) const COUNT: u32 = 6;
}

/// What goes into the hash (`struct flow_keys`).
#[derive(Clone, Copy, Debug)]
struct HashKeys {
    src: Ipv4Addr,
    dst: Ipv4Addr,
    proto: u8,
    sport: u16,
    dport: u16,
}

/// The hash of a flow, 31 bits (`fib_multipath_hash()`).
fn multipath_hash(k: &Kernel, netns: NetnsId, flow: &FlowKey<V4>) -> i32 {
    (full_hash(k, netns, flow) >> 1).cast_signed()
}

/// The hash of a packet: as that of its flow, but where the fields are chosen, one of its outer and
/// one of its inner fields are mixed (`fib_multipath_custom_hash_skb()`).
fn packet_hash(k: &Kernel, netns: NetnsId, packet: &FlowKey<V4>) -> i32 {
    let mut hash = full_hash(k, netns, packet);
    let sysctl = &k.netns[netns].sysctl;
    if sysctl.get(Sysctl::FibMultipathHashPolicy) == CHOSEN_FIELDS {
        let inner_fields = sysctl.get(Sysctl::FibMultipathHashFields) >> field::COUNT;
        let inner = match packet.carried {
            Carried::Packet(flow) => custom_hash(HashKeys::of(flow), inner_fields, key(k, netns)),
            Carried::Nothing | Carried::Error(..) => 0,
        };
        hash = jhash_2words(hash, inner);
    }
    (hash >> 1).cast_signed()
}

/// Bob Jenkins' `lookup3` of two words with the kernel's start value (`jhash_2words()`).
fn jhash_2words(first: u32, second: u32) -> u32 {
    const START: u32 = 0xdead_beef + (2 << 2);
    let mut a = START.wrapping_add(first);
    let mut b = START.wrapping_add(second);
    let mut c = START;
    let step = |x: &mut u32, y: u32, bits: u32| *x = (*x ^ y).wrapping_sub(y.rotate_left(bits));
    step(&mut c, b, 14);
    step(&mut a, c, 11);
    step(&mut b, a, 25);
    step(&mut c, b, 16);
    step(&mut a, c, 4);
    step(&mut b, a, 14);
    step(&mut c, b, 24);
    c
}

/// The value of `fib_multipath_hash_policy` with which the innermost addresses count.
const INNERMOST: i64 = 2;
/// The value with which `fib_multipath_hash_fields` counts.
const CHOSEN_FIELDS: i64 = 3;

/// What hashes are keyed with.
fn key(k: &Kernel, netns: NetnsId) -> [u64; 2] {
    let seed = k.netns[netns].sysctl.get(Sysctl::FibMultipathHashSeed).cast_unsigned();
    if seed == 0 { k.flow_hash_key } else { [seed << 32 | seed; 2] }
}

fn full_hash(k: &Kernel, netns: NetnsId, flow: &FlowKey<V4>) -> u32 {
    let sysctl = &k.netns[netns].sysctl;
    let key = key(k, netns);
    let addresses = |src, dst| HashKeys { src, dst, proto: 0, sport: 0, dport: 0 }.hash(key);
    let all = HashKeys {
        src: flow.src,
        dst: flow.dst,
        proto: flow.proto,
        sport: flow.sport,
        dport: flow.dport,
    };
    match (sysctl.get(Sysctl::FibMultipathHashPolicy), flow.carried) {
        (1, _) => all.hash(key),
        (INNERMOST, Carried::Packet(inner)) => addresses(inner.src, inner.dst),
        (INNERMOST, _) => addresses(flow.src, flow.dst),
        (CHOSEN_FIELDS, _) => custom_hash(all, sysctl.get(Sysctl::FibMultipathHashFields), key),
        (_, Carried::Error(src, dst)) => addresses(src, dst),
        (_, _) => addresses(flow.src, flow.dst),
    }
}

/// The hash of the fields that `fields` names, 0 if it names none (`fib_multipath_custom_hash_fl4()`).
fn custom_hash(all: HashKeys, fields: i64, key: [u64; 2]) -> u32 {
    /// All fields of the outer packet.
    const OUTER: i64 = 63;
    let has = |field: i64| fields & field != 0;
    if !has(OUTER) {
        return 0;
    }
    let addr = |field, addr| if has(field) { addr } else { Ipv4Addr::UNSPECIFIED };
    let port = |field, port| if has(field) { port } else { 0 };
    HashKeys {
        src: addr(field::SRC_IP, all.src),
        dst: addr(field::DST_IP, all.dst),
        proto: if has(field::IP_PROTO) { all.proto } else { 0 },
        sport: port(field::SRC_PORT, all.sport),
        dport: port(field::DST_PORT, all.dport),
    }
    .hash(key)
}

impl HashKeys {
    /// All of an inner flow.
    fn of(CarriedFlow { src, dst, proto, sport, dport }: CarriedFlow<Ipv4Addr>) -> Self {
        Self { src, dst, proto, sport, dport }
    }

    /// The same for both directions of a flow: addresses and ports are ordered first, each for itself
    /// (`__flow_hash_consistentify()`, `flow_hash_from_keys_seed()`). Never 0.
    fn hash(self, key: [u64; 2]) -> u32 {
        let word = |addr: Ipv4Addr| u64::from(u32::from_le_bytes(addr.octets()));
        let half = |port: u16| u64::from(port.to_be());
        let (src, dst) = (word(self.src), word(self.dst));
        let (sport, dport) = (half(self.sport), half(self.dport));
        let words = [
            u64::from(self.proto) << 16,
            0,
            0,
            sport.min(dport) << 32 | sport.max(dport) << 48,
            src.min(dst) << 32,
            src.max(dst),
        ];
        let low = siphash(key, &words) & u64::from(u32::MAX);
        u32::try_from(low).expect("32 bits").max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sequence that a kernel with `fib_multipath_hash_seed=12345` chose for UDP packets from
    /// 10.0.1.2:5000, 5001, ... to 10.55.0.1:53 over two equal ways (policy 1), then for the addresses
    /// alone (policy 0), on Linux 6.18.
    #[test]
    fn a_seeded_hash_chooses_as_the_kernel_does() {
        let keys = |sport, proto, dport| HashKeys {
            src: Ipv4Addr::new(10, 0, 1, 2),
            dst: Ipv4Addr::new(10, 55, 0, 1),
            proto,
            sport,
            dport,
        };
        let way = |keys: HashKeys| {
            if keys.hash([12345 << 32 | 12345; 2]) >> 1 < 1 << 30 { '2' } else { '3' }
        };
        let ways: String = (5000..5016).map(|port| way(keys(port, 17, 53))).collect();
        assert_eq!(ways, "3323333333322322");
        assert_eq!(way(keys(0, 0, 0)), '2');
    }
}

//! Chains compiled for lookup: which rules of a long chain can apply to a packet at all.
//!
//! Most rules of a long chain ask for one address or one port. These are indexed by what they ask for, so that a
//! packet meets only the rules that may apply to it, in their order, however many there are. Of each of the others
//! there is a [`Sieve`], which most packets fail that fail the rule. What comes through is judged as the plain
//! interpreter judges it: what is compiled is where to look, never what a rule means.

use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::kernel::Flight;
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::{AddrMask, Rule};
use crate::packet::IpProto;
use crate::packet::tcp::TCP_HLEN;
use crate::packet::udp::UDP_HLEN;

/// Shorter chains are as fast without.
const MIN_RULES: usize = 8;

/// What a rule asks for, of which the most telling part counts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Key {
    /// A destination and a port of it.
    Service { dst: u32, proto: u8, port: u16 },
    /// A destination.
    Dst(u32),
    /// A source.
    Src(u32),
    /// A destination port of whatever host.
    Port { proto: u8, port: u16 },
}

/// How many kinds of keys there are.
const KINDS: usize = 4;

impl Key {
    /// What the rule asks for, if that can be looked up.
    fn of(rule: &Rule) -> Option<Self> {
        let one = |wanted: Option<AddrMask>| match masked(wanted) {
            (addr, u32::MAX) => Some(addr),
            _ => None,
        };
        let port = ports(rule).filter(|(_, min, max)| min == max);
        match (one(rule.ip.dst), port, one(rule.ip.src)) {
            (Some(dst), Some((proto, port, _)), _) => Some(Self::Service { dst, proto, port }),
            (Some(dst), None, _) => Some(Self::Dst(dst)),
            (None, _, Some(src)) => Some(Self::Src(src)),
            (None, Some((proto, port, _)), None) => Some(Self::Port { proto, port }),
            (None, None, None) => None,
        }
    }

    /// Under which keys the rules are that a packet may match, by [`Self::kind`].
    const fn all_of(packet: &PacketKey) -> [Self; KINDS] {
        let PacketKey { src, dst, proto, port } = *packet;
        [
            Self::Service { dst, proto, port },
            Self::Dst(dst),
            Self::Src(src),
            Self::Port { proto, port },
        ]
    }

    const fn kind(self) -> usize {
        match self {
            Self::Service { .. } => 0,
            Self::Dst(_) => 1,
            Self::Src(_) => 2,
            Self::Port { .. } => 3,
        }
    }

    fn hash(&self) -> u64 {
        FxBuildHasher.hash_one(self)
    }
}

/// The address that is asked for, and the bits of it that count; none do if all others are meant.
fn masked(wanted: Option<AddrMask>) -> (u32, u32) {
    match wanted {
        Some(AddrMask { addr: IpAddr::V4(addr), mask: IpAddr::V4(mask), invert: false }) => {
            (addr.to_bits() & mask.to_bits(), mask.to_bits())
        }
        Some(_) | None => (0, 0),
    }
}

/// The protocol and the range of destination ports that the rule asks for before anything that remembers packets.
fn ports(rule: &Rule) -> Option<(u8, u16, u16)> {
    let (proto, false) = rule.ip.proto? else { return None };
    for condition in rule.matches.iter() {
        let (min, max) = if matches!(condition, Match::Comment(_)) {
            continue;
        } else if let (Match::Tcp(tcp), IpProto::TCP) = (condition, IpProto(proto)) {
            tcp.dports()
        } else if let (Match::Udp(udp), IpProto::UDP) = (condition, IpProto(proto)) {
            udp.dports()
        } else {
            return None;
        };
        if (min, max) != (0, u16::MAX) {
            return Some((proto, min, max));
        }
    }
    None
}

/// What can be looked up of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketKey {
    src: u32,
    dst: u32,
    proto: u8,
    /// The destination port of TCP and UDP; else 0.
    port: u16,
}

impl PacketKey {
    /// That of the packet at the network header; `None` for fragments and broken headers, about which the rules
    /// themselves have an opinion.
    pub(super) fn of(f: &Flight, seen: &Seen) -> Option<Self> {
        let needed = match IpProto(seen.proto) {
            IpProto::TCP => TCP_HLEN,
            IpProto::UDP => UDP_HLEN,
            _ => 0,
        };
        let transport = f.skb.network_header().get(seen.header_len..)?;
        if seen.frag_off != 0 || transport.len() < needed {
            return None;
        }
        let port = match transport.get(2..4) {
            Some(&[high, low]) if needed > 0 => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        let [src, dst] = [seen.src, seen.dst].map(Ipv4Addr::to_bits);
        Some(Self { src, dst, proto: seen.proto, port })
    }
}

/// What a rule asks for that can be told from a [`PacketKey`].
#[derive(Clone, Copy, Debug)]
struct Sieve {
    src: (u32, u32),
    dst: (u32, u32),
    proto: Option<(u8, bool)>,
    /// Of TCP and UDP.
    ports: (u16, u16),
}

impl Sieve {
    fn of(rule: &Rule) -> Self {
        Self {
            src: masked(rule.ip.src),
            dst: masked(rule.ip.dst),
            proto: rule.ip.proto,
            ports: ports(rule).map_or((0, u16::MAX), |(_, min, max)| (min, max)),
        }
    }

    /// Whether the rule may match the packet.
    fn lets_through(&self, packet: &PacketKey) -> bool {
        let is_at = |(addr, mask): (u32, u32), of_packet: u32| of_packet & mask == addr;
        is_at(self.dst, packet.dst)
            && is_at(self.src, packet.src)
            && self.proto.is_none_or(|(proto, invert)| (proto == packet.proto) != invert)
            && (self.ports.0..=self.ports.1).contains(&packet.port)
    }
}

/// The index of a chain.
#[derive(Debug)]
pub(super) struct Index {
    lists: HashTable<(Key, Vec<u32>)>,
    /// The kinds of keys that there are.
    kinds: [bool; KINDS],
    /// The rules that cannot be looked up.
    rest: Vec<(u32, Sieve)>,
}

impl Index {
    fn new(rules: &[Arc<Rule>]) -> Self {
        let mut lists: HashTable<(Key, Vec<u32>)> = HashTable::new();
        let (mut kinds, mut rest) = ([false; KINDS], Vec::new());
        for (n, rule) in (0..).zip(rules) {
            let Some(key) = Key::of(rule) else {
                rest.push((n, Sieve::of(rule)));
                continue;
            };
            kinds[key.kind()] = true;
            let rehash = |(key, _): &(Key, _)| key.hash();
            let entry = lists.entry(key.hash(), |(other, _)| *other == key, rehash);
            entry.or_insert_with(|| (key, Vec::new())).get_mut().1.push(n);
        }
        Self { lists, kinds, rest }
    }

    fn list(&self, key: Key) -> &[u32] {
        if !self.kinds[key.kind()] {
            return &[];
        }
        let found = self.lists.find(key.hash(), |(other, _)| *other == key);
        found.map_or(&[], |(_, rules)| rules)
    }

    /// The rules from `from` on that the packet may match.
    pub(super) fn candidates(&self, packet: PacketKey, from: usize) -> Candidates<'_> {
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        let lists = Key::all_of(&packet).map(|key| self.list(key));
        let mut candidates = Candidates {
            packet,
            lists: lists.map(|list| &list[list.partition_point(|n| *n < from)..]),
            keyed: None,
            rest: &self.rest[self.rest.partition_point(|(n, _)| *n < from)..],
        };
        candidates.keyed = candidates.take_keyed();
        candidates
    }
}

/// Rules in their order, from several lists of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates<'c> {
    packet: PacketKey,
    /// What was looked up, but for the first of them.
    lists: [&'c [u32]; KINDS],
    /// The first rule that was looked up.
    keyed: Option<u32>,
    /// The rules that could not be looked up.
    rest: &'c [(u32, Sieve)],
}

impl Candidates<'_> {
    /// Takes the first rule out of the lists. Each is in one of them alone.
    fn take_keyed(&mut self) -> Option<u32> {
        let first = |list: &&[u32]| list.first().copied().unwrap_or(u32::MAX);
        let list = self.lists.iter_mut().min_by_key(|list| first(list))?;
        let (first, rest) = list.split_first()?;
        *list = rest;
        Some(*first)
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let keyed = self.keyed.unwrap_or(u32::MAX);
        while let Some(((n, sieve), rest)) = self.rest.split_first() {
            if *n > keyed {
                break;
            }
            self.rest = rest;
            if sieve.lets_through(&self.packet) {
                return Some(*n as usize);
            }
        }
        let keyed = self.keyed?;
        self.keyed = self.take_keyed();
        Some(keyed as usize)
    }
}

/// The index of a chain, made when a packet first comes to it. A chain that is changed begins as a copy, which has
/// none.
#[derive(Debug, Default)]
pub(super) struct LazyIndex(OnceLock<Box<Index>>);

impl LazyIndex {
    /// The index of a chain with these rules; `None` if it is short.
    pub(super) fn get(&self, rules: &[Arc<Rule>]) -> Option<&Index> {
        let is_long = rules.len() >= MIN_RULES;
        is_long.then(|| &**self.0.get_or_init(|| Box::new(Index::new(rules))))
    }
}

impl Clone for LazyIndex {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// It follows from the rules.
impl PartialEq for LazyIndex {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

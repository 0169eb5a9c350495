//! Chains compiled for lookup: which rules of a long chain can apply to a packet at all.
//!
//! Most rules of a long chain ask for one address or one port. These are indexed by what they ask for, so that a
//! packet meets only the rules that may apply to it, in their order, however many there are. Each is then judged as
//! the plain interpreter judges it: what is compiled is where to look, never what a rule means.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::kernel::Flight;
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::{AddrMask, ChainId, Rule};
use crate::netfilter::xtables::table::Chain;
use crate::packet::IpProto;
use crate::packet::tcp::TCP_HLEN;
use crate::packet::udp::UDP_HLEN;

/// Shorter chains are as fast without.
const MIN_RULES: usize = 8;

/// What a rule asks for, of which the most telling part counts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Key {
    /// A destination and a port of it.
    Service { dst: [u8; 4], proto: u8, port: u16 },
    /// A destination.
    Dst([u8; 4]),
    /// A source.
    Src([u8; 4]),
    /// A destination port of whatever host.
    Port { proto: u8, port: u16 },
}

/// How many kinds of keys there are, and the rules without any.
const LISTS: usize = 5;

impl Key {
    /// What the rule asks for, if that can be looked up.
    fn of(rule: &Rule) -> Option<Self> {
        let one = |wanted: Option<AddrMask>| match wanted? {
            AddrMask { addr: IpAddr::V4(addr), mask: IpAddr::V4(mask), invert: false }
                if mask.to_bits() == u32::MAX =>
            {
                Some(addr.octets())
            }
            _ => None,
        };
        match (one(rule.ip.dst), port(rule), one(rule.ip.src)) {
            (Some(dst), Some((proto, port)), _) => Some(Self::Service { dst, proto, port }),
            (Some(dst), None, _) => Some(Self::Dst(dst)),
            (None, _, Some(src)) => Some(Self::Src(src)),
            (None, Some((proto, port)), None) => Some(Self::Port { proto, port }),
            (None, None, None) => None,
        }
    }

    fn hash(&self) -> u64 {
        FxBuildHasher.hash_one(self)
    }
}

/// The protocol and the one destination port that the rule asks for before anything that remembers packets.
fn port(rule: &Rule) -> Option<(u8, u16)> {
    let (proto, false) = rule.ip.proto? else { return None };
    for condition in &rule.matches {
        let found = if matches!(condition, Match::Comment(_)) {
            continue;
        } else if let (Match::Tcp(tcp), IpProto::TCP) = (condition, IpProto(proto)) {
            tcp.only_dport()
        } else if let (Match::Udp(udp), IpProto::UDP) = (condition, IpProto(proto)) {
            udp.only_dport()
        } else {
            return None;
        };
        if let Some(port) = found {
            return Some((proto, port));
        }
    }
    None
}

/// What can be looked up of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketKey {
    src: [u8; 4],
    dst: [u8; 4],
    proto: u8,
    port: u16,
}

impl PacketKey {
    /// That of the packet at the network header; `None` for fragments and broken headers, about which the rules
    /// themselves have an opinion.
    pub(super) fn of(f: &Flight, seen: &Seen) -> Option<Self> {
        let packet = f.skb.network_header();
        let needed = match IpProto(seen.proto) {
            IpProto::TCP => TCP_HLEN,
            IpProto::UDP => UDP_HLEN,
            _ => 0,
        };
        let transport = packet.get(seen.header_len..)?;
        if seen.frag_off != 0 || transport.len() < needed {
            return None;
        }
        let addr = |at: usize| packet.get(at..).and_then(<[u8]>::first_chunk::<4>).copied();
        let port = match transport.get(2..4) {
            Some(&[high, low]) if needed > 0 => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        Some(Self { src: addr(12)?, dst: addr(16)?, proto: seen.proto, port })
    }
}

/// A chain with its index.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    /// The chain that was compiled; as it is held here, a change makes another one.
    of: Arc<Chain>,
    index: HashTable<(Key, Vec<u32>)>,
    /// The rules that any packet may match.
    rest: Vec<u32>,
}

impl Compiled {
    /// Compiles a chain.
    fn new(chain: &Arc<Chain>) -> Self {
        let mut index: HashTable<(Key, Vec<u32>)> = HashTable::new();
        let mut rest = Vec::new();
        for (n, rule) in (0..).zip(&chain.rules) {
            let Some(key) = Key::of(rule) else {
                rest.push(n);
                continue;
            };
            let rehash = |(key, _): &(Key, _)| key.hash();
            let entry = index.entry(key.hash(), |(other, _)| *other == key, rehash);
            entry.or_insert_with(|| (key, Vec::new())).get_mut().1.push(n);
        }
        Self { of: Arc::clone(chain), index, rest }
    }

    /// Whether this is still what `chain` is.
    fn is_of(&self, chain: &Arc<Chain>) -> bool {
        Arc::ptr_eq(&self.of, chain)
    }

    fn list(&self, key: Key) -> &[u32] {
        let found = self.index.find(key.hash(), |(other, _)| *other == key);
        found.map_or(&[], |(_, rules)| rules)
    }

    /// The rules from `from` on that the packet may match.
    pub(super) fn candidates(&self, packet: &PacketKey, from: usize) -> Candidates<'_> {
        let PacketKey { src, dst, proto, port } = *packet;
        let lists = [
            self.list(Key::Service { dst, proto, port }),
            self.list(Key::Dst(dst)),
            self.list(Key::Src(src)),
            self.list(Key::Port { proto, port }),
            &self.rest,
        ];
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        Candidates { lists: lists.map(|list| &list[list.partition_point(|n| *n < from)..]) }
    }
}

/// Rules in their order, from several lists of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidates<'c> {
    lists: [&'c [u32]; LISTS],
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let first = |list: &&[u32]| list.first().copied();
        let next = self.lists.iter().filter_map(first).min()?;
        for list in &mut self.lists {
            if list.first() == Some(&next) {
                *list = &list[1..];
            }
        }
        Some(next as usize)
    }
}

/// The compiled chains of a table, by [`ChainId`]. They follow the rules: whatever is changed is compiled anew when
/// the next packet comes.
#[derive(Clone, Debug, Default)]
pub(super) struct CompiledChains(Vec<Option<Compiled>>);

impl CompiledChains {
    /// The compiled form of a chain; `None` if it is short.
    pub(super) fn get(&mut self, id: ChainId, chain: &Arc<Chain>) -> Option<&Compiled> {
        if chain.rules.len() < MIN_RULES {
            return None;
        }
        let at = id.0 as usize;
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        let slot = self.0.get_mut(at)?;
        if !slot.as_ref().is_some_and(|compiled| compiled.is_of(chain)) {
            *slot = Some(Compiled::new(chain));
        }
        slot.as_ref()
    }
}

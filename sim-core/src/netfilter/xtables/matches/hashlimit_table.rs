//! What may still pass of each flow (`struct xt_hashlimit_htable`, revision 3).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::kernel::timer::wheel_expiry;
use crate::netfilter::xtables::matches::Matched;
use crate::time::{HZ, JIFFY};

/// What a table is made with, and what a rule asks of it (`struct hashlimit_cfg3`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Config {
    /// What tells flows apart.
    pub(super) keys: Keys,
    /// Whether packets match that are too many.
    pub(super) above: bool,
    pub(super) unit: Unit,
    /// Whether the rate of the last interval counts, instead of what is left.
    pub(super) rate_match: bool,
    /// The time between two packets in millionths of a second, or what 16 bytes cost.
    pub(super) avg: u64,
    /// How much may come at once: in packets, or in times of the rate.
    pub(super) burst: u64,
    /// How many buckets, 0 for what the machine's memory makes good.
    pub(super) size: u32,
    /// How many flows, 0 for eight a bucket.
    pub(super) max: u32,
    /// How often flows are looked for that nobody has heard of, in milliseconds.
    pub(super) gc_interval: u32,
    /// How long flows are remembered that nobody hears of, in milliseconds.
    pub(super) expire: u32,
    /// The length of the prefix of the source that tells flows apart, and of that of the destination.
    pub(super) prefixes: [u8; 2],
    /// The interval in which rates are measured, in seconds.
    pub(super) interval: u32,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    Packets,
    Bytes,
}

/// A set of what tells flows apart (`XT_HASHLIMIT_HASH_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Keys(u8);

impl Keys {
    pub(super) const SRC_ADDR: Self = Self(1);
    pub(super) const SRC_PORT: Self = Self(1 << 1);
    pub(super) const DST_ADDR: Self = Self(1 << 2);
    pub(super) const DST_PORT: Self = Self(1 << 3);

    pub(super) const fn has(self, keys: Self) -> bool {
        self.0 & keys.0 != 0
    }

    pub(super) fn set(&mut self, keys: Self) {
        self.0 |= keys.0;
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct HashTable {
    /// The rule that made it decides how it counts for all rules.
    config: Config,
    /// How many rules use it.
    users: usize,
    flows: BTreeMap<Flow, Entry>,
    /// When flows were looked for the first time that nobody had heard of, in jiffies, and after how many again.
    gc: (u64, u64),
}

/// A flow (`struct dsthash_dst`).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Flow {
    addrs: [Ipv4Addr; 2],
    ports: [u16; 2],
}

/// What is known of a flow (`struct dsthash_ent`).
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// When it may be forgotten, in jiffies.
    expires: u64,
    /// When this was worked out, in jiffies.
    prev: u64,
    account: Account,
}

#[derive(Clone, Copy, Debug)]
enum Account {
    /// What is left.
    Credit {
        left: u64,
        /// The most that can be left; in bytes, how often what is left can be filled up.
        cap: u64,
        /// What a packet costs, or 16 bytes.
        cost: u64,
    },
    /// What came in this interval, and whether the last one had too much.
    Rate { current: u64, last_was_over: bool },
}

/// A packet, as tables see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'p> {
    /// From the network header on.
    pub(super) bytes: &'p [u8],
    pub(super) header_len: usize,
    pub(super) proto: u8,
}

/// Parts of a second that rates are counted in (`XT_HASHLIMIT_SCALE_v2`).
pub(super) const SCALE: u64 = 1_000_000;

/// Bytes are counted in chunks of so many (`XT_HASHLIMIT_BYTE_SHIFT`).
pub(super) const CHUNK: u64 = 16;

/// The credits that each jiffy brings (`CREDITS_PER_JIFFY`).
const CREDITS: u64 = 1 << 39;

/// The same where bytes are counted (`CREDITS_PER_JIFFY_BYTES`), and the most that can be left.
const BYTE_CREDITS: u64 = 1 << 24;
const BYTE_CAP: u64 = BYTE_CREDITS * HZ;

/// The most buckets and flows (`HASHLIMIT_MAX_SIZE`).
pub(super) const MAX_SIZE: u32 = 1_048_576;

/// The buckets of a machine with more than a gigabyte of memory.
const BUCKETS: u32 = 8192;

/// Credits for a time in millionths of a second (`user2credits()`); they overflow.
pub(super) fn credits(time: u64) -> u64 {
    time.wrapping_mul(HZ * CREDITS / SCALE)
}

/// What 16 bytes cost (`user2credits_byte()`), of which 32 bits count.
pub(super) fn byte_cost(avg: u64) -> u64 {
    ((avg & u64::from(u32::MAX)) * BYTE_CAP) >> 32
}

/// Milliseconds in jiffies (`msecs_to_jiffies()`): what would be negative as a number of 32 bits is for ever.
fn jiffies(millis: u32) -> u64 {
    let of_jiffy = u64::try_from(JIFFY.as_millis()).unwrap_or(1);
    match i32::try_from(millis) {
        Ok(_) => u64::from(millis).div_ceil(of_jiffy),
        Err(_) => (u64::MAX >> 2) - 1,
    }
}

impl Config {
    /// The rate in packets a second (`user2rate()`), or in bytes (`user2rate_bytes()`).
    fn rate(&self) -> u64 {
        match self.unit {
            Unit::Packets => SCALE.checked_div(self.avg).unwrap_or(0),
            Unit::Bytes => {
                let avg = self.avg & u64::from(u32::MAX);
                let rate = u64::from(u32::MAX).checked_div(avg).unwrap_or_else(|| u32::MAX.into());
                rate.wrapping_sub(1).wrapping_mul(CHUNK)
            }
        }
    }

    /// What may come in an interval whose predecessor did not have too much.
    fn most(&self) -> u64 {
        match self.unit {
            Unit::Packets => self.burst.wrapping_add(self.rate()),
            Unit::Bytes => self.rate().wrapping_mul(self.burst.max(1)),
        }
    }

    /// The account of a flow that was not known (`rateinfo_init()`).
    fn open(&self) -> Account {
        match self.unit {
            _ if self.rate_match => Account::Rate { current: 0, last_was_over: false },
            Unit::Bytes => {
                Account::Credit { left: BYTE_CAP, cap: self.burst, cost: byte_cost(self.avg) }
            }
            Unit::Packets => {
                let cap = credits(self.avg.wrapping_mul(self.burst));
                Account::Credit { left: cap, cap, cost: credits(self.avg) }
            }
        }
    }

    /// The most flows.
    fn max_flows(&self) -> usize {
        let size = if self.size == 0 { BUCKETS } else { self.size.min(MAX_SIZE) };
        let max = match self.max.min(MAX_SIZE) {
            0 => size.saturating_mul(8),
            max => max.max(size),
        };
        max as usize
    }

    /// The flow of a packet; `None` if it ends before it has ports (`hashlimit_init_dst()`).
    fn flow(&self, packet: Packet<'_>) -> Option<Flow> {
        let Packet { bytes, header_len, proto } = packet;
        let addr = |at: usize, key, len: u8| {
            let addr = bytes.get(at..)?.first_chunk::<4>()?;
            let mask = u32::MAX.checked_shl(32 - u32::from(len.min(32))).unwrap_or(0);
            let kept = if self.keys.has(key) { u32::from_be_bytes(*addr) & mask } else { 0 };
            Some(Ipv4Addr::from(kept))
        };
        let addrs = [
            addr(12, Keys::SRC_ADDR, self.prefixes[0])?,
            addr(16, Keys::DST_ADDR, self.prefixes[1])?,
        ];
        let mut ports = [0; 2];
        let offset = match proto {
            // TCP, UDP, DCCP, ESP, SCTP and UDP-Lite.
            6 | 17 | 33 | 50 | 132 | 136 => Some(0),
            // AH.
            51 => Some(4),
            _ => None,
        };
        let wants_ports = self.keys.has(Keys::SRC_PORT) || self.keys.has(Keys::DST_PORT);
        if let Some(offset) = offset.filter(|_| wants_ports) {
            let [a, b, c, d] = *bytes.get(header_len + offset..)?.first_chunk::<4>()?;
            let read = [(Keys::SRC_PORT, [a, b]), (Keys::DST_PORT, [c, d])];
            ports = read
                .map(|(key, port)| if self.keys.has(key) { u16::from_be_bytes(port) } else { 0 });
        }
        Some(Flow { addrs, ports })
    }
}

impl Account {
    /// What has changed since `delta` jiffies ago; false if that is not worked out yet (`rateinfo_recalc()`).
    fn pass_time(&mut self, delta: u64, config: &Config) -> bool {
        match self {
            _ if delta == 0 => false,
            Self::Rate { current, last_was_over } => {
                // The product has 32 bits in the kernel, too.
                let interval = (u64::from(config.interval) * HZ) & u64::from(u32::MAX);
                if delta < interval {
                    return false;
                }
                let (came, allowed) =
                    (current.wrapping_mul(interval), delta.wrapping_mul(config.rate()));
                (*last_was_over, *current) = (came > allowed, 0);
                true
            }
            Self::Credit { left, cap, .. } => {
                let (each, cap) = match config.unit {
                    Unit::Packets => (CREDITS, *cap),
                    Unit::Bytes => (BYTE_CREDITS, BYTE_CAP),
                };
                let more = left.wrapping_add(each.wrapping_mul(delta));
                let overflows = config.unit == Unit::Bytes && more <= *left;
                *left = if overflows { cap } else { more.min(cap) };
                true
            }
        }
    }

    /// Whether a packet of `len` bytes is not too much for a rule that counts in `unit`.
    fn spend(&mut self, len: u64, unit: Unit, config: &Config) -> bool {
        match self {
            Self::Rate { current, last_was_over } => {
                let counts = if unit == Unit::Bytes { len } else { 1 };
                *current = current.wrapping_add(counts);
                !*last_was_over && *current <= config.most()
            }
            Self::Credit { left, cap, cost } => {
                let cost = match unit {
                    Unit::Packets => *cost,
                    Unit::Bytes => {
                        let cost = (len / CHUNK + 1).wrapping_mul(*cost).min(BYTE_CAP);
                        if *left < cost && *cap != 0 {
                            (*cap, *left) = (*cap - 1, BYTE_CAP);
                        }
                        cost
                    }
                };
                let rest = left.checked_sub(cost);
                *left = rest.unwrap_or(*left);
                rest.is_some()
            }
        }
    }
}

impl HashTable {
    /// A table that a rule makes at `now`, in jiffies (`htable_create()`).
    pub(super) fn new(config: Config, now: u64) -> Self {
        let interval = jiffies(config.gc_interval);
        let first = wheel_expiry(now, now.saturating_add(interval));
        let again = wheel_expiry(first, first.saturating_add(interval)).saturating_sub(first);
        Self { config, users: 0, flows: BTreeMap::new(), gc: (first, again.max(1)) }
    }

    /// Whether a rule can use it: it measures rates if the rule asks for that.
    pub(super) fn suits(&self, config: &Config) -> bool {
        self.config.rate_match == config.rate_match
    }

    /// Another rule uses it, if it can; says whether it does.
    pub(super) fn attach(&mut self, config: &Config) -> bool {
        let suits = self.suits(config);
        self.users += usize::from(suits);
        suits
    }

    /// A rule no longer uses it; says whether it was the last one.
    pub(super) fn detach(&mut self) -> bool {
        self.users = self.users.saturating_sub(1);
        self.users == 0
    }

    /// Whether what nobody has heard of since `expires` was forgotten by `now`.
    fn is_forgotten(gc: (u64, u64), expires: u64, now: u64) -> bool {
        let (first, again) = gc;
        let runs = expires.saturating_sub(first).div_ceil(again);
        first.saturating_add(runs.saturating_mul(again)) <= now
    }

    /// Judges a packet for a rule that asks for `config`, at `now` in jiffies (`hashlimit_mt_common()`).
    pub(super) fn judge(&mut self, config: &Config, packet: Packet<'_>, now: u64) -> Matched {
        let Some(flow) = self.config.flow(packet) else { return Matched::Malformed };
        let gc = self.gc;
        let is_forgotten = |entry: &Entry| Self::is_forgotten(gc, entry.expires, now);
        if self.flows.get(&flow).is_some_and(is_forgotten) {
            self.flows.remove(&flow);
        }
        if !self.flows.contains_key(&flow) {
            let max = self.config.max_flows();
            if self.flows.len() >= max {
                self.flows.retain(|_, entry| !is_forgotten(entry));
            }
            if self.flows.len() >= max {
                return Matched::Malformed;
            }
        }
        let expires = now.saturating_add(jiffies(self.config.expire));
        let made = Entry { expires, prev: now, account: self.config.open() };
        let entry = self.flows.entry(flow).or_insert(made);
        entry.expires = expires;
        if entry.account.pass_time(now.saturating_sub(entry.prev), &self.config) {
            entry.prev = now;
        }
        let len = packet.bytes.len() as u64;
        let passes = entry.account.spend(len, config.unit, &self.config);
        (passes != config.above).into()
    }
}

//! A list of addresses that were seen lately (`struct recent_table`).

use std::fmt::Write as _;
use std::net::IpAddr;

/// How many addresses a list has at most (the module's parameter `ip_list_tot`).
const MAX_ENTRIES: usize = 100;

/// A list of addresses.
#[derive(Clone, Debug)]
pub struct List {
    /// The mask of the rule that made it holds for all rules.
    mask: IpAddr,
    /// How many rules use it.
    users: usize,
    /// How many times are remembered of each address, less one.
    stamps_mask: u32,
    /// The addresses, those last seen last.
    entries: Vec<Entry>,
    /// How many there were, ever.
    made: u64,
}

/// An address (`struct recent_entry`).
#[derive(Clone, Debug)]
struct Entry {
    addr: IpAddr,
    ttl: u8,
    /// When it was seen, in jiffies: a ring.
    stamps: Vec<u64>,
    /// The place in the ring that is written next; may lie behind its end.
    index: usize,
    /// Its number in order of insertion.
    number: u64,
}

impl List {
    pub(super) fn new(mask: IpAddr) -> Self {
        Self { mask, users: 0, stamps_mask: 0, entries: Vec::new(), made: 0 }
    }

    pub(super) fn mask(&self) -> IpAddr {
        self.mask
    }

    /// Another rule uses it; one that needs more times to be remembered empties it.
    pub(super) fn attach(&mut self, stamps_mask: u32) {
        self.users += 1;
        if stamps_mask > self.stamps_mask {
            self.flush();
            self.stamps_mask = stamps_mask;
        }
    }

    /// A rule no longer uses it; says whether it was the last one.
    pub(super) fn detach(&mut self) -> bool {
        self.users = self.users.saturating_sub(1);
        self.users == 0
    }

    /// The place of an address; with a time to live, of one that was seen with it, or with none.
    pub(super) fn find(&self, addr: IpAddr, ttl: u8) -> Option<usize> {
        let found = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, e)| e.addr == addr && (ttl == e.ttl || ttl == 0 || e.ttl == 0));
        found.min_by_key(|(_, e)| e.number).map(|(at, _)| at)
    }

    /// When an address was seen.
    pub(super) fn stamps(&self, at: usize) -> &[u64] {
        self.entries.get(at).map_or(&[], |e| &e.stamps)
    }

    /// Adds an address. If the list is full, the one that was not seen for longest goes.
    pub(super) fn insert(&mut self, addr: IpAddr, ttl: u8, now: u64) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.made += 1;
        let entry = Entry { addr, ttl, stamps: vec![now], index: 1, number: self.made };
        self.entries.push(entry);
    }

    /// An address was seen again.
    pub(super) fn update(&mut self, at: usize, ttl: u8, now: u64) {
        self.stamp(at, now);
        if let Some(entry) = self.entries.last_mut() {
            entry.ttl = ttl;
        }
    }

    /// Notes the time, and moves the address behind all others.
    fn stamp(&mut self, at: usize, now: u64) {
        if at >= self.entries.len() {
            return;
        }
        let mut entry = self.entries.remove(at);
        let index = entry.index & usize::try_from(self.stamps_mask).unwrap_or(usize::MAX);
        match entry.stamps.get_mut(index) {
            Some(stamp) => *stamp = now,
            None => entry.stamps.push(now),
        }
        entry.index = index + 1;
        self.entries.push(entry);
    }

    pub(super) fn remove(&mut self, at: usize) {
        if at < self.entries.len() {
            self.entries.remove(at);
        }
    }

    pub(super) fn flush(&mut self) {
        self.entries.clear();
    }

    /// Forgets the address that was not seen for longest, if that was before `since`; says whether it did.
    pub(super) fn reap(&mut self, since: u64) -> bool {
        let last = |e: &Entry| e.stamps.get(e.index.wrapping_sub(1)).copied();
        let old = self.entries.first().and_then(last).is_some_and(|last| last < since);
        if old {
            self.entries.remove(0);
        }
        old
    }

    /// A program adds an address, whose time to live is not known then.
    pub(super) fn add(&mut self, addr: IpAddr, now: u64) {
        match self.find(addr, 0) {
            Some(at) => self.stamp(at, now),
            None => self.insert(addr, 0, now),
        }
    }

    /// A program removes an address.
    pub(super) fn remove_addr(&mut self, addr: IpAddr) {
        if let Some(at) = self.find(addr, 0) {
            self.entries.remove(at);
        }
    }

    /// The addresses in order of insertion, one line each (`recent_seq_show()`).
    pub(super) fn lines(&self) -> Vec<String> {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by_key(|e| e.number);
        entries.into_iter().map(Entry::line).collect()
    }
}

impl Entry {
    fn line(&self) -> String {
        let Self { addr, ttl, stamps, index, .. } = self;
        let last = stamps.get(index.wrapping_sub(1)).copied().unwrap_or_default();
        // An address of IPv6 is written out in full.
        let addr = match addr {
            IpAddr::V4(addr) => addr.to_string(),
            IpAddr::V6(addr) => addr.segments().map(|n| format!("{n:04x}")).join(":"),
        };
        let mut line = format!("src={addr} ttl: {ttl} last_seen: {last} oldest_pkt: {index}");
        for (n, stamp) in stamps.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(line, "{comma} {stamp}").expect("a string");
        }
        line
    }
}

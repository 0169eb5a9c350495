//! A table of prefixes with longest-prefix match (`net/ipv4/fib_trie.c`).
//!
//! The kernel keeps a level-compressed trie. Here prefixes stand in one array, sorted by address and
//! then by length, and each knows the nearest prefix that covers it. The last prefix not behind an
//! address in that order either covers it or shares its covers, so a lookup is one binary search and
//! a short climb. The array is small, empty tables cost nothing, and it stands in dump order.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::errno::Errno;
use crate::family::Family;
use crate::id::DevId;
use crate::route::RouteType;
use crate::route::fib::info::{FibInfo, NextHop, NhFlags};
use crate::route::flow::{FlowKey, TOS_RT_MASK};

/// "No prefix covers this one."
const NO_COVER: u32 = u32::MAX;

/// One route to a prefix (`struct fib_alias`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FibAlias<F: Family> {
    /// The type of service it is for; 0 is any.
    pub tos: u8,
    /// Its type.
    pub kind: RouteType,
    /// Its table: `local` and `main` share a trie until the first policy rule.
    pub table: u32,
    /// Everything else.
    pub info: Arc<FibInfo<F>>,
    /// Which of the default routes that could stand for this one was taken last (`fa_default`).
    pub(in crate::route) taken: Option<usize>,
}

impl<F: Family> FibAlias<F> {
    /// Where it stands among the routes to one prefix: later tables, larger types of service and
    /// smaller metrics first.
    pub(super) fn rank(&self) -> Rank {
        Rank::new(self.table, self.tos, self.info.priority)
    }
}

/// The order of routes to one prefix.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Rank(u32, u8, u32);

impl Rank {
    pub(super) fn new(table: u32, tos: u8, priority: u32) -> Self {
        Self(u32::MAX - table, u8::MAX - tos, priority)
    }
}

/// The routes to one prefix, in the order in which they are tried.
pub type Aliases<F> = SmallVec<[FibAlias<F>; 1]>;

/// What a lookup found.
#[derive(Clone, Copy, Debug)]
pub struct FibMatch<'a, F: Family> {
    /// The route's destination.
    pub net: F::Net,
    /// The route.
    pub alias: &'a FibAlias<F>,
    /// Which of its ways.
    pub hop: usize,
    /// The table that was asked: `main` also answers for `local` until the first policy rule.
    pub table: u32,
}

impl<'a, F: Family> FibMatch<'a, F> {
    /// The way; error routes have none, but they are never found.
    #[must_use]
    pub fn next_hop(&self) -> &'a NextHop<F> {
        &self.alias.info.hops[self.hop]
    }
}

#[derive(Clone, Copy, Debug)]
struct Key<F: Family> {
    net: F::Net,
    /// The index of the longest prefix that covers this one.
    cover: u32,
}

/// A table of prefixes.
#[derive(Clone, Debug)]
pub struct Trie<F: Family> {
    keys: Vec<Key<F>>,
    /// The routes to the prefix of the same index; never empty.
    aliases: Vec<Aliases<F>>,
}

impl<F: Family> Default for Trie<F> {
    fn default() -> Self {
        Self { keys: Vec::new(), aliases: Vec::new() }
    }
}

fn index(i: usize) -> u32 {
    u32::try_from(i).expect("fewer than 2^32 prefixes")
}

/// Whether `outer` holds every address of `inner`.
fn covers<F: Family>(outer: &F::Net, inner: &F::Net) -> bool {
    F::prefix_len(outer) <= F::prefix_len(inner) && F::contains(outer, F::base(inner))
}

impl<F: Family> Trie<F> {
    /// Whether it has no route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The routes to exactly `net`.
    #[must_use]
    pub fn get(&self, net: &F::Net) -> Option<&Aliases<F>> {
        self.find(net).ok().map(|i| &self.aliases[i])
    }

    /// The routes to exactly `net`, made if there are none. The caller leaves at least one.
    pub(in crate::route) fn entry(&mut self, net: F::Net) -> &mut Aliases<F> {
        let i = self.find(&net).unwrap_or_else(|i| {
            self.insert_key(i, net);
            i
        });
        &mut self.aliases[i]
    }

    /// Removes the routes for which `gone` says so and returns how many they were.
    pub(in crate::route) fn remove_if(
        &mut self,
        mut gone: impl FnMut(&F::Net, &FibAlias<F>) -> bool,
    ) -> usize {
        let mut removed = 0;
        for (key, aliases) in self.keys.iter().zip(&mut self.aliases) {
            let before = aliases.len();
            aliases.retain(|alias| !gone(&key.net, alias));
            removed += before - aliases.len();
        }
        if removed > 0 {
            self.drop_empty();
        }
        removed
    }

    /// Removes one route to `net`.
    pub(in crate::route) fn remove(&mut self, net: &F::Net, at: usize) -> Option<FibAlias<F>> {
        let i = self.find(net).ok()?;
        let aliases = &mut self.aliases[i];
        if at >= aliases.len() {
            return None;
        }
        let alias = aliases.remove(at);
        if aliases.is_empty() {
            self.remove_key(i);
        }
        Some(alias)
    }

    /// All routes with their prefixes, in the order of a dump: by address, and of one address the
    /// longest prefix first.
    pub fn iter(&self) -> impl Iterator<Item = (F::Net, &FibAlias<F>)> {
        let same = |a: &Key<F>, b: &Key<F>| F::base(&a.net) == F::base(&b.net);
        let mut start = 0;
        self.keys
            .chunk_by(same)
            .flat_map(move |run| {
                let range = start..start + run.len();
                start = range.end;
                range.rev()
            })
            .flat_map(move |i| self.aliases[i].iter().map(move |alias| (self.keys[i].net, alias)))
    }

    /// The routes' attributes, to change their state.
    pub(in crate::route) fn aliases_mut(&mut self) -> impl Iterator<Item = &mut FibAlias<F>> {
        self.aliases.iter_mut().flatten()
    }

    /// Finds the way of `flow` (`fib_table_lookup()`). `skips` says whether a way without carrier is
    /// passed over.
    ///
    /// # Errors
    ///
    /// [`Errno::EAGAIN`] if the table does not decide, or the error that the route found stands for.
    pub fn lookup(
        &self,
        table: u32,
        flow: &FlowKey<F>,
        skips: impl Fn(DevId) -> bool,
    ) -> Result<FibMatch<'_, F>, Errno> {
        let mut at = self.candidate(flow.dst);
        while at != NO_COVER {
            let key = &self.keys[at as usize];
            if F::contains(&key.net, flow.dst) {
                for alias in &self.aliases[at as usize] {
                    if let Some(hop) = usable(alias, flow, &skips)? {
                        return Ok(FibMatch { net: key.net, alias, hop, table });
                    }
                }
            }
            at = key.cover;
        }
        Err(Errno::EAGAIN)
    }

    /// The last prefix that does not stand behind `addr`.
    fn candidate(&self, addr: F::Addr) -> u32 {
        match self.keys.partition_point(|key| F::base(&key.net) <= addr) {
            0 => NO_COVER,
            behind => index(behind - 1),
        }
    }

    fn find(&self, net: &F::Net) -> Result<usize, usize> {
        self.keys.binary_search_by(|key| key.net.cmp(net))
    }

    fn insert_key(&mut self, at: usize, net: F::Net) {
        let new = index(at);
        let mut cover = if at == 0 { NO_COVER } else { new - 1 };
        while cover != NO_COVER && !covers::<F>(&self.keys[cover as usize].net, &net) {
            cover = self.keys[cover as usize].cover;
        }
        for key in &mut self.keys[at..] {
            if key.cover != NO_COVER && key.cover >= new {
                key.cover += 1;
            } else if key.cover == cover && covers::<F>(&net, &key.net) {
                key.cover = new;
            }
        }
        self.keys.insert(at, Key { net, cover });
        self.aliases.insert(at, Aliases::new());
    }

    fn remove_key(&mut self, at: usize) {
        let old = index(at);
        let removed = self.keys.remove(at);
        self.aliases.remove(at);
        for key in &mut self.keys[at..] {
            if key.cover == old {
                key.cover = removed.cover;
            } else if key.cover != NO_COVER && key.cover > old {
                key.cover -= 1;
            }
        }
    }

    /// Drops prefixes that have lost their last route, in one pass.
    fn drop_empty(&mut self) {
        let kept = self.keys.iter().zip(&self.aliases).filter(|(_, a)| !a.is_empty());
        let keys: Vec<Key<F>> = kept.map(|(key, _)| *key).collect();
        self.aliases.retain(|aliases| !aliases.is_empty());
        self.keys = keys;
        let mut open: Vec<u32> = Vec::new();
        for i in 0..self.keys.len() {
            let net = self.keys[i].net;
            while open.last().is_some_and(|&o| !covers::<F>(&self.keys[o as usize].net, &net)) {
                open.pop();
            }
            self.keys[i].cover = open.last().copied().unwrap_or(NO_COVER);
            open.push(index(i));
        }
    }
}

/// The first way of `alias` that `flow` can take.
fn usable<F: Family>(
    alias: &FibAlias<F>,
    flow: &FlowKey<F>,
    skips: impl Fn(DevId) -> bool,
) -> Result<Option<usize>, Errno> {
    let info = &*alias.info;
    if alias.tos != 0 && alias.tos != flow.tos & TOS_RT_MASK || info.scope < flow.scope {
        return Ok(None);
    }
    if let Some(errno) = alias.kind.error() {
        return Err(errno);
    }
    if info.flags.contains(NhFlags::DEAD) {
        return Ok(None);
    }
    Ok(info.hops.iter().position(|hop| {
        let skipped = hop.flags.contains(NhFlags::LINKDOWN) && hop.dev.is_some_and(&skips);
        !hop.flags.contains(NhFlags::DEAD)
            && !skipped
            && (flow.oif.is_none() || flow.oif == hop.dev)
    }))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ipnet::Ipv4Net;
    use proptest::prelude::*;

    use super::*;
    use crate::family::V4;
    use crate::id::Id as _;
    use crate::link::inet::Scope;

    fn alias(priority: u32) -> FibAlias<V4> {
        let dev = DevId::from_index(0);
        let info = FibInfo {
            protocol: 0,
            scope: Scope::UNIVERSE,
            priority,
            prefsrc: None,
            flags: NhFlags::default(),
            metrics: None,
            hops: smallvec::smallvec![NextHop::new(Some(dev), None, 1)],
        };
        FibAlias { tos: 0, kind: RouteType::Unicast, table: 254, info: Arc::new(info), taken: None }
    }

    /// Prefixes that often cover each other.
    fn prefix() -> impl Strategy<Value = Ipv4Net> {
        (any::<u32>(), 0..=32u8).prop_map(|(bits, len)| {
            let addr = Ipv4Addr::from(0x0a00_0000 | (bits & 0x0303_0303));
            Ipv4Net::new(addr, len).unwrap().trunc()
        })
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(Ipv4Net),
        Remove(Ipv4Net),
        RemoveLongerThan(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => prefix().prop_map(Step::Add),
            3 => prefix().prop_map(Step::Remove),
            1 => (0..=32u8).prop_map(Step::RemoveLongerThan),
        ]
    }

    proptest! {
        #[test]
        fn the_longest_prefix_is_found_after_any_changes(
            steps in prop::collection::vec(step(), 1..60),
            addrs in prop::collection::vec(any::<u32>(), 20),
        ) {
            let mut trie = Trie::<V4>::default();
            let mut naive: Vec<Ipv4Net> = Vec::new();
            for step in steps {
                match step {
                    Step::Add(net) => {
                        if !naive.contains(&net) {
                            naive.push(net);
                            trie.entry(net).push(alias(0));
                        }
                    }
                    Step::Remove(net) => {
                        let there = naive.iter().position(|n| *n == net);
                        prop_assert_eq!(trie.remove(&net, 0).is_some(), there.is_some());
                        there.map(|at| naive.remove(at));
                    }
                    Step::RemoveLongerThan(len) => {
                        let before = naive.len();
                        naive.retain(|n| n.prefix_len() <= len);
                        let removed = trie.remove_if(|n, _| n.prefix_len() > len);
                        prop_assert_eq!(removed, before - naive.len());
                    }
                }
            }
            for bits in addrs {
                let addr = Ipv4Addr::from(0x0a00_0000 | (bits & 0x0303_0303));
                let longest =
                    naive.iter().filter(|n| n.contains(&addr)).max_by_key(|n| n.prefix_len());
                let found = trie.lookup(254, &FlowKey::to(addr), |_| false).ok();
                prop_assert_eq!(found.map(|f| f.net), longest.copied());
            }
            naive.sort_by_key(|n| (n.network(), std::cmp::Reverse(n.prefix_len())));
            let dumped: Vec<Ipv4Net> = trie.iter().map(|(net, _)| net).collect();
            prop_assert_eq!(dumped, naive);
        }
    }
}

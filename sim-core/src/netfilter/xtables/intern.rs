//! Equal rules of several namespaces are kept once.
//!
//! The nodes of a cluster have the same rules, and there are many of both. So what is loaded is looked up among
//! what is there: chains by what stands in them, rule sets by their chains. Packets change nothing about either;
//! whoever changes rules makes others.

use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Weak};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::netfilter::xtables::table::{Chain, Ruleset};

/// The chains and rule sets of all namespaces.
#[derive(Clone, Debug, Default)]
pub struct Interned {
    chains: Pool<Chain>,
    rulesets: Pool<Ruleset>,
}

impl Interned {
    /// The chain that is equal to this one: another one if there is one already.
    pub(super) fn chain(&mut self, chain: Chain) -> Arc<Chain> {
        let mut hasher = FxHasher::default();
        (&chain.name, chain.rules.len()).hash(&mut hasher);
        for rule in &chain.rules {
            // The rest rarely makes a difference, and is compared anyway.
            let ip = &rule.ip;
            (ip.src, ip.dst, ip.proto, rule.matches.len(), rule.calls()).hash(&mut hasher);
        }
        let is_same = |a: &Chain, b: &Chain| {
            let mut rules = a.rules.iter().zip(&b.rules);
            a.name == b.name
                && a.base == b.base
                && a.rules.len() == b.rules.len()
                && rules.all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
        };
        self.chains.find_or_add(hasher.finish(), chain, is_same)
    }

    /// The rule set of the same chains, of which each is known here.
    pub(super) fn ruleset(&mut self, ruleset: Ruleset) -> Arc<Ruleset> {
        let at = |chain: &Option<Arc<Chain>>| chain.as_ref().map(Arc::as_ptr);
        let mut hasher = FxHasher::default();
        ruleset.chains().iter().for_each(|chain| at(chain).hash(&mut hasher));
        let is_same =
            |a: &Ruleset, b: &Ruleset| a.chains().iter().map(at).eq(b.chains().iter().map(at));
        self.rulesets.find_or_add(hasher.finish(), ruleset, is_same)
    }
}

/// Things of which each is there once, for as long as somebody holds it.
#[derive(Clone, Debug)]
struct Pool<T> {
    known: HashTable<(u64, Weak<T>)>,
    /// From how many on those that are gone are looked for.
    limit: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { known: HashTable::new(), limit: 0 }
    }
}

impl<T> Pool<T> {
    fn find_or_add(&mut self, hash: u64, new: T, is_same: impl Fn(&T, &T) -> bool) -> Arc<T> {
        let candidates = self.known.iter_hash(hash).filter(|(other, _)| *other == hash);
        let mut living = candidates.filter_map(|(_, known)| known.upgrade());
        if let Some(known) = living.find(|known| is_same(known, &new)) {
            return known;
        }
        if self.known.len() >= self.limit {
            self.known.retain(|(_, known)| known.strong_count() > 0);
            self.limit = 2 * self.known.len() + 64;
        }
        let new = Arc::new(new);
        self.known.insert_unique(hash, (hash, Arc::downgrade(&new)), |(hash, _)| *hash);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(pool: &mut Pool<String>, hash: u64, text: &str) -> Arc<String> {
        pool.find_or_add(hash, text.to_owned(), |a, b| a == b)
    }

    #[test]
    fn what_is_equal_is_there_once_whatever_its_hash_has_in_common_with_others() {
        let mut pool = Pool::default();
        let (a, b) = (add(&mut pool, 1, "a"), add(&mut pool, 1, "b"));
        assert!(!Arc::ptr_eq(&a, &b));
        assert!(Arc::ptr_eq(&a, &add(&mut pool, 1, "a")));
        assert!(Arc::ptr_eq(&b, &add(&mut pool, 1, "b")));
    }

    #[test]
    fn what_nobody_holds_is_forgotten() {
        let mut pool = Pool::default();
        let kept = add(&mut pool, 0, "kept");
        for n in 1..100_000 {
            drop(add(&mut pool, n, "dropped"));
        }
        assert!(pool.known.len() < 200, "{}", pool.known.len());
        assert!(Arc::ptr_eq(&kept, &add(&mut pool, 0, "kept")));
    }
}

//! Tables: what is shared and never changes ([`Ruleset`]), and what packets change ([`ChainLive`]).

use std::sync::Arc;

use crate::family::AddressFamily;
use crate::netfilter::Hook;
use crate::netfilter::xtables::compiled::LazyIndex;
use crate::netfilter::xtables::matches::{Match, MatchState};
use crate::netfilter::xtables::rule::{Action, ChainId, Rule, TableName};
use crate::netfilter::xtables::targets::TargetState;

/// Which engine a table belongs to. Both can be there at once, each with tables of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Variant {
    /// `ip_tables`, driven by `iptables-legacy`.
    Legacy,
    /// `nf_tables` with what `iptables-nft` writes into it.
    Nft,
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the network header on.
    pub bytes: u64,
}

impl Counters {
    /// Counts a packet of `len` bytes.
    pub fn count(&mut self, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
    }
}

/// What becomes of packets that reach the end of a base chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Policy {
    /// They pass.
    Accept,
    /// They end.
    Drop,
}

/// A chain that a hook calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Base {
    /// The hook.
    pub hook: Hook,
    /// What becomes of packets that no rule decided about.
    pub policy: Policy,
    /// Whether its decisions are counted. `nf_tables` counts those of chains that were given counters: by
    /// `iptables -P` or `-Z`, or when they were restored; not those of a chain that `-A` made on the way.
    pub counted: bool,
}

/// A chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its name.
    pub name: Box<str>,
    /// The hook that calls it, unless it is a user's.
    pub base: Option<Base>,
    /// Its rules.
    pub rules: Vec<Arc<Rule>>,
    /// Where to look for those that a packet may match.
    pub(super) index: LazyIndex,
}

impl Chain {
    /// A chain without rules.
    #[must_use]
    pub fn new(name: &str, base: Option<Base>) -> Self {
        Self { name: name.into(), base, rules: Vec::new(), index: LazyIndex::default() }
    }
}

/// The rules of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// The chains by [`ChainId`]; a hole where one was removed.
    chains: Vec<Option<Arc<Chain>>>,
    /// The chains that hooks call, by [`Hook::index`].
    bases: [Option<ChainId>; Hook::COUNT],
}

impl Ruleset {
    /// A rule set of these chains.
    pub(super) fn new(chains: Vec<Option<Arc<Chain>>>) -> Self {
        let mut bases = [None; Hook::COUNT];
        for (id, chain) in (0..).map(ChainId).zip(&chains) {
            if let Some(base) = chain.as_ref().and_then(|chain| chain.base) {
                bases[base.hook.index()].get_or_insert(id);
            }
        }
        Self { chains, bases }
    }

    /// The chains by [`ChainId`]; a hole where one was removed.
    #[must_use]
    pub fn chains(&self) -> &[Option<Arc<Chain>>] {
        &self.chains
    }

    /// The chains, to make another rule set of.
    pub(super) fn into_chains(self) -> Vec<Option<Arc<Chain>>> {
        self.chains
    }

    /// The chain with this id.
    #[must_use]
    pub fn chain(&self, id: ChainId) -> Option<&Chain> {
        self.chains.get(id.0 as usize)?.as_deref()
    }

    /// The chain with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ChainId> {
        self.iter().find(|(_, chain)| &*chain.name == name).map(|(id, _)| id)
    }

    /// All chains in order of creation.
    pub fn iter(&self) -> impl Iterator<Item = (ChainId, &Chain)> {
        let ids = (0..).map(ChainId);
        ids.zip(&self.chains).filter_map(|(id, chain)| Some((id, chain.as_deref()?)))
    }

    /// The chain that `hook` calls.
    #[must_use]
    pub fn base(&self, hook: Hook) -> Option<ChainId> {
        self.bases[hook.index()]
    }
}

/// What packets change about a rule.
#[derive(Clone, Debug, Default)]
pub struct RuleLive {
    /// The number by which `nf_tables` knows it; 0 until it is loaded.
    pub handle: u64,
    /// What it has matched.
    pub counters: Counters,
    /// What its matches remember, by their order; empty if none remembers anything.
    pub matches: Box<[MatchState]>,
    /// What its target remembers.
    pub target: TargetState,
}

impl RuleLive {
    /// What a rule begins with.
    #[must_use]
    pub fn new(rule: &Rule, counters: Counters) -> Self {
        let states = || rule.matches.iter().map(Match::state);
        let remembers = states().any(|state| state != MatchState::None);
        let target = match &rule.action {
            Action::Target(target) => target.state(),
            Action::None
            | Action::Accept
            | Action::Drop
            | Action::Return
            | Action::Jump(_)
            | Action::Goto(_) => TargetState::None,
        };
        Self {
            handle: 0,
            counters,
            matches: if remembers { states().collect() } else { Box::default() },
            target,
        }
    }
}

/// What packets change about a chain.
#[derive(Clone, Debug, Default)]
pub struct ChainLive {
    /// The number by which `nf_tables` knows it; 0 until it is loaded.
    pub handle: u64,
    /// What its policy has decided about.
    pub policy: Counters,
    /// Its rules, in their order.
    pub rules: Vec<RuleLive>,
}

/// A table of one namespace.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// The engine.
    pub variant: Variant,
    /// IPv4 or IPv6.
    pub family: AddressFamily,
    /// Its rules, shared with every table of the same text.
    pub rules: Arc<Ruleset>,
    /// What packets have changed, by [`ChainId`].
    pub live: Vec<ChainLive>,
    /// How many chains and rules there have ever been.
    pub(super) handles: u64,
}

impl Table {
    /// Numbers the chains and rules that are new.
    pub(super) fn number(&mut self) {
        let Self { handles, live, .. } = self;
        let mut number = |handle: &mut u64| {
            if *handle == 0 {
                *handles += 1;
                *handle = *handles;
            }
        };
        for (chain, live) in self.rules.chains().iter().zip(live) {
            if chain.is_some() {
                number(&mut live.handle);
                live.rules.iter_mut().for_each(|rule| number(&mut rule.handle));
            }
        }
    }
}

//! A table while it is being changed: what was there, and copies of the chains that are touched.
//!
//! Both sides work on drafts. A tool asks its draft what its next words mean; the kernel makes one to find out
//! whether a batch can be made, and keeps it if so.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::netfilter::Hook;
use crate::netfilter::xtables::change::XtAct;
use crate::netfilter::xtables::extension::Place;
use crate::netfilter::xtables::matches::Shared;
use crate::netfilter::xtables::rule::{Action, AddrMask, ChainId, Rule, TableName};
use crate::netfilter::xtables::table::{
    Base, Chain, ChainLive, Counters, Policy, RuleLive, Table, Variant,
};

/// Which table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Which {
    /// The engine.
    pub variant: Variant,
    /// IPv4 or IPv6.
    pub family: AddressFamily,
    /// Its name.
    pub name: TableName,
}

impl Which {
    /// Whether `table` is meant.
    #[must_use]
    pub fn is(self, table: &Table) -> bool {
        self == Self { variant: table.variant, family: table.family, name: table.name }
    }
}

/// A chain that was touched.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    pub(super) chain: Chain,
    pub(super) live: ChainLive,
}

/// A table while it is being changed.
#[derive(Clone, Debug)]
pub struct Draft<'t> {
    which: Which,
    base: Option<&'t Table>,
    /// What rules share by name, if the kernel asks.
    shared: Option<&'t Shared>,
    /// Whether the table is there, and whether it is another one than it was.
    exists: bool,
    names: BTreeMap<Cow<'t, str>, ChainId>,
    touched: BTreeMap<ChainId, Touched>,
    /// The names that chains of `nf_tables` get when the batch is made; until then they have their old ones.
    renamed: BTreeMap<ChainId, Box<str>>,
    next: u32,
    /// How many rules call each chain; counted when it is first asked for.
    calls: Option<Vec<usize>>,
    /// The chains whose policy was set.
    policies: BTreeSet<ChainId>,
    /// Whether a rule was added that calls a chain, or has extensions in a user's chain.
    must_trace: bool,
}

/// What becomes of a table.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) which: Which,
    /// Whether the table is made anew.
    pub(super) anew: bool,
    /// Whether it is there afterwards.
    pub(super) exists: bool,
    /// How many chains there have ever been.
    pub(super) chains: u32,
    pub(super) removed: Vec<ChainId>,
    pub(super) touched: BTreeMap<ChainId, Touched>,
    pub(super) policies: BTreeSet<ChainId>,
}

impl<'t> Draft<'t> {
    /// The same, and rules are asked whether they can take part in what others share by name.
    pub(super) fn of_kernel(which: Which, tables: &'t [Box<Table>], shared: &'t Shared) -> Self {
        Self { shared: Some(shared), ..Self::new(which, tables) }
    }

    /// Begins with what is in `tables`. A table of `ip_tables` is loaded when it is first looked at.
    #[must_use]
    pub fn new(which: Which, tables: &'t [Box<Table>]) -> Self {
        let base = tables.iter().map(Box::as_ref).find(|table| which.is(table));
        let mut draft = Self {
            which,
            base,
            shared: None,
            exists: base.is_some(),
            names: BTreeMap::new(),
            touched: BTreeMap::new(),
            renamed: BTreeMap::new(),
            next: 0,
            calls: None,
            policies: BTreeSet::new(),
            must_trace: false,
        };
        if let Some(table) = base {
            let names = table.rules.iter().map(|(id, chain)| (Cow::Borrowed(&*chain.name), id));
            draft.names = names.collect();
            draft.next = u32::try_from(table.rules.chains().len()).unwrap_or(u32::MAX);
        } else if which.variant == Variant::Legacy {
            draft.load();
        }
        draft
    }

    /// Which table it is.
    #[must_use]
    pub fn which(&self) -> Which {
        self.which
    }

    /// Whether the table is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// The chain called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ChainId> {
        self.names.get(name).copied()
    }

    /// A chain that is there.
    #[must_use]
    pub fn chain(&self, id: ChainId) -> Option<&Chain> {
        match self.touched.get(&id) {
            Some(touched) => Some(&touched.chain),
            None => self.base?.rules.chain(id),
        }
    }

    /// Whether a chain was there before the batch: only then it has a handle to be renamed by.
    #[must_use]
    pub fn is_old(&self, id: ChainId) -> bool {
        self.base.is_some_and(|table| table.rules.chain(id).is_some())
    }

    /// Whether a chain will be called `name` when the batch is made.
    #[must_use]
    pub fn renames_to(&self, name: &str) -> bool {
        self.renamed.values().any(|renamed| **renamed == *name)
    }

    /// What packets have changed about a chain.
    #[must_use]
    pub fn live(&self, id: ChainId) -> Option<&ChainLive> {
        match self.touched.get(&id) {
            Some(touched) => Some(&touched.live),
            None => self.base?.live.get(id.0 as usize),
        }
    }

    /// The built-in chain at `hook`, if it is there.
    #[must_use]
    pub fn base_chain(&self, hook: Hook) -> Option<ChainId> {
        let named = self.find(hook.name())?;
        self.chain(named)?.base.map(|_| named)
    }

    /// All chains: the built-in ones in the order of their hooks, then the users' by name.
    pub fn ordered(&self) -> impl Iterator<Item = (ChainId, &Chain)> {
        let hooks = self.which.name.hooks().iter();
        let bases = hooks.filter_map(|hook| self.base_chain(*hook));
        let users = self.names.values().copied();
        let users = users.filter(|id| self.chain(*id).is_some_and(|chain| chain.base.is_none()));
        bases.chain(users).filter_map(|id| Some((id, self.chain(id)?)))
    }

    /// How many rules call a chain.
    pub fn references(&mut self, id: ChainId) -> usize {
        if self.calls.is_none() {
            let mut calls = vec![0; self.next as usize];
            for id in self.names.values() {
                for rule in self.chain(*id).iter().flat_map(|chain| &chain.rules) {
                    if let Some(count) = rule.calls().and_then(|id| calls.get_mut(id.0 as usize)) {
                        *count += 1;
                    }
                }
            }
            self.calls = Some(calls);
        }
        self.calls.iter().flatten().nth(id.0 as usize).copied().unwrap_or(0)
    }

    /// Whether the calls between chains have to be looked at again.
    pub(super) fn must_trace(&self) -> bool {
        self.must_trace
    }

    /// Every chain's number is below this one.
    pub(super) fn chains(&self) -> u32 {
        self.next
    }

    /// Makes one change.
    ///
    /// # Errors
    /// What the kernel answers; then the draft is as it was.
    pub fn apply(&mut self, chain: Option<&str>, what: &XtAct) -> Result<(), Errno> {
        match what {
            XtAct::Load => self.load(),
            XtAct::Unload => self.unload(),
            XtAct::NewChain => {
                if chain.and_then(|name| self.built_in(name)).is_some() {
                    return Err(Errno::EEXIST);
                }
                self.load();
                self.new_chain(chain.ok_or(Errno::EINVAL)?, None)?;
            }
            XtAct::DeleteChain => self.delete_chain(self.named(chain)?)?,
            XtAct::RenameChain(to) => self.rename(self.named(chain)?, to)?,
            XtAct::Policy(policy, counters) => self.set_policy(chain, *policy, *counters)?,
            XtAct::Append(rule, counters) => {
                let id = self.filled(chain)?;
                let end = self.chain(id).map_or(0, |chain| chain.rules.len());
                self.insert(id, end, rule, *counters, false)?;
            }
            XtAct::Insert(at, rule, counters) => {
                let id = self.filled(chain)?;
                self.insert(id, *at, rule, *counters, false)?;
            }
            XtAct::Replace(at, rule, counters) => {
                self.insert(self.named(chain)?, *at, rule, *counters, true)?;
            }
            XtAct::Delete(at) => self.delete(self.named(chain)?, *at)?,
            XtAct::Flush => self.each(chain, Self::flush)?,
            XtAct::Zero(None) => self.each(chain, Self::zero)?,
            XtAct::Zero(Some(at)) => self.zero_rule(self.named(chain)?, *at)?,
        }
        Ok(())
    }

    fn named(&self, chain: Option<&str>) -> Result<ChainId, Errno> {
        chain.and_then(|name| self.find(name)).ok_or(Errno::ENOENT)
    }

    /// The chain with this name: a built-in one is made if need be.
    fn filled(&mut self, chain: Option<&str>) -> Result<ChainId, Errno> {
        let name = chain.ok_or(Errno::ENOENT)?;
        if let Some(id) = self.find(name) {
            return Ok(id);
        }
        let base = self.built_in(name).ok_or(Errno::ENOENT)?;
        self.load();
        self.new_chain(name, Some(base))
    }

    /// What a chain of this name is called by, if it is a built-in one.
    fn built_in(&self, name: &str) -> Option<Base> {
        let hook = self.which.name.hook(name)?;
        Some(Base { hook, policy: Policy::Accept, counted: false })
    }

    fn each(&mut self, chain: Option<&str>, act: impl Fn(&mut Self, ChainId)) -> Result<(), Errno> {
        let ids = match chain {
            Some(_) => vec![self.filled(chain)?],
            None => self.names.values().copied().collect(),
        };
        for id in ids {
            act(self, id);
        }
        Ok(())
    }

    /// Makes the table; `ip_tables` knows none without its built-in chains.
    fn load(&mut self) {
        if self.exists {
            return;
        }
        self.exists = true;
        if self.which.variant == Variant::Legacy {
            for hook in self.which.name.hooks() {
                let base = Base { hook: *hook, policy: Policy::Accept, counted: true };
                // A table that was not there has no chain of this name.
                let _ = self.new_chain(hook.name(), Some(base));
            }
        }
    }

    fn unload(&mut self) {
        *self = Self { base: None, shared: self.shared, ..Self::new(self.which, &[]) };
    }

    fn new_chain(&mut self, name: &str, base: Option<Base>) -> Result<ChainId, Errno> {
        if self.names.contains_key(name) || self.renames_to(name) {
            return Err(Errno::EEXIST);
        }
        let id = ChainId(self.next);
        self.next = self.next.checked_add(1).ok_or(Errno::ENOMEM)?;
        let chain = Chain::new(name, base);
        self.touched.insert(id, Touched { chain, live: ChainLive::default() });
        self.names.insert(Cow::Owned(name.to_owned()), id);
        if let Some(calls) = &mut self.calls {
            calls.push(0);
        }
        Ok(id)
    }

    fn delete_chain(&mut self, id: ChainId) -> Result<(), Errno> {
        let is_called = self.references(id) > 0;
        let chain = self.chain(id).ok_or(Errno::ENOENT)?;
        match self.which.variant {
            Variant::Nft if is_called || !chain.rules.is_empty() => return Err(Errno::EBUSY),
            Variant::Legacy if chain.base.is_some() => return Err(Errno::EINVAL),
            Variant::Legacy if is_called => return Err(Errno::EMLINK),
            Variant::Legacy if !chain.rules.is_empty() => return Err(Errno::ENOTEMPTY),
            Variant::Nft | Variant::Legacy => {}
        }
        let name = chain.name.clone();
        self.names.remove(&*name);
        self.touched.remove(&id);
        Ok(())
    }

    fn rename(&mut self, id: ChainId, to: &str) -> Result<(), Errno> {
        if self.names.contains_key(to) || self.renames_to(to) {
            return Err(Errno::EEXIST);
        }
        let is_nft = self.which.variant == Variant::Nft;
        if is_nft && !self.is_old(id) {
            return Err(Errno::ENOENT);
        }
        let touched = self.touch(id).ok_or(Errno::ENOENT)?;
        if touched.chain.base.is_some() {
            return Err(Errno::EOPNOTSUPP);
        }
        if is_nft {
            self.renamed.insert(id, to.into());
            return Ok(());
        }
        let old = std::mem::replace(&mut touched.chain.name, to.into());
        self.names.remove(&*old);
        self.names.insert(Cow::Owned(to.to_owned()), id);
        Ok(())
    }

    fn set_policy(
        &mut self,
        chain: Option<&str>,
        policy: Policy,
        counters: Option<Counters>,
    ) -> Result<(), Errno> {
        let id = self.filled(chain)?;
        let touched = self.touch(id).ok_or(Errno::ENOENT)?;
        let base = touched.chain.base.as_mut().ok_or(Errno::EOPNOTSUPP)?;
        base.policy = policy;
        base.counted = true;
        touched.live.policy = counters.unwrap_or_default();
        self.policies.insert(id);
        Ok(())
    }

    /// Gives the rule the numbers of chains for their names, and asks its extensions whether they can be here.
    fn admit(&self, id: ChainId, rule: &Rule<Box<str>>) -> Result<Rule, Errno> {
        let find = |name: Box<str>| self.find(&name).ok_or(Errno::ENOENT);
        let rule = rule.clone().try_map(find)?;
        let called = rule.calls().and_then(|id| self.chain(id));
        if called.is_some_and(|chain| chain.base.is_some()) {
            return Err(match self.which.variant {
                Variant::Nft => Errno::EOPNOTSUPP,
                Variant::Legacy => Errno::EINVAL,
            });
        }
        if self.which.variant == Variant::Nft {
            // `nf_tables` compares no bytes for that, and takes no comparison of none.
            let is_all = |addr: Option<AddrMask>| addr.is_some_and(|a| a.mask.is_unspecified());
            if is_all(rule.ip.src) || is_all(rule.ip.dst) {
                return Err(Errno::EINVAL);
            }
            let base = self.chain(id).and_then(|chain| chain.base);
            self.ask(&rule, base.map(|base| base.hook).as_slice())?;
        }
        Ok(rule)
    }

    /// Asks a rule's extensions whether they can be where the packets of `hooks` pass.
    pub(super) fn ask(&self, rule: &Rule, hooks: &[Hook]) -> Result<(), Errno> {
        let Which { variant, family, name: table } = self.which;
        let proto = rule.ip.proto;
        let place = Place { variant, family, table, hooks, proto, matches: &rule.matches };
        for m in rule.matches.iter() {
            m.admit(&place)?;
            self.shared.map_or(Ok(()), |shared| m.may_attach(shared))?;
        }
        match &rule.action {
            Action::Target(target) => target.admit(&place),
            Action::None
            | Action::Accept
            | Action::Drop
            | Action::Return
            | Action::Jump(_)
            | Action::Goto(_) => Ok(()),
        }
    }

    fn insert(
        &mut self,
        id: ChainId,
        at: usize,
        rule: &Rule<Box<str>>,
        counters: Counters,
        replaces: bool,
    ) -> Result<(), Errno> {
        let mut rule = self.admit(id, rule)?;
        for at in 0..rule.matches.len() {
            if let Some(kept) = rule.matches[at].kept(self.which.variant) {
                Arc::make_mut(&mut rule.matches)[at] = kept;
            }
        }
        let chain = self.chain(id).ok_or(Errno::ENOENT)?;
        if at >= chain.rules.len() + usize::from(!replaces) {
            return Err(Errno::E2BIG);
        }
        self.must_trace |= rule.calls().is_some()
            || chain.base.is_none()
                && (!rule.matches.is_empty() || matches!(rule.action, Action::Target(_)));
        self.recount(rule.calls(), true);
        let touched = self.touch(id).ok_or(Errno::ENOENT)?;
        let live = RuleLive::new(&rule, counters);
        let rule = Arc::new(rule);
        if replaces {
            touched.live.rules[at] = live;
            let old = std::mem::replace(&mut touched.chain.rules[at], rule);
            self.recount(old.calls(), false);
        } else {
            touched.live.rules.insert(at, live);
            touched.chain.rules.insert(at, rule);
        }
        Ok(())
    }

    fn delete(&mut self, id: ChainId, at: usize) -> Result<(), Errno> {
        let touched = self.touch(id).ok_or(Errno::ENOENT)?;
        if at >= touched.chain.rules.len() {
            return Err(Errno::E2BIG);
        }
        touched.live.rules.remove(at);
        let old = touched.chain.rules.remove(at);
        self.recount(old.calls(), false);
        Ok(())
    }

    fn flush(&mut self, id: ChainId) {
        if self.chain(id).is_none_or(|chain| chain.rules.is_empty()) {
            return;
        }
        let Some(touched) = self.touch(id) else { return };
        touched.live.rules.clear();
        let old = std::mem::take(&mut touched.chain.rules);
        for rule in old {
            self.recount(rule.calls(), false);
        }
    }

    /// Zeroes all counters of a chain. In `nf_tables` rules are made anew for that, if they have counted
    /// anything, and the policy is counted from then on.
    fn zero(&mut self, id: ChainId) {
        let Some(touched) = self.touch(id) else { return };
        if let Some(base) = &mut touched.chain.base {
            base.counted = true;
        }
        touched.live.policy = Counters::default();
        for (rule, live) in touched.chain.rules.iter().zip(&mut touched.live.rules) {
            if live.counters != Counters::default() {
                *live = RuleLive::new(rule, Counters::default());
            }
        }
        self.policies.insert(id);
    }

    fn zero_rule(&mut self, id: ChainId, at: usize) -> Result<(), Errno> {
        let touched = self.touch(id).ok_or(Errno::ENOENT)?;
        let rule = touched.chain.rules.get(at).ok_or(Errno::E2BIG)?;
        touched.live.rules[at] = RuleLive::new(rule, Counters::default());
        Ok(())
    }

    fn recount(&mut self, called: Option<ChainId>, more: bool) {
        let Some(calls) = &mut self.calls else { return };
        if let Some(count) = called.and_then(|id| calls.get_mut(id.0 as usize)) {
            *count = if more { *count + 1 } else { count.saturating_sub(1) };
        }
    }

    fn touch(&mut self, id: ChainId) -> Option<&mut Touched> {
        if !self.touched.contains_key(&id) {
            let table = self.base?;
            let chain = table.rules.chain(id)?.clone();
            let live = table.live.get(id.0 as usize)?.clone();
            self.touched.insert(id, Touched { chain, live });
        }
        self.touched.get_mut(&id)
    }

    /// What has to be done to the table.
    pub(super) fn into_patch(mut self) -> Patch {
        for (id, name) in std::mem::take(&mut self.renamed) {
            if let Some(touched) = self.touched.get_mut(&id) {
                touched.chain.name = name;
            }
        }
        let named: BTreeSet<ChainId> = self.names.values().copied().collect();
        let base = self.base.iter().flat_map(|table| table.rules.iter());
        let removed = base.map(|(id, _)| id).filter(|id| !named.contains(id)).collect();
        Patch {
            which: self.which,
            anew: self.base.is_none(),
            exists: self.exists,
            chains: self.next,
            removed,
            touched: self.touched,
            policies: self.policies,
        }
    }
}

/// Asks again of a rule in a user's chain, to which `hooks` lead. `nf_tables` looks at nothing but the hooks that an
/// extension knows then (`nft_match_validate()`, `nft_target_validate()`).
pub(super) fn admit_called(rule: &Rule, hooks: &[Hook]) -> Result<(), Errno> {
    let target = match &rule.action {
        Action::Target(target) => target.may_stand_at(hooks),
        Action::None
        | Action::Accept
        | Action::Drop
        | Action::Return
        | Action::Jump(_)
        | Action::Goto(_) => true,
    };
    let may = target && rule.matches.iter().all(|m| m.may_stand_at(hooks));
    if may { Ok(()) } else { Err(Errno::EINVAL) }
}

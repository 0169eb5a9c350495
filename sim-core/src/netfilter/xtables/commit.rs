//! Makes a batch of changes: all of them or none (`nf_tables_commit()`, `do_replace()`).

use std::sync::Arc;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::Netfilter;
use crate::netfilter::conntrack::event;
use crate::netfilter::xtables::change::{XtAct, XtBatch, XtChange};
use crate::netfilter::xtables::draft::{Draft, Patch, Which};
use crate::netfilter::xtables::intern::Interned;
use crate::netfilter::xtables::rule::{Action, TableName};
use crate::netfilter::xtables::table::{ChainLive, Counters, RuleLive, Ruleset, Table, Variant};
use crate::netfilter::xtables::targets::{Target, TargetState};
use crate::netfilter::xtables::{loops, sharing};

/// The changes that were refused, by their place in the batch, and why.
pub type Refused = Vec<(usize, Errno)>;

impl XtBatch {
    fn which(&self, change: &XtChange) -> Which {
        Which { variant: self.variant, family: self.family, name: change.table }
    }

    /// Makes the first `count` changes on drafts of the tables.
    fn draft<'t>(&self, nf: &'t Netfilter, count: usize) -> (Vec<Draft<'t>>, Refused) {
        let mut drafts: Vec<Draft<'t>> = Vec::new();
        let mut refused = Vec::new();
        for (at, change) in self.changes.iter().enumerate().take(count) {
            let which = self.which(change);
            let known = drafts.iter().position(|draft| draft.which() == which);
            let known = known.unwrap_or_else(|| {
                drafts.push(Draft::of_kernel(which, &nf.tables, &nf.shared));
                drafts.len() - 1
            });
            if let Err(errno) = drafts[known].apply(change.chain.as_deref(), &change.what) {
                refused.push((at, errno));
            }
        }
        (drafts, refused)
    }

    fn validate(&self, drafts: &[Draft<'_>]) -> Result<(), Errno> {
        let traced = |draft: &&Draft<'_>| self.variant == Variant::Legacy || draft.must_trace();
        drafts.iter().filter(traced).try_for_each(loops::validate)
    }

    /// The changes that `nf_tables` names when the tables they make cannot be: the first after which it is so, and
    /// every rule that is added then.
    fn blame(&self, nf: &Netfilter, errno: Errno) -> Refused {
        let fails = |count: usize| self.validate(&self.draft(nf, count).0).is_err();
        let (mut good, mut bad) = (0, self.changes.len());
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            *(if fails(middle) { &mut bad } else { &mut good }) = middle;
        }
        let adds = |change: &XtChange| {
            matches!(change.what, XtAct::Append(..) | XtAct::Insert(..) | XtAct::Replace(..))
        };
        let later = self.changes.iter().enumerate().skip(bad);
        let later = later.filter(|(_, change)| adds(change)).map(|(at, _)| at);
        std::iter::once(bad - 1).chain(later).map(|at| (at, errno)).collect()
    }
}

/// Makes a batch of changes in a namespace; rules that are the same in other namespaces are held once.
///
/// # Errors
/// What was refused; then nothing has changed, but that tables of `ip_tables` were loaded.
pub fn commit(k: &mut Kernel, netns: NetnsId, batch: &XtBatch) -> Result<(), Refused> {
    let made = make(k, netns, batch);
    if made.is_err() && batch.variant == Variant::Legacy {
        let loaded = make(k, netns, &batch.only_loads());
        debug_assert!(loaded.is_ok(), "a table can always be loaded");
    }
    made
}

fn make(k: &mut Kernel, netns: NetnsId, batch: &XtBatch) -> Result<(), Refused> {
    let (can_choose, now) = (event::can_choose(k, netns), k.now.jiffies());
    let (nf, known) = (&mut k.netns[netns].nf, &mut k.rules);
    let (drafts, refused) = batch.draft(nf, batch.changes.len());
    if !refused.is_empty() {
        return Err(refused);
    }
    if let Err(errno) = batch.validate(&drafts) {
        return Err(batch.blame(nf, errno));
    }
    let patches: Vec<Patch> = drafts.into_iter().map(Draft::into_patch).collect();
    sharing::attach(&mut nf.shared, batch, now).map_err(|refused| vec![refused])?;
    let before = sharing::rules(&nf.tables);
    let replaces = batch.changes.iter().any(|change| change.what != XtAct::Load);
    for patch in patches {
        apply(nf, known, patch, replaces);
    }
    sharing::detach(&mut nf.shared, &before, &nf.tables);
    nf.tables.iter_mut().for_each(|table| choose_events(table, can_choose));
    nf.conntrack.users = users(&nf.tables);
    nf.conntrack.label_users = label_users(&nf.tables);
    nf.register_hooks();
    Ok(())
}

/// The template of a new rule with `CT` chooses among events only if events are told when it is made; else the
/// choice is lost (`nf_ct_ecache_ext_add()`).
fn choose_events(table: &mut Table, can_choose: bool) {
    if table.name != TableName::Raw {
        return;
    }
    for (chain, live) in table.rules.chains().iter().zip(&mut table.live) {
        let rules = chain.iter().flat_map(|chain| &chain.rules);
        for (rule, live) in rules.zip(&mut live.rules) {
            let is_ct = matches!(rule.action, Action::Target(Target::Ct(_)));
            if is_ct && live.target == TargetState::None {
                live.target = TargetState::Events(can_choose);
            }
        }
    }
}

/// Does to a table what was found to be possible.
fn apply(nf: &mut Netfilter, known: &mut Interned, patch: Patch, replaces: bool) {
    let which = patch.which;
    let there = nf.tables.iter().position(|table| which.is(table));
    if patch.anew
        && let Some(at) = there
    {
        nf.tables.remove(at);
    }
    if !patch.exists {
        return;
    }
    if patch.anew {
        nf.tables.push(Box::new(Table {
            name: which.name,
            variant: which.variant,
            family: which.family,
            rules: Arc::new(Ruleset::default()),
            live: Vec::new(),
            handles: 0,
        }));
    }
    let Some(table) = nf.tables.iter_mut().find(|table| which.is(table)) else { return };
    let rules = std::mem::take(&mut table.rules);
    let mut chains = Arc::unwrap_or_clone(rules).into_chains();
    chains.resize(patch.chains as usize, None);
    table.live.resize_with(patch.chains as usize, ChainLive::default);
    for id in patch.removed {
        chains[id.0 as usize] = None;
        table.live[id.0 as usize] = ChainLive::default();
    }
    for (id, touched) in patch.touched {
        chains[id.0 as usize] = Some(known.chain(touched.chain));
        table.live[id.0 as usize] = touched.live;
    }
    table.rules = known.ruleset(Ruleset::new(chains));
    table.number();
    if which.variant == Variant::Legacy && replaces {
        renew(table, |id| patch.policies.iter().any(|set| set.0 as usize == id));
    }
}

/// `ip_tables` takes a whole new table each time. Rules keep their counters; what their extensions remember begins
/// anew, and policies that were not set now have counted nothing.
fn renew(table: &mut Table, was_set: impl Fn(usize) -> bool) {
    for (id, live) in table.live.iter_mut().enumerate() {
        if !was_set(id) {
            live.policy = Counters::default();
        }
        let Some(chain) = &table.rules.chains()[id] else { continue };
        for (rule, live) in chain.rules.iter().zip(&mut live.rules) {
            let handle = live.handle;
            *live = RuleLive { handle, ..RuleLive::new(rule, live.counters) };
        }
    }
}

/// How many rules for IPv4 need connection tracking.
fn users(tables: &[Box<Table>]) -> usize {
    let tables = tables.iter().filter(|table| table.family == AddressFamily::Inet);
    let chains = tables.flat_map(|table| table.rules.iter());
    let rules = chains.flat_map(|(_, chain)| &chain.rules);
    rules.filter(|rule| rule.needs_conntrack()).count()
}

/// How many rules need labels of connections.
fn label_users(tables: &[Box<Table>]) -> usize {
    let chains = tables.iter().flat_map(|table| table.rules.iter());
    let matches = chains.flat_map(|(_, chain)| &chain.rules).flat_map(|rule| rule.matches.iter());
    matches.filter(|m| m.needs_labels()).count()
}

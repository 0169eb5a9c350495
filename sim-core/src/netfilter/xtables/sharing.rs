//! What rules take part in by name, beyond their own table: lists of addresses (`recent`), tables of flows (`hashlimit`),
//! accounts (`nfacct`).
//!
//! A new rule takes part before an old one gives back, so that what both share stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::errno::Errno;
use crate::netfilter::xtables::change::{XtAct, XtBatch};
use crate::netfilter::xtables::matches::{Match, Shared};
use crate::netfilter::xtables::rule::Rule;
use crate::netfilter::xtables::table::Table;

/// Has the rules that a batch adds take part, at `now` in jiffies.
///
/// # Errors
/// The first change that cannot, and why; then nobody has.
pub(super) fn attach(shared: &mut Shared, batch: &XtBatch, now: u64) -> Result<(), (usize, Errno)> {
    let added = batch.changes.iter().enumerate().filter_map(|(at, change)| match &change.what {
        XtAct::Append(rule, _) | XtAct::Insert(_, rule, _) | XtAct::Replace(_, rule, _) => {
            Some((at, rule))
        }
        XtAct::Load
        | XtAct::Unload
        | XtAct::NewChain
        | XtAct::DeleteChain
        | XtAct::RenameChain(_)
        | XtAct::Policy(..)
        | XtAct::Delete(_)
        | XtAct::Flush
        | XtAct::Zero(_) => None,
    });
    let conditions = added.flat_map(|(at, rule)| rule.matches.iter().map(move |m| (at, m)));
    let mut attached: Vec<&Match> = Vec::new();
    for (at, condition) in conditions {
        if let Err(errno) = condition.attach(shared, now) {
            attached.iter().for_each(|done| done.detach(shared));
            return Err((at, errno));
        }
        attached.push(condition);
    }
    Ok(())
}

/// The rules of these tables that take part in anything.
pub(super) fn rules(tables: &[Box<Table>]) -> Vec<Arc<Rule>> {
    let chains = tables.iter().flat_map(|table| table.rules.iter());
    let rules = chains.flat_map(|(_, chain)| &chain.rules);
    rules.filter(|rule| rule.matches.iter().any(|m| m.shares())).cloned().collect()
}

/// Has the rules that are gone since `before` give back their parts.
pub(super) fn detach(shared: &mut Shared, before: &[Arc<Rule>], tables: &[Box<Table>]) {
    if before.is_empty() {
        return;
    }
    // Equal chains of two tables have the same rules.
    let mut left: BTreeMap<*const Rule, usize> = BTreeMap::new();
    rules(tables).iter().for_each(|rule| *left.entry(Arc::as_ptr(rule)).or_default() += 1);
    let gone = before.iter().filter(|rule| match left.get_mut(&Arc::as_ptr(rule)) {
        Some(count @ 1..) => {
            *count -= 1;
            false
        }
        Some(0) | None => true,
    });
    gone.flat_map(|rule| rule.matches.iter()).for_each(|condition| condition.detach(shared));
}

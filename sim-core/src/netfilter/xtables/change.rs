//! What a user changes about the tables: a batch of changes that is made whole or not at all.

use crate::family::AddressFamily;
use crate::netfilter::xtables::rule::{Rule, TableName};
use crate::netfilter::xtables::table::{Counters, Policy, Variant};

/// Changes to the tables of one family in one engine (a netlink batch of `nf_tables`; the ioctls
/// `IPT_SO_SET_REPLACE` and `IPT_SO_SET_ADD_COUNTERS` of `ip_tables`).
#[derive(Clone, Debug, PartialEq)]
pub struct XtBatch {
    /// The engine.
    pub variant: Variant,
    /// IPv4 or IPv6.
    pub family: AddressFamily,
    /// The changes, in order.
    pub changes: Vec<XtChange>,
}

impl XtBatch {
    /// What is made on the way although the batch is not: a table of `ip_tables` is loaded by naming it.
    #[must_use]
    pub fn only_loads(&self) -> Self {
        let loads = self.changes.iter().filter(|change| change.what == XtAct::Load);
        Self { changes: loads.cloned().collect(), ..*self }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct XtChange {
    /// The table.
    pub table: TableName,
    /// The chain; none means all of the table's, where that makes sense.
    pub chain: Option<Box<str>>,
    /// What is done.
    pub what: XtAct,
}

/// What is done to a table or one of its chains. Rules are counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum XtAct {
    /// Makes the table with its base chains, if it is not there.
    Load,
    /// Removes the table with all that is in it.
    Unload,
    /// Makes a chain.
    NewChain,
    /// Removes a chain.
    DeleteChain,
    /// Gives a user's chain another name.
    RenameChain(Box<str>),
    /// Sets the policy of a base chain, and its counters if they are given.
    Policy(Policy, Option<Counters>),
    /// Adds a rule behind all others.
    Append(Box<Rule<Box<str>>>, Counters),
    /// Adds a rule before the one at this place.
    Insert(usize, Box<Rule<Box<str>>>, Counters),
    /// Replaces the rule at this place.
    Replace(usize, Box<Rule<Box<str>>>, Counters),
    /// Removes the rule at this place.
    Delete(usize),
    /// Removes all rules.
    Flush,
    /// Sets counters to zero: of one rule, or of all rules and the policy.
    Zero(Option<usize>),
}

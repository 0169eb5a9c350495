//! What a command line asks for.

use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::rule::IpRule;
use crate::netfilter::xtables::table::Counters;
use crate::netfilter::xtables::targets::Target;

use super::address::Masked;
use super::options::Command;

/// Where a rule leads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Jump {
    /// Nowhere.
    None,
    /// To a standard target.
    Standard(String),
    /// To a chain; without return if it is a `goto`.
    Chain(String, bool),
    /// To an extension.
    Target(Target),
}

/// What a command line asks for.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// The commands: one, or `-Z` beside a list; none if the line is for the other family.
    pub(super) commands: Vec<Command>,
    /// The table.
    pub(super) table: String,
    /// The chain.
    pub(super) chain: Option<String>,
    /// The number of a rule, from 1.
    pub(super) number: Option<usize>,
    /// The new name of a chain, or the policy of one.
    pub(super) second: String,
    /// How often `-v` was given.
    pub(super) verbose: usize,
    /// `-n`, `-x`, `--line-numbers`.
    pub(super) given: Vec<char>,
    /// `-c`.
    pub(super) counters: Counters,
    /// What every rule can ask, but for addresses.
    pub(super) ip: IpRule,
    /// The sources, and whether all others are meant.
    pub(super) sources: (Vec<Masked>, bool),
    /// The destinations, and whether all others are meant.
    pub(super) destinations: (Vec<Masked>, bool),
    /// The matches.
    pub(super) matches: Vec<Match>,
    /// Where the rule leads.
    pub(super) jump: Jump,
}

impl Parsed {
    /// Whether an option was given.
    pub(super) fn has(&self, option: char) -> bool {
        self.given.contains(&option)
    }
}

//! What matches and targets have in common: how their options are read and how they are printed.
//!
//! One file an extension holds both halves of it, which Linux keeps in `libxt_NAME.c` and `xt_NAME.c`.

use std::fmt;

use crate::family::AddressFamily;
use crate::netfilter::Hook;
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::Variant;

pub use super::options::{Given, Kind, Opt, Value};

/// What is wrong with a command line; says how the command ends (`xtables_error()`).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The words are wrong (`PARAMETER_PROBLEM`): exit status 2, and the usage is recommended.
    #[error("{0}")]
    Parameter(String),
    /// Something else is (`OTHER_PROBLEM`): exit status 1.
    #[error("{0}")]
    Other(String),
    /// The real extension can do this and the model cannot.
    #[error("{0} is not modelled")]
    NotModelled(String),
}

impl Problem {
    /// A wrong word.
    pub fn parameter(text: impl Into<String>) -> Self {
        Self::Parameter(text.into())
    }

    /// A wrong value of an option, which is given with its dashes (`xtables_param_act(XTF_BAD_VALUE)`).
    #[must_use]
    pub fn bad_value(extension: &str, option: &str, value: &str) -> Self {
        Self::Parameter(format!("{extension}: Bad value for \"{option}\" option: \"{value}\""))
    }
}

/// Where a rule is written.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The engine that the tool writes for.
    pub variant: Variant,
    /// IPv4 or IPv6.
    pub family: AddressFamily,
    /// The protocol that the rule asks for (`-p`), and whether it is inverted.
    pub proto: Option<(u8, bool)>,
    /// The name that services and hosts are looked up by; the tool's own.
    pub tool: &'a str,
}

/// How something is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// IPv4 or IPv6.
    pub family: AddressFamily,
    /// `-n`: addresses and ports as numbers.
    pub numeric: bool,
    /// Whether words are quoted that the real tools forget to quote.
    pub quoted: bool,
}

/// An extension, as a user writes and reads it.
pub trait Extension: Clone + fmt::Debug + PartialEq + Sized {
    /// The name, as `-m` or `-j` takes it.
    const NAME: &'static str;
    /// Its options. Their order is that of the bits in [`Given`].
    const OPTIONS: &'static [Opt];
    /// What `-m NAME -h` says, line feeds included.
    const HELP: &'static str;
    /// Whether it is known to IPv4 and IPv6.
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet, AddressFamily::Inet6];

    /// What it is before any option was read (`init()`).
    fn new(family: AddressFamily) -> Self;

    /// Reads one option; its value was read as its [`Kind`] says (`x6_parse()`).
    ///
    /// # Errors
    /// The option's value is wrong, or does not go with an earlier one.
    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem>;

    /// Looks at all options together, once they are read (`x6_fcheck()`). `seen` has a bit for each option.
    ///
    /// # Errors
    /// An option is missing, or they do not go together.
    fn check(&mut self, _seen: u64, _cx: &Context<'_>) -> Result<(), Problem> {
        Ok(())
    }

    /// What is said on standard error about the options that were read, without line feeds.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is said on standard error once all options were read, before it is known whether they go together;
    /// without the line feed. `seen` has a bit for each option.
    fn closing(&self, _seen: u64) -> Option<&'static str> {
        None
    }

    /// What is said on standard error each time it is written or shown, without the line feed.
    fn aside(&self) -> Option<&'static str> {
        None
    }

    /// Writes what makes it again, each option with a space in front (`save()`).
    fn save(&self, style: Style, out: &mut String);

    /// Writes what `-L` shows, with a space in front (`print()`).
    fn print(&self, style: Style, out: &mut String);
}

/// Where a rule is loaded, for the kernel to judge (`struct xt_mtchk_param`, `xt_tgchk_param`).
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The engine.
    pub variant: Variant,
    /// IPv4 or IPv6.
    pub family: AddressFamily,
    /// The table.
    pub table: TableName,
    /// The hooks from which the rule can be reached.
    pub hooks: &'a [Hook],
    /// The rule's protocol, and whether it is inverted.
    pub proto: Option<(u8, bool)>,
    /// The rule's matches.
    pub matches: &'a [Match],
}

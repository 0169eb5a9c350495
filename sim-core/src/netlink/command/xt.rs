//! Batches of iptables as what `iptables-restore` reads.

use std::fmt::Write as _;

use super::{Command, Line, NoCommand};
use crate::family::AddressFamily;
use crate::netfilter::xtables::change::{XtAct, XtBatch, XtChange};
use crate::netfilter::xtables::print::Printer;
use crate::netfilter::xtables::rule::{Action, Rule};
use crate::netfilter::xtables::table::{Counters, Policy, Variant};

/// The command that makes a batch.
pub(super) fn restore(batch: &XtBatch) -> Result<Command, NoCommand> {
    let tool = match (batch.family, batch.variant) {
        (AddressFamily::Inet, Variant::Nft) => "iptables-nft-restore",
        (AddressFamily::Inet, Variant::Legacy) => "iptables-legacy-restore",
        (AddressFamily::Inet6, Variant::Nft) => "ip6tables-nft-restore",
        (AddressFamily::Inet6, Variant::Legacy) => "ip6tables-legacy-restore",
    };
    let Some(first) = batch.changes.first() else {
        return Err(NoCommand("a batch without changes"));
    };
    if batch.changes.iter().any(|change| change.table != first.table) {
        return Err(NoCommand("changes of several tables at once"));
    }
    if batch.changes.iter().any(names_too_long) {
        return Err(NoCommand("a chain whose name is too long for a command"));
    }
    if batch.changes.iter().any(|c| c.chain.is_none() && matches!(c.what, XtAct::RenameChain(_))) {
        return Err(NoCommand("renaming a chain without its handle"));
    }
    let mut input = format!("*{}\n", first.table);
    for (at, change) in batch.changes.iter().enumerate() {
        if change.what != XtAct::Unload {
            line(batch, change, &mut input);
        } else if at > 0 {
            // A file begins with that, unless it is told not to.
            return Err(NoCommand("a table that goes within a batch"));
        }
    }
    input.push_str("COMMIT\n");
    let flushes = first.what == XtAct::Unload;
    let mut command = Line::of(&[tool, "--counters"]).flag("--noflush", !flushes).end();
    command.input = input;
    Ok(command)
}

/// The longest name of a chain that a command takes, in bytes; a chain can be renamed to a longer one.
const MAX_NAME: usize = 28;

/// Whether a change names a chain that no command can name.
fn names_too_long(change: &XtChange) -> bool {
    let called = if let XtAct::Append(rule, _)
    | XtAct::Insert(_, rule, _)
    | XtAct::Replace(_, rule, _) = &change.what
        && let Action::Jump(chain) | Action::Goto(chain) = &rule.action
    {
        Some(chain)
    } else {
        None
    };
    [change.chain.as_ref(), called].into_iter().flatten().any(|name| name.len() > MAX_NAME)
}

/// Writes one change as a line.
fn line(batch: &XtBatch, change: &XtChange, out: &mut String) {
    let chain = change.chain.as_deref().unwrap_or_default();
    let named = |letter: char| format!("-{letter} {chain}").trim_end().to_owned();
    let rule = |what: &str, rule: &Rule<Box<str>>, counters: Counters| {
        let Counters { packets, bytes } = counters;
        let mut text = format!("[{packets}:{bytes}] {what}");
        let mut printer = Printer { family: batch.family, variant: None, out: &mut text };
        printer.save(rule, None, |chain| chain);
        text
    };
    let text = match &change.what {
        XtAct::Load | XtAct::Unload => return,
        XtAct::NewChain => format!(":{chain} - [0:0]"),
        XtAct::DeleteChain => named('X'),
        XtAct::RenameChain(to) => format!("-E {chain} {to}"),
        XtAct::Policy(policy, counters) => {
            let policy = match policy {
                Policy::Accept => "ACCEPT",
                Policy::Drop => "DROP",
            };
            let Counters { packets, bytes } = counters.unwrap_or_default();
            format!(":{chain} {policy} [{packets}:{bytes}]")
        }
        XtAct::Append(r, counters) => rule(&format!("-A {chain}"), r, *counters),
        XtAct::Insert(at, r, counters) => rule(&format!("-I {chain} {}", at + 1), r, *counters),
        XtAct::Replace(at, r, counters) => rule(&format!("-R {chain} {}", at + 1), r, *counters),
        XtAct::Delete(at) => format!("-D {chain} {}", at + 1),
        XtAct::Flush => named('F'),
        // A list brings built-in chains into being.
        XtAct::Zero(None) if change.table.hook(chain).is_some() => format!("-L {chain} -Z"),
        XtAct::Zero(None) => named('Z'),
        XtAct::Zero(Some(at)) => format!("-Z {chain} {}", at + 1),
    };
    writeln!(out, "{text}").expect("a string takes everything");
}

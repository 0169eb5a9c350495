//! `-L`, `-S` and what `iptables-save` writes of a table.

use crate::netfilter::Hook;
use crate::netfilter::xtables::draft::Draft;
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::print::{Listing, Printer};
use crate::netfilter::xtables::rule::{ChainId, Rule, TableName};
use crate::netfilter::xtables::table::{Counters, Policy, Variant};

use super::put;
use super::work::Work;

/// A chain of a list. A built-in one is shown even if there is none in `nf_tables`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    There(ChainId),
    Imagined(Hook),
}

fn policy_name(policy: Policy) -> &'static str {
    match policy {
        Policy::Accept => "ACCEPT",
        Policy::Drop => "DROP",
    }
}

/// The built-in chains in their order, then the users'.
pub(super) fn all(draft: &Draft<'_>) -> Vec<Shown> {
    let hooks = draft.which().name.hooks().iter();
    let bases = hooks.map(|hook| match draft.base_chain(*hook) {
        Some(id) => Shown::There(id),
        None => Shown::Imagined(*hook),
    });
    let users = draft.ordered().filter(|(_, chain)| chain.base.is_none());
    bases.chain(users.map(|(id, _)| Shown::There(id))).collect()
}

/// The chain called `name`.
pub(super) fn named(draft: &Draft<'_>, name: &str) -> Option<Shown> {
    let imagined = || draft.which().name.hook(name).map(Shown::Imagined);
    draft.find(name).map(Shown::There).or_else(imagined)
}

impl Shown {
    fn name<'d>(self, draft: &'d Draft<'_>) -> &'d str {
        match self {
            Self::There(id) => draft.chain(id).map_or("", |chain| &chain.name),
            Self::Imagined(hook) => hook.name(),
        }
    }

    /// A built-in chain's policy and what it has counted.
    fn policy(self, draft: &Draft<'_>) -> Option<(Policy, Counters)> {
        match self {
            Self::There(id) => {
                let base = draft.chain(id)?.base?;
                Some((base.policy, draft.live(id)?.policy))
            }
            Self::Imagined(_) => Some((Policy::Accept, Counters::default())),
        }
    }
}

fn chain_name<'d>(draft: &'d Draft<'_>, id: ChainId) -> &'d str {
    draft.chain(id).map_or("", |chain| &chain.name)
}

impl Work<'_> {
    /// Lists chains (`-L`).
    pub(super) fn list(
        &mut self,
        table: TableName,
        chains: &[Shown],
        number: Option<usize>,
        how: Listing,
    ) {
        let (family, variant) = (self.family, self.variant);
        let (mut text, mut err) = (String::new(), String::new());
        let draft = self.draft(table);
        for (at, shown) in chains.iter().enumerate() {
            if at > 0 {
                text.push('\n');
            }
            if number.is_none() {
                heading(draft, *shown, how, &mut text);
                Printer { family, variant: Some(variant), out: &mut text }.list_heading(how);
            }
            let Shown::There(id) = *shown else { continue };
            let (Some(chain), Some(live)) = (draft.chain(id), draft.live(id)) else { continue };
            for (at, (rule, live)) in chain.rules.iter().zip(&live.rules).enumerate() {
                if number.is_none_or(|number| number == at + 1) {
                    let mut printer = Printer { family, variant: Some(variant), out: &mut text };
                    let counted = (at + 1, live.counters);
                    printer.list(rule, counted, how, |id| chain_name(draft, *id));
                    asides(rule, &mut err);
                }
            }
        }
        self.out.push_str(&text);
        self.err.push_str(&err);
    }

    /// Writes the commands that make chains (`-S`).
    pub(super) fn list_rules(
        &mut self,
        table: TableName,
        chains: &[Shown],
        number: Option<usize>,
        with_counters: bool,
    ) {
        let mut text = String::new();
        let draft = self.draft(table);
        for shown in chains.iter().filter(|_| number.is_none()) {
            let name = shown.name(draft);
            match shown.policy(draft) {
                None => put(&mut text, format_args!("-N {name}\n")),
                Some((policy, Counters { packets, bytes })) => {
                    put(&mut text, format_args!("-P {name} {}", policy_name(policy)));
                    if with_counters {
                        put(&mut text, format_args!(" -c {packets} {bytes}"));
                    }
                    text.push('\n');
                }
            }
        }
        self.out.push_str(&text);
        for shown in chains {
            if let Shown::There(id) = *shown {
                let style = if with_counters { Counts::Words } else { Counts::No };
                self.rules(table, id, number, style);
            }
        }
    }

    /// Writes what `iptables-save` writes of a table, between its comments.
    pub(super) fn save(&mut self, table: TableName, with_counters: bool) {
        let draft = self.draft(table);
        let chains = all(draft);
        let mut text = format!("*{table}\n");
        for shown in &chains {
            let name = shown.name(draft);
            match shown.policy(draft) {
                None => put(&mut text, format_args!(":{name} - [0:0]\n")),
                Some((policy, Counters { packets, bytes })) => {
                    put(
                        &mut text,
                        format_args!(":{name} {} [{packets}:{bytes}]\n", policy_name(policy)),
                    );
                }
            }
        }
        self.out.push_str(&text);
        let style = if with_counters { Counts::Front } else { Counts::No };
        for shown in chains {
            if let Shown::There(id) = shown {
                self.rules(table, id, None, style);
            }
        }
        self.out.push_str("COMMIT\n");
    }

    /// Writes a chain's rules as `-A` makes them.
    fn rules(&mut self, table: TableName, id: ChainId, number: Option<usize>, style: Counts) {
        let (family, variant) = (self.family, self.variant);
        let (mut text, mut err) = (String::new(), String::new());
        let draft = self.draft(table);
        let (Some(chain), Some(live)) = (draft.chain(id), draft.live(id)) else { return };
        for (at, (rule, live)) in chain.rules.iter().zip(&live.rules).enumerate() {
            if number.is_some_and(|number| number != at + 1) {
                continue;
            }
            let Counters { packets, bytes } = live.counters;
            if style == Counts::Front {
                put(&mut text, format_args!("[{packets}:{bytes}] "));
            }
            text += "-A ";
            text += &chain.name;
            let counters = Some(live.counters).filter(|_| style == Counts::Words);
            let mut printer = Printer { family, variant: Some(variant), out: &mut text };
            printer.save(rule, counters, |id| chain_name(draft, *id));
            text.push('\n');
            asides(rule, &mut err);
        }
        self.out.push_str(&text);
        self.err.push_str(&err);
    }
}

/// Writes what is said on standard error when a rule is shown.
pub(super) fn asides<C>(rule: &Rule<C>, err: &mut String) {
    for text in rule.matches.iter().filter_map(Match::aside) {
        put(err, format_args!("{text}\n"));
    }
}

/// Where a rule's counters stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Counts {
    No,
    Front,
    Words,
}

/// Writes the line above a chain's columns.
fn heading(draft: &mut Draft<'_>, shown: Shown, how: Listing, text: &mut String) {
    put(text, format_args!("Chain {}", shown.name(draft)));
    match (shown.policy(draft), shown) {
        (Some((policy, counters)), _) => {
            put(text, format_args!(" (policy {}", policy_name(policy)));
            if how.verbose {
                let (family, variant) = (draft.which().family, draft.which().variant);
                let mut count = |n, what: &str| {
                    text.push(' ');
                    let mut printer = Printer { family, variant: Some(variant), out: &mut *text };
                    printer.count(n, how);
                    *text += what;
                };
                count(counters.packets, " packets,");
                count(counters.bytes, " bytes");
            }
            *text += ")\n";
        }
        (None, Shown::There(id)) => {
            let references = draft.references(id);
            put(text, format_args!(" ({references} references)\n"));
        }
        (None, Shown::Imagined(_)) => {}
    }
}

/// The order in which `iptables-save` goes through the tables of `nf_tables`.
pub(super) const NFT_ORDER: [TableName; 5] =
    [TableName::Mangle, TableName::Security, TableName::Raw, TableName::Filter, TableName::Nat];

/// Whether `ip_tables` has tables, which a tool of `nf_tables` warns of.
pub(super) fn warns_of_legacy(work: &Work<'_>) -> bool {
    let is_legacy = |variant| variant == Variant::Legacy;
    work.variant == Variant::Nft
        && work.tables().iter().any(|table| is_legacy(table.variant) && table.family == work.family)
}

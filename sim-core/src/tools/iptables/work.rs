//! What a command line does to tables: in a draft of its own first, then asked of the kernel as one batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::netfilter::xtables::change::{XtAct, XtBatch, XtChange};
use crate::netfilter::xtables::draft::{Draft, Which};
use crate::netfilter::xtables::extension::Context;
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::print::Printer;
use crate::netfilter::xtables::rule::{Action, AddrMask, ChainId, IfName, Rule, TableName};
use crate::netfilter::xtables::table::{Table, Variant};
use crate::tools::failure::{Failure, Result};

use super::ending::Speaker;
use super::list;
use super::parsed::{Jump, Parsed};

/// Why a command did not do what it should.
#[derive(Debug)]
pub(super) enum Fault {
    /// The whole program ends.
    Ends(Failure),
    /// It fails with this number, and in these words.
    Fails(Errno, &'static str),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Ends(failure)
    }
}

/// What both libraries say about a missing chain.
pub(super) const NO_CHAIN: &str = "No chain/target/match by that name";

impl Fault {
    /// What the number means in the words of the library.
    pub(super) fn of(errno: Errno) -> Self {
        Self::Fails(errno, if errno == Errno::ENOENT { NO_CHAIN } else { errno.message() })
    }
}

/// A command line with its rules: one for each pair of addresses.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) parsed: Parsed,
    pub(super) rules: Vec<Rule<Box<str>>>,
}

/// What is being done.
#[derive(Debug)]
pub(super) struct Work<'w> {
    pub(super) variant: Variant,
    pub(super) family: AddressFamily,
    tables: &'w [Box<Table>],
    drafts: Vec<Draft<'w>>,
    /// The changes, and the line that each is asked for in.
    pub(super) changes: Vec<XtChange>,
    pub(super) lines: Vec<Option<usize>>,
    pub(super) line: Option<usize>,
    /// How many changes a file begins with that empty a table, which is nothing that is asked of its chains.
    emptied: usize,
    /// The users' chains that a file has announced.
    announced: BTreeSet<(TableName, Box<str>)>,
    pub(super) out: String,
    pub(super) err: String,
}

impl<'w> Work<'w> {
    /// Begins with what is there.
    pub(super) fn new(variant: Variant, family: AddressFamily, tables: &'w [Box<Table>]) -> Self {
        Self {
            variant,
            family,
            tables,
            drafts: Vec::new(),
            changes: Vec::new(),
            lines: Vec::new(),
            line: None,
            emptied: 0,
            announced: BTreeSet::new(),
            out: String::new(),
            err: String::new(),
        }
    }

    /// The tables that are there.
    pub(super) fn tables(&self) -> &'w [Box<Table>] {
        self.tables
    }

    /// The draft of a table. `ip_tables` loads it when it is asked for.
    pub(super) fn draft(&mut self, name: TableName) -> &mut Draft<'w> {
        let which = Which { variant: self.variant, family: self.family, name };
        if let Some(known) = self.drafts.iter().position(|draft| draft.which() == which) {
            return &mut self.drafts[known];
        }
        let is_there = self.tables.iter().any(|table| which.is(table));
        if self.variant == Variant::Legacy && !is_there {
            self.note(name, None, XtAct::Load);
        }
        self.drafts.push(Draft::new(which, self.tables));
        self.drafts.last_mut().expect("it was just put there")
    }

    fn note(&mut self, table: TableName, chain: Option<&str>, what: XtAct) {
        self.changes.push(XtChange { table, chain: chain.map(Box::from), what });
        self.lines.push(self.line);
    }

    /// Makes a change in the draft, and asks it of the kernel. What the kernel will refuse is not said here.
    pub(super) fn act(&mut self, table: TableName, chain: Option<&str>, what: XtAct) {
        let _ = self.draft(table).apply(chain, &what);
        self.note(table, chain, what);
    }

    /// Empties a user's chain that a file announces, or makes it.
    pub(super) fn announce(&mut self, table: TableName, chain: &str) {
        let is_there = self.chain(table, chain).is_some();
        self.act(table, Some(chain), if is_there { XtAct::Flush } else { XtAct::NewChain });
        self.announced.insert((table, chain.into()));
    }

    /// Takes the changes so far for those that empty a table.
    pub(super) fn set_emptied(&mut self) {
        self.emptied = self.changes.len();
    }

    /// Whether a change of the chain is asked for so far.
    pub(super) fn asks_of(&self, table: TableName, chain: &str) -> bool {
        let is_of =
            |change: &XtChange| change.table == table && change.chain.as_deref() == Some(chain);
        self.changes.iter().skip(self.emptied).any(is_of)
    }

    /// Whether a file has announced the chain.
    pub(super) fn is_announced(&self, table: TableName, chain: &str) -> bool {
        self.announced.contains(&(table, chain.into()))
    }

    /// The chain called `name`.
    pub(super) fn chain(&mut self, table: TableName, name: &str) -> Option<ChainId> {
        self.draft(table).find(name)
    }

    /// How many rules a chain has.
    pub(super) fn len(&mut self, table: TableName, id: ChainId) -> usize {
        self.draft(table).chain(id).map_or(0, |chain| chain.rules.len())
    }

    /// The place of the first rule in a chain that is equal to `rule`.
    pub(super) fn position(
        &mut self,
        table: TableName,
        id: ChainId,
        rule: &Rule<Box<str>>,
    ) -> Option<usize> {
        let draft = self.draft(table);
        let wanted = rule.clone().try_map(|name| draft.find(&name).ok_or(())).ok()?;
        let which = draft.which();
        draft.chain(id)?.rules.iter().position(|rule| rule.reads_as(&wanted, which.variant))
    }

    /// Writes the line of a rule that comes or goes.
    pub(super) fn tell(&mut self, rule: &Rule<Box<str>>) {
        let (family, variant) = (self.family, self.variant);
        Printer { family, variant: Some(variant), out: &mut self.out }.tell(rule, |chain| chain);
        list::asides(rule, &mut self.err);
    }

    /// The batch.
    pub(super) fn batch(&mut self) -> (XtBatch, Vec<Option<usize>>) {
        self.emptied = 0;
        let changes = std::mem::take(&mut self.changes);
        let lines = std::mem::take(&mut self.lines);
        (XtBatch { variant: self.variant, family: self.family, changes }, lines)
    }
}

/// Makes the rules that a command line describes.
pub(super) fn order(
    speaker: Speaker<'_>,
    variant: Variant,
    family: AddressFamily,
    mut parsed: Parsed,
) -> Result<Order> {
    let has_rule = parsed.commands.first().is_some_and(|command| command.has_rule());
    if !has_rule {
        return Ok(Order { parsed, rules: Vec::new() });
    }
    if variant == Variant::Nft {
        let cx = Context { variant, family, proto: parsed.ip.proto, tool: "iptables" };
        let mut matches = Vec::new();
        for m in std::mem::take(&mut parsed.matches) {
            matches.extend(m.into_nft(&cx).map_err(|problem| speaker.problem(&problem))?);
        }
        parsed.matches = matches;
        for name in [&mut parsed.ip.iif, &mut parsed.ip.oif] {
            let is_all = |name: &IfName| name.name.is_empty() && name.wildcard && !name.invert;
            *name = name.take().filter(|name| !is_all(name));
        }
    }
    let action = match &parsed.jump {
        Jump::None => Action::None,
        Jump::Standard(name) => match name.as_str() {
            "ACCEPT" => Action::Accept,
            "DROP" => Action::Drop,
            _ => Action::Return,
        },
        Jump::Chain(name, false) => Action::Jump(name.as_str().into()),
        Jump::Chain(name, true) => Action::Goto(name.as_str().into()),
        Jump::Target(target) => Action::Target(target.clone()),
    };
    let given = |(addr, mask): (_, std::net::IpAddr), invert| {
        Some(AddrMask { addr, mask, invert }).filter(|_| invert || !mask.is_unspecified())
    };
    let matches: Arc<[Match]> = std::mem::take(&mut parsed.matches).into();
    let mut rules = Vec::new();
    for source in &parsed.sources.0 {
        for destination in &parsed.destinations.0 {
            let mut ip = parsed.ip.clone();
            ip.src = given(*source, parsed.sources.1);
            ip.dst = given(*destination, parsed.destinations.1);
            let matches = Arc::clone(&matches);
            rules.push(Rule { ip, matches, action: action.clone() });
        }
    }
    Ok(Order { parsed, rules })
}

//! The commands of a command line, as each of the two libraries does them (`do_commandx()`, `do_command4()`).

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::netfilter::xtables::change::XtAct;
use crate::netfilter::xtables::print::Listing;
use crate::netfilter::xtables::rule::{Action, ChainId, Rule, TableName};
use crate::netfilter::xtables::table::{Counters, Policy, Variant};

use super::ending::Speaker;
use super::list::{self, Shown};
use super::names;
use super::options::Command;
use super::put;
use super::rename;
use super::work::{Fault, NO_CHAIN, Order, Work};

pub(super) type Done = Result<(), Fault>;

const BAD_RULE: &str = "Bad rule (does a matching rule exist in that chain?)";

/// A command about to be done.
pub(super) struct Doing<'o> {
    pub(super) speaker: Speaker<'o>,
    pub(super) table: TableName,
    pub(super) order: &'o Order,
    pub(super) chain: &'o str,
    verbose: bool,
    family: AddressFamily,
}

/// The table that a command line names.
pub(super) fn table(speaker: Speaker<'_>, name: &str) -> Result<TableName, Fault> {
    TableName::find(name).ok_or_else(|| {
        Fault::Ends(match speaker.variant {
            Variant::Nft => speaker.too_old(&format!("table '{name}' does not exist")),
            Variant::Legacy => speaker.too_old(&format!(
                "can't initialize iptables table `{name}': Table does not exist (do you need to insmod?)"
            )),
        })
    })
}

/// Does what an order says.
pub(super) fn run(work: &mut Work<'_>, speaker: Speaker<'_>, order: &Order) -> Done {
    let parsed = &order.parsed;
    let table = table(speaker, &parsed.table)?;
    if parsed.verbose > 1 {
        let text = "the dump of -vv is not supported";
        return Err(speaker.not_modelled(text, "the dump that a second -v adds").into());
    }
    let doing = Doing {
        speaker,
        table,
        order,
        chain: parsed.chain.as_deref().unwrap_or_default(),
        verbose: parsed.verbose > 0,
        family: work.family,
    };
    // The table of `ip_tables` is loaded by looking at it.
    work.draft(table);
    doing.check_jump(work)?;
    let lists = [Command::List, Command::ListRules];
    let list = parsed.commands.iter().find(|command| lists.contains(command)).copied();
    if list.is_some() && list::warns_of_legacy(work) {
        let tool = doing.legacy_tool();
        put(
            &mut work.err,
            format_args!("# Warning: {tool} tables present, use {tool} to see them\n"),
        );
    }
    if let Some(list) = list {
        doing.list(work, list)?;
    }
    for command in parsed.commands.iter().filter(|command| !lists.contains(command)) {
        doing.command(work, *command, list.is_some())?;
    }
    Ok(())
}

impl Doing<'_> {
    pub(super) fn nft(&self) -> bool {
        self.speaker.variant == Variant::Nft
    }

    fn legacy_tool(&self) -> String {
        format!("{}-legacy", self.speaker.program)
    }

    /// Whether the chain that the rules lead to is there.
    fn check_jump(&self, work: &mut Work<'_>) -> Done {
        let Some(rule) = self.order.rules.first() else { return Ok(()) };
        let (Action::Jump(name) | Action::Goto(name)) = &rule.action else { return Ok(()) };
        let is_built_in = self.table.hook(name).is_some();
        if is_built_in && !self.nft() && work.chain(self.table, self.chain).is_some() {
            self.tell(work, rule);
            return Err(Fault::of(Errno::EINVAL));
        }
        if is_built_in || work.chain(self.table, name).is_some() {
            return Ok(());
        }
        Err(Fault::Ends(match (self.speaker.variant, &rule.action) {
            (Variant::Nft, _) => self.speaker.parameter(&format!("Chain '{name}' does not exist")),
            (Variant::Legacy, Action::Goto(_)) => {
                self.speaker.parameter(&format!("goto '{name}' is not a chain"))
            }
            (Variant::Legacy, _) => self.speaker.parameter(&names::not_loaded("target", name)),
        }))
    }

    fn command(&self, work: &mut Work<'_>, command: Command, was_listed: bool) -> Done {
        match command {
            Command::Append => self.append(work),
            Command::Insert => self.insert(work),
            Command::Replace => self.replace(work),
            Command::Delete => self.delete(work),
            Command::DeleteNumber => self.delete_number(work),
            Command::Check => self.check(work),
            Command::Flush => self.flush(work),
            Command::Zero => self.zero(work, was_listed),
            Command::ZeroNumber => self.zero_number(work),
            Command::NewChain => self.new_chain(work),
            Command::DeleteChain => self.delete_chain(work),
            Command::Rename => self.rename(work),
            Command::Policy => self.policy(work),
            Command::List | Command::ListRules => Ok(()),
        }
    }

    /// What the rules have counted; `ip6tables-nft` forgets what `-c` said.
    fn counters(&self) -> Counters {
        let forgets = self.nft() && self.family == AddressFamily::Inet6;
        if forgets { Counters::default() } else { self.order.parsed.counters }
    }

    /// The chain that is named.
    pub(super) fn found(&self, work: &mut Work<'_>, text: &'static str) -> Result<ChainId, Fault> {
        work.chain(self.table, self.chain).ok_or(Fault::Fails(Errno::ENOENT, text))
    }

    /// The chain, to which `doing` is about to happen.
    fn found_to(&self, work: &mut Work<'_>, doing: &str) -> Result<ChainId, Fault> {
        let found = self.found(work, NO_CHAIN);
        if found.is_err() {
            self.announce_absent(work, doing);
        }
        found
    }

    /// `iptables-legacy -v` says what it does before it knows whether the chain is there.
    fn announce_absent(&self, work: &mut Work<'_>, doing: &str) {
        if self.verbose && !self.nft() {
            put(&mut work.out, format_args!("{doing} chain `{}'\n", self.chain));
        }
    }

    /// Whether a rule can come into the chain: a built-in one comes into being with it.
    fn can_hold(&self, work: &mut Work<'_>) -> bool {
        self.table.hook(self.chain).is_some() || work.chain(self.table, self.chain).is_some()
    }

    fn tell(&self, work: &mut Work<'_>, rule: &Rule<Box<str>>) {
        if self.verbose {
            work.tell(rule);
        }
    }

    fn act(&self, work: &mut Work<'_>, what: XtAct) {
        work.act(self.table, Some(self.chain), what);
    }

    fn append(&self, work: &mut Work<'_>) -> Done {
        let mut done = Ok(());
        for rule in &self.order.rules {
            self.tell(work, rule);
            if self.can_hold(work) {
                self.act(work, XtAct::Append(Box::new(rule.clone()), self.counters()));
                continue;
            }
            done = Err(Fault::of(Errno::ENOENT));
            if self.nft() {
                break;
            }
        }
        done
    }

    fn insert(&self, work: &mut Work<'_>) -> Done {
        let at = self.order.parsed.number.unwrap_or(1) - 1;
        if !self.nft() {
            for rule in &self.order.rules {
                self.tell(work, rule);
            }
        }
        for rule in &self.order.rules {
            if !self.can_hold(work) {
                return Err(Fault::of(Errno::ENOENT));
            }
            let id = work.chain(self.table, self.chain);
            let len = id.map_or(0, |id| work.len(self.table, id));
            if at > len {
                return Err(Fault::Fails(Errno::E2BIG, "Index of insertion too big"));
            }
            if self.nft() {
                self.tell(work, rule);
            }
            let counters = self.counters();
            let boxed = Box::new(rule.clone());
            let what = match at == len && at > 0 {
                true => XtAct::Append(boxed, counters),
                false => XtAct::Insert(at, boxed, counters),
            };
            self.act(work, what);
        }
        Ok(())
    }

    fn replace(&self, work: &mut Work<'_>) -> Done {
        let at = self.order.parsed.number.unwrap_or(1) - 1;
        let Some(rule) = self.order.rules.first() else { return Ok(()) };
        if !self.nft() {
            self.tell(work, rule);
        }
        let id = self.found(work, NO_CHAIN)?;
        if at >= work.len(self.table, id) {
            return Err(Fault::Fails(Errno::E2BIG, "Index of replacement too big"));
        }
        if self.nft() {
            self.tell(work, rule);
        }
        let counters = self.counters();
        self.act(work, XtAct::Replace(at, Box::new(rule.clone()), counters));
        Ok(())
    }

    fn delete(&self, work: &mut Work<'_>) -> Done {
        let mut done = Ok(());
        for rule in &self.order.rules {
            if !self.nft() {
                self.tell(work, rule);
            }
            let place = work
                .chain(self.table, self.chain)
                .and_then(|id| work.position(self.table, id, rule));
            match place {
                Some(at) => {
                    if self.nft() {
                        self.tell(work, rule);
                    }
                    self.act(work, XtAct::Delete(at));
                }
                None => {
                    done = Err(self.no_rule(work, rule));
                    if self.nft() {
                        break;
                    }
                }
            }
        }
        done
    }

    /// What is said when there is no such rule. libiptc forgets what it was doing when it looks whether a target
    /// that is none of the standard ones is a chain.
    fn no_rule(&self, work: &mut Work<'_>, rule: &Rule<Box<str>>) -> Fault {
        let is_there = work.chain(self.table, self.chain).is_some();
        let is_looked_for =
            matches!(rule.action, Action::Jump(_) | Action::Goto(_) | Action::Target(_));
        let forgets = !self.nft() && is_there && is_looked_for;
        Fault::Fails(Errno::ENOENT, if forgets { NO_CHAIN } else { BAD_RULE })
    }

    fn delete_number(&self, work: &mut Work<'_>) -> Done {
        let at = self.order.parsed.number.unwrap_or(1) - 1;
        let id = self.found(work, NO_CHAIN)?;
        if at >= work.len(self.table, id) {
            return Err(Fault::Fails(Errno::E2BIG, "Index of deletion too big"));
        }
        self.act(work, XtAct::Delete(at));
        Ok(())
    }

    fn check(&self, work: &mut Work<'_>) -> Done {
        let mut done = Ok(());
        for rule in &self.order.rules {
            if !self.nft() {
                self.tell(work, rule);
            }
            let place = work
                .chain(self.table, self.chain)
                .and_then(|id| work.position(self.table, id, rule));
            if place.is_none() {
                done = Err(self.no_rule(work, rule));
                if self.nft() {
                    break;
                }
            } else if self.nft() {
                self.tell(work, rule);
            }
        }
        done
    }

    /// The names of all chains that are there, in order.
    fn names(&self, work: &mut Work<'_>) -> Vec<Box<str>> {
        work.draft(self.table).ordered().map(|(_, chain)| chain.name.clone()).collect()
    }

    /// The same, and those of the built-in chains that are not there.
    fn all_names(&self, work: &mut Work<'_>) -> Vec<Box<str>> {
        let is_user = |name: &str| self.table.hook(name).is_none();
        let users = self.names(work).into_iter().filter(|name| is_user(name));
        let bases = self.table.hooks().iter().map(|hook| hook.name().into());
        bases.chain(users).collect()
    }

    fn flush(&self, work: &mut Work<'_>) -> Done {
        if self.order.parsed.chain.is_some() {
            if !self.can_hold(work) {
                self.announce_absent(work, "Flushing");
                return Err(Fault::of(Errno::ENOENT));
            }
            if self.verbose {
                put(&mut work.out, format_args!("Flushing chain `{}'\n", self.chain));
            }
            self.act(work, XtAct::Flush);
            return Ok(());
        }
        if self.nft() && !self.verbose {
            if work.draft(self.table).exists() {
                work.act(self.table, None, XtAct::Flush);
            }
            return Ok(());
        }
        for name in self.all_names(work) {
            if self.verbose {
                put(&mut work.out, format_args!("Flushing chain `{name}'\n"));
            }
            work.act(self.table, Some(&name), XtAct::Flush);
        }
        Ok(())
    }

    fn zero(&self, work: &mut Work<'_>, was_listed: bool) -> Done {
        let names = match (&self.order.parsed.chain, was_listed) {
            (Some(chain), true) if self.can_hold(work) => vec![chain.as_str().into()],
            (Some(chain), _) => {
                self.found_to(work, "Zeroing")?;
                vec![chain.as_str().into()]
            }
            // What a list has shown comes into being.
            (None, true) => self.all_names(work),
            (None, false) => self.names(work),
        };
        for name in names {
            if self.verbose {
                put(&mut work.out, format_args!("Zeroing chain `{name}'\n"));
            }
            work.act(self.table, Some(&name), XtAct::Zero(None));
        }
        Ok(())
    }

    fn zero_number(&self, work: &mut Work<'_>) -> Done {
        let at = self.order.parsed.number.unwrap_or(1) - 1;
        let id = self.found(work, if self.nft() { BAD_RULE } else { NO_CHAIN })?;
        if at >= work.len(self.table, id) {
            return match self.speaker.variant {
                Variant::Nft => Ok(()),
                Variant::Legacy => Err(Fault::Fails(Errno::E2BIG, "Index of counter too big")),
            };
        }
        self.act(work, XtAct::Zero(Some(at)));
        Ok(())
    }

    fn new_chain(&self, work: &mut Work<'_>) -> Done {
        if self.can_hold(work) {
            return Err(Fault::Fails(Errno::EEXIST, "Chain already exists"));
        }
        rename::check_new(self.speaker, work.draft(self.table), self.chain)?;
        self.act(work, XtAct::NewChain);
        Ok(())
    }

    fn delete_chain(&self, work: &mut Work<'_>) -> Done {
        if self.order.parsed.chain.is_some() {
            let id = self.found_to(work, "Deleting")?;
            return self.delete_one(work, id, true);
        }
        let draft = work.draft(self.table);
        let mut ids: Vec<ChainId> = draft.ordered().map(|(id, _)| id).collect();
        if self.nft() && !self.verbose {
            ids.sort_unstable();
        }
        let mut done = Ok(());
        for id in ids {
            let is_base = work.draft(self.table).chain(id).is_some_and(|c| c.base.is_some());
            if is_base && !self.nft() {
                continue;
            }
            if let Err(fault) = self.delete_one(work, id, false) {
                done = Err(fault);
            }
        }
        done
    }

    fn delete_one(&self, work: &mut Work<'_>, id: ChainId, is_named: bool) -> Done {
        let draft = work.draft(self.table);
        let references = draft.references(id);
        let Some(chain) = draft.chain(id) else { return Ok(()) };
        let (name, base, is_empty) = (chain.name.clone(), chain.base, chain.rules.is_empty());
        if self.verbose && (base.is_none() || !self.nft()) {
            put(&mut work.out, format_args!("Deleting chain `{name}'\n"));
        }
        match (self.speaker.variant, base) {
            // Rules are only looked at when all chains are meant.
            (Variant::Nft, Some(base)) if base.policy == Policy::Drop && is_named => {
                return Err(Fault::Fails(Errno::EBUSY, "Directory not empty"));
            }
            (Variant::Nft, Some(base))
                if !is_named && (base.policy == Policy::Drop || !is_empty) =>
            {
                return Ok(());
            }
            (Variant::Legacy, Some(_)) => return Err(Fault::of(Errno::EINVAL)),
            (Variant::Legacy, None) if references > 0 => return Err(Fault::of(Errno::EMLINK)),
            (Variant::Legacy, None) if !is_empty => return Err(Fault::of(Errno::ENOTEMPTY)),
            (Variant::Nft | Variant::Legacy, _) => {}
        }
        work.act(self.table, Some(&name), XtAct::DeleteChain);
        Ok(())
    }

    fn policy(&self, work: &mut Work<'_>) -> Done {
        let parsed = &self.order.parsed;
        let counters = match self.speaker.variant {
            // It forgets what -c said.
            Variant::Nft => Counters::default(),
            Variant::Legacy => parsed.counters,
        };
        set_policy(work, self.table, self.chain, &parsed.second, Some(counters))
    }

    fn list(&self, work: &mut Work<'_>, command: Command) -> Done {
        let parsed = &self.order.parsed;
        let draft = work.draft(self.table);
        let chains: Vec<Shown> = match &parsed.chain {
            None => list::all(draft),
            Some(name) => match (list::named(draft, name), self.speaker.variant) {
                (Some(shown), _) => vec![shown],
                (None, Variant::Legacy) => return Err(Fault::of(Errno::ENOENT)),
                (None, Variant::Nft) => {
                    let text = format!(
                        "chain `{name}' in table `{}' is incompatible, use 'nft' tool.",
                        self.table
                    );
                    return Err(self.speaker.other(&text).into());
                }
            },
        };
        if command == Command::ListRules {
            work.list_rules(self.table, &chains, parsed.number, self.verbose);
        } else {
            let how = Listing {
                numeric: parsed.has('n'),
                verbose: self.verbose,
                exact: parsed.has('x'),
                line_numbers: parsed.has('0'),
            };
            work.list(self.table, &chains, parsed.number, how);
        }
        Ok(())
    }
}

/// Sets a built-in chain's policy; `-` leaves it as it is.
pub(super) fn set_policy(
    work: &mut Work<'_>,
    table: TableName,
    chain: &str,
    policy: &str,
    counters: Option<Counters>,
) -> Done {
    const NO_BUILT_IN: Fault = Fault::Fails(Errno::ENOENT, "Bad built-in chain name");
    const NO_POLICY: Fault = Fault::Fails(Errno::EINVAL, "Bad policy name");
    let is_built_in = table.hook(chain).is_some();
    if !is_built_in && work.variant == Variant::Legacy {
        return Err(NO_BUILT_IN);
    }
    let policy = match policy {
        "ACCEPT" => Policy::Accept,
        "DROP" => Policy::Drop,
        "-" if work.variant == Variant::Nft => {
            let draft = work.draft(table);
            let base = draft.find(chain).and_then(|id| draft.chain(id)?.base);
            base.map_or(Policy::Accept, |base| base.policy)
        }
        _ => return Err(NO_POLICY),
    };
    if !is_built_in {
        return Err(NO_BUILT_IN);
    }
    work.act(table, Some(chain), XtAct::Policy(policy, counters));
    Ok(())
}

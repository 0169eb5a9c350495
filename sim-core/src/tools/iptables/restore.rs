//! `iptables-restore`: its options, and the lines that it reads.

use std::collections::BTreeSet;

use crate::errno::Errno;
use crate::libc::number;
use crate::netfilter::xtables::change::XtAct;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::{Counters, Variant};
use crate::tools::failure::{Failure, Result};
use crate::tools::getopt::{Getopt, LongOption, Word};
use crate::tools::session::Session;

use super::Flavour;
use super::commit;
use super::ending::Speaker;
use super::names::{self, MAX_NAME};
use super::parse;
use super::put;
use super::rename;
use super::run;
use super::split;
use super::work::{self, Fault, Order, Work};

/// How a file is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    counters: bool,
    verbose: usize,
    testing: bool,
    noflush: bool,
    table: Option<String>,
    /// The file; standard input if it is none.
    pub(super) file: Option<String>,
}

const LONG_NFT: &[LongOption] = &[
    ("counters", 'c', false),
    ("verbose", 'v', false),
    ("version", 'V', false),
    ("test", 't', false),
    ("help", 'h', false),
    ("noflush", 'n', false),
    ("modprobe", 'M', true),
    ("table", 'T', true),
    ("ipv4", '4', false),
    ("ipv6", '6', false),
    ("wait", 'w', false),
    ("wait-interval", 'W', false),
];

/// The program's name in messages.
pub(super) fn program(flavour: Flavour, called: &str) -> String {
    match flavour.variant {
        Variant::Nft => called.to_owned(),
        Variant::Legacy => format!("{}-restore", flavour.base()),
    }
}

/// Reads the command line.
pub(super) fn read_options(
    session: &mut Session<'_>,
    flavour: Flavour,
    called: &str,
    words: &[String],
) -> Result<Options> {
    let program = program(flavour, called);
    let speaker = Speaker { program: &program, variant: flavour.variant, line: Some(0) };
    let (letters, long) = match flavour.variant {
        Variant::Nft => ("bcvVthnM:T:wW", LONG_NFT),
        Variant::Legacy => ("bcvVthnwWM:T:", LONG_NFT),
    };
    let mut options = Options::default();
    let mut operands = Vec::new();
    // The number that -w takes stands in a word of its own.
    let mut waiting = None;
    for word in Getopt::new(letters, words).with_long(long) {
        match word {
            Ok(Word::Operand(word)) => match waiting.take() {
                Some(letter) if !word.starts_with('!') => {
                    wait(session, speaker, letter, Some(word))?;
                }
                _ => operands.push(word.to_owned()),
            },
            Ok(Word::Option(letter, value)) => {
                if let Some(letter) = waiting.take() {
                    wait(session, speaker, letter, None)?;
                }
                match letter {
                    'c' => options.counters = true,
                    'v' => options.verbose += 1,
                    't' => options.testing = true,
                    'n' => options.noflush = true,
                    'T' => options.table = value.map(str::to_owned),
                    'w' | 'W' => waiting = Some(letter),
                    'b' => session.stderr += "-b/--binary option is not implemented\n",
                    'M' => {}
                    'V' => {
                        let text = format!("{program} v{}\n", speaker.version());
                        return Err(Failure::exits_stdout(0, text));
                    }
                    'h' => return Err(Failure::exits(0, usage(flavour, &program))),
                    _ => return Err(Failure::exits(1, try_help(&program))),
                }
            }
            Err(error) => {
                let text = format!("{called}: {error}\n{}", try_help(&program));
                return Err(Failure::exits(1, text));
            }
        }
    }
    if let Some(letter) = waiting.take() {
        wait(session, speaker, letter, None)?;
    }
    if operands.len() > 1 {
        return Err(Failure::exits(1, "Unknown arguments found on commandline\n"));
    }
    options.file = operands.pop();
    Ok(options)
}

fn try_help(program: &str) -> String {
    format!("Try `{program} -h' for more information.\n")
}

fn usage(flavour: Flavour, program: &str) -> String {
    let text = match flavour.variant {
        Variant::Nft => include_str!("restore_usage.txt"),
        Variant::Legacy => include_str!("restore_legacy_usage.txt"),
    };
    text.replace("{program}", program)
}

/// What follows `-w` or `-W`; the tool of `nf_tables` does not look at it.
fn wait(
    session: &mut Session<'_>,
    speaker: Speaker<'_>,
    letter: char,
    word: Option<&str>,
) -> Result<()> {
    if speaker.variant == Variant::Nft {
        return Ok(());
    }
    let number = word.map(|word| number::strtoul(word, 0));
    match (letter, number) {
        ('w', Some(None)) => Err(speaker.parameter("wait seconds not numeric")),
        ('W', None) => Err(speaker.parameter("wait interval value required")),
        ('W', Some(None)) => Err(speaker.parameter("wait interval not numeric")),
        ('W', Some(_)) => {
            session.stderr += "Ignoring deprecated --wait-interval option.\n";
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What is done later, when the table is committed.
enum Later {
    Order(Box<Order>),
    FlushTable,
    Policy(String, String, Counters),
    Chain(String),
}

/// A file that is being read.
struct Restoring<'f> {
    flavour: Flavour,
    program: &'f str,
    options: &'f Options,
    line: usize,
    /// The table that is being filled, and the one that was named last.
    table: Option<TableName>,
    last_table: Option<String>,
    later: Vec<(Later, usize)>,
    /// The chains that were named.
    announced: BTreeSet<String>,
}

/// How a line ended.
enum Line {
    /// Well.
    Done,
    /// Not, and that is not said here.
    Failed(Option<(Errno, &'static str, usize)>),
}

/// Does what the lines of a file say.
pub(super) fn run<'f>(
    session: &mut Session<'_>,
    flavour: Flavour,
    program: &'f str,
    options: &'f Options,
    text: &'f str,
) -> Result<()> {
    let mut restoring = Restoring {
        flavour,
        program,
        options,
        line: 0,
        table: None,
        last_table: None,
        later: Vec::new(),
        announced: BTreeSet::new(),
    };
    let mut lines = split::lines(text);
    loop {
        // One table after the other: what was committed can be seen by those that follow.
        let tables = &session.world.kernel.netns[session.netns].nf.tables;
        let mut work = Work::new(flavour.variant, flavour.family, tables);
        let commits = restoring.section(&mut work, &mut lines);
        let (mut batch, places) = work.batch();
        let Work { out, err, .. } = work;
        session.stdout += &out;
        session.stderr += &err;
        if options.testing || !matches!(commits, Ok(true)) {
            batch = batch.only_loads();
        }
        let answer = commit::ask(session, restoring.speaker(), batch, &places);
        if !commits? {
            break;
        }
        // A refusal that `nf_tables` does not put down to a change is put down to the last one.
        let last = places.into_iter().flatten().next_back().filter(|_| restoring.is_nft());
        restoring.check(answer, last.unwrap_or(restoring.line))?;
    }
    restoring.finish()
}

impl<'f> Restoring<'f> {
    fn speaker(&self) -> Speaker<'f> {
        Speaker { program: self.program, variant: self.flavour.variant, line: Some(self.line) }
    }

    fn is_nft(&self) -> bool {
        self.flavour.variant == Variant::Nft
    }

    fn wrong(&self, text: &str) -> Failure {
        self.speaker().parameter(text)
    }

    /// Reads lines until a table is committed, and does what they say; false at the end.
    fn section(
        &mut self,
        work: &mut Work<'_>,
        lines: &mut dyn Iterator<Item = &'f str>,
    ) -> Result<bool> {
        for line in lines {
            self.line += 1;
            if self.read(work, line)? {
                return self.prepare(work).map(|()| true);
            }
        }
        Ok(false)
    }

    /// Reads a line; true if it commits a table.
    fn read(&mut self, work: &mut Work<'_>, line: &str) -> Result<bool> {
        if line == "\n" {
            return Ok(false);
        }
        if line.starts_with('#') {
            if self.options.verbose > 0 {
                work.out.push_str(line);
            }
            return Ok(false);
        }
        let is_commit = match self.flavour.variant {
            Variant::Nft => matches!(line, "COMMIT" | "COMMIT\n"),
            Variant::Legacy => line == "COMMIT\n",
        };
        let ended = match self.table {
            Some(_) if is_commit => return Ok(true),
            None if line.starts_with('*') => self.new_table(work, &line[1..])?,
            Some(table) if line.starts_with(':') => self.chain(work, table, &line[1..])?,
            Some(table) => self.command(work, table, line)?,
            None => Line::Failed(None),
        };
        match ended {
            Line::Done => Ok(false),
            Line::Failed(why) => self.failed(why).map(|()| false),
        }
    }

    /// A line failed: that ends the program, unless it is of a table that is not wanted.
    fn failed(&self, why: Option<(Errno, &'static str, usize)>) -> Result<()> {
        let wanted = self.options.table.as_deref();
        if let (Some(wanted), Some(last)) = (wanted, self.last_table.as_deref())
            && wanted != last
        {
            return Ok(());
        }
        if self.flavour.variant == Variant::Legacy && wanted.is_some() && self.last_table.is_none()
        {
            return Ok(());
        }
        let (line, text) = match why {
            Some((_, text, line)) if self.is_nft() => (line, format!(": {text}.")),
            Some(_) | None => (self.line, String::new()),
        };
        Err(Failure::exits(1, format!("{}: line {line} failed{text}\n", self.program)))
    }

    fn check(&self, answer: std::result::Result<(), Fault>, line: usize) -> Result<()> {
        match answer {
            Ok(()) => Ok(()),
            Err(Fault::Ends(failure)) => Err(failure),
            Err(Fault::Fails(errno, text)) => self.failed(Some((errno, text, line))),
        }
    }

    fn new_table(&mut self, work: &mut Work<'_>, text: &str) -> Result<Line> {
        let (program, line) = (self.program, self.line);
        let Some(name) = split::tokens(text).next() else {
            return Err(self.wrong(&format!("{program}: line {line} table name invalid")));
        };
        let known = TableName::find(name);
        if self.is_nft() && known.is_none() {
            let text = format!("{program}: line {line} table name '{name}' invalid");
            return Err(self.wrong(&text));
        }
        self.last_table = Some(name.to_owned());
        if self.options.table.as_deref().is_some_and(|wanted| wanted != name) {
            return Ok(Line::Done);
        }
        let Some(table) = known else {
            let text = format!("{program}: unable to initialize table '{name}'");
            return Err(self.wrong(&text));
        };
        self.table = Some(table);
        if self.is_nft() {
            if !self.options.noflush {
                self.later.push((Later::FlushTable, line));
            }
        } else {
            work.draft(table);
            if !self.options.noflush {
                self.empty(work, table);
            }
        }
        Ok(Line::Done)
    }

    /// Removes all rules and all users' chains of a table.
    fn empty(&self, work: &mut Work<'_>, table: TableName) {
        let is_verbose = self.options.verbose > 0;
        let bases = table.hooks().iter().map(|hook| (Box::from(hook.name()), true));
        let users = work.draft(table).ordered().filter(|(_, chain)| chain.base.is_none());
        let users = users.map(|(_, chain)| (chain.name.clone(), false));
        let chains: Vec<(Box<str>, bool)> = bases.chain(users).collect();
        for (name, _) in &chains {
            if is_verbose {
                put(&mut work.out, format_args!("Flushing chain `{name}'\n"));
            }
            work.act(table, Some(name), XtAct::Flush);
        }
        for (name, _) in chains.iter().filter(|(_, is_base)| !is_base) {
            if is_verbose {
                put(&mut work.out, format_args!("Deleting chain `{name}'\n"));
            }
            work.act(table, Some(name), XtAct::DeleteChain);
        }
    }

    fn chain(&mut self, work: &mut Work<'_>, table: TableName, text: &str) -> Result<Line> {
        let (program, line) = (self.program, self.line);
        let mut tokens = split::tokens(text);
        let Some(chain) = tokens.next() else {
            return Err(self.wrong(&format!("{program}: line {line} chain name invalid")));
        };
        let is_built_in = table.hook(chain).is_some();
        if self.is_nft() {
            names::check_chain_name(self.speaker(), self.flavour.family, chain, true)?;
        } else {
            if chain.len() > MAX_NAME {
                let text = format!("Invalid chain name `{chain}' ({MAX_NAME} chars max)");
                return Err(self.wrong(&text));
            }
            if !is_built_in {
                self.refill(work, table, chain)?;
            }
        }
        self.announced.insert(chain.to_owned());
        let Some(policy) = tokens.next() else {
            return Err(self.wrong(&format!("{program}: line {line} policy invalid")));
        };
        if self.is_nft() && !is_built_in {
            self.later.push((Later::Chain(chain.to_owned()), line));
            return Ok(Line::Done);
        }
        if !self.is_nft() && policy == "-" {
            return Ok(Line::Done);
        }
        let mut counters = Counters::default();
        if self.options.counters {
            counters = tokens.next().and_then(split::counters).ok_or_else(|| {
                self.wrong(&format!("invalid policy counters for chain '{chain}'"))
            })?;
        }
        if self.is_nft() {
            let later = Later::Policy(chain.to_owned(), policy.to_owned(), counters);
            self.later.push((later, line));
            return Ok(Line::Done);
        }
        match run::set_policy(work, table, chain, policy, Some(counters)) {
            Ok(()) => Ok(Line::Done),
            Err(Fault::Ends(failure)) => Err(failure),
            Err(Fault::Fails(_, why)) => Err(self
                .speaker()
                .other(&format!("Can't set policy `{policy}' on `{chain}' line {line}: {why}"))),
        }
    }

    /// Empties a user's chain of `ip_tables`, or makes it.
    fn refill(&self, work: &mut Work<'_>, table: TableName, chain: &str) -> Result<()> {
        let is_there = work.chain(table, chain).is_some();
        if is_there && self.options.noflush {
            work.act(table, Some(chain), XtAct::Flush);
        } else if is_there || super::known::is_standard(chain) {
            let text = format!("error creating chain '{chain}':{}", Errno::EEXIST);
            return Err(self.wrong(&text));
        } else {
            work.act(table, Some(chain), XtAct::NewChain);
        }
        Ok(())
    }

    fn command(&mut self, work: &mut Work<'_>, table: TableName, line: &str) -> Result<Line> {
        let mut words = vec!["-t".to_owned(), table.to_string()];
        if !self.options.noflush {
            words.extend((0..self.options.verbose).map(|_| "-v".to_owned()));
        }
        let (counters, rest) = split::rule_counters(line)
            .map_err(|what| self.wrong(&format!("Bad line {}: need {what}", self.line)))?;
        if let Some((packets, bytes)) = counters.filter(|_| self.options.counters) {
            words.extend(["--set-counters", packets, bytes].map(str::to_owned));
        }
        split::words(rest, &mut words).map_err(|text| self.wrong(text))?;
        let (speaker, family) = (self.speaker(), self.flavour.family);
        let (parsed, stderr) = parse::read(speaker, family, &words, Some(&self.announced))?;
        work.err.push_str(&stderr);
        if parsed.commands.is_empty() {
            return Ok(Line::Done);
        }
        // The table is that of the file.
        let order = work::order(speaker, self.flavour.variant, family, parsed)?;
        if self.is_nft() {
            run::table(speaker, &order.parsed.table)
                .map_err(|fault| commit::end(speaker, fault))?;
            self.later.push((Later::Order(Box::new(order)), self.line));
            return Ok(Line::Done);
        }
        work.line = Some(self.line);
        match run::run(work, speaker, &order) {
            Ok(()) => Ok(Line::Done),
            Err(Fault::Ends(failure)) => Err(failure),
            Err(Fault::Fails(errno, text)) => Ok(Line::Failed(Some((errno, text, self.line)))),
        }
    }

    /// Does what was put off, now that the table is committed.
    fn prepare(&mut self, work: &mut Work<'_>) -> Result<()> {
        let Some(table) = self.table.take() else { return Ok(()) };
        let later = std::mem::take(&mut self.later);
        if self.options.testing {
            return Ok(());
        }
        for (what, line) in later {
            work.line = Some(line);
            let done = match what {
                Later::FlushTable => {
                    self.flush_table(work, table);
                    Ok(())
                }
                Later::Policy(chain, policy, counters) => {
                    run::set_policy(work, table, &chain, &policy, Some(counters))
                }
                Later::Chain(chain) => {
                    let can_be = rename::check_new(self.speaker(), work.draft(table), &chain);
                    can_be.map(|()| work.announce(table, &chain))
                }
                Later::Order(order) => run::run(work, self.speaker(), &order),
            };
            match done {
                Ok(()) => {}
                Err(Fault::Ends(failure)) => return Err(failure),
                Err(Fault::Fails(errno, text)) => self.failed(Some((errno, text, line)))?,
            }
        }
        Ok(())
    }

    fn flush_table(&self, work: &mut Work<'_>, table: TableName) {
        if self.options.verbose == 0 {
            work.act(table, None, XtAct::Unload);
            return;
        }
        self.empty(work, table);
        work.set_emptied();
    }

    fn finish(&self) -> Result<()> {
        if self.table.is_none() {
            return Ok(());
        }
        let text = format!("{}: COMMIT expected at line {}\n", self.program, self.line + 1);
        Err(Failure::exits(1, text))
    }
}

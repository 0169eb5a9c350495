//! The command line (`do_parse()`).

use std::collections::BTreeSet;

use crate::family::AddressFamily;
use crate::libc::number;
use crate::netfilter::xtables::extension::{Context, Kind, Problem};
use crate::netfilter::xtables::matches::{MATCHES, Match};
use crate::netfilter::xtables::reading::Opened;
use crate::netfilter::xtables::registry::Entry;
use crate::netfilter::xtables::rule::{IfName, IpRule};
use crate::netfilter::xtables::table::Counters;
use crate::netfilter::xtables::targets::{TARGETS, Target};
use crate::netfilter::xtables::value::{self, whole_number};
use crate::tools::failure::{Failure, Result};

use super::address;
use super::ending::Speaker;
use super::known;
use super::names::{self, MAX_NAME, canonical, find, match_name, not_loaded};
use super::options::{self, Command};
use super::parsed::{Jump, Parsed};
use super::put_lines;
use super::words::{Long, Takes, Word, Words};

/// The longest name of a device, in bytes.
const MAX_IFNAME: usize = 15;

/// An option on a command line.
#[derive(Clone, Copy, Debug)]
enum Id {
    Base(char),
    /// Of the match with this name: its place, and that of what it is but another name of.
    Match(&'static str, usize, usize),
    /// Of the target.
    Target(usize, usize),
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Base(a), Self::Base(b)) => a == b,
            (Self::Match(name, _, a), Self::Match(other, _, b)) => (name, a) == (other, b),
            (Self::Target(_, a), Self::Target(_, b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Id {}

struct Loaded {
    opened: Opened<Match>,
    /// Another one of the same name has come: options go to that.
    is_past: bool,
}

/// A command line that is being read.
struct Parser<'a> {
    speaker: Speaker<'a>,
    family: AddressFamily,
    announced: Option<&'a BTreeSet<String>>,
    words: Words<'a>,
    longs: Vec<Long<Id>>,
    parsed: Parsed,
    stderr: String,
    invert: bool,
    protocol: Option<String>,
    proto_loaded: bool,
    has_goto: bool,
    jump_to: Option<String>,
    matches: Vec<Loaded>,
    target: Option<Opened<Target>>,
    sources: Option<(String, bool)>,
    destinations: Option<(String, bool)>,
    table_set: bool,
    waits: bool,
    waits_between: bool,
}

/// Reads a command line; what is said on standard error besides. If it stands in a file that `iptables-restore`
/// reads, `announced` has the chains that were named there: no target is looked for under these names.
pub(super) fn read(
    speaker: Speaker<'_>,
    family: AddressFamily,
    words: &[String],
    announced: Option<&BTreeSet<String>>,
) -> Result<(Parsed, String)> {
    let parser = Parser {
        speaker,
        family,
        announced,
        words: Words::new(options::LETTERS, words),
        longs: options::LONG
            .iter()
            .map(|long| Long { name: long.name, takes: long.takes, id: Id::Base(long.id) })
            .collect(),
        parsed: Parsed {
            commands: Vec::new(),
            table: "filter".to_owned(),
            chain: None,
            number: None,
            second: String::new(),
            verbose: 0,
            given: Vec::new(),
            counters: Counters::default(),
            ip: IpRule::default(),
            sources: (Vec::new(), false),
            destinations: (Vec::new(), false),
            matches: Vec::new(),
            jump: Jump::None,
        },
        stderr: String::new(),
        invert: false,
        protocol: None,
        proto_loaded: false,
        has_goto: false,
        jump_to: None,
        matches: Vec::new(),
        target: None,
        sources: None,
        destinations: None,
        table_set: false,
        waits: false,
        waits_between: false,
    };
    parser.read()
}

impl Parser<'_> {
    fn read(mut self) -> Result<(Parsed, String)> {
        let read =
            self.read_words().and_then(|is_ours| if is_ours { self.finish() } else { Ok(()) });
        match read {
            Ok(()) => Ok((self.parsed, self.stderr)),
            Err(mut failure) => {
                failure.stderr.insert_str(0, &self.stderr);
                Err(failure)
            }
        }
    }

    fn wrong(&self, text: impl AsRef<str>) -> Failure {
        self.speaker.parameter(text.as_ref())
    }

    fn context(&self) -> Context<'static> {
        Context {
            variant: self.speaker.variant,
            family: self.family,
            proto: self.parsed.ip.proto,
            tool: "iptables",
        }
    }

    /// Reads all words; false if the line is for the other family.
    fn read_words(&mut self) -> Result<bool> {
        let letter = |c| Some(Id::Base(c));
        loop {
            let begin = self.words.at;
            let Some(word) = self.words.next(&self.longs, letter) else { break };
            match word {
                Word::Operand(word) if word == "!" => {
                    if self.invert {
                        return Err(self.wrong("multiple consecutive ! not allowed"));
                    }
                    self.invert = true;
                    continue;
                }
                Word::Operand(word) => {
                    return Err(self.speaker.bad(&format!("Bad argument `{word}'\n")));
                }
                Word::Option(Id::Base('b'), _) => {
                    if self.load_protocol()? {
                        self.words.at = begin;
                        continue;
                    }
                    return Err(self.wrong("Unknown arg \"(null)\""));
                }
                Word::Option(Id::Base(letter), value) => {
                    let value = value.unwrap_or_default();
                    if !self.base(letter, &value)? {
                        self.parsed.commands.clear();
                        return Ok(false);
                    }
                }
                Word::Option(id, value) => self.of_extension(id, value.as_deref())?,
                Word::Unknown | Word::NoArgument => {
                    if self.load_protocol()? {
                        self.words.at = self.words.at.saturating_sub(1);
                        continue;
                    }
                    let last = self.words.last();
                    return Err(self.wrong(if word == Word::Unknown {
                        format!("unknown option \"{last}\"")
                    } else {
                        format!("option \"{last}\" requires an argument")
                    }));
                }
            }
            self.invert = false;
        }
        Ok(true)
    }

    fn of_extension(&mut self, id: Id, value: Option<&str>) -> Result<()> {
        let (cx, invert) = (self.context(), self.invert);
        let takes_two = |kind: Kind| kind == Kind::Pair;
        let done = match id {
            Id::Base(_) => Ok(()),
            Id::Target(place, _) => {
                let Some(target) = &mut self.target else { return Ok(()) };
                let two = takes_two(target.entry().options[place].kind);
                let second = if two { self.words.argument() } else { None };
                let read = target.option_of_two(place, invert, [value, second], &cx);
                put_lines(&mut self.stderr, target.take_warnings());
                read
            }
            Id::Match(name, place, _) => {
                let current =
                    |loaded: &&mut Loaded| loaded.opened.entry().name == name && !loaded.is_past;
                let Some(loaded) = self.matches.iter_mut().find(current) else { return Ok(()) };
                let two = takes_two(loaded.opened.entry().options[place].kind);
                let second = if two { self.words.argument() } else { None };
                let read = loaded.opened.option_of_two(place, invert, [value, second], &cx);
                put_lines(&mut self.stderr, loaded.opened.take_warnings());
                read
            }
        };
        done.map_err(|problem| self.speaker.problem(&problem))
    }

    fn add_command(&mut self, new: Command) -> Result<()> {
        if self.invert {
            return Err(self.wrong("unexpected '!' flag"));
        }
        let (is_zero, is_list) = (
            |command| matches!(command, Command::Zero | Command::ZeroNumber),
            |command| matches!(command, Command::List | Command::ListRules),
        );
        let goes_with =
            |old: Command| is_list(new) && is_zero(old) || new == Command::Zero && is_list(old);
        if let Some(old) = self.parsed.commands.iter().find(|old| !goes_with(**old)) {
            let text = format!("Cannot use -{} with -{}", new.letter(), old.letter());
            return Err(self.wrong(text));
        }
        self.parsed.commands.push(new);
        Ok(())
    }

    fn set_option(&mut self, letter: char) -> Result<()> {
        if self.parsed.has(letter) {
            return Err(self.wrong(format!("multiple -{letter} flags not allowed")));
        }
        self.parsed.given.push(letter);
        if self.invert && !options::is_invertible(letter) {
            return Err(self.wrong(format!("cannot have ! before -{letter}")));
        }
        Ok(())
    }

    /// Reads an option that every command line knows; false if the line is for the other family.
    fn base(&mut self, letter: char, value: &str) -> Result<bool> {
        match letter {
            'A' | 'C' | 'D' | 'R' | 'I' | 'L' | 'S' | 'F' | 'Z' | 'N' | 'X' | 'E' | 'P' => {
                self.command(letter, value)?;
            }
            'p' | 's' | 'd' | 'i' | 'o' | 'f' | 'g' | 'j' | 'm' => self.of_rule(letter, value)?,
            'v' => {
                if self.parsed.verbose == 0 {
                    self.set_option('v')?;
                }
                self.parsed.verbose += 1;
            }
            'n' | 'x' | '0' => self.set_option(letter)?,
            't' => {
                if self.invert {
                    return Err(self.wrong("unexpected ! flag before --table"));
                }
                if self.announced.is_some() && self.table_set {
                    let program = self.speaker.program;
                    let text = format!("The -t option cannot be used in {program}.\n");
                    return Err(self.wrong(text));
                }
                self.table_set = true;
                value.clone_into(&mut self.parsed.table);
            }
            'c' => self.read_counters(value)?,
            'w' | 'W' => self.wait(letter, value)?,
            'V' => return Err(self.version()),
            'h' => return Err(self.help()?),
            '4' | '6' => {
                let wanted = if letter == '4' { AddressFamily::Inet } else { AddressFamily::Inet6 };
                if self.family != wanted {
                    return if self.announced.is_some() {
                        Ok(false)
                    } else {
                        Err(self.speaker.bad(""))
                    };
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn command(&mut self, letter: char, value: &str) -> Result<()> {
        let command = match letter {
            'A' => Command::Append,
            'C' => Command::Check,
            'D' => Command::Delete,
            'R' => Command::Replace,
            'I' => Command::Insert,
            'L' => Command::List,
            'S' => Command::ListRules,
            'F' => Command::Flush,
            'Z' => Command::Zero,
            'N' => {
                self.check_chain_name(value)?;
                Command::NewChain
            }
            'X' => Command::DeleteChain,
            'E' => Command::Rename,
            _ => Command::Policy,
        };
        self.add_command(command)?;
        let chain = match (letter, value) {
            ('L' | 'S' | 'F' | 'Z' | 'X', "") => self.words.argument().map(str::to_owned),
            _ => Some(value.to_owned()),
        };
        if chain.is_some() {
            self.parsed.chain = chain;
        }
        match letter {
            'D' | 'L' | 'S' | 'Z' | 'I' | 'R' => self.rule_number(letter)?,
            'E' | 'P' => {
                let Some(second) = self.words.argument() else {
                    return Err(self.wrong(if letter == 'E' {
                        "-E requires old-chain-name and new-chain-name"
                    } else {
                        "-P requires a chain and a policy"
                    }));
                };
                second.clone_into(&mut self.parsed.second);
            }
            _ => {}
        }
        Ok(())
    }

    fn rule_number(&mut self, letter: char) -> Result<()> {
        let Some(word) = self.words.argument() else {
            match letter {
                'I' => self.parsed.number = Some(1),
                'R' => return Err(self.wrong("-R requires a rule number")),
                _ => {}
            }
            return Ok(());
        };
        let number = whole_number(word, 1, 0x7fff_ffff).and_then(|n| usize::try_from(n).ok());
        if number.is_none() {
            return Err(self.wrong(format!("Invalid rule number `{word}'")));
        }
        self.parsed.number = number;
        match letter {
            'D' => self.parsed.commands = vec![Command::DeleteNumber],
            'Z' => self.parsed.commands = vec![Command::ZeroNumber],
            _ => {}
        }
        Ok(())
    }

    fn of_rule(&mut self, letter: char, value: &str) -> Result<()> {
        if letter == 'm' {
            if self.invert {
                return Err(self.wrong("unexpected ! flag before --match"));
            }
            return self.load_match(value);
        }
        if matches!(letter, 'i' | 'o') && value.is_empty() {
            return Err(self.wrong("Empty interface is likely to be undesired"));
        }
        if letter == 'f' && self.family == AddressFamily::Inet6 {
            return Err(self.wrong("`-f' is not supported in IPv6, use -m frag instead"));
        }
        self.set_option(if letter == 'g' { 'j' } else { letter })?;
        // These take the whole word before the next one for their argument, whatever stands in it.
        let last = self.words.last().to_owned();
        let invert = self.invert;
        match letter {
            'p' => self.read_protocol(&last.to_ascii_lowercase())?,
            's' => self.sources = Some((last, invert)),
            'd' => self.destinations = Some((last, invert)),
            'i' => self.parsed.ip.iif = self.read_interface(&last)?,
            'o' => self.parsed.ip.oif = self.read_interface(&last)?,
            'f' => self.parsed.ip.fragment = Some(!invert),
            'g' => {
                self.check_target_name(value)?;
                self.has_goto = true;
                self.jump_to = Some(value.to_owned());
            }
            _ => self.load_target(&last)?,
        }
        Ok(())
    }

    fn read_protocol(&mut self, word: &str) -> Result<()> {
        let number = value::protocol(word).map_err(|problem| self.speaker.problem(&problem))?;
        if number == 0 && self.invert {
            return Err(self.wrong("rule would never match protocol"));
        }
        self.parsed.ip.proto = Some((number, self.invert)).filter(|_| number != 0);
        // As upper layers these are never seen: they are headers of IPv6 itself.
        let is_header = matches!(number, 43 | 44 | 51 | 60) && !self.invert;
        if self.family == AddressFamily::Inet6 && is_header {
            let text =
                format!("Warning: never matched protocol: {word}. use extension match instead.\n");
            self.stderr.push_str(&text);
        }
        self.protocol = Some(word.to_owned());
        Ok(())
    }

    fn read_interface(&mut self, word: &str) -> Result<Option<IfName>> {
        if word.len() > MAX_IFNAME {
            let text =
                format!("interface name `{word}' must be shorter than IFNAMSIZ ({MAX_IFNAME})");
            return Err(self.wrong(text));
        }
        if word.contains(['/', ' ']) {
            let text = format!(
                "Warning: weird character in interface `{word}' ('/' and ' ' are not allowed by the kernel).\n"
            );
            self.stderr.push_str(&text);
        }
        let (name, wildcard) = match word.strip_suffix('+') {
            Some(name) => (name, true),
            None => (word, false),
        };
        Ok(Some(IfName { name: name.into(), wildcard, invert: self.invert }))
    }

    fn read_counters(&mut self, value: &str) -> Result<()> {
        self.set_option('c')?;
        // The first byte is part of the number in any case.
        let comma = value.char_indices().skip(1).find(|(_, c)| *c == ',').map(|(at, _)| at);
        let bytes = match comma {
            Some(at) => Some(&value[at + 1..]),
            None => self.words.argument(),
        };
        let Some(bytes) = bytes else {
            return Err(self.wrong("-c requires packet and byte counter"));
        };
        let Some(packets) = leading(value) else {
            return Err(self.wrong("-c packet counter not numeric"));
        };
        let Some(bytes) = leading(bytes) else {
            return Err(self.wrong("-c byte counter not numeric"));
        };
        self.parsed.counters = Counters { packets, bytes };
        Ok(())
    }

    fn wait(&mut self, letter: char, value: &str) -> Result<()> {
        if self.announced.is_some() {
            let text = format!("You cannot use `-{letter}' from iptables-restore");
            return Err(self.wrong(text));
        }
        let word = if value.is_empty() { self.words.argument() } else { Some(value) };
        if letter == 'w' {
            self.waits = true;
            if word.is_some_and(|word| number::strtoul(word, 0).is_none()) {
                return Err(self.wrong("wait seconds not numeric"));
            }
            return Ok(());
        }
        self.waits_between = true;
        let Some(word) = word else { return Err(self.wrong("wait interval value required")) };
        match number::strtoul(word, 10) {
            None => Err(self.wrong("wait interval not numeric")),
            Some((interval, _)) if interval > 999_999 => {
                Err(self.wrong(format!("too long usec wait {interval} > 999999 usec")))
            }
            Some(_) => {
                self.stderr.push_str("Ignoring deprecated --wait-interval option.\n");
                Ok(())
            }
        }
    }

    fn version(&self) -> Failure {
        let version = self.speaker.version();
        Failure::exits_stdout(
            0,
            if self.invert {
                format!("Not {version} ;-)\n")
            } else {
                format!("{} v{version}\n", self.speaker.program)
            },
        )
    }

    fn help(&mut self) -> Result<Failure> {
        if self.matches.is_empty()
            && let Some(entry) =
                self.protocol.as_deref().and_then(|p| find(MATCHES, p, self.family))
        {
            self.matches.push(Loaded { opened: Opened::new(entry, self.family), is_past: false });
        }
        let mut text = usage(self.speaker, self.family);
        let mut add = |help: &str| {
            text.push('\n');
            text.push_str(help);
        };
        if let Some(target) = &self.target {
            add(target.entry().help);
        }
        for loaded in &self.matches {
            add(loaded.opened.entry().help);
        }
        Ok(Failure::exits_stdout(0, text))
    }

    /// Looks a chain's name over (`assert_valid_chain_name()`).
    fn check_chain_name(&self, name: &str) -> Result<()> {
        let is_announced = self.announced.is_some_and(|chains| chains.contains(name));
        names::check_chain_name(self.speaker, self.family, name, is_announced)
    }

    fn check_target_name(&self, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(self.wrong("Invalid target name (too short)"));
        }
        if name.len() > MAX_NAME {
            let text = format!("Invalid target name `{name}' ({MAX_NAME} chars max)");
            return Err(self.wrong(text));
        }
        if name.contains(|c: char| c.is_ascii_whitespace()) {
            return Err(self.wrong(format!("Invalid target name `{name}'")));
        }
        Ok(())
    }

    fn load_target(&mut self, name: &str) -> Result<()> {
        self.check_target_name(name)?;
        self.jump_to = Some(name.to_owned());
        if known::is_standard(name) {
            return match name {
                "QUEUE" => Err(self.missing("target", name)),
                _ => Ok(()),
            };
        }
        if self.announced.is_some_and(|chains| chains.contains(name)) {
            return Ok(());
        }
        let Some(entry) = find(TARGETS, name, self.family) else {
            return match known::has_target(name, self.family) {
                true => Err(self.missing("target", name)),
                false => Ok(()),
            };
        };
        let place = |place| Id::Target(place, canonical(entry, place));
        self.learn(entry, place);
        self.target = Some(Opened::new(entry, self.family));
        Ok(())
    }

    fn load_match(&mut self, name: &str) -> Result<()> {
        if name.len() > MAX_NAME {
            let text = format!("Invalid match name \"{name}\" ({MAX_NAME} chars max)");
            return Err(self.wrong(text));
        }
        let name = match_name(name);
        let Some(entry) = find(MATCHES, name, self.family) else {
            if known::has_match(name, self.family) {
                return Err(self.missing("match", name));
            }
            return Err(self.wrong(not_loaded("match", name)));
        };
        self.open_match(entry);
        Ok(())
    }

    fn open_match(&mut self, entry: &'static Entry<Match>) {
        let mut is_new = true;
        for loaded in &mut self.matches {
            if loaded.opened.entry().name == entry.name {
                loaded.is_past = true;
                is_new = false;
            }
        }
        if is_new {
            self.learn(entry, |place| Id::Match(entry.name, place, canonical(entry, place)));
        }
        self.matches.push(Loaded { opened: Opened::new(entry, self.family), is_past: false });
    }

    /// Adds an extension's options in front of those that came before.
    fn learn<T>(&mut self, entry: &'static Entry<T>, id: impl Fn(usize) -> Id) {
        let new = entry.options.iter().enumerate().map(|(place, opt)| Long {
            name: opt.name,
            takes: if opt.kind == Kind::None { Takes::Nothing } else { Takes::Argument },
            id: id(place),
        });
        let begin = options::LONG.len();
        self.longs.splice(begin..begin, new);
    }

    /// Loads the match of the protocol, if there is one and it was not done yet.
    fn load_protocol(&mut self) -> Result<bool> {
        let Some(protocol) = self.protocol.clone() else { return Ok(false) };
        if self.proto_loaded {
            return Ok(false);
        }
        let by_number = whole_number(&protocol, 0, 255).and_then(|n| u8::try_from(n).ok());
        let name = match by_number {
            Some(number) => value::protocol_name(number, !self.parsed.has('n')),
            None => Some(protocol.as_str()),
        };
        let Some(name) = name.map(match_name) else { return Ok(false) };
        let Some(entry) = find(MATCHES, name, self.family) else {
            if known::has_match(name, self.family) {
                return Err(self.missing("match", name));
            }
            return Ok(false);
        };
        self.proto_loaded = true;
        self.open_match(entry);
        Ok(true)
    }

    /// An extension that the real tool has.
    fn missing(&self, what: &str, name: &str) -> Failure {
        self.speaker.not_modelled(&not_loaded(what, name), &format!("the {what} {name}"))
    }

    /// All words were read.
    fn finish(&mut self) -> Result<()> {
        self.check_nat()?;
        if !self.waits && self.waits_between {
            return Err(self.wrong("--wait-interval only makes sense with --wait\n"));
        }
        let cx = self.context();
        let speaker = self.speaker;
        let problem = |problem: Problem| speaker.problem(&problem);
        for loaded in std::mem::take(&mut self.matches) {
            put_lines(&mut self.stderr, loaded.opened.closing());
            let read = loaded.opened.finish(&cx).map_err(problem)?;
            self.parsed.matches.push(read);
        }
        let target = self.target.take();
        put_lines(&mut self.stderr, target.as_ref().and_then(Opened::closing));
        let target = target.map(|target| target.finish(&cx)).transpose().map_err(problem)?;
        self.parsed.jump = match (target, self.jump_to.take()) {
            (Some(target), _) => Jump::Target(target),
            (None, None) => Jump::None,
            (None, Some(name)) if known::is_standard(&name) && !self.has_goto => {
                Jump::Standard(name)
            }
            (None, Some(name)) => Jump::Chain(name, self.has_goto),
        };
        if self.words.is_left() {
            return Err(self.wrong("unknown arguments found on commandline"));
        }
        let Some(command) = self.parsed.commands.first().copied() else {
            return Err(self.wrong("no command specified"));
        };
        if self.invert {
            return Err(self.wrong("nothing appropriate following !"));
        }
        self.read_addresses(command)?;
        if let Some(option) = options::illegal(&self.parsed.commands, &self.parsed.given) {
            return Err(self.wrong(format!("Illegal option `-{option}' with this command")));
        }
        self.check_chain(command)
    }

    fn check_nat(&self) -> Result<()> {
        let parsed = &self.parsed;
        let is_policy = parsed.commands.contains(&Command::Policy) && parsed.second == "DROP";
        if parsed.table == "nat" && (is_policy || self.jump_to.as_deref() == Some("DROP")) {
            return Err(self.wrong(
                "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n",
            ));
        }
        Ok(())
    }

    fn read_addresses(&mut self, command: Command) -> Result<()> {
        let read = |given: &Option<(String, bool)>| match given {
            Some((word, invert)) => Ok((address::read(word, self.family)?, *invert)),
            None => {
                let any = value::mask_of(0, self.family);
                Ok((vec![(any, any)], false))
            }
        };
        let problem = |problem: Problem| self.speaker.problem(&problem);
        let sources = read(&self.sources).map_err(problem)?;
        let destinations = read(&self.destinations).map_err(problem)?;
        let several = sources.0.len() > 1 || destinations.0.len() > 1;
        if several && (sources.1 || destinations.1) {
            let text = "! not allowed with multiple source or destination IP addresses";
            return Err(self.wrong(text));
        }
        if several && command == Command::Replace {
            return Err(self.wrong("Replacement rule does not specify a unique address"));
        }
        self.parsed.sources = sources;
        self.parsed.destinations = destinations;
        Ok(())
    }

    fn check_chain(&self, command: Command) -> Result<()> {
        let Some(chain) = self.parsed.chain.as_deref() else { return Ok(()) };
        if chain.len() > MAX_NAME {
            return Err(self.wrong(names::too_long(chain)));
        }
        if !command.has_rule() && command != Command::DeleteNumber {
            return Ok(());
        }
        let refused = match chain {
            "PREROUTING" | "INPUT" => 'o',
            "POSTROUTING" | "OUTPUT" => 'i',
            _ => return Ok(()),
        };
        if self.parsed.has(refused) {
            return Err(self.wrong(format!("Can't use -{refused} with {chain}\n")));
        }
        Ok(())
    }
}

/// The number that `text` begins with, as `sscanf(3)` reads `%llu`.
fn leading(text: &str) -> Option<u64> {
    number::strtoul(text, 10).map(|(number, _)| number)
}

/// What `-h` prints.
fn usage(speaker: Speaker<'_>, family: AddressFamily) -> String {
    let (inet, inet6, fragment) = match family {
        AddressFamily::Inet => {
            ("Nothing", "Error", "[!] --fragment\t-f\t\tmatch second or further fragments only\n")
        }
        AddressFamily::Inet6 => ("Error", "Nothing", ""),
    };
    let text = include_str!("usage.txt")
        .replace("{program}", speaker.program)
        .replace("{inet}", inet)
        .replace("{inet6}", inet6)
        .replace("{fragment}", fragment);
    format!("{} v{}\n\n{text}", speaker.program, speaker.version())
}

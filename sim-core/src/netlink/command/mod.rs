//! Requests as the commands that make them on a real machine.
//!
//! [`Request::command`] is the way back from a request to the words that a person would type. The tools
//! read these words into the same request again; a property test holds the two together. Numbers have
//! names here only where iproute2 has them built in: what `/etc/iproute2` adds differs between machines.

mod addr;
mod conntrack;
mod fdb;
mod groups;
mod link;
mod link_kind;
mod neigh;
mod port;
mod qdisc;
mod route;
mod rule;
mod tunnel;
mod xt;

use std::fmt;

use crate::id::NetnsId;
use crate::link::inet::Scope;
use crate::netlink::Request;
use crate::netlink::request::{AccountSpec, LinkRef, Quota};

pub use route::implied_scope;

/// One word of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Word {
    /// As it stands.
    Text(String),
    /// The namespace that was there from the beginning, which has no name: a process in it is named.
    Initial,
}

/// A command line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Command {
    words: Vec<Word>,
    /// What it reads from its standard input; lines with their ends.
    input: String,
}

/// No single command makes the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no command of iproute2 or procps can say this: {0}")]
pub struct NoCommand(pub &'static str);

/// What namespaces are called.
pub trait Names {
    /// The word that names a namespace; `None` if it has no name.
    fn netns(&self, id: NetnsId) -> Option<Word>;
}

impl Request {
    /// The command that makes this request in the namespace that it runs in.
    ///
    /// # Errors
    ///
    /// There is none: the tools cannot say all that netlink can, and a namespace without a name cannot
    /// be named.
    pub fn command(&self, names: &dyn Names) -> Result<Command, NoCommand> {
        match self {
            Self::LinkAdd(spec) => link::add("add", spec, names),
            Self::LinkReplace(spec) => link::add("replace", spec, names),
            Self::LinkSet(dev, change) => link::set(*dev, change, names),
            Self::LinkDel(dev) => Ok(Line::of(&["ip", "link", "del", "dev"]).text(dev).end()),
            Self::AddrAdd(spec, create) => addr::add(spec, *create),
            Self::AddrDel(spec) => addr::del(spec),
            Self::RouteAdd(spec, create) => route::add(spec, *create),
            Self::RouteDel(spec) => route::del(spec),
            Self::RuleAdd(spec) => rule::add(spec),
            Self::RuleDel(spec) => rule::del(spec),
            Self::NeighAdd(spec, create) => neigh::add(spec, *create),
            Self::NeighDel(spec) => neigh::del(spec),
            Self::FdbAdd(spec, create) => fdb::add(spec, *create),
            Self::FdbDel(spec) => fdb::del(spec),
            Self::FdbFlush(spec) => fdb::flush(spec),
            Self::MulticastAdd(dev, addr) => groups::maddr("add", *dev, *addr),
            Self::MulticastDel(dev, addr) => groups::maddr("del", *dev, *addr),
            Self::MdbAdd(spec) => Ok(groups::mdb("add", spec)),
            Self::MdbDel(spec) => Ok(groups::mdb("del", spec)),
            Self::TunnelAdd(name, spec) => tunnel::add(*name, spec),
            Self::TunnelSet(name, spec) => tunnel::set(*name, spec),
            Self::TunnelDel(name) => {
                Ok(Line::of(&["ip", "tunnel", "del", "name"]).text(name).end())
            }
            Self::QdiscSet(spec, verb) => qdisc::set(spec, *verb),
            Self::QdiscDel(spec) => qdisc::del(spec),
            Self::NetnsIdSet { netns, nsid } => netns_id(*netns, *nsid, names),
            Self::ConntrackCreate(spec) => conntrack::create(spec),
            Self::ConntrackUpdate(spec) => conntrack::update(spec),
            Self::ConntrackDelete(tuple, zone) => conntrack::delete(tuple, *zone),
            Self::ConntrackFlush => Ok(Line::of(&["conntrack", "-F"]).end()),
            Self::ConntrackZero => Ok(Line::of(&["conntrack", "-L", "-z"]).end()),
            Self::AccountAdd(spec) => Ok(account(spec)),
            Self::AccountDel(name) => Ok(Line::of(&["nfacct", "delete"]).text(name).end()),
            Self::SysctlSet { name, value } => {
                Ok(Line::of(&["sysctl", "-qw"]).text(format_args!("{name}={value}")).end())
            }
            Self::Xt(batch) => xt::restore(batch),
        }
    }
}

fn account(spec: &AccountSpec) -> Command {
    let line = Line::of(&["nfacct", "add"]).text(&spec.name);
    match spec.quota {
        None => line.end(),
        Some(Quota::Packets(most)) => line.text("packet").text(most).end(),
        Some(Quota::Bytes(most)) => line.text("byte").text(most).end(),
    }
}

/// `ip netns set` finds namespaces by name only.
fn netns_id(netns: NetnsId, nsid: Option<u32>, names: &dyn Names) -> Result<Command, NoCommand> {
    let Some(Word::Text(name)) = names.netns(netns) else {
        return Err(NoCommand("a number for a namespace without a name"));
    };
    let line = Line::of(&["ip", "netns", "set"]).text(name);
    match nsid {
        None => Ok(line.text("auto").end()),
        Some(nsid) if i32::try_from(nsid).is_ok() => Ok(line.text(nsid).end()),
        Some(_) => Err(NoCommand("a namespace number of more than 31 bits")),
    }
}

impl Command {
    /// A command of these words, and perhaps a process at its end.
    #[must_use]
    pub(crate) fn of(words: &[&str], process: Option<Word>) -> Self {
        let mut line = Line::of(words);
        line.words.extend(process);
        line.end()
    }

    /// The words, as a program gets them.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let word = |word: &Word| match word {
            Word::Text(text) => text.clone(),
            Word::Initial => "1".to_owned(),
        };
        self.words.iter().map(word).collect()
    }

    /// The same command made in another namespace.
    #[must_use]
    pub fn within(self, netns: &str) -> Self {
        let name = || Word::Text(netns.to_owned());
        let text = |text: &str| Word::Text(text.to_owned());
        let Self { mut words, input } = self;
        let takes_name = matches!(
            words.first(),
            Some(Word::Text(tool)) if matches!(tool.as_str(), "ip" | "bridge" | "tc")
        );
        if takes_name {
            words.splice(1..1, [text("-n"), name()]);
        } else {
            words.splice(0..0, [text("ip"), text("netns"), text("exec"), name()]);
        }
        Self { words, input }
    }

    /// What it reads from its standard input.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The command as a line of a shell script: the initial namespace is that of the shell.
    #[must_use]
    pub fn in_script(&self) -> String {
        let word = |word: &Word| match word {
            Word::Text(text) => quoted(text),
            Word::Initial => "$$".to_owned(),
        };
        let line = self.words.iter().map(word).collect::<Vec<_>>().join(" ");
        line + &self.here_document()
    }

    /// The standard input as a shell reads it from a script.
    fn here_document(&self) -> String {
        if self.input.is_empty() {
            return String::new();
        }
        format!(" <<'EOF'\n{}EOF", self.input)
    }
}

/// The command as a shell reads it.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.argv().iter().enumerate() {
            let blank = if i == 0 { "" } else { " " };
            write!(f, "{blank}{}", quoted(word))?;
        }
        f.write_str(&self.here_document())
    }
}

/// Writes a word so that a shell reads it: bare if it can be, else in double quotes, else in single ones.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if word.contains(['"', '$', '`', '\\', '!']) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    format!("\"{word}\"")
}

/// A command line that is being written.
#[derive(Debug)]
struct Line {
    words: Vec<Word>,
}

impl Line {
    fn of(words: &[&str]) -> Self {
        Self { words: words.iter().map(|word| Word::Text((*word).to_owned())).collect() }
    }

    fn end(self) -> Command {
        Command { words: self.words, input: String::new() }
    }

    /// Adds one word.
    fn text(mut self, word: impl fmt::Display) -> Self {
        self.words.push(Word::Text(word.to_string()));
        self
    }

    fn word(mut self, word: Word) -> Self {
        self.words.push(word);
        self
    }

    /// Adds a keyword and its value.
    fn pair(self, key: &str, value: impl fmt::Display) -> Self {
        self.text(key).text(value)
    }

    /// Adds a keyword and its value, if there is one.
    fn given(self, key: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.pair(key, value),
            None => self,
        }
    }

    /// Adds a keyword if `on`.
    fn flag(self, key: &str, on: bool) -> Self {
        if on { self.text(key) } else { self }
    }

    /// Adds the one keyword or the other, if either is wanted.
    fn either(self, yes: &str, no: &str, wanted: Option<bool>) -> Self {
        match wanted {
            Some(true) => self.text(yes),
            Some(false) => self.text(no),
            None => self,
        }
    }

    /// Adds a switch, if it is given.
    fn switch(self, key: &str, on: Option<bool>) -> Self {
        self.given(key, on.map(|on| if on { "on" } else { "off" }))
    }
}

impl fmt::Display for LinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Index(index) => write!(f, "if{index}"),
        }
    }
}

/// A scope's name or number.
fn scope(scope: Scope) -> String {
    match scope {
        Scope::UNIVERSE => "global".to_owned(),
        Scope::SITE => "site".to_owned(),
        Scope::LINK => "link".to_owned(),
        Scope::HOST => "host".to_owned(),
        Scope::NOWHERE => "nowhere".to_owned(),
        Scope(number) => number.to_string(),
    }
}

/// A routing table's name or number.
fn table(number: u32) -> String {
    match number {
        255 => "local".to_owned(),
        254 => "main".to_owned(),
        253 => "default".to_owned(),
        _ => number.to_string(),
    }
}

/// A routing protocol's name or number.
fn protocol(number: u8) -> String {
    match number {
        1 => "redirect".to_owned(),
        2 => "kernel".to_owned(),
        3 => "boot".to_owned(),
        4 => "static".to_owned(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_see_more_in_it() {
        for (word, line) in [
            ("10.0.0.1/24", "10.0.0.1/24"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("it's", "\"it's\""),
            ("$x", "'$x'"),
            ("a'$", r"'a'\''$'"),
        ] {
            assert_eq!(quoted(word), line);
        }
    }

    #[test]
    fn another_namespace_is_named_as_each_tool_wants_it() {
        let line = |words: &[&str]| Line::of(words).end().within("n").to_string();
        assert_eq!(line(&["ip", "link", "del", "dev", "x"]), "ip -n n link del dev x");
        assert_eq!(line(&["bridge", "fdb"]), "bridge -n n fdb");
        assert_eq!(line(&["tc", "qdisc"]), "tc -n n qdisc");
        assert_eq!(line(&["sysctl", "-qw", "a=1"]), "ip netns exec n sysctl -qw a=1");
    }
}

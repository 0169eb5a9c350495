//! `LOG`: writes the packet into the kernel's log (`libxt_LOG`, `xt_LOG`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::log::{self, Details};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::quote;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState, cut, u32_of};
use crate::netns::stack;
use crate::trace::{Event, Observer};

/// The level of what says nothing about it (`LOG_WARNING`).
const DEFAULT_LEVEL: u8 = 4;
/// The names of levels, by number.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
/// The longest prefix, in bytes.
const MAX_PREFIX: usize = 29;
/// Options, and what they add.
const DETAILS: &[(&str, Details)] = &[
    ("tcp-sequence", Details::TCP_SEQ),
    ("tcp-options", Details::TCP_OPT),
    ("ip-options", Details::IP_OPT),
    ("uid", Details::UID),
    ("macdecode", Details::MAC_DECODE),
];

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    level: u8,
    prefix: String,
    details: Details,
}

impl Extension for Log {
    const NAME: &'static str = "LOG";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("log-level", Kind::SyslogLevel),
        Opt::new("log-prefix", Kind::Text(1, 0)),
        Opt::new("log-tcp-sequence", Kind::None),
        Opt::new("log-tcp-options", Kind::None),
        Opt::new("log-ip-options", Kind::None),
        Opt::new("log-uid", Kind::None),
        Opt::new("log-macdecode", Kind::None),
    ];
    const HELP: &'static str = include_str!("help/log.txt");

    fn new(_: AddressFamily) -> Self {
        Self { level: DEFAULT_LEVEL, prefix: String::new(), details: Details::default() }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        match given.name {
            "log-level" => self.level = u8::try_from(u32_of(given)).unwrap_or(DEFAULT_LEVEL),
            "log-prefix" => self.prefix = read_prefix(given.word, MAX_PREFIX)?,
            name => {
                let name = name.trim_start_matches("log-");
                let found = DETAILS.iter().find(|(option, _)| *option == name);
                self.details.0 |= found.map_or(0, |(_, detail)| detail.0);
            }
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        if !self.prefix.is_empty() {
            out.push_str(" --log-prefix");
            quote::save(&self.prefix, out);
        }
        if self.level != DEFAULT_LEVEL {
            write!(out, " --log-level {}", self.level).expect("a string takes everything");
        }
        for (name, _) in DETAILS.iter().filter(|(_, detail)| self.details.has(*detail)) {
            write!(out, " --log-{name}").expect("a string takes everything");
        }
    }

    fn print(&self, style: Style, out: &mut String) {
        let Self { level, details, .. } = self;
        if style.numeric {
            write!(out, " LOG flags {} level {level}", details.0)
                .expect("a string takes everything");
        } else {
            let level = LEVELS.get(usize::from(*level)).copied().unwrap_or_default();
            write!(out, " LOG level {level}").expect("a string takes everything");
            for (name, _) in DETAILS.iter().filter(|(_, detail)| details.has(*detail)) {
                write!(out, " {name}").expect("a string takes everything");
            }
        }
        if !self.prefix.is_empty() {
            write!(out, " prefix \"{}\"", self.prefix).expect("a string takes everything");
        }
    }
}

/// A prefix on one line, cut to at most `max` bytes.
pub(super) fn read_prefix(word: &str, max: usize) -> Result<String, Problem> {
    if word.contains('\n') {
        return Err(Problem::parameter("Newlines not allowed in --log-prefix"));
    }
    cut(word, max)
}

impl TargetExtension for Log {
    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        seen: &Seen,
        _: &mut TargetState,
        o: &mut O,
    ) -> Sentence {
        if O::ENABLED {
            let text = log::line(k, f, seen, self.details, &self.prefix);
            stack::emit(k, f, o, |_| Event::Logged { level: self.level, text: &text });
        }
        Sentence::Continue
    }
}

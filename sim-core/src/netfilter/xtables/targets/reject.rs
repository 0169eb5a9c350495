//! `REJECT`: drops the packet and tells its sender (`libipt_REJECT`, `ipt_REJECT`).

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::reject;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::packet::IpProto;
use crate::packet::icmp::unreach;
use crate::trace::{DropReason, Observer};

/// What the sender of a packet is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    /// Destination unreachable, with this code.
    Unreach(u8),
    /// A TCP segment that resets.
    Reset,
}

/// The hooks whose packets have a sender that can be told.
pub(super) const HOOKS: &[Hook] = &[Hook::Input, Hook::Forward, Hook::Output];

/// The answers of a family, each with its name and its short name, in the order in which they are looked for: the
/// beginning of a name is enough, and the first one that begins so is meant.
pub(super) type Answers = &'static [(Answer, &'static str, &'static str)];

const ANSWERS: Answers = &[
    (Answer::Unreach(unreach::NET), "icmp-net-unreachable", "net-unreach"),
    (Answer::Unreach(unreach::HOST), "icmp-host-unreachable", "host-unreach"),
    (Answer::Unreach(unreach::PROTOCOL), "icmp-proto-unreachable", "proto-unreach"),
    (Answer::Unreach(unreach::PORT), "icmp-port-unreachable", "port-unreach"),
    (Answer::Unreach(unreach::NET_PROHIBITED), "icmp-net-prohibited", "net-prohib"),
    (Answer::Unreach(unreach::HOST_PROHIBITED), "icmp-host-prohibited", "host-prohib"),
    (Answer::Reset, "tcp-reset", "tcp-rst"),
    (Answer::Unreach(unreach::FILTERED), "icmp-admin-prohibited", "admin-prohib"),
];

/// Whether `name` begins with `word`, in capitals or not.
fn begins(name: &str, word: &str) -> bool {
    let start = name.as_bytes().get(..word.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

impl Answer {
    /// The one of `answers` that `word` means.
    pub(super) fn read(word: &str, answers: Answers) -> Result<Self, Problem> {
        let found =
            answers.iter().find(|(_, name, short)| begins(name, word) || begins(short, word));
        let unknown = || Problem::Parameter(format!("unknown reject type \"{word}\""));
        found.map(|(answer, ..)| *answer).ok_or_else(unknown)
    }

    /// Writes its name among `answers` behind `words`.
    pub(super) fn write(self, words: &str, answers: Answers, out: &mut String) {
        let found = answers.iter().find(|(answer, ..)| *answer == self);
        out.push_str(words);
        out.push_str(found.map_or("", |(_, name, _)| name));
    }

    /// Judges where it is loaded: only TCP can be reset.
    pub(super) fn admit(self, place: &Place<'_>) -> Result<(), Errno> {
        let for_tcp = place.proto == Some((IpProto::TCP.0, false));
        if self == Self::Reset && !for_tcp { Err(Errno::EINVAL) } else { Ok(()) }
    }
}

/// The names of what it once could do.
const GONE: [&str; 2] = ["echo-reply", "echoreply"];

/// What the sender is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    answer: Answer,
    /// What was asked for is gone.
    is_gone: bool,
}

impl Extension for Reject {
    const NAME: &'static str = "REJECT";
    const OPTIONS: &'static [Opt] = &[Opt::new("reject-with", Kind::Free)];
    const HELP: &'static str = include_str!("help/reject.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self { answer: Answer::Unreach(unreach::PORT), is_gone: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let answer = Answer::read(given.word, ANSWERS);
        self.is_gone = answer.is_err() && GONE.iter().any(|name| begins(name, given.word));
        self.answer = answer?;
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        let text = || "--reject-with echo-reply no longer supported".to_owned();
        self.is_gone.then(text).into_iter().collect()
    }

    fn save(&self, _: Style, out: &mut String) {
        self.answer.write(" --reject-with ", ANSWERS, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.answer.write(" reject-with ", ANSWERS, out);
    }
}

impl TargetExtension for Reject {
    const TABLE: Option<TableName> = Some(TableName::Filter);
    const HOOKS: &'static [Hook] = HOOKS;

    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        self.answer.admit(place)
    }

    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        seen: &Seen,
        _: &mut TargetState,
        o: &mut O,
    ) -> Sentence {
        match self.answer {
            Answer::Unreach(code) => reject::send_unreach(k, f, code, o),
            Answer::Reset => reject::send_reset(k, f, seen, o),
        }
        Sentence::Drop(DropReason::NetfilterDrop)
    }
}

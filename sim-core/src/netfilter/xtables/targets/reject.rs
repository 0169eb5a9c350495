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

/// What the sender is told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    /// Destination unreachable, with this code.
    Unreach(u8),
    /// A TCP segment that resets.
    Reset,
}

/// An answer, its name and its short name, in the order in which they are looked for: the beginning of a name is
/// enough, and the first one that begins so is meant.
const ANSWERS: &[(Answer, &str, &str)] = &[
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

/// What the sender is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject(Answer);

impl Reject {
    fn name(&self) -> &'static str {
        let found = ANSWERS.iter().find(|(answer, ..)| *answer == self.0);
        found.map_or("", |(_, name, _)| name)
    }
}

impl Extension for Reject {
    const NAME: &'static str = "REJECT";
    const OPTIONS: &'static [Opt] = &[Opt::new("reject-with", Kind::Free)];
    const HELP: &'static str = include_str!("help/reject.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self(Answer::Unreach(unreach::PORT))
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let word = given.word;
        let found =
            ANSWERS.iter().find(|(_, name, short)| begins(name, word) || begins(short, word));
        let unknown = || Problem::Parameter(format!("unknown reject type \"{word}\""));
        self.0 = found.ok_or_else(unknown)?.0;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        out.push_str(" --reject-with ");
        out.push_str(self.name());
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" reject-with ");
        out.push_str(self.name());
    }
}

impl TargetExtension for Reject {
    const TABLE: Option<TableName> = Some(TableName::Filter);
    const HOOKS: &'static [Hook] = &[Hook::Input, Hook::Forward, Hook::Output];

    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        let for_tcp = place.proto == Some((IpProto::TCP.0, false));
        if self.0 == Answer::Reset && !for_tcp { Err(Errno::EINVAL) } else { Ok(()) }
    }

    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        seen: &Seen,
        _: &mut TargetState,
        o: &mut O,
    ) -> Sentence {
        match self.0 {
            Answer::Unreach(code) => reject::send_unreach(k, f, code, o),
            Answer::Reset => reject::send_reset(k, f, seen, o),
        }
        Sentence::Drop(DropReason::NetfilterDrop)
    }
}

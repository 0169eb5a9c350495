//! `REJECT` of IPv6 (`libip6t_REJECT`, `ip6t_REJECT`).

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::reject::{Answer, Answers, HOOKS};
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::{DropReason, Observer};

/// The code of ICMPv6 for a port that nobody listens at.
const PORT: u8 = 4;

const ANSWERS: Answers = &[
    (Answer::Unreach(0), "icmp6-no-route", "no-route"),
    (Answer::Unreach(1), "icmp6-adm-prohibited", "adm-prohibited"),
    (Answer::Unreach(3), "icmp6-addr-unreachable", "addr-unreach"),
    (Answer::Unreach(PORT), "icmp6-port-unreachable", "port-unreach"),
    (Answer::Reset, "tcp-reset", "tcp-reset"),
    (Answer::Unreach(5), "icmp6-policy-fail", "policy-fail"),
    (Answer::Unreach(6), "icmp6-reject-route", "reject-route"),
];

/// What the sender is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject6(Answer);

impl Extension for Reject6 {
    const NAME: &'static str = "REJECT";
    const OPTIONS: &'static [Opt] = &[Opt::new("reject-with", Kind::Free)];
    const HELP: &'static str = include_str!("help/reject6.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet6];

    fn new(_: AddressFamily) -> Self {
        Self(Answer::Unreach(PORT))
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Answer::read(given.word, ANSWERS)?;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.0.write(" --reject-with ", ANSWERS, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.0.write(" reject-with ", ANSWERS, out);
    }
}

impl TargetExtension for Reject6 {
    const TABLE: Option<TableName> = Some(TableName::Filter);
    const HOOKS: &'static [Hook] = HOOKS;

    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        self.0.admit(place)
    }

    /// No IPv6 packet meets a rule, so nobody has to be told.
    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        _: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        Sentence::Drop(DropReason::NetfilterDrop)
    }
}

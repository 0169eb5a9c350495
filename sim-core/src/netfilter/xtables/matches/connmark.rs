//! `connmark`: the mark of the packet's connection (`libxt_connmark` revision 1, `xt_connmark`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::mark::Marked;
use crate::netfilter::xtables::matches::states::CtOfPacket;
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// The mark that a connection has.
#[derive(Clone, Debug, PartialEq)]
pub struct Connmark(Marked);

impl Extension for Connmark {
    const NAME: &'static str = "connmark";
    const OPTIONS: &'static [Opt] = &[Opt::new("mark", Kind::MarkMask).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/connmark.txt");

    fn new(_: AddressFamily) -> Self {
        Self(Marked::NONE)
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Marked::read(given);
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.0.save(out);
    }

    fn print(&self, _: Style, out: &mut String) {
        // Two blanks if it is not inverted.
        out.push_str(if self.0.invert { " connmark match ! " } else { " connmark match  " });
        out.push_str(&self.0.to_string());
    }
}

impl MatchExtension for Connmark {
    const NEEDS_CONNTRACK: bool = true;

    fn matches(&self, k: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let mark = match CtOfPacket::of(k, f) {
            CtOfPacket::Part(conn, _) => conn.mark,
            CtOfPacket::Template => 0,
            CtOfPacket::Invalid | CtOfPacket::Untracked => return Matched::No,
        };
        self.0.matches(mark).into()
    }
}

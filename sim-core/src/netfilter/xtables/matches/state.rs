//! `state`: how a packet relates to connections; another name for a part of `conntrack` (`libxt_conntrack`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::states::{self, CtOfPacket, States};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// The states that a packet may be in.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    states: States,
    invert: bool,
}

impl State {
    fn write(&self, label: &str, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        let names = states::names_of(self.states.0.into(), States::WRITTEN);
        write!(out, "{not} {label} {names}").expect("a string");
    }
}

impl Extension for State {
    const NAME: &'static str = "state";
    const OPTIONS: &'static [Opt] = &[Opt::new("state", Kind::Text(0, 0)).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/state.txt");

    fn new(_: AddressFamily) -> Self {
        Self { states: States::default(), invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let read = states::read(given.word, &States::READ[..States::OF_STATE]);
        let bits = read.map_err(|bad| match bad {
            "" => Problem::parameter(
                "\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED",
            ),
            bad => Problem::Parameter(format!("Bad state \"{bad}\"")),
        })?;
        self.states = States(u8::try_from(bits).expect("few states"));
        self.invert = given.invert;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write("--state", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.write("state", out);
    }
}

impl MatchExtension for State {
    const NEEDS_CONNTRACK: bool = true;

    fn matches(&self, k: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let states = States::of(&CtOfPacket::of(k, f));
        (states.intersects(self.states) != self.invert).into()
    }
}

//! `tos`: the type of service of the packet (`libxt_tos` revision 1, `xt_dscp`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::dsfield;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// The bits that a type of service has.
#[derive(Clone, Debug, PartialEq)]
pub struct Tos {
    value: u8,
    mask: u8,
    invert: bool,
}

impl Extension for Tos {
    const NAME: &'static str = "tos";
    const OPTIONS: &'static [Opt] = &[Opt::new("tos", Kind::TosMask).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/tos.txt");

    fn new(_: AddressFamily) -> Self {
        Self { value: 0, mask: 0, invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let (value, mask) = given.value.tos_mask();
        *self = Self { value, mask, invert: given.invert };
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let Self { value, mask, invert } = self;
        let not = if *invert { " !" } else { "" };
        write!(out, "{not} --tos 0x{value:02x}/0x{mask:02x}").expect("a string");
    }

    fn print(&self, style: Style, out: &mut String) {
        let Self { value, mask, invert } = self;
        let not = if *invert { "!" } else { "" };
        let written = match dsfield::symbol(*value, *mask).filter(|_| !style.numeric) {
            Some(name) => write!(out, " tos match{not} {name}"),
            // No blank before the number.
            None => write!(out, " tos match{not}0x{value:02x}/0x{mask:02x}"),
        };
        written.expect("a string");
    }
}

impl MatchExtension for Tos {
    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let Some(tos) = f.skb.network_header().get(1) else { return Matched::No };
        ((tos & self.mask == self.value) != self.invert).into()
    }
}

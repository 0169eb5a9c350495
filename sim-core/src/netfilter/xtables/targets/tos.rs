//! `TOS`: changes the type of service (`libxt_TOS` revision 1, `xt_DSCP`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::dsfield;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// The type of service becomes `(tos & !mask) ^ value`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tos {
    value: u8,
    mask: u8,
}

const ALONE: &[&str] = &["set-tos", "and-tos", "or-tos", "xor-tos"];

const SET: usize = 0;
const AND: usize = 1;
const OR: usize = 2;

impl Extension for Tos {
    const NAME: &'static str = "TOS";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("set-tos", Kind::TosMask).excluding(ALONE),
        Opt::new("and-tos", Kind::U8(0, u8::MAX)).excluding(ALONE),
        Opt::new("or-tos", Kind::U8(0, u8::MAX)).excluding(ALONE),
        Opt::new("xor-tos", Kind::U8(0, u8::MAX)).excluding(ALONE),
    ];
    const HELP: &'static str = include_str!("help/tos.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let bits = u8::try_from(given.value.number()).unwrap_or(u8::MAX);
        let (value, mask) = match given.index {
            SET => given.value.tos_mask(),
            AND => (0, !bits),
            OR => (bits, bits),
            _ => (bits, 0),
        };
        *self = Self { value, mask };
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("TOS: An action is required"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let Self { value, mask } = self;
        write!(out, " --set-tos 0x{value:02x}/0x{mask:02x}").expect("a string");
    }

    fn print(&self, style: Style, out: &mut String) {
        let Self { value, mask } = *self;
        let written = match dsfield::symbol(value, mask) {
            _ if style.numeric => write!(out, " TOS set 0x{value:02x}/0x{mask:02x}"),
            Some(name) => write!(out, "  TOS set{name}"),
            None if value == 0 => write!(out, " TOS and 0x{:02x}", !mask),
            None if value == mask => write!(out, " TOS or 0x{value:02x}"),
            None if mask == 0 => write!(out, " TOS xor 0x{value:02x}"),
            None => write!(out, " TOS set 0x{value:02x}/0x{mask:02x}"),
        };
        written.expect("a string takes everything");
    }
}

impl TargetExtension for Tos {
    const TABLE: Option<TableName> = Some(TableName::Mangle);

    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        dsfield::change(f, self.value, self.mask)
    }
}

//! `MARK`: sets the firewall mark of the packet (`libxt_MARK` revision 2, `xt_mark`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Problem, Style, Value,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// The mark becomes `(mark & !mask) ^ value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    value: u32,
    mask: u32,
}

const ALONE: &[&str] = &["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

impl Extension for Mark {
    const NAME: &'static str = "MARK";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("set-xmark", Kind::MarkMask).excluding(ALONE),
        Opt::new("set-mark", Kind::MarkMask).excluding(ALONE),
        Opt::new("and-mark", Kind::U32(0, u32::MAX)).excluding(ALONE),
        Opt::new("or-mark", Kind::U32(0, u32::MAX)).excluding(ALONE),
        Opt::new("xor-mark", Kind::U32(0, u32::MAX)).excluding(ALONE),
    ];
    const HELP: &'static str = "";

    fn new(_: AddressFamily) -> Self {
        Self { value: 0, mask: 0 }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let number = |value: &Value<'_>| match value {
            Value::Number(n) => u32::try_from(*n).unwrap_or(u32::MAX),
            _ => 0,
        };
        let marked = |value: &Value<'_>| match value {
            Value::MarkMask(value, mask) => (*value, *mask),
            _ => (0, u32::MAX),
        };
        (self.value, self.mask) = match given.name {
            "set-xmark" => marked(&given.value),
            "set-mark" => {
                let (value, mask) = marked(&given.value);
                (value, value | mask)
            }
            "and-mark" => (0, !number(&given.value)),
            "or-mark" => (number(&given.value), number(&given.value)),
            _ => (number(&given.value), 0),
        };
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter(
                "MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required",
            ));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        write!(out, " --set-xmark 0x{:x}/0x{:x}", self.value, self.mask).expect("a string");
    }

    fn print(&self, _: Style, out: &mut String) {
        let Self { value, mask } = *self;
        let written = match (value, mask) {
            (0, mask) => write!(out, " MARK and 0x{:x}", !mask),
            (value, mask) if value == mask => write!(out, " MARK or 0x{value:x}"),
            (value, 0) => write!(out, " MARK xor 0x{value:x}"),
            (value, u32::MAX) => write!(out, " MARK set 0x{value:x}"),
            (value, mask) => write!(out, " MARK xset 0x{value:x}/0x{mask:x}"),
        };
        written.expect("a string takes everything");
    }
}

impl TargetExtension for Mark {
    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        f.skb.meta.mark = (f.skb.meta.mark & !self.mask) ^ self.value;
        Sentence::Continue
    }
}

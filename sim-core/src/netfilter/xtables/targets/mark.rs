//! `MARK`: sets the firewall mark of the packet (`libxt_MARK` revision 2, `xt_mark`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState, u32_of};
use crate::trace::Observer;

/// The mark becomes `(mark & !mask) ^ value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark(pub(super) Change);

/// How a mark changes: it becomes `(mark & !mask) ^ value`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Change {
    pub(super) value: u32,
    pub(super) mask: u32,
}

impl Change {
    /// The mark after the change.
    pub(super) const fn apply(self, mark: u32) -> u32 {
        (mark & !self.mask) ^ self.value
    }

    /// Reads one of the options that `MARK` and `CONNMARK` share.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let (bits, pair) = (u32_of(given), given.value.mark_mask());
        let (value, mask) = match given.name {
            "set-xmark" => pair,
            "set-mark" => (pair.0, pair.0 | pair.1),
            "and-mark" => (0, !bits),
            "or-mark" => (bits, bits),
            "xor-mark" => (bits, 0),
            _ => return None,
        };
        Some(Self { value, mask })
    }

    /// Writes the option that makes it again.
    pub(super) fn save(self, out: &mut String) {
        write!(out, " --set-xmark 0x{:x}/0x{:x}", self.value, self.mask).expect("a string");
    }

    /// Writes what it does, in the words of `-L`.
    pub(super) fn print(self, out: &mut String) {
        let Self { value, mask } = self;
        let written = match (value, mask) {
            (0, mask) => write!(out, "and 0x{:x}", !mask),
            (value, mask) if value == mask => write!(out, "or 0x{value:x}"),
            (value, 0) => write!(out, "xor 0x{value:x}"),
            (value, u32::MAX) => write!(out, "set 0x{value:x}"),
            (value, mask) => write!(out, "xset 0x{value:x}/0x{mask:x}"),
        };
        written.expect("a string takes everything");
    }
}

const ALONE: &[&str] = &["set-mark", "and-mark", "or-mark", "xor-mark", "set-xmark"];

impl Extension for Mark {
    const NAME: &'static str = "MARK";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("set-xmark", Kind::MarkMask).excluding(ALONE),
        Opt::new("set-mark", Kind::MarkMask).excluding(ALONE),
        Opt::new("and-mark", Kind::U32(0, u32::MAX)).excluding(ALONE),
        Opt::new("or-mark", Kind::U32(0, u32::MAX)).excluding(ALONE),
        Opt::new("xor-mark", Kind::U32(0, u32::MAX)).excluding(ALONE),
    ];
    const HELP: &'static str = include_str!("help/mark.txt");

    fn new(_: AddressFamily) -> Self {
        Self(Change::default())
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Change::read(given).unwrap_or_default();
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
        self.0.save(out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" MARK ");
        self.0.print(out);
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
        f.skb.meta.mark = self.0.apply(f.skb.meta.mark);
        Sentence::Continue
    }
}

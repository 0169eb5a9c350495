//! `mark`: the firewall mark of the packet (`libxt_mark` revision 1, `xt_mark`).

use std::fmt;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// A mark under a mask, or none such.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Marked {
    value: u32,
    mask: u32,
    pub(super) invert: bool,
}

impl Marked {
    pub(super) const NONE: Self = Self { value: 0, mask: 0, invert: false };

    pub(super) fn read(given: &Given<'_>) -> Self {
        let (value, mask) = given.value.mark_mask();
        Self { value, mask, invert: given.invert }
    }

    /// Writes `--mark`.
    pub(super) fn save(self, out: &mut String) {
        out.push_str(if self.invert { " ! --mark " } else { " --mark " });
        out.push_str(&self.to_string());
    }

    pub(super) const fn matches(self, mark: u32) -> bool {
        (mark & self.mask == self.value) != self.invert
    }
}

/// `VALUE`, or `VALUE/MASK` if the mask leaves a bit out.
impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mask {
            u32::MAX => write!(f, "0x{:x}", self.value),
            mask => write!(f, "0x{:x}/0x{mask:x}", self.value),
        }
    }
}

/// The mark that a packet has.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark(Marked);

impl Extension for Mark {
    const NAME: &'static str = "mark";
    const OPTIONS: &'static [Opt] = &[Opt::new("mark", Kind::MarkMask).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/mark.txt");

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
        out.push_str(if self.0.invert { " mark match ! " } else { " mark match " });
        out.push_str(&self.0.to_string());
    }
}

impl MatchExtension for Mark {
    fn is_native(&self) -> bool {
        true
    }

    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        self.0.matches(f.skb.meta.mark).into()
    }
}

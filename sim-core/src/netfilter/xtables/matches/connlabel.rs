//! `connlabel`: labels of the packet's connection (`libxt_connlabel`, `xt_connlabel`). There is no
//! `/etc/xtables/connlabel.conf`, so that labels have numbers alone.

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::number;
use crate::netfilter::conntrack::CtRef;
use crate::netfilter::conntrack::event::Event;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// A label that a connection has, or gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connlabel {
    bit: u16,
    invert: bool,
    /// Whether connections that lack it get it.
    set: bool,
    /// Whether a name was looked for in vain.
    has_sought: bool,
}

/// How many labels a connection has room for (`NF_CT_LABELS_MAX_SIZE`).
const LABELS: u16 = 128;

/// What is said whenever a name is looked for.
const NO_NAMES: &str =
    "Warning: cannot open /etc/xtables/connlabel.conf: No such file or directory";

const LABEL: usize = 0;

/// Reads the number of a label. What does not fit into 32 bits is cut off, and then what does not fit into 16, but
/// nothing is negative in between.
fn read_bit(word: &str) -> Option<u16> {
    let (value, _) = number::strtoul(word, 0).filter(|(_, rest)| rest.is_empty())?;
    let value = value & u64::from(u32::MAX);
    let bit = u16::try_from(value & u64::from(u16::MAX)).expect("16 bits");
    (value <= u64::from(i32::MAX.cast_unsigned())).then_some(bit)
}

impl Extension for Connlabel {
    const NAME: &'static str = "connlabel";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("label", Kind::Text(1, 0)).mandatory().invertible(),
        Opt::new("set", Kind::None),
    ];
    const HELP: &'static str = include_str!("help/connlabel.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        if given.index != LABEL {
            self.set = true;
            return Ok(());
        }
        let Some(bit) = read_bit(given.word) else {
            self.has_sought = true;
            let text = format!("label '{}' not found or invalid value", given.word);
            return Err(Problem::Parameter(text));
        };
        self.bit = bit;
        self.invert = given.invert;
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        if self.has_sought { vec![NO_NAMES.to_owned()] } else { Vec::new() }
    }

    fn aside(&self) -> Option<&'static str> {
        Some(NO_NAMES)
    }

    fn save(&self, _: Style, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not} --label \"{}\"", self.bit).expect("a string");
        out.push_str(if self.set { " --set" } else { "" });
    }

    fn print(&self, _: Style, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, " connlabel{not} {}", self.bit).expect("a string");
        out.push_str(if self.set { " set" } else { "" });
    }
}

impl MatchExtension for Connlabel {
    const NEEDS_CONNTRACK: bool = true;
    const NEEDS_LABELS: bool = true;

    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        if self.bit < LABELS { Ok(()) } else { Err(Errno::ERANGE) }
    }

    fn matches(&self, k: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let CtRef::Tracked(id, _) = f.ct else { return self.invert.into() };
        let conns = &mut k.netns[f.netns].nf.conntrack.conns;
        let Some(conn) = conns.get_mut(id) else { return self.invert.into() };
        let Some(labels) = &mut conn.labels else { return self.invert.into() };
        let mask = 1_u128.checked_shl(self.bit.into()).unwrap_or(0);
        let mut has_it = *labels & mask != 0;
        if self.set && !has_it {
            *labels |= mask;
            conn.note(Event::Label);
            has_it = true;
        }
        (has_it != self.invert).into()
    }
}

//! `NFLOG`: shows the packet to programs that listen to a group (`libxt_NFLOG`, `xt_NFLOG`, `nft_log`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::quote;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::targets::log::read_prefix;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState, u32_of};
use crate::netns::stack;
use crate::trace::{Event, Observer};

/// The longest prefix that an engine keeps, in bytes.
const fn max_prefix(variant: Variant) -> usize {
    match variant {
        Variant::Nft => 127,
        Variant::Legacy => 63,
    }
}

/// What is shown, and to whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nflog {
    group: u16,
    prefix: String,
    /// How much of the packet is shown at most, in bytes.
    size: Option<u32>,
    /// How much was asked for by a name that never had an effect; `nf_tables` does not keep it.
    range: u32,
    /// How many packets the kernel may gather before it shows them.
    threshold: u16,
}

/// The place of `--nflog-range`.
const RANGE: usize = 2;

impl Extension for Nflog {
    const NAME: &'static str = "NFLOG";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("nflog-group", Kind::U16(0, u16::MAX)),
        Opt::new("nflog-prefix", Kind::Text(1, 0)),
        Opt::new("nflog-range", Kind::U32(0, u32::MAX)).excluding(&["nflog-size"]),
        Opt::new("nflog-size", Kind::U32(0, u32::MAX)).excluding(&["nflog-range"]),
        Opt::new("nflog-threshold", Kind::U16(0, u16::MAX)),
    ];
    const HELP: &'static str = include_str!("help/nflog.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem> {
        let short = || u16::try_from(u32_of(given)).unwrap_or(u16::MAX);
        match given.name {
            "nflog-group" => self.group = short(),
            "nflog-threshold" => self.threshold = short(),
            "nflog-size" => self.size = Some(u32_of(given)),
            "nflog-range" if cx.variant == Variant::Legacy => self.range = u32_of(given),
            "nflog-range" => {}
            _ => self.prefix = read_prefix(given.word, max_prefix(cx.variant))?,
        }
        Ok(())
    }

    fn closing(&self, seen: u64) -> Option<&'static str> {
        let has_range = seen & 1 << RANGE != 0;
        has_range.then_some(
            "warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead",
        )
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write("--", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.write("", out);
    }
}

impl Nflog {
    /// Writes the options, each with `dash` before it.
    fn write(&self, dash: &str, out: &mut String) {
        if !self.prefix.is_empty() {
            write!(out, " {dash}nflog-prefix").expect("a string takes everything");
            quote::save(&self.prefix, out);
        }
        for (name, number) in [
            ("group", (self.group != 0).then_some(self.group.into())),
            ("size", self.size),
            ("range", (self.range != 0).then_some(self.range)),
            ("threshold", (self.threshold != 0).then_some(self.threshold.into())),
        ] {
            if let Some(number) = number {
                write!(out, " {dash}nflog-{name} {number}").expect("a string takes everything");
            }
        }
    }
}

impl TargetExtension for Nflog {
    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        o: &mut O,
    ) -> Sentence {
        stack::emit(k, f, o, |f| {
            let packet = f.skb.network_header();
            let size = self.size.and_then(|size| usize::try_from(size).ok());
            let packet = size.and_then(|size| packet.get(..size)).unwrap_or(packet);
            Event::Shown { group: self.group, prefix: &self.prefix, packet }
        });
        Sentence::Continue
    }
}

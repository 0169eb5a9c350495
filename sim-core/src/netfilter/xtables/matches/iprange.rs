//! `iprange`: addresses from one to another (`libxt_iprange` revision 1, `xt_iprange`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::hosts;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// A range of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    first: IpAddr,
    last: IpAddr,
    invert: bool,
}

/// The addresses that source and destination may have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Iprange {
    src: Option<Range>,
    dst: Option<Range>,
}

const SRC_RANGE: usize = 0;

impl Range {
    fn read(given: &Given<'_>, option: &str, family: AddressFamily) -> Result<Self, Problem> {
        let addr = |word: &str| {
            hosts::numeric(word, family)
                .ok_or_else(|| Problem::bad_value(Iprange::NAME, option, word))
        };
        let (first, last) = given.word.split_once('-').unwrap_or((given.word, given.word));
        Ok(Self { first: addr(first)?, last: addr(last)?, invert: given.invert })
    }

    /// What is said of a range that holds nothing.
    fn remark(&self) -> Option<String> {
        let Self { first, last, .. } = self;
        (first > last)
            .then(|| format!("xt_iprange: range {first}-{last} is reversed and will never match\n"))
    }

    fn matches(&self, addr: IpAddr) -> bool {
        (self.first..=self.last).contains(&addr) != self.invert
    }
}

/// The source and the destination of the packet.
fn ends(f: &Flight) -> Option<(IpAddr, IpAddr)> {
    let header = f.skb.network_header();
    let v4 = |at: usize| header.get(at..)?.first_chunk().map(|a: &[u8; 4]| Ipv4Addr::from(*a));
    let v6 = |at: usize| header.get(at..)?.first_chunk().map(|a: &[u8; 16]| Ipv6Addr::from(*a));
    match header.first()? >> 4 {
        4 => Some((v4(12)?.into(), v4(16)?.into())),
        _ => Some((v6(8)?.into(), v6(24)?.into())),
    }
}

impl Extension for Iprange {
    const NAME: &'static str = "iprange";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("src-range", Kind::Text(0, 0)).invertible(),
        Opt::new("dst-range", Kind::Text(0, 0)).invertible(),
    ];
    const HELP: &'static str = include_str!("help/iprange.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem> {
        if given.index == SRC_RANGE {
            self.src = Some(Range::read(given, "--src-range", cx.family)?);
        } else {
            self.dst = Some(Range::read(given, "--dst-range", cx.family)?);
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter(
                "iprange match: You must specify `--src-range' or `--dst-range'",
            ));
        }
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        let reversed = |range: Range| {
            let Range { first, last, .. } = range;
            let text = format!("xt_iprange: range {first}-{last} is reversed and will never match");
            (first > last).then_some(text)
        };
        [self.src, self.dst].into_iter().flatten().filter_map(reversed).collect()
    }

    fn save(&self, _: Style, out: &mut String) {
        for (range, option) in [(self.src, "--src-range"), (self.dst, "--dst-range")] {
            if let Some(Range { first, last, invert }) = range {
                let not = if invert { " !" } else { "" };
                write!(out, "{not} {option} {first}-{last}").expect("a string");
            }
        }
    }

    fn print(&self, _: Style, out: &mut String) {
        for (range, label) in [(self.src, "source"), (self.dst, "destination")] {
            if let Some(Range { first, last, invert }) = range {
                let not = if invert { " !" } else { "" };
                write!(out, " {label} IP range{not} {first}-{last}").expect("a string");
            }
        }
    }
}

impl MatchExtension for Iprange {
    fn remark(&self) -> Option<String> {
        let remarks: String =
            [self.src, self.dst].iter().flatten().filter_map(Range::remark).collect();
        (!remarks.is_empty()).then_some(remarks)
    }

    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let Some((src, dst)) = ends(f) else { return Matched::No };
        let matches = |range: Option<Range>, addr| range.is_none_or(|range| range.matches(addr));
        (matches(self.src, src) && matches(self.dst, dst)).into()
    }
}

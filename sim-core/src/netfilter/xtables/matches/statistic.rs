//! `statistic`: some of the packets, by chance or by number (`libxt_statistic`, `xt_statistic`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// One in so many is certainty.
const ALL: u64 = 1 << 31;

/// Which packets are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    mode: Mode,
    /// In parts of [`ALL`].
    probability: u32,
    /// How many packets a round has, less one.
    every: u32,
    /// Which packet of the round is chosen.
    packet: u32,
    invert: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Random,
    Nth,
}

const MODE: usize = 0;
const PROBABILITY: usize = 1;
const EVERY: usize = 2;
const PACKET: usize = 3;

/// Reads a number from 0 to 1 and counts it in parts of [`ALL`], as `strtod(3)` and `lround(3)` do.
fn read_probability(word: &str) -> Result<u32, Problem> {
    let bad = || {
        Problem::parameter(
            "statistic: bad value for option \"--probability\", or out of range (0-1).\n",
        )
    };
    let text = word.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let unsigned = text.trim_start_matches(['+', '-']);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        return Err(Problem::NotModelled("a probability in hexadecimal digits".to_owned()));
    }
    if unsigned.to_ascii_lowercase().starts_with("nan") {
        return Err(Problem::NotModelled("a probability that is no number".to_owned()));
    }
    let value: f64 = text.parse().map_err(|_| bad())?;
    if !(0.0..=1.0).contains(&value) {
        return Err(bad());
    }
    // The bits of a double: 52 of fraction after a one that is not there, 11 of exponent. A value that small that
    // the one is missing rounds to zero anyway.
    let bits = value.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let significand = (bits & ((1 << 52) - 1)) | 1 << 52;
    // The product is significand * 2^(exponent - 1023 - 52 + 31); halves are rounded up.
    let shift = 1044_u64.saturating_sub(exponent);
    let half = 1_u64.checked_shl(u32::try_from(shift).unwrap_or(u32::MAX)).unwrap_or(0) >> 1;
    let product = (significand + half).checked_shr(u32::try_from(shift).unwrap_or(u32::MAX));
    Ok(u32::try_from(product.unwrap_or(0)).unwrap_or(u32::MAX))
}

/// A probability with eleven decimals.
fn probability_text(probability: u32) -> String {
    const DECIMALS: u128 = 100_000_000_000;
    let (all, scaled) = (u128::from(ALL), u128::from(probability) * DECIMALS);
    let (floor, rest) = (scaled / all, scaled % all);
    // Halves go to the even neighbour.
    let up = rest * 2 > all || (rest * 2 == all && floor % 2 == 1);
    let rounded = floor + u128::from(up);
    format!("{}.{:011}", rounded / DECIMALS, rounded % DECIMALS)
}

impl Statistic {
    fn write(&self, prefix: &str, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        let written = match self.mode {
            Mode::Random => write!(
                out,
                " {prefix}mode random{not} {prefix}probability {}",
                probability_text(self.probability)
            ),
            Mode::Nth => {
                let every = u64::from(self.every) + 1;
                write!(out, " {prefix}mode nth{not} {prefix}every {every}")
            }
        };
        written.expect("a string");
        if self.mode == Mode::Nth && (self.packet != 0 || !prefix.is_empty()) {
            write!(out, " {prefix}packet {}", self.packet).expect("a string");
        }
    }
}

impl Extension for Statistic {
    const NAME: &'static str = "statistic";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("mode", Kind::Text(0, 0)).mandatory(),
        Opt::new("probability", Kind::Free).invertible().excluding(&["every", "packet"]),
        Opt::new("every", Kind::U32(1, u32::MAX))
            .invertible()
            .excluding(&["probability"])
            .requiring(&["packet"]),
        Opt::new("packet", Kind::U32(0, u32::MAX))
            .excluding(&["probability"])
            .requiring(&["every"]),
    ];
    const HELP: &'static str = include_str!("help/statistic.txt");

    fn new(_: AddressFamily) -> Self {
        Self { mode: Mode::Random, probability: 0, every: 0, packet: 0, invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.invert |= given.invert;
        let number = u32::try_from(given.value.number()).unwrap_or(u32::MAX);
        match given.index {
            MODE => {
                self.mode = match given.word {
                    "random" => Mode::Random,
                    "nth" => Mode::Nth,
                    other => return Err(Problem::Parameter(format!("Bad mode \"{other}\""))),
                }
            }
            PROBABILITY => {
                self.probability = read_probability(given.word)?;
                // Both stand in one place, where that of rounds is looked at.
                self.every = self.probability;
            }
            EVERY => self.every = number.saturating_sub(1),
            _ => self.packet = number,
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        let has = |option: usize| seen & (1 << option) != 0;
        match self.mode {
            Mode::Random if !has(PROBABILITY) => {
                Err(Problem::parameter("--probability must be specified when using random mode"))
            }
            Mode::Nth if !has(EVERY) && !has(PACKET) => Err(Problem::parameter(
                "--every and --packet must be specified when using nth mode",
            )),
            _ if self.packet > self.every => {
                Err(Problem::parameter("the --packet p must be 0 <= p <= n-1"))
            }
            Mode::Random | Mode::Nth => Ok(()),
        }
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write("--", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" statistic");
        self.write("", out);
    }
}

impl MatchExtension for Statistic {
    fn state(&self) -> MatchState {
        match self.mode {
            Mode::Random => MatchState::None,
            // The packet that makes the count turn over is the chosen one.
            Mode::Nth => MatchState::Nth(self.every.saturating_sub(self.packet)),
        }
    }

    fn matches(&self, k: &mut Kernel, _: &Flight, _: &Seen, state: &mut MatchState) -> Matched {
        let chosen = match (self.mode, state) {
            (Mode::Random, _) => k.rng.choose_u32("xt.statistic") & 0x7fff_ffff < self.probability,
            (Mode::Nth, MatchState::Nth(count)) => {
                *count = if *count == self.every { 0 } else { count.wrapping_add(1) };
                *count == 0
            }
            (Mode::Nth, _) => false,
        };
        (chosen != self.invert).into()
    }
}

//! `limit`: so many packets in a time (`libxt_limit`, `xt_limit`, and `nft_limit` for `iptables-nft`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::number;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::value;
use crate::time::{HZ, SimTime};

/// A rate, and how many packets may come at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The time between two packets, in parts of a second ([`SCALE`]).
    avg: u32,
    burst: u32,
}

/// What is left to spend.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Bucket {
    /// No packet has come yet: the bucket is full.
    #[default]
    Full,
    /// `xt_limit` counts credits, of which each jiffy brings some.
    Credits {
        /// What is left.
        credit: u32,
        /// When that was counted, in jiffies.
        prev: u64,
    },
    /// `nft_limit` counts nanoseconds.
    Tokens {
        /// What is left.
        tokens: u64,
        /// When that was counted.
        last: SimTime,
    },
}

/// The parts of a second that rates are counted in (`XT_LIMIT_SCALE`).
const SCALE: u32 = 10_000;

/// The credits that each jiffy brings.
const CREDITS_PER_JIFFY: u32 = 128;

/// The credits that each second brings.
const CREDITS_PER_SECOND: u32 = 32_000;
const _: () = assert!(CREDITS_PER_SECOND as u64 == CREDITS_PER_JIFFY as u64 * HZ);

/// The burst if none is given.
const BURST: u32 = 5;

/// The units of time from the longest on, in seconds.
const UNITS: &[(u32, &str)] = &[(86_400, "day"), (3_600, "hour"), (60, "min"), (1, "sec")];

const LIMIT: usize = 0;

/// Reads `N[/UNIT]`; the unit may be cut short.
fn read_rate(word: &str) -> Result<u32, Problem> {
    let bad = || Problem::Parameter(format!("bad rate \"{word}\"'"));
    let seconds = value::unit_of_rate(word).ok_or_else(bad)?;
    // Negative numbers are taken for very great ones.
    let rate = number::atoi(word).cast_unsigned();
    match (SCALE * seconds).checked_div(rate) {
        None => Err(bad()),
        Some(0) => Err(Problem::Parameter(format!("Rate too fast \"{word}\""))),
        Some(avg) => Ok(avg),
    }
}

/// Credits for a time in parts of a second, with the overflows that the kernel looks for (`user2credits()`).
fn credits(user: u32) -> u32 {
    if user > u32::MAX / CREDITS_PER_SECOND {
        (user / SCALE).wrapping_mul(CREDITS_PER_SECOND)
    } else {
        user.wrapping_mul(CREDITS_PER_SECOND) / SCALE
    }
}

impl Limit {
    /// The rate as it is written: how many packets in which unit.
    fn rate(&self) -> (u32, (u32, &'static str)) {
        let avg = self.avg.max(1);
        let fits = |(seconds, _): &&(u32, &str)| {
            let unit = SCALE * seconds;
            avg <= unit && unit / avg >= unit % avg
        };
        // The shortest unit before the first one that does not fit.
        let count = UNITS[1..].iter().take_while(fits).count();
        let unit = UNITS[count];
        (SCALE * unit.0 / avg, unit)
    }

    fn pass_xt(&self, now: u64, bucket: &mut Bucket) -> bool {
        let cap = credits(self.avg.wrapping_mul(self.burst));
        let cost = credits(self.avg);
        let (credit, prev) = match *bucket {
            Bucket::Credits { credit, prev } => (credit, prev),
            Bucket::Full | Bucket::Tokens { .. } => (cap, now),
        };
        let jiffies = u32::try_from(now.wrapping_sub(prev) & u64::from(u32::MAX)).unwrap_or(0);
        let credit = credit.wrapping_add(jiffies.wrapping_mul(CREDITS_PER_JIFFY)).min(cap);
        let left = credit.checked_sub(cost);
        *bucket = Bucket::Credits { credit: left.unwrap_or(credit), prev: now };
        left.is_some()
    }

    fn pass_nft(&self, now: SimTime, bucket: &mut Bucket) -> bool {
        let (rate, (seconds, _)) = self.rate();
        let cost = u64::from(seconds) * 1_000_000_000 / u64::from(rate.max(1));
        let cap = cost.saturating_mul(self.burst.into());
        let (tokens, last) = match *bucket {
            Bucket::Tokens { tokens, last } => (tokens, last),
            Bucket::Full | Bucket::Credits { .. } => (cap, now),
        };
        let passed = now.as_nanos().saturating_sub(last.as_nanos());
        let tokens = tokens.saturating_add(passed).min(cap);
        let left = tokens.checked_sub(cost);
        *bucket = Bucket::Tokens { tokens: left.unwrap_or(tokens), last: now };
        left.is_some()
    }
}

impl Extension for Limit {
    const NAME: &'static str = "limit";
    const OPTIONS: &'static [Opt] =
        &[Opt::new("limit", Kind::Text(0, 0)), Opt::new("limit-burst", Kind::U32(0, 10_000))];
    const HELP: &'static str = include_str!("help/limit.txt");

    fn new(_: AddressFamily) -> Self {
        Self { avg: SCALE * 3_600 / 3, burst: BURST }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        if given.index == LIMIT {
            self.avg = read_rate(given.word)?;
        } else {
            self.burst = u32::try_from(given.value.number()).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let (rate, (_, unit)) = self.rate();
        write!(out, " --limit {rate}/{unit}").expect("a string");
        if self.burst != BURST {
            write!(out, " --limit-burst {}", self.burst).expect("a string");
        }
    }

    fn print(&self, _: Style, out: &mut String) {
        let (rate, (_, unit)) = self.rate();
        write!(out, " limit: avg {rate}/{unit} burst {}", self.burst).expect("a string");
    }
}

impl MatchExtension for Limit {
    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        let overflow = credits(self.avg.wrapping_mul(self.burst)) < credits(self.avg);
        if self.burst == 0 || overflow { Err(Errno::ERANGE) } else { Ok(()) }
    }

    fn is_native(&self) -> bool {
        true
    }

    fn into_nft(self, _: &Context<'_>) -> Result<Option<Self>, Problem> {
        let (rate, (seconds, _)) = self.rate();
        Ok(Some(Self { avg: SCALE * seconds / rate.max(1), ..self }))
    }

    fn kept(&self, variant: Variant) -> Option<Self> {
        // `nf_tables` takes that for none given; `ip_tables` refuses it.
        let is_default = variant == Variant::Nft && self.burst == 0;
        is_default.then(|| Self { burst: BURST, ..self.clone() })
    }

    fn state(&self) -> MatchState {
        MatchState::Limit(Bucket::Full)
    }

    fn matches(&self, k: &mut Kernel, _: &Flight, seen: &Seen, state: &mut MatchState) -> Matched {
        let MatchState::Limit(bucket) = state else { return Matched::No };
        let passes = match seen.variant {
            Variant::Legacy => self.pass_xt(k.now.jiffies(), bucket),
            Variant::Nft => self.pass_nft(k.now, bucket),
        };
        passes.into()
    }
}

//! `hashlimit`: so much of each flow in a time (`libxt_hashlimit` revision 3, `xt_hashlimit`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::number;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::hashlimit_table::{
    self as table, CHUNK, Config, HashTable, Keys, MAX_SIZE, Packet, SCALE, Unit,
};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, Shared};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::{quote, value};

/// A rate of each flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Hashlimit {
    family: AddressFamily,
    config: Config,
    name: String,
    /// The seconds of the unit that the rate was written with; 0 once all is read.
    unit_seconds: u32,
}

/// The longest name, in bytes (`NAME_MAX - 1`); what is longer is cut off.
const MAX_NAME: usize = 254;

/// The burst if none is given, and the greatest one.
const BURST: u64 = 5;
const MAX_BURST: u64 = 1_000_000;

/// How often flows are looked for that nobody has heard of, if nothing is said, in milliseconds.
const GC_INTERVAL: u32 = 1000;

/// How long flows whose bytes are counted are remembered, in seconds, and how long with a burst.
const BYTE_EXPIRE: u32 = 15;
const BYTE_EXPIRE_BURST: u32 = 60;

/// The units of time from the longest on, in seconds.
const TIMES: &[(u64, &str)] = &[(86_400, "day"), (3600, "hour"), (60, "min"), (1, "sec")];

/// The units of bytes from the greatest on.
const SIZES: [(u64, &str); 3] = [(1 << 20, "m"), (1 << 10, "k"), (1, "")];

/// The names of what tells flows apart, in the order in which they are written.
const MODES: &[(&str, Keys)] = &[
    ("srcip", Keys::SRC_ADDR),
    ("srcport", Keys::SRC_PORT),
    ("dstip", Keys::DST_ADDR),
    ("dstport", Keys::DST_PORT),
];

const UPTO: usize = 0;
const ABOVE: usize = 1;
const SRCMASK: usize = 3;
const DSTMASK: usize = 4;
const BURSTS: usize = 5;
const SIZE: usize = 6;
const MAX: usize = 7;
const GC: usize = 8;
const EXPIRE: usize = 9;
const MODE: usize = 10;
const NAME: usize = 11;
const RATE_MATCH: usize = 12;

/// The rate of bytes that a cost stands for (`cost_to_bytes()`).
fn bytes_of(cost: u64) -> u64 {
    let rate = u64::from(u32::MAX).checked_div(cost).unwrap_or_else(|| u32::MAX.into());
    rate.wrapping_sub(1).wrapping_mul(CHUNK)
}

/// What 16 bytes cost at a rate, of which 32 bits count; none at one that is divided by 0 (`bytes_to_cost()`).
fn cost_of(bytes: u64) -> Option<u64> {
    let chunks = (bytes / CHUNK) & u64::from(u32::MAX);
    let divisor = (chunks + 1) & u64::from(u32::MAX);
    u64::from(u32::MAX).checked_div(divisor)
}

/// What the letter behind a number of bytes multiplies it by.
fn factor(letter: Option<u8>) -> u64 {
    match letter {
        Some(b'm') => 1 << 20,
        Some(b'k') => 1 << 10,
        Some(_) | None => 1,
    }
}

/// The real tool is killed when it divides by 0.
fn divides_by_zero() -> Problem {
    Problem::NotModelled("the rate of bytes at which iptables divides by 0".to_owned())
}

/// A rate as it was read: a time or a cost, and the seconds of its unit.
struct Rate {
    unit: Unit,
    avg: u64,
    seconds: u32,
}

/// Reads a rate of bytes; nothing if it is none (`parse_bytes()`).
fn read_bytes(word: &str) -> Result<Option<Rate>, Problem> {
    let Some(end) = word.find("b/s").filter(|end| *end > 0) else { return Ok(None) };
    let number = number::atoll(word);
    if number == 0 {
        return Ok(None);
    }
    let bytes = number.cast_unsigned().wrapping_mul(factor(word.as_bytes().get(end - 1).copied()));
    let avg = cost_of(bytes).ok_or_else(divides_by_zero)?;
    Ok(Some(Rate { unit: Unit::Bytes, avg, seconds: BYTE_EXPIRE }))
}

/// Reads `N[/UNIT]`; the unit may be cut short (`parse_rate()`).
fn read_packets(word: &str, option: &str) -> Result<Rate, Problem> {
    let bad = || Problem::bad_value(Hashlimit::NAME, option, word);
    let seconds = value::unit_of_rate(word).ok_or_else(bad)?;
    // Negative numbers are taken for very great ones.
    let rate = number::atoll(word).cast_unsigned();
    match (SCALE * u64::from(seconds)).checked_div(rate) {
        None => Err(bad()),
        Some(0) => Err(Problem::Parameter(format!("Rate too fast \"{word}\""))),
        Some(avg) => Ok(Rate { unit: Unit::Packets, avg, seconds }),
    }
}

fn bad_burst() -> Problem {
    Problem::Parameter(format!(
        "bad value for option \"--hashlimit-burst\", or out of range (1-{MAX_BURST})."
    ))
}

/// Reads a burst: what follows the number may be one letter, and is not looked at further (`parse_burst()`).
fn read_burst(word: &str) -> Result<u64, Problem> {
    let (number, rest) = value::leading_number(word).ok_or_else(bad_burst)?;
    if number == 0 || rest.is_empty() && number > MAX_BURST {
        return Err(bad_burst());
    }
    Ok(number.wrapping_mul(factor(rest.bytes().next())))
}

/// Reads a list of what tells flows apart (`parse_mode()`).
fn read_mode(word: &str) -> Option<Keys> {
    let mut keys = Keys::default();
    for name in word.split([',', '|']).filter(|name| !name.is_empty()) {
        keys.set(MODES.iter().find(|(mode, _)| *mode == name)?.1);
    }
    Some(keys)
}

/// Writes a number of bytes in the greatest unit for which `fits` holds.
fn write_bytes(bytes: u64, fits: impl Fn(u64) -> bool, out: &mut String) {
    let fits = |(size, _): &&(u64, &str)| bytes >= *size && fits(*size);
    let (size, letter) = SIZES[..2].iter().find(fits).unwrap_or(&SIZES[2]);
    write!(out, "{}{letter}b", bytes / size).expect("a string");
}

/// Writes a rate, and tells how long flows are remembered by itself (`print_rate()`).
fn write_packets(period: u64, out: &mut String) -> u64 {
    if period == 0 {
        out.push_str(" inf");
        return 0;
    }
    let fits = |(seconds, _): &&(u64, &str)| {
        let unit = SCALE * seconds;
        period <= unit && unit / period >= unit % period
    };
    // The shortest unit before the first one that does not fit.
    let (seconds, name) = TIMES[TIMES[1..].iter().take_while(fits).count()];
    write!(out, " {}/{name}", SCALE * seconds / period).expect("a string");
    seconds * 1000
}

impl Hashlimit {
    /// The prefix length that tells single hosts apart.
    const fn whole(family: AddressFamily) -> u8 {
        match family {
            AddressFamily::Inet => 32,
            AddressFamily::Inet6 => 128,
        }
    }

    fn read_rate(&mut self, word: &str, option: &str) -> Result<(), Problem> {
        let rate = match read_bytes(word)? {
            Some(rate) => rate,
            None => read_packets(word, option)?,
        };
        self.config.avg = rate.avg;
        // That an earlier rate counted bytes is not forgotten.
        if rate.unit == Unit::Bytes {
            self.config.unit = rate.unit;
        }
        self.unit_seconds = rate.seconds;
        Ok(())
    }

    /// Reads an option that takes a number.
    fn read_number(&mut self, index: usize, value: u64) {
        let number = u32::try_from(value).unwrap_or(u32::MAX);
        match index {
            SIZE => self.config.size = number,
            MAX => self.config.max = number,
            GC => self.config.gc_interval = number,
            _ => self.config.expire = number,
        }
    }

    /// Turns a burst of bytes into times of the rate.
    fn settle_bytes(&mut self, has_burst: bool, has_expire: bool) -> Result<(), Problem> {
        let Config { avg, burst, .. } = self.config;
        self.config.burst = 0;
        if !has_burst {
            return Ok(());
        }
        let least = bytes_of(avg);
        if burst < least {
            return Err(Problem::Parameter(format!("burst cannot be smaller than {least}b")));
        }
        // What does not fit into 32 bits is cut off before it is divided.
        let times = (burst & u64::from(u32::MAX)).checked_div(least).ok_or_else(divides_by_zero)?;
        self.config.burst = (times + u64::from(burst % least != 0)) & u64::from(u32::MAX);
        if !has_expire {
            self.config.expire = BYTE_EXPIRE_BURST * 1000;
        }
        Ok(())
    }

    /// Writes the rate with its burst, and tells how long flows are remembered by itself. Words of options begin
    /// with `prefix`.
    fn write_rate(&self, prefix: &str, period: u64, out: &mut String) -> u64 {
        let Config { avg, burst, .. } = self.config;
        match self.config.unit {
            Unit::Packets => {
                let remembered = write_packets(period, out);
                write!(out, " {prefix}burst {burst}").expect("a string");
                remembered
            }
            Unit::Bytes => {
                let rate = bytes_of(avg);
                out.push(' ');
                // 32 bits are looked at.
                let rounded = |size: u64| rate & !(size - 1) & u64::from(u32::MAX);
                write_bytes(rate, |size| cost_of(rounded(size)) == Some(avg), out);
                out.push_str("/s");
                if burst == 0 {
                    return u64::from(BYTE_EXPIRE) * 1000;
                }
                write!(out, " {prefix}burst ").expect("a string");
                write_bytes(rate.wrapping_mul(burst), |_| true, out);
                u64::from(BYTE_EXPIRE_BURST) * 1000
            }
        }
    }

    /// Writes what tells flows apart.
    fn write_mode(&self, prefix: &str, separator: &str, out: &mut String) {
        let set = MODES.iter().filter(|(_, key)| self.config.keys.has(*key));
        let names: Vec<&str> = set.map(|(name, _)| *name).collect();
        if !names.is_empty() {
            write!(out, " {prefix}mode {}", names.join(separator)).expect("a string");
        }
    }

    /// Writes what differs from what is so by itself.
    fn write_rest(&self, prefix: &str, remembered: u64, out: &mut String) {
        let Config { size, max, gc_interval, expire, prefixes, interval, .. } = self.config;
        let whole = u32::from(Self::whole(self.family));
        let [src, dst] = prefixes.map(u32::from);
        for (differs, name, number) in [
            (size != 0, "htable-size", size),
            (max != 0, "htable-max", max),
            (gc_interval != GC_INTERVAL, "htable-gcinterval", gc_interval),
            (u64::from(expire) != remembered, "htable-expire", expire),
            (src != whole, "srcmask", src),
            (dst != whole, "dstmask", dst),
        ] {
            if differs {
                write!(out, " {prefix}{name} {number}").expect("a string");
            }
        }
        if self.config.rate_match {
            write!(out, " {prefix}rate-match").expect("a string");
            if interval != 1 {
                write!(out, " {prefix}rate-interval {interval}").expect("a string");
            }
        }
    }
}

impl Extension for Hashlimit {
    const NAME: &'static str = "hashlimit";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("hashlimit-upto", Kind::Text(0, 0)).invertible().excluding(&["hashlimit-above"]),
        Opt::new("hashlimit-above", Kind::Text(0, 0)).invertible().excluding(&["hashlimit-upto"]),
        Opt::new("hashlimit", Kind::Text(0, 0))
            .invertible()
            .excluding(&["hashlimit-above"])
            .alias_of("hashlimit-upto"),
        Opt::new("hashlimit-srcmask", Kind::PrefixLen),
        Opt::new("hashlimit-dstmask", Kind::PrefixLen),
        Opt::new("hashlimit-burst", Kind::Text(0, 0)),
        Opt::new("hashlimit-htable-size", Kind::U32(0, u32::MAX)),
        Opt::new("hashlimit-htable-max", Kind::U32(0, u32::MAX)),
        Opt::new("hashlimit-htable-gcinterval", Kind::U32(0, u32::MAX)),
        Opt::new("hashlimit-htable-expire", Kind::U32(0, u32::MAX)),
        Opt::new("hashlimit-mode", Kind::Text(0, 0)),
        Opt::new("hashlimit-name", Kind::Text(1, 0)).mandatory(),
        Opt::new("hashlimit-rate-match", Kind::None),
        Opt::new("hashlimit-rate-interval", Kind::Text(0, 0)),
    ];
    const HELP: &'static str = include_str!("help/hashlimit.txt");

    fn new(family: AddressFamily) -> Self {
        Self {
            family,
            config: Config {
                keys: Keys::default(),
                above: false,
                unit: Unit::Packets,
                rate_match: false,
                avg: 0,
                burst: BURST,
                size: 0,
                max: 0,
                gc_interval: GC_INTERVAL,
                expire: 0,
                prefixes: [Self::whole(family); 2],
                interval: 0,
            },
            name: String::new(),
            unit_seconds: 0,
        }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let Given { index, word, invert, .. } = *given;
        let prefix = u8::try_from(given.value.number()).unwrap_or(u8::MAX);
        match index {
            UPTO => {
                self.config.above |= invert;
                self.read_rate(word, "--hashlimit-upto")?;
            }
            ABOVE => {
                self.config.above |= !invert;
                self.read_rate(word, "--hashlimit-above")?;
            }
            SRCMASK => self.config.prefixes[0] = prefix,
            DSTMASK => self.config.prefixes[1] = prefix,
            BURSTS => self.config.burst = read_burst(word)?,
            MODE => {
                let bad = || Problem::bad_value(Self::NAME, "--hashlimit-mode", word);
                self.config.keys = read_mode(word).ok_or_else(bad)?;
            }
            NAME => {
                let end = word.floor_char_boundary(MAX_NAME);
                word[..end].clone_into(&mut self.name);
            }
            RATE_MATCH => self.config.rate_match = true,
            SIZE..=EXPIRE => self.read_number(index, given.value.number()),
            _ => {
                let bad = || Problem::bad_value(Self::NAME, "--hashlimit-rate-interval", word);
                let seconds = u32::try_from(number::atoi(word)).ok().filter(|n| *n > 0);
                self.config.interval = seconds.ok_or_else(bad)?;
            }
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        let has = |option: usize| seen & (1 << option) != 0;
        if !has(UPTO) && !has(ABOVE) {
            return Err(Problem::parameter("You have to specify --hashlimit"));
        }
        let seconds = std::mem::take(&mut self.unit_seconds);
        if !has(EXPIRE) {
            self.config.expire = seconds * 1000;
        }
        match self.config.unit {
            Unit::Bytes => self.settle_bytes(has(BURSTS), has(EXPIRE))?,
            Unit::Packets if self.config.burst > MAX_BURST => return Err(bad_burst()),
            Unit::Packets => {}
        }
        if self.config.rate_match {
            let by_packets = self.config.unit == Unit::Packets;
            let seconds = if by_packets { seconds } else { 1 };
            self.config.avg /= u64::from(seconds.max(1));
            if self.config.interval == 0 {
                self.config.interval = seconds;
            }
        }
        Ok(())
    }

    fn save(&self, style: Style, out: &mut String) {
        const PREFIX: &str = "--hashlimit-";
        out.push_str(if self.config.above { " --hashlimit-above" } else { " --hashlimit-upto" });
        let remembered = self.write_rate(PREFIX, self.config.avg, out);
        self.write_mode(PREFIX, ",", out);
        out.push_str(" --hashlimit-name");
        quote::word(&self.name, style, out);
        self.write_rest(PREFIX, remembered, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(if self.config.above { " limit: above" } else { " limit: up to" });
        // An interval counts here, even one that is not used.
        let period = self.config.avg.wrapping_mul(u64::from(self.config.interval.max(1)));
        let remembered = self.write_rate("", period, out);
        self.write_mode("", "-", out);
        self.write_rest("", remembered, out);
    }
}

impl MatchExtension for Hashlimit {
    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        let Config { avg, burst, gc_interval, expire, prefixes, .. } = self.config;
        let bad_name = matches!(self.name.as_str(), "" | "." | "..") || self.name.contains('/');
        let too_long = prefixes.iter().any(|len| *len > Self::whole(self.family));
        if bad_name || gc_interval == 0 || expire == 0 || too_long {
            return Err(Errno::EINVAL);
        }
        let overflows = || table::credits(avg.wrapping_mul(burst)) < table::credits(avg);
        match self.config.unit {
            _ if self.config.rate_match => {
                let fits = avg != 0 && u32::try_from(avg).is_ok();
                if fits { Ok(()) } else { Err(Errno::ERANGE) }
            }
            Unit::Bytes if table::byte_cost(avg) == 0 => Err(Errno::EINVAL),
            Unit::Packets if burst == 0 || overflows() => Err(Errno::ERANGE),
            Unit::Bytes | Unit::Packets => Ok(()),
        }
    }

    fn kept(&self, _: Variant) -> Option<Self> {
        let mut kept = self.clone();
        for number in [&mut kept.config.size, &mut kept.config.max] {
            *number = (*number).min(MAX_SIZE);
        }
        (kept != *self).then_some(kept)
    }

    const SHARES: bool = true;

    fn may_attach(&self, shared: &Shared) -> Result<(), Errno> {
        let tables = shared.hashlimit.get(&self.family);
        let table = tables.and_then(|tables| tables.get(&self.name));
        let suits = table.is_none_or(|table| table.suits(&self.config));
        if suits { Ok(()) } else { Err(Errno::EINVAL) }
    }

    fn attach(&self, shared: &mut Shared, now: u64) -> Result<(), Errno> {
        let tables = shared.hashlimit.entry(self.family).or_default();
        let name = self.name.clone();
        let table = tables.entry(name).or_insert_with(|| HashTable::new(self.config, now));
        if table.attach(&self.config) { Ok(()) } else { Err(Errno::EINVAL) }
    }

    fn detach(&self, shared: &mut Shared) {
        if let Some(tables) = shared.hashlimit.get_mut(&self.family)
            && let Some(table) = tables.get_mut(&self.name)
            && table.detach()
        {
            tables.remove(&self.name);
        }
    }

    fn matches(&self, k: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        let now = k.now.jiffies();
        let tables = k.netns[f.netns].nf.shared.hashlimit.get_mut(&self.family);
        let table = tables.and_then(|tables| tables.get_mut(&self.name));
        let Some(table) = table else { return Matched::No };
        let bytes = f.skb.network_header();
        let packet = Packet { bytes, header_len: seen.header_len, proto: seen.proto };
        table.judge(&self.config, packet, now)
    }
}

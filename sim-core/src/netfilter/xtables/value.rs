//! Reading the values of options, with the words of libxtables (`xtables_option_parse()`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::family::AddressFamily;
use crate::libc::hosts::{self, LookupError};
use crate::libc::services::{self, Transport};
use crate::libc::{number, protocols};
use crate::netfilter::xtables::dsfield;
use crate::netfilter::xtables::extension::{Context, Problem};
use crate::netfilter::xtables::options::{Kind, Value};
use crate::packet::MacAddr;

type Result<T> = std::result::Result<T, Problem>;

/// The option whose value is read, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    /// The extension.
    pub(super) extension: &'a str,
    /// The option.
    pub(super) option: &'a str,
}

impl Named<'_> {
    fn problem(self, text: &str) -> Problem {
        let Self { extension, option } = self;
        Problem::Parameter(format!(
            "{extension}: {}\n",
            text.replace("{}", &format!("\"--{option}\""))
        ))
    }
}

/// Reads `word` as `kind` says.
pub(super) fn read<'a>(
    kind: Kind,
    word: &'a str,
    named: Named<'_>,
    cx: &Context<'_>,
) -> Result<Value<'a>> {
    match kind {
        Kind::None => Ok(Value::None),
        Kind::Free => Ok(Value::Text(word)),
        Kind::Pair => Ok(Value::Pair(word, None)),
        Kind::Text(min, max) => text(word, min, max),
        Kind::U8(min, max) => integer(word, min.into(), max.into(), named),
        Kind::U16(min, max) => integer(word, min.into(), max.into(), named),
        Kind::U32(min, max) => integer(word, min.into(), max.into(), named),
        Kind::U64(min, max) => integer(word, min, max, named),
        Kind::U8Range => range(word, u8::MAX.into(), named),
        Kind::U16Range => range(word, u16::MAX.into(), named),
        Kind::U32Range => range(word, u32::MAX.into(), named),
        Kind::U64Range => range(word, u64::MAX, named),
        Kind::MarkMask => mark_mask(word, named),
        Kind::TosMask => {
            dsfield::read_tos(word).map(|(tos, mask)| Value::MarkMask(tos.into(), mask.into()))
        }
        Kind::SyslogLevel => syslog_level(word),
        Kind::Host => host(word, cx.family).map(Value::Host),
        Kind::HostMask => host_mask(word, named, cx.family),
        Kind::PrefixLen => prefix_len(word, named, cx.family).map(|len| Value::Number(len.into())),
        Kind::Port => port_by_name(word).map(|port| Value::Number(port.into())),
        Kind::PortRange => port_range(word, named),
        Kind::Protocol => protocol(word).map(|number| Value::Number(number.into())),
        Kind::Mac => mac(word).map(Value::Mac),
    }
}

/// The seconds of the unit in `N[/UNIT]`, which may be cut short: one if there is none, nothing if it is unknown.
#[must_use]
pub fn unit_of_rate(word: &str) -> Option<u32> {
    let Some((_, unit)) = word.split_once('/') else { return Some(1) };
    if unit.is_empty() {
        return None;
    }
    let begins =
        |name: &str| name.get(..unit.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(unit));
    let units = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];
    units.into_iter().find(|(name, _)| begins(name)).map(|(_, seconds)| seconds)
}

/// The number that `text` begins with, as `strtoul(3)` reads it in base 0 but never negative, and what follows
/// (`xtables_strtoul()`).
#[must_use]
pub fn leading_number(text: &str) -> Option<(u64, &str)> {
    let blank = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    if text.trim_start_matches(blank).starts_with('-') {
        return None;
    }
    number::strtoul(text, 0)
}

/// All of `text` as a number within the bounds.
#[must_use]
pub fn whole_number(text: &str, min: u64, max: u64) -> Option<u64> {
    let (value, rest) = leading_number(text)?;
    (rest.is_empty() && (min..=max).contains(&value)).then_some(value)
}

fn text(word: &str, min: u16, max: u16) -> Result<Value<'_>> {
    let wrong = |what: &str, n: u16| {
        Problem::Parameter(format!("Argument must have a {what} length of {n} characters\n"))
    };
    if min != 0 && word.len() < min.into() {
        return Err(wrong("minimum", min));
    }
    if max != 0 && word.len() > max.into() {
        return Err(wrong("maximum", max));
    }
    Ok(Value::Text(word))
}

fn integer<'a>(word: &str, min: u64, max: u64, named: Named<'_>) -> Result<Value<'a>> {
    whole_number(word, min, max).map(Value::Number).ok_or_else(|| {
        named.problem(&format!("bad value for option {{}}, or out of range ({min}-{max})."))
    })
}

/// One number or two with a colon between them; one that is left out is the least or the greatest.
fn range<'a>(word: &str, max: u64, named: Named<'_>) -> Result<Value<'a>> {
    let mut found = Vec::with_capacity(2);
    let mut rest = word;
    loop {
        if found.len() == 2 {
            return Err(named.problem("Too many components for option {} (max: 2)"));
        }
        let (value, after) = if rest.is_empty() || rest.starts_with(':') {
            (if found.len() == 1 { max } else { 0 }, rest)
        } else {
            leading_number(rest).filter(|(value, _)| *value <= max).ok_or_else(|| {
                named.problem(&format!(
                    "bad value for option {{}} near \"{rest}\", or out of range (0-{max})."
                ))
            })?
        };
        found.push(value);
        match after.strip_prefix(':') {
            Some(more) => rest = more,
            None if after.is_empty() => break,
            None => {
                return Err(named.problem(&format!(
                    "Argument to {{}} has unexpected characters near \"{after}\"."
                )));
            }
        }
    }
    let first = found[0];
    Ok(Value::Range(first, found.get(1).copied().unwrap_or(first)))
}

fn mark_mask<'a>(word: &str, named: Named<'_>) -> Result<Value<'a>> {
    let part = |text| {
        leading_number(text).and_then(|(value, rest)| Some((u32::try_from(value).ok()?, rest)))
    };
    let bad = || named.problem("bad integer value for option {}, or out of range.");
    let (value, rest) = part(word).ok_or_else(bad)?;
    let (mask, rest) = match rest.strip_prefix('/') {
        Some(mask) => part(mask).ok_or_else(bad)?,
        None => (u32::MAX, rest),
    };
    if rest.is_empty() {
        Ok(Value::MarkMask(value, mask))
    } else {
        Err(named.problem("trailing garbage after value for option {}."))
    }
}

/// The levels that have names.
const LEVELS: &[(&str, u64)] = &[
    ("alert", 1),
    ("crit", 2),
    ("debug", 7),
    ("emerg", 0),
    ("error", 3),
    ("info", 6),
    ("notice", 5),
    ("panic", 0),
    ("warning", 4),
];

fn syslog_level<'a>(word: &str) -> Result<Value<'a>> {
    let named = || LEVELS.iter().find(|(name, _)| *name == word).map(|(_, level)| *level);
    whole_number(word, 0, 7)
        .or_else(named)
        .map(Value::Number)
        .ok_or_else(|| Problem::Parameter(format!("log level \"{word}\" unknown\n")))
}

/// A host by address or name.
fn host(word: &str, family: AddressFamily) -> Result<IpAddr> {
    let wrong = |error: LookupError| Problem::Parameter(format!("getaddrinfo: {error}\n"));
    hosts::host(word, family).map_err(wrong)
}

fn host_mask<'a>(word: &str, named: Named<'_>, family: AddressFamily) -> Result<Value<'a>> {
    let Some((name, mask)) = word.split_once('/') else {
        return host(word, family).map(|addr| Value::HostMask(addr, mask_of(bits(family), family)));
    };
    let addr = host(name, family)?;
    // A mask that is no prefix counts as a full one.
    let len = prefix_len(mask, named, family)?.min(bits(family));
    Ok(Value::HostMask(addr, mask_of(len, family)))
}

/// The length that masks have that are no prefix.
const NO_PREFIX: u8 = u8::MAX;

const fn bits(family: AddressFamily) -> u8 {
    match family {
        AddressFamily::Inet => 32,
        AddressFamily::Inet6 => 128,
    }
}

/// The mask whose first `len` bits are set.
#[must_use]
pub fn mask_of(len: u8, family: AddressFamily) -> IpAddr {
    match family {
        AddressFamily::Inet => {
            let mask = u32::MAX.checked_shl(32 - u32::from(len.min(32))).unwrap_or(0);
            Ipv4Addr::from(mask).into()
        }
        AddressFamily::Inet6 => {
            let mask = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
            Ipv6Addr::from(mask).into()
        }
    }
}

/// The bits of an address that the mask keeps.
#[must_use]
pub fn masked(addr: IpAddr, mask: IpAddr) -> IpAddr {
    match (addr, mask) {
        (IpAddr::V4(addr), IpAddr::V4(mask)) => (addr & mask).into(),
        (IpAddr::V6(addr), IpAddr::V6(mask)) => (addr & mask).into(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => addr,
    }
}

/// How many leading bits of a mask are set, if it is a prefix.
#[must_use]
pub fn mask_len(mask: IpAddr) -> Option<u8> {
    let (ones, zeros, bits) = match mask {
        IpAddr::V4(mask) => {
            let mask = u32::from(mask);
            (mask.leading_ones(), mask.trailing_zeros(), 32)
        }
        IpAddr::V6(mask) => {
            let mask = u128::from(mask);
            (mask.leading_ones(), mask.trailing_zeros(), 128)
        }
    };
    (ones + zeros == bits).then(|| u8::try_from(ones).expect("at most 128"))
}

/// The length of a prefix, which may also be written as a mask; of a mask that is no prefix it is [`NO_PREFIX`].
fn prefix_len(word: &str, named: Named<'_>, family: AddressFamily) -> Result<u8> {
    let max = bits(family);
    let number = whole_number(word, 0, max.into()).and_then(|len| u8::try_from(len).ok());
    let mask = || hosts::numeric(word, family).map(|mask| mask_len(mask).unwrap_or(NO_PREFIX));
    number.or_else(mask).ok_or_else(|| {
        named.problem(&format!(
            "bad value for option {{}}, neither a valid network mask nor valid CIDR (0-{max})."
        ))
    })
}

/// A port by number or by the name of a service of any protocol, TCP first (`xtables_getportbyname()`).
fn port_by_name(word: &str) -> Result<u16> {
    let number = number::strtoul(word, 10)
        .filter(|(_, rest)| rest.is_empty())
        // What does not fit into 16 bits is cut off.
        .map(|(value, _)| u16::try_from(value & 0xffff).expect("16 bits"));
    let service = |transport| services::port(word, transport);
    number.or_else(|| service(Transport::Tcp)).or_else(|| service(Transport::Udp)).ok_or_else(
        || Problem::Parameter(format!("Port \"{word}\" does not resolve to anything.\n")),
    )
}

fn port_range<'a>(word: &str, named: Named<'_>) -> Result<Value<'a>> {
    let (mut low, mut high) = (0, u16::MAX);
    let parts: Vec<&str> = word.split(':').collect();
    for (i, part) in parts.iter().enumerate() {
        let place = match i {
            0 => &mut low,
            1 => &mut high,
            _ => return Err(named.problem("Too many components for option {} (max: 2)")),
        };
        if !part.is_empty() {
            *place = port_by_name(part)?;
        }
    }
    if parts.len() == 1 {
        high = low;
    }
    Ok(Value::Range(low.into(), high.into()))
}

/// A port by number or service, as the older extensions read it (`xtables_parse_port()`).
///
/// # Errors
/// It is neither.
pub fn port(word: &str, transport: Option<Transport>) -> Result<u16> {
    let number = whole_number(word, 0, u16::MAX.into()).and_then(|port| u16::try_from(port).ok());
    let service = || transport.and_then(|transport| services::port(word, transport));
    number
        .or_else(service)
        .ok_or_else(|| Problem::Parameter(format!("invalid port/service `{word}' specified")))
}

/// The protocols that have names of their own (`xtables_chain_protos`).
const PROTOCOLS: &[(&str, u8)] = &[
    ("tcp", 6),
    ("sctp", 132),
    ("udp", 17),
    ("udplite", 136),
    ("icmp", 1),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("esp", 50),
    ("ah", 51),
    ("mobility-header", 135),
    ("ipv6-mh", 135),
    ("mh", 135),
    ("all", 0),
];

/// A protocol by number or name (`xtables_parse_protocol()`).
///
/// # Errors
/// It is neither.
pub fn protocol(word: &str) -> Result<u8> {
    let number = whole_number(word, 0, u8::MAX.into()).and_then(|number| u8::try_from(number).ok());
    let named = || PROTOCOLS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    number
        .or_else(named)
        .or_else(|| protocols::number(word))
        .ok_or_else(|| Problem::Parameter(format!("unknown protocol \"{word}\" specified")))
}

/// What a protocol is called; without `lookup` only by those names that are built in (`proto_to_name()`).
#[must_use]
pub fn protocol_name(number: u8, lookup: bool) -> Option<&'static str> {
    let built_in = PROTOCOLS.iter().find(|(_, n)| *n == number).map(|(name, _)| *name);
    built_in.or_else(|| protocols::name(number).filter(|_| lookup && number != 0))
}

fn mac(word: &str) -> Result<MacAddr> {
    let byte = |part: &str| match number::strtoul(part, 16) {
        _ if part.is_empty() => Some(0),
        Some((value, "")) if part.len() <= 2 => u8::try_from(value & 0xff).ok(),
        Some(_) | None => None,
    };
    let bytes: Option<Vec<u8>> = word.split(':').map(byte).collect();
    bytes
        .and_then(|bytes| <[u8; 6]>::try_from(bytes).ok())
        .map(MacAddr)
        .ok_or_else(|| Problem::parameter("Invalid MAC address specified."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::xtables::table::Variant;

    fn read_as<'a>(extension: &str, option: &str, kind: Kind, word: &'a str) -> Result<Value<'a>> {
        let cx = Context {
            variant: Variant::Nft,
            family: AddressFamily::Inet,
            proto: None,
            tool: "iptables",
        };
        read(kind, word, Named { extension, option }, &cx)
    }

    type Wrong = (&'static str, &'static str, Kind, &'static str, &'static str);

    const WRONG: &[Wrong] = &[
        (
            "MARK",
            "and-mark",
            Kind::U32(0, u32::MAX),
            "x",
            "MARK: bad value for option \"--and-mark\", or out of range (0-4294967295).\n",
        ),
        (
            "TTL",
            "ttl-set",
            Kind::U8(0, 255),
            "300",
            "TTL: bad value for option \"--ttl-set\", or out of range (0-255).\n",
        ),
        (
            "length",
            "length",
            Kind::U16Range,
            "1:2:3",
            "length: Too many components for option \"--length\" (max: 2)\n",
        ),
        (
            "length",
            "length",
            Kind::U16Range,
            "70000",
            "length: bad value for option \"--length\" near \"70000\", or out of range (0-65535).\n",
        ),
        (
            "length",
            "length",
            Kind::U16Range,
            "1:2x",
            "length: Argument to \"--length\" has unexpected characters near \"x\".\n",
        ),
        (
            "mark",
            "mark",
            Kind::MarkMask,
            "1/x",
            "mark: bad integer value for option \"--mark\", or out of range.\n",
        ),
        (
            "mark",
            "mark",
            Kind::MarkMask,
            "-1",
            "mark: bad integer value for option \"--mark\", or out of range.\n",
        ),
        (
            "mark",
            "mark",
            Kind::MarkMask,
            "1x",
            "mark: trailing garbage after value for option \"--mark\".\n",
        ),
        ("LOG", "log-level", Kind::SyslogLevel, "8", "log level \"8\" unknown\n"),
        ("mac", "mac-source", Kind::Mac, "001:2:3:4:5:6", "Invalid MAC address specified."),
        ("conntrack", "ctproto", Kind::Protocol, "nope", "unknown protocol \"nope\" specified"),
        (
            "conntrack",
            "ctorigsrcport",
            Kind::PortRange,
            "1-2",
            "Port \"1-2\" does not resolve to anything.\n",
        ),
        (
            "conntrack",
            "ctorigsrc",
            Kind::HostMask,
            "1.2.3.4/foo",
            "conntrack: bad value for option \"--ctorigsrc\", neither a valid network mask nor valid CIDR \
              (0-32).\n",
        ),
        (
            "TEE",
            "gateway",
            Kind::Host,
            "nohost",
            "getaddrinfo: Temporary failure in name resolution\n",
        ),
    ];

    /// Seen with the extensions that are named, iptables 1.8.9.
    #[test]
    fn a_wrong_value_is_refused_in_the_words_of_libxtables() {
        for (extension, option, kind, word, text) in WRONG {
            let problem = read_as(extension, option, *kind, word).unwrap_err();
            assert_eq!(problem, Problem::parameter(*text), "{word}");
        }
    }

    /// Seen with `iptables -S` after such options.
    #[test]
    fn values_are_read_as_libxtables_reads_them() {
        let host = |text: &str| text.parse::<IpAddr>().unwrap();
        let masked = |addr, mask| Value::HostMask(host(addr), host(mask));
        let zero = MacAddr([0, 2, 3, 4, 5, 6]);
        for (kind, word, value) in [
            (Kind::U16Range, ":", Value::Range(0, 65535)),
            (Kind::U16Range, "5:", Value::Range(5, 65535)),
            (Kind::U16Range, "", Value::Range(0, 0)),
            (Kind::MarkMask, "0x10/017", Value::MarkMask(16, 15)),
            (Kind::MarkMask, "5", Value::MarkMask(5, u32::MAX)),
            (Kind::SyslogLevel, "warning", Value::Number(4)),
            (Kind::Mac, ":2:3:4:5:6", Value::Mac(zero)),
            (Kind::Mac, "+0:2:3:4:5:6", Value::Mac(zero)),
            (Kind::PortRange, "70000:", Value::Range(4464, 65535)),
            (Kind::PortRange, "ssh", Value::Range(22, 22)),
            (Kind::HostMask, "1.2.3.4/33", masked("1.2.3.4", "255.255.255.255")),
            (Kind::HostMask, "1.2.3.4/255.0.255.0", masked("1.2.3.4", "255.255.255.255")),
            (Kind::HostMask, "1.2.3.4/0", masked("1.2.3.4", "0.0.0.0")),
            (Kind::Protocol, "gre", Value::Number(47)),
        ] {
            assert_eq!(read_as("x", "y", kind, word), Ok(value), "{word}");
        }
    }
}

//! Ports as `tcp`, `udp` and `sctp` ask for them.

use std::fmt::Write as _;

use crate::libc::services::{self, Transport};
use crate::netfilter::xtables::extension::Problem;
use crate::netfilter::xtables::value;

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ports {
    /// The first.
    pub(super) min: u16,
    /// The last.
    pub(super) max: u16,
    /// Whether all others are meant.
    pub(super) invert: bool,
}

impl Ports {
    /// All ports.
    pub(super) const ALL: Self = Self { min: 0, max: u16::MAX, invert: false };

    /// Reads `PORT` or `[PORT]:[PORT]`, the way the older extensions do it.
    pub(super) fn read(word: &str, transport: Option<Transport>) -> Result<(u16, u16), Problem> {
        let Some((min, max)) = word.split_once(':') else {
            let port = value::port(word, transport)?;
            return Ok((port, port));
        };
        let port = |word: &str, default| match word {
            "" => Ok(default),
            word => value::port(word, transport),
        };
        let (min, max) = (port(min, 0)?, port(max, u16::MAX)?);
        if min > max {
            return Err(Problem::parameter("invalid portrange (min > max)"));
        }
        Ok((min, max))
    }

    /// The ports that an option of [`Kind::PortRange`](crate::netfilter::xtables::extension::Kind) says.
    pub(super) fn from_range((min, max): (u64, u64), invert: bool) -> Self {
        let port = |n: u64| u16::try_from(n).unwrap_or(u16::MAX);
        Self { min: port(min), max: port(max), invert }
    }

    /// What `iptables-nft` reads back: all but those up to one are those from the next one on.
    pub(super) const fn into_nft(self) -> Self {
        match self {
            Self { min: 0, max, invert: true } if max > 0 && max < u16::MAX => {
                Self { min: max + 1, max: u16::MAX, invert: false }
            }
            _ => self,
        }
    }

    /// What `iptables-nft` reads back where `later` is asked for too: an inversion stays.
    pub(super) const fn and(self, later: Self) -> Self {
        if later.is_full() {
            return self;
        }
        Self { invert: self.invert || later.invert, ..later }
    }

    /// Whether the range is that of all ports, inverted or not.
    pub(super) const fn is_full(self) -> bool {
        self.min == 0 && self.max == u16::MAX
    }

    /// Whether only one port is meant, and which; `iptables-nft` takes 0 for none.
    pub(super) const fn single(self) -> Option<u16> {
        if self.min == self.max && self.min != 0 { Some(self.min) } else { None }
    }

    /// The least and the greatest port that are meant, if those between them are too; else all ports.
    pub(super) const fn span(self) -> (u16, u16) {
        if self.invert { (0, u16::MAX) } else { (self.min, self.max) }
    }

    /// Whether `port` is in the range, or outside if it is inverted.
    pub(super) fn matches(self, port: [u8; 2]) -> bool {
        (self.min..=self.max).contains(&u16::from_be_bytes(port)) != self.invert
    }

    /// Writes the option that makes them again.
    pub(super) fn save(self, option: &str, out: &mut String) {
        let Self { min, max, invert } = self;
        let not = if invert { " !" } else { "" };
        let written = if min == max {
            write!(out, "{not} --{option} {min}")
        } else {
            write!(out, "{not} --{option} {min}:{max}")
        };
        written.expect("a string");
    }

    /// Writes them in the words of `-L`; `name` finds the names of services.
    pub(super) fn print(
        self,
        label: &str,
        name: impl Fn(u16) -> Option<&'static str>,
        out: &mut String,
    ) {
        if self == Self::ALL {
            return;
        }
        let Self { min, max, invert } = self;
        let not = if invert { "!" } else { "" };
        let named = |port: u16| name(port).map_or_else(|| port.to_string(), str::to_owned);
        let written = if min == max {
            write!(out, " {label}:{not}{}", named(min))
        } else {
            write!(out, " {label}s:{not}{}:{}", named(min), named(max))
        };
        written.expect("a string");
    }
}

/// Finds the names of services on `transport`, unless numbers are wanted.
pub(super) fn names(transport: Transport, numeric: bool) -> impl Fn(u16) -> Option<&'static str> {
    move |port| if numeric { None } else { services::name(port, transport) }
}

/// Whether both ends of a packet are right by the expressions that `iptables-nft` writes.
///
/// Two ports of which neither may be there are compared as one number of 32 bits, so that it is enough if one is
/// another. The kernel reads the ports without a look at the fragment offset, as they are few bytes
/// (`nft_payload_fast_eval()`).
pub(super) fn matches_nft(src: Ports, dst: Ports, header: &[u8]) -> bool {
    let port = |at: usize| header.get(at..)?.first_chunk::<2>().copied();
    let end =
        |ports: Ports, at| ports.is_full() || port(at).is_some_and(|port| ports.matches(port));
    match (src.single(), dst.single()) {
        (Some(s), Some(d)) if src.invert && dst.invert => {
            let both = u32::from(s) << 16 | u32::from(d);
            header.first_chunk().is_some_and(|header| u32::from_be_bytes(*header) != both)
        }
        _ => end(src, 0) && end(dst, 2),
    }
}

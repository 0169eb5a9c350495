//! Options of extensions: what they take, and reading it (`struct xt_option_entry`, `xtables_option_parse()`).

use std::net::IpAddr;

use crate::packet::MacAddr;

/// One option of an extension.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether `!` may stand before it (`XTOPT_INVERT`).
    pub invert: bool,
    /// Whether it has to be there (`XTOPT_MAND`).
    pub mandatory: bool,
    /// Whether it may be there more than once (`XTOPT_MULTI`).
    pub multi: bool,
    /// The options that may not stand beside it (`excl`), in the order in which they are looked at.
    pub excludes: &'static [&'static str],
    /// The options that all have to stand beside it (`also`).
    pub requires: &'static [&'static str],
    /// Another name of the option called so: both are one.
    pub alias_of: Option<&'static str>,
}

impl Opt {
    /// An option that takes `kind` and has no further demands.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            invert: false,
            mandatory: false,
            multi: false,
            excludes: &[],
            requires: &[],
            alias_of: None,
        }
    }

    /// The same, and `!` may stand before it.
    #[must_use]
    pub const fn invertible(self) -> Self {
        Self { invert: true, ..self }
    }

    /// The same, and it has to be there.
    #[must_use]
    pub const fn mandatory(self) -> Self {
        Self { mandatory: true, ..self }
    }

    /// The same, and it may be there more than once.
    #[must_use]
    pub const fn multi(self) -> Self {
        Self { multi: true, ..self }
    }

    /// The same, and none of `others` may stand beside it.
    #[must_use]
    pub const fn excluding(self, others: &'static [&'static str]) -> Self {
        Self { excludes: others, ..self }
    }

    /// The same, and all of `others` have to stand beside it.
    #[must_use]
    pub const fn requiring(self, others: &'static [&'static str]) -> Self {
        Self { requires: others, ..self }
    }

    /// The same, and it is but another name of `other`.
    #[must_use]
    pub const fn alias_of(self, other: &'static str) -> Self {
        Self { alias_of: Some(other), ..self }
    }
}

/// What an option takes (`enum xt_option_type`). Ranges are inclusive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Nothing.
    None,
    /// A text of so many bytes; a longer one is refused.
    Text(u16, u16),
    /// A number.
    U8(u8, u8),
    /// A number.
    U16(u16, u16),
    /// A number.
    U32(u32, u32),
    /// A number.
    U64(u64, u64),
    /// A number or two: `N` or `N:M`.
    U8Range,
    /// A number or two: `N` or `N:M`.
    U16Range,
    /// A number or two: `N` or `N:M`.
    U32Range,
    /// A number or two: `N` or `N:M`.
    U64Range,
    /// `VALUE[/MASK]`.
    MarkMask,
    /// `VALUE[/MASK]` of a type of service, or its name.
    TosMask,
    /// A level of syslog, by name or number.
    SyslogLevel,
    /// A host.
    Host,
    /// A host with a mask.
    HostMask,
    /// A prefix length.
    PrefixLen,
    /// A port, by number or service.
    Port,
    /// One or two ports.
    PortRange,
    /// A protocol, by number or name.
    Protocol,
    /// A hardware address.
    Mac,
    /// Two words, which the extension reads itself (`--tcp-flags MASK COMP`).
    Pair,
    /// What the extension reads itself.
    Free,
}

/// What was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    None,
    /// A text.
    Text(&'a str),
    /// A number.
    Number(u64),
    /// Two numbers, or one twice. Ports are numbers too.
    Range(u64, u64),
    /// A value and its mask.
    MarkMask(u32, u32),
    /// A host.
    Host(IpAddr),
    /// A host and its mask.
    HostMask(IpAddr, IpAddr),
    /// A hardware address.
    Mac(MacAddr),
    /// Two words; the second one is missing if the command line ends before it, or something that looks like an
    /// option stands in its place.
    Pair(&'a str, Option<&'a str>),
}

/// What an option's [`Kind`] promises is there; of another value the answer is nothing in particular.
impl Value<'_> {
    /// The number, the first one of two.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.range().0
    }

    /// The two numbers.
    #[must_use]
    pub fn range(&self) -> (u64, u64) {
        match *self {
            Self::Number(n) => (n, n),
            Self::Range(low, high) => (low, high),
            Self::None
            | Self::Text(_)
            | Self::MarkMask(..)
            | Self::Host(_)
            | Self::HostMask(..)
            | Self::Mac(_)
            | Self::Pair(..) => (0, 0),
        }
    }

    /// The value and its mask, of a type of service.
    #[must_use]
    pub fn tos_mask(&self) -> (u8, u8) {
        let (value, mask) = self.mark_mask();
        let byte = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        (byte(value), byte(mask))
    }

    /// The value and its mask.
    #[must_use]
    pub fn mark_mask(&self) -> (u32, u32) {
        if let Self::MarkMask(value, mask) = *self { (value, mask) } else { (0, u32::MAX) }
    }
}

/// One option as it was given (`struct xt_option_call`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Given<'a> {
    /// Its place among the extension's options; an alias has the place of what it stands for.
    pub index: usize,
    /// The name that was written.
    pub name: &'static str,
    /// Whether `!` stood before it.
    pub invert: bool,
    /// What was read.
    pub value: Value<'a>,
    /// The word as it was written, empty if it takes none.
    pub word: &'a str,
    /// The options seen before this one, a bit each.
    pub seen: u64,
}

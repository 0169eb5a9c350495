//! IPv4 options (RFC 791 section 3.1): a walk over them, and what Linux makes of them.
//!
//! Mirrors `net/ipv4/ip_options.c`. [`compile()`] judges the options of a packet or of a socket as
//! `__ip_options_compile()` does and writes the record route and timestamp entries that input writes.

mod build;
mod compile;
mod echo;

pub use build::build;
pub use compile::{IpOptions, OptionsHost, OptionsOrigin, ParameterProblem, compile, compile_into};
pub use echo::{Echo, EchoError, echo};

/// End of the option list.
pub const IPOPT_END: u8 = 0;
/// One byte of padding.
pub const IPOPT_NOOP: u8 = 1;
/// Security (RFC 1108).
pub const IPOPT_SEC: u8 = 130;
/// Loose source and record route.
pub const IPOPT_LSRR: u8 = 131;
/// Timestamps.
pub const IPOPT_TIMESTAMP: u8 = 68;
/// Commercial security, which Linux reads with NetLabel.
pub const IPOPT_CIPSO: u8 = 134;
/// Record route.
pub const IPOPT_RR: u8 = 7;
/// Stream identifier.
pub const IPOPT_SID: u8 = 136;
/// Strict source and record route.
pub const IPOPT_SSRR: u8 = 137;
/// Router alert (RFC 2113).
pub const IPOPT_RA: u8 = 148;
/// The bit of an option's type that has every fragment carry it.
pub const IPOPT_COPY: u8 = 0x80;

/// The flag nibble of a timestamp option that asks for times only.
pub const IPOPT_TS_TSONLY: u8 = 0;
/// The flag nibble of a timestamp option that asks for addresses and times.
pub const IPOPT_TS_TSANDADDR: u8 = 1;
/// The flag nibble of a timestamp option whose addresses the sender named.
pub const IPOPT_TS_PRESPEC: u8 = 3;

/// Bytes of options that a header has room for (`MAX_IPOPTLEN`).
pub const MAX_IPOPTLEN: usize = 40;

/// One option, by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Option<'a> {
    /// The option type: copy bit, class and number.
    pub kind: u8,
    /// Where the option starts, in bytes from the start of the options.
    pub offset: usize,
    /// The whole option, type and length included.
    pub bytes: &'a [u8],
}

impl<'a> Ipv4Option<'a> {
    /// Returns the bytes after type and length, none for padding.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.bytes.get(2..).unwrap_or_default()
    }

    /// Returns the pointer of a route or timestamp option: the entry to fill next, counted from 1.
    #[must_use]
    pub fn pointer(&self) -> Option<u8> {
        match self.kind {
            IPOPT_RR | IPOPT_LSRR | IPOPT_SSRR | IPOPT_TIMESTAMP => self.bytes.get(2).copied(),
            _ => None,
        }
    }
}

/// The options of a header in order, to the end of the list or the first that does not fit.
#[derive(Clone, Debug)]
pub struct Ipv4Options<'a> {
    options: &'a [u8],
    offset: usize,
}

impl<'a> Ipv4Options<'a> {
    /// Walks over the option bytes of a header.
    #[must_use]
    pub const fn new(options: &'a [u8]) -> Self {
        Self { options, offset: 0 }
    }
}

impl<'a> Iterator for Ipv4Options<'a> {
    type Item = Ipv4Option<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.options.get(self.offset..)?;
        let kind = *rest.first()?;
        let len = match kind {
            IPOPT_END => return None,
            IPOPT_NOOP => 1,
            _ => usize::from(*rest.get(1)?),
        };
        if kind != IPOPT_NOOP && len < 2 {
            return None;
        }
        let option = Ipv4Option { kind, offset: self.offset, bytes: rest.get(..len)? };
        self.offset += len;
        Some(option)
    }
}

#[cfg(test)]
mod observed;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_walked_to_the_end_of_the_list() {
        let bytes = [1, 7, 7, 4, 10, 0, 0, 1, 148, 4, 0, 0, 0, 9, 9, 9];
        let found: Vec<_> =
            Ipv4Options::new(&bytes).map(|option| (option.kind, option.offset)).collect();
        assert_eq!(found, [(IPOPT_NOOP, 0), (IPOPT_RR, 1), (IPOPT_RA, 8)]);
        let route = Ipv4Options::new(&bytes).nth(1).expect("record route");
        assert_eq!((route.pointer(), route.data()), (Some(4), &[4, 10, 0, 0, 1][..]));
    }

    #[test]
    fn the_walk_ends_at_a_length_that_cannot_be() {
        for bytes in [&[7u8, 0, 0, 0][..], &[7, 1, 0, 0], &[7, 5, 4, 0], &[7]] {
            assert_eq!(Ipv4Options::new(bytes).next(), None, "{bytes:?}");
        }
    }
}

//! Captured bytes that may end before the packet does.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::packet::ethernet::MacAddr;

/// The capture ended before a field that had to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut;

/// The bytes of a layer that were captured, up to the end of the packet around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn len(self) -> usize {
        self.0.len()
    }

    /// Returns whether `len` bytes from `at` on were captured.
    pub(super) fn has(self, at: usize, len: usize) -> bool {
        at.checked_add(len).is_some_and(|end| end <= self.0.len())
    }

    /// Gives up if `len` bytes from `at` on were not captured.
    pub(super) fn need(self, at: usize, len: usize) -> Result<(), Cut> {
        if self.has(at, len) { Ok(()) } else { Err(Cut) }
    }

    /// Returns what starts at `at`, nothing if that is past the end.
    pub(super) fn from(self, at: usize) -> Self {
        Self(self.0.get(at..).unwrap_or_default())
    }

    /// Returns the first `len` bytes, or all if there are fewer.
    pub(super) fn limit(self, len: usize) -> Self {
        Self(self.0.get(..len).unwrap_or(self.0))
    }

    pub(super) fn slice(self, at: usize, len: usize) -> Result<&'a [u8], Cut> {
        let end = at.checked_add(len).ok_or(Cut)?;
        self.0.get(at..end).ok_or(Cut)
    }

    pub(super) fn array<const N: usize>(self, at: usize) -> Result<[u8; N], Cut> {
        self.0.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(Cut)
    }

    pub(super) fn u8(self, at: usize) -> Result<u8, Cut> {
        self.0.get(at).copied().ok_or(Cut)
    }

    pub(super) fn u16(self, at: usize) -> Result<u16, Cut> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn u16_le(self, at: usize) -> Result<u16, Cut> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u24(self, at: usize) -> Result<u32, Cut> {
        let [a, b, c] = self.array(at)?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    pub(super) fn u32(self, at: usize) -> Result<u32, Cut> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(super) fn ipv4(self, at: usize) -> Result<Ipv4Addr, Cut> {
        self.array(at).map(Ipv4Addr::from_octets)
    }

    pub(super) fn ipv6(self, at: usize) -> Result<Ip6, Cut> {
        self.array(at).map(|octets| Ip6(Ipv6Addr::from_octets(octets)))
    }

    pub(super) fn mac(self, at: usize) -> Result<MacAddr, Cut> {
        self.array(at).map(MacAddr)
    }
}

/// An IPv6 address, printed with the last 32 bits as an IPv4 address where tcpdump does so.
///
/// Rust does it for `::ffff:a.b.c.d`; tcpdump also for what is left of `::a.b.c.d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ip6(pub(super) Ipv6Addr);

impl core::fmt::Display for Ip6 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0.segments() {
            [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                let v4 = Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
                write!(f, "::{v4}")
            }
            _ => self.0.fmt(f),
        }
    }
}

//! Device flags, `netdevice(7)`.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A set of `IFF_*` flags with Linux's bit values.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct DevFlags(pub u32);

impl DevFlags {
    /// `IFF_UP`: switched on by the administrator.
    pub const UP: Self = Self(0x1);
    /// `IFF_BROADCAST`: has a valid broadcast address.
    pub const BROADCAST: Self = Self(0x2);
    /// `IFF_LOOPBACK`.
    pub const LOOPBACK: Self = Self(0x8);
    /// `IFF_POINTOPOINT`.
    pub const POINTOPOINT: Self = Self(0x10);
    /// `IFF_RUNNING`: operational; derived when flags are reported.
    pub const RUNNING: Self = Self(0x40);
    /// `IFF_NOARP`: neighbours are not resolved.
    pub const NOARP: Self = Self(0x80);
    /// `IFF_PROMISC`.
    pub const PROMISC: Self = Self(0x100);
    /// `IFF_ALLMULTI`.
    pub const ALLMULTI: Self = Self(0x200);
    /// `IFF_MASTER`.
    pub const MASTER: Self = Self(0x400);
    /// `IFF_SLAVE`.
    pub const SLAVE: Self = Self(0x800);
    /// `IFF_MULTICAST`.
    pub const MULTICAST: Self = Self(0x1000);
    /// `IFF_LOWER_UP`: has carrier; derived when flags are reported.
    pub const LOWER_UP: Self = Self(0x1_0000);

    /// Whether all of `other`'s flags are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets or clears `other`'s flags.
    pub fn set(&mut self, other: Self, on: bool) {
        *self = if on { *self | other } else { *self & !other };
    }
}

impl BitOr for DevFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for DevFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for DevFlags {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for DevFlags {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

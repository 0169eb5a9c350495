//! Devices of the TUN driver (`drivers/net/tun.c`): the wire is a program that holds the device open.
//!
//! Here nobody ever does, so that such a device has no carrier.

/// A TUN or TAP device that lasts without a program (`TUNSETPERSIST`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tun {
    /// Ethernet frames (`IFF_TAP`) instead of IP packets (`IFF_TUN`).
    pub tap: bool,
}

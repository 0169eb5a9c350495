//! Neighbours: from an address on the link to a link layer address.

pub mod arp;
pub mod output;

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::netns::notifier::LinkEvent;
use crate::trace::Observer;

/// The state of a neighbour entry, with the bits of `NUD_*`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum NudState {
    /// Nothing is known yet.
    None = 0x00,
    /// Asked for the first time.
    Incomplete = 0x01,
    /// Confirmed of late.
    Reachable = 0x02,
    /// Known, but not confirmed of late.
    Stale = 0x04,
    /// In use while stale; will be probed soon.
    Delay = 0x08,
    /// Being probed.
    Probe = 0x10,
    /// Did not answer.
    Failed = 0x20,
    /// Needs no resolution.
    Noarp = 0x40,
    /// Set by hand, never changes.
    Permanent = 0x80,
}

/// Follows a change of a device.
pub fn link_event<O: Observer>(_: &mut Kernel, _: DevId, _: LinkEvent, _: &mut O) {}

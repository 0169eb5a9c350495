//! Bridges: ports, the forwarding database, flooding.

pub mod forward;
pub mod input;

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::netns::notifier::LinkEvent;
use crate::trace::Observer;

/// A bridge (`struct net_bridge`).
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The bridge's own device.
    pub dev: DevId,
}

/// Follows a change of a device.
pub fn link_event<O: Observer>(_: &mut Kernel, _: DevId, _: LinkEvent, _: &mut O) {}

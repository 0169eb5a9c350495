//! The next hop's link layer address (`ip_finish_output2()`, `neigh_output()`).

use crate::kernel::{Flight, Kernel};
use crate::netns::stack::Decision;
use crate::trace::{DropReason, Observer};

/// Whether the packet can leave now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// The link header is filled in.
    Filled,
    /// The packet waits in the neighbour entry.
    Queued,
}

/// Finds the next hop's entry and fills in the link header, or queues the packet.
pub fn resolve<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<Resolution> {
    Err(DropReason::NotSpecified)
}

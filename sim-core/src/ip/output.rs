//! Sending (`ip_local_out()`, `ip_output()`, `ip_finish_output()`).

use crate::kernel::{Flight, Kernel};
use crate::netns::stack::Decision;
use crate::trace::Observer;

/// In how many pieces a packet leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pieces {
    /// As it is.
    One,
    /// As fragments, which have been spawned.
    Spawned,
}

/// Sets length and checksum (`__ip_local_out()`).
pub fn local_out(_: &mut Kernel, _: &mut Flight) -> Decision<()> {
    Ok(())
}

/// Moves the packet to its device (`ip_output()`, `ip_mc_output()`).
pub fn output<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<()> {
    Ok(())
}

/// Cuts the packet to size (`ip_finish_output()`).
pub fn finish<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<Pieces> {
    Ok(Pieces::One)
}

//! Frames that leave a bridge (`__br_forward()`, `br_dev_queue_push_xmit()`).

use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::netns::stack::Decision;

/// Checks that the frame may go out by the port.
pub fn forward(_: &mut Kernel, _: &mut Flight, _from: Option<DevId>) -> Decision<()> {
    Ok(())
}

/// Puts the link header back in front and hands the frame to the port's device.
pub fn transmit(_: &mut Kernel, _: &mut Flight) -> Decision<()> {
    Ok(())
}

//! Neighbours (`RTM_NEWNEIGH`, `RTM_DELNEIGH`).

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netlink::NetlinkError;
use crate::netlink::request::{Create, NeighSpec};
use crate::trace::Observer;

/// Adds or changes one.
pub fn add<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _: &NeighSpec,
    _: Create,
    _: &mut O,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

/// Removes one.
pub fn del<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _: &NeighSpec,
    _: &mut O,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

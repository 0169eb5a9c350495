//! Addresses (`RTM_NEWADDR`, `RTM_DELADDR`).

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netlink::NetlinkError;
use crate::netlink::request::{AddrSpec, Create};
use crate::trace::Observer;

/// Adds or changes one.
pub fn add<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _: &AddrSpec,
    _: Create,
    _: &mut O,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

/// Removes one.
pub fn del<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _: &AddrSpec,
    _: &mut O,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

//! Devices (`RTM_NEWLINK`, `RTM_DELLINK`).

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netlink::NetlinkError;
use crate::netlink::request::{LinkAdd, LinkChange, LinkRef};
use crate::trace::Observer;

/// Adds or changes one.
pub fn add<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _: &LinkAdd,
    _: &mut O,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

/// Removes one.
pub fn del<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _: &LinkRef,
    _: &mut O,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

/// Changes a device.
pub fn set<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _: LinkRef,
    _: &LinkChange,
    _: &mut O,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

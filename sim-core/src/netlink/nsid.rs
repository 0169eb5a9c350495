//! Numbers by which one namespace knows another (`RTM_NEWNSID`).

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netlink::NetlinkError;

/// Gives `other` a number as seen from `netns`.
pub fn set(
    _: &mut Kernel,
    _netns: NetnsId,
    _other: NetnsId,
    _nsid: Option<u32>,
) -> Result<(), NetlinkError> {
    Err(Errno::EOPNOTSUPP.into())
}

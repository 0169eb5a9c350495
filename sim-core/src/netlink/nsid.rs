//! Numbers by which one namespace knows another (`RTM_NEWNSID`).

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::netlink::NetlinkError;

/// Gives `other` a number as seen from `netns` (`rtnl_net_newid()`).
///
/// # Errors
///
/// `EEXIST` if it has one already, or if the number is another namespace's.
pub fn set(
    k: &mut Kernel,
    netns: NetnsId,
    other: NetnsId,
    nsid: Option<u32>,
) -> Result<(), NetlinkError> {
    let known = &mut k.netns[netns].nsids;
    if known.values().any(|id| *id == other) {
        let text = "Peer netns already has a nsid assigned";
        return Err(NetlinkError::with_message(Errno::EEXIST, text));
    }
    match nsid {
        None => {
            k.nsid(netns, other);
        }
        Some(nsid) if known.contains_key(&nsid) => {
            let text = "The specified nsid is already used";
            return Err(NetlinkError::with_message(Errno::EEXIST, text));
        }
        Some(nsid) => {
            known.insert(nsid, other);
            rtnl::nsid(k, netns, nsid, Change::New);
        }
    }
    Ok(())
}

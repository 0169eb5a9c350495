//! Addresses of groups that an administrator has a device listen to (`SIOCADDMULTI`, `SIOCDELMULTI`;
//! `dev_ifsioc()`).

use crate::errno::Errno;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::filter;
use crate::link::{DevKind, Tun};
use crate::netlink::request::LinkRef;
use crate::netlink::{NetlinkError, link};
use crate::packet::MacAddr;

/// Adds one.
///
/// # Errors
///
/// `ENODEV`; `EINVAL` for devices that do not listen to groups.
pub fn add(
    k: &mut Kernel,
    netns: NetnsId,
    dev: LinkRef,
    addr: MacAddr,
) -> Result<(), NetlinkError> {
    let dev = find(k, netns, dev)?;
    filter::mc_add_by_hand(k, dev, addr);
    Ok(())
}

/// Takes one away.
///
/// # Errors
///
/// As [`add`]; `ENOENT` if the administrator did not add it.
pub fn del(
    k: &mut Kernel,
    netns: NetnsId,
    dev: LinkRef,
    addr: MacAddr,
) -> Result<(), NetlinkError> {
    let dev = find(k, netns, dev)?;
    Ok(filter::mc_del_by_hand(k, dev, addr)?)
}

fn find(k: &Kernel, netns: NetnsId, dev: LinkRef) -> Result<DevId, Errno> {
    let dev = link::find(k, netns, dev).map_err(|error| error.errno)?;
    match k.devs[dev].kind {
        DevKind::Loopback | DevKind::Ipip(_) | DevKind::Tun(Tun { tap: false, .. }) => {
            Err(Errno::EINVAL)
        }
        DevKind::Veth(_)
        | DevKind::Bridge(_)
        | DevKind::Vxlan(_)
        | DevKind::Macvlan(_)
        | DevKind::Dummy
        | DevKind::Tun(_) => Ok(dev),
    }
}

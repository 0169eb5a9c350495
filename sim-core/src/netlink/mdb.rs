//! Groups of bridges, by hand (`RTM_NEWMDB`, `RTM_DELMDB`; `br_mdb_add()`, `br_mdb_del()`).

use crate::bridge::multicast::{self, ByHandError, GroupAddr};
use crate::bridge::{PortState, bridge_of, port_of};
use crate::errno::Errno;
use crate::id::{BridgeId, NetnsId, PortNo};
use crate::kernel::Kernel;
use crate::netlink::request::MdbSpec;
use crate::netlink::{NetlinkError, link};
use crate::route::addr_type::is_local_multicast;

fn refuse(text: &'static str) -> NetlinkError {
    NetlinkError::with_message(Errno::EINVAL, text)
}

/// Adds a port, or the host, to a group.
///
/// # Errors
///
/// The kernel's refusal.
pub fn add(k: &mut Kernel, netns: NetnsId, spec: &MdbSpec) -> Result<(), NetlinkError> {
    let (bridge, port) = read(k, netns, spec)?;
    let is_mac = matches!(spec.group, GroupAddr::Mac(_));
    if port.is_none() && !is_mac && spec.permanent {
        return Err(refuse("bridge: Flags are not allowed for host groups"));
    }
    if is_mac && !spec.permanent {
        return Err(refuse("bridge: Only permanent L2 entries allowed"));
    }
    let state = port.and_then(|no| k.bridges[bridge].ports.get(no)).map(|port| port.state);
    if state == Some(PortState::Disabled) && !spec.permanent {
        return Err(refuse("bridge: Port is in disabled state and entry is not permanent"));
    }
    let added = multicast::add_by_hand(k, bridge, port, spec.group, spec.permanent);
    added.map_err(|error| match (error, port) {
        (ByHandError::Full, _) => Errno::E2BIG.into(),
        (ByHandError::Joined, None) => {
            NetlinkError::with_message(Errno::EEXIST, "bridge: Group is already joined by host")
        }
        (ByHandError::Joined, Some(_)) => {
            let text = if is_mac {
                "bridge: (S, G) group is already joined by port"
            } else {
                "bridge: (*, G) group is already joined by port"
            };
            NetlinkError::with_message(Errno::EEXIST, text)
        }
    })
}

/// Takes a port, or the host, out of a group.
///
/// # Errors
///
/// The kernel's refusal.
pub fn del(k: &mut Kernel, netns: NetnsId, spec: &MdbSpec) -> Result<(), NetlinkError> {
    let (bridge, port) = read(k, netns, spec)?;
    if multicast::del_by_hand(k, bridge, port, spec.group) {
        Ok(())
    } else {
        Err(Errno::EINVAL.into())
    }
}

/// The bridge and the port of a request (`rtnl_mdb_add()`, `br_mdb_config_init()`).
fn read(
    k: &Kernel,
    netns: NetnsId,
    spec: &MdbSpec,
) -> Result<(BridgeId, Option<PortNo>), NetlinkError> {
    let dev = link::find(k, netns, spec.dev)?;
    match spec.group {
        GroupAddr::V4(group) if is_local_multicast(group) => {
            return Err(refuse("IPv4 entry group address is local multicast"));
        }
        GroupAddr::V4(group) if !group.is_multicast() && !group.is_unspecified() => {
            return Err(refuse("IPv4 entry group address is not multicast or 0.0.0.0"));
        }
        GroupAddr::Mac(group) if !group.is_multicast() => {
            return Err(refuse("L2 entry group is not multicast"));
        }
        GroupAddr::V4(_) | GroupAddr::Mac(_) => {}
    }
    let unsupported = "Device does not support MDB operations";
    let bridge = bridge_of(k, dev)
        .ok_or_else(|| NetlinkError::with_message(Errno::EOPNOTSUPP, unsupported))?;
    if !k.devs[dev].is_up() {
        return Err(refuse("bridge: Bridge device is not running"));
    }
    if !k.bridges[bridge].options.mcast_snooping {
        return Err(refuse("bridge: Bridge's multicast processing is disabled"));
    }
    let port = link::find(k, netns, spec.port)?;
    let no = match port_of(k, port) {
        _ if port == dev => None,
        Some((other, no)) if other == bridge => Some(no),
        Some(_) => return Err(refuse("bridge: Port belongs to a different bridge device")),
        None => return Err(refuse("bridge: Net device is not a bridge port")),
    };
    if matches!(spec.group, GroupAddr::V4(group) if group.is_unspecified()) {
        return Err(refuse("bridge: IPv4 entry group address 0.0.0.0 is not allowed"));
    }
    Ok((bridge, no))
}

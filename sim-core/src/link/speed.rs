//! How fast a device claims to be (`get_link_ksettings` of the drivers), which is all that ethtool's settings
//! are used for here.

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::{DevKind, macvlan};

/// How many devices may stand on each other.
const MAX_NEST: u8 = 8;

/// The speed of a device in Mbit/s; `None` if it claims none. A device on another one is as fast as that, and
/// a bridge as its fastest port.
#[must_use]
pub fn mbits(k: &Kernel, dev: DevId) -> Option<u32> {
    nested(k, dev, MAX_NEST)
}

fn nested(k: &Kernel, dev: DevId, room: u8) -> Option<u32> {
    let room = room.checked_sub(1)?;
    match &k.devs[dev].kind {
        DevKind::Veth(_) | DevKind::Tun(_) => Some(10_000),
        DevKind::Macvlan(_) => nested(k, macvlan::real_lower(k, dev), room),
        DevKind::Vxlan(vxlan) => {
            let lower = k.dev_by_index(vxlan.underlay, vxlan.config.link)?;
            nested(k, lower, room)
        }
        DevKind::Bridge(bridge) => {
            let ports = k.bridges[*bridge].ports.iter().map(|port| port.dev);
            ports.filter(|port| k.devs[*port].is_running()).filter_map(|p| nested(k, p, room)).max()
        }
        DevKind::Loopback | DevKind::Ipip(_) | DevKind::Dummy => None,
    }
}

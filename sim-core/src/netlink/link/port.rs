//! Options of bridge ports (`br_setport()`).

use crate::bridge::multicast::RouterMode;
use crate::bridge::{PortState, multicast, port_of, state};
use crate::errno::Errno;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::netlink::NetlinkError;
use crate::netlink::link::assign;
use crate::netlink::request::PortChange;

/// The largest priority (`BR_MAX_PORT_PRIORITY`).
const MAX_PRIORITY: u16 = 63;
/// The largest cost (`BR_MAX_PATH_COST`).
const MAX_COST: u32 = 65535;
/// The group of pause frames, which no port forwards (`BR_GROUPFWD_MACPAUSE`).
const GROUPFWD_MACPAUSE: u16 = 0x0002;

/// Refuses values out of range, what is not modelled, and devices that are no ports.
pub(super) fn check(k: &Kernel, dev: DevId, change: &PortChange) -> Result<(), NetlinkError> {
    port_of(k, dev).ok_or(Errno::EOPNOTSUPP)?;
    if change.cost.is_some_and(|cost| !(1..=MAX_COST).contains(&cost))
        || change.priority.is_some_and(|priority| priority > MAX_PRIORITY)
    {
        return Err(Errno::ERANGE.into());
    }
    if let Some(number) = change.state {
        let wanted = PortState::from_number(number).ok_or(Errno::EINVAL)?;
        let device = &k.devs[dev];
        if !device.is_up() || (!device.is_running() && wanted != PortState::Disabled) {
            return Err(Errno::ENETDOWN.into());
        }
    }
    if change.mcast_router.is_some_and(|mode| RouterMode::from_number(mode).is_none()) {
        return Err(Errno::EINVAL.into());
    }
    if change.group_fwd_mask.is_some_and(|mask| mask & GROUPFWD_MACPAUSE != 0) {
        return Err(Errno::EINVAL.into());
    }
    Ok(())
}

/// Changes a port.
pub(super) fn set(k: &mut Kernel, dev: DevId, change: &PortChange) {
    let Some((bridge, no)) = port_of(k, dev) else { return };
    let Some(port) = k.bridges[bridge].ports.get_mut(no) else { return };
    let flags = &mut port.flags;
    assign(&mut flags.hairpin, change.hairpin);
    assign(&mut flags.guard, change.guard);
    assign(&mut flags.root_block, change.root_block);
    assign(&mut flags.fastleave, change.fastleave);
    assign(&mut flags.learning, change.learning);
    assign(&mut flags.flood, change.flood);
    assign(&mut flags.mcast_flood, change.mcast_flood);
    assign(&mut flags.bcast_flood, change.bcast_flood);
    assign(&mut flags.isolated, change.isolated);
    assign(&mut flags.locked, change.locked);
    assign(&mut flags.proxy_arp, change.proxy_arp);
    assign(&mut flags.neigh_suppress, change.neigh_suppress);
    assign(&mut port.priority, change.priority);
    assign(&mut port.cost, change.cost);
    assign(&mut port.group_fwd_mask, change.group_fwd_mask);
    if let Some(mode) = change.mcast_router.and_then(RouterMode::from_number) {
        multicast::set_port_router(k, bridge, no, mode);
    }
    let br = &mut k.bridges[bridge];
    br.suppresses = br.ports.iter().any(|p| p.flags.neigh_suppress || p.flags.proxy_arp);
    let Some(port) = br.ports.get_mut(no) else { return };
    if let Some(wanted) = change.state.and_then(PortState::from_number) {
        port.state = wanted;
        state::select_states(k, bridge);
    }
    rtnl::port(k, dev, Change::New);
}

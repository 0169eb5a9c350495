//! Port states and the bridge's address (`net/bridge/br_stp.c`, `br_stp_if.c`), with STP off.

use std::time::Duration;

use crate::bridge::{PortState, fdb, multicast};
use crate::id::{BridgeId, PortNo};
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::link::carrier;
use crate::netns::notifier::{LinkEvent, link_event};
use crate::packet::MacAddr;
use crate::trace::Observer;

/// Brings a port into service (`br_stp_enable_port()`).
pub(super) fn enable_port(k: &mut Kernel, bridge: BridgeId, port: PortNo) {
    if let Some(port) = k.bridges[bridge].ports.get_mut(port) {
        port.state = PortState::Blocking;
    }
    select_states(k, bridge);
    // Once for its state, and once for itself.
    tell(k, bridge, port);
    tell(k, bridge, port);
}

/// Announces a port (`br_ifinfo_notify()`).
fn tell(k: &mut Kernel, bridge: BridgeId, port: PortNo) {
    if let Some(dev) = k.bridges[bridge].ports.get(port).map(|port| port.dev) {
        rtnl::port(k, dev, Change::New);
    }
}

/// Takes a port out of service and forgets who was behind it (`br_stp_disable_port()`).
pub(super) fn disable_port(k: &mut Kernel, bridge: BridgeId, port: PortNo) {
    if let Some(port) = k.bridges[bridge].ports.get_mut(port) {
        port.state = PortState::Disabled;
        port.forward_delay_end = None;
    }
    tell(k, bridge, port);
    fdb::delete_by_port(k, bridge, Some(port), false);
    multicast::disable_port(k, bridge, port);
    select_states(k, bridge);
}

/// Lets ports forward that only waited for it; the bridge has carrier while one port forwards
/// (`br_port_state_selection()`).
pub fn select_states(k: &mut Kernel, bridge: BridgeId) {
    let now = k.now;
    let br = &k.bridges[bridge];
    let delay = Duration::from_millis(u64::from(br.options.forward_delay) * 10);
    let delay = (!delay.is_zero()).then_some(delay);
    let numbers: Vec<PortNo> = br.ports.iter().map(|p| p.no).collect();
    let mut live = false;
    for no in numbers {
        let Some(port) = k.bridges[bridge].ports.get_mut(no) else { continue };
        if port.state == PortState::Blocking {
            port.state = PortState::Forwarding;
            port.forward_delay_end = delay.map(|delay| now + delay);
        }
        live |= port.state == PortState::Forwarding;
        if !matches!(port.state, PortState::Disabled | PortState::Blocking) {
            multicast::enable_port(k, bridge, no);
        }
    }
    let dev = k.bridges[bridge].dev;
    carrier::set(k, dev, live);
}

/// Gives the bridge the lowest address of its ports, unless one was set by hand
/// (`br_stp_recalculate_bridge_id()`).
pub(super) fn recalculate_addr<O: Observer>(k: &mut Kernel, bridge: BridgeId, o: &mut O) {
    let br = &k.bridges[bridge];
    if k.devs[br.dev].addr_set {
        return;
    }
    let lowest = br.ports.iter().map(|p| k.devs[p.dev].addr).min().unwrap_or(MacAddr::ZERO);
    if br.id_addr == lowest {
        return;
    }
    let dev = br.dev;
    change_addr(k, bridge, lowest);
    link_event(k, dev, LinkEvent::AddressChanged, o);
}

/// Makes `addr` the bridge's address (`br_stp_change_bridge_id()`).
pub(super) fn change_addr(k: &mut Kernel, bridge: BridgeId, addr: MacAddr) {
    fdb::bridge_changed(k, bridge, addr);
    let br = &mut k.bridges[bridge];
    br.id_addr = addr;
    let dev = br.dev;
    k.devs[dev].addr = addr;
    select_states(k, bridge);
}

/// Gives the bridge an address that stays, whatever ports it has (`br_set_mac_address()`).
pub fn set_by_hand(k: &mut Kernel, bridge: BridgeId, addr: MacAddr) {
    if k.devs[k.bridges[bridge].dev].addr != addr {
        change_addr(k, bridge, addr);
    }
}

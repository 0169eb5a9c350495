//! What can be set on bridges and ports (`net/bridge/br_netlink.c`).

use crate::bridge::{PortState, port_of, state};
use crate::id::{BridgeId, DevId};
use crate::kernel::Kernel;
use crate::netlink::request::{BridgeChange, PortChange};

/// Sets a field if a value is given.
fn assign<T: Copy>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Changes a bridge (`br_changelink()`).
pub fn set(k: &mut Kernel, bridge: BridgeId, change: &BridgeChange) {
    let options = &mut k.bridges[bridge].options;
    assign(&mut options.forward_delay, change.forward_delay);
    assign(&mut options.hello_time, change.hello_time);
    assign(&mut options.max_age, change.max_age);
    assign(&mut options.ageing_time, change.ageing_time);
    assign(&mut options.priority, change.priority);
    assign(&mut options.group_fwd_mask, change.group_fwd_mask);
    assign(&mut options.mcast_snooping, change.mcast_snooping);
    assign(&mut options.nf_call_iptables, change.nf_call_iptables);
    assign(&mut options.nf_call_ip6tables, change.nf_call_ip6tables);
    assign(&mut options.nf_call_arptables, change.nf_call_arptables);
}

/// Changes a port (`br_setport()`).
pub fn set_port(k: &mut Kernel, dev: DevId, change: &PortChange) {
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
    assign(&mut port.priority, change.priority);
    assign(&mut port.cost, change.cost);
    assign(&mut port.group_fwd_mask, change.group_fwd_mask);
    if let Some(wanted) = change.state.and_then(PortState::from_number) {
        port.state = wanted;
        state::select_states(k, bridge);
    }
}

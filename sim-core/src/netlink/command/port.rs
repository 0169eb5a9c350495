//! `type bridge_slave`: options of a bridge's port.

use super::Line;
use crate::netlink::request::PortChange;

pub(super) fn options(line: Line, change: &PortChange) -> Line {
    line.given("state", change.state)
        .given("priority", change.priority)
        .given("cost", change.cost)
        .switch("hairpin", change.hairpin)
        .switch("guard", change.guard)
        .switch("root_block", change.root_block)
        .switch("fastleave", change.fastleave)
        .switch("learning", change.learning)
        .switch("flood", change.flood)
        .switch("mcast_flood", change.mcast_flood)
        .given("mcast_router", change.mcast_router)
        .switch("bcast_flood", change.bcast_flood)
        .switch("proxy_arp", change.proxy_arp)
        .switch("neigh_suppress", change.neigh_suppress)
        .switch("isolated", change.isolated)
        .given("group_fwd_mask", change.group_fwd_mask)
        .switch("locked", change.locked)
}

//! `type KIND`: what stands behind it for each kind of device.

use std::net::IpAddr;

use super::{Line, NoCommand};
use crate::netlink::request::{BridgeChange, MacvlanMode, TunnelChange, TunnelProto, VxlanChange};

pub(super) fn bridge(line: Line, change: &BridgeChange) -> Line {
    let truth = |on: Option<bool>| on.map(u8::from);
    line.given("forward_delay", change.forward_delay)
        .given("hello_time", change.hello_time)
        .given("max_age", change.max_age)
        .given("ageing_time", change.ageing_time)
        .given("stp_state", change.stp_state)
        .given("priority", change.priority)
        .given("vlan_filtering", truth(change.vlan_filtering))
        .given("group_fwd_mask", change.group_fwd_mask)
        .given("mcast_snooping", truth(change.mcast_snooping))
        .given("mcast_router", change.mcast.router)
        .given("mcast_query_use_ifaddr", truth(change.mcast.query_use_ifaddr))
        .given("mcast_querier", truth(change.mcast.querier))
        .given("mcast_hash_max", change.mcast.hash_max)
        .given("mcast_last_member_count", change.mcast.last_member_count)
        .given("mcast_startup_query_count", change.mcast.startup_query_count)
        .given("mcast_last_member_interval", change.mcast.last_member_interval)
        .given("mcast_membership_interval", change.mcast.membership_interval)
        .given("mcast_querier_interval", change.mcast.querier_interval)
        .given("mcast_query_interval", change.mcast.query_interval)
        .given("mcast_query_response_interval", change.mcast.query_response_interval)
        .given("mcast_startup_query_interval", change.mcast.startup_query_interval)
        .given("mcast_stats_enabled", truth(change.mcast.stats_enabled))
        .given("mcast_igmp_version", change.mcast.igmp_version)
        .given("mcast_mld_version", change.mcast.mld_version)
        .given("nf_call_iptables", truth(change.nf_call_iptables))
        .given("nf_call_ip6tables", truth(change.nf_call_ip6tables))
        .given("nf_call_arptables", truth(change.nf_call_arptables))
}

/// Options of a VXLAN tunnel; of a new one if `new`, which says so where the kernel's default port is
/// meant.
pub(super) fn vxlan(line: Line, change: &VxlanChange, new: bool) -> Result<Line, NoCommand> {
    if new && *change == VxlanChange::default() {
        return Ok(line);
    }
    if new && change.vni.is_none() {
        return Err(NoCommand("a VXLAN tunnel without a network identifier"));
    }
    if change.vni.is_some_and(|vni| vni >= 1 << 24) {
        return Err(NoCommand("a network identifier of more than 24 bits"));
    }
    if change.dst_port == Some(0) || change.src_ports == Some((0, 0)) {
        return Err(NoCommand("port 0 of a VXLAN tunnel"));
    }
    if change.local.is_some_and(|local| local.is_multicast()) {
        return Err(NoCommand("a group as the source of a VXLAN tunnel"));
    }
    let df = match change.df {
        None => None,
        Some(0) => Some("unset"),
        Some(1) => Some("set"),
        Some(2) => Some("inherit"),
        Some(_) => return Err(NoCommand("a way to treat DF that has no name")),
    };
    let remote = change.remote.map(|remote| (group_word(remote), remote));
    if matches!(remote, Some(("group", _))) && change.dev.is_none() {
        return Err(NoCommand("a VXLAN group on no device"));
    }
    let mut line = line.given("id", change.vni);
    if let Some((key, remote)) = remote {
        line = line.pair(key, remote);
    }
    line = line
        .given("local", change.local)
        .given("dev", change.dev)
        .given("ttl", change.ttl)
        .given("tos", change.tos.map(tos))
        .given("df", df)
        .given("ageing", change.ageing_s)
        .given("maxaddress", change.limit);
    if let Some((low, high)) = change.src_ports {
        line = line.pair("srcport", low).text(high);
    }
    let port = change.dst_port.or_else(|| new.then_some(0));
    let either = |line: Line, on: Option<bool>, yes: &str, no: &str| match on {
        None => line,
        Some(on) => line.text(if on { yes } else { no }),
    };
    line = line.given("dstport", port);
    line = either(line, change.learning, "learning", "nolearning");
    line = either(line, change.proxy, "proxy", "noproxy");
    line = either(line, change.rsc, "rsc", "norsc");
    line = either(line, change.l2miss, "l2miss", "nol2miss");
    line = either(line, change.l3miss, "l3miss", "nol3miss");
    Ok(either(line, change.udp_csum, "udpcsum", "noudpcsum"))
}

fn group_word(remote: IpAddr) -> &'static str {
    if remote.is_multicast() { "group" } else { "remote" }
}

/// An outer type of service.
pub(super) fn tos(tos: u8) -> String {
    if tos == 1 { "inherit".to_owned() } else { format!("{tos:#04x}") }
}

pub(super) fn ipip(line: Line, change: &TunnelChange) -> Result<Line, NoCommand> {
    if change.ttl.is_some_and(|ttl| ttl != 0) && change.pmtudisc == Some(false) {
        return Err(NoCommand("a tunnel with a TTL of its own and without path MTU discovery"));
    }
    let mode = match change.proto {
        Some(TunnelProto::Any) => Some("any"),
        Some(TunnelProto::Ipip) => Some("ipip"),
        None if *change == TunnelChange::default() => None,
        None => return Err(NoCommand("a tunnel that does not say what it carries")),
    };
    let line = line
        .given("mode", mode)
        .given("remote", change.remote)
        .given("local", change.local)
        .given("dev", change.dev)
        .given("ttl", change.ttl)
        .given("tos", change.tos.map(tos));
    Ok(match change.pmtudisc {
        None => line,
        Some(true) => line.text("pmtudisc"),
        Some(false) => line.text("nopmtudisc"),
    })
}

pub(super) fn macvlan(line: Line, mode: MacvlanMode) -> Line {
    line.pair(
        "mode",
        match mode {
            MacvlanMode::Bridge => "bridge",
            MacvlanMode::Private => "private",
            MacvlanMode::Vepa => "vepa",
            MacvlanMode::Passthru => "passthru",
            MacvlanMode::Source => "source",
        },
    )
}

//! What `-details` says about a device's kind (`print_linktype()`).

use std::time::Duration;

use crate::bridge::PortState;
use crate::bridge::multicast::McastOptions;
use crate::id::IfIndex;
use crate::link::ipip::TunnelProto;
use crate::link::vxlan::{VxlanConfig, VxlanDf};
use crate::link::{Ipip, Tun};
use crate::netlink::message::LinkMsg;
use crate::netlink::message::link::{BridgeMsg, KindMsg, PortMsg};
use crate::netlink::request::MacvlanMode;
use crate::packet::MacAddr;
use crate::time::HZ;
use crate::tools::ip::link::print::Links;
use crate::tools::json::Scalar;
use crate::tools::printer::Printer;

/// Prints the kind, its options, and those of a port, on a line each.
pub(crate) fn print(p: &mut Printer, msg: &LinkMsg, links: &dyn Links) {
    p.open_object(Some("linkinfo"));
    let kind = name(&msg.kind);
    p.new_line();
    p.any("info_kind", kind, format_args!("    {kind} "));
    match &msg.kind {
        KindMsg::None | KindMsg::Veth | KindMsg::Dummy => {}
        KindMsg::Vxlan(config) => data(p, "info_data", |p| vxlan_options(p, config, links)),
        KindMsg::Ipip(ipip) => data(p, "info_data", |p| ipip_options(p, ipip, links)),
        KindMsg::Macvlan(mode) => data(p, "info_data", |p| macvlan_options(p, *mode)),
        KindMsg::Tun(tun) => data(p, "info_data", |p| tun_options(p, *tun)),
        KindMsg::Bridge(bridge) => data(p, "info_data", |p| bridge_options(p, bridge)),
    }
    if let Some(port) = &msg.port {
        p.new_line();
        p.any("info_slave_kind", "bridge", format_args!("    bridge_slave "));
        data(p, "info_slave_data", |p| port_options(p, port));
    }
    p.close_object();
}

/// The name of a kind.
pub(crate) fn name(kind: &KindMsg) -> &'static str {
    match kind {
        KindMsg::None => "",
        KindMsg::Veth => "veth",
        KindMsg::Bridge(_) => "bridge",
        KindMsg::Vxlan(_) => "vxlan",
        KindMsg::Ipip(_) => "ipip",
        KindMsg::Macvlan(_) => "macvlan",
        KindMsg::Dummy => "dummy",
        KindMsg::Tun(_) => "tun",
    }
}

fn data(p: &mut Printer, key: &str, print: impl FnOnce(&mut Printer)) {
    p.open_object(Some(key));
    print(p);
    p.close_object();
}

/// A bridge's id: priority and address, without leading zeros in the address's bytes.
fn bridge_id(priority: u16, addr: MacAddr) -> String {
    let [a, b, c, d, e, f] = addr.octets();
    format!("{priority:04x}.{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}")
}

fn number(p: &mut Printer, key: &str, name: &str, value: u32) {
    p.any(key, value, format_args!("{name} {value} "));
}

fn numbers(p: &mut Printer, table: &[(&str, u32)]) {
    for (name, value) in table {
        number(p, name, name, *value);
    }
}

/// A timer: seconds and hundredths.
fn timer(p: &mut Printer, name: &str, left: Duration) {
    let (s, hundredths) = (left.as_secs(), left.subsec_millis() / 10);
    let value = Scalar::Raw(format!("{s}.{hundredths:02}"));
    p.any(name, value, format_args!("{name} {s:4}.{hundredths:02} "));
}

/// A bit mask, in JSON as text.
fn mask(p: &mut Printer, name: &str, value: u16) {
    let text = if value == 0 { "0".to_owned() } else { format!("{value:#x}") };
    p.any(name, text.as_str(), format_args!("{name} {text} "));
}

fn bridge_options(p: &mut Printer, msg: &BridgeMsg) {
    let o = &msg.options;
    let id = bridge_id(o.priority, msg.id_addr);
    numbers(
        p,
        &[
            ("forward_delay", o.forward_delay),
            ("hello_time", o.hello_time),
            ("max_age", o.max_age),
            ("ageing_time", o.ageing_time),
            ("stp_state", 0),
            ("priority", o.priority.into()),
            ("vlan_filtering", 0),
        ],
    );
    p.any("bridge_id", id.as_str(), format_args!("bridge_id {id} "));
    p.any("root_id", id.as_str(), format_args!("designated_root {id} "));
    numbers(
        p,
        &[
            ("root_port", 0),
            ("root_path_cost", 0),
            ("topology_change", 0),
            ("topology_change_detected", 0),
        ],
    );
    for name in ["hello_timer", "tcn_timer", "topology_change_timer", "gc_timer"] {
        timer(p, name, Duration::ZERO);
    }
    mask(p, "group_fwd_mask", o.group_fwd_mask);
    let group = MacAddr::BRIDGE_GROUP.to_string();
    p.any("group_addr", group.as_str(), format_args!("group_address {group} "));
    multicast_options(p, o.mcast_snooping, &msg.mcast);
    numbers(
        p,
        &[
            ("nf_call_iptables", o.nf_call_iptables.into()),
            ("nf_call_ip6tables", o.nf_call_ip6tables.into()),
            ("nf_call_arptables", o.nf_call_arptables.into()),
        ],
    );
}

/// The options of group memberships; times are printed in hundredths of a second.
fn multicast_options(p: &mut Printer, snooping: bool, o: &McastOptions) {
    let time = |jiffies: u64| jiffies * 100 / HZ;
    for (key, name, value) in [
        ("mcast_snooping", "mcast_snooping", u64::from(snooping)),
        ("no_linklocal_learn", "no_linklocal_learn", 0),
        ("mcast_vlan_snooping", "mcast_vlan_snooping", 0),
        ("mcast_router", "mcast_router", o.router as u64),
        ("mcast_query_use_ifaddr", "mcast_query_use_ifaddr", o.query_use_ifaddr.into()),
        ("mcast_querier", "mcast_querier", o.querier.into()),
        ("mcast_hash_elasticity", "mcast_hash_elasticity", 16),
        ("mcast_hash_max", "mcast_hash_max", o.hash_max.into()),
        ("mcast_last_member_cnt", "mcast_last_member_count", o.last_member_count.into()),
        ("mcast_startup_query_cnt", "mcast_startup_query_count", o.startup_query_count.into()),
        ("mcast_last_member_intvl", "mcast_last_member_interval", time(o.last_member_interval)),
        ("mcast_membership_intvl", "mcast_membership_interval", time(o.membership_interval)),
        ("mcast_querier_intvl", "mcast_querier_interval", time(o.querier_interval)),
        ("mcast_query_intvl", "mcast_query_interval", time(o.query_interval)),
        (
            "mcast_query_response_intvl",
            "mcast_query_response_interval",
            time(o.query_response_interval),
        ),
        (
            "mcast_startup_query_intvl",
            "mcast_startup_query_interval",
            time(o.startup_query_interval),
        ),
        ("mcast_stats_enabled", "mcast_stats_enabled", 0),
        ("mcast_igmp_version", "mcast_igmp_version", 2),
        ("mcast_mld_version", "mcast_mld_version", 1),
    ] {
        p.any(key, value, format_args!("{name} {value} "));
    }
}

fn macvlan_options(p: &mut Printer, mode: MacvlanMode) {
    let mode = match mode {
        MacvlanMode::Bridge => "bridge",
        MacvlanMode::Private => "private",
        MacvlanMode::Vepa => "vepa",
        MacvlanMode::Passthru => "passthru",
        MacvlanMode::Source => "source",
    };
    p.any("mode", mode, format_args!("mode {mode} "));
    numbers(p, &[("bcqueuelen", 1000), ("usedbcqueuelen", 1000)]);
}

fn tun_options(p: &mut Printer, tun: Tun) {
    let kind = if tun.tap { "tap" } else { "tun" };
    p.any("type", kind, format_args!("type {kind} "));
    on_off(p, "pi", false);
    on_off(p, "vnet_hdr", false);
    p.json("multi_queue", false);
    on_off(p, "persist", true);
}

fn ipip_options(p: &mut Printer, ipip: &Ipip, links: &dyn Links) {
    let proto = match ipip.proto {
        TunnelProto::Any => "any",
        TunnelProto::Ipip => "ipip",
    };
    p.any("proto", proto, format_args!("{proto} "));
    for (name, addr) in [("remote", ipip.remote), ("local", ipip.local)] {
        let addr = if addr.is_unspecified() { "any".to_owned() } else { addr.to_string() };
        p.any(name, addr.as_str(), format_args!("{name} {addr} "));
    }
    lower(p, ipip.link, links);
    match ipip.ttl {
        0 if !p.is_json() => p.text("ttl inherit "),
        ttl => number(p, "ttl", "ttl", ttl.into()),
    }
    tos(p, ipip.tos);
    let no = if ipip.pmtudisc { "" } else { "no" };
    p.any("pmtudisc", ipip.pmtudisc, format_args!("{no}pmtudisc "));
}

/// The device that carries the outer packets, if there is a certain one.
fn lower(p: &mut Printer, link: IfIndex, links: &dyn Links) {
    if link.0 != 0 {
        let name = links.link_name(link);
        p.any("link", name.as_str(), format_args!("dev {name} "));
    }
}

/// An outer type of service, if it is not 0.
fn tos(p: &mut Printer, tos: u8) {
    match tos {
        0 => {}
        1 if !p.is_json() => p.text("tos inherit "),
        tos => p.any("tos", format!("{tos:#x}"), format_args!("tos {tos:#x} ")),
    }
}

fn vxlan_options(p: &mut Printer, config: &VxlanConfig, links: &dyn Links) {
    number(p, "id", "id", config.vni);
    if !config.remote.is_unspecified() {
        let name = if config.remote.is_multicast() { "group" } else { "remote" };
        let addr = config.remote.to_string();
        p.any(name, addr.as_str(), format_args!("{name} {addr} "));
    }
    if !config.local.is_unspecified() {
        let addr = config.local.to_string();
        p.any("local", addr.as_str(), format_args!("local {addr} "));
    }
    lower(p, config.link, links);
    let (low, high) = config.src_ports;
    p.open_object(Some("port_range"));
    p.json("low", low);
    p.json("high", high);
    p.close_object();
    p.fmt(format_args!("srcport {low} {high} "));
    number(p, "port", "dstport", config.dst_port.into());
    p.json("learning", config.learning);
    p.text(if config.learning { "" } else { "nolearning " });
    for (name, on) in [
        ("proxy", config.proxy),
        ("rsc", config.rsc),
        ("l2miss", config.l2miss),
        ("l3miss", config.l3miss),
    ] {
        if on {
            p.any(name, true, format_args!("{name} "));
        }
    }
    tos(p, config.tos);
    match config.ttl {
        0 if !p.is_json() => p.text("ttl auto "),
        ttl => number(p, "ttl", "ttl", ttl.into()),
    }
    vxlan_rest(p, config);
}

fn vxlan_rest(p: &mut Printer, config: &VxlanConfig) {
    match config.df {
        VxlanDf::Unset => p.json("df", "unset"),
        VxlanDf::Set => p.any("df", "set", format_args!("df set ")),
        VxlanDf::Inherit => p.any("df", "inherit", format_args!("df inherit ")),
    }
    match config.ageing_s {
        0 => p.any("ageing", 0, format_args!("ageing none ")),
        s => number(p, "ageing", "ageing", s),
    }
    if config.limit != 0 {
        number(p, "limit", "maxaddr", config.limit);
    }
    for (key, name, on) in [
        ("udp_csum", "udpcsum", config.udp_csum),
        ("udp_zero_csum6_tx", "udp6zerocsumtx", false),
        ("udp_zero_csum6_rx", "udp6zerocsumrx", false),
    ] {
        p.any(key, on, format_args!("{}{name} ", if on { "" } else { "no" }));
    }
}

/// A switch.
pub(crate) fn on_off(p: &mut Printer, name: &str, on: bool) {
    p.any(name, on, format_args!("{name} {} ", if on { "on" } else { "off" }));
}

/// The name of a port's state.
pub(crate) fn port_state(state: PortState) -> &'static str {
    match state {
        PortState::Disabled => "disabled",
        PortState::Listening => "listening",
        PortState::Learning => "learning",
        PortState::Forwarding => "forwarding",
        PortState::Blocking => "blocking",
    }
}

fn port_options(p: &mut Printer, msg: &PortMsg) {
    let f = &msg.flags;
    let state = port_state(msg.state);
    p.any("state", state, format_args!("state {state} "));
    number(p, "priority", "priority", msg.priority.into());
    number(p, "cost", "cost", msg.cost);
    for (name, on) in [
        ("hairpin", f.hairpin),
        ("guard", f.guard),
        ("root_block", f.root_block),
        ("fastleave", f.fastleave),
        ("learning", f.learning),
        ("flood", f.flood),
    ] {
        on_off(p, name, on);
    }
    let id = (msg.priority << 10) | msg.no.0;
    p.any("id", format!("{id:#x}"), format_args!("port_id {id:#x} "));
    p.any("no", format!("{:#x}", msg.no.0), format_args!("port_no {:#x} ", msg.no.0));
    number(p, "designated_port", "designated_port", id.into());
    number(p, "designated_cost", "designated_cost", 0);
    let bridge = bridge_id(msg.bridge.0, msg.bridge.1);
    p.any("bridge_id", bridge.as_str(), format_args!("designated_bridge {bridge} "));
    p.any("root_id", bridge.as_str(), format_args!("designated_root {bridge} "));
    for name in ["hold_timer", "message_age_timer", "forward_delay_timer"] {
        timer(p, name, Duration::ZERO);
    }
    numbers(p, &[("topology_change_ack", 0), ("config_pending", 0)]);
    on_off(p, "proxy_arp", false);
    on_off(p, "proxy_arp_wifi", false);
    number(p, "multicast_router", "mcast_router", msg.mcast_router.into());
    p.fmt(format_args!("mcast_fast_leave {} ", if f.fastleave { "on" } else { "off" }));
    on_off(p, "mcast_flood", f.mcast_flood);
    on_off(p, "bcast_flood", f.bcast_flood);
    on_off(p, "mcast_to_unicast", false);
    on_off(p, "neigh_suppress", false);
    group_fwd_mask(p, msg.group_fwd_mask);
    on_off(p, "vlan_tunnel", false);
    on_off(p, "isolated", f.isolated);
    on_off(p, "locked", f.locked);
}

/// The link-local groups that a port forwards, as bits and by name.
fn group_fwd_mask(p: &mut Printer, value: u16) {
    mask(p, "group_fwd_mask", value);
    let group = |bit: u32| match bit {
        0 => "stp".to_owned(),
        2 => "lacp".to_owned(),
        14 => "lldp".to_owned(),
        _ => format!("{:#x}", 1_u32 << bit),
    };
    let names: Vec<String> = (0..16).filter(|bit| value >> bit & 1 != 0).map(group).collect();
    let text = if names.is_empty() { "0x0".to_owned() } else { names.join(",") };
    p.any("group_fwd_mask_str", text.as_str(), format_args!("group_fwd_mask_str {text} "));
}

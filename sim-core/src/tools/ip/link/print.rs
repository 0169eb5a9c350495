//! How a device is printed (`print_linkinfo()`).

use crate::kernel::rtnl::{LinkNews, ToldAs};
use crate::link::filter::IPV6_MIN_MTU;
use crate::link::{DevFlags, OperState};
use crate::netlink::message::LinkMsg;
use crate::netlink::message::link::KindMsg;
use crate::tools::ip::link::attributes::ADDR_GEN_MODES;
use crate::tools::ip::link::{kind_print, stats_print};
use crate::tools::ip::options::Options;
use crate::tools::json::Scalar;
use crate::tools::names;
use crate::tools::printer::{Paint, Printer};

/// The names of what a device's messages refer to.
pub(crate) trait Links {
    /// The name of the device with this number here.
    fn link_name(&self, index: crate::id::IfIndex) -> String;

    /// Whether the device with this number here is switched on.
    fn is_up(&self, index: crate::id::IfIndex) -> bool;

    /// The name of the namespace that has this number here.
    fn netns_name(&self, nsid: u32) -> Option<String>;
}

/// Whether devices are listed by `ip link` or as the frame around addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum View {
    /// `ip link`.
    Link,
    /// `ip address`.
    Address,
    /// `ip monitor`.
    Monitor,
}

/// The flags by name in the order in which they are printed.
const FLAGS: &[(u32, &str)] = &[
    (0x8, "LOOPBACK"),
    (0x2, "BROADCAST"),
    (0x10, "POINTOPOINT"),
    (0x1000, "MULTICAST"),
    (0x80, "NOARP"),
    (0x200, "ALLMULTI"),
    (0x100, "PROMISC"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x4, "DEBUG"),
    (0x8000, "DYNAMIC"),
    (0x4000, "AUTOMEDIA"),
    (0x2000, "PORTSEL"),
    (0x20, "NOTRAILERS"),
    (0x1, "UP"),
    (0x1_0000, "LOWER_UP"),
    (0x2_0000, "DORMANT"),
    (0x4_0000, "ECHO"),
];

/// Prints a device on one line (`-brief`).
pub(crate) fn brief(p: &mut Printer, msg: &LinkMsg, links: &dyn Links, view: View) {
    let peer_down = name(p, msg, links, |name| format!("{name:<16} "));
    let state = state_name(msg.oper);
    p.painted(state_paint(msg.oper), "operstate", state, format_args!("{state:<14} "));
    if view == View::Link {
        if let Some((address, _)) = msg.addresses {
            let address = address.to_string();
            p.painted(Paint::Mac, "address", address.as_str(), format_args!("{address} "));
        }
        flags(p, msg.flags, peer_down);
        p.text("\n");
    }
}

/// Prints what is announced of a device.
pub(crate) fn news(p: &mut Printer, news: &LinkNews, links: &dyn Links, options: &Options) {
    let msg = &news.msg;
    first_line(p, msg, links, View::Monitor, options);
    if news.told == ToldAs::Changed {
        p.text("event FEATURE CHANGE ");
    }
    hardware(p, msg, options);
    namespace(p, msg, links);
    if let ToldAs::Moved { nsid, index } = news.told {
        match links.netns_name(nsid) {
            Some(name) => p.fmt(format_args!(" new-netns {name}")),
            None => p.fmt(format_args!(" new-netnsid {nsid}")),
        }
        p.fmt(format_args!(" new-ifindex {index}"));
    }
    if options.details > 0 {
        details(p, msg, links, View::Monitor);
        alias(p, msg);
    }
    p.text("\n");
}

/// Prints what is announced of a bridge's port, which is less than a device.
pub(crate) fn port(p: &mut Printer, msg: &LinkMsg, links: &dyn Links) {
    p.fmt(format_args!("{}: ", msg.index));
    let peer_down = name(p, msg, links, |name| format!("{name}: "));
    flags(p, msg.flags, peer_down);
    p.fmt(format_args!("mtu {} ", msg.mtu));
    if let Some(master) = msg.master {
        p.fmt(format_args!("master {} ", links.link_name(master)));
    }
    p.text("state ");
    p.paint(state_paint(msg.oper), format_args!("{} ", state_name(msg.oper)));
    p.new_line();
    p.fmt(format_args!("    link/{} ", msg.link_type.name()));
    if let Some((address, _)) = msg.addresses {
        p.paint(Paint::Mac, format_args!("{address}"));
    }
    p.text("\n");
}

/// Prints a device in full, up to the end of its last line; its hardware address only if that is wanted.
pub(crate) fn full(
    p: &mut Printer,
    msg: &LinkMsg,
    links: &dyn Links,
    view: View,
    options: &Options,
    with_address: bool,
) {
    first_line(p, msg, links, view, options);
    if with_address {
        hardware(p, msg, options);
    }
    namespace(p, msg, links);
    if options.details > 0 {
        details(p, msg, links, view);
    }
    if view == View::Link || options.details > 0 {
        alias(p, msg);
    }
    if view == View::Link && options.stats > 0 {
        p.new_line();
        stats_print::print(p, msg, options);
    }
    p.text("\n");
}

fn alias(p: &mut Printer, msg: &LinkMsg) {
    if let Some(alias) = msg.alias.as_deref() {
        p.new_line();
        p.any("ifalias", alias, format_args!("    alias {alias}"));
    }
}

fn first_line(p: &mut Printer, msg: &LinkMsg, links: &dyn Links, view: View, options: &Options) {
    p.any("ifindex", msg.index.0, format_args!("{}: ", msg.index));
    let peer_down = name(p, msg, links, |name| format!("{name}: "));
    flags(p, msg.flags, peer_down);
    p.any("mtu", msg.mtu, format_args!("mtu {} ", msg.mtu));
    p.any("qdisc", msg.qdisc, format_args!("qdisc {} ", msg.qdisc));
    if let Some(master) = msg.master {
        let master = links.link_name(master);
        p.any("master", master.as_str(), format_args!("master {master} "));
    }
    let state = state_name(msg.oper);
    p.text("state ");
    p.painted(state_paint(msg.oper), "operstate", state, format_args!("{state} "));
    if view == View::Link {
        p.any("linkmode", "DEFAULT", format_args!("mode DEFAULT "));
    }
    let group = names::group_name(msg.group, options.numeric);
    p.any("group", &*group, format_args!("group {group} "));
    if msg.tx_queue_len != 0 && view != View::Monitor {
        p.any("txqlen", msg.tx_queue_len, format_args!("qlen {}", msg.tx_queue_len));
    }
}

/// Prints the name, with the peer or lower device behind an `@`; whether that device is down.
pub(crate) fn name(
    p: &mut Printer,
    msg: &LinkMsg,
    links: &dyn Links,
    wording: impl FnOnce(&str) -> String,
) -> bool {
    let mut shown = msg.name.to_string();
    let mut peer_down = false;
    match (msg.link.filter(|link| link.0 != 0), msg.link_netnsid) {
        (None, _) if msg.link.is_some() => {
            p.json("link", Scalar::Null);
            shown += "@NONE";
        }
        (Some(link), Some(_)) if p.is_json() => p.json("link_index", link.0),
        (Some(link), Some(_)) => {
            shown += "@if";
            shown += &link.to_string();
        }
        (Some(link), None) => {
            let link_name = links.link_name(link);
            p.json("link", link_name.as_str());
            shown += "@";
            shown += &link_name;
            peer_down = !links.is_up(link);
        }
        (None, _) => {}
    }
    let text = wording(&shown);
    p.painted(Paint::Device, "ifname", msg.name.as_str(), format_args!("{text}"));
    peer_down
}

/// Prints the flags; `peer_down` is a flag of iproute2's own.
pub(crate) fn flags(p: &mut Printer, flags: DevFlags, peer_down: bool) {
    p.open_array(Some("flags"));
    p.text("<");
    let mut left = flags.0 & !DevFlags::RUNNING.0;
    if flags.contains(DevFlags::UP) && !flags.contains(DevFlags::RUNNING) {
        p.element("NO-CARRIER", format_args!("NO-CARRIER,"));
    }
    for (bit, name) in FLAGS {
        if left & bit != 0 {
            left &= !bit;
            p.element(*name, format_args!("{name}{}", if left == 0 { "" } else { "," }));
        }
    }
    if peer_down {
        p.element("M-DOWN", format_args!(",M-DOWN"));
    }
    p.text("> ");
    p.close_array();
}

fn state_name(state: OperState) -> &'static str {
    match state {
        OperState::Unknown => "UNKNOWN",
        OperState::Down => "DOWN",
        OperState::LowerLayerDown => "LOWERLAYERDOWN",
        OperState::Up => "UP",
    }
}

fn state_paint(state: OperState) -> Paint {
    match state {
        OperState::Up => Paint::Up,
        OperState::Down => Paint::Down,
        OperState::Unknown | OperState::LowerLayerDown => Paint::Plain,
    }
}

fn hardware(p: &mut Printer, msg: &LinkMsg, options: &Options) {
    let kind = match options.numeric {
        true => format!("[{}]", msg.link_type as u16),
        false => msg.link_type.name().to_owned(),
    };
    p.new_line();
    p.any("link_type", kind.as_str(), format_args!("    link/{kind} "));
    let Some((address, broadcast)) = msg.addresses else { return };
    let (address, broadcast) = (address.to_string(), broadcast.to_string());
    p.painted(Paint::Mac, "address", address.as_str(), format_args!("{address}"));
    if msg.flags.contains(DevFlags::POINTOPOINT) {
        p.text(" peer ");
        p.json("link_pointtopoint", true);
    } else {
        p.text(" brd ");
    }
    p.painted(Paint::Mac, "broadcast", broadcast.as_str(), format_args!("{broadcast}"));
    let permanent = msg.permanent.map(|addr| addr.to_string()).filter(|addr| *addr != address);
    if let Some(addr) = permanent {
        p.any("permaddr", addr.as_str(), format_args!(" permaddr {addr}"));
    }
}

fn namespace(p: &mut Printer, msg: &LinkMsg, links: &dyn Links) {
    let Some(nsid) = msg.link_netnsid else { return };
    p.json("link_netnsid", nsid);
    match links.netns_name(nsid) {
        Some(name) => p.fmt(format_args!(" link-netns {name}")),
        None => p.fmt(format_args!(" link-netnsid {nsid}")),
    }
}

/// What a device's queues are, which is the same for all modelled kinds on a machine with one CPU.
const QUEUES: u32 = 1;
/// The largest packet that is handed down in one piece, in bytes (`GSO_LEGACY_MAX_SIZE`).
const GSO_MAX_SIZE: u32 = 65536;
/// The most segments of such a packet (`GSO_MAX_SEGS`).
const GSO_MAX_SEGS: u32 = 65535;

/// What `-details` adds.
fn details(p: &mut Printer, msg: &LinkMsg, links: &dyn Links, view: View) {
    let (min, max) = msg.mtu_limits;
    p.any("promiscuity", msg.promiscuity, format_args!(" promiscuity {} ", msg.promiscuity));
    p.any("allmulti", msg.allmulti, format_args!(" allmulti {} ", msg.allmulti));
    p.any("min_mtu", min, format_args!("minmtu {min} "));
    p.any("max_mtu", max, format_args!("maxmtu {max} "));
    if msg.kind != KindMsg::None {
        kind_print::print(p, msg, links);
    }
    if view == View::Link && msg.mtu >= IPV6_MIN_MTU {
        let mode = ADDR_GEN_MODES[0];
        p.any("inet6_addr_gen_mode", mode, format_args!("addrgenmode {mode} "));
    }
    for (key, name, value) in [
        ("num_tx_queues", "numtxqueues", QUEUES),
        ("num_rx_queues", "numrxqueues", QUEUES),
        ("gso_max_size", "gso_max_size", GSO_MAX_SIZE),
        ("gso_max_segs", "gso_max_segs", GSO_MAX_SEGS),
        ("tso_max_size", "tso_max_size", msg.tso_max_size),
        ("tso_max_segs", "tso_max_segs", GSO_MAX_SEGS),
        ("gro_max_size", "gro_max_size", GSO_MAX_SIZE),
    ] {
        p.any(key, value, format_args!("{name} {value} "));
    }
}

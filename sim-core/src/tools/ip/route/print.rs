//! How a route is printed (`print_route()`).

use std::net::IpAddr;

use crate::id::IfIndex;
use crate::netlink::message::RouteMsg;
use crate::netlink::message::route::{FoundMsg, HopMsg};
use crate::route::RouteType;
use crate::route::fib::Metrics;
use crate::tools::ip::link::print::Links;
use crate::tools::ip::options::Options;
use crate::tools::ip::route::args::{RT_TABLE_MAIN, RTPROT_BOOT};
use crate::tools::ip::route::filter::Filter;
use crate::tools::names;
use crate::tools::printer::{Paint, Printer};

/// Prints a route; what the filter has fixed is left out.
pub(crate) fn print(
    p: &mut Printer,
    msg: &RouteMsg,
    links: &dyn Links,
    options: &Options,
    filter: &Filter,
) {
    p.open_object(None);
    destination(p, msg, options, filter);
    if let Some(src) = msg.src {
        let src = src.to_string();
        p.painted(Paint::Inet, "from", src.as_str(), format_args!("from {src} "));
    }
    if msg.tos != 0 && filter.tos.is_none() {
        let tos = names::dsfield_name(msg.tos, options.numeric);
        p.any("tos", &*tos, format_args!("tos {tos} "));
    }
    if let Some(gateway) = msg.hop.gateway.filter(|_| !filter.fixes_gateway()) {
        via(p, gateway);
    }
    if let Some(dev) = msg.hop.dev.filter(|_| filter.oif.is_none()) {
        device(p, "dev", dev, links);
    }
    origin(p, msg, options, filter);
    if let Some(prefsrc) = msg.prefsrc.filter(|_| !filter.fixes_prefsrc()) {
        let src = prefsrc.to_string();
        p.json("prefsrc", src.as_str());
        p.text("src ");
        p.paint(Paint::Inet, format_args!("{src} "));
    }
    if let Some(metric) = msg.metric.filter(|_| filter.metric.is_none()) {
        p.any("metric", metric, format_args!("metric {metric} "));
    }
    flags(p, &msg.hop, msg.found.as_ref());
    if let Some(found) = &msg.found {
        answer(p, found);
    }
    metrics(p, &msg.metrics);
    if let Some(iif) = msg.found.as_ref().and_then(|found| found.iif) {
        device(p, "iif", iif, links);
    }
    multipath(p, &msg.hops, links);
    p.text("\n");
    p.close_object();
}

fn destination(p: &mut Printer, msg: &RouteMsg, options: &Options, filter: &Filter) {
    let told = msg.kind != RouteType::Unicast || options.details > 0;
    if told && filter.kind.is_none_or(|kind| kind == msg.kind) {
        let kind = match options.numeric {
            true => (msg.kind as u8).to_string(),
            false => msg.kind.name().to_owned(),
        };
        p.any("type", kind.as_str(), format_args!("{kind} "));
    }
    let (dst, paint) = match msg.dst {
        None => ("default".to_owned(), Paint::Plain),
        Some(net) if net.prefix_len() == net.max_prefix_len() => {
            (net.addr().to_string(), Paint::Inet)
        }
        Some(net) => (net.to_string(), Paint::Inet),
    };
    p.painted(paint, "dst", dst.as_str(), format_args!("{dst} "));
}

fn via(p: &mut Printer, gateway: IpAddr) {
    let gateway = gateway.to_string();
    p.json("gateway", gateway.as_str());
    p.text("via ");
    p.paint(Paint::Inet, format_args!("{gateway} "));
}

fn device(p: &mut Printer, key: &str, dev: IfIndex, links: &dyn Links) {
    let name = links.link_name(dev);
    p.json(key, name.as_str());
    p.fmt(format_args!("{key} "));
    p.paint(Paint::Device, format_args!("{name} "));
}

/// Table, protocol and scope; the usual ones are not told.
fn origin(p: &mut Printer, msg: &RouteMsg, options: &Options, filter: &Filter) {
    let all = options.details > 0;
    if msg.table != 0 && (msg.table != RT_TABLE_MAIN || all) && filter.table.is_none() {
        let table = names::rt_table_name(msg.table, options.numeric);
        p.any("table", &*table, format_args!("table {table} "));
    }
    if msg.found.is_some() {
        return;
    }
    if (msg.protocol != RTPROT_BOOT || all) && filter.protocol.is_none() {
        let protocol = names::rt_proto_name(msg.protocol, options.numeric);
        p.any("protocol", &*protocol, format_args!("proto {protocol} "));
    }
    if (msg.scope.0 != 0 || all) && filter.scope.is_none() {
        let scope = names::rt_scope_name(msg.scope.0, options.numeric);
        p.any("scope", &*scope, format_args!("scope {scope} "));
    }
}

fn flags(p: &mut Printer, hop: &HopMsg, found: Option<&FoundMsg>) {
    p.open_array(Some("flags"));
    for (on, name) in [
        (hop.dead, "dead"),
        (hop.onlink, "onlink"),
        (hop.linkdown, "linkdown"),
        // The bit of a group's packet is that of a failed offload.
        (found.is_some_and(|found| found.multicast), "rt_offload_failed"),
    ] {
        if on {
            p.element(name, format_args!("{name} "));
        }
    }
    p.close_array();
}

/// What only an answer to a lookup has.
fn answer(p: &mut Printer, found: &FoundMsg) {
    match found.mark {
        0 => {}
        mark @ 1..16 => p.any("mark", mark, format_args!("mark {mark} ")),
        mark => p.any("mark", mark, format_args!("mark {mark:#x} ")),
    }
    if let Some(uid) = found.uid {
        p.any("uid", uid, format_args!("uid {uid} "));
    }
    let names: Vec<&str> = [
        (found.local, "local"),
        (found.multicast, "mc"),
        (found.broadcast, "brd"),
        (found.redirected, "redirected"),
        (found.redirect, "redirect"),
    ]
    .iter()
    .filter_map(|(on, name)| on.then_some(*name))
    .collect();
    p.open_array(Some("cache"));
    p.new_line();
    p.text("    cache ");
    for (i, name) in names.iter().enumerate() {
        let before = if i == 0 { "<" } else { "" };
        let after = if i + 1 == names.len() { "> " } else { "," };
        p.element(*name, format_args!("{before}{name}{after}"));
    }
    p.close_array();
    if let Some(seconds) = found.expires_s {
        p.any("expires", seconds, format_args!("expires {seconds}sec "));
    }
}

fn metrics(p: &mut Printer, metrics: &Metrics) {
    if metrics.is_empty() {
        return;
    }
    p.open_array(Some("metrics"));
    p.open_object(None);
    if let Some(mtu) = metrics.mtu {
        let lock = if metrics.mtu_locked { "lock " } else { "" };
        p.any("mtu", mtu, format_args!("mtu {lock}{mtu} "));
    }
    for (name, value) in
        [("advmss", metrics.advmss), ("hoplimit", metrics.hoplimit), ("initcwnd", metrics.initcwnd)]
    {
        if let Some(value) = value {
            p.any(name, value, format_args!("{name} {value} "));
        }
    }
    p.close_object();
    p.close_array();
}

fn multipath(p: &mut Printer, hops: &[HopMsg], links: &dyn Links) {
    if hops.is_empty() {
        return;
    }
    p.open_array(Some("nexthops"));
    for hop in hops {
        p.open_object(None);
        p.new_line();
        p.text("\tnexthop ");
        if let Some(gateway) = hop.gateway {
            via(p, gateway);
        }
        let dev = hop.dev.map_or_else(|| "*".to_owned(), |dev| links.link_name(dev));
        p.any("dev", dev.as_str(), format_args!("dev {dev} "));
        p.any("weight", hop.weight, format_args!("weight {} ", hop.weight));
        flags(p, hop, None);
        p.close_object();
    }
    p.close_array();
}

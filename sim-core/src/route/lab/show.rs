//! State as iproute2 shows it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::request::{Words, number, table};
use crate::family::V4;
use crate::link::inet::Scope;
use crate::link::lab::Lab;
use crate::netlink::NetlinkError;
use crate::netlink::request::RuleAction;
use crate::route::fib::{FibAlias, Metrics, NhFlags, RT_TABLE_LOCAL, RT_TABLE_MAIN, Rule};
use crate::route::get::RouteAnswer;
use crate::route::{FlowKey, RouteType};

pub(super) fn show_addrs(lab: &Lab, name: &str, out: &mut String) {
    for a in &lab.k.devs[lab.dev(name)].inet.addrs {
        write!(out, "    inet {}", a.local).unwrap();
        if a.peer != a.local {
            write!(out, " peer {}", a.peer).unwrap();
        }
        write!(out, "/{}", a.prefix_len).unwrap();
        if a.metric != 0 {
            write!(out, " metric {}", a.metric).unwrap();
        }
        if let Some(b) = a.broadcast {
            write!(out, " brd {b}").unwrap();
        }
        write!(out, " scope {}", scope_name(a.scope)).unwrap();
        for (on, word) in [
            (a.secondary, "secondary"),
            (a.deprecated, "deprecated"),
            (a.valid_lft_s.is_some(), "dynamic"),
            (a.no_prefix_route, "noprefixroute"),
        ] {
            if on {
                write!(out, " {word}").unwrap();
            }
        }
        writeln!(out, " {}", a.label).unwrap();
    }
}

fn scope_name(scope: Scope) -> String {
    match scope {
        Scope::UNIVERSE => "global".into(),
        Scope::LINK => "link".into(),
        Scope::HOST => "host".into(),
        Scope::NOWHERE => "nowhere".into(),
        Scope::SITE => "site".into(),
        other => other.0.to_string(),
    }
}

pub(super) fn show_routes(lab: &Lab, rest: &[&str], out: &mut String) {
    let fib = &lab.k.netns[lab.ns].ipv4.fib;
    let (tables, all) = match rest {
        ["table", "all"] => (fib.tables(), true),
        ["table", t] => (vec![table(t)], false),
        _ => (vec![RT_TABLE_MAIN], false),
    };
    for table in tables {
        for (net, alias) in fib.routes(table) {
            show_route(lab, net, alias, all, out);
        }
    }
}

fn proto_name(proto: u8) -> String {
    match proto {
        2 => "kernel".into(),
        3 => "boot".into(),
        4 => "static".into(),
        other => other.to_string(),
    }
}

fn show_route(lab: &Lab, net: Ipv4Net, alias: &FibAlias<V4>, all: bool, out: &mut String) {
    let info = &alias.info;
    let mut line = String::new();
    if alias.kind != RouteType::Unicast {
        write!(line, "{} ", alias.kind.name()).unwrap();
    }
    match (net.prefix_len(), net.addr()) {
        (0, Ipv4Addr::UNSPECIFIED) => line.push_str("default "),
        (32, addr) => write!(line, "{addr} ").unwrap(),
        _ => write!(line, "{net} ").unwrap(),
    }
    if alias.tos != 0 {
        write!(line, "tos 0x{:02x} ", alias.tos).unwrap();
    }
    if let [hop] = info.hops.as_slice() {
        if let Some(gateway) = hop.gateway {
            write!(line, "via {gateway} ").unwrap();
        }
        if let Some(dev) = hop.dev {
            write!(line, "dev {} ", lab.k.devs[dev].name).unwrap();
        }
    }
    if all && alias.table != RT_TABLE_MAIN {
        match alias.table {
            RT_TABLE_LOCAL => line.push_str("table local "),
            253 => line.push_str("table default "),
            other => write!(line, "table {other} ").unwrap(),
        }
    }
    if info.protocol != 3 {
        write!(line, "proto {} ", proto_name(info.protocol)).unwrap();
    }
    if info.scope != Scope::UNIVERSE {
        write!(line, "scope {} ", scope_name(info.scope)).unwrap();
    }
    if let Some(src) = info.prefsrc {
        write!(line, "src {src} ").unwrap();
    }
    if info.priority != 0 {
        write!(line, "metric {} ", info.priority).unwrap();
    }
    match info.hops.as_slice() {
        [hop] => line.push_str(&flags(hop.shown_flags(&lab.k))),
        _ => line.push_str(&flags(info.flags)),
    }
    if let Some(metrics) = &info.metrics {
        line.push_str(&words_of_metrics(metrics));
    }
    writeln!(out, "{line}").unwrap();
    if info.hops.len() > 1 {
        show_hops(lab, alias, out);
    }
}

fn flags(f: NhFlags) -> String {
    [(NhFlags::DEAD, "dead "), (NhFlags::ONLINK, "onlink "), (NhFlags::LINKDOWN, "linkdown ")]
        .into_iter()
        .filter(|(flag, _)| f.contains(*flag))
        .map(|(_, word)| word)
        .collect()
}

fn words_of_metrics(m: &Metrics) -> String {
    let mut line = String::new();
    if let Some(mtu) = m.mtu {
        write!(line, "mtu {}{mtu} ", if m.mtu_locked { "lock " } else { "" }).unwrap();
    }
    for (name, value) in [("advmss", m.advmss), ("hoplimit", m.hoplimit), ("initcwnd", m.initcwnd)]
    {
        if let Some(value) = value {
            write!(line, "{name} {value} ").unwrap();
        }
    }
    line
}

fn show_hops(lab: &Lab, alias: &FibAlias<V4>, out: &mut String) {
    for hop in &alias.info.hops {
        let mut line = "\tnexthop ".to_owned();
        if let Some(gateway) = hop.gateway {
            write!(line, "via {gateway} ").unwrap();
        }
        if let Some(dev) = hop.dev {
            write!(line, "dev {} ", lab.k.devs[dev].name).unwrap();
        }
        write!(line, "weight {} ", hop.weight).unwrap();
        writeln!(out, "{line}{}", flags(hop.shown_flags(&lab.k))).unwrap();
    }
}

pub(super) fn show_rules(lab: &Lab, out: &mut String) {
    let rules = lab.k.netns[lab.ns].ipv4.fib.rules.to_vec();
    for rule in &rules {
        let selector = selector(lab, rule);
        let action = action(rule, &rules);
        let proto = match rule.protocol {
            0 | 2 => String::new(),
            other => format!(" proto {other}"),
        };
        writeln!(out, "{}:\t{selector}{action}{proto}", rule.priority).unwrap();
    }
}

fn selector(lab: &Lab, r: &Rule<V4>) -> String {
    let mut line = if r.not { "not " } else { "" }.to_owned();
    let name = |n: Ipv4Net| if n.prefix_len() == 32 { n.addr().to_string() } else { n.to_string() };
    let any = "0.0.0.0/0".parse::<Ipv4Net>().unwrap();
    write!(line, "from {}", if r.from == any { "all".into() } else { name(r.from) }).unwrap();
    if r.to != any {
        write!(line, " to {}", name(r.to)).unwrap();
    }
    if r.tos != 0 {
        write!(line, " tos 0x{:02x}", r.tos).unwrap();
    }
    if r.fwmark != (0, 0) {
        write!(line, " fwmark 0x{:x}", r.fwmark.0).unwrap();
        if r.fwmark.1 != u32::MAX {
            write!(line, "/0x{:x}", r.fwmark.1).unwrap();
        }
    }
    let known = |n| if lab.k.dev_by_name(lab.ns, n).is_some() { "" } else { " [detached]" };
    for (word, dev) in [("iif", r.iif), ("oif", r.oif)] {
        if let Some(dev) = dev {
            write!(line, " {word} {dev}{}", known(dev)).unwrap();
        }
    }
    if let Some((a, b)) = r.uidrange {
        write!(line, " uidrange {a}-{b}").unwrap();
    }
    if r.ipproto != 0 {
        let names = [(1, "icmp"), (6, "tcp"), (17, "udp")];
        let name = names.iter().find(|(n, _)| *n == r.ipproto).map(|(_, name)| *name);
        write!(line, " ipproto {}", name.unwrap_or("other")).unwrap();
    }
    for (word, range) in [("sport", r.sport), ("dport", r.dport)] {
        match range {
            Some((a, b)) if a == b => write!(line, " {word} {a}").unwrap(),
            Some((a, b)) => write!(line, " {word} {a}-{b}").unwrap(),
            None => {}
        }
    }
    line
}

fn table_name(table: u32) -> String {
    match table {
        255 => "local".to_owned(),
        254 => "main".to_owned(),
        253 => "default".to_owned(),
        other => other.to_string(),
    }
}

fn action(r: &Rule<V4>, all: &[Rule<V4>]) -> String {
    match r.action {
        RuleAction::Lookup(t) => {
            let mut line = format!(" lookup {}", table_name(t));
            if let Some(len) = r.suppress_prefixlength {
                write!(line, " suppress_prefixlength {len}").unwrap();
            }
            if let Some(group) = r.suppress_ifgroup {
                let name = if group == 0 { "default".into() } else { group.to_string() };
                write!(line, " suppress_ifgroup {name}").unwrap();
            }
            line
        }
        RuleAction::Goto(t) if all.iter().any(|r| r.priority == t) => format!(" goto {t}"),
        RuleAction::Goto(t) => format!(" goto {t} [unresolved]"),
        RuleAction::Nop => " nop".into(),
        RuleAction::Blackhole => " blackhole".into(),
        RuleAction::Unreachable => " unreachable".into(),
        RuleAction::Prohibit => " prohibit".into(),
        RuleAction::Unspecified => String::new(),
    }
}

pub(super) fn get(lab: &Lab, rest: &[&str], out: &mut String) -> Result<(), NetlinkError> {
    let mut words = Words(rest.to_vec());
    let dst: Ipv4Addr = number(words.0.remove(0));
    let proto = words.after("ipproto").map_or(0, |p| match p {
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        other => number(other),
    });
    let flow = FlowKey::<V4> {
        src: words.after("from").map_or(Ipv4Addr::UNSPECIFIED, number),
        iif: words.after("iif").map(|n| lab.dev(n)),
        oif: words.after("oif").map(|n| lab.dev(n)),
        mark: words.after("mark").map_or(0, number),
        tos: words.after("tos").map_or(0, |t| u8::from_str_radix(&t[2..], 16).unwrap()),
        proto,
        sport: words.after("sport").map_or(0, number),
        dport: words.after("dport").map_or(0, number),
        uid: words.after("uid").map_or(0, number),
        ..FlowKey::to(dst)
    };
    words.done();
    let answer = crate::route::get::get(&lab.k, lab.ns, &flow)?;
    writeln!(out, "{}", way(lab, &flow, &answer)).unwrap();
    writeln!(out, "{}", cache(lab, &flow, &answer)).unwrap();
    Ok(())
}

fn way(lab: &Lab, flow: &FlowKey<V4>, answer: &RouteAnswer) -> String {
    let mut line = String::new();
    if answer.kind != RouteType::Unicast {
        write!(line, "{} ", answer.kind.name()).unwrap();
    }
    write!(line, "{} ", answer.to).unwrap();
    if let Some(src) = answer.from {
        write!(line, "from {src} ").unwrap();
    }
    if answer.tos != 0 {
        write!(line, "tos 0x{:02x} ", answer.tos).unwrap();
    }
    if let Some(gateway) = answer.gateway {
        write!(line, "via {gateway} ").unwrap();
    }
    write!(line, "dev {} ", lab.k.devs[answer.dev].name).unwrap();
    if answer.table != 0 && answer.table != RT_TABLE_MAIN {
        write!(line, "table {} ", table_name(answer.table)).unwrap();
    }
    if let Some(src) = answer.src {
        write!(line, "src {src} ").unwrap();
    }
    if flow.mark != 0 {
        let mark =
            if flow.mark < 16 { flow.mark.to_string() } else { format!("0x{:x}", flow.mark) };
        write!(line, "mark {mark} ").unwrap();
    }
    if flow.iif.is_none() {
        write!(line, "uid {} ", flow.uid).unwrap();
    }
    line
}

fn cache(lab: &Lab, flow: &FlowKey<V4>, answer: &RouteAnswer) -> String {
    let mut line = "    cache ".to_owned();
    let flags: Vec<&str> = [
        (answer.flags.local, "local"),
        (answer.flags.multicast, "mc"),
        (answer.flags.broadcast, "brd"),
        (answer.flags.redirected, "redirected"),
        (answer.flags.redirect, "redirect"),
    ]
    .into_iter()
    .filter_map(|(on, word)| on.then_some(word))
    .collect();
    if !flags.is_empty() {
        write!(line, "<{}> ", flags.join(",")).unwrap();
    }
    if let Some(seconds) = answer.expires_s {
        write!(line, "expires {seconds}sec ").unwrap();
    }
    line.push_str(&words_of_metrics(&answer.metrics));
    if let Some(iif) = flow.iif {
        write!(line, "iif {} ", lab.k.devs[iif].name).unwrap();
    }
    line
}

//! How a policy rule is printed (`print_rule()`).

use ipnet::IpNet;

use crate::netlink::message::RuleMsg;
use crate::netlink::request::RuleAction;
use crate::route::RouteType;
use crate::route::fib::RTPROT_KERNEL;
use crate::tools::ip::options::Options;
use crate::tools::json::Scalar;
use crate::tools::names;
use crate::tools::printer::{Paint, Printer};

/// Prints a rule.
pub(crate) fn print(p: &mut Printer, msg: &RuleMsg, options: &Options) {
    let rule = &msg.rule;
    p.open_object(None);
    p.any("priority", rule.priority, format_args!("{}:\t", rule.priority));
    if rule.not {
        p.any("not", Scalar::Null, format_args!("not "));
    }
    match msg.from {
        Some(from) => selector(p, "src", "from ", from),
        None => p.any("src", "all", format_args!("from all")),
    }
    if let Some(to) = msg.to {
        selector(p, "dst", " to ", to);
    }
    selectors(p, msg, options);
    action(p, msg, options);
    let protocol = rule.protocol;
    if (protocol != 0 && protocol != RTPROT_KERNEL) || options.details > 0 {
        let protocol = names::rt_proto_name(protocol, options.numeric);
        p.any("protocol", &*protocol, format_args!(" proto {protocol}"));
    }
    p.text("\n");
    p.close_object();
}

fn selector(p: &mut Printer, key: &str, word: &str, net: IpNet) {
    let addr = net.addr().to_string();
    p.text(word);
    p.painted(Paint::Inet, key, addr.as_str(), format_args!("{addr}"));
    if net.prefix_len() != net.max_prefix_len() {
        let key = format!("{key}len");
        p.any(&key, net.prefix_len(), format_args!("/{}", net.prefix_len()));
    }
}

fn selectors(p: &mut Printer, msg: &RuleMsg, options: &Options) {
    let rule = &msg.rule;
    if rule.tos != 0 {
        let tos = names::dsfield_name(rule.tos, options.numeric);
        p.any("tos", &*tos, format_args!(" tos {tos}"));
    }
    let (mark, mask) = rule.fwmark;
    if mark != 0 || mask != 0 {
        p.any("fwmark", hex(mark), format_args!(" fwmark {}", hex(mark)));
        if mask != 0 && mask != u32::MAX {
            p.any("fwmask", hex(mask), format_args!("/{}", hex(mask)));
        }
    }
    for (key, name, detached) in
        [("iif", rule.iif, msg.iif_detached), ("oif", rule.oif, msg.oif_detached)]
    {
        let Some(name) = name else { continue };
        p.fmt(format_args!(" {key} "));
        p.painted(Paint::Device, key, name.as_str(), format_args!("{name}"));
        if detached {
            p.any(&format!("{key}_detached"), Scalar::Null, format_args!(" [detached]"));
        }
    }
    if let Some((start, end)) = rule.uidrange {
        p.any("uid_start", start, format_args!(" uidrange {start}"));
        p.any("uid_end", end, format_args!("-{end}"));
    }
    if rule.ipproto != 0 {
        let proto = names::ip_proto_name(rule.ipproto, options.numeric);
        p.any("ipproto", &*proto, format_args!(" ipproto {proto}"));
    }
    for (key, range) in [("sport", rule.sport), ("dport", rule.dport)] {
        match range {
            None => {}
            Some((start, end)) if start == end => {
                p.any(key, start, format_args!(" {key} {start}"));
            }
            Some((start, end)) => {
                p.any(&format!("{key}_start"), start, format_args!(" {key} {start}"));
                p.any(&format!("{key}_end"), end, format_args!("-{end}"));
            }
        }
    }
}

/// A number as `%#llx` has it: 0 without a prefix.
fn hex(value: u32) -> String {
    if value == 0 { "0".to_owned() } else { format!("{value:#x}") }
}

fn action(p: &mut Printer, msg: &RuleMsg, options: &Options) {
    let rule = &msg.rule;
    match rule.action {
        RuleAction::Lookup(table) => {
            let table = names::rt_table_name(table, options.numeric);
            p.any("table", &*table, format_args!(" lookup {table}"));
            if let Some(len) = rule.suppress_prefixlength {
                p.any("suppress_prefixlen", len, format_args!(" suppress_prefixlength {len}"));
            }
            if let Some(group) = rule.suppress_ifgroup {
                let group = names::group_name(group, options.numeric);
                p.any("suppress_ifgroup", &*group, format_args!(" suppress_ifgroup {group}"));
            }
        }
        RuleAction::Goto(target) => {
            p.any("goto", target, format_args!(" goto {target}"));
            if msg.unresolved {
                p.any("unresolved", Scalar::Null, format_args!(" [unresolved]"));
            }
        }
        RuleAction::Nop => p.any("nop", Scalar::Null, format_args!(" nop")),
        RuleAction::Blackhole => named(p, RouteType::Blackhole, options),
        RuleAction::Unreachable => named(p, RouteType::Unreachable, options),
        RuleAction::Prohibit => named(p, RouteType::Prohibit, options),
        RuleAction::Unspecified => p.any("action", "0", format_args!(" 0")),
    }
}

/// An action that is called as the route type of the same number.
fn named(p: &mut Printer, kind: RouteType, options: &Options) {
    let name = match options.numeric {
        true => (kind as u8).to_string(),
        false => kind.name().to_owned(),
    };
    p.any("action", name.as_str(), format_args!(" {name}"));
}

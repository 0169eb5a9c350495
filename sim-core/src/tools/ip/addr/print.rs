//! How an address is printed (`print_addrinfo()`).

use std::net::IpAddr;

use crate::netlink::message::AddrMsg;
use crate::netlink::message::addr::{IFA_F_PERMANENT, IFA_F_SECONDARY};
use crate::tools::ip::addr::filter::FLAGS;
use crate::tools::ip::link::print::Links;
use crate::tools::ip::options::Options;
use crate::tools::names;
use crate::tools::printer::{Paint, Printer};

/// Prints an address; `with_device` puts its device in front.
pub(crate) fn print(
    p: &mut Printer,
    msg: &AddrMsg,
    links: &dyn Links,
    options: &Options,
    with_device: bool,
) {
    if options.brief {
        return brief(p, msg);
    }
    if with_device {
        let dev = links.link_name(msg.index);
        p.json("index", msg.index.0);
        p.any("dev", dev.as_str(), format_args!("{}: {dev}", msg.index));
    }
    let family = match msg.local {
        IpAddr::V4(_) => "inet",
        IpAddr::V6(_) => "inet6",
    };
    p.any("family", family, format_args!("    {family} "));
    local(p, msg);
    if let Some(broadcast) = msg.broadcast {
        let broadcast = broadcast.to_string();
        p.text("brd ");
        p.painted(Paint::Inet, "broadcast", broadcast.as_str(), format_args!("{broadcast} "));
    }
    let scope = names::rt_scope_name(msg.scope.0, options.numeric);
    p.any("scope", &*scope, format_args!("scope {scope} "));
    flags(p, msg.flags);
    p.any("label", msg.label.as_str(), format_args!("{}", msg.label));
    lifetimes(p, msg);
    p.text("\n");
}

fn brief(p: &mut Printer, msg: &AddrMsg) {
    local(p, msg);
}

fn local(p: &mut Printer, msg: &AddrMsg) {
    let local = msg.local.to_string();
    p.painted(Paint::Inet, "local", local.as_str(), format_args!("{local}"));
    if msg.address != msg.local {
        let peer = msg.address.to_string();
        p.text(" peer ");
        p.painted(Paint::Inet, "address", peer.as_str(), format_args!("{peer}"));
    }
    p.any("prefixlen", msg.prefix_len, format_args!("/{} ", msg.prefix_len));
    if let Some(metric) = msg.metric {
        p.any("metric", metric, format_args!("metric {metric} "));
    }
}

fn flags(p: &mut Printer, flags: u32) {
    let mut left = flags;
    for (name, bit) in FLAGS {
        if *bit == IFA_F_PERMANENT {
            if left & bit == 0 {
                p.any("dynamic", true, format_args!("dynamic "));
            }
        } else if left & bit != 0 {
            p.any(name, true, format_args!("{name} "));
        }
        left &= !bit;
    }
    debug_assert!(IFA_F_SECONDARY & left == 0, "every flag has a name");
}

/// Seconds without an end, in JSON.
const INFINITY: u32 = u32::MAX;

fn lifetimes(p: &mut Printer, msg: &AddrMsg) {
    p.new_line();
    for (key, name, left) in [
        ("valid_life_time", "       valid_lft", msg.valid_s),
        ("preferred_life_time", " preferred_lft", msg.preferred_s),
    ] {
        match left {
            None => p.any(key, INFINITY, format_args!("{name} forever")),
            Some(left) => p.any(key, left, format_args!("{name} {left}sec")),
        }
    }
}

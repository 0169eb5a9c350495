//! `bridge mdb`: groups of bridges.

use crate::bridge::multicast::GroupAddr;
use crate::netlink::Request;
use crate::netlink::message::mdb::{self, MdbEntry, RouterPort};
use crate::netlink::request::{LinkRef, MdbSpec};
use crate::packet::MacAddr;
use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::bridge::usage;
use crate::tools::failure::{Failure, Result};
use crate::tools::inet;
use crate::tools::ip::link::print::Links as _;
use crate::tools::ip::options::Options;
use crate::tools::printer::Printer;
use crate::tools::session::{Here, Host as _, Session};

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Delete,
    Show,
    Help,
}

const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add),
    abbr("delete", Verb::Delete),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("list", Verb::Show),
    abbr("help", Verb::Help),
];

/// Runs `bridge mdb` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Add) => {
            let spec = modify(session, args)?;
            session.request(&Request::MdbAdd(spec), 255)
        }
        Some(Verb::Delete) => {
            let spec = modify(session, args)?;
            session.request(&Request::MdbDel(spec), 255)
        }
        Some(Verb::Show) => show(session, options, args),
        Some(Verb::Help) => Err(usage::mdb()),
        None => {
            let text = format!("Command \"{word}\" is unknown, try \"bridge mdb help\".\n");
            Err(Failure::exits(255, text))
        }
    }
}

fn device(session: &Session<'_>, name: &str) -> Result<LinkRef> {
    let missing = || Failure::returns(255, Failure::no_device(name).stderr);
    session.host().device(name).ok_or_else(missing)
}

/// Reads the words behind `bridge mdb add` and `bridge mdb delete` (`mdb_modify()`); what it does not know
/// it passes over.
fn modify(session: &Session<'_>, args: &mut Args<'_>) -> Result<MdbSpec> {
    let (mut dev, mut port, mut group, mut permanent) = (None, None, None, false);
    while let Some(text) = args.next() {
        match text {
            "dev" => dev = Some(args.value()?),
            "port" => port = Some(args.value()?),
            "grp" => group = Some(args.value()?),
            "permanent" => permanent = true,
            "help" => return Err(usage::mdb()),
            "src" | "vid" => {
                args.value()?;
                return Err(Failure::not_modelled(&format!("bridge mdb's \"{text}\"")));
            }
            _ => {}
        }
    }
    let (Some(dev), Some(port), Some(group)) = (dev, port, group) else {
        let text = "Device, group address and port name are required arguments.\n";
        return Err(Failure::returns(255, text));
    };
    let (dev, port) = (device(session, dev)?, device(session, port)?);
    Ok(MdbSpec { dev, port, group: group_addr(group)?, permanent })
}

fn group_addr(text: &str) -> Result<GroupAddr> {
    if let Ok(group) = text.parse() {
        return Ok(GroupAddr::V4(group));
    }
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err(Failure::not_modelled("a group of IPv6"));
    }
    let bytes = inet::lladdr(text, 6).ok().and_then(|bytes| bytes.try_into().ok());
    let wrong = || Failure::returns(255, format!("Invalid address \"{text}\"\n"));
    bytes.map(|bytes| GroupAddr::Mac(MacAddr(bytes))).ok_or_else(wrong)
}

/// Lists them (`mdb_show()`).
fn show(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let mut only = None;
    while let Some(text) = args.next() {
        match text {
            "dev" => {
                let name = args.value()?;
                if only.is_some() {
                    return Err(Failure::duplicate("dev", name));
                }
                only = Some(name);
            }
            "vid" => {
                args.value()?;
                return Err(Failure::not_modelled("bridge mdb's \"vid\""));
            }
            // Other words are passed over.
            _ => {}
        }
    }
    let only = only.map(|name| device(session, name)).transpose()?;
    let only = only.map(|link| session.dev(link));
    let kernel = &session.world.kernel;
    let here = session.host();
    let mut bridges = mdb::dump(kernel, session.netns);
    if let Some(only) = only {
        let index = only.map(|dev| kernel.devs[dev].ifindex);
        bridges.retain(|msg| Some(msg.bridge) == index);
    }
    let mut p = Printer::list(options);
    p.open_object(None);
    p.open_array(Some("mdb"));
    for msg in &bridges {
        let name = here.link_name(msg.bridge);
        for entry in &msg.entries {
            print_entry(&mut p, (msg.bridge.0, &name), entry, &here, options);
        }
    }
    p.close_array();
    p.open_object(Some("router"));
    for msg in bridges.iter().filter(|msg| options.details > 0 && !msg.routers.is_empty()) {
        print_routers(&mut p, &here.link_name(msg.bridge), &msg.routers, &here, options);
    }
    p.close_object();
    p.close_object();
    let text = p.finish_list();
    session.stdout += &text;
    Ok(())
}

/// Prints a port's entry (`print_mdb_entry()`).
fn print_entry(
    p: &mut Printer,
    (index, bridge): (u32, &str),
    entry: &MdbEntry,
    here: &Here<'_>,
    options: &Options,
) {
    p.open_object(None);
    p.json("index", index);
    p.any("dev", bridge, format_args!("dev {bridge}"));
    let port = here.link_name(entry.port);
    p.any("port", port.as_str(), format_args!(" port {port}"));
    let group = match entry.group {
        GroupAddr::V4(group) => group.to_string(),
        GroupAddr::Mac(group) => group.to_string(),
    };
    p.any("grp", group.as_str(), format_args!(" grp {group}"));
    let state = if entry.permanent { "permanent" } else { "temp" };
    p.any("state", state, format_args!(" {state}"));
    if let Some(by_hand) = entry.by_hand.filter(|_| options.details > 0) {
        let proto = if by_hand { "static" } else { "kernel" };
        p.any("protocol", proto, format_args!(" proto {proto} "));
    }
    p.open_array(Some("flags"));
    p.close_array();
    if options.stats > 0 {
        print_timer(p, entry.timer);
    }
    p.new_line();
    p.close_object();
}

fn print_timer(p: &mut Printer, hundredths: u64) {
    let text = format!("{:>4}.{:02}", hundredths / 100, hundredths % 100);
    p.any("timer", text.as_str(), format_args!(" {text}"));
}

/// Prints the ports behind which routers are (`br_print_router_ports()`).
fn print_routers(
    p: &mut Printer,
    bridge: &str,
    routers: &[RouterPort],
    here: &Here<'_>,
    options: &Options,
) {
    let stats = options.stats > 0;
    p.open_array(Some(bridge));
    if !stats {
        p.fmt(format_args!("router ports on {bridge}: "));
    }
    for router in routers {
        let port = here.link_name(router.port);
        p.open_object(None);
        p.json("port", port.as_str());
        if stats {
            p.fmt(format_args!("router ports on {bridge}: {port}"));
            print_timer(p, router.timer);
            let kind = if router.permanent { "permanent" } else { "temp" };
            p.any("type", kind, format_args!(" {kind}"));
            p.text("\n");
        } else {
            p.fmt(format_args!("{port} "));
        }
        p.close_object();
    }
    if !stats {
        p.new_line();
    }
    p.close_array();
}

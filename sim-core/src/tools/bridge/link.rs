//! `bridge link`: ports.

use crate::errno::Errno;
use crate::kernel::rtnl::{Change, LinkNews, ToldAs};
use crate::libc::number;
use crate::netlink::Request;
use crate::netlink::message::link::PortMsg;
use crate::netlink::message::{LinkMsg, link};
use crate::netlink::request::{LinkChange, LinkRef, PortChange};
use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::bridge::usage;
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::attributes::on_off;
use crate::tools::ip::link::kind_print::{on_off as print_on_off, port_state};
use crate::tools::ip::link::print::{Links, flags, name};
use crate::tools::ip::options::Options;
use crate::tools::printer::Printer;
use crate::tools::session::{Host as _, Session};

#[derive(Clone, Copy)]
enum Verb {
    Set,
    Show,
    Help,
}

const VERBS: &[Keyword<Verb>] = &[
    abbr("set", Verb::Set),
    abbr("change", Verb::Set),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("list", Verb::Show),
    abbr("help", Verb::Help),
];

/// Runs `bridge link` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Set) => {
            let (dev, change) = modify(session, args)?;
            session.request(&Request::LinkSet(dev, change), 255)
        }
        Some(Verb::Show) => show(session, options, args),
        Some(Verb::Help) => Err(usage::link()),
        None => {
            let text = format!("Command \"{word}\" is unknown, try \"bridge link help\".\n");
            Err(Failure::exits(255, text))
        }
    }
}

/// Lists ports (`brlink_show()`).
fn show(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let mut dev = None;
    while let Some(text) = args.next() {
        // Other words are passed over.
        if text == "dev" {
            let name = args.value()?;
            if dev.is_some() {
                return Err(Failure::duplicate("dev", name));
            }
            dev = Some(name);
        }
    }
    let missing = |name| Failure::returns(255, Failure::no_device(name).stderr);
    let dev = dev.map(|name| session.host().device(name).ok_or_else(|| missing(name)));
    let dev = dev.transpose()?.map(|link| session.dev(link));
    let index = dev.map(|dev| dev.map(|dev| session.world.kernel.devs[dev].ifindex));
    let links = link::dump(&mut session.world.kernel, session.netns);
    let mut p = Printer::list(options);
    for msg in &links {
        if let Some(port) = &msg.port
            && index.is_none_or(|index| index == Some(msg.index))
        {
            print(&mut p, msg, port, session, options);
        }
    }
    session.stdout += &p.finish_list();
    Ok(())
}

/// Prints a port (`print_linkinfo()`).
fn print(p: &mut Printer, msg: &LinkMsg, port: &PortMsg, session: &Session<'_>, options: &Options) {
    let here = session.host();
    p.open_object(None);
    p.any("ifindex", msg.index.0, format_args!("{}: ", msg.index));
    // Bridges do not tell in which namespace a port's peer is: its number is looked up here.
    let told = LinkMsg {
        link: msg.link.filter(|link| *link != msg.index),
        link_netnsid: None,
        ..msg.clone()
    };
    let peer_down = name(p, &told, &here, |name| format!("{name}: "));
    flags(p, msg.flags, peer_down);
    p.any("mtu", msg.mtu, format_args!("mtu {} ", msg.mtu));
    if let Some(master) = msg.master {
        let master = here.link_name(master);
        p.any("master", master.as_str(), format_args!("master {master} "));
    }
    let state = port_state(port.state);
    p.any("state", state, format_args!("state {state} "));
    p.any("priority", port.priority, format_args!("priority {} ", port.priority));
    p.any("cost", port.cost, format_args!("cost {} ", port.cost));
    if options.details > 0 {
        details(p, port);
    }
    p.text("\n");
    p.close_object();
}

/// What is announced of a device, port or not (`print_linkinfo()`).
pub(crate) fn announced(
    news: &LinkNews,
    change: Change,
    links: &dyn Links,
    options: &Options,
) -> String {
    let mut p = Printer::single(options);
    let msg = &news.msg;
    p.fmt(format_args!("{}: ", msg.index));
    // A port is told of without the namespace that it reaches into.
    let as_port = news.told == ToldAs::Port;
    let link_netnsid = msg.link_netnsid.filter(|_| !as_port);
    let told = LinkMsg { link_netnsid, ..msg.clone() };
    let peer_down = name(&mut p, &told, links, |name| format!("{name}: "));
    flags(&mut p, msg.flags, peer_down);
    p.fmt(format_args!("mtu {} ", msg.mtu));
    if let Some(master) = msg.master {
        p.fmt(format_args!("master {} ", links.link_name(master)));
    }
    let there = as_port && change == Change::New;
    if let Some(port) = msg.port.as_ref().filter(|_| there) {
        let state = port_state(port.state);
        p.fmt(format_args!("state {state} priority {} cost {} ", port.priority, port.cost));
        if options.details > 0 {
            details(&mut p, port);
        }
    }
    p.text("\n");
    p.finish()
}

fn details(p: &mut Printer, port: &PortMsg) {
    let f = &port.flags;
    p.new_line();
    p.text("    ");
    for (name, on) in [
        ("hairpin", f.hairpin),
        ("guard", f.guard),
        ("root_block", f.root_block),
        ("fastleave", f.fastleave),
        ("learning", f.learning),
        ("flood", f.flood),
        ("mcast_flood", f.mcast_flood),
        ("bcast_flood", f.bcast_flood),
    ] {
        print_on_off(p, name, on);
    }
    p.any("mcast_router", port.mcast_router, format_args!("mcast_router {} ", port.mcast_router));
    for (name, on) in [
        ("mcast_to_unicast", false),
        ("neigh_suppress", false),
        ("vlan_tunnel", false),
        ("isolated", f.isolated),
        ("locked", f.locked),
    ] {
        print_on_off(p, name, on);
    }
}

/// The states by name, in the order of their numbers.
const STATES: [&str; 5] = ["disabled", "listening", "learning", "forwarding", "blocking"];

/// Reads the words behind `bridge link set` (`brlink_modify()`).
fn modify(session: &Session<'_>, args: &mut Args<'_>) -> Result<(LinkRef, LinkChange)> {
    let mut dev = None;
    let mut port = PortChange::default();
    while let Some(text) = args.next() {
        match text {
            "dev" => dev = Some(args.value()?),
            "cost" => {
                let cost = number::atoi(args.value()?);
                port.cost = u32::try_from(cost).ok().filter(|cost| *cost > 0);
            }
            "priority" => port.priority = u16::try_from(number::atoi(args.value()?)).ok(),
            "state" => port.state = state(args.value()?)?,
            "master" => {}
            "mcast_router" => {
                let [low, ..] = number::atoi(args.value()?).to_le_bytes();
                port.mcast_router = Some(low);
            }
            "learning_sync" | "mcast_to_unicast" | "vlan_tunnel" | "backup_port"
            | "nobackup_port" | "hwmode" | "self" => {
                return Err(Failure::not_modelled(&format!("bridge link set's \"{text}\"")));
            }
            _ => {
                let slot = switch(&mut port, text).ok_or_else(usage::link)?;
                // The kernel's number of the error is the exit status, cut to a byte.
                let on = on_off(args, text).map_err(|f| Failure::returns(234, f.stderr))?;
                *slot = Some(on);
            }
        }
    }
    let name = dev.ok_or_else(|| Failure::returns(255, "Device is a required argument.\n"))?;
    let missing = || Failure::returns(255, format!("Cannot find bridge device \"{name}\"\n"));
    let link = session.host().device(name).ok_or_else(missing)?;
    let kernel = &session.world.kernel;
    let is_port = session.dev(link).is_some_and(|dev| kernel.devs[dev].master.is_some());
    if !is_port {
        return Err(Failure::kernel(255, &Errno::EOPNOTSUPP.into()));
    }
    Ok((link, LinkChange { port: Some(port), ..LinkChange::default() }))
}

/// The switch that a word names.
fn switch<'p>(port: &'p mut PortChange, word: &str) -> Option<&'p mut Option<bool>> {
    Some(match word {
        "guard" => &mut port.guard,
        "hairpin" => &mut port.hairpin,
        "fastleave" => &mut port.fastleave,
        "root_block" => &mut port.root_block,
        "learning" => &mut port.learning,
        "flood" => &mut port.flood,
        "mcast_flood" => &mut port.mcast_flood,
        "bcast_flood" => &mut port.bcast_flood,
        "neigh_suppress" => &mut port.neigh_suppress,
        "isolated" => &mut port.isolated,
        "locked" => &mut port.locked,
        _ => return None,
    })
}

/// A state by its number or name; a negative number is not sent.
fn state(text: &str) -> Result<Option<u8>> {
    let number = number::strtoul(text, 10).filter(|(_, rest)| rest.is_empty());
    if let Some((number, _)) = number {
        let low = u8::try_from(number & 0xff).expect("8 bits").cast_signed();
        return Ok(u8::try_from(low).ok());
    }
    let named = STATES.iter().zip(0_u8..).find(|(name, _)| **name == text);
    let (_, number) =
        named.ok_or_else(|| Failure::returns(255, "Error: invalid STP port state\n"))?;
    Ok(Some(number))
}

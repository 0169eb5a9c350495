//! `ip tuntap`: devices of the TUN driver, which last without a program that holds them open.

use crate::errno::Errno;
use crate::link::{DevKind, DevName};
use crate::netlink::request::{LinkAdd, LinkChange, LinkKind, LinkRef};
use crate::netlink::{NetlinkError, Request};
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
use crate::tools::ip::{unknown_command, usage};
use crate::tools::printer::Printer;
use crate::tools::session::Session;

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

#[derive(Clone, Copy)]
enum Word {
    Mode,
    NotModelled(&'static str),
    Dev,
    Name,
    Help,
}

const WORDS: &[Keyword<Word>] = &[
    abbr("mode", Word::Mode),
    abbr("user", Word::NotModelled("user")),
    abbr("group", Word::NotModelled("group")),
    abbr("pi", Word::NotModelled("pi")),
    abbr("one_queue", Word::NotModelled("one_queue")),
    abbr("vnet_hdr", Word::NotModelled("vnet_hdr")),
    abbr("multi_queue", Word::NotModelled("multi_queue")),
    abbr("dev", Word::Dev),
    abbr("name", Word::Name),
    abbr("help", Word::Help),
];

/// Runs `ip tuntap` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let Some(word) = args.next() else { return show(session, options) };
    match keyword(VERBS, word) {
        Some(Verb::Add) => add(session, args),
        Some(Verb::Delete) => delete(session, args),
        Some(Verb::Show) => show(session, options),
        Some(Verb::Help) => Err(usage::tuntap()),
        None => Err(unknown_command(word, "tuntap")),
    }
}

/// A device's name, if one is given, and whether it takes Ethernet frames.
type Device = (Option<DevName>, bool);

fn read(args: &mut Args<'_>) -> Result<Device> {
    let (mut name, mut tap) = (None, None);
    while let Some(word) = args.next() {
        match keyword(WORDS, word) {
            Some(Word::Mode) => {
                let mode = mode(args.value()?)?;
                if tap.is_some_and(|tap| tap != mode) {
                    let text = "You managed to ask for more than one tunnel mode.\n";
                    return Err(Failure::exits(255, text));
                }
                tap = Some(mode);
            }
            Some(Word::NotModelled(what)) => {
                return Err(Failure::not_modelled(&format!("\"{what}\" of tuntap")));
            }
            Some(Word::Dev) => name = Some(dev_name("dev", args.value()?)?),
            Some(Word::Help) => return Err(usage::tuntap()),
            Some(Word::Name) => only_name(&mut name, args.value()?)?,
            None => only_name(&mut name, word)?,
        }
    }
    let missing = || Failure::returns(1, "You failed to specify a tunnel mode\n");
    Ok((name, tap.ok_or_else(missing)?))
}

/// Whether a mode takes Ethernet frames.
fn mode(text: &str) -> Result<bool> {
    if abbreviates(text, "tun") {
        return Ok(false);
    }
    if abbreviates(text, "tap") {
        return Ok(true);
    }
    Err(Failure::exits(255, format!("Unknown tunnel mode \"{text}\"\n")))
}

fn only_name(name: &mut Option<DevName>, text: &str) -> Result<()> {
    if name.is_some() {
        return Err(Failure::garbage("name", text));
    }
    *name = Some(dev_name("name", text)?);
    Ok(())
}

fn dev_name(key: &str, text: &str) -> Result<DevName> {
    let why = format!("\"{key}\" not a valid ifname");
    text.parse().map_err(|_| Failure::invalid(&why, text))
}

fn refused(errno: Errno) -> Failure {
    Failure::returns(1, format!("ioctl(TUNSETIFF): {errno}\n"))
}

fn add(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let (name, tap) = read(args)?;
    let kind = LinkKind::Tun { tap };
    let change = LinkChange::default();
    let request = LinkAdd { name, ifindex: None, kind, link: None, change };
    let done = session.ask(&Request::LinkAdd(request));
    done.map_err(|NetlinkError { errno, .. }| refused(errno))
}

/// Opens the device and lets it go with the process; one that is not there is made for that moment.
fn delete(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let (name, tap) = read(args)?;
    let Some(name) = name else { return Ok(()) };
    let Some(dev) = session.dev(LinkRef::Name(name)) else { return Ok(()) };
    let kind = &session.world.kernel.devs[dev].kind;
    if !matches!(kind, DevKind::Tun(tun) if tun.tap == tap) {
        return Err(refused(Errno::EINVAL));
    }
    session.request(&Request::LinkDel(LinkRef::Name(name)), 1)
}

/// Lists them all, whatever else is asked.
fn show(session: &mut Session<'_>, options: &Options) -> Result<()> {
    if options.details > 0 {
        return Err(Failure::not_modelled("\"ip -details tuntap\""));
    }
    let mut p = Printer::list(options);
    let kernel = &session.world.kernel;
    for dev in kernel.netns[session.netns].links.values() {
        let device = &kernel.devs[*dev];
        let DevKind::Tun(tun) = &device.kind else { continue };
        let (name, mode) = (device.name.to_string(), if tun.tap { "tap" } else { "tun" });
        p.open_object(None);
        p.any("ifname", name.as_str(), format_args!("{name}:"));
        p.open_array(Some("flags"));
        p.element(mode, format_args!(" {mode}"));
        p.element("persist", format_args!(" persist"));
        p.close_array();
        p.close_object();
        p.text("\n");
    }
    session.stdout += &p.finish_list();
    Ok(())
}

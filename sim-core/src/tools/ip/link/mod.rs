//! `ip link`.

pub(crate) mod args;
pub(crate) mod attributes;
pub(crate) mod kind;
pub(crate) mod kind_print;
pub(crate) mod print;
pub(crate) mod stats_print;

use crate::errno::Errno;
use crate::id::IfIndex;
use crate::netlink::Request;
use crate::netlink::request::{LinkAdd, LinkRef};
use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::addr;
use crate::tools::ip::link::args::Target;
use crate::tools::ip::link::print::View;
use crate::tools::ip::options::Options;
use crate::tools::ip::{unknown_command, usage};
use crate::tools::session::Session;

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Set,
    Replace,
    Delete,
    Show,
    Help,
    NotModelled,
}

/// In iproute2's order: `s` is set, `a` is add.
const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add),
    abbr("set", Verb::Set),
    abbr("change", Verb::Set),
    abbr("replace", Verb::Replace),
    abbr("delete", Verb::Delete),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("list", Verb::Show),
    abbr("xstats", Verb::NotModelled),
    abbr("afstats", Verb::NotModelled),
    abbr("property", Verb::NotModelled),
    abbr("help", Verb::Help),
];

/// Runs `ip link` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Add) => add(session, options, args, Request::LinkAdd),
        Some(Verb::Replace) => add(session, options, args, Request::LinkReplace),
        Some(Verb::Set) => set(session, args),
        Some(Verb::Delete) => delete(session, args),
        Some(Verb::Show) => addr::show::run(session, options, args, View::Link),
        Some(Verb::Help) => help(args),
        Some(Verb::NotModelled) => Err(Failure::not_modelled(&format!("\"ip link {word}\""))),
        None => Err(unknown_command(word, "link")),
    }
}

fn help(args: &mut Args<'_>) -> Result<()> {
    match args.next().and_then(usage::kind) {
        Some(text) => Err(Failure::returns_stdout(0, text)),
        None => Err(usage::link()),
    }
}

fn add(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
    request: fn(LinkAdd) -> Request,
) -> Result<()> {
    let mut notes = String::new();
    let spec = args::add(args, options, &session.host(), &mut notes);
    session.stderr += &notes;
    session.request(&request(spec?), 2)
}

fn set(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let mut notes = String::new();
    let spec = args::set(args, &session.host(), &mut notes);
    session.stderr += &notes;
    let (target, change) = spec?;
    for dev in devices(session, target) {
        session.request(&Request::LinkSet(dev, change.clone()), 2)?;
    }
    Ok(())
}

fn delete(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let target = args::del(args, &session.host())?;
    let devices = devices(session, target);
    if devices.is_empty() {
        return Err(Failure::kernel(2, &Errno::ENODEV.into()));
    }
    for dev in devices {
        // The end of one device may have been the end of another.
        if session.dev(dev).is_some() || matches!(target, Target::Device(_)) {
            session.request(&Request::LinkDel(dev), 2)?;
        }
    }
    Ok(())
}

/// The devices that are meant, in their order.
fn devices(session: &Session<'_>, target: Target) -> Vec<LinkRef> {
    let group = match target {
        Target::Device(dev) => return vec![dev],
        Target::Group(group) => group,
    };
    let kernel = &session.world.kernel;
    let links = kernel.netns[session.netns].links.iter();
    let members = links.filter(|(_, dev)| kernel.devs[**dev].group == group);
    members.map(|(index, _): (&IfIndex, _)| LinkRef::Index(*index)).collect()
}

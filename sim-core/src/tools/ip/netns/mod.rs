//! `ip netns`: namespaces by name.

mod ids;

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::libc::number;
use crate::netlink::Request;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
use crate::tools::ip::unknown_command;
use crate::tools::monitor::Monitor;
use crate::tools::printer::Printer;
use crate::tools::session::Session;
use crate::world::World;

/// Where names stand on a real machine.
const RUN_DIR: &str = "/run/netns";
/// The longest name of a file.
const NAME_MAX: usize = 255;

#[derive(Clone, Copy)]
enum Verb {
    List,
    ListId,
    Help,
    Add,
    Set,
    Delete,
    Identify,
    Pids,
    Exec,
    Monitor,
    Attach,
}

/// In iproute2's order: `l` is list, `s` is show, `a` is add.
const VERBS: &[Keyword<Verb>] = &[
    abbr("list", Verb::List),
    abbr("show", Verb::List),
    abbr("lst", Verb::List),
    abbr("list-id", Verb::ListId),
    abbr("help", Verb::Help),
    abbr("add", Verb::Add),
    abbr("set", Verb::Set),
    abbr("delete", Verb::Delete),
    abbr("identify", Verb::Identify),
    abbr("pids", Verb::Pids),
    abbr("exec", Verb::Exec),
    abbr("monitor", Verb::Monitor),
    abbr("attach", Verb::Attach),
];

const USAGE: &str = include_str!("../../usage/ip_netns.txt");

/// Runs `ip netns` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let Some(word) = args.next() else { return list(session, options) };
    if let Some(name) = args.peek().filter(|name| !options.all && is_invalid(name)) {
        return Err(Failure::exits(255, format!("Invalid netns name \"{name}\"\n")));
    }
    match keyword(VERBS, word) {
        Some(Verb::List) => list(session, options),
        Some(Verb::Help) => Err(Failure::returns(255, USAGE)),
        Some(Verb::Add) => add(session, args),
        Some(Verb::Set) => set(session, args),
        Some(Verb::Delete) => delete(session, options, args),
        Some(Verb::Identify) => identify(session, args),
        Some(Verb::Exec) => exec(session, options, args),
        Some(Verb::Attach) => attach(session, args),
        Some(Verb::ListId) => ids::list(session, options, args),
        Some(Verb::Pids) => pids(session, args),
        // Whatever stands behind it is not looked at.
        Some(Verb::Monitor) => {
            session.monitor = Some(Monitor::namespaces(options));
            Ok(())
        }
        None => Err(unknown_command(word, "netns")),
    }
}

fn is_invalid(name: &str) -> bool {
    name.is_empty() || name.len() > NAME_MAX || name.contains('/') || matches!(name, "." | "..")
}

/// The namespace that the command goes on in (`netns_switch()`).
pub(crate) fn switch(world: &World, name: &str) -> Result<NetnsId> {
    world.netns_by_name(name).ok_or_else(|| cannot_open(name).exiting(255))
}

fn cannot_open(name: &str) -> Failure {
    let error = Errno::ENOENT;
    Failure::returns(1, format!("Cannot open network namespace \"{name}\": {error}\n"))
}

/// Lists names, the newest first, with the number that each namespace has here.
fn list(session: &mut Session<'_>, options: &Options) -> Result<()> {
    let mut p = Printer::list(options);
    let known = &session.world.kernel.netns[session.netns].nsids;
    for (name, id) in session.world.netns_names().rev() {
        p.open_object(None);
        p.any("name", name, format_args!("{name}"));
        if let Some((nsid, _)) = known.iter().find(|(_, other)| **other == id) {
            p.any("id", *nsid, format_args!(" (id: {nsid})"));
        }
        p.text("\n");
        p.close_object();
    }
    session.stdout += &p.finish_list();
    Ok(())
}

fn name<'a>(args: &mut Args<'a>) -> Result<&'a str> {
    args.next().ok_or_else(|| Failure::returns(1, "No netns name specified\n"))
}

fn cannot_create(name: &str, error: Errno) -> Failure {
    let text = format!("Cannot create namespace file \"{RUN_DIR}/{name}\": {error}\n");
    Failure::returns(1, text)
}

fn add(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let name = name(args)?;
    session.world.add_netns(name).map_err(|error| cannot_create(name, error))?;
    Ok(())
}

fn attach(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let missing = || Failure::returns(1, "No netns name and PID specified\n");
    let name = args.next().ok_or_else(missing)?;
    let pid = args.next().ok_or_else(missing)?;
    let Some(number) = number::i32(pid).filter(|number| *number != 0) else {
        return Err(Failure::returns(1, format!("Invalid PID: {pid}\n")));
    };
    if session.world.netns_by_name(name).is_some() {
        return Err(cannot_create(name, Errno::EEXIST));
    }
    let id = session.host().netns_of_process(&number.to_string()).ok_or_else(|| {
        let error = Errno::ENOENT;
        let text = format!("Bind /proc/{number}/ns/net -> {RUN_DIR}/{name} failed: {error}\n");
        Failure::returns(1, text)
    })?;
    session.world.name_netns(name, id).map_err(|error| cannot_create(name, error))
}

fn delete(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    if options.all {
        let names: Vec<String> = session.world.netns_names().map(|(n, _)| n.to_owned()).collect();
        for name in names {
            session.world.del_netns(&name).map_err(|error| cannot_remove(&name, error))?;
        }
        return Ok(());
    }
    let name = name(args)?;
    session.world.del_netns(name).map_err(|error| cannot_remove(name, error))
}

fn cannot_remove(name: &str, error: Errno) -> Failure {
    let text = format!("Cannot remove namespace file \"{RUN_DIR}/{name}\": {error}\n");
    Failure::returns(1, text)
}

fn set(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let name = name(args)?;
    let text = args.next().ok_or_else(|| Failure::returns(1, "No nsid specified\n"))?;
    let nsid = match text {
        "auto" => None,
        _ => {
            let number = number::i32(text);
            let number =
                number.ok_or_else(|| Failure::invalid("Invalid \"netnsid\" value", text))?;
            let why = "\"netnsid\" value should be >= 0";
            Some(u32::try_from(number).map_err(|_| Failure::invalid(why, text))?)
        }
    };
    let netns = session.world.netns_by_name(name).ok_or_else(|| cannot_open(name))?;
    session.request(&Request::NetnsIdSet { netns, nsid }, 2)
}

/// `identify` without a process is about the caller.
fn identify(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let pid = args.next();
    if args.peek().is_some() {
        return Err(Failure::returns(1, "extra arguments specified\n"));
    }
    let netns = match pid {
        None => session.netns,
        Some(pid) if !pid.bytes().all(|b| b.is_ascii_digit()) => {
            let text = format!("Specified string '{pid}' is not a pid\n");
            return Err(Failure::returns(1, text));
        }
        Some(pid) => session.host().netns_of_process(pid).ok_or_else(cannot_open_any)?,
    };
    let name = session.world.netns_name(netns).unwrap_or_default().to_owned();
    session.stdout.push_str(&name);
    session.stdout.push('\n');
    Ok(())
}

fn cannot_open_any() -> Failure {
    Failure::returns(1, format!("Cannot open network namespace: {}\n", Errno::ENOENT))
}

/// Lists the processes in a namespace.
fn pids(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let name = name(args)?;
    if args.peek().is_some() {
        return Err(Failure::returns(1, "extra arguments specified\n"));
    }
    let netns = session.world.netns_by_name(name).ok_or_else(cannot_open_any)?;
    for pid in session.world.pids(netns) {
        session.out(format_args!("{pid}\n"));
    }
    Ok(())
}

/// Whether a command of these words may ask for processes of the machine: a process stands behind `netns`.
pub(crate) fn may_ask_for_processes(words: &[String]) -> bool {
    let asks = |word: &String| {
        abbreviates(word, "netns") || word.starts_with("-b") || word.starts_with("--b")
    };
    words.iter().any(asks)
}

fn exec(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    if options.all {
        return exec_everywhere(session, args);
    }
    let name = name(args)?;
    if args.peek().is_none() {
        return Err(Failure::returns(1, "No command specified\n"));
    }
    let netns = switch(session.world, name)?;
    session.exec = Some((netns, args.rest().to_vec()));
    Ok(())
}

/// Runs a command in each namespace in turn, as a child; how each ends does not matter.
fn exec_everywhere(session: &mut Session<'_>, args: &Args<'_>) -> Result<()> {
    if args.peek().is_none() {
        return Err(Failure::returns(1, "No command specified\n"));
    }
    let all: Vec<(String, NetnsId)> =
        session.world.netns_names().rev().map(|(name, id)| (name.to_owned(), id)).collect();
    for (name, netns) in all {
        session.out(format_args!("\nnetns: {name}\n"));
        session.exec = Some((netns, args.rest().to_vec()));
        if let Err(failure) = session.run_exec() {
            session.stdout += &failure.stdout;
            session.stderr += &failure.stderr;
        }
    }
    Ok(())
}

//! `bridge`, as in iproute2 6.1.0.

pub(crate) mod fdb;
pub(crate) mod fdb_args;
pub(crate) mod fdb_flush;
pub(crate) mod fdb_show;
pub(crate) mod link;
pub(crate) mod mdb;
pub(crate) mod usage;

use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::{Family, Options};
use crate::tools::monitor;
use crate::tools::monitor::Monitor;
use crate::tools::session::{Next, Session};
use crate::tools::{Call, ip, iproute2};
use crate::world::Program;

/// The things that `bridge` is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Object {
    Link,
    Fdb,
    Mdb,
    Monitor,
    Help,
    NotModelled,
}

/// In iproute2's order.
const OBJECTS: &[Keyword<Object>] = &[
    abbr("link", Object::Link),
    abbr("fdb", Object::Fdb),
    abbr("mdb", Object::Mdb),
    abbr("vlan", Object::NotModelled),
    abbr("vni", Object::NotModelled),
    abbr("monitor", Object::Monitor),
    abbr("help", Object::Help),
];

const VERSION: &str = "bridge utility, 6.1.0\n";

/// Starts `bridge`.
pub(super) fn start(call: Call) -> Box<dyn Program> {
    iproute2::start(call, run, command)
}

/// Runs `bridge` with the words after its name, up to where it goes on with a batch or as a monitor.
pub(crate) fn run(session: &mut Session<'_>, words: &[String], to_terminal: bool) -> Result<Next> {
    let mut args = Args::new(words);
    let options = Options { to_terminal, ..read_options(&mut args, session)? };
    if options.batch.is_some() {
        return Ok(Next::Batch(options));
    }
    let object = args.next().ok_or_else(usage::bridge)?;
    command(session, &options, object, &mut args)?;
    Ok(match session.monitor.take() {
        Some(monitor) => Next::Monitor(monitor),
        None => Next::End,
    })
}

/// Runs what stands behind the options (`do_cmd()`).
fn command(
    session: &mut Session<'_>,
    options: &Options,
    object: &str,
    args: &mut Args<'_>,
) -> Result<()> {
    match keyword(OBJECTS, object) {
        Some(Object::Link) => link::run(session, options, args),
        Some(Object::Fdb) => fdb::run(session, options, args),
        Some(Object::Mdb) => mdb::run(session, options, args),
        Some(Object::Monitor) => {
            let plan = monitor::args::bridge(session, args)?;
            session.monitor = Some(Monitor::new(plan, options));
            Ok(())
        }
        Some(Object::Help) => Err(usage::bridge()),
        Some(Object::NotModelled) => Err(Failure::not_modelled(&format!("\"bridge {object}\""))),
        None => {
            let text = format!("Object \"{object}\" is unknown, try \"bridge help\".\n");
            Err(Failure::returns(255, text))
        }
    }
}

#[derive(Clone, Copy)]
enum Switch {
    Help,
    Version,
    Stats,
    Details,
    Oneline,
    Timestamp,
    Family,
    Netns,
    CompressVlans,
    Force,
    Json,
    Pretty,
    Batch,
}

/// In iproute2's order; the colour stands before `-compressvlans`.
const SWITCHES: &[Keyword<Switch>] = &[
    abbr("-help", Switch::Help),
    abbr("-Version", Switch::Version),
    abbr("-stats", Switch::Stats),
    abbr("-statistics", Switch::Stats),
    abbr("-details", Switch::Details),
    abbr("-oneline", Switch::Oneline),
    abbr("-timestamp", Switch::Timestamp),
    abbr("-family", Switch::Family),
    abbr("-netns", Switch::Netns),
    abbr("-compressvlans", Switch::CompressVlans),
    abbr("-force", Switch::Force),
    abbr("-json", Switch::Json),
    abbr("-pretty", Switch::Pretty),
    abbr("-batch", Switch::Batch),
];

/// Reads everything up to the object; `-netns` takes effect at once.
fn read_options(args: &mut Args<'_>, session: &mut Session<'_>) -> Result<Options> {
    let mut options = Options::default();
    while let Some(word) = args.peek().filter(|word| word.starts_with('-')) {
        args.next();
        if word == "--" {
            break;
        }
        let option = if word.starts_with("--") { &word[1..] } else { word };
        match (keyword(SWITCHES, option), option, ip::colour(option)) {
            (_, "-4", _) => options.family = Family::Inet,
            (_, "-6", _) => options.family = Family::Inet6,
            (Some(Switch::CompressVlans) | None, _, Some(colour)) => options.colour = colour,
            (Some(switch), ..) => apply(switch, args, &mut options, session)?,
            (None, _, None) => {
                let text = format!("Option \"{option}\" is unknown, try \"bridge help\".\n");
                return Err(Failure::exits(255, text));
            }
        }
    }
    Ok(options)
}

fn apply(
    switch: Switch,
    args: &mut Args<'_>,
    options: &mut Options,
    session: &mut Session<'_>,
) -> Result<()> {
    match switch {
        Switch::Help => return Err(usage::bridge()),
        Switch::Version => return Err(Failure::exits_stdout(0, VERSION)),
        Switch::Stats => options.stats = options.stats.saturating_add(1),
        Switch::Details => options.details = options.details.saturating_add(1),
        Switch::Oneline => options.oneline = true,
        Switch::Timestamp => options.timestamp = true,
        Switch::Family => {
            let text = args.next().ok_or_else(usage::bridge)?;
            options.family = match text {
                "help" => return Err(usage::bridge()),
                "inet" => Family::Inet,
                "inet6" => Family::Inet6,
                _ => return Err(Failure::invalid("invalid protocol family", text)),
            };
        }
        Switch::Netns => {
            session.netns = ip::netns::switch(session.world, args.value()?)?;
            options.netns = Some(session.netns);
        }
        Switch::CompressVlans => {}
        Switch::Force => options.force = true,
        Switch::Json => options.json = true,
        Switch::Pretty => options.pretty = true,
        Switch::Batch => options.batch = Some(args.next().ok_or_else(usage::bridge)?.to_owned()),
    }
    Ok(())
}

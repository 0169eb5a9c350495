//! `tc`, as in iproute2 6.1.0: queueing disciplines of devices.

mod netem;
mod number;
mod qdisc;
mod show;
mod usage;

use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
use crate::tools::session::{Next, Session};
use crate::tools::{Call, ip, iproute2};
use crate::world::Program;

/// The things that `tc` is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Object {
    Qdisc,
    Help,
    NotModelled,
}

/// In iproute2's order.
const OBJECTS: &[Keyword<Object>] = &[
    abbr("qdisc", Object::Qdisc),
    abbr("class", Object::NotModelled),
    abbr("filter", Object::NotModelled),
    abbr("chain", Object::NotModelled),
    abbr("actions", Object::NotModelled),
    abbr("monitor", Object::NotModelled),
    abbr("exec", Object::NotModelled),
    abbr("help", Object::Help),
];

/// The version that is followed.
const VERSION: &str = "tc utility, iproute2-6.1.0, libbpf 1.1.2\n";

/// Starts `tc`.
pub(super) fn start(call: Call) -> Box<dyn Program> {
    iproute2::start(call, run, command)
}

/// Runs `tc` with the words after its name, up to where it goes on with a batch.
fn run(session: &mut Session<'_>, words: &[String], to_terminal: bool) -> Result<Next> {
    let mut args = Args::new(words);
    let options = Options { to_terminal, ..read_options(&mut args, session)? };
    if options.batch.is_some() {
        return Ok(Next::Batch(options));
    }
    let object = args.next().ok_or_else(usage::tc)?;
    command(session, &options, object, &mut args)?;
    Ok(Next::End)
}

/// Runs what stands behind the options (`do_cmd()`).
fn command(
    session: &mut Session<'_>,
    options: &Options,
    object: &str,
    args: &mut Args<'_>,
) -> Result<()> {
    match keyword(OBJECTS, object) {
        Some(Object::Qdisc) => qdisc::run(session, options, args),
        Some(Object::Help) => Err(usage::tc()),
        Some(Object::NotModelled) => Err(Failure::not_modelled(&format!("\"tc {object}\""))),
        None => {
            let text = format!("Object \"{object}\" is unknown, try \"tc help\".\n");
            Err(Failure::returns(255, text))
        }
    }
}

#[derive(Clone, Copy)]
enum Switch {
    Stats,
    Details,
    Raw,
    Pretty,
    Graph,
    Version,
    Iec,
    Help,
    Force,
    Batch,
    Netns,
    Numeric,
    Names,
    Conf,
    Timestamp,
    Json,
    Oneline,
    Brief,
}

/// In iproute2's order; the colour stands behind these.
const SWITCHES_BEFORE_COLOUR: &[Keyword<Switch>] = &[
    abbr("-stats", Switch::Stats),
    abbr("-statistics", Switch::Stats),
    abbr("-details", Switch::Details),
    abbr("-raw", Switch::Raw),
    abbr("-pretty", Switch::Pretty),
    abbr("-graph", Switch::Graph),
    abbr("-Version", Switch::Version),
    abbr("-iec", Switch::Iec),
    abbr("-help", Switch::Help),
    abbr("-force", Switch::Force),
    abbr("-batch", Switch::Batch),
    abbr("-netns", Switch::Netns),
    abbr("-Numeric", Switch::Numeric),
    abbr("-names", Switch::Names),
    abbr("-nm", Switch::Names),
    abbr("-cf", Switch::Conf),
    abbr("-conf", Switch::Conf),
];

const SWITCHES_BEHIND_COLOUR: &[Keyword<Switch>] = &[
    abbr("-timestamp", Switch::Timestamp),
    abbr("-tshort", Switch::Timestamp),
    abbr("-json", Switch::Json),
    abbr("-oneline", Switch::Oneline),
    abbr("-brief", Switch::Brief),
];

/// Reads everything up to the object; `-netns` takes effect at once.
fn read_options(args: &mut Args<'_>, session: &mut Session<'_>) -> Result<Options> {
    let mut options = Options::default();
    let mut classes = Classes::default();
    while let Some(option) = args.peek().filter(|word| word.starts_with('-')) {
        args.next();
        let first = keyword(SWITCHES_BEFORE_COLOUR, option);
        if let (None, Some(colour)) = (first, ip::colour(option)) {
            options.colour = colour;
            continue;
        }
        match first.or_else(|| keyword(SWITCHES_BEHIND_COLOUR, option)) {
            Some(Switch::Names) => classes.are_named = true,
            Some(Switch::Conf) => classes.file = args.next(),
            Some(switch) => apply(switch, args, &mut options, session)?,
            None => {
                let text = format!("Option \"{option}\" is unknown, try \"tc -help\".\n");
                return Err(Failure::exits(255, text));
            }
        }
    }
    match classes {
        Classes { are_named: true, file: Some(_) } => {
            Err(Failure::not_modelled("a file with names of tc's classes"))
        }
        // Without names the file is not even opened; and there are no classes.
        Classes { .. } => Ok(options),
    }
}

/// What classes are called.
#[derive(Default)]
struct Classes<'a> {
    are_named: bool,
    file: Option<&'a str>,
}

fn apply(
    switch: Switch,
    args: &mut Args<'_>,
    options: &mut Options,
    session: &mut Session<'_>,
) -> Result<()> {
    match switch {
        Switch::Stats => options.stats = options.stats.saturating_add(1),
        Switch::Details => options.details = options.details.saturating_add(1),
        Switch::Raw => return Err(Failure::not_modelled("tc's option \"-raw\"")),
        Switch::Pretty => options.pretty = true,
        Switch::Version => return Err(Failure::exits_stdout(0, VERSION)),
        Switch::Iec => options.iec = true,
        Switch::Help => return Err(usage::tc()),
        Switch::Force => options.force = true,
        Switch::Batch => {
            // Without a name the usage is printed, and standard input is read.
            let name = args.next();
            if name.is_none() {
                session.err(format_args!("{}", usage::TC));
            }
            options.batch = Some(name.unwrap_or("-").to_owned());
        }
        Switch::Netns => {
            // The word that is not there is read all the same.
            let name = args.next().unwrap_or("(null)");
            session.netns = ip::netns::switch(session.world, name)?;
            options.netns = Some(session.netns);
        }
        Switch::Numeric => options.numeric = true,
        Switch::Json => options.json = true,
        Switch::Oneline => options.oneline = true,
        // These change nothing about queueing disciplines.
        Switch::Graph | Switch::Names | Switch::Conf | Switch::Timestamp | Switch::Brief => {}
    }
    Ok(())
}

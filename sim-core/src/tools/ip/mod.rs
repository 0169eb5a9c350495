//! `ip`, as in iproute2 6.1.0.

pub(crate) mod addr;
pub(crate) mod batch;
pub(crate) mod link;
pub(crate) mod maddr;
pub(crate) mod neigh;
pub(crate) mod netns;
pub(crate) mod options;
pub(crate) mod route;
pub(crate) mod rule;
pub(crate) mod tunnel;
pub(crate) mod tuntap;
pub(crate) mod usage;

use crate::libc::number;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::{Colour, Family, Options};
use crate::tools::monitor;
use crate::tools::monitor::Monitor;
use crate::tools::session::{Next, Session};
use crate::tools::{Call, iproute2};
use crate::world::Program;

/// The things that `ip` is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Object {
    Address,
    Route,
    Rule,
    Neighbour,
    Link,
    Netns,
    Maddress,
    Tunnel,
    Tuntap,
    Monitor,
    Help,
    NotModelled,
}

/// In iproute2's order: `a` is address, `r` route, `n` neighbour, `t` tunnel.
const OBJECTS: &[Keyword<Object>] = &[
    abbr("address", Object::Address),
    abbr("addrlabel", Object::NotModelled),
    abbr("maddress", Object::Maddress),
    abbr("route", Object::Route),
    abbr("rule", Object::Rule),
    abbr("neighbor", Object::Neighbour),
    abbr("neighbour", Object::Neighbour),
    abbr("ntable", Object::NotModelled),
    abbr("ntbl", Object::NotModelled),
    abbr("link", Object::Link),
    abbr("l2tp", Object::NotModelled),
    abbr("fou", Object::NotModelled),
    abbr("ila", Object::NotModelled),
    abbr("macsec", Object::NotModelled),
    abbr("tunnel", Object::Tunnel),
    abbr("tunl", Object::NotModelled),
    abbr("tuntap", Object::Tuntap),
    abbr("tap", Object::Tuntap),
    abbr("token", Object::NotModelled),
    abbr("tcpmetrics", Object::NotModelled),
    abbr("tcp_metrics", Object::NotModelled),
    abbr("monitor", Object::Monitor),
    abbr("xfrm", Object::NotModelled),
    abbr("mroute", Object::NotModelled),
    abbr("mrule", Object::NotModelled),
    abbr("netns", Object::Netns),
    abbr("netconf", Object::NotModelled),
    abbr("vrf", Object::NotModelled),
    abbr("sr", Object::NotModelled),
    abbr("nexthop", Object::NotModelled),
    abbr("mptcp", Object::NotModelled),
    abbr("ioam", Object::NotModelled),
    abbr("help", Object::Help),
    abbr("stats", Object::NotModelled),
];

/// The version that is followed.
const VERSION: &str = "ip utility, iproute2-6.1.0, libbpf 1.1.2\n";

/// Starts `ip`.
pub(super) fn start(call: Call) -> Box<dyn Program> {
    iproute2::start(call, run, command)
}

/// Runs `ip` with the words after its name, up to where it goes on with a batch or as a monitor.
fn run(session: &mut Session<'_>, words: &[String], to_terminal: bool) -> Result<Next> {
    let mut args = Args::new(words);
    let options = Options { to_terminal, ..read_options(&mut args, session)? };
    if options.batch.is_some() {
        return Ok(Next::Batch(options));
    }
    let object = args.next().ok_or_else(usage::ip)?;
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
        Some(Object::Address) => addr::run(session, options, args),
        Some(Object::Route) => route::run(session, options, args),
        Some(Object::Rule) => rule::run(session, options, args),
        Some(Object::Neighbour) => neigh::run(session, options, args),
        Some(Object::Link) => link::run(session, options, args),
        Some(Object::Netns) => netns::run(session, options, args),
        Some(Object::Maddress) => maddr::run(session, options, args),
        Some(Object::Tunnel) => tunnel::run(session, options, args),
        Some(Object::Tuntap) => tuntap::run(session, options, args),
        Some(Object::Monitor) => {
            let plan = monitor::args::ip(session, options, args)?;
            session.monitor = Some(Monitor::new(plan, options));
            Ok(())
        }
        Some(Object::Help) => Err(usage::ip()),
        Some(Object::NotModelled) => Err(Failure::not_modelled(&format!("\"ip {object}\""))),
        None => {
            let text = format!("Object \"{object}\" is unknown, try \"ip help\".\n");
            Err(Failure::returns(1, text))
        }
    }
}

/// The word that a subcommand was asked for with is not one of its own.
pub(crate) fn unknown_command(word: &str, object: &str) -> Failure {
    let text = format!("Command \"{word}\" is unknown, try \"ip {object} help\".\n");
    Failure::exits(255, text)
}

#[derive(Clone, Copy)]
enum Switch {
    Loops,
    Family,
    Human,
    Iec,
    Stats,
    Details,
    Resolve,
    Oneline,
    Timestamp,
    Tshort,
    Version,
    Force,
    Batch,
    Brief,
    Json,
    Pretty,
    Rcvbuf,
    Help,
    Netns,
    Numeric,
    All,
}

/// In iproute2's order: `-h` is human, `-r` resolve, `-b` batch, `-s` stats, `-n` netns.
const SWITCHES_BEFORE_COLOUR: &[Keyword<Switch>] = &[
    abbr("-human", Switch::Human),
    abbr("-human-readable", Switch::Human),
    abbr("-iec", Switch::Iec),
    abbr("-stats", Switch::Stats),
    abbr("-statistics", Switch::Stats),
    abbr("-details", Switch::Details),
    abbr("-resolve", Switch::Resolve),
    abbr("-oneline", Switch::Oneline),
    abbr("-timestamp", Switch::Timestamp),
    abbr("-tshort", Switch::Tshort),
    abbr("-Version", Switch::Version),
    abbr("-force", Switch::Force),
    abbr("-batch", Switch::Batch),
    abbr("-brief", Switch::Brief),
    abbr("-json", Switch::Json),
    abbr("-pretty", Switch::Pretty),
    abbr("-rcvbuf", Switch::Rcvbuf),
];

const SWITCHES_FIRST: &[Keyword<Switch>] =
    &[abbr("-loops", Switch::Loops), abbr("-family", Switch::Family)];

const SWITCHES_LAST: &[Keyword<Switch>] = &[
    abbr("-help", Switch::Help),
    abbr("-netns", Switch::Netns),
    abbr("-Numeric", Switch::Numeric),
    abbr("-all", Switch::All),
];

/// The one-letter options for families.
fn family_letter(option: &str) -> Option<Family> {
    Some(match option {
        "-4" => Family::Inet,
        "-6" => Family::Inet6,
        "-0" => Family::Packet,
        "-M" => Family::Mpls,
        "-B" => Family::Bridge,
        _ => return None,
    })
}

/// Reads everything up to the object; `-netns` takes effect at once.
fn read_options(args: &mut Args<'_>, session: &mut Session<'_>) -> Result<Options> {
    let mut options = Options { flush_loops: 10, ..Options::default() };
    while let Some(word) = args.peek().filter(|word| word.starts_with('-')) {
        args.next();
        if word == "--" {
            break;
        }
        let option = if word.starts_with("--") { &word[1..] } else { word };
        if let Some(family) = family_letter(option) {
            options.family = family;
            continue;
        }
        let first = keyword(SWITCHES_FIRST, option);
        let switch = first.or_else(|| keyword(SWITCHES_BEFORE_COLOUR, option));
        if let (None, Some(colour)) = (switch, colour(option)) {
            options.colour = colour;
            continue;
        }
        match switch.or_else(|| keyword(SWITCHES_LAST, option)) {
            Some(switch) => apply(switch, args, &mut options, session)?,
            None => {
                let text = format!("Option \"{option}\" is unknown, try \"ip -help\".\n");
                return Err(Failure::exits(255, text));
            }
        }
    }
    Ok(options)
}

/// `-color`, with or without `=WHEN` (`matches_color()`).
pub(crate) fn colour(option: &str) -> Option<Colour> {
    let (name, when) = match option.split_once('=') {
        Some((name, when)) => (name, when),
        None => (option, "always"),
    };
    if !abbreviates(name, "-color") {
        return None;
    }
    match when {
        "always" => Some(Colour::Always),
        "auto" => Some(Colour::Auto),
        "never" => Some(Colour::Never),
        _ => None,
    }
}

fn apply(
    switch: Switch,
    args: &mut Args<'_>,
    options: &mut Options,
    session: &mut Session<'_>,
) -> Result<()> {
    match switch {
        Switch::Loops => {
            options.flush_loops = number::atoi(args.next().ok_or_else(usage::ip)?);
        }
        Switch::Family => options.family = family(args.next().ok_or_else(usage::ip)?)?,
        Switch::Human => options.human = true,
        Switch::Iec => options.iec = true,
        Switch::Stats => options.stats = options.stats.saturating_add(1),
        Switch::Details => options.details = options.details.saturating_add(1),
        // There is nobody to ask for names, so addresses stay numbers.
        Switch::Resolve => {}
        Switch::Oneline => options.oneline = true,
        Switch::Timestamp => options.timestamp = true,
        Switch::Tshort => {
            options.timestamp = true;
            options.timestamp_short = true;
        }
        Switch::Version => return Err(Failure::exits_stdout(0, VERSION)),
        Switch::Force => options.force = true,
        Switch::Batch => options.batch = Some(args.next().ok_or_else(usage::ip)?.to_owned()),
        Switch::Brief => options.brief = true,
        Switch::Json => options.json = true,
        Switch::Pretty => options.pretty = true,
        Switch::Rcvbuf => {
            let text = args.next().ok_or_else(usage::ip)?;
            if number::u32(text).is_none() {
                let text = format!("Invalid rcvbuf size '{text}'\n");
                return Err(Failure::exits(255, text));
            }
        }
        Switch::Help => return Err(usage::ip()),
        // The word that is not there is read all the same.
        Switch::Netns => {
            let name = args.next().unwrap_or("(null)");
            session.netns = netns::switch(session.world, name)?;
            options.netns = Some(session.netns);
        }
        Switch::Numeric => options.numeric = true,
        Switch::All => options.all = true,
    }
    Ok(())
}

fn family(text: &str) -> Result<Family> {
    match text {
        "help" => Err(usage::ip()),
        _ => Family::named(text).ok_or_else(|| Failure::invalid("invalid protocol family", text)),
    }
}

//! `tc qdisc`: which queueing discipline is at the root of a device.

use crate::libc::number;
use crate::netlink::Request;
use crate::netlink::request::{Handle, LinkRef, QdiscKind, QdiscSpec, QdiscVerb};
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
use crate::tools::session::{Host as _, Session};
use crate::tools::tc::{netem, show, usage};

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Change,
    Replace,
    Link,
    Delete,
    Show,
    Help,
}

/// In iproute2's order.
const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add),
    abbr("change", Verb::Change),
    abbr("replace", Verb::Replace),
    abbr("link", Verb::Link),
    abbr("delete", Verb::Delete),
    abbr("list", Verb::Show),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("help", Verb::Help),
];

/// Runs `tc qdisc` with the words behind it.
pub(super) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("list");
    let set = |session: &mut Session<'_>, args: &mut Args<'_>, verb| {
        let spec = modify(session, args)?;
        session.request(&Request::QdiscSet(spec, verb), 2)
    };
    match keyword(VERBS, word) {
        Some(Verb::Add) => set(session, args, QdiscVerb::Add),
        Some(Verb::Change) => set(session, args, QdiscVerb::Change),
        Some(Verb::Replace) => set(session, args, QdiscVerb::Replace),
        Some(Verb::Delete) => {
            let spec = modify(session, args)?;
            session.request(&Request::QdiscDel(spec), 2)
        }
        Some(Verb::Link) => set(session, args, QdiscVerb::Link),
        Some(Verb::Show) => show::list(session, options, args),
        Some(Verb::Help) => Err(usage::qdisc()),
        None => {
            let text = format!("Command \"{word}\" is unknown, try \"tc qdisc help\".\n");
            Err(Failure::returns(255, text))
        }
    }
}

/// The device called `name` (`ll_name_to_index()`), whose name is cut if it is too long for one.
pub(super) fn device(session: &Session<'_>, name: &str) -> Result<LinkRef> {
    const LONGEST: usize = 15;
    let end = (0..=LONGEST.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    let name = &name[..end.unwrap_or(0)];
    session.host().device(name).ok_or_else(|| Failure::no_device(name))
}

/// The root as a parent (`TC_H_ROOT`).
pub(super) const ROOT: u32 = u32::MAX;

/// What the parent of a queueing discipline is called (`get_tc_classid()`); 0 for none.
pub(super) fn parent(text: &str) -> Option<u32> {
    let half = |text: &str| {
        let read = number::strtoul(text, 16).filter(|(_, rest)| rest.is_empty());
        read.and_then(|(number, _)| u16::try_from(number).ok())
    };
    match text {
        "root" => return Some(ROOT),
        "none" => return Some(0),
        _ => {}
    }
    let Some((major, minor)) = text.split_once(':') else {
        let whole = number::strtoul(text, 16).filter(|(_, rest)| rest.is_empty())?;
        return u32::try_from(whole.0).ok();
    };
    let or_none = |text: &str| if text.is_empty() { Some(0) } else { half(text) };
    Some(u32::from(or_none(major)?) << 16 | u32::from(or_none(minor)?))
}

/// What a number is written as (`get_qdisc_handle()`); 0 for none. What stands behind the colon is not read.
pub(super) fn handle(text: &str) -> Option<Handle> {
    if text == "none" {
        return Some(0);
    }
    let (major, rest) = number::strtoul(text, 16)?;
    let ends = rest.is_empty() || rest.starts_with(':');
    major.try_into().ok().filter(|_| ends)
}

#[derive(Clone, Copy)]
enum Word {
    Dev,
    Handle,
    Root,
    Parent,
    Help,
    NotModelled,
}

/// In iproute2's order.
const WORDS: &[Keyword<Word>] = &[
    full("dev", Word::Dev),
    full("handle", Word::Handle),
    full("root", Word::Root),
    full("clsact", Word::NotModelled),
    full("ingress", Word::NotModelled),
    full("parent", Word::Parent),
    abbr("estimator", Word::NotModelled),
    abbr("stab", Word::NotModelled),
    abbr("ingress_block", Word::NotModelled),
    abbr("egress_block", Word::NotModelled),
    abbr("help", Word::Help),
];

/// Reads the words behind `tc qdisc add` and its like (`tc_qdisc_modify()`).
fn modify(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<QdiscSpec> {
    let (mut dev, mut handle_given, mut parent_given, mut kind) = (None, 0, 0, None);
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::Dev) => {
                let name = args.value()?;
                if dev.is_some() {
                    return Err(Failure::duplicate("dev", name));
                }
                dev = Some(name);
            }
            Some(Word::Handle) => {
                if handle_given != 0 {
                    return Err(Failure::duplicate("handle", text));
                }
                let text = args.value()?;
                handle_given =
                    handle(text).ok_or_else(|| Failure::invalid("invalid qdisc ID", text))?;
            }
            Some(Word::Root) => {
                if parent_given != 0 {
                    let text = "Error: \"root\" is duplicate parent ID\n";
                    return Err(Failure::returns(255, text));
                }
                parent_given = ROOT;
            }
            Some(Word::Parent) => {
                let text = args.value()?;
                if parent_given != 0 {
                    return Err(Failure::duplicate("parent", text));
                }
                parent_given =
                    parent(text).ok_or_else(|| Failure::invalid("invalid parent ID", text))?;
            }
            // The usage is printed, and what follows is read all the same.
            Some(Word::Help) => session.err(format_args!("{}", usage::QDISC)),
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("tc qdisc's \"{text}\"")));
            }
            None => {
                kind = Some(read_kind(text, args)?);
                break;
            }
        }
    }
    if !matches!(parent_given, 0 | ROOT) {
        return Err(Failure::not_modelled("a qdisc's parent other than the root"));
    }
    let dev = dev.map(|name| device(session, name)).transpose()?;
    let handle = (handle_given != 0).then_some(handle_given);
    Ok(QdiscSpec { dev, root: parent_given == ROOT, handle, kind })
}

/// The kinds that Linux has beside `netem`.
const KINDS: &[&str] = &[
    "atm",
    "bfifo",
    "cake",
    "cbq",
    "cbs",
    "choke",
    "clsact",
    "codel",
    "drr",
    "dsmark",
    "dualpi2",
    "etf",
    "ets",
    "fq",
    "fq_codel",
    "fq_pie",
    "gred",
    "hfsc",
    "hhf",
    "htb",
    "ingress",
    "mq",
    "mqprio",
    "multiq",
    "noop",
    "noqueue",
    "pfifo",
    "pfifo_fast",
    "pfifo_head_drop",
    "pie",
    "plug",
    "prio",
    "qfq",
    "red",
    "sfb",
    "sfq",
    "skbprio",
    "taprio",
    "tbf",
    "teql0",
];

/// Reads a kind and what it is told (`get_qdisc_kind()`, `parse_qopt()`).
fn read_kind(name: &str, args: &mut Args<'_>) -> Result<QdiscKind> {
    if name == "netem" {
        return Ok(QdiscKind::Netem(netem::read(args)?));
    }
    if KINDS.contains(&name) {
        return Err(Failure::not_modelled(&format!("the qdisc \"{name}\"")));
    }
    if let Some(option) = args.peek() {
        let text = format!("Unknown qdisc \"{name}\", hence option \"{option}\" is unparsable\n");
        return Err(Failure::returns(1, text));
    }
    Ok(QdiscKind::Unknown(name.to_owned()))
}

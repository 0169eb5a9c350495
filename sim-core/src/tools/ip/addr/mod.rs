//! `ip address`.

pub(crate) mod args;
pub(crate) mod filter;
pub(crate) mod flush;
pub(crate) mod print;
pub(crate) mod show;

use crate::netlink::Request;
use crate::netlink::request::Create;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::print::View;
use crate::tools::ip::options::Options;
use crate::tools::ip::{unknown_command, usage};
use crate::tools::session::Session;

#[derive(Clone, Copy)]
enum Verb {
    Add(Create),
    Delete,
    Show,
    Flush,
    Help,
    NotModelled,
}

/// In iproute2's order: `a` is add, `s` is show, `r` is replace.
const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add(Create::Exclusive)),
    abbr("change", Verb::Add(Create::Change)),
    full("chg", Verb::Add(Create::Change)),
    abbr("replace", Verb::Add(Create::Replace)),
    abbr("delete", Verb::Delete),
    abbr("list", Verb::Show),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("flush", Verb::Flush),
    abbr("save", Verb::NotModelled),
    abbr("showdump", Verb::NotModelled),
    abbr("restore", Verb::NotModelled),
    abbr("help", Verb::Help),
];

/// Runs `ip address` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Add(create)) => modify(session, options, args, Some(create)),
        Some(Verb::Delete) => modify(session, options, args, None),
        Some(Verb::Show) => show::run(session, options, args, View::Address),
        Some(Verb::Flush) => flush::run(session, options, args),
        Some(Verb::NotModelled) => Err(Failure::not_modelled(&format!("\"ip address {word}\""))),
        Some(Verb::Help) => Err(usage::addr()),
        None => Err(unknown_command(word, "address")),
    }
}

fn modify(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
    create: Option<Create>,
) -> Result<()> {
    let mut notes = String::new();
    let spec = args::modify(args, options, &session.host(), &mut notes, create.is_none());
    session.stderr += &notes;
    let spec = spec?;
    let request = match create {
        Some(create) => Request::AddrAdd(spec, create),
        None => Request::AddrDel(spec),
    };
    session.request(&request, 2)
}

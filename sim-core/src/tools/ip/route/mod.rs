//! `ip route`.

pub(crate) mod args;
pub(crate) mod filter;
pub(crate) mod get;
pub(crate) mod print;
pub(crate) mod show;

use crate::netlink::Request;
use crate::netlink::request::Create;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
use crate::tools::ip::{unknown_command, usage};
use crate::tools::session::Session;

#[derive(Clone, Copy)]
enum Verb {
    Add(Create),
    Delete,
    Show,
    Get,
    Flush,
    Help,
    NotModelled,
}

/// In iproute2's order: `a` is add, `r` is replace, `s` is show, `g` is get.
const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add(Create::Exclusive)),
    abbr("change", Verb::Add(Create::Change)),
    full("chg", Verb::Add(Create::Change)),
    abbr("replace", Verb::Add(Create::Replace)),
    abbr("prepend", Verb::Add(Create::Prepend)),
    abbr("append", Verb::Add(Create::Append)),
    abbr("test", Verb::Add(Create::Test)),
    abbr("delete", Verb::Delete),
    abbr("list", Verb::Show),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("get", Verb::Get),
    abbr("flush", Verb::Flush),
    abbr("save", Verb::NotModelled),
    abbr("restore", Verb::NotModelled),
    abbr("showdump", Verb::NotModelled),
    abbr("help", Verb::Help),
];

/// Runs `ip route` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Add(create)) => {
            let spec = args::modify(args, options, &session.host(), false)?;
            session.request(&Request::RouteAdd(spec, create), 2)
        }
        Some(Verb::Delete) => {
            let spec = args::modify(args, options, &session.host(), true)?;
            session.request(&Request::RouteDel(spec), 2)
        }
        Some(Verb::Show) => show::show(session, options, args),
        Some(Verb::Get) => get::run(session, options, args),
        Some(Verb::Flush) => show::flush(session, options, args),
        Some(Verb::NotModelled) => Err(Failure::not_modelled(&format!("\"ip route {word}\""))),
        Some(Verb::Help) => Err(usage::route()),
        None => Err(unknown_command(word, "route")),
    }
}

//! `ip neigh`.

pub(crate) mod args;
pub(crate) mod print;
pub(crate) mod show;

use crate::netlink::Request;
use crate::netlink::request::Create;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::Result;
use crate::tools::ip::options::Options;
use crate::tools::ip::{unknown_command, usage};
use crate::tools::session::Session;

#[derive(Clone, Copy)]
enum Verb {
    Add(Create),
    Delete,
    Get,
    Show,
    Flush,
    Help,
}

/// In iproute2's order: `r` is replace, `s` is show.
const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add(Create::Exclusive)),
    abbr("change", Verb::Add(Create::Change)),
    full("chg", Verb::Add(Create::Change)),
    abbr("replace", Verb::Add(Create::Replace)),
    abbr("delete", Verb::Delete),
    abbr("get", Verb::Get),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("list", Verb::Show),
    abbr("flush", Verb::Flush),
    abbr("help", Verb::Help),
];

/// Runs `ip neigh` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Add(create)) => {
            let spec = args::modify(args, options, &session.host())?;
            request(session, &Request::NeighAdd(spec, create))
        }
        Some(Verb::Delete) => {
            let spec = args::modify(args, options, &session.host())?;
            request(session, &Request::NeighDel(spec))
        }
        Some(Verb::Show) => show::run(session, options, args, false),
        Some(Verb::Flush) => show::run(session, options, args, true),
        Some(Verb::Get) => show::get(session, options, args),
        Some(Verb::Help) => Err(usage::neigh()),
        None => Err(unknown_command(word, "neigh")),
    }
}

/// Makes a change; a refusal ends the process.
fn request(session: &mut Session<'_>, request: &Request) -> Result<()> {
    session.request(request, 2).map_err(|failure| failure.exiting(2))
}

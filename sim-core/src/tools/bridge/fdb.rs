//! `bridge fdb`.

use crate::netlink::Request;
use crate::netlink::request::Create;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::bridge::{fdb_args, fdb_flush, fdb_show, usage};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
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

/// In iproute2's order.
const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add(Create::Exclusive)),
    abbr("append", Verb::Add(Create::Append)),
    abbr("replace", Verb::Add(Create::Replace)),
    abbr("delete", Verb::Delete),
    abbr("get", Verb::Get),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("list", Verb::Show),
    full("flush", Verb::Flush),
    abbr("help", Verb::Help),
];

/// Runs `bridge fdb` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Add(create)) => {
            let spec = fdb_args::modify(args, options, &session.host()).map_err(returned)?;
            session.request(&Request::FdbAdd(spec, create), 255)
        }
        Some(Verb::Delete) => {
            let spec = fdb_args::modify(args, options, &session.host()).map_err(returned)?;
            session.request(&Request::FdbDel(spec), 255)
        }
        Some(Verb::Get) => fdb_show::get(session, options, args),
        Some(Verb::Show) => fdb_show::show(session, options, args),
        Some(Verb::Flush) => {
            let spec = fdb_flush::read(args, &session.host())?;
            session.request(&Request::FdbFlush(spec), 255)
        }
        Some(Verb::Help) => Err(usage::fdb()),
        None => {
            let text = format!("Command \"{word}\" is unknown, try \"bridge fdb help\".\n");
            Err(Failure::exits(255, text))
        }
    }
}

/// What `ip` returns with status 1, `bridge` returns with 255.
fn returned(failure: Failure) -> Failure {
    if failure.exits { failure } else { Failure { code: 255, ..failure } }
}

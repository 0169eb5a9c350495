//! `ip rule`.

pub(crate) mod args;
pub(crate) mod print;
pub(crate) mod show;

use crate::netlink::Request;
use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
use crate::tools::ip::{unknown_command, usage};
use crate::tools::session::Session;

#[derive(Clone, Copy)]
enum Verb {
    Show,
    Add,
    Delete,
    Flush,
    Help,
    NotModelled,
}

/// In iproute2's order: `s` is show.
const VERBS: &[Keyword<Verb>] = &[
    abbr("list", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("show", Verb::Show),
    abbr("save", Verb::NotModelled),
    abbr("restore", Verb::NotModelled),
    abbr("add", Verb::Add),
    abbr("delete", Verb::Delete),
    abbr("flush", Verb::Flush),
    abbr("help", Verb::Help),
];

/// Runs `ip rule` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    match keyword(VERBS, word) {
        Some(Verb::Add) => {
            let spec = args::modify(args, options, false)?;
            session.request(&Request::RuleAdd(spec), 2)
        }
        Some(Verb::Delete) => {
            let spec = args::modify(args, options, true)?;
            session.request(&Request::RuleDel(spec), 2)
        }
        Some(Verb::Show) => show::show(session, options, args),
        Some(Verb::Flush) => show::flush(session, options, args),
        Some(Verb::NotModelled) => Err(Failure::not_modelled(&format!("\"ip rule {word}\""))),
        Some(Verb::Help) => Err(usage::rule()),
        None => Err(unknown_command(word, "rule")),
    }
}

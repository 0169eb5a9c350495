//! Asking the kernel for a batch, and what is said when it refuses (`nft_action()`, `iptc_commit()`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::netfilter::xtables::change::{XtAct, XtBatch, XtChange};
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::table::Variant;
use crate::netlink::Request;
use crate::tools::failure::{Failure, Result};
use crate::tools::session::Session;

use super::ending::Speaker;
use super::work::Fault;

/// The room for messages about refused changes, in bytes.
const ROOM: usize = 1024;

/// Makes a batch; a refusal of `nf_tables` ends the program.
pub(super) fn ask(
    session: &mut Session<'_>,
    speaker: Speaker<'_>,
    batch: XtBatch,
    lines: &[Option<usize>],
) -> std::result::Result<(), Fault> {
    if batch.changes.is_empty() {
        return Ok(());
    }
    let request = Request::Xt(Box::new(batch));
    let Err(error) = session.ask(&request) else { return Ok(()) };
    let Request::Xt(batch) = request else { return Ok(()) };
    match speaker.variant {
        Variant::Legacy => Err(Fault::of(error.errno)),
        Variant::Nft => {
            let is_heard =
                |(at, _): &&(usize, Errno)| !batch.changes.get(*at).is_some_and(is_too_long);
            let heard: Vec<_> = error.refused.iter().take_while(is_heard).copied().collect();
            if heard.is_empty() && !error.refused.is_empty() {
                return Err(Fault::of(Errno::ENOSPC));
            }
            Err(speaker.refused(&describe(&batch.changes, &heard, lines)).into())
        }
    }
}

/// Whether the kernel's refusal, which quotes the change, is longer than the 4096 bytes that there is room for. Of all
/// matches only `u32` makes rules so long, of which one has 1984 bytes.
fn is_too_long(change: &XtChange) -> bool {
    let (XtAct::Append(rule, _) | XtAct::Insert(_, rule, _) | XtAct::Replace(_, rule, _)) =
        &change.what
    else {
        return false;
    };
    rule.matches.iter().filter(|m| matches!(m, Match::U32(_))).count() > 1
}

/// What was refused. In a file each change is named with its line, else only the first.
fn describe(changes: &[XtChange], refused: &[(usize, Errno)], lines: &[Option<usize>]) -> String {
    let mut text = String::new();
    for (at, errno) in refused {
        let Some(change) = changes.get(*at) else { continue };
        let line = lines.get(*at).copied().flatten();
        let mut one = match line {
            Some(line) => format!("\nline {line}: "),
            None => " ".to_owned(),
        };
        let (kind, place) = name(change);
        write!(one, "{kind} failed ({errno}): {place}").expect("a string takes everything");
        let room = ROOM - text.len();
        if one.len() > room {
            // What does not fit is cut off, and overwritten by what comes next.
            text.push_str(one.get(..room - 1).unwrap_or_default());
            break;
        }
        text.push_str(&one);
        if line.is_none() {
            break;
        }
    }
    text
}

/// What a change is called, and where it is made.
fn name(change: &XtChange) -> (&'static str, String) {
    let chain = change.chain.as_deref().unwrap_or_default();
    let is_built_in = change.table.hook(chain).is_some();
    let kind = match &change.what {
        XtAct::Load => return ("TABLE_ADD", format!("table {}", change.table)),
        XtAct::Unload => return ("TABLE_FLUSH", format!("table {}", change.table)),
        XtAct::NewChain if is_built_in => "CHAIN_ADD",
        XtAct::NewChain => "CHAIN_USER_ADD",
        XtAct::DeleteChain => "CHAIN_DEL",
        XtAct::RenameChain(to) => return ("CHAIN_RENAME", format!("chain {to}")),
        XtAct::Policy(..) => "CHAIN_UPDATE",
        XtAct::Append(..) => "RULE_APPEND",
        XtAct::Insert(..) => "RULE_INSERT",
        XtAct::Replace(..) | XtAct::Zero(Some(_)) => "RULE_REPLACE",
        XtAct::Delete(_) => "RULE_DELETE",
        XtAct::Flush => "RULE_FLUSH",
        XtAct::Zero(None) => "CHAIN_ZERO",
    };
    let what = if kind.starts_with("RULE") { "rule in chain" } else { "chain" };
    (kind, format!("{what} {chain}"))
}

/// How a command ends that failed.
pub(super) fn end(speaker: Speaker<'_>, fault: Fault) -> Failure {
    match fault {
        Fault::Ends(failure) => failure,
        Fault::Fails(errno, text) => {
            let is_invalid = errno == Errno::EINVAL;
            let more = if is_invalid { " Run `dmesg' for more information." } else { "" };
            Failure::exits(1, format!("{}: {text}.{more}\n", speaker.program))
        }
    }
}

/// The same, as a result.
pub(super) fn ended<T>(speaker: Speaker<'_>, done: std::result::Result<T, Fault>) -> Result<T> {
    done.map_err(|fault| end(speaker, fault))
}

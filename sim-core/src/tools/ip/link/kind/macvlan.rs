//! `type macvlan`.

use crate::netlink::request::MacvlanMode;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::usage;

#[derive(Clone, Copy)]
enum Word {
    Mode,
    Help,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    abbr("mode", Word::Mode),
    abbr("flag", Word::NotModelled),
    abbr("macaddr", Word::NotModelled),
    abbr("nopromisc", Word::NotModelled),
    abbr("nodst", Word::NotModelled),
    abbr("bcqueuelen", Word::NotModelled),
    abbr("help", Word::Help),
];

/// The modes by name.
pub(crate) const MODES: &[Keyword<MacvlanMode>] = &[
    full("private", MacvlanMode::Private),
    full("vepa", MacvlanMode::Vepa),
    full("bridge", MacvlanMode::Bridge),
    full("passthru", MacvlanMode::Passthru),
    full("source", MacvlanMode::Source),
];

/// Reads the options up to the end of the line. Without a mode the kernel takes `vepa`.
pub(super) fn read(args: &mut Args<'_>) -> Result<MacvlanMode> {
    let mut mode = MacvlanMode::Vepa;
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::Mode) => {
                let name = args.value()?;
                mode = keyword(MODES, name).ok_or_else(|| bad_mode(name))?;
            }
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("the macvlan option \"{text}\"")));
            }
            Some(Word::Help) => return Err(help("")),
            None => return Err(help(&format!("macvlan: unknown option \"{text}\"?\n"))),
        }
    }
    Ok(mode)
}

fn bad_mode(name: &str) -> Failure {
    let modes = "\"private\", \"vepa\", \"bridge\", \"passthru\" or \"source\"";
    let text = format!("Error: argument of \"mode\" must be {modes}, not \"{name}\"\n");
    Failure::returns(1, text)
}

fn help(complaint: &str) -> Failure {
    Failure::returns(1, format!("{complaint}{}", usage::kind("macvlan").unwrap_or_default()))
}

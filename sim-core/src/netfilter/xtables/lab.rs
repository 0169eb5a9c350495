//! A workbench for tests of extensions: one match or target from its words.

use crate::family::AddressFamily;
use crate::netfilter::xtables::extension::{Context, Kind, Problem, Style};
use crate::netfilter::xtables::matches::{MATCHES, Match};
use crate::netfilter::xtables::reading::Opened;
use crate::netfilter::xtables::registry::Entry;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::targets::{TARGETS, Target};
use crate::netfilter::xtables::value;

/// Reads a match from the words that follow `-m`, its name first; `-p PROTOCOL` may stand before the name.
pub(crate) fn read_match(family: AddressFamily, words: &[&str]) -> Result<Match, Problem> {
    read(MATCHES, Variant::Nft, family, words)
}

/// Reads a target from the words that follow `-j`, its name first; `-p PROTOCOL` may stand before the name.
pub(crate) fn read_target(family: AddressFamily, words: &[&str]) -> Result<Target, Problem> {
    read_target_for(Variant::Nft, family, words)
}

/// The same, as the tool of `variant` reads it.
pub(crate) fn read_target_for(
    variant: Variant,
    family: AddressFamily,
    words: &[&str],
) -> Result<Target, Problem> {
    read(TARGETS, variant, family, words)
}

/// What `iptables-save` writes of a match, without its name, and what `-L -n` shows of it.
pub(crate) fn match_texts(family: AddressFamily, words: &[&str]) -> (String, String) {
    let style = Style { family, numeric: true, quoted: false };
    let (mut save, mut print) = (String::new(), String::new());
    let read = read_match(family, words).expect("a good match");
    read.save(style, &mut save);
    read.print(style, &mut print);
    (save, print)
}

/// What `iptables-save` writes of a target, without its name, and what `-L -n` shows of it.
pub(crate) fn target_texts(family: AddressFamily, words: &[&str]) -> (String, String) {
    let style = Style { family, numeric: true, quoted: false };
    let (mut save, mut print) = (String::new(), String::new());
    let read = read_target(family, words).expect("a good target");
    read.save(style, &mut save);
    read.print(style, &mut print);
    (save, print)
}

fn read<T>(
    entries: &'static [Entry<T>],
    variant: Variant,
    family: AddressFamily,
    words: &[&str],
) -> Result<T, Problem> {
    let (proto, words) = match words {
        ["-p", proto, rest @ ..] => (Some((value::protocol(proto)?, false)), rest),
        ["!", "-p", proto, rest @ ..] => (Some((value::protocol(proto)?, true)), rest),
        _ => (None, words),
    };
    let cx = Context { variant, family, proto, tool: "iptables" };
    let (name, mut words) = words.split_first().expect("a name");
    let entry = entries
        .iter()
        .find(|entry| entry.name == *name && entry.families.contains(&family))
        .expect("an extension of this family");
    let mut opened = Opened::new(entry, family);
    let mut invert = false;
    while let Some((word, rest)) = words.split_first() {
        words = rest;
        if *word == "!" {
            invert = true;
            continue;
        }
        let option = word.strip_prefix("--").expect("an option");
        let at = entry.options.iter().position(|opt| opt.name == option).expect("a known option");
        let kind = entry.options[at].kind;
        let takes = usize::from(kind != Kind::None) + usize::from(kind == Kind::Pair);
        let follow = [0, 1].map(|n| words.get(n).copied().filter(|_| n < takes));
        opened.option_of_two(at, invert, follow, &cx)?;
        words = words.get(takes..).unwrap_or_default();
        invert = false;
    }
    opened.finish(&cx)
}

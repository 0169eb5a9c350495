//! Names of chains and extensions.

use crate::family::AddressFamily;
use crate::netfilter::xtables::registry::Entry;
use crate::tools::failure::Result;

use super::ending::Speaker;
use super::known;

/// The longest name of a chain, a match or a target, in bytes (`XT_EXTENSION_MAXNAMELEN - 1`).
pub(super) const MAX_NAME: usize = 28;

pub(super) fn too_long(chain: &str) -> String {
    format!("chain name `{chain}' too long (must be under {} chars)", MAX_NAME + 1)
}

/// Looks a chain's name over; that of an extension can be taken if it was announced.
pub(super) fn check_chain_name(
    speaker: Speaker<'_>,
    family: AddressFamily,
    name: &str,
    is_announced: bool,
) -> Result<()> {
    let wrong = |text: &str| Err(speaker.parameter(text));
    if name.len() > MAX_NAME {
        return wrong(&too_long(name));
    }
    if let Some(first) = name.chars().next().filter(|c| matches!(c, '-' | '!')) {
        return wrong(&format!("chain name not allowed to start with `{first}'"));
    }
    if known::is_standard(name) || known::has_target(name, family) && !is_announced {
        return wrong("chain name may not clash with target name");
    }
    if name.contains(|c: char| c.is_ascii_whitespace()) {
        return wrong(&format!("Invalid chain name `{name}'"));
    }
    Ok(())
}

/// What is said about an extension that is not found.
pub(super) fn not_loaded(what: &str, name: &str) -> String {
    format!("Couldn't load {what} `{name}':No such file or directory\n")
}

/// The name under which a match is looked for.
pub(super) fn match_name(name: &str) -> &str {
    match name {
        "icmpv6" | "ipv6-icmp" => "icmp6",
        name => name,
    }
}

pub(super) fn find<T>(
    entries: &'static [Entry<T>],
    name: &str,
    family: AddressFamily,
) -> Option<&'static Entry<T>> {
    entries.iter().find(|entry| entry.name == name && entry.families.contains(&family))
}

/// The place of what an option is but another name of.
pub(super) fn canonical<T>(entry: &Entry<T>, place: usize) -> usize {
    let of = entry.options[place].alias_of;
    let named = of.and_then(|name| entry.options.iter().position(|opt| opt.name == name));
    named.unwrap_or(place)
}

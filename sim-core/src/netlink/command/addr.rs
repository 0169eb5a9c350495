//! `ip addr add`, `change`, `replace`, `delete`.

use super::{Command, Line, NoCommand, scope};
use crate::link::inet::Scope;
use crate::netlink::request::{AddrSpec, Create};

pub(super) fn add(spec: &AddrSpec, create: Create) -> Result<Command, NoCommand> {
    let verb = match create {
        Create::Exclusive => "add",
        Create::Change => "change",
        Create::Replace => "replace",
        Create::Append | Create::Prepend | Create::Test => {
            return Err(NoCommand("an address that is appended, prepended or tested"));
        }
    };
    if spec.any_prefix {
        return Err(NoCommand("a new address of any length"));
    }
    let Some(given) = spec.scope else {
        return Err(NoCommand("an address without a scope"));
    };
    let loopback = spec.local.is_ipv4() && spec.local.is_loopback();
    let implied = if loopback { Scope::HOST } else { Scope::UNIVERSE };
    line(verb, spec, Some(given).filter(|given| *given != implied))
}

pub(super) fn del(spec: &AddrSpec) -> Result<Command, NoCommand> {
    let host_len = if spec.local.is_ipv4() { 32 } else { 128 };
    if spec.any_prefix && (spec.peer.is_some() || spec.prefix_len != host_len) {
        return Err(NoCommand("an address of any length and of a certain one"));
    }
    line("del", spec, spec.scope)
}

fn line(verb: &str, spec: &AddrSpec, shown_scope: Option<Scope>) -> Result<Command, NoCommand> {
    if spec.proto != 0 {
        return Err(NoCommand("who an address comes from"));
    }
    if spec.autojoin && !spec.local.is_multicast() {
        return Err(NoCommand("autojoin of an address that is no group"));
    }
    let forever = |lft: Option<u32>| lft == Some(u32::MAX);
    if forever(spec.valid_lft_s) || forever(spec.preferred_lft_s) {
        return Err(NoCommand("a lifetime of 2^32-1 s"));
    }
    if spec.preferred_lft_s.unwrap_or(u32::MAX) > spec.valid_lft_s.unwrap_or(u32::MAX) {
        return Err(NoCommand("an address that is preferred for longer than it is valid"));
    }
    let AddrSpec { local, prefix_len: len, .. } = spec;
    let line = Line::of(&["ip", "addr", verb]);
    let line = match spec.peer {
        // The length stands behind the peer, but for 0, which iproute2 takes from the address.
        Some(peer) if *len == 0 => {
            line.text(format_args!("{local}/0")).pair("peer", format_args!("{peer}/0"))
        }
        Some(peer) => line.text(local).pair("peer", format_args!("{peer}/{len}")),
        None if spec.any_prefix => line.text(local),
        None => line.text(format_args!("{local}/{len}")),
    };
    Ok(line
        .given("broadcast", spec.broadcast)
        .given("label", spec.label)
        .given("scope", shown_scope.map(scope))
        .given("metric", spec.metric)
        .flag("noprefixroute", spec.no_prefix_route)
        .flag("autojoin", spec.autojoin)
        .given("valid_lft", spec.valid_lft_s)
        .given("preferred_lft", spec.preferred_lft_s)
        .pair("dev", spec.dev)
        .end())
}

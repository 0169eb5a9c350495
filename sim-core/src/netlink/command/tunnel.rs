//! `ip tunnel add` and `change`.
//!
//! A name at the end brings in nothing of what the tunnel had.

use std::net::Ipv4Addr;

use super::{Command, Line, NoCommand, link_kind};
use crate::link::DevName;
use crate::netlink::request::TunnelSpec;

pub(super) fn add(name: Option<DevName>, spec: &TunnelSpec) -> Result<Command, NoCommand> {
    Ok(line("add", spec)?.given("name", name).end())
}

pub(super) fn set(name: DevName, spec: &TunnelSpec) -> Result<Command, NoCommand> {
    Ok(line("change", spec)?.pair("name", name).end())
}

fn line(verb: &str, spec: &TunnelSpec) -> Result<Line, NoCommand> {
    if spec.ttl != 0 && !spec.pmtudisc {
        return Err(NoCommand("a tunnel with a TTL of its own and without path MTU discovery"));
    }
    if spec.remote.is_multicast() && spec.local.is_unspecified() {
        return Err(NoCommand("a tunnel to a group without a source"));
    }
    let end = |addr: Ipv4Addr| Some(addr).filter(|addr| !addr.is_unspecified());
    Ok(Line::of(&["ip", "tunnel", verb, "mode", "ipip"])
        .given("remote", end(spec.remote))
        .given("local", end(spec.local))
        .given("dev", spec.dev)
        .given("ttl", Some(spec.ttl).filter(|ttl| *ttl != 0))
        .given("tos", Some(spec.tos).filter(|tos| *tos != 0).map(link_kind::tos))
        .flag("nopmtudisc", !spec.pmtudisc))
}

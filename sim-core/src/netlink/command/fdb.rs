//! `bridge fdb add`, `append`, `replace`, `delete`, `flush`.

use super::{Command, Line, NoCommand};
use crate::netlink::request::{Create, FdbFlush, FdbSpec, FdbState};

pub(super) fn add(spec: &FdbSpec, create: Create) -> Result<Command, NoCommand> {
    match create {
        Create::Exclusive => line("add", spec),
        Create::Append => line("append", spec),
        Create::Replace => line("replace", spec),
        Create::Change | Create::Prepend | Create::Test => {
            Err(NoCommand("an fdb entry that is changed, prepended or tested"))
        }
    }
}

pub(super) fn del(spec: &FdbSpec) -> Result<Command, NoCommand> {
    line("del", spec)
}

pub(super) fn flush(spec: &FdbFlush) -> Result<Command, NoCommand> {
    let FdbFlush { dev, self_, master, filter } = spec;
    if !self_ && !master {
        return Err(NoCommand("entries of neither the device nor its bridge"));
    }
    if filter.vlan.is_some_and(|vlan| vlan >= 1 << 12) {
        return Err(NoCommand("a VLAN of more than 12 bits"));
    }
    let state: &[&str] = match (filter.permanent, filter.noarp) {
        (None, None) => &[],
        (Some(true), None) => &["permanent"],
        (Some(false), None) => &["nopermanent"],
        (None, Some(true)) => &["nodynamic"],
        (None, Some(false)) => &["nostatic"],
        (Some(false), Some(true)) => &["static"],
        (Some(false), Some(false)) => &["dynamic"],
        (Some(true), Some(true)) => &["permanent", "nodynamic"],
        (Some(true), Some(false)) => &["permanent", "nostatic"],
    };
    let line = Line::of(&["bridge", "fdb", "flush"])
        .pair("dev", dev)
        .given("brport", filter.port)
        .given("vlan", filter.vlan)
        .flag("self", *self_)
        .flag("master", *master);
    Ok(state
        .iter()
        .fold(line, |line, word| line.text(word))
        .either("added_by_user", "noadded_by_user", filter.by_user)
        .either("extern_learn", "noextern_learn", filter.extern_learn)
        .either("sticky", "nosticky", filter.sticky)
        .either("offloaded", "nooffloaded", filter.offloaded)
        .end())
}

fn line(verb: &str, spec: &FdbSpec) -> Result<Command, NoCommand> {
    if !spec.self_ && !spec.master {
        return Err(NoCommand("an fdb entry of neither the device nor its bridge"));
    }
    if spec.port == Some(0) {
        return Err(NoCommand("port 0 of an fdb entry"));
    }
    if spec.vni.is_some_and(|vni| vni >= 1 << 24) {
        return Err(NoCommand("a network identifier of more than 24 bits"));
    }
    Ok(Line::of(&["bridge", "fdb", verb])
        .text(spec.lladdr)
        .pair("dev", spec.dev)
        .flag("self", spec.self_)
        .flag("master", spec.master)
        .flag("static", spec.state == FdbState::Static)
        .flag("dynamic", spec.state == FdbState::Dynamic)
        .given("dst", spec.dst)
        .given("port", spec.port)
        .given("vni", spec.vni)
        .given("via", spec.via)
        .given("vlan", spec.vlan)
        .flag("extern_learn", spec.extern_learn)
        .flag("sticky", spec.sticky)
        .end())
}

//! `bridge fdb add`, `append`, `replace`, `delete`.

use super::{Command, Line, NoCommand};
use crate::netlink::request::{Create, FdbSpec, FdbState};

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

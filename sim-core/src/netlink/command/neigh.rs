//! `ip neigh add`, `change`, `replace`, `delete`.

use super::{Command, Line, NoCommand, protocol};
use crate::netlink::request::{Create, NeighSpec};

pub(super) fn add(spec: &NeighSpec, create: Create) -> Result<Command, NoCommand> {
    match create {
        Create::Exclusive => line("add", spec),
        Create::Change => line("change", spec),
        Create::Replace => line("replace", spec),
        Create::Append | Create::Prepend | Create::Test => {
            Err(NoCommand("a neighbour that is appended, prepended or tested"))
        }
    }
}

pub(super) fn del(spec: &NeighSpec) -> Result<Command, NoCommand> {
    line("del", spec)
}

fn line(verb: &str, spec: &NeighSpec) -> Result<Command, NoCommand> {
    if spec.dev.is_none() && !spec.proxy {
        return Err(NoCommand("a neighbour on no device"));
    }
    let line = Line::of(&["ip", "neigh", verb]);
    let line = if spec.proxy { line.pair("proxy", spec.addr) } else { line.text(spec.addr) };
    Ok(line
        .given("lladdr", spec.lladdr)
        .given("dev", spec.dev)
        .given("nud", spec.state.map(|state| state.name().to_ascii_lowercase()))
        .flag("router", spec.router)
        .flag("extern_learn", spec.extern_learn)
        .given("protocol", (spec.protocol != 0).then(|| protocol(spec.protocol)))
        .end())
}

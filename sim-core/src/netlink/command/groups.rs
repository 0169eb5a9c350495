//! `ip maddress` and `bridge mdb`.

use super::{Command, Line, NoCommand};
use crate::bridge::multicast::GroupAddr;
use crate::netlink::request::{LinkRef, MdbSpec};
use crate::packet::MacAddr;

/// `ip maddress` takes a device by its name, and no address that begins with a zero a second time.
pub(super) fn maddr(verb: &str, dev: LinkRef, addr: MacAddr) -> Result<Command, NoCommand> {
    match dev {
        LinkRef::Name(name) => {
            Ok(Line::of(&["ip", "maddress", verb]).text(addr).pair("dev", name).end())
        }
        LinkRef::Index(_) => Err(NoCommand("a group's address on a device by number")),
    }
}

pub(super) fn mdb(verb: &str, spec: &MdbSpec) -> Command {
    let line = Line::of(&["bridge", "mdb", verb]).pair("dev", spec.dev).pair("port", spec.port);
    let line = match spec.group {
        GroupAddr::V4(group) => line.pair("grp", group),
        GroupAddr::Mac(group) => line.pair("grp", group),
    };
    line.flag("permanent", spec.permanent).end()
}

//! The names by which shims and servers find each other, and the commands that are shims.

use sim_core::tools::{self, Tool};

/// The environment variable with the folder of the lab.
pub(crate) const LAB: &str = "KUBEWIRE_LAB";
/// The environment variable with the namespace that a process is in, as `NUMBER:NAME`. Without it, a
/// process is in the namespace that was there from the beginning.
pub(crate) const NETNS: &str = "KUBEWIRE_NETNS";
/// The socket in the folder of the lab.
pub(crate) const SOCKET: &str = "socket";
/// The folder of shims in the folder of the lab.
pub(crate) const SHIMS: &str = "bin";

/// What a shim does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shim {
    /// It acts on the world.
    Tool(&'static Tool),
    /// `sudo`: it runs a command as it stands, as nobody needs rights in the lab. Without it, `sudo ip`
    /// would change the real machine.
    Sudo,
}

/// The names of all shims.
pub(crate) fn shims() -> impl Iterator<Item = &'static str> {
    tools::TOOLS.iter().map(|tool| tool.name).chain(["sudo"])
}

/// What the command called `name` does.
pub(crate) fn shim(name: &str) -> Option<Shim> {
    match name {
        "sudo" => Some(Shim::Sudo),
        _ => tools::find(name).map(Shim::Tool),
    }
}

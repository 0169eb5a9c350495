//! The lab: the user's own shell with commands that act on a simulated world.
//!
//! `kubewire lab` is a server. It holds the world, listens on a Unix socket in a private folder, and runs
//! a shell whose `PATH` starts with a folder of shims: links to this very program under the names of
//! `ip`, `ping` and the others. Called by such a name, the program is a shim: it tells the server how it
//! was called and does what it is told, which is to write output, to read input or files, and to exit.

mod names;
mod protocol;
mod server;
pub mod shim;

pub use server::{Beginning, Options, run};

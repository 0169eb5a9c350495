//! A case: one small network, a list of packets to put into it, and what was seen.
//!
//! A case is two texts. `setup.sh` is a list of commands that build the network (never a program: no
//! loops, no variables), `packets.txt` is a list of steps. Both go unchanged into the real kernel and
//! into the simulator; each side answers with an [`Observed`], one [normaliser](normalise()) is applied
//! to both, and [`compare()`] names the first difference. Nothing here reads a file: callers bring the
//! texts.

pub mod compare;
pub mod decode;
pub mod format;
pub mod golden;
pub mod normal;
pub mod normalise;
pub mod observed;
mod rewrite;
pub mod run;
mod words;

pub use compare::{Difference, compare};
pub use format::{Action, Case, Command, Directives, FormatError, Step};
pub use normal::Normal;
pub use normalise::normalise;
pub use observed::Observed;

/// The name of the case's own root namespace in `packets.txt`.
pub const ROOT_NETNS: &str = "-";

//! Netfilter: the five points where a packet can be judged.

pub mod conntrack;
pub mod xtables;

use std::fmt;

use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::Conntrack;
use crate::netfilter::xtables::table::Table;
use crate::netns::stack::Decision;
use crate::trace::Observer;

/// A netfilter hook of the IP layer.
///
/// ```text
///   device ──► PREROUTING ──► route ──► FORWARD ──► POSTROUTING ──► device
///                               │                       ▲
///                               ▼                       │
///                             INPUT ──► socket ──► OUTPUT
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Hook {
    /// Every received packet, before the route lookup (`NF_INET_PRE_ROUTING`).
    PreRouting,
    /// Packets for this host (`NF_INET_LOCAL_IN`).
    Input,
    /// Packets that are passed on (`NF_INET_FORWARD`).
    Forward,
    /// Packets of this host (`NF_INET_LOCAL_OUT`).
    Output,
    /// Every packet that is about to leave (`NF_INET_POST_ROUTING`).
    PostRouting,
}

impl Hook {
    /// The name that iptables gives to the hook's built-in chain.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreRouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::PostRouting => "POSTROUTING",
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a hook decides about a packet; a dropped one is a
/// [`DropReason`](crate::trace::DropReason).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The packet goes on (`NF_ACCEPT`).
    Accept,
}

/// Passes the packet through the functions that are registered at `hook`, in order of priority.
pub fn run<O: Observer>(_: &mut Kernel, _: &mut Flight, _: Hook, _: &mut O) -> Decision<Verdict> {
    Ok(Verdict::Accept)
}

/// What netfilter keeps for one namespace.
#[derive(Clone, Debug, Default)]
pub struct Netfilter {
    /// Connections.
    pub conntrack: Conntrack,
    /// The tables of rules, in order of creation.
    #[expect(clippy::vec_box, reason = "a table is taken out while a packet passes it")]
    pub tables: Vec<Box<Table>>,
}

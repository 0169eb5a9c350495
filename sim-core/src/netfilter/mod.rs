//! Netfilter: the five points where a packet can be judged, and who judges it there.
//!
//! | file | what |
//! |---|---|
//! | `hooks` | what is registered at each point, by priority |
//! | `run` | passing a packet through it |
//! | `bridged` | packets of bridges at these points |
//! | `conntrack/` | connections |
//! | `nat/` | address translation |
//! | `queue` | packets that wait for a program's verdict |
//! | `xtables/` | tables of rules |

pub mod bridged;
pub mod conntrack;
pub mod hooks;
pub mod log;
pub mod nat;
pub mod queue;
pub mod reject;
mod reroute;
mod run;
pub mod xtables;

use std::fmt;
use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::kernel::Flight;
use crate::netfilter::conntrack::Conntrack;
use crate::netfilter::hooks::Hooks;
use crate::netfilter::queue::Queues;
use crate::netfilter::xtables::matches::Shared;
use crate::netfilter::xtables::table::Table;
use crate::packet::Ipv4;

pub use run::run;

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
    /// How many there are.
    pub const COUNT: usize = 5;

    /// All of them, in Linux' order.
    pub const ALL: [Self; Self::COUNT] =
        [Self::PreRouting, Self::Input, Self::Forward, Self::Output, Self::PostRouting];

    /// Its place in [`Self::ALL`], which is Linux' number.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

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

/// Where a packet is judged (`struct nf_hook_state`).
#[derive(Clone, Copy, Debug)]
pub struct HookState {
    /// The hook.
    pub hook: Hook,
    /// The device it came in by.
    pub iif: Option<DevId>,
    /// The device it leaves by.
    pub oif: Option<DevId>,
}

/// What a hook decides about a packet; a dropped one is a
/// [`DropReason`](crate::trace::DropReason).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The packet goes on (`NF_ACCEPT`).
    Accept,
    /// Somebody keeps it (`NF_STOLEN`).
    Stolen,
}

/// What netfilter keeps for one namespace.
#[derive(Clone, Debug, Default)]
pub struct Netfilter {
    /// Connections.
    pub conntrack: Conntrack,
    /// The tables of rules, in order of creation.
    pub tables: Vec<Box<Table>>,
    /// Whether packets meet every rule of a chain one by one, though its index knows better.
    pub interprets: bool,
    /// What is registered at the hooks.
    pub hooks: Hooks,
    /// Packets that wait for a program's verdict.
    pub queues: Queues,
    /// What matches share by name.
    pub shared: Shared,
}

impl Netfilter {
    /// Works out anew what is registered at the hooks; to be called when tables or their users of connection
    /// tracking have changed.
    pub fn register_hooks(&mut self) {
        self.hooks = hooks::registered(self);
    }
}

/// The destination of the packet at the network header.
fn destination(f: &Flight) -> Option<Ipv4Addr> {
    Ipv4::parse(f.skb.network_header()).ok().map(|ip| ip.dst())
}

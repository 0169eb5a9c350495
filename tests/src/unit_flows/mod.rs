//! What the unit tests of kube-proxy give to it, and what they expect of packets (`tests/kube-proxy/unit-flows.txt`).

mod reading;
mod written;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use sim_core::family::AddressFamily;
use sim_kube::object::Store;

pub use written::{Written, without_comments};

/// What a unit test gives to the proxier, and what becomes of packets.
#[derive(Clone, Debug)]
pub struct State {
    /// The state's name.
    pub name: String,
    /// Of which family addresses and rules are.
    pub family: AddressFamily,
    /// The file in `tests/kube-proxy/unit-rules` that holds the rules, where they are noted.
    pub rules: Option<String>,
    /// The packets.
    pub flows: Vec<Flow>,
    store: Store,
    config: String,
}

/// A packet that begins a connection, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Its source.
    pub src: IpAddr,
    /// Where it is sent.
    pub to: SocketAddr,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// What becomes of it.
    pub expected: Expected,
}

/// What becomes of packets.
#[derive(Clone, Debug)]
pub enum Expected {
    /// They go where they were sent, or the node takes them.
    Unchanged,
    /// The node takes them.
    Accepted,
    /// An error comes back.
    Rejected,
    /// Nothing.
    Dropped,
    /// They go to endpoints.
    Endpoints {
        /// Each goes to one of these.
        to: BTreeSet<SocketAddr>,
        /// Whether they come from the node there, or from their sender.
        are_masqueraded: bool,
    },
}

/// The addresses of IPv4 of the node of those tests.
pub const NODE_INET: [&str; 3] = ["192.168.0.2", "192.168.1.2", "192.168.99.11"];
/// Its addresses of IPv6.
pub const NODE_INET6: [&str; 2] = ["2001:db8::1", "2001:db8:1::2"];

impl State {
    /// Those of a family, in the order of their names.
    #[must_use]
    pub fn all(family: AddressFamily) -> Vec<Self> {
        let mut states = reading::read(include_str!("../../kube-proxy/unit-flows.txt"));
        states.retain(|state| state.family == family);
        states
    }
}

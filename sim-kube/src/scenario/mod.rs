//! Scenarios: what is done in a topology, and what has to come of it.
//!
//! `docs/scenario.md` has the fields of a file.

mod expect;
pub mod print;
mod run;
pub mod schema;
pub mod walk;

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

pub use expect::Failure;
pub use run::{Done, Report, RunError, StepReport, run};

use crate::reading::{self, Mistake, Placed};

/// What is done, and what has to come of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// What it shows, in a sentence or two.
    pub description: String,
    /// The file with the topology.
    pub topology: Placed<String>,
    /// Files with manifests, besides those of the topology.
    pub manifests: Vec<Placed<String>>,
    /// Servers on machines outside the cluster.
    pub serve: Vec<Serve>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// A server on a machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Serve {
    /// The machine.
    pub on: Placed<String>,
    /// Its port, for TCP and UDP.
    pub port: u16,
}

/// Something that is done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What it is called; empty if it has no name.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// What has to come of it.
    pub expect: Expect,
    /// Its place in the file.
    span: Range<usize>,
}

/// What can be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Echo requests.
    Ping {
        /// Who sends them.
        from: Placed<String>,
        /// To whom.
        to: Placed<Target>,
    },
    /// A connection of TCP that is opened and closed.
    Connect {
        /// Who opens it.
        from: Placed<String>,
        /// To whom.
        to: Placed<Target>,
    },
    /// A datagram that is to be answered.
    Udp {
        /// Who sends it.
        from: Placed<String>,
        /// To whom.
        to: Placed<Target>,
    },
    /// A request of HTTP.
    Http {
        /// Who sends it.
        from: Placed<String>,
        /// To whom.
        to: Placed<Target>,
    },
    /// A command, as in the lab.
    Run {
        /// Where.
        on: Placed<String>,
        /// Its words.
        argv: Vec<String>,
    },
    /// Time that passes.
    Wait(Duration),
}

/// Whom packets are sent to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// Who it is.
    pub host: TargetHost,
    /// Which port, if it has one.
    pub port: Option<u16>,
}

/// Who packets are sent to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TargetHost {
    /// An address.
    Ip(Ipv4Addr),
    /// A machine of the topology.
    Machine(String),
    /// A Service: namespace and name.
    Service(String, String),
    /// A Pod: namespace and name.
    Pod(String, String),
}

/// What has to come of a step.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expect {
    /// What the one who acts sees: `answered`, `refused`, `unreachable`, `timed out`, ...
    pub result: Option<Placed<String>>,
    /// How the first packet ended.
    pub verdict: Option<Placed<String>>,
    /// In which namespace.
    pub at: Option<Placed<String>>,
    /// What the rule contains that decided about it.
    pub rule: Option<Placed<String>>,
    /// The source that its receiver saw.
    pub source: Option<Placed<String>>,
    /// The destination that its receiver saw.
    pub destination: Option<Placed<String>>,
    /// What of it was translated: `none`, `source`, `destination` or `both`.
    pub nat: Option<Placed<String>>,
    /// Places that it passes, in this order: `node-1`, or `node-1/cni0`.
    pub path: Vec<Placed<String>>,
    /// Places that it does not pass.
    pub avoids: Vec<Placed<String>>,
    /// What rules contain that it meets, in this order.
    pub rules: Vec<Placed<String>>,
    /// What is printed contains these.
    pub output: Vec<Placed<String>>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// All mistakes in the text, in the order of their places.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        reading::read(text, "a scenario", schema::scenario)
    }
}

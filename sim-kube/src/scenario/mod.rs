//! Scenarios: what is done in a topology, and what has to come of it; and tests of rules, which need no topology.
//!
//! `docs/scenario.md` and `docs/rule-test.md` have the fields of their files.

mod act;
mod command;
mod expect;
mod files;
pub mod json;
pub mod packet;
pub mod print;
pub mod report;
pub mod rule_test;
mod run;
mod schema;
mod tape;
pub mod walk;

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

pub use files::{Form, Loaded, LoadedScenario, load};
pub use report::{Done, Failure, Report, StepReport};
pub use run::{RunError, Why};
pub use schema::TargetError;
pub use tape::Sink;

use crate::object::Object;
use crate::reading::{self, Mistake, Placed};
use packet::Packet;

/// What is done, and what has to come of it.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something is sent, and an answer is waited for.
    Ask {
        /// What.
        what: Question,
        /// Who sends it.
        from: Placed<String>,
        /// To whom.
        to: Placed<Target>,
    },
    /// A device receives a frame.
    Frame {
        /// Where the device is.
        on: Placed<String>,
        /// The device.
        dev: Placed<String>,
        /// What it receives.
        content: Content,
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
    /// The objects of files are applied, all of each or none.
    Apply(Vec<Placed<String>>),
    /// Objects are deleted.
    Delete(Vec<Placed<Doomed>>),
}

/// What is sent to be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Question {
    /// An echo request.
    Ping,
    /// A connection of TCP that is opened and closed.
    Connect,
    /// A datagram.
    Udp,
    /// A request of HTTP.
    Http,
}

/// What is in a frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// A packet for the device that gets it.
    Packet(Packet),
    /// All its bytes, from the Ethernet header on.
    Bytes(Vec<u8>),
}

/// What is deleted.
#[derive(Clone, Debug, PartialEq)]
pub enum Doomed {
    /// The objects of a file.
    File(String),
    /// One object.
    Object(Box<Object>),
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
    /// What the one who acts sees: `answered`, `refused`, and others; docs/scenario.md has all.
    pub result: Option<Placed<String>>,
    /// What is printed contains these.
    pub output: Vec<Placed<String>>,
    /// What the first packet meets.
    pub walk: ExpectWalk,
    /// Connections that machines know of afterwards.
    pub conntrack: Vec<ExpectConntrack>,
    /// What was counted during the step.
    pub counters: Vec<ExpectCounter>,
}

/// What a packet has to meet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ExpectWalk {
    /// How it ends.
    pub verdict: Option<Placed<String>>,
    /// In which namespace.
    pub at: Option<Placed<String>>,
    /// What the rule contains that decided about it.
    pub rule: Option<Placed<String>>,
    /// The source that its receiver sees.
    pub source: Option<Placed<String>>,
    /// The destination that its receiver sees.
    pub destination: Option<Placed<String>>,
    /// What of it is translated: `none`, `source`, `destination` or `both`.
    pub nat: Option<Placed<String>>,
    /// Places that it passes, in this order: `node-1`, or `node-1/cni0`.
    pub path: Vec<Placed<String>>,
    /// Places that it does not pass.
    pub avoids: Vec<Placed<String>>,
    /// What rules contain that it meets, in this order.
    pub rules: Vec<Placed<String>>,
}

/// Connections that a machine has to know of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExpectConntrack {
    /// The machine or pod.
    pub on: Placed<String>,
    /// Words that such a line of `conntrack -L` has, in this order.
    pub has: Placed<String>,
    /// How many there are; without it, at least one.
    pub count: Option<usize>,
}

/// What has to be counted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExpectCounter {
    /// On which machine or pod.
    pub on: Placed<String>,
    /// What counts.
    pub of: Counted,
    /// How many packets it counts during the step.
    pub packets: Option<u64>,
    /// How many bytes.
    pub bytes: Option<u64>,
    /// Its place in the file.
    span: Range<usize>,
}

/// What counts packets and bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Counted {
    /// The rules of a chain that contain a text.
    Rules {
        /// The table.
        table: String,
        /// The chain.
        chain: String,
        /// The text.
        rule: String,
    },
    /// The policy of a chain.
    Policy {
        /// The table.
        table: String,
        /// The chain.
        chain: String,
    },
    /// What a device receives.
    Received(String),
    /// What a device sends.
    Sent(String),
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// All mistakes in the text, in the order of their places.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        reading::read(text, "a scenario", schema::scenario)
    }

    /// The files that its steps name, with the places where they do.
    pub fn files_of_steps(&self) -> impl Iterator<Item = Placed<String>> {
        self.steps.iter().flat_map(|step| match &step.action {
            Action::Apply(files) => files.clone(),
            Action::Delete(doomed) => doomed
                .iter()
                .filter_map(|doomed| match &doomed.value {
                    Doomed::File(file) => {
                        Some(Placed { value: file.clone(), span: doomed.span.clone() })
                    }
                    Doomed::Object(_) => None,
                })
                .collect(),
            Action::Ask { .. } | Action::Frame { .. } | Action::Run { .. } | Action::Wait(_) => {
                Vec::new()
            }
        })
    }
}

//! Running a scenario.

use std::net::Ipv4Addr;

use sim_core::id::NetnsId;
use sim_core::tools::{CommandError, Outcome};
use sim_core::trace::{Keep, Recorder};

use super::expect::{self, Failure};
use super::walk::Walks;
use super::{Action, Scenario, Step, Target, TargetHost};
use crate::cluster::Cluster;
use crate::proxy::service::Protocol;
use crate::reading::Placed;
use crate::topology::Topology;
use crate::workload::Server;

/// How long a connection is waited for, in seconds.
const PATIENCE: &str = "5";

/// What came of a step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Done {
    /// What the one who acted sees.
    pub result: &'static str,
    /// What was printed.
    pub output: String,
    /// The walks of its first packet and of what answered it.
    pub walks: Walks,
}

/// What came of a step, and what should have come of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepReport {
    /// What it is called: its name, or what it does.
    pub title: String,
    /// What came of it.
    pub done: Done,
    /// What is not as it was expected.
    pub failures: Vec<Failure>,
}

/// What came of a scenario.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Its steps.
    pub steps: Vec<StepReport>,
}

impl Report {
    /// Whether everything was as it was expected.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.steps.iter().all(|step| step.failures.is_empty())
    }
}

/// A step cannot be done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RunError {
    /// Nobody is called so.
    #[error("there is no {what} called `{}`", name.value)]
    Nobody {
        /// What it should be.
        what: &'static str,
        /// The name, where it stands.
        name: Placed<String>,
    },
    /// Its command cannot be run to its end.
    #[error("{0}: {1}")]
    Command(String, CommandError),
}

/// Runs the steps of a scenario in its cluster.
///
/// # Errors
/// When a step cannot be done.
pub fn run(
    scenario: &Scenario,
    topology: &Topology,
    cluster: &mut Cluster,
) -> Result<Report, RunError> {
    for serve in &scenario.serve {
        let netns = netns(cluster, &serve.on)?;
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let server = Server::new(serve.on.value.clone(), protocol, serve.port);
            cluster.world.spawn_program("server", netns, Box::new(server));
        }
    }
    let mut report = Report::default();
    for step in &scenario.steps {
        let done = act(step, topology, cluster)?;
        let failures = expect::check(&step.expect, &done);
        report.steps.push(StepReport { title: title(step), done, failures });
    }
    Ok(report)
}

fn act(step: &Step, topology: &Topology, cluster: &mut Cluster) -> Result<Done, RunError> {
    let (from, argv, input) = match &step.action {
        Action::Wait(time) => {
            let end = cluster.world.now() + *time;
            cluster.world.run_until(end);
            return Ok(Done { result: "answered", output: String::new(), walks: Walks::default() });
        }
        Action::Run { on, argv } => (on, argv.clone(), String::new()),
        Action::Ping { from, to } => {
            let ip = address(to, topology, cluster)?;
            (from, words(&["ping", "-c", "1", "-W", "1", &ip.to_string()]), String::new())
        }
        Action::Connect { from, to } => {
            let ip = address(to, topology, cluster)?;
            let argv = ["nc", "-v", "-z", "-w", PATIENCE, &ip.to_string(), &port(to)];
            (from, words(&argv), String::new())
        }
        Action::Udp { from, to } => {
            let ip = address(to, topology, cluster)?;
            let argv = ["nc", "-u", "-w", "1", &ip.to_string(), &port(to)];
            (from, words(&argv), "hello\n".to_owned())
        }
        Action::Http { from, to } => {
            let ip = address(to, topology, cluster)?;
            let argv = ["nc", "-v", "-N", "-w", PATIENCE, &ip.to_string(), &port(to)];
            (from, words(&argv), format!("GET / HTTP/1.1\r\nHost: {ip}\r\n\r\n"))
        }
    };
    let netns = netns(cluster, from)?;
    cluster.world.set_recorder(Some(Recorder::new(Keep::Everything)));
    let outcome = cluster.world.run_command_on(netns, &argv, input.as_bytes());
    let records = cluster.world.take_records();
    cluster.world.set_recorder(None);
    let outcome = outcome.map_err(|error| RunError::Command(argv.join(" "), error))?;
    let walks = Walks::find(&records, &netns_name(&from.value));
    Ok(Done {
        result: result(&step.action, &outcome),
        output: outcome.stdout + &outcome.stderr,
        walks,
    })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn port(to: &Placed<Target>) -> String {
    to.value.port.unwrap_or_default().to_string()
}

/// What the one who acted sees, in a word.
fn result(action: &Action, outcome: &Outcome) -> &'static str {
    const SIGNS: &[(&str, &str)] = &[
        ("Connection refused", "refused"),
        ("Operation not permitted", "denied"),
        ("unreachable", "unreachable"),
        ("No route to host", "unreachable"),
        ("timed out", "timed out"),
    ];
    let is_good = match action {
        Action::Udp { .. } => !outcome.stdout.is_empty(),
        Action::Http { .. } => outcome.stdout.starts_with("HTTP/"),
        Action::Ping { .. } | Action::Connect { .. } | Action::Run { .. } | Action::Wait(_) => {
            outcome.status == 0
        }
    };
    let said =
        |sign: &&(&str, &str)| outcome.stderr.contains(sign.0) || outcome.stdout.contains(sign.0);
    match SIGNS.iter().find(said) {
        _ if is_good => "answered",
        Some((_, word)) => word,
        None if matches!(action, Action::Run { .. }) => "failed",
        None => "no answer",
    }
}

/// The namespace that a name says: a machine, or a pod as `pod/NAME` or `pod/NAME.NAMESPACE`.
fn netns(cluster: &Cluster, name: &Placed<String>) -> Result<NetnsId, RunError> {
    let found = cluster.world.netns_by_name(&netns_name(&name.value));
    found.ok_or_else(|| RunError::Nobody { what: "machine or pod", name: name.clone() })
}

/// The name of a namespace in the world.
pub(super) fn netns_name(name: &str) -> String {
    match name.strip_prefix("pod/") {
        Some(pod) if pod.contains('.') => pod.to_owned(),
        Some(pod) => format!("{pod}.default"),
        None => name.to_owned(),
    }
}

/// The address of whom a step sends to.
fn address(
    to: &Placed<Target>,
    topology: &Topology,
    cluster: &Cluster,
) -> Result<Ipv4Addr, RunError> {
    let nobody = |what, name: String| RunError::Nobody {
        what,
        name: Placed { value: name, span: to.span.clone() },
    };
    match &to.value.host {
        TargetHost::Ip(ip) => Ok(*ip),
        TargetHost::Machine(name) => {
            let ip = topology.machine(name).and_then(crate::topology::Machine::ip);
            ip.ok_or_else(|| nobody("machine", name.clone()))
        }
        TargetHost::Service(namespace, name) => cluster
            .service_ip(namespace, name)
            .ok_or_else(|| nobody("Service with an address", format!("{namespace}/{name}"))),
        TargetHost::Pod(namespace, name) => cluster
            .pod_ip(namespace, name)
            .ok_or_else(|| nobody("Pod with an address", format!("{namespace}/{name}"))),
    }
}

/// What a step is called.
fn title(step: &Step) -> String {
    if !step.name.is_empty() {
        return step.name.clone();
    }
    let to = |to: &Target| {
        let host = match &to.host {
            TargetHost::Ip(ip) => ip.to_string(),
            TargetHost::Machine(name) => name.clone(),
            TargetHost::Service(namespace, name) => format!("svc/{name}.{namespace}"),
            TargetHost::Pod(namespace, name) => format!("pod/{name}.{namespace}"),
        };
        to.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    };
    match &step.action {
        Action::Ping { from, to: target } => {
            format!("ping from {} to {}", from.value, to(&target.value))
        }
        Action::Connect { from, to: target } => {
            format!("connect from {} to {}", from.value, to(&target.value))
        }
        Action::Udp { from, to: target } => {
            format!("udp from {} to {}", from.value, to(&target.value))
        }
        Action::Http { from, to: target } => {
            format!("http from {} to {}", from.value, to(&target.value))
        }
        Action::Run { on, argv } => format!("{}: {}", on.value, argv.join(" ")),
        Action::Wait(time) => format!("wait {time:?}"),
    }
}

//! Running a scenario.

use std::ops::Range;

use sim_core::errno::Errno;
use sim_core::id::{DevId, NetnsId};
use sim_core::tools::CommandError;
use sim_core::world::World;

use super::act::act;
use super::expect::{self, Counts};
use super::files::LoadedScenario;
use super::report::{Done, Failure, Report, StepReport};
use super::schema::in_namespace;
use super::tape::Tape;
use super::{Action, Question, Step};
use crate::cluster::{self, Cluster, ClusterError};
use crate::host::{CallError, Host, IptablesBackend};
use crate::object::Key;
use crate::proxy::service::Protocol;
use crate::reading::Placed;
use crate::topology::BuildError;
use crate::troubles;
use crate::workload::Server;

/// A step cannot be done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct RunError {
    /// The place in the file that is the reason, in bytes.
    pub span: Range<usize>,
    /// Why.
    pub why: Box<Why>,
}

/// Why a step cannot be done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Why {
    /// Nobody is called so.
    #[error("there is no {0} called `{1}`")]
    Nobody(&'static str, String),
    /// A pod is not connected: which one, and why.
    #[error("pod {0} is not connected: {1}")]
    Waits(String, String),
    /// Its command cannot be run to its end.
    #[error("{0}: {1}")]
    Command(String, CommandError),
    /// A command that has to be run fails.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The cluster does not come to rest.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A machine cannot be made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The kernel does not send a packet.
    #[error("`{0}` is not sent: {message}", message = .1.message())]
    NotSent(String, Errno),
    /// Nothing is to be seen of a packet.
    #[error("`{0}` comes to nobody: is the interface up?")]
    Unseen(String),
}

impl RunError {
    /// What is the reason, and where it stands.
    pub(super) fn new(span: &Range<usize>, why: impl Into<Why>) -> Self {
        Self { span: span.clone(), why: Box::new(why.into()) }
    }

    /// That nobody is called so.
    pub(super) fn nobody(what: &'static str, name: &Placed<String>) -> Self {
        Self::new(&name.span, Why::Nobody(what, name.value.clone()))
    }
}

/// Runs the steps of a scenario in its cluster.
///
/// # Errors
/// When a step cannot be done.
pub(super) fn run(
    loaded: &LoadedScenario,
    cluster: &mut Cluster,
    tape: &mut Tape<'_>,
) -> Result<Report, RunError> {
    let scenario = &loaded.scenario;
    for serve in &scenario.serve {
        let netns = netns(cluster, &serve.on)?;
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let server = Server::new(serve.on.value.clone(), protocol, serve.port);
            cluster.world.spawn_program("server", netns, Box::new(server));
        }
    }
    let mut known = troubles::troubles(cluster);
    let mut report =
        Report { name: scenario.name.clone(), notes: known.clone(), steps: Vec::new() };
    for step in &scenario.steps {
        // Pods that the step ends take the names of their namespaces along.
        tape.pass_on(&mut cluster.world);
        for place in &step.expect.walk.avoids {
            check_place(cluster, place)?;
        }
        let before = Counts::read(&step.expect.counters, cluster)?;
        let done = act(step, loaded, cluster, tape)?;
        let mut failures = Vec::new();
        expect::check(&step.expect, &done, &mut failures);
        failures.extend(unexpected(step, &done));
        expect::check_conntrack(&step.expect.conntrack, cluster, &mut failures)?;
        before.check(&step.expect.counters, cluster, &mut failures)?;
        report.steps.push(StepReport {
            title: title(step),
            span: step.span.clone(),
            done,
            failures,
            notes: news(&mut known, cluster),
        });
    }
    Ok(report)
}

/// What is wrong in the cluster that was not before.
fn news(known: &mut Vec<String>, cluster: &Cluster) -> Vec<String> {
    let now = troubles::troubles(cluster);
    let new = now.iter().filter(|trouble| !known.contains(trouble)).cloned().collect();
    *known = now;
    new
}

/// What is done to have something else happen has to be done, unless another result is expected.
fn unexpected(step: &Step, done: &Done) -> Option<Failure> {
    let asks = matches!(step.action, Action::Ask { .. });
    (!asks && step.expect.result.is_none() && done.result != "done").then(|| Failure {
        span: step.span.clone(),
        what: "the result".to_owned(),
        expected: "`done`".to_owned(),
        seen: format!("`{}`: {}", done.result, done.output.trim_end()),
        fault: None,
    })
}

/// The namespace that a name says: a machine, or a pod as `pod/NAME` or `pod/NAME.NAMESPACE`.
pub(super) fn netns(cluster: &Cluster, name: &Placed<String>) -> Result<NetnsId, RunError> {
    let found = cluster.world.netns_by_name(&netns_name(&name.value));
    found.ok_or_else(|| match pod_key(&name.value) {
        Some(key) => match troubles::why_pod_waits(cluster, &key) {
            Some(reason) => RunError::new(&name.span, Why::Waits(key.to_string(), reason)),
            None => RunError::nobody("pod", name),
        },
        None => RunError::nobody("machine", name),
    })
}

/// That a place is there which a packet is not to pass: else it would never be passed.
fn check_place(cluster: &Cluster, place: &Placed<String>) -> Result<(), RunError> {
    let (name, dev) = expect::place(&place.value);
    let id = netns(cluster, &Placed { value: name, span: place.span.clone() })?;
    let Some(dev) = dev else { return Ok(()) };
    let dev = Placed { value: dev.to_owned(), span: place.span.clone() };
    device(&cluster.world, id, &dev).map(drop)
}

/// A device of a namespace.
pub(super) fn device(
    world: &World,
    netns: NetnsId,
    name: &Placed<String>,
) -> Result<DevId, RunError> {
    let found = name.value.parse().ok().and_then(|name| world.kernel.dev_by_name(netns, name));
    found.ok_or_else(|| RunError::nobody("device", name))
}

/// The same, for what runs commands there.
pub(super) fn host<'c>(
    cluster: &'c mut Cluster,
    name: &Placed<String>,
) -> Result<Host<'c>, RunError> {
    let netns = netns(cluster, name)?;
    Ok(Host { world: &mut cluster.world, netns, iptables: IptablesBackend::default() })
}

/// The name of a namespace in the world.
pub(super) fn netns_name(name: &str) -> String {
    pod_key(name).map_or_else(|| name.to_owned(), |key| cluster::netns_of(&key))
}

/// The pod that a name says, if it does: `pod/NAME` or `pod/NAME.NAMESPACE`.
fn pod_key(name: &str) -> Option<Key> {
    let (namespace, name) = in_namespace(name.strip_prefix("pod/")?);
    Some(Key { namespace, name })
}

/// What a step is called.
fn title(step: &Step) -> String {
    if !step.name.is_empty() {
        return step.name.clone();
    }
    let list = |names: Vec<String>| names.join(", ");
    match &step.action {
        Action::Ask { what, from, to } => {
            let what = match what {
                Question::Ping => "ping",
                Question::Connect => "connect",
                Question::Udp => "udp",
                Question::Http => "http",
            };
            format!("{what} from {} to {}", from.value, to.value)
        }
        Action::Frame { on, dev, .. } => format!("frame to {}/{}", on.value, dev.value),
        Action::Run { on, argv } => format!("{}: {}", on.value, argv.join(" ")),
        Action::Wait(time) => format!("wait {time:?}"),
        Action::Apply(files) => {
            format!("apply {}", list(files.iter().map(|file| file.value.clone()).collect()))
        }
        Action::Delete(doomed) => {
            format!("delete {}", list(doomed.iter().map(|one| one.value.to_string()).collect()))
        }
    }
}

//! What steps do.

use std::net::Ipv4Addr;

use sim_core::tools::Outcome;

use super::files::LoadedScenario;
use super::report::Done;
use super::run::{RunError, Why, device, netns, netns_name};
use super::tape::Tape;
use super::walk::Walks;
use super::{Action, Content, Doomed, Question, Step, Target, TargetHost};
use crate::cluster::Cluster;
use crate::reading::Placed;
use crate::topology::{Machine, Topology};

/// How long a connection is waited for, in seconds.
const PATIENCE: &str = "5";
/// Who sends the frames that steps have devices receive.
pub(super) const STRANGER: [u8; 6] = [0x02, 0, 0, 0, 0, 0xfe];

/// Does what a step says.
pub(super) fn act(
    step: &Step,
    loaded: &LoadedScenario,
    cluster: &mut Cluster,
    tape: &mut Tape<'_>,
) -> Result<Done, RunError> {
    match &step.action {
        Action::Wait(time) => {
            let end = cluster.world.now() + *time;
            cluster.world.run_until(end);
            Ok(done("done", String::new()))
        }
        Action::Run { on, argv } => run(on, argv, "", None, cluster, tape),
        Action::Ask { what, from, to } => {
            let ip = address(to, &loaded.blueprint.topology, cluster)?;
            let (argv, input) = question(*what, ip, to.value.port);
            run(from, &argv, &input, Some(*what), cluster, tape)
        }
        Action::Frame { on, dev, content } => frame(on, dev, content, cluster, tape),
        Action::Apply(names) => {
            let mut output = String::new();
            for name in names {
                match cluster.apply(loaded.objects(&name.value)) {
                    Ok(Ok(applied)) => {
                        output.extend(applied.iter().map(|applied| format!("{applied}\n")));
                    }
                    Ok(Err(refusals)) => {
                        return Ok(done("refused", format!("{}: {refusals}\n", name.value)));
                    }
                    Err(error) => return Err(RunError::new(&name.span, error)),
                }
            }
            Ok(done("done", output))
        }
        Action::Delete(doomed) => delete(doomed, loaded, cluster),
    }
}

fn done(result: &'static str, output: String) -> Done {
    Done { result, output, walks: Walks::default() }
}

fn delete(
    doomed: &[Placed<Doomed>],
    loaded: &LoadedScenario,
    cluster: &mut Cluster,
) -> Result<Done, RunError> {
    for one in doomed {
        let deleted = match &one.value {
            Doomed::File(name) => cluster.delete(loaded.objects(name)),
            Doomed::Object(object) => cluster.delete_one(object.as_ref().clone()),
        };
        match deleted {
            Ok(Ok(())) => {}
            Ok(Err(refusals)) => return Ok(done("refused", format!("{refusals}\n"))),
            Err(error) => return Err(RunError::new(&one.span, error)),
        }
    }
    Ok(done("done", String::new()))
}

/// The command that asks, and its input.
fn question(what: Question, ip: Ipv4Addr, port: Option<u16>) -> (Vec<String>, String) {
    let (ip, port) = (ip.to_string(), port.unwrap_or_default().to_string());
    let words: &[&str] = match what {
        Question::Ping => &["ping", "-c", "1", "-W", "1", &ip],
        Question::Connect => &["nc", "-v", "-z", "-w", PATIENCE, &ip, &port],
        Question::Udp => &["nc", "-u", "-w", "1", &ip, &port],
        Question::Http => &["nc", "-v", "-N", "-w", PATIENCE, &ip, &port],
    };
    let input = match what {
        Question::Ping | Question::Connect => String::new(),
        Question::Udp => "hello\n".to_owned(),
        Question::Http => format!("GET / HTTP/1.1\r\nHost: {ip}\r\n\r\n"),
    };
    (words.iter().map(|word| (*word).to_owned()).collect(), input)
}

/// Runs a command, and watches its first packet.
fn run(
    on: &Placed<String>,
    argv: &[String],
    input: &str,
    what: Option<Question>,
    cluster: &mut Cluster,
    tape: &mut Tape<'_>,
) -> Result<Done, RunError> {
    let netns = netns(cluster, on)?;
    tape.begin(&mut cluster.world);
    let outcome = cluster.world.run_command_on(netns, argv, input.as_bytes());
    let records = tape.end(&mut cluster.world);
    let outcome =
        outcome.map_err(|error| RunError::new(&on.span, Why::Command(argv.join(" "), error)))?;
    let walks = Walks::find(&records, &netns_name(&on.value));
    Ok(Done { result: result(what, &outcome), output: outcome.stdout + &outcome.stderr, walks })
}

fn frame(
    on: &Placed<String>,
    dev: &Placed<String>,
    content: &Content,
    cluster: &mut Cluster,
    tape: &mut Tape<'_>,
) -> Result<Done, RunError> {
    let netns = netns(cluster, on)?;
    let id = device(&cluster.world, netns, dev)?;
    let bytes = match content {
        Content::Bytes(bytes) => bytes.clone(),
        Content::Packet(packet) => {
            packet.frame(cluster.world.kernel.devs[id].addr.octets(), STRANGER)
        }
    };
    tape.begin(&mut cluster.world);
    cluster.world.inject(id, &bytes);
    let records = tape.end(&mut cluster.world);
    let walks = Walks::find(&records, &netns_name(&on.value));
    Ok(Done { result: "done", output: String::new(), walks })
}

/// What the one who acted sees, in a word.
fn result(what: Option<Question>, outcome: &Outcome) -> &'static str {
    const SIGNS: &[(&str, &str)] = &[
        ("Connection refused", "refused"),
        ("Operation not permitted", "denied"),
        ("unreachable", "unreachable"),
        // So says ping.
        ("Unreachable", "unreachable"),
        ("No route to host", "unreachable"),
        ("timed out", "timed out"),
    ];
    let is_good = match what {
        Some(Question::Udp) => !outcome.stdout.is_empty(),
        Some(Question::Http) => outcome.stdout.starts_with("HTTP/"),
        Some(Question::Ping | Question::Connect) | None => outcome.status == 0,
    };
    let said =
        |sign: &&(&str, &str)| outcome.stderr.contains(sign.0) || outcome.stdout.contains(sign.0);
    match (what, SIGNS.iter().find(said)) {
        (Some(_), _) if is_good => "answered",
        (None, _) if is_good => "done",
        (_, Some((_, word))) => word,
        (None, None) => "failed",
        (Some(_), None) => "no answer",
    }
}

/// The address of whom a step sends to.
fn address(
    to: &Placed<Target>,
    topology: &Topology,
    cluster: &Cluster,
) -> Result<Ipv4Addr, RunError> {
    let nobody = |what, name: String| RunError::new(&to.span, Why::Nobody(what, name));
    match &to.value.host {
        TargetHost::Ip(ip) => Ok(*ip),
        TargetHost::Machine(name) => {
            let ip = topology.machine(name).and_then(Machine::ip);
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

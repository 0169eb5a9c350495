//! Tests of rules as cases: the same machine, rules and packets, for the real kernel too.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sim_core::packet::hex::to_hex;
use sim_kube::host::IptablesBackend;
use sim_kube::scenario::packet::Packet;
use sim_kube::scenario::report::StepReport;
use sim_kube::scenario::rule_test::{Row, RuleTest};
use sim_kube::scenario::walk::{Met, Verdict, Walk};
use sim_kube::scenario::{self, Loaded, Report};

use crate::generate::{CaseText, RULES};

/// The namespace of the machine, and the one at the other ends of its wires.
const MACHINE: &str = "machine";
const BEYOND: &str = "beyond";
/// Who sends all frames.
const STRANGER: [u8; 6] = [0x02, 0, 0, 0, 0, 0xfe];
/// The time between packets, in milliseconds: more than what the timer wheel rounds the second to after which the
/// machine sends an answer once more.
const PACE: u128 = 100;

/// The ready tests of rules, under the names of their files.
///
/// # Errors
/// When a file cannot be read.
pub fn ready() -> io::Result<Vec<(String, RuleTest)>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    let mut tests = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let text = fs::read_to_string(path)?;
        let mut read = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
        if let Ok(Loaded::RuleTest(test)) = scenario::load(path, &text, &mut read) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            tests.push((name, *test));
        }
    }
    Ok(tests)
}

/// Makes a case of a test of rules. `report` is what came of it here: it says where somebody has to listen, and what the
/// answers are.
#[must_use]
pub fn case_text(test: &RuleTest, report: &Report) -> CaseText {
    let mut packets = listeners(report);
    let mut now = PACE;
    for (row, step) in test.packets.iter().zip(&report.steps) {
        now += PACE + row.after.as_millis();
        packets.push(sent(now, test, row.from.as_ref().map(|dev| dev.value.as_str()), &row.packet));
        if let Some((dev, answer)) = answer(row, step) {
            now += PACE;
            packets.push(sent(now, test, Some(dev), &answer));
        }
    }
    CaseText {
        name: test.name.clone(),
        setup: setup(test),
        packets,
        rules: test.rules.iter().flat_map(|rules| rules.value.lines()).map(str::to_owned).collect(),
    }
}

/// The address of the link layer of an interface, and of the other end of its wire.
const fn mac(place: usize) -> [u8; 6] {
    [0x02, 0, 0, 0, place.to_le_bytes()[0], 1]
}

const fn mac_beyond(place: usize) -> [u8; 6] {
    [0x02, 0xff, 0, 0, place.to_le_bytes()[0], 1]
}

fn colons(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn setup(test: &RuleTest) -> Vec<String> {
    let mut setup = Vec::new();
    for name in [MACHINE, BEYOND] {
        setup.push(format!("ip netns add {name}"));
        setup.push(format!(
            "ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
        ));
        setup.push(format!("ip -n {name} link set lo up"));
    }
    for (place, interface) in test.interfaces.iter().enumerate() {
        let (name, address) = (&interface.name, colons(mac(place)));
        setup.push(format!(
            "ip -n {MACHINE} link add {name} address {address} type veth peer name x{name} address {} netns {BEYOND}",
            colons(mac_beyond(place))
        ));
        setup.push(format!("ip -n {BEYOND} link set x{name} up"));
        setup.push(format!("ip -n {MACHINE} link set {name} arp off up"));
        for address in &interface.addresses {
            setup.push(format!("ip -n {MACHINE} addr add {address} dev {name}"));
        }
    }
    for route in &test.routes {
        let mut command = format!("ip -n {MACHINE} route add {}", route.to);
        for (word, value) in [("via", &route.via), ("dev", &route.dev)] {
            if let Some(value) = value {
                write!(command, " {word} {}", value.value).expect("a string takes everything");
            }
        }
        setup.push(command);
    }
    for (name, value) in &test.sysctls {
        setup.push(format!("ip netns exec {MACHINE} sysctl -qw {name}={}", value.value));
    }
    let tool = match test.backend {
        IptablesBackend::Nft => "iptables-restore",
        IptablesBackend::Legacy => "iptables-legacy-restore",
    };
    setup.push(format!("ip netns exec {MACHINE} {tool} < {RULES}"));
    setup
}

/// Those who listen where packets were delivered.
fn listeners(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for walk in report.steps.iter().filter_map(|step| step.done.walks.request.as_ref()) {
        let (Verdict::Delivered, Some(seen)) = (&walk.verdict, walk.seen) else { continue };
        let what = match seen.protocol {
            6 => "tcp-listen",
            17 => "udp-echo",
            _ => continue,
        };
        let line = format!("0 {MACHINE} - {what} {} {}", seen.to.ip(), seen.to.port());
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// The answer to a packet that the machine sent on, if one is wanted and chance had no part in its ports.
fn answer<'s>(row: &Row, step: &'s StepReport) -> Option<(&'s str, Packet)> {
    row.answer.as_ref()?;
    let walk: &Walk = step.done.walks.request.as_ref()?;
    let (Verdict::Sent { dev }, Some(seen)) = (&walk.verdict, walk.seen) else { return None };
    let is_drawn = walk.sent.is_some_and(|sent| sent.from.port() != seen.from.port())
        && walk.stops.iter().any(|stop| matches!(stop.what, Met::Chosen { .. }));
    let answer = row.packet.answer(seen.to, seen.from).filter(|_| !is_drawn)?;
    Some((dev, answer))
}

/// The line that sends a packet: in by an interface, or from the machine itself.
fn sent(at: u128, test: &RuleTest, dev: Option<&str>, packet: &Packet) -> String {
    match dev {
        None => format!("{at} {MACHINE} - raw {}", to_hex(&packet.bytes())),
        Some(dev) => {
            let place = test.interfaces.iter().position(|one| one.name.as_str() == dev);
            let frame = packet.frame(mac(place.unwrap_or_default()), STRANGER);
            format!("{at} {MACHINE} {dev} tx {}", to_hex(&frame))
        }
    }
}

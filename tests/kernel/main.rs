//! The kernel differential: every kept case on the real kernel and in the simulator, against its golden
//! answer. Where both agree with it, they agree with each other.
//!
//! - Without namespaces (no Linux, no right to make them) the kernel's side is skipped, loudly;
//!   `KUBEWIRE_KERNEL=require` makes that a failure.
//! - The golden answers are those of one kernel and one iproute2, which their first lines name. On others,
//!   differences are shown and are no failure.
//! - `KUBEWIRE_RUNS=N` runs each case N times: an answer that changes from run to run is no answer. Without
//!   it, a kernel that differs is asked again a few times; if it then agrees, the case is called unstable.
//! - Cases that `not_yet.txt` names are known to differ; one that no longer does fails, so that its line
//!   goes.
//! - What the cases of [`REBUILT`] have built in the simulator is written down as a shell script; run on
//!   the real kernel, it has to build the same.
//! - `KUBEWIRE_BLESS=1` writes the golden answers anew.
//! - `unit_flows.rs` asks the real kernel alone: what the rules do there that we write for IPv6.
//! - Cases that `kept_only.txt` names need devices that most kernels of test machines lack: their golden
//!   answers were taken on another kernel and are compared with the simulator alone. There, `kernel-case
//!   DIR > NAME.json` observes a case; `KUBEWIRE_OBSERVED` names the folder of these files, which are held
//!   against the golden answers, or become them with `KUBEWIRE_BLESS=1`.

mod unit_flows;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use sim_core::case::normal::NormalNetns;
use sim_core::case::{Action, Normal, Observed, normalise};
use sim_kube::scenario::rule_test::RuleTest;
use sim_tests::cases::{self, KeptCase, KeptCaseError};
use sim_tests::differential::{RealKernel, expect_equal, series};
use sim_tests::generate::CaseText;
use sim_tests::rule_tests;
use sim_tests::rules::{self, Outcome, Tools};
use sim_tests::simulator::{simulate, simulate_with_script};

/// Cases whose network is built anew from its script. Packets are left out: what they teach is not
/// configured.
const REBUILT: [&str; 21] = [
    "addr-commands",
    "addr-promote",
    "addr-routes",
    "arp-static",
    "br-fdb-commands",
    "br-fdb-entries",
    "br-fdb-flush",
    "br-nested",
    "br-port-flags",
    "ecmp-seed",
    "fib-order",
    "fib-route-types",
    "link-commands",
    "macvlan-bridge",
    "route-commands",
    "rule-goto-suppress",
    "rule-selectors",
    "sysctl-commands",
    "vxlan-encap",
    "vxlan-fdb-commands",
    "vxlan-fdb-flush",
];

/// How often a kernel that differed is asked again.
const MORE_TRIES: usize = 4;

fn main() -> ExitCode {
    let args = Arguments::from_args();
    match trials() {
        Ok(trials) => libtest_mimic::run(&args, trials).exit_code(),
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test binary speaks to whoever runs it")]
fn complain(text: &str) {
    eprintln!("{text}");
}

/// What is tested cannot be read.
#[derive(Debug, thiserror::Error)]
enum TrialsError {
    /// A case.
    #[error(transparent)]
    Case(#[from] KeptCaseError),
    /// A test of rules.
    #[error("scenarios: {0}")]
    RuleTest(#[from] std::io::Error),
}

fn trials() -> Result<Vec<Trial>, TrialsError> {
    let kernel = RealKernel::new(Path::new(env!("CARGO_BIN_EXE_kernel-case")));
    let kernel = match kernel {
        Ok(kernel) => Ok(Arc::new(kernel)),
        Err(error) => {
            let reason = error.to_string();
            complain(&format!(
                "SKIPPED: the real kernel is not asked, because namespaces cannot be made: {reason}"
            ));
            Err(reason)
        }
    };
    let not_yet: Vec<&str> = include_str!("not_yet.txt").lines().collect();
    let kept_only: Vec<&str> = include_str!("kept_only.txt").lines().collect();
    let required = env::var("KUBEWIRE_KERNEL").is_ok_and(|value| value == "require");
    let mut trials = Vec::new();
    for dir in cases::folders()? {
        let kept = KeptCase::read(&dir)?;
        let name = format!("simulator::{}", kept.case.name);
        let is_kept_only = kept_only.contains(&kept.case.name.as_str());
        let (differs, simulated) = (not_yet.contains(&kept.case.name.as_str()), kept.clone());
        trials.push(Trial::test(name, move || {
            the_simulator_says_what_the_kernel_said(&simulated, differs, is_kept_only)
        }));
        if REBUILT.contains(&kept.case.name.as_str())
            && let Ok(kernel) = &kernel
        {
            let (kernel, kept) = (Arc::clone(kernel), kept.clone());
            let name = format!("script::{}", kept.case.name);
            trials.push(Trial::test(name, move || a_script_builds_the_same(&kernel, &kept)));
        }
        if is_kept_only {
            let name = format!("kept_only::{}", kept.case.name);
            let observed = env::var_os("KUBEWIRE_OBSERVED").map(PathBuf::from);
            let ignored = observed.is_none();
            let trial = Trial::test(name, move || golden_is_what_was_observed(observed, &kept));
            trials.push(trial.with_ignored_flag(ignored));
            continue;
        }
        let name = format!("kernel::{}", kept.case.name);
        trials.push(match &kernel {
            Ok(kernel) => {
                let kernel = Arc::clone(kernel);
                Trial::test(name, move || golden_is_what_this_kernel_says(&kernel, &kept))
            }
            Err(reason) => {
                let reason = reason.clone();
                Trial::test(name, move || Err(Failed::from(reason))).with_ignored_flag(!required)
            }
        });
    }
    trials.push(rules_trial(required));
    trials.extend(unit_flows::trials(&kernel, required));
    for (file, test) in rule_tests::ready()? {
        let name = format!("rule_test::{file}");
        let kernel = kernel.clone();
        let ignored = kernel.is_err() && !required;
        let trial = Trial::test(name, move || {
            let kernel = kernel?;
            packets_end_as_a_rule_test_says(&kernel, &test)
        });
        trials.push(trial.with_ignored_flag(ignored));
    }
    Ok(trials)
}

/// On the real kernel the same packets go through the same rules; each frame, connection and counter is equal.
fn packets_end_as_a_rule_test_says(kernel: &RealKernel, test: &RuleTest) -> Result<(), Failed> {
    let report = test.run(None)?;
    if !report.is_good() {
        return Err(Failed::from("it does not pass"));
    }
    let text = rule_tests::case_text(test, &report);
    let case = text.parse()?;
    let (ours, theirs) = (simulate(&case)?, kernel.observe_text(&text)?);
    expect_equal(&case, ("kernel", &theirs), ("simulator", &ours)).map_err(Failed::from)
}

/// How many random sessions of iptables are compared.
const SESSIONS: u64 = 40;

/// Random sessions of iptables, with the real tools and with the simulator's.
fn rules_trial(required: bool) -> Trial {
    match Tools::new() {
        Ok(tools) => Trial::test("rules::iptables says what the real one says", move || {
            (0..SESSIONS).try_for_each(|seed| a_session_is_equal(&tools, seed))
        }),
        Err(reason) => {
            complain(&format!("SKIPPED: {reason}"));
            Trial::test("rules::skipped", move || Err(Failed::from(reason)))
                .with_ignored_flag(!required)
        }
    }
}

fn a_session_is_equal(tools: &Tools, seed: u64) -> Result<(), Failed> {
    let lines = rules::session(seed, None);
    let (real, simulated) = (tools.ask(&lines)?, rules::simulate(&lines));
    match rules::compare(&lines, &real, &simulated) {
        Outcome::Equal | Outcome::NotModelled(_) => Ok(()),
        Outcome::Different(text) => Err(Failed::from(format!("seed {seed}: {text}"))),
    }
}

fn the_simulator_says_what_the_kernel_said(
    kept: &KeptCase,
    differs: bool,
    kept_only: bool,
) -> Result<(), Failed> {
    let comparable = if kept_only { without_newer_counters } else { |normal: Normal| normal };
    let golden = comparable(kept.golden()?);
    let outcome = simulate(&kept.case)
        .map(comparable)
        .and_then(|ours| expect_equal(&kept.case, ("kernel", &golden), ("simulator", &ours)));
    match outcome {
        Err(_) if differs => Ok(()),
        Ok(()) if differs => Err(Failed::from("it agrees now: take it off not_yet.txt")),
        outcome => outcome.map_err(Failed::from),
    }
}

fn a_script_builds_the_same(kernel: &RealKernel, kept: &KeptCase) -> Result<(), Failed> {
    let mut commands = kept.case.clone();
    commands.steps.retain(|step| matches!(step.action, Action::Sh(_)));
    let (ours, setup) = simulate_with_script(&commands)?;
    let name = kept.case.name.clone();
    let built = CaseText { name, setup, packets: vec!["@quiet 20".to_owned()], rules: Vec::new() };
    let theirs = kernel.observe_text(&built)?;
    let (ours, theirs) = (tables_of(&ours), tables_of(&theirs));
    let case = built.parse()?;
    expect_equal(&case, ("the simulator", &ours), ("its script on the kernel", &theirs))
        .map_err(|words| Failed::from(format!("{words}\n{}", built.setup.join("\n"))))
}

/// What is listed in each namespace, and nothing else.
fn tables_of(normal: &Normal) -> Normal {
    let tables = |netns: &NormalNetns| NormalNetns {
        tables: netns.tables.clone(),
        ..NormalNetns::default()
    };
    let netns = normal.netns.iter().map(|(name, seen)| (name.clone(), tables(seen))).collect();
    Normal { netns, ..Normal::default() }
}

/// Leaves out what Linux 6.1, on which the kept answers were taken, counts otherwise than 6.18 does, or not
/// at all: `Ip.OutTransmits` is new, and what `IpExt.OutOctets` counts moved with it.
fn without_newer_counters(mut normal: Normal) -> Normal {
    const NEWER: [&str; 4] =
        ["Ip.ForwDatagrams", "Ip.OutRequests", "Ip.OutTransmits", "IpExt.OutOctets"];
    for netns in normal.netns.values_mut() {
        netns.snmp.retain(|name, _| !NEWER.contains(&name.as_str()));
    }
    normal
}

fn golden_is_what_was_observed(folder: Option<PathBuf>, kept: &KeptCase) -> Result<(), Failed> {
    let folder = folder.ok_or_else(|| Failed::from("KUBEWIRE_OBSERVED is not set"))?;
    let text = fs::read(folder.join(format!("{}.json", kept.case.name)))?;
    let observed: Observed = serde_json::from_slice(&text)?;
    let there = normalise(&observed, &kept.case);
    if env::var("KUBEWIRE_BLESS").is_ok_and(|value| value == "1") {
        kept.bless(&there)?;
    }
    let golden = kept.golden()?;
    expect_equal(&kept.case, ("golden", &golden), ("that kernel", &there)).map_err(Failed::from)
}

fn golden_is_what_this_kernel_says(kernel: &RealKernel, kept: &KeptCase) -> Result<(), Failed> {
    let runs = env::var("KUBEWIRE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1_u32);
    let bless = env::var("KUBEWIRE_BLESS").is_ok_and(|value| value == "1");
    let first = kernel.observe(&kept.dir, &kept.case)?;
    for _ in 1..runs.max(if bless { 2 } else { 1 }) {
        let again = kernel.observe(&kept.dir, &kept.case)?;
        expect_equal(&kept.case, ("one run", &first), ("another run", &again))?;
    }
    if bless {
        kept.bless(&first)?;
        bless_drops(kernel, kept)?;
    }
    let golden = kept.golden()?;
    let outcome = expect_equal(&kept.case, ("golden", &golden), ("this kernel", &first));
    match outcome {
        Err(words) if series(&golden.kernel) != series(&first.kernel) => {
            let (here, there) = (&first.kernel, &golden.kernel);
            complain(&format!("{}: {here} differs from {there}:\n{words}", kept.case.name));
            Ok(())
        }
        Err(words) if runs == 1 => says_so_when_asked_again(kernel, kept, &golden, &words),
        outcome => outcome.map_err(Failed::from),
    }
}

/// Keeps where packets died, if two runs say the same. Only root may trace.
fn bless_drops(kernel: &RealKernel, kept: &KeptCase) -> Result<(), Failed> {
    let died =
        || kernel.look(&kept.dir, true).map(|observed| cases::died_at_once(&kept.case, &observed));
    let (first, second) = (died()?, died()?);
    if first == second {
        return Ok(kept.bless_drops(&first)?);
    }
    Err(Failed::from(format!("packets died:\n{first}and in another run:\n{second}")))
}

/// Asks the kernel again after an answer that differed. On a busy machine a step can come later than it
/// should, and meet what belongs to the next one; then the kernel contradicts itself, and agrees sooner or
/// later. An answer that is wrong stays wrong.
fn says_so_when_asked_again(
    kernel: &RealKernel,
    kept: &KeptCase,
    golden: &Normal,
    words: &str,
) -> Result<(), Failed> {
    for _ in 0..MORE_TRIES {
        let again = kernel.observe(&kept.dir, &kept.case)?;
        if expect_equal(&kept.case, ("golden", golden), ("this kernel", &again)).is_ok() {
            complain(&format!("{}: unstable, agreed when asked again:\n{words}", kept.case.name));
            return Ok(());
        }
    }
    Err(Failed::from(words))
}

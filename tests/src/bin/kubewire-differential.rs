//! Runs random cases on the real kernel and in the simulator, and compares.
//!
//! A case that differs is made as small as it goes while it differs in the same section, and printed; the exit
//! status is 1 then, if the kernel is of the series that the seeds of this topic were recorded on. With `--record` the
//! cases from seed 0 on that agree become that record; those that stand there already and have not changed are not
//! run again.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use sim_tests::campaign::{self, Outcome, Plan};
use sim_tests::differential::{RealKernel, series, write};
use sim_tests::generate::Topic;
use sim_tests::recorded::{Recorded, Row};

/// Runs random cases on the real kernel and in the simulator, and compares
#[derive(Debug, Parser)]
struct Args {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many seeds
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// Begin no case after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Compare two runs on the kernel with each other
    #[arg(long)]
    stability: bool,
    /// Write the cases that differ, made small, to this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Write what agreed to this file; needs --from 0
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stability", "only", "seconds"])]
    record: Option<PathBuf>,
    /// Look only at these sections: frames, snmp, links, sockets, sh, "ip addr", ...
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Do not make cases smaller
    #[arg(long)]
    no_shrink: bool,
    /// Draw rules of iptables and flows through them
    #[arg(long)]
    netfilter: bool,
    /// How many cases at a time; one per CPU unless given
    #[arg(long)]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("kubewire-differential: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // There is nobody left to tell when standard output is gone.
    let _unheard = writeln!(io::stdout().lock(), "{text}");
}

fn run(args: Args) -> Result<bool, Box<dyn std::error::Error>> {
    if args.record.is_some() && args.from != 0 {
        return Err("a record begins with seed 0".into());
    }
    let program = std::env::current_exe()?.with_file_name("kernel-case");
    let kernel = RealKernel::new(&program)?;
    let all = args.from..args.from.saturating_add(args.count);
    let topic = if args.netfilter { Topic::Netfilter } else { Topic::Network };
    let recorded = Recorded::parse(topic.record())?;
    let known = |seed| args.record.as_ref().and_then(|_| recorded.check(topic, seed).ok());
    let kept: BTreeMap<u64, Row> =
        all.clone().filter_map(|seed| Some((seed, known(seed)?))).collect();
    let plan = Plan {
        seeds: all.filter(|seed| !kept.contains_key(seed)).collect(),
        topic,
        limit: args.seconds.map(Duration::from_secs),
        stability: args.stability,
        only: args.only,
        shrinks: !args.no_shrink,
    };
    let begun = Instant::now();
    let outcome = campaign::run(plan, &kernel, args.jobs.unwrap_or_else(|| kernel.places()), &say);
    summarise(&outcome, args.from, begun.elapsed());
    for (seed, case) in &outcome.different {
        if let Some(keep) = &args.keep {
            write(case, &keep.join(format!("seed-{seed}")))?;
        }
    }
    let all_agree = outcome.different.is_empty() && outcome.not_run.is_empty();
    if let Some(file) = args.record {
        if !all_agree {
            return Err("not every case agrees: nothing is recorded".into());
        }
        if !outcome.agreed.is_empty() && series(&outcome.system) != series(&recorded.system) {
            return Err(
                "another kernel was recorded: leave only the first line, with this one".into()
            );
        }
        let mut rows = kept;
        rows.extend(&outcome.agreed);
        let rows = rows.into_values().collect();
        fs::write(file, Recorded { system: recorded.system.clone(), rows }.text())?;
    }
    Ok(all_agree || !is_alike(&outcome.system, &recorded.system))
}

/// Whether a kernel is like the one that the recorded cases were run on. Others may answer otherwise.
fn is_alike(system: &str, recorded: &str) -> bool {
    let is_alike = series(system) == series(recorded);
    if !is_alike {
        say(&format!("{system} is not {recorded}: what differs is shown, and is no failure"));
    }
    is_alike
}

fn summarise(outcome: &Outcome, from: u64, took: Duration) {
    let Outcome { agreed, unstable, not_run, different, system } = outcome;
    say(&format!(
        "seeds from {from} on, {system}: {} agree, {} differ, {} could not be run, in {} s",
        agreed.len(),
        different.len(),
        not_run.len(),
        took.as_secs()
    ));
    if !unstable.is_empty() {
        say(&format!("agreed only when asked again: {unstable:?}"));
    }
    if !different.is_empty() {
        say(&format!("different: {:?}", different.keys()));
    }
    for (seed, why) in not_run {
        say(&format!("seed {seed} could not be run: {why}"));
    }
}

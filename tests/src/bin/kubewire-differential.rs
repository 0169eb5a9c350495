//! Runs random cases on the real kernel and in the simulator, and compares.
//!
//! A case that differs is made as small as it goes while it differs in the same section, and printed.
//! With `--stability` each case runs twice on the kernel: what differs then is a fault of the generator
//! or of the normaliser.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use sim_core::case::compare;
use sim_tests::differential::{RealKernel, in_words, write};
use sim_tests::generate::{self, CaseText};
use sim_tests::shrink::shrink;
use sim_tests::simulator::simulate;

/// Runs random cases on the real kernel and in the simulator, and compares
#[derive(Debug, Parser)]
struct Args {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many seeds
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// Stop after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Compare two runs on the kernel with each other
    #[arg(long)]
    stability: bool,
    /// Write the cases that differ, made small, to this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Look only at these sections: frames, snmp, links, sockets, sh, "ip addr", ...
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Do not make cases smaller
    #[arg(long)]
    no_shrink: bool,
    /// How many cases at a time; one per CPU unless given
    #[arg(long)]
    jobs: Option<usize>,
}

/// What all workers share.
struct Campaign {
    args: Args,
    kernel: RealKernel,
    next: AtomicU64,
    ran: AtomicU64,
    over: AtomicBool,
    begun: Instant,
    found: Mutex<Vec<u64>>,
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
    let program = std::env::current_exe()?.with_file_name("kernel-case");
    let kernel = RealKernel::new(&program)?;
    let jobs = args.jobs.unwrap_or_else(|| kernel.places());
    let campaign = Campaign {
        next: AtomicU64::new(args.from),
        args,
        kernel,
        ran: AtomicU64::new(0),
        over: AtomicBool::new(false),
        begun: Instant::now(),
        found: Mutex::new(Vec::new()),
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| campaign.work());
        }
    });
    let found = campaign.found.into_inner()?;
    let ran = campaign.ran.into_inner();
    let seconds = campaign.begun.elapsed().as_secs();
    say(&format!("{ran} cases in {seconds} s, {} differ: {found:?}", found.len()));
    Ok(found.is_empty())
}

impl Campaign {
    fn work(&self) {
        let last = self.args.from.saturating_add(self.args.count);
        let limit = self.args.seconds.map(Duration::from_secs);
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            let late = limit.is_some_and(|limit| self.begun.elapsed() > limit);
            if seed >= last || late || self.over.load(Ordering::Relaxed) {
                return;
            }
            let case = generate::case(seed);
            self.ran.fetch_add(1, Ordering::Relaxed);
            // A difference counts when it can be seen twice.
            if let Some(found) = self.difference(&case)
                && self.difference(&case).is_some_and(|again| again.section == found.section)
            {
                self.report(seed, case, &found.section);
            }
        }
    }

    /// The first difference of a case. A case that the kernel cannot run shows none.
    fn difference(&self, case: &CaseText) -> Option<Found> {
        let parsed = case.parse().ok()?;
        let kernel = self.kernel.observe_text(case).ok()?;
        let other = if self.args.stability {
            self.kernel.observe_text(case).map_err(|error| error.to_string())
        } else {
            simulate(&parsed)
        };
        match other {
            Ok(other) => {
                let mut found = compare(&parsed, ("kernel", &kernel), (self.other_side(), &other));
                if !self.args.only.is_empty() {
                    found.retain(|one| self.args.only.contains(&one.section));
                }
                let section = found.first()?.section.clone();
                Some(Found { section, words: in_words(&found) })
            }
            Err(error) => Some(Found { section: without_line(&error), words: error }),
        }
    }

    fn other_side(&self) -> &'static str {
        if self.args.stability { "another run" } else { "simulator" }
    }

    fn report(&self, seed: u64, mut case: CaseText, section: &str) {
        if !self.args.no_shrink {
            const ATTEMPTS: u32 = 300;
            case = shrink(&case, ATTEMPTS, &mut |smaller| {
                self.difference(smaller).is_some_and(|found| found.section == section)
            });
        }
        let words = self.difference(&case).map_or_else(|| "not seen again".to_owned(), |f| f.words);
        let texts = format!("{}\n--\n{}", case.setup.join("\n"), case.packets.join("\n"));
        say(&format!("=== seed {seed}\n{texts}\n--\n{words}"));
        if let Some(keep) = &self.args.keep
            && let Err(error) = write(&case, &keep.join(&case.name))
        {
            say(&format!("cannot keep it: {error}"));
            self.over.store(true, Ordering::Relaxed);
        }
        self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
    }
}

/// A difference.
struct Found {
    /// Where it is: a section, or what the other side complained about.
    section: String,
    words: String,
}

/// A complaint without the line that it is about, which changes as a case gets smaller.
fn without_line(complaint: &str) -> String {
    let is_line = |part: &&str| !part.bytes().all(|b| b.is_ascii_digit());
    complaint.split(':').filter(is_line).collect::<Vec<_>>().join(":")
}

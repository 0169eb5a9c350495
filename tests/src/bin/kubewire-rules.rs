//! Runs random sessions of iptables with the real tools and in the simulator, and compares.
//!
//! Of each session the first command that differs is printed; the exit status is 1 if there is one. What the simulator
//! says by name that it does not do is counted.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use sim_core::family::AddressFamily;
use sim_tests::rules::{self, Outcome, Tools};

/// Runs random sessions of iptables with the real tools and in the simulator, and compares
#[derive(Debug, Parser)]
struct Args {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many seeds
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// Only IPv6, of which else one session in eight is
    #[arg(long)]
    ip6: bool,
    /// Print all commands of each session
    #[arg(long)]
    show: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("kubewire-rules: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // There is nobody left to tell when standard output is gone.
    let _unheard = writeln!(io::stdout().lock(), "{text}");
}

fn run(args: &Args) -> Result<bool, Box<dyn std::error::Error>> {
    let tools = Tools::new()?;
    let (mut equal, mut different) = (0, 0);
    let mut not_modelled: BTreeMap<String, u64> = BTreeMap::new();
    let mut commands = 0;
    for seed in args.from..args.from.saturating_add(args.count) {
        let lines = rules::session(seed, args.ip6.then_some(AddressFamily::Inet6));
        commands += lines.len();
        let (real, simulated) = (tools.ask(&lines)?, rules::simulate(&lines));
        if args.show {
            for (line, said) in lines.iter().zip(&real) {
                say(&format!(
                    "$ {}\n{}{}{}",
                    line.argv.join(" "),
                    line.stdin,
                    said.stdout,
                    said.stderr
                ));
            }
        }
        match rules::compare(&lines, &real, &simulated) {
            Outcome::Equal => equal += 1,
            Outcome::NotModelled(what) => *not_modelled.entry(what).or_default() += 1,
            Outcome::Different(text) => {
                different += 1;
                say(&format!("## seed {seed}\n{text}"));
            }
        }
    }
    for (what, count) in &not_modelled {
        say(&format!("{count} times: {what}"));
    }
    let not_modelled: u64 = not_modelled.values().sum();
    say(&format!(
        "{equal} sessions equal, {different} different, {not_modelled} with something not modelled; {commands} commands"
    ));
    Ok(different == 0)
}

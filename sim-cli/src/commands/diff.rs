//! `kubewire diff`: runs cases twice and says where the two differ.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use sim_core::case::run::run;
use sim_core::case::{Difference, compare, normalise};

use super::observe::{ObserveError, on_kernel};
use crate::case_file;

/// Runs cases on the real kernel of this machine and in the simulator, and says where the two differ
#[derive(Debug, Args)]
pub struct Diff {
    /// Folders with `setup.sh` and `packets.txt`
    #[arg(required = true)]
    cases: Vec<PathBuf>,
    /// Compare with the real kernel of this machine
    #[arg(long, required = true)]
    kernel: bool,
    /// The seed of the simulated world
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Diff {
    /// Compares the cases one after the other; tells whether all agreed.
    ///
    /// # Errors
    /// The first case that cannot be run on one of the sides.
    pub fn run(&self) -> Result<bool, ObserveError> {
        let mut agreed = true;
        for dir in &self.cases {
            agreed &= self.one(dir)?;
        }
        Ok(agreed)
    }

    fn one(&self, dir: &Path) -> Result<bool, ObserveError> {
        let case = case_file::read(dir)?;
        let kernel = normalise(&on_kernel(dir)?, &case);
        let simulator = normalise(&run(&case, self.seed)?, &case);
        let differences = compare(&case, ("kernel", &kernel), ("simulator", &simulator));
        report(&case.name, &differences);
        Ok(differences.is_empty())
    }
}

fn report(name: &str, differences: &[Difference]) {
    let mut out = io::stdout().lock();
    // There is nobody left to tell when standard output is gone.
    let _unheard = match differences {
        [] => writeln!(out, "{name}: the same"),
        [first, others @ ..] => {
            let count = others.len();
            writeln!(out, "{name}: {first}").and_then(|()| match count {
                0 => Ok(()),
                _ => writeln!(out, "and {count} more sections differ"),
            })
        }
    };
}

//! The simulator's side of the differential.

use sim_core::case::run::{run, run_with_script};
use sim_core::case::{Case, Normal, normalise};

/// The seed of the world that a case runs in. No case may depend on it: what it decides is renamed by the
/// normaliser.
const SEED: u64 = 1;

/// Runs a case in the simulator and makes the observation comparable.
///
/// # Errors
/// Why it cannot be run, in words.
pub fn simulate(case: &Case) -> Result<Normal, String> {
    simulate_otherwise(case, 0)
}

/// Runs a case in another world than [`simulate`] does: what is random there is different for each `other`
/// number. An identification that was drawn can be one that the case names, and is not renamed then; the same
/// happens on a kernel.
///
/// # Errors
/// Why it cannot be run, in words.
pub fn simulate_otherwise(case: &Case, other: u64) -> Result<Normal, String> {
    let observed = run(case, SEED.wrapping_add(other)).map_err(|error| error.to_string())?;
    Ok(normalise(&observed, case))
}

/// Runs a case in the simulator; also answers the lines of a shell script that builds what it has built.
///
/// # Errors
/// Why it cannot be run, in words.
pub fn simulate_with_script(case: &Case) -> Result<(Normal, Vec<String>), String> {
    let (observed, script) = run_with_script(case, SEED).map_err(|error| error.to_string())?;
    Ok((normalise(&observed, case), script.lines().map(str::to_owned).collect()))
}

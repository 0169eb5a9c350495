//! The random cases that were recorded: the simulator answers them as the kernel did.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sim_tests::generate;
use sim_tests::recorded::{Recorded, Row, hash_of_case};
use sim_tests::simulator::simulate;

/// A machine without namespaces cannot ask a kernel; but it can see whether the answer is still the one that a
/// kernel gave.
#[test]
fn the_simulator_answers_the_recorded_cases_as_the_kernel_did() {
    let record = Recorded::parse(include_str!("../generated.txt")).unwrap();
    assert!(record.rows.len() >= 2000, "{} cases are too few", record.rows.len());
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let wrong: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                let Some(row) = record.rows.get(seed) else { return wrong };
                wrong.extend(check(seed, row).err());
            }
        };
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "on {} it was otherwise:\n{}", record.system, wrong.join("\n"));
}

fn check(seed: usize, row: &Row) -> Result<(), String> {
    let case = generate::case(u64::try_from(seed).unwrap());
    if hash_of_case(&case) != row.case {
        return Err(format!(
            "seed {seed}: the generator draws another case now; record anew (CONTRIBUTING.md says how)"
        ));
    }
    let parsed = case.parse().map_err(|error| format!("seed {seed}: {error}"))?;
    let answer = simulate(&parsed).map_err(|error| format!("seed {seed}: {error}"))?;
    if Row::new(&case, &answer) == *row {
        return Ok(());
    }
    Err(format!("seed {seed}: see `kubewire-differential --from {seed} --count 1`"))
}

//! The random cases that were recorded: the simulator answers them as the kernel did.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sim_tests::generate::Topic;
use sim_tests::recorded::Recorded;

/// Has the simulator answer the recorded cases of a topic, of which there are at least so many. A machine without
/// namespaces cannot ask a kernel; but it can see whether the answer is still the one that a kernel gave.
fn the_kernel_said_so(topic: Topic, at_least: usize) {
    let record = Recorded::parse(topic.record()).unwrap();
    assert!(record.rows.len() >= at_least, "{} cases are too few", record.rows.len());
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let wrong: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= record.rows.len() {
                    return wrong;
                }
                let held = record.check(topic, u64::try_from(seed).unwrap());
                wrong.extend(held.err().map(|stale| format!("seed {seed}: {stale}")));
            }
        };
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "on {} it was otherwise:\n{}", record.system, wrong.join("\n"));
}

#[test]
fn the_simulator_answers_the_recorded_cases_as_the_kernel_did() {
    the_kernel_said_so(Topic::Network, 2000);
}

#[test]
fn the_simulator_judges_packets_as_the_kernel_did() {
    let seeds = 440;
    let sends = |line: &&String| line.contains(" tx ") || line.contains(" - udp ");
    let packets = |seed| Topic::Netfilter.case(seed).packets.iter().filter(sends).count();
    assert!((0..seeds).map(packets).sum::<usize>() >= 100_000, "the cases have too few packets");
    the_kernel_said_so(Topic::Netfilter, usize::try_from(seeds).unwrap());
}

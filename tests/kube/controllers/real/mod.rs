//! What our controllers make of objects, held to what real ones made of the same.
//!
//! `tests/kube-controllers` has transcripts of a real control plane; its README says how they were taken.

mod answers;
mod lab;
mod text;
mod transcript;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use lab::Lab;
use transcript::Line;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("kube-controllers")
}

/// Does the steps of a transcript, and answers its questions; panics with all answers that differ.
fn follow(name: &str) {
    let path = directory().join(format!("{name}.txt"));
    let transcript = fs::read_to_string(path).unwrap();
    let (mut lab, mut differences) = (Lab::new(), String::new());
    for line in transcript::read(&transcript) {
        match line {
            Line::Step { words, body } => lab.step(&words, &body),
            Line::Question { words, answer, at } => {
                let ours = lab.ask(&words);
                if ours != answer {
                    writeln!(differences, "{name}.txt:{at}: {}", words.join(" ")).unwrap();
                    let only = |sign, these: &[String], those: &[String]| -> String {
                        let lines = these.iter().filter(|line| !those.contains(line));
                        lines.map(|line| format!("{sign} {line}\n")).collect()
                    };
                    differences += &only('-', &answer, &ours);
                    differences += &only('+', &ours, &answer);
                }
            }
        }
    }
    assert!(differences.is_empty(), "the real one is -, ours is +\n{differences}");
}

/// One test a transcript.
macro_rules! transcripts {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            follow($name);
        })*

        const ALL: &[&str] = &[$($name),*];
    };
}

transcripts! {
    services_are_given_addresses_and_ports_from_where_real_ones_get_them: "allocation",
    endpoints_of_services_list_the_pods_that_real_ones_list: "endpoints",
    ports_of_endpoints_are_those_of_real_ones: "ports",
    endpoints_of_both_families_are_those_of_real_ones: "families",
    slices_are_packed_and_filled_again_as_real_ones: "packing",
    endpoints_are_cut_where_real_ones_are: "capacity",
    hints_are_those_of_real_ones: "hints",
    endpoints_follow_changes_of_their_service_as_real_ones_do: "changes",
    endpoints_written_by_hand_are_mirrored_as_real_ones_are: "mirrors",
    mirrors_are_cut_where_real_ones_are: "mirror-capacity",
    the_scheduler_says_of_pods_that_fit_nowhere_what_a_real_one_says: "unschedulable",
    host_ports_clash_where_a_real_scheduler_sees_them_clash: "host-ports",
    nodes_get_the_ranges_that_real_ones_get: "ranges",
    deployments_are_rolled_out_in_the_steps_of_real_ones: "rollout",
    limits_of_a_rollout_mean_what_they_mean_to_real_ones: "rollout-limits",
    deployments_are_recreated_and_forgotten_as_real_ones_are: "recreate",
    stateful_sets_make_and_end_pods_in_the_order_of_real_ones: "stateful",
    daemons_are_on_the_nodes_where_real_ones_are: "daemons",
    daemons_are_rolled_out_in_the_steps_of_real_ones: "daemon-rollout",
    pods_of_workloads_have_in_them_what_real_ones_have: "made-pods",
    jobs_have_as_many_pods_as_real_ones: "jobs",
}

#[test]
fn each_transcript_is_followed() {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let mut all = ALL.to_vec();
    all.sort_unstable();
    assert_eq!(names, all);
}

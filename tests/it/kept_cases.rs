//! The cases under `tests/cases/` are complete and can be read, on any machine.

use std::fs;

use sim_core::case::golden;
use sim_tests::cases::{GOLDEN, KeptCase, folders};

#[test]
fn every_case_says_what_it_is_about_in_one_sentence() {
    for dir in folders().unwrap() {
        let about = fs::read_to_string(dir.join("about.txt")).unwrap();
        assert_eq!(about.trim().lines().count(), 1, "{}", dir.display());
    }
}

#[test]
fn every_case_has_an_answer_of_the_kernel_which_is_written_as_it_is_read() {
    for dir in folders().unwrap() {
        let kept = KeptCase::read(&dir).unwrap();
        let normal = kept.golden().unwrap();
        let text = fs::read_to_string(dir.join(GOLDEN)).unwrap();
        assert_eq!(golden::write(&normal).unwrap(), text, "{}", dir.display());
        assert!(!normal.netns.is_empty(), "{}", dir.display());
    }
}

#[test]
fn every_answer_names_steps_and_namespaces_of_its_case() {
    for dir in folders().unwrap() {
        let kept = KeptCase::read(&dir).unwrap();
        let normal = kept.golden().unwrap();
        for seen in normal.netns.values().flat_map(|netns| &netns.frames) {
            assert!(kept.case.step_at(seen.step).is_some(), "{}: {seen:?}", dir.display());
        }
        for step in kept.case.steps.iter().filter(|step| !step.netns.is_empty()) {
            let name = &step.netns;
            let removal = format!("ip netns del {name}");
            let is_removed = kept.case.steps.iter().any(|step| step.text.ends_with(&removal));
            let is_there = normal.netns.contains_key(name);
            assert!(is_there || is_removed, "{}: {name}", dir.display());
        }
    }
}

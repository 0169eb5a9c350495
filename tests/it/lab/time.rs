//! Time in a lab is virtual, and what happens depends on the commands alone.

use std::time::{Duration, Instant};

use super::{Labs, stdout, text};

#[test]
fn a_day_passes_in_no_time() {
    let start = Instant::now();
    assert_eq!(stdout("sleep 1d && echo morning"), "morning\n");
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn background_commands_end_in_the_order_of_virtual_time() {
    let script = "(sleep 3; echo three) & (sleep 1; echo one) & sleep 2; echo two; wait";
    assert_eq!(stdout(script), "one\ntwo\nthree\n");
}

#[test]
fn the_same_script_prints_the_same_bytes_whatever_runs_beside_it() {
    let script = "for i in 1 2 3 4 5 6 7 8; do (sleep $((i % 3)); echo $i) & done; wait";
    let expected = stdout(script);
    assert_eq!(expected.lines().count(), 8);
    assert!(expected.starts_with("3\n6\n1\n4\n7\n"), "{expected}");
    let labs = Labs::new();
    let children: Vec<_> = (0..4).map(|_| labs.spawn(script)).collect();
    for child in children {
        assert_eq!(text(&child.wait_with_output().unwrap().stdout), expected);
    }
}

#[test]
fn a_pipeline_takes_its_time_too() {
    let script = "(echo a; sleep 1; echo b) | (read x; sleep 5; echo $x; read x; echo $x)";
    assert_eq!(stdout(script), "a\nb\n");
}

#[test]
fn a_command_that_computes_does_not_hold_the_world_up() {
    let script = "while :; do :; done & sleep 1; echo past; kill $!";
    assert_eq!(stdout(script), "past\n");
}

#[test]
fn a_loop_of_commands_does_not_hold_the_world_up() {
    let script = "while :; do /bin/true; done & sleep 1; echo past; kill $!";
    assert_eq!(stdout(script), "past\n");
}

#[test]
fn what_waits_forever_does_not_make_time_pass() {
    let script = "sleep infinity & sleep 2; echo two; kill $!; wait $!; echo $?";
    assert_eq!(stdout(script), "two\n143\n");
}

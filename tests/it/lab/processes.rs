//! Exit statuses, signals, and what is left when a lab ends.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use super::{Labs, is_alive, stdout, text};

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not come true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_exit_status_is_that_of_the_command() {
    let labs = Labs::new();
    assert_eq!(labs.run("exit 7").status.code(), Some(7));
    assert_eq!(labs.run("sleep x").status.code(), Some(1));
    assert_eq!(labs.run("kill -9 $$").status.code(), Some(137));
    let missing = labs.kubewire(&["lab", "--", "no-such-command"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(127));
    assert_eq!(
        text(&missing.stderr),
        "kubewire: cannot run no-such-command: No such file or directory\n"
    );
    assert_eq!(labs.left_over(), Vec::<String>::new());
}

#[test]
fn commands_are_found_in_the_lab_first() {
    assert_eq!(stdout("command -v sleep | sed \"s|$KUBEWIRE_LAB|LAB|\""), "LAB/bin/sleep\n");
}

#[test]
fn sudo_runs_the_lab_s_commands() {
    let start = Instant::now();
    assert_eq!(stdout("sudo sleep 1h; sudo -n -E -- sh -c 'sleep 1h; echo $0' x"), "x\n");
    assert!(start.elapsed() < Duration::from_secs(60));
    let refused = Labs::new().run("sudo -u nobody true");
    assert_eq!(text(&refused.stderr), "sudo: -u is not modelled in the lab\n");
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_killed_command_is_dead_for_the_shell() {
    let script = "sleep infinity & kill -KILL $!; wait $!; echo $?; sleep 1; echo on";
    assert_eq!(stdout(script), "137\non\n");
}

#[test]
fn nothing_of_a_lab_outlives_its_shell() {
    let labs = Labs::new();
    let script = "sleep infinity & echo $!; sh -c 'trap \"\" HUP; while :; do /bin/sleep 1; done' & echo $!;\
        (setsid /bin/sleep 1000 & echo $!)";
    let output = labs.run(script);
    let pids = text(&output.stdout);
    assert_eq!(pids.lines().count(), 3, "{output:?}");
    for pid in pids.lines() {
        assert!(!is_alive(pid), "{pid} lives");
    }
    assert_eq!(labs.left_over(), Vec::<String>::new());
}

#[test]
fn a_terminated_lab_ends_its_shell() {
    let labs = Labs::new();
    let mut lab = labs.spawn("echo $$; exec /bin/sleep 1000");
    let mut pid = [0; 16];
    let count = lab.stdout.as_mut().unwrap().read(&mut pid).unwrap();
    let pid = text(&pid[..count]);
    let kill = std::process::Command::new("kill").arg(lab.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert_eq!(lab.wait().unwrap().code(), Some(143));
    assert!(!is_alive(&pid));
    assert_eq!(labs.left_over(), Vec::<String>::new());
}

#[test]
fn commands_of_a_killed_lab_say_so_and_the_next_lab_clears_up() {
    let labs = Labs::new();
    let mut lab = labs.spawn("echo $$; read x; sleep 1; echo $? 1>&2");
    let mut pid = [0; 16];
    let count = lab.stdout.as_mut().unwrap().read(&mut pid).unwrap();
    let mut stdin = lab.stdin.take().unwrap();
    lab.kill().unwrap();
    assert_eq!(lab.wait().unwrap().signal(), Some(9));
    assert_eq!(labs.left_over().len(), 1);

    // The shell still lives, so its commands have to stay.
    labs.run("true");
    assert_eq!(labs.left_over().len(), 1);

    stdin.write_all(b"\n").unwrap();
    let mut said = String::new();
    lab.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "sleep: the lab is gone\n74\n");
    let pid = text(&pid[..count]);
    wait_until("the end of the shell", || !is_alive(&pid));
    labs.run("true");
    assert_eq!(labs.left_over(), Vec::<String>::new());
}

#[test]
fn a_waiting_command_ends_with_its_lab() {
    let labs = Labs::new();
    let mut lab = labs.spawn("sleep infinity & echo $!; read x");
    let mut pid = [0; 16];
    let count = lab.stdout.as_mut().unwrap().read(&mut pid).unwrap();
    let _stdin = lab.stdin.take();
    lab.kill().unwrap();
    lab.wait().unwrap();
    let pid = text(&pid[..count]);
    wait_until("the end of the command", || !is_alive(&pid));
}

#[test]
fn tools_outside_of_a_lab_do_nothing() {
    use std::os::unix::process::CommandExt as _;
    let output = Labs::new().kubewire(&["1"]).arg0("sleep").env_remove("KUBEWIRE_LAB").output();
    let output = output.unwrap();
    assert_eq!(
        text(&output.stderr),
        "sleep: this is kubewire's, and works inside `kubewire lab` only\n"
    );
    assert_eq!(output.status.code(), Some(74));
}

#[test]
fn a_lab_inside_a_lab_is_a_world_of_its_own() {
    let program = env!("CARGO_BIN_EXE_kubewire-under-test");
    let script = format!(
        "{program} lab -- sh -c 'sleep 1; echo $KUBEWIRE_LAB'; sleep 1; echo $KUBEWIRE_LAB"
    );
    let folders = stdout(&script);
    let (inner, outer) = folders.trim().split_once('\n').unwrap();
    assert_ne!(inner, outer);
}

#[test]
fn an_interrupt_ends_the_command_and_the_lab_says_so() {
    use std::os::unix::process::CommandExt as _;
    let labs = Labs::new();
    let mut command =
        labs.kubewire(&["lab", "--", "sh", "-c", "echo; sleep infinity; echo not me"]);
    let mut lab = command.process_group(0).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = [0];
    lab.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    let group = format!("-{}", lab.id());
    // A shell loses an interrupt that meets its child between fork and exec, so one is not enough.
    while lab.try_wait().unwrap().is_none() {
        let kill =
            std::process::Command::new("kill").args(["-INT", "--", &group]).output().unwrap();
        assert!(kill.status.success() || lab.try_wait().unwrap().is_some(), "{kill:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = lab.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(130), ""));
    assert_eq!(labs.left_over(), Vec::<String>::new());
}

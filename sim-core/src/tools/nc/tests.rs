//! What netcat-openbsd 1.219 was seen to do on Linux 6.18.

use crate::id::ProcId;
use crate::tools::lab::Lab;
use crate::tools::{Call, Outcome};
use crate::world::{Output, Poll};

/// Starts a command that waits for others.
fn background(lab: &mut Lab, line: &str) -> ProcId {
    let mut words = line.split_whitespace().map(str::to_owned);
    let netns = lab.netns(&words.next().unwrap());
    let call = Call { argv: words.collect(), to_terminal: false, columns: None };
    lab.world.spawn_program(netns, super::start(call))
}

fn written(lab: &mut Lab, id: ProcId) -> (String, Poll) {
    let process = lab.world.process_mut(id).unwrap();
    let mut text = String::new();
    for piece in std::mem::take(&mut process.output) {
        if let Output::Stdout(bytes) | Output::Stderr(bytes) = piece {
            text += &String::from_utf8(bytes).unwrap();
        }
    }
    (text, process.state)
}

fn says(status: u8, stderr: &str) -> Outcome {
    Outcome { status, stdout: String::new(), stderr: stderr.to_owned() }
}

#[test]
fn a_scan_asks_for_as_many_seconds_as_it_may_wait() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -lkun 82");
    let told = "Connection to 10.0.4.2 82 port [udp/*] succeeded!\n";
    assert_eq!(lab.run("h nc -uvzn -w 1 10.0.4.2 82"), says(0, told));
    assert_eq!(written(&mut lab, server).0, "XXX");
    assert_eq!(lab.run("h nc -uvzn 10.0.4.2 82"), says(0, told));
    assert_eq!(written(&mut lab, server).0, "XXXXX");
}

#[test]
fn a_closed_port_is_told_by_the_exit_status_alone() {
    let mut lab = Lab::row();
    assert_eq!(lab.run("h nc -vuz 10.0.4.2 99"), says(1, ""));
    assert_eq!(lab.run("h nc -uz 10.0.4.2 99"), says(0, ""));
}

#[test]
fn what_cannot_be_reached_or_bound_is_told() {
    let mut lab = Lab::row();
    lab.set("h ip route add unreachable 10.8.0.0/16");
    let unreachable = "nc: connect to 10.8.4.2 port 99 (udp) failed: No route to host\n";
    assert_eq!(lab.run("h nc -uv 10.8.4.2 99"), says(1, unreachable));
    assert_eq!(lab.run("h nc -u 10.8.4.2 99"), says(1, ""));
    let foreign = "nc: bind failed: Cannot assign requested address\n";
    assert_eq!(lab.run("h nc -u -s 1.2.3.4 10.0.4.2 80"), says(1, foreign));
    let foreign = "nc: Cannot assign requested address\n";
    assert_eq!(lab.run("d nc -luvn 10.0.4.3 81"), says(1, foreign));
    let unknown = "nc: getaddrinfo for host \"x\" port 80: Name or service not known\n";
    assert_eq!(lab.run("h nc -un x 80"), says(1, unknown));
}

#[test]
fn a_listener_serves_the_first_peer_and_ends_when_that_is_gone() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -luvn 53");
    assert_eq!(written(&mut lab, server).0, "Bound on 0.0.0.0 53\n");
    let client = background(&mut lab, "h nc -un -p 4000 10.0.4.2 53");
    lab.world.feed(client, Some(b"hello\n"));
    let heard = "Connection received on 10.0.1.1 4000\nhello\n";
    assert_eq!(written(&mut lab, server).0, heard);
    lab.world.feed(server, Some(b"reply\n"));
    assert_eq!(written(&mut lab, client), ("reply\n".to_owned(), Poll::WaitUnbounded));
    lab.world.reap(client);
    lab.world.feed(server, Some(b"more\n"));
    assert_eq!(written(&mut lab, server), (String::new(), Poll::Exit(0)));
}

#[test]
fn a_client_ends_when_it_was_idle_or_its_input_has_ended() {
    let mut lab = Lab::row();
    let before = lab.world.now();
    assert_eq!(lab.run("h nc -un -w 2 10.9.4.2 99"), says(0, ""));
    assert_eq!(lab.world.now().since(before).as_secs(), 2);
    assert_eq!(lab.run("h nc -un -q 3 10.9.4.2 99"), says(0, ""));
    assert_eq!(lab.world.now().since(before).as_secs(), 5);
}

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
    lab.world.spawn_program("nc", netns, super::start(call))
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

/// What a background command has written since the last time, and that it has ended with this status.
fn ended(lab: &mut Lab, id: ProcId, status: u8) -> String {
    let (text, state) = written(lab, id);
    assert_eq!(state, Poll::Exit(status), "{text}");
    text
}

/// Gives a command its whole input.
fn give(lab: &mut Lab, id: ProcId, input: &[u8]) {
    if !input.is_empty() {
        lab.world.feed(id, Some(input));
    }
    lab.world.feed(id, None);
}

#[test]
fn a_connection_carries_both_ways_until_the_client_has_said_its_last() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -lvn 8001");
    give(&mut lab, server, b"reply\n");
    assert_eq!(written(&mut lab, server).0, "Listening on 0.0.0.0 8001\n");
    let client = background(&mut lab, "h nc -vn -N -p 5001 10.0.4.2 8001");
    give(&mut lab, client, b"hi\n");
    let told = "Connection to 10.0.4.2 8001 port [tcp/*] succeeded!\nreply\n";
    assert_eq!(ended(&mut lab, client, 0), told);
    let heard = "Connection received on 10.0.1.1 5001\nhi\n";
    assert_eq!(ended(&mut lab, server, 0), heard);
}

#[test]
fn without_n_a_client_waits_for_the_server_to_close() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -ln 80");
    let client = background(&mut lab, "h nc 10.0.4.2 80");
    give(&mut lab, client, b"hi\n");
    assert_eq!(written(&mut lab, client), (String::new(), Poll::WaitUnbounded));
    assert_eq!(written(&mut lab, server), ("hi\n".to_owned(), Poll::WaitUnbounded));
    lab.world.reap(server);
    lab.world.run_programs();
    assert_eq!(ended(&mut lab, client, 0), "");
}

#[test]
fn a_keeping_listener_serves_one_after_the_other() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -lkvn 80");
    give(&mut lab, server, b"");
    written(&mut lab, server);
    for port in [5001, 5002] {
        let client = background(&mut lab, &format!("h nc -N -p {port} 10.0.4.2 80"));
        give(&mut lab, client, format!("from {port}\n").as_bytes());
        ended(&mut lab, client, 0);
        let heard = format!("Connection received on 10.0.1.1 {port}\nfrom {port}\n");
        assert_eq!(written(&mut lab, server), (heard, Poll::WaitUnbounded));
    }
    // The first one's port is still in TIME-WAIT.
    let taken = "nc: bind failed: Address already in use\n";
    assert_eq!(lab.run("h nc -N -p 5001 10.0.4.2 80"), says(1, taken));
}

#[test]
fn a_scan_tells_of_each_port_and_succeeds_if_one_does() {
    let mut lab = Lab::row();
    background(&mut lab, "d nc -lkn 80");
    let told = "nc: connect to 10.0.4.2 port 79 (tcp) failed: Connection refused\n\
        Connection to 10.0.4.2 80 port [tcp/http] succeeded!\n\
        nc: connect to 10.0.4.2 port 81 (tcp) failed: Connection refused\n";
    assert_eq!(lab.run("h nc -zv 10.0.4.2 81-79"), says(0, told));
    assert_eq!(lab.run("h nc -z 10.0.4.2 79 81"), says(1, ""));
    let told = "nc: connect to localhost (127.0.0.1) port 80 (tcp) failed: Connection refused\n";
    assert_eq!(lab.run("h nc -zv localhost http"), says(1, told));
    let mut shuffled = lab.run("h nc -zvr 10.0.4.2 78-79").stderr;
    shuffled.retain(|c| c == '\n');
    assert_eq!(shuffled, "\n\n");
}

#[test]
fn a_connection_that_nobody_answers_times_out_or_is_told_unreachable() {
    let mut lab = Lab::row();
    let before = lab.world.now();
    let late = "nc: connect to 10.0.1.9 port 80 (tcp) timed out: Operation now in progress\n";
    assert_eq!(lab.run("h nc -vn -w 1 10.0.1.9 80"), says(1, late));
    assert_eq!(lab.world.now().since(before).as_secs(), 1);
    let unreachable = "nc: connect to 10.0.1.9 port 80 (tcp) failed: No route to host\n";
    assert_eq!(lab.run("h nc -vn 10.0.1.9 80"), says(1, unreachable));
    lab.set("h ip route add blackhole 10.8.0.0/16");
    let blackhole = "nc: connect to 10.8.0.1 port 80 (tcp) failed: Invalid argument\n";
    assert_eq!(lab.run("h nc -vn 10.8.0.1 80"), says(1, blackhole));
}

#[test]
fn a_client_stays_for_its_quit_timer_when_the_peer_has_closed() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -ln 80");
    give(&mut lab, server, b"");
    let before = lab.world.now();
    let client = background(&mut lab, "h nc -q 1 10.0.4.2 80");
    give(&mut lab, client, b"x\n");
    assert_eq!(ended(&mut lab, server, 0), "x\n");
    assert_eq!(written(&mut lab, client).1, Poll::WaitBounded);
    lab.world.run_until(before + std::time::Duration::from_millis(999));
    assert_eq!(written(&mut lab, client).1, Poll::WaitBounded);
    lab.world.run_until(before + std::time::Duration::from_millis(1001));
    ended(&mut lab, client, 0);
}

#[test]
fn lines_end_with_cr_and_lf_if_asked_for() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -ln 80");
    give(&mut lab, server, b"");
    let client = background(&mut lab, "h nc -C -N 10.0.4.2 80");
    give(&mut lab, client, b"a\nb\r\n\nc");
    lab.world.run_until(lab.world.now() + std::time::Duration::from_secs(1));
    ended(&mut lab, client, 0);
    assert_eq!(ended(&mut lab, server, 0), "a\r\nb\r\n\r\nc");
}

#[test]
fn lines_leave_one_by_one_with_an_interval() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -ln 80");
    give(&mut lab, server, b"");
    let client = background(&mut lab, "h nc -i 1 -N 10.0.4.2 80");
    let start = lab.world.now();
    give(&mut lab, client, b"a\nb\nc");
    for (second, text) in [(0, "a\n"), (1, "b\n"), (2, "c")] {
        lab.world.run_until(start + std::time::Duration::from_millis(1000 * second + 10));
        assert_eq!(written(&mut lab, server).0, text);
    }
    ended(&mut lab, client, 0);
}

#[test]
fn two_listeners_share_a_port() {
    let mut lab = Lab::row();
    let servers = ["d nc -ln 80", "d nc -ln 80"].map(|line| background(&mut lab, line));
    for server in servers {
        give(&mut lab, server, b"");
    }
    let mut heard = Vec::new();
    for text in ["one\n", "two\n"] {
        let client = background(&mut lab, "h nc -N 10.0.4.2 80");
        give(&mut lab, client, text.as_bytes());
        ended(&mut lab, client, 0);
    }
    for server in servers {
        heard.push(ended(&mut lab, server, 0));
    }
    heard.sort();
    assert_eq!(heard, ["one\n", "two\n"]);
}

#[test]
fn a_client_goes_on_when_there_is_room_again() {
    let mut lab = Lab::row();
    let server = background(&mut lab, "d nc -ln 80");
    give(&mut lab, server, b"");
    let client = background(&mut lab, "h nc -N 10.0.4.2 80");
    for _ in 0..300 {
        lab.world.feed(client, Some(&[b'x'; 1000]));
    }
    give(&mut lab, client, b"");
    ended(&mut lab, client, 0);
    assert_eq!(ended(&mut lab, server, 0).len(), 300_000);
}

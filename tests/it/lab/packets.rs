//! Packets in the lab: lessons, captures and background commands.

use std::fs;

use pcap_file::pcapng::{Block, PcapNgReader};

use super::{Labs, stdout, text};

const LESSON: &str = include_str!("../../../scenarios/first-lesson.sh");

/// Two namespaces with a wire between them: `net1` with 20.1.1.1 and `net2` with 20.1.1.2.
const WIRE: &str = "
    ip netns add net1; ip netns add net2
    ip link add name veth1 type veth peer name veth2
    ip link set veth1 netns net1; ip link set veth2 netns net2
    ip netns exec net1 ip link set veth1 up; ip netns exec net2 ip link set veth2 up
    ip netns exec net1 ip addr add 20.1.1.1/24 dev veth1
    ip netns exec net2 ip addr add 20.1.1.2/24 dev veth2
    ";

fn on_a_wire(script: &str) -> String {
    stdout(&format!("{WIRE}{script}"))
}

/// What a script prints, and what it leaves in its folder.
fn run_with_records(seed: &str, script: &str) -> (String, Vec<(String, Vec<u8>)>) {
    let labs = Labs::new();
    let args = ["lab", "--seed", seed, "--pcap", "p", "--trace", "t", "--", "sh", "-c", script];
    let output = labs.kubewire(&args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let files = ["t", "p/net1/veth1.pcapng", "p/net2/veth2.pcapng"];
    let read = |name: &str| (name.to_owned(), fs::read(labs.tmp.path().join(name)).unwrap());
    (text(&output.stdout), files.into_iter().map(read).collect())
}

#[test]
fn the_first_lesson_gives_the_same_bytes_every_time() {
    let first = run_with_records("7", LESSON);
    assert!(
        first.0.contains("3 packets transmitted, 3 received, 0% packet loss, time 2"),
        "{first:?}"
    );
    assert_eq!(run_with_records("7", LESSON), first);
}

#[test]
fn another_seed_gives_other_addresses_and_the_same_lesson() {
    let (seven, eight) = (run_with_records("7", LESSON), run_with_records("8", LESSON));
    assert_eq!(seven.0, eight.0);
    assert_ne!(seven.1, eight.1);
}

#[test]
fn captures_and_traces_hold_what_passed() {
    let labs = Labs::new();
    let script = format!("{WIRE} ip netns exec net1 ping -c 1 20.1.1.2 >/dev/null");
    let args = ["lab", "--pcap", "p", "--trace", "t", "--", "sh", "-c", &script];
    assert!(labs.kubewire(&args).status().unwrap().success());
    let show = labs.kubewire(&["trace", "show", "t"]).output().unwrap();
    let consumed = "consumed        by icmp echo request";
    assert_eq!(text(&show.stdout).matches(consumed).count(), 1, "{}", text(&show.stdout));
    let capture = fs::read(labs.tmp.path().join("p/net1/veth1.pcapng")).unwrap();
    assert_eq!(ether_types(&capture), [0x0806, 0x0806, 0x0800, 0x0800]);
}

/// What the frames of a capture carry, in order.
fn ether_types(capture: &[u8]) -> Vec<u16> {
    let mut reader = PcapNgReader::new(capture).unwrap();
    let mut types = Vec::new();
    while let Some(block) = reader.next_block() {
        if let (Block::EnhancedPacket(packet), _) = block.unwrap() {
            types.push(u16::from_be_bytes([packet.data[12], packet.data[13]]));
        }
    }
    types
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_anything_runs() {
    let labs = Labs::new();
    for option in ["--pcap", "--trace"] {
        let args = ["lab", option, "/proc/no/such", "--", "echo", "ran"];
        let output = labs.kubewire(&args).output().unwrap();
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert_eq!(text(&output.stderr), "kubewire: /proc/no/such: No such file or directory\n");
    }
}

#[test]
fn a_pipe_that_closes_ends_a_ping_without_an_end() {
    let script = "ip netns exec net1 ping 20.1.1.2 | head -2; echo past";
    let printed = on_a_wire(script);
    assert_eq!(printed.lines().count(), 3);
    assert!(printed.ends_with("past\n"));
}

/// The real kernel gives the same, as a second is plenty of time there.
#[test]
fn what_reads_a_command_acts_on_each_line_before_time_goes_on() {
    let script = "
        ip netns exec net1 ping -c 3 20.1.1.2 | while read line; do
            case $line in
                *seq=1*) ip netns exec net2 ip link set veth2 down;;
                *loss*) echo \"${line%,*}\";;
            esac
        done";
    assert_eq!(on_a_wire(script), "3 packets transmitted, 1 received, 66.6667% packet loss\n");
}

#[test]
fn a_capture_in_the_background_sees_what_comes_later() {
    let script = "
        ip netns exec net2 tcpdump -n -i veth2 icmp > seen 2> said & capture=$!
        sleep 1
        ip netns exec net1 ping -c 2 20.1.1.2 > /dev/null
        kill -INT $capture; wait $capture; echo $?
        cut -d, -f 1,3 seen; cat said";
    assert_eq!(
        on_a_wire(script),
        "0\n\
         00:00:01.000000 IP 20.1.1.1 > 20.1.1.2: ICMP echo request, seq 1\n\
         00:00:01.000000 IP 20.1.1.2 > 20.1.1.1: ICMP echo reply, seq 1\n\
         00:00:02.000000 IP 20.1.1.1 > 20.1.1.2: ICMP echo request, seq 2\n\
         00:00:02.000000 IP 20.1.1.2 > 20.1.1.1: ICMP echo reply, seq 2\n\
         \n\
         tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n\
         listening on veth2, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n\
         4 packets captured\n4 packets received by filter\n0 packets dropped by kernel\n"
    );
}

#[test]
fn a_capture_still_running_at_the_end_reports() {
    let labs = Labs::new();
    let script = format!(
        "{WIRE} ip netns exec net2 tcpdump -n -i veth2 -w cap icmp & sleep 1
        ip netns exec net1 ping -c 1 20.1.1.2 > /dev/null"
    );
    let output = labs.run(&script);
    assert!(
        text(&output.stderr).ends_with(
            "2 packets captured\n2 packets received by filter\n0 packets dropped by kernel\n"
        ),
        "{output:?}"
    );
    assert_eq!(fs::metadata(labs.tmp.path().join("cap")).unwrap().len(), 24 + 2 * (16 + 98));
}

#[test]
fn signals_reach_a_ping_that_reports() {
    let script = "
        ip netns exec net1 ping 20.1.1.2 > seen 2> said & ping=$!
        sleep 2.5; kill -QUIT $ping; sleep 1; kill -INT $ping; wait $ping; echo $?
        tail -2 seen | cut -d, -f 1-2; cut -d, -f 1-2 said";
    assert_eq!(
        on_a_wire(script),
        "0\n4 packets transmitted, 4 received\nrtt min/avg/max/mdev = 0.000/0.000/0.000/0.000 ms\n\
         \r3/3 packets, 0% loss\n"
    );
}

#[test]
fn a_signal_that_a_tool_does_not_know_kills_it() {
    let script = "
        ip netns exec net1 ping 20.1.1.2 > seen & sleep 1.5
        kill -TERM $!; wait $!; echo $?; grep -c seq seen";
    assert_eq!(on_a_wire(script), "143\n2\n");
}

#[test]
fn an_endless_ping_follows_the_clock() {
    let start = std::time::Instant::now();
    let script = "ip netns exec net1 ping 20.1.1.2 | sed -n '/seq=2/{p;q}'; echo past";
    let printed = on_a_wire(script);
    assert!(printed.starts_with("64 bytes from 20.1.1.2: icmp_seq=2 "), "{printed}");
    assert!(start.elapsed() >= std::time::Duration::from_millis(900));
}

#[test]
fn two_labs_at_once_do_not_hear_of_each_other() {
    let labs = Labs::new();
    let script = format!(
        "{WIRE} ip netns exec net1 ping -c 50 20.1.1.2 | sed -n '/loss/{{s/, time.*//;p}}'; ip netns | cut -d' ' -f 1"
    );
    let both: Vec<_> = (0..2).map(|_| labs.spawn(&script)).collect();
    for lab in both {
        let output = lab.wait_with_output().unwrap();
        assert_eq!(
            text(&output.stdout),
            "50 packets transmitted, 50 received, 0% packet loss\nnet2\nnet1\n"
        );
    }
}

#[test]
fn an_injected_frame_is_received() {
    let script = "
        ip netns exec net1 tcpdump -n -e -i veth1 -c 1 2>/dev/null & sleep 1
        ip netns exec net1 inject veth1 ffffffffffff 02:00:00:00:00:01 0800 45
        wait";
    let printed = on_a_wire(script);
    assert!(
        printed.starts_with("00:00:01.000000 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff"),
        "{printed}"
    );
}

/// The real `ping` sends as many.
#[test]
fn a_stopped_command_stands_still_in_the_world() {
    let script = "
        ip netns exec net1 ping 20.1.1.2 > seen & ping=$!
        sleep 0.5; kill -STOP $ping; sleep 10; kill -CONT $ping; sleep 1.5
        kill -INT $ping; wait $ping; grep -c seq seen; sed -n 's/, time .*//p' seen";
    assert_eq!(on_a_wire(script), "3\n3 packets transmitted, 3 received, 0% packet loss\n");
}

#[test]
fn a_command_whose_output_nobody_reads_waits_while_time_goes_on() {
    let script = "
        ip netns exec net1 ping -i 0.002 -c 4000 20.1.1.2 | { sleep 1000; echo slept; grep -c seq; }";
    assert_eq!(on_a_wire(script), "slept\n4000\n");
}

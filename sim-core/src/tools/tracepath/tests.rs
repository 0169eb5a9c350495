//! What iputils 20221126 was seen to print on Linux 6.18, the times aside.

use crate::tools::lab::Lab;

/// Runs a tracepath in namespace `h` and leaves the times out.
fn trace(lab: &mut Lab, line: &str) -> String {
    let outcome = lab.run(&format!("h tracepath {line}"));
    assert_eq!(outcome.status, 0);
    let mut text = String::new();
    for line in (outcome.stdout + &outcome.stderr).lines() {
        let kept: Vec<&str> = line.split_whitespace().filter(|w| !w.ends_with("ms")).collect();
        text += &kept.join(" ");
        text.push('\n');
    }
    text
}

#[test]
fn every_router_is_asked_and_the_mtu_found() {
    let mut lab = Lab::row();
    lab.set("r2 ip link set r2r3 mtu 1400\nr3 ip link set r3r2 mtu 1400");
    let first = " 1?: [LOCALHOST]                      pmtu 1500
 1:  10.0.1.2                                              0.000ms 
 1:  10.0.1.2                                              0.000ms 
 2:  10.0.2.2                                              0.000ms 
 3:  10.0.2.2                                              0.000ms pmtu 1400
 3:  10.0.3.2                                              0.000ms 
 4:  10.0.4.2                                              0.000ms reached
     Resume: pmtu 1400 hops 4 back 4 
";
    assert_eq!(lab.run("h tracepath -n 10.0.4.2").stdout, first);
    let second = " 1?: [LOCALHOST]                      pmtu 1400
 1:  ???                                                   0.000ms 
 1:  ???                                                   0.000ms 
 2:  ???                                                   0.000ms 
 3:  ???                                                   0.000ms 
 4:  ???                                                   0.000ms reached
     Resume: pmtu 1400 hops 4 back 4 
";
    assert_eq!(lab.run("h tracepath 10.0.4.2").stdout, second);
}

#[test]
fn a_short_probe_needs_no_discovery() {
    let mut lab = Lab::row();
    let text = "1: ??? (10.0.1.2)\n2: ??? (10.0.2.2)\n3: ??? (10.0.3.2)\n\
                4: ??? (10.0.4.2) reached\nResume: pmtu 29 hops 4 back 4\n";
    assert_eq!(trace(&mut lab, "-b -l 29 10.0.4.2"), text);
}

#[test]
fn hops_beyond_the_last_are_too_many() {
    let mut lab = Lab::row();
    let text = "1?: [LOCALHOST] pmtu 1500\n1: 10.0.1.2\n1: 10.0.1.2\n2: 10.0.2.2\n\
                Too many hops: pmtu 1500\nResume: pmtu 1500\n";
    assert_eq!(trace(&mut lab, "-n -m 2 10.0.4.2"), text);
    let text = "Too many hops: pmtu 65535\nResume: pmtu 65535\n";
    assert_eq!(trace(&mut lab, "-n -m 0 10.0.4.2"), text);
}

#[test]
fn an_error_of_a_router_ends_the_path() {
    let mut lab = Lab::row();
    lab.set("r1 ip route add unreachable 10.0.9.0/24\nr1 ip route add prohibit 10.0.10.0/24");
    for (to, note) in [("10.0.9.1", "!H"), ("10.0.10.1", "!H"), ("10.7.7.7", "!N")] {
        let text = format!(
            "1?: [LOCALHOST] pmtu 1500\n1: 10.0.1.2 {note}\n1: 10.0.1.2 {note}\n\
             Resume: pmtu 1500\n"
        );
        assert_eq!(trace(&mut lab, &format!("-n {to}")), text, "{to}");
    }
}

#[test]
fn a_host_that_is_not_there_is_waited_for() {
    let mut lab = Lab::row();
    let text = "1?: [LOCALHOST] pmtu 1500\n1: 10.0.1.2\n1: 10.0.1.2\n2: 10.0.2.2\n3: 10.0.3.2\n\
                4: no reply\n4: 10.0.3.2 !H\nResume: pmtu 1500\n";
    assert_eq!(trace(&mut lab, "-n 10.0.4.99"), text);
    let text = "1?: [LOCALHOST] pmtu 1500\n1: 10.0.1.1 !H\nResume: pmtu 1500\n";
    assert_eq!(trace(&mut lab, "-n 10.0.1.99"), text);
}

#[test]
fn without_a_route_nothing_is_sent() {
    let mut lab = Lab::row();
    lab.set("h ip route del default\nh ip route add blackhole 10.7.0.0/16");
    for to in ["10.0.4.2", "10.7.7.7", "255.255.255.255", "-l 70000 10.0.1.1"] {
        let text = lab.run(&format!("h tracepath -n {to}")).stdout;
        assert!(text.starts_with(" 1:  send failed\n     Resume: pmtu "), "{to}: {text}");
    }
}

#[test]
fn this_host_is_one_hop_away() {
    let mut lab = Lab::row();
    let text = "1: localhost (127.0.0.1) reached\nResume: pmtu 65535 hops 1 back 1\n";
    assert_eq!(trace(&mut lab, "-b 127.0.0.1"), text);
    let text = "1: 10.0.1.1 (???) reached\nResume: pmtu 65535 hops 1 back 1\n";
    assert_eq!(trace(&mut lab, "-nb 10.0.1.1"), text);
}

#[test]
fn in_a_loop_the_way_back_differs_from_the_way_there() {
    let mut lab = Lab::row();
    lab.set("r1 ip route add 10.66.0.0/16 via 10.0.2.2\nr2 ip route add 10.66.0.0/16 via 10.0.2.1");
    let text = "1: 10.0.1.2\n2: 10.0.2.2\n3: 10.0.1.2 asymm 1\n4: 10.0.2.2 asymm 2\n\
                Too many hops: pmtu 100\nResume: pmtu 100\n";
    assert_eq!(trace(&mut lab, "-n -l 100 -m 4 10.66.0.1"), text);
    // Of a short probe only the port is known, and the port of the 64th is overlooked.
    let text = trace(&mut lab, "-n -l 29 -m 65 10.66.0.1");
    let end = "63: 10.0.1.2 asymm 1\n64?: 10.0.2.2 asymm 2\n65: 10.0.1.2 asymm 1\n";
    assert!(text.contains(end), "{text}");
}

//! What is written down when a case runs: the shape of `observed.json`, and the packets that died.

use std::fs;

use serde_json::{Value, json};
use sim_core::case::observed::DropObserved;
use sim_core::case::run::run;
use sim_core::case::{Action, Case, Observed};
use sim_tests::cases::{KeptCase, folders, root};

fn observe(name: &str) -> Observed {
    let case = KeptCase::read(&root().join(name)).unwrap().case;
    run(&case, 1).unwrap()
}

/// The names of an object's members, in the order in which they are written.
fn members(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn an_observation_has_the_shape_that_other_programs_read() {
    let observed = observe("local-udp-tcp");
    let seen = serde_json::to_value(&observed).unwrap();
    assert_eq!(
        members(&seen).join(" "),
        "format case kernel injected netns commands sockets drops notes"
    );
    assert_eq!((&seen["format"], &seen["case"]), (&json!(1), &json!("local-udp-tcp")));
    assert_eq!(seen["injected"][0], json!([1, "b", "-", "udp-echo", ["10.0.9.2", "7"]]));
    assert_eq!(members(&seen["netns"]), ["-", "a", "b"]);
    let netns = &seen["netns"]["a"];
    assert_eq!(members(netns).join(" "), "devs addr route rule neigh fdb snmp");
    assert_eq!(netns["snmp"]["Tcp.ActiveOpens"], json!(1));
    assert_eq!(netns["neigh"][0]["dst"], json!("10.0.9.2"));
    assert_eq!(members(&netns["devs"]), ["e0", "lo"]);
    let dev = &netns["devs"]["e0"];
    assert_eq!(members(dev), ["stats", "frames"]);
    let question = json!({
        "n": 0, "step": 3, "dir": "out", "pkttype": 4, "t_us": 10_000,
        "hex": "ffffffffffff020000000901080600010800060400010200000009010a0009010000000000000a000902",
    });
    assert_eq!(dev["frames"][0], question);
    let echoed = json!(["a", "udp 10.0.9.1:6001", "from 10.0.9.2:7", "68656c6c6f"]);
    assert!(seen["sockets"].as_array().unwrap().contains(&echoed), "{}", seen["sockets"]);
}

#[test]
fn an_observation_is_read_as_it_was_written() {
    for name in ["local-udp-tcp", "rpf-martians", "route-commands"] {
        let observed = observe(name);
        let text = serde_json::to_string(&observed).unwrap();
        assert_eq!(serde_json::from_str::<Observed>(&text).unwrap(), observed, "{name}");
    }
}

/// The packets that died within the system call that sent them, as the tracepoint shows them. What was
/// for another station is left out.
fn died_at_once(case: &Case, observed: &Observed) -> String {
    let is_of_a_packet = |drop: &&DropObserved| {
        let step = case.step_at(drop.step).unwrap();
        let sends = matches!(step.action, Action::Tx(_) | Action::Raw(_) | Action::Udp { .. });
        sends && u64::try_from(drop.t_us) == Ok(step.at_us) && drop.reason != "OTHERHOST"
    };
    let died = observed.drops.iter().filter(is_of_a_packet);
    died.map(|drop| format!("{} {}\n", drop.step, drop.reason)).collect()
}

/// What `drops.txt` holds is what Linux's tracepoint `skb:kfree_skb` showed; a case without it lost nothing.
#[test]
fn packets_die_where_linux_drops_them_for_the_reasons_that_it_names() {
    let mut never_traced: Vec<&str> = include_str!("../kernel/kept_only.txt").lines().collect();
    // What macvlan devices drop of their copies, they drop in a work item, out of the trace's sight.
    never_traced.push("macvlan-fragments");
    // A SYN that nothing can answer ends without a trace in Linux; here it says why.
    never_traced.push("tcp-ip-options");
    for dir in folders().unwrap() {
        let case = KeptCase::read(&dir).unwrap().case;
        if never_traced.contains(&case.name.as_str()) {
            continue;
        }
        let theirs = fs::read_to_string(dir.join("drops.txt")).unwrap_or_default();
        let ours = died_at_once(&case, &run(&case, 1).unwrap());
        assert_eq!(ours, theirs, "{}", dir.display());
    }
}

//! What is written down when a case runs: the shape of `observed.json`, and the packets that died.

use serde_json::{Value, json};
use sim_core::case::Observed;
use sim_core::case::run::run;
use sim_tests::cases::{KeptCase, died_at_once, folders, root};

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

/// What `drops.txt` holds is what Linux's tracepoint `skb:kfree_skb` showed; a case without it lost nothing.
#[test]
fn packets_die_where_linux_drops_them_for_the_reasons_that_it_names() {
    let mut never_traced: Vec<&str> = include_str!("../kernel/kept_only.txt").lines().collect();
    // What macvlan devices drop of their copies, they drop in a work item, out of the trace's sight.
    never_traced.push("macvlan-fragments");
    // A SYN that nothing can answer ends without a trace in Linux; here it says why.
    never_traced.push("tcp-ip-options");
    never_traced.extend(include_str!("../kernel/not_yet.txt").lines());
    let mut wrong = Vec::new();
    for dir in folders().unwrap() {
        let kept = KeptCase::read(&dir).unwrap();
        let case = &kept.case;
        if never_traced.contains(&case.name.as_str()) {
            continue;
        }
        let ours = died_at_once(case, &run(case, 1).unwrap());
        if ours != kept.drops() {
            wrong.push(format!("{}: ours {ours:?}, Linux' {:?}", case.name, kept.drops()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

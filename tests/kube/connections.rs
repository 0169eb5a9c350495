//! What kube-proxy does to connections when endpoints change.

use std::collections::BTreeSet;
use std::path::Path;

use sim_kube::host::IptablesBackend;
use sim_kube::proxy::Version;

use crate::cases::Case;
use crate::running::{Running, Told};

/// The connections of a list, without what passes by itself.
fn connections(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let words = line.split_whitespace();
        // How long it lives comes third; neither that nor what follows the tuples is of interest.
        let words = words.enumerate().filter(|(i, word)| {
            *i == 0
                || (*i > 2
                    && word.contains('=')
                    && !["mark=", "use="].iter().any(|w| word.starts_with(w)))
        });
        words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect()
}

/// Makes the connection that a line of a list tells of.
fn insert(running: &mut Running, line: &str) {
    let values: Vec<&str> =
        line.split_whitespace().filter_map(|word| Some(word.split_once('=')?.1)).collect();
    let &[src, dst, sport, dport, reply_src, reply_dst, reply_sport, reply_dport] = &values[..]
    else {
        panic!("{line}")
    };
    let protocol = line.split(' ').next().unwrap();
    let mut argv = vec!["conntrack", "-I", "-p", protocol, "-s", src, "-d", dst];
    argv.extend(["--sport", sport, "--dport", dport, "-r", reply_src, "-q", reply_dst]);
    argv.extend(["--reply-port-src", reply_sport, "--reply-port-dst", reply_dport, "-t", "100"]);
    if protocol == "tcp" {
        argv.extend(["--state", "ESTABLISHED"]);
    }
    running.host().must_run(&argv, "").unwrap();
}

#[test]
fn udp_connections_to_endpoints_that_are_gone_end_as_with_a_real_kube_proxy() {
    let cases = Case::all("1.36");
    let case = cases.iter().find(|case| case.name.ends_with("udp-conntrack-cleanup")).unwrap();
    let mut objects = case.objects();
    let mut running = Running::start(case, &objects, Version::V1_36, IptablesBackend::Nft);
    running.sync("");
    let mut steps = 0;
    for step in case.steps() {
        let list = |file: &str| connections(&case.text(Path::new(&step).join(file)));
        running.host().must_run(&["conntrack", "-F"], "").unwrap();
        for connection in list("before-conntrack.txt") {
            insert(&mut running, &connection);
        }
        case.change(&step, &mut objects);
        running.tell(Told::Endpoints, &objects);
        running.tell(Told::Services, &objects);
        running.sync("");
        let left = running.host().must_run(&["conntrack", "-L"], "").unwrap();
        assert_eq!(connections(&left), list("after-conntrack.txt"), "{step}");
        steps += 1;
    }
    assert_eq!(steps, 4);
}

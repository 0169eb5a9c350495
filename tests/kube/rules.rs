//! What kube-proxy writes in its mode `iptables`.

use std::fmt::Write as _;

use sim_kube::host::IptablesBackend;
use sim_kube::object::Store;
use sim_kube::proxy::Version;

use crate::cases::Case;
use crate::running::{Running, Told};

/// What differs between two texts, line by line; nothing if nothing does.
pub(crate) fn difference(what: &str, real: &str, ours: &str) -> String {
    let mut text = String::new();
    if real == ours {
        return text;
    }
    writeln!(text, "{what}:").unwrap();
    let (real, ours): (Vec<_>, Vec<_>) = (real.lines().collect(), ours.lines().collect());
    let same = real.iter().zip(&ours).take_while(|(a, b)| a == b).count();
    for line in real.iter().skip(same).take(5) {
        writeln!(text, "  real {line}").unwrap();
    }
    for line in ours.iter().skip(same).take(5) {
        writeln!(text, "  ours {line}").unwrap();
    }
    text
}

/// Runs a case and its steps; answers what differs.
fn differences(case: &Case, version: Version, iptables: IptablesBackend) -> String {
    let mut objects = case.objects();
    let mut running = Running::start(case, &objects, version, iptables);
    // Where the real one wrote twice at its start, it had not heard of everything yet.
    let restores = case.restores("");
    let real = restores.last().unwrap();
    let ours = running.sync(real).unwrap();
    let mut found = difference("restore", real, &ours);
    found += &difference("save", &case.saved(""), &running.save());
    for step in case.steps() {
        if case.changes(&step) {
            case.change(&step, &mut objects);
            found += &step_differences(case, &step, &objects, &mut running);
        }
    }
    found
}

/// Runs a step; answers what differs. Services and endpoints are told one after the other, in either order.
fn step_differences(case: &Case, step: &str, objects: &Store, running: &mut Running) -> String {
    let real = case.restores(step);
    let mut told = Vec::new();
    for order in [[Told::Services, Told::Endpoints], [Told::Endpoints, Told::Services]] {
        let mut running = running.clone();
        let mut found = String::new();
        let mut left = real.iter();
        for what in order {
            running.tell(what, objects);
            // With one writing for both, it comes when both are known.
            if real.len() == 1 && what == order[0] {
                continue;
            }
            let like = left.clone().next().map_or("", String::as_str);
            match (running.sync(like), left.next()) {
                (None, None) => {}
                (ours, real) => {
                    let (ours, real) =
                        (ours.unwrap_or_default(), real.cloned().unwrap_or_default());
                    found += &difference(&format!("{step}: restore"), &real, &ours);
                }
            }
        }
        found += &difference(&format!("{step}: save"), &case.saved(step), &running.save());
        told.push((found, running));
    }
    let (found, after) = told.into_iter().min_by_key(|(found, _)| found.len()).unwrap();
    *running = after;
    found
}

fn assert_equal(kind: &str, version: Version, iptables: IptablesBackend) {
    let mut found = String::new();
    for case in Case::all(kind) {
        let differs = differences(&case, version, iptables);
        if !differs.is_empty() {
            writeln!(found, "{}: {differs}", case.name).unwrap();
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn rules_are_those_of_a_real_kube_proxy_1_36() {
    assert_equal("1.36", Version::V1_36, IptablesBackend::Nft);
}

#[test]
fn rules_are_those_of_a_real_kube_proxy_1_36_with_ip_tables() {
    assert_equal("1.36-legacy", Version::V1_36, IptablesBackend::Legacy);
}

#[test]
fn rules_are_those_of_a_real_kube_proxy_1_30() {
    assert_equal("1.30", Version::V1_30, IptablesBackend::Nft);
}

#[test]
fn rules_are_those_of_a_real_kube_proxy_1_20() {
    assert_equal("1.20", Version::V1_20, IptablesBackend::Nft);
}

//! The rules of IPv6 that kube-proxy's own unit tests lead to.
//!
//! `tests/kube-proxy/unit-rules` has them as the real `ip6tables-save` printed them after the real `ip6tables-restore`
//! had read them.

use std::fs;
use std::path::Path;

use sim_core::family::AddressFamily;
use sim_kube::host::IptablesBackend;
use sim_tests::unit_flows::State;

use crate::rules::difference;

/// What `ip6tables-save` printed for the rules of a state.
fn real(state: &State) -> String {
    let name = format!("{}.txt", state.rules.as_ref().unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("kube-proxy/unit-rules");
    fs::read_to_string(root.join(name)).unwrap()
}

/// The rules as a unit test leads to them: nobody flushes them there, so that no table needs a canary, and its
/// `ip6tables` is one that cannot draw ports at random.
fn as_in_a_unit_test(saved: &str) -> String {
    let mut tables = String::new();
    for table in saved.split_inclusive("COMMIT\n") {
        let lines =
            table.split_inclusive('\n').filter(|line| !line.starts_with(":KUBE-PROXY-CANARY "));
        let table: String = lines.collect();
        if table.contains(":KUBE-") {
            tables += &table;
        }
    }
    tables.replace(" -j MASQUERADE --random-fully\n", " -j MASQUERADE\n")
}

#[test]
fn rules_of_ipv6_are_those_of_the_unit_tests_of_kube_proxy() {
    let (mut found, mut count) = (String::new(), 0);
    let states = State::all(AddressFamily::Inet6);
    for state in &states {
        for backend in [IptablesBackend::Nft, IptablesBackend::Legacy] {
            count += 1;
            let ours = as_in_a_unit_test(&state.write(backend).unwrap().saved);
            found += &difference(&format!("{}, {backend:?}", state.name), &real(state), &ours);
        }
    }
    assert!(found.is_empty(), "{found}");
    assert_eq!(count, 9 * 2);
    // `tests/kernel/unit_flows.rs` has the packets.
    assert_eq!(states.iter().map(|state| state.flows.len()).sum::<usize>(), 15);
}

//! `kube-proxy --cleanup`.

use sim_core::family::AddressFamily;
use sim_kube::host::{CallError, IptablesBackend};
use sim_kube::proxy::Version;
use sim_kube::proxy::iptables::{Cleaned, cleanup};

use crate::cases::Case;
use crate::order;
use crate::running::Running;

/// The kube-proxy of a case, after it has written its rules.
fn running(kind: &str, name: &str, version: Version, iptables: IptablesBackend) -> (Case, Running) {
    let cases = Case::all(kind);
    let case = cases.into_iter().find(|case| case.name == format!("{kind}/{name}")).unwrap();
    let mut running = Running::start(&case, &case.objects(), version, iptables);
    running.sync(case.restores("").last().unwrap());
    (case, running)
}

fn clean_up(running: &mut Running, version: Version) -> Cleaned {
    cleanup(version, AddressFamily::Inet, &mut running.host()).unwrap()
}

/// The lines that are about no Service: they have an order.
fn without_services(text: &str) -> Vec<&str> {
    let of_a_service = ["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-EXT-", "KUBE-FW-"];
    text.lines().filter(|line| !of_a_service.iter().any(|chain| line.contains(chain))).collect()
}

/// The chains that are not the kernel's, table by table.
fn own_chains(saved: &str) -> Vec<&str> {
    let is_own = |line: &&str| line.starts_with('*') || line.starts_with(":KUBE");
    saved.lines().filter(is_own).map(|line| line.split(' ').next().unwrap()).collect()
}

fn assert_cleaned_up(kind: &str, iptables: IptablesBackend) {
    let (case, mut running) = running(kind, "cleanup", Version::V1_36, iptables);
    let step = case.steps().pop().unwrap();
    let cleaned = clean_up(&mut running, Version::V1_36);
    assert_eq!(cleaned.failures, []);
    let ours: Vec<String> = cleaned.restores.iter().map(|text| order::of_removals(text)).collect();
    assert_eq!(ours, case.restores(&step));
    let real = case.text(format!("{step}/iptables-restore-input.txt"));
    let real = real.split_inclusive('\n').filter(|line| !line.starts_with("# ----"));
    let real: String = real.collect();
    assert_eq!(without_services(&cleaned.restores.concat()), without_services(&real));
    assert_eq!(running.save(), case.saved(&step));
}

#[test]
fn a_cleanup_removes_what_a_real_kube_proxy_1_36_removes() {
    assert_cleaned_up("1.36", IptablesBackend::Nft);
}

#[test]
fn a_cleanup_removes_what_a_real_kube_proxy_1_36_removes_with_ip_tables() {
    assert_cleaned_up("1.36-legacy", IptablesBackend::Legacy);
}

/// As its source has it; there is no such run of a real one.
#[test]
fn a_cleanup_of_1_30_leaves_chains_behind_to_which_nothing_leads() {
    let (_, mut running) = running("1.30", "mixed-cluster", Version::V1_30, IptablesBackend::Nft);
    assert_eq!(clean_up(&mut running, Version::V1_30).failures, []);
    let saved = running.save();
    let left = [
        "*mangle",
        ":KUBE-PROXY-CANARY",
        "*filter",
        ":KUBE-FIREWALL",
        ":KUBE-PROXY-CANARY",
        ":KUBE-PROXY-FIREWALL",
        "*nat",
        ":KUBE-MARK-MASQ",
        ":KUBE-PROXY-CANARY",
    ];
    assert_eq!(own_chains(&saved), left);
    let jumps: Vec<&str> = saved.lines().filter(|line| line.contains("-j KUBE-")).collect();
    assert_eq!(jumps, ["-A INPUT -j KUBE-FIREWALL", "-A OUTPUT -j KUBE-FIREWALL"]);
}

/// As its source has it.
#[test]
fn a_cleanup_of_1_20_leaves_chains_behind_to_which_nothing_leads() {
    let (_, mut running) = running("1.20", "mixed-cluster", Version::V1_20, IptablesBackend::Nft);
    // The jump that a kube-proxy of 1.19 had made.
    let rule = ["-m", "conntrack", "--ctstate", "NEW", "-m", "comment", "--comment"];
    let to = ["kubernetes service portals", "-j", "KUBE-SERVICES"];
    let argv = [&["iptables", "-A", "INPUT"], &rule[..], &to[..]].concat();
    running.host().must_run(&argv, "").unwrap();
    assert_eq!(clean_up(&mut running, Version::V1_20).failures, []);
    let saved = running.save();
    let left = [
        "*mangle",
        ":KUBE-PROXY-CANARY",
        "*filter",
        ":KUBE-PROXY-CANARY",
        "*nat",
        ":KUBE-MARK-DROP",
        ":KUBE-MARK-MASQ",
        ":KUBE-PROXY-CANARY",
    ];
    assert_eq!(own_chains(&saved), left);
    assert!(!saved.contains("-j KUBE-"), "{saved}");
}

/// `iptables-restore` does a table as a whole or not at all.
#[test]
fn a_table_that_somebody_s_rule_leads_into_keeps_its_chains_and_the_other_is_cleaned_up() {
    let (_, mut running) = running("1.36", "three-endpoints", Version::V1_36, IptablesBackend::Nft);
    let jump = ["iptables", "-t", "nat", "-A", "OUTPUT", "-d", "192.0.2.1", "-j", "KUBE-MARK-MASQ"];
    running.host().must_run(&jump, "").unwrap();
    let cleaned = clean_up(&mut running, Version::V1_36);
    let [CallError::Failed(command, 4, _)] = &cleaned.failures[..] else {
        panic!("{:?}", cleaned.failures)
    };
    assert_eq!(command, "iptables-restore -w 5 -T nat --noflush --counters");
    let saved = running.save();
    let chains = own_chains(&saved);
    assert!(chains.contains(&":KUBE-SERVICES") && chains.contains(&":KUBE-MARK-MASQ"), "{saved}");
    assert!(!chains.contains(&":KUBE-FORWARD"), "{saved}");
}

#[test]
fn on_a_node_without_rules_a_cleanup_finds_nothing_to_do() {
    for (kind, iptables) in
        [("1.36", IptablesBackend::Nft), ("1.36-legacy", IptablesBackend::Legacy)]
    {
        let case = Case::all(kind).remove(0);
        for version in Version::ALL {
            let mut running = Running::start(&case, &case.objects(), Version::V1_36, iptables);
            let cleaned = clean_up(&mut running, version);
            let nothing = ["*nat\nCOMMIT\n".to_owned(), "*filter\nCOMMIT\n".to_owned()];
            assert_eq!((cleaned.restores, cleaned.failures), (nothing.into(), Vec::new()));
        }
    }
}

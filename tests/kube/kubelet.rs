//! The kubelet's own rules.

use sim_core::world::World;
use sim_kube::host::{Host, IptablesBackend};
use sim_kube::kubelet;
use sim_kube::proxy::Version;

/// What `iptables-save` prints of the rules of a kubelet that has started twice.
fn saved_by(version: Version, iptables: IptablesBackend) -> String {
    let mut world = World::new(0);
    let netns = world.initial_netns();
    let mut host = Host { world: &mut world, netns, iptables };
    kubelet::write_rules(&mut host, version).unwrap();
    kubelet::write_rules(&mut host, version).unwrap();
    let mut saved = String::new();
    for table in ["mangle", "nat", "filter"] {
        let text = host.must_run(&["iptables-save", "-t", table], "").unwrap();
        let of_ours = |line: &&str| line.contains("KUBE-") || line.starts_with('*');
        saved.extend(text.lines().filter(of_ours).map(|line| format!("{line}\n")));
    }
    saved
}

/// The same, whatever `iptables` uses.
fn saved(version: Version) -> String {
    let saved = saved_by(version, IptablesBackend::Nft);
    assert_eq!(saved, saved_by(version, IptablesBackend::Legacy));
    saved
}

#[test]
fn a_kubelet_leaves_masquerading_to_kube_proxy() {
    assert_eq!(saved(Version::V1_36), saved(Version::V1_30));
    insta::assert_snapshot!(saved(Version::V1_36), @r#"
    *mangle
    :KUBE-IPTABLES-HINT - [0:0]
    :KUBE-KUBELET-CANARY - [0:0]
    *nat
    :KUBE-KUBELET-CANARY - [0:0]
    *filter
    :KUBE-FIREWALL - [0:0]
    :KUBE-KUBELET-CANARY - [0:0]
    -A INPUT -j KUBE-FIREWALL
    -A OUTPUT -j KUBE-FIREWALL
    -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
    "#);
}

#[test]
fn an_old_kubelet_marks_and_masquerades() {
    insta::assert_snapshot!(saved(Version::V1_20), @r#"
    *mangle
    :KUBE-KUBELET-CANARY - [0:0]
    *nat
    :KUBE-KUBELET-CANARY - [0:0]
    :KUBE-MARK-DROP - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    :KUBE-POSTROUTING - [0:0]
    -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
    -A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
    -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
    -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
    *filter
    :KUBE-FIREWALL - [0:0]
    :KUBE-KUBELET-CANARY - [0:0]
    -A INPUT -j KUBE-FIREWALL
    -A OUTPUT -j KUBE-FIREWALL
    -A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP
    -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
    "#);
}

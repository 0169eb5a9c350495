//! Rules are immutable, so that equal ones of many namespaces need to be there only once.

use std::sync::Arc;

use sim_core::id::NetnsId;
use sim_core::netfilter::xtables::table::Ruleset;
use sim_core::world::World;

use crate::router::run_in;

const RULES: &str = "
*filter
:KUBE-SERVICES - [0:0]
-A INPUT -i lo -j ACCEPT
-A FORWARD -m comment --comment services -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j REJECT
COMMIT
*nat
:KUBE-SVC - [0:0]
-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC
-A KUBE-SVC -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.0.0.1
COMMIT
";

fn namespaces(world: &mut World, count: usize, tool: &str) -> Vec<NetnsId> {
    let initial = world.initial_netns();
    let make = |n| {
        run_in(world, initial, &format!("ip netns add n{n}"), "");
        let netns = world.netns_by_name(&format!("n{n}")).unwrap();
        run_in(world, netns, tool, RULES.trim_start());
        netns
    };
    (0..count).map(make).collect()
}

/// The rule sets of a namespace, in the order of its tables.
fn rule_sets(world: &World, netns: NetnsId) -> Vec<Arc<Ruleset>> {
    world.kernel.netns[netns].nf.tables.iter().map(|table| Arc::clone(&table.rules)).collect()
}

fn are_shared(world: &World, a: NetnsId, b: NetnsId) -> Vec<bool> {
    let (a, b) = (rule_sets(world, a), rule_sets(world, b));
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| Arc::ptr_eq(a, b)).collect()
}

#[test]
fn a_hundred_namespaces_with_equal_rules_hold_one_rule_set() {
    for tool in ["iptables-nft-restore", "iptables-legacy-restore"] {
        let mut world = World::new(1);
        let namespaces = namespaces(&mut world, 100, tool);
        for netns in &namespaces {
            assert_eq!(are_shared(&world, namespaces[0], *netns), [true; 2], "{tool}");
        }
        let sets = rule_sets(&world, namespaces[0]);
        let holders: Vec<usize> = sets.iter().map(Arc::strong_count).collect();
        // The namespaces, and whoever has just asked.
        assert_eq!(holders, [101; 2], "{tool}");
    }
}

#[test]
fn namespaces_with_equal_rules_count_and_change_each_its_own() {
    let mut world = World::new(1);
    let namespaces = namespaces(&mut world, 3, "iptables-restore");
    let [a, b, c] = namespaces[..] else { panic!("three were made") };
    run_in(&mut world, a, "ip link set lo up", "");
    run_in(&mut world, a, "ping -q -c 1 127.0.0.1", "");
    let counted = |world: &mut World, netns| {
        let listed = run_in(world, netns, "iptables -nvxL INPUT", "");
        listed.lines().nth(2).unwrap().split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!([a, b].map(|netns| counted(&mut world, netns)), ["2", "0"]);

    run_in(&mut world, a, "iptables -A INPUT -j DROP", "");
    assert_eq!(are_shared(&world, a, b), [false, true]);
    assert_eq!(are_shared(&world, b, c), [true; 2]);
    assert_eq!(run_in(&mut world, b, "iptables -S INPUT", "").lines().count(), 2);

    run_in(&mut world, a, "iptables -D INPUT -j DROP", "");
    assert_eq!(are_shared(&world, a, b), [true; 2]);
}

#[test]
fn a_list_of_addresses_stays_until_the_last_rule_of_equal_chains_has_gone() {
    let mut world = World::new(1);
    let netns = world.initial_netns();
    for table in ["filter", "mangle"] {
        run_in(&mut world, netns, &format!("iptables -t {table} -N X"), "");
        let rule = "-A X -m recent --name clients --set";
        run_in(&mut world, netns, &format!("iptables -t {table} {rule}"), "");
    }
    let lists = |world: &World| world.kernel.netns[netns].nf.shared.recent.len();
    assert_eq!(lists(&world), 1);
    run_in(&mut world, netns, "iptables -t filter -F X", "");
    assert_eq!(lists(&world), 1);
    run_in(&mut world, netns, "iptables -t mangle -F X", "");
    assert_eq!(lists(&world), 0);
}

//! What kube-proxy writes in its mode `iptables`.

use std::fmt::Write as _;
use std::path::Path;

use sim_core::family::AddressFamily;
use sim_core::world::World;
use sim_kube::host::{Host, IptablesBackend};
use sim_kube::proxy::Version;
use sim_kube::proxy::config::Config;
use sim_kube::proxy::iptables::Proxier;

use crate::cases::{Case, Objects};
use crate::{node, order};

/// The node whose kube-proxy it is.
const NODE: &str = "node-a";

/// What a kube-proxy is told of.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Told {
    Services,
    Endpoints,
}

/// A kube-proxy on a node.
#[derive(Clone)]
struct Running {
    world: World,
    proxier: Proxier,
    iptables: IptablesBackend,
}

impl Running {
    fn start(case: &Case, objects: &Objects, version: Version, iptables: IptablesBackend) -> Self {
        let config = Config::read(&case.text("config.yaml")).unwrap();
        let node = &objects.nodes[NODE];
        let proxier = Proxier::new(version, AddressFamily::Inet, config, node);
        let mut running = Self { world: node::world(), proxier, iptables };
        if let Some(script) = case.before() {
            for line in script.lines() {
                let argv: Vec<&str> = line.split_whitespace().collect();
                running.host().must_run(&argv, "").unwrap();
            }
        }
        running
    }

    fn host(&mut self) -> Host<'_> {
        let netns = self.world.initial_netns();
        Host { world: &mut self.world, netns, iptables: self.iptables }
    }

    fn tell(&mut self, what: Told, objects: &Objects) {
        match what {
            Told::Services => self.proxier.set_services(objects.services.values().cloned()),
            Told::Endpoints => self.proxier.set_endpoints(objects.slices.values().cloned()),
        }
    }

    /// Writes the rules, with Services in the order that they have in `like`.
    fn sync(&mut self, like: &str) -> Option<String> {
        let order = order::of_services(like);
        let place = |name: &str| order.iter().position(|known| known == name);
        self.proxier
            .services_mut()
            .sort_by(|a, _, b, _| (place(&a.to_string()), a).cmp(&(place(&b.to_string()), b)));
        let netns = self.world.initial_netns();
        let mut host = Host { world: &mut self.world, netns, iptables: self.iptables };
        let text = self.proxier.sync(&mut host).unwrap();
        text.map(|text| order::of_removals(&text))
    }

    /// What `iptables-save` prints.
    fn save(&mut self) -> String {
        let text = self.host().must_run(&["iptables-save"], "").unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.fold(String::new(), |text, line| text + line + "\n")
    }
}

/// What `iptables-save` printed on a node, without what it had counted of the node's other traffic.
fn saved(case: &Case, step: &str) -> String {
    let text = case.text(Path::new(step).join("iptables-save.txt"));
    let lines = text.lines().map(|line| match line.rsplit_once(" [") {
        Some((policy, _)) if line.starts_with(':') => format!("{policy} [0:0]\n"),
        Some(_) | None => format!("{line}\n"),
    });
    lines.collect()
}

/// What differs between two texts, line by line; nothing if nothing does.
fn difference(what: &str, real: &str, ours: &str) -> String {
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
    running.proxier.set_services(objects.services.values().cloned());
    running.proxier.set_endpoints(objects.slices.values().cloned());
    // Where the real one wrote twice at its start, it had not heard of everything yet.
    let restores = case.restores("");
    let real = restores.last().unwrap();
    let ours = running.sync(real).unwrap();
    let mut found = difference("restore", real, &ours);
    found += &difference("save", &saved(case, ""), &running.save());
    for step in case.steps() {
        if case.changes(&step) {
            case.change(&step, &mut objects);
            found += &step_differences(case, &step, &objects, &mut running);
        }
    }
    found
}

/// Runs a step; answers what differs. Services and endpoints are told one after the other, in either order.
fn step_differences(case: &Case, step: &str, objects: &Objects, running: &mut Running) -> String {
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
        found += &difference(&format!("{step}: save"), &saved(case, step), &running.save());
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

//! What our proxier writes for a state.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, NodeAddress};
use sim_core::family::AddressFamily;
use sim_core::world::World;
use sim_kube::host::{CallError, Host, IptablesBackend};
use sim_kube::proxy::Version;
use sim_kube::proxy::config::Config;
use sim_kube::proxy::iptables::Proxier;

use super::{NODE_INET, NODE_INET6, State};

/// What a proxier has written on a node that had no rules.
#[derive(Clone, Debug)]
pub struct Written {
    /// What it made with single commands, as the input of a restore: chains, and the rules that lead to them.
    pub jumps: String,
    /// What it gave to `iptables-restore` then.
    pub rules: String,
    /// What `iptables-save` prints now, without comments.
    pub saved: String,
}

impl State {
    /// The proxier of 1.36 that was told of everything.
    #[must_use]
    pub fn proxier(&self) -> Proxier {
        let mut here = Node::default();
        here.metadata.name = Some("here".to_owned());
        let addresses = here.status.get_or_insert_default().addresses.get_or_insert_default();
        for address in NODE_INET.iter().chain(&NODE_INET6) {
            let (type_, address) = ("InternalIP".to_owned(), (*address).to_owned());
            addresses.push(NodeAddress { type_, address });
        }
        let config = Config::read(&self.config).expect("the settings of a state are complete");
        let mut proxier = Proxier::new(Version::V1_36, self.family, config, &here);
        proxier.set_services(self.store.services.values());
        proxier.set_endpoints(self.store.endpoint_slices.values());
        proxier
    }

    /// Has the proxier write its rules on a node that has none.
    ///
    /// # Errors
    /// When a command fails.
    pub fn write(&self, iptables: IptablesBackend) -> Result<Written, CallError> {
        let mut world = World::new(0);
        let netns = world.initial_netns();
        let mut host = Host { world: &mut world, netns, iptables };
        let rules = self.proxier().sync(&mut host)?.expect("nothing was written before");
        let save = match self.family {
            AddressFamily::Inet => "iptables-save",
            AddressFamily::Inet6 => "ip6tables-save",
        };
        let saved = without_comments(&host.must_run(&[save], "")?);
        Ok(Written { jumps: jumps(&saved), rules, saved })
    }
}

/// Leaves out the lines with versions and dates.
#[must_use]
pub fn without_comments(saved: &str) -> String {
    let lines = saved.lines().filter(|line| !line.starts_with('#'));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// The rules of built-in chains, with the chains that they lead to, and the canaries.
fn jumps(saved: &str) -> String {
    let is_jump = |line: &&str| line.starts_with("-A ") && !line.starts_with("-A KUBE-");
    let targets: BTreeSet<&str> =
        saved.lines().filter(is_jump).filter_map(|line| line.rsplit(' ').next()).collect();
    let is_wanted = |line: &&str| match line.strip_prefix(":KUBE-") {
        Some(_) => {
            let chain = line[1..].split(' ').next().unwrap_or_default();
            targets.contains(chain) || chain.ends_with("-CANARY")
        }
        None => !line.starts_with("-A ") || is_jump(line),
    };
    let kept = |table: &str| {
        let lines = table.lines().filter(is_wanted);
        lines.fold(String::new(), |text, line| text + line + "\n")
    };
    // The table that `ip_tables` was asked for first is saved last.
    let tables: Vec<&str> = saved.split_inclusive("COMMIT\n").collect();
    tables.into_iter().rev().map(kept).collect()
}

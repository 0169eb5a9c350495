//! A kube-proxy on the node.

use k8s_openapi::api::core::v1::Node;
use sim_core::family::AddressFamily;
use sim_core::world::World;
use sim_kube::host::{Host, IptablesBackend};
use sim_kube::object::Store;
use sim_kube::proxy::config::{Config, DetectLocalMode};
use sim_kube::proxy::iptables::Proxier;
use sim_kube::proxy::{Reaction, Version};

use crate::cases::Case;
use crate::node::{self, Pods};
use crate::order;

/// The node whose kube-proxy it is.
const NODE: &str = "node-a";

/// What a kube-proxy is told of.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Told {
    Services,
    Endpoints,
}

/// A kube-proxy on a node.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) world: World,
    pub(crate) pods: Pods,
    proxier: Proxier,
    iptables: IptablesBackend,
}

impl Running {
    /// Starts the kube-proxy of a case.
    pub(crate) fn start(
        case: &Case,
        objects: &Store,
        version: Version,
        iptables: IptablesBackend,
    ) -> Self {
        let config = Config::read(&case.text("config.yaml")).unwrap();
        let pods = match config.detect_local_mode {
            DetectLocalMode::BridgeInterface => Pods::Bridged,
            DetectLocalMode::ClusterCIDR
            | DetectLocalMode::NodeCIDR
            | DetectLocalMode::InterfaceNamePrefix => Pods::Routed,
        };
        let node =
            &objects.nodes.values().find(|n| n.metadata.name.as_deref() == Some(NODE)).unwrap();
        let proxier = Proxier::new(version, AddressFamily::Inet, config, node);
        let mut running = Self { world: node::world(pods), pods, proxier, iptables };
        if let Some(script) = case.before() {
            for line in script.lines() {
                let argv: Vec<&str> = line.split_whitespace().collect();
                running.host().must_run(&argv, "").unwrap();
            }
        }
        running.tell(Told::Services, objects);
        running.tell(Told::Endpoints, objects);
        running
    }

    pub(crate) fn host(&mut self) -> Host<'_> {
        let netns = self.world.initial_netns();
        Host { world: &mut self.world, netns, iptables: self.iptables }
    }

    /// Tells it what there is now.
    pub(crate) fn tell(&mut self, what: Told, objects: &Store) {
        match what {
            Told::Services => self.proxier.set_services(objects.services.values()),
            Told::Endpoints => {
                self.proxier.set_endpoints(objects.endpoint_slices.values());
            }
        }
    }

    /// Tells it what its Node is now.
    pub(crate) fn set_node(&mut self, node: &Node) -> Reaction {
        self.proxier.set_node(node)
    }

    /// Has it write the rules, with Services in the order that they have in `like`.
    pub(crate) fn sync(&mut self, like: &str) -> Option<String> {
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
    pub(crate) fn save(&mut self) -> String {
        let text = self.host().must_run(&["iptables-save"], "").unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.fold(String::new(), |text, line| text + line + "\n")
    }
}

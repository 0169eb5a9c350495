//! A kube-proxy that runs on a node: it writes rules, and answers whoever asks how it is.

use std::net::{IpAddr, Ipv4Addr};

use k8s_openapi::api::core::v1::Node;
use sim_core::family::AddressFamily;
use sim_core::id::ProcId;

use super::config::Config;
use super::health::{Places, Report, Server};
use super::iptables::Proxier;
use super::node::Reaction;
use super::reading::Known;
use super::version::Version;
use crate::host::{CallError, Host};

/// A kube-proxy on a node.
#[derive(Clone, Debug)]
pub struct KubeProxy {
    version: Version,
    config: Config,
    proxier: Proxier,
    /// What answers, once it runs.
    server: Option<ProcId>,
    report: Report,
}

impl KubeProxy {
    /// Makes the kube-proxy of `node`, which has not done anything yet.
    #[must_use]
    pub fn new(version: Version, config: Config, node: &Node) -> Self {
        let mut report = Report::default();
        report.set_node(version, &config, node);
        let proxier = Proxier::new(version, AddressFamily::Inet, config.clone(), node);
        Self { version, config, proxier, server: None, report }
    }

    /// Brings its node up to date.
    ///
    /// # Errors
    /// When a command fails.
    pub fn sync(
        &mut self,
        node: &Node,
        known: &Known,
        host: &mut Host<'_>,
    ) -> Result<(), CallError> {
        match self.proxier.set_node(node) {
            Reaction::None | Reaction::FullSync => {}
            Reaction::Restart => self.stop(host),
        }
        self.proxier.set_known(known);
        let has_written = self.proxier.sync(host)?.is_some();
        let before = self.report.clone();
        self.report.set_node(self.version, &self.config, node);
        if has_written {
            self.report.updated(self.proxier.health(), host.world.now());
        }
        // With each writing, ports are tried again that could not be opened.
        if has_written || self.report != before {
            self.tell(host);
        }
        Ok(())
    }

    /// Ends it; its rules stay.
    fn stop(&mut self, host: &mut Host<'_>) {
        if let Some(server) = self.server.take() {
            host.world.reap(server);
        }
    }

    /// Tells what answers what there is to tell.
    fn tell(&mut self, host: &mut Host<'_>) {
        let server = match self.server {
            Some(server) => server,
            None => {
                let server = Server::new(self.version, self.places(host));
                host.world.spawn_program("kube-proxy", host.netns, Box::new(server))
            }
        };
        self.server = Some(server);
        let mut line =
            serde_json::to_vec(&self.report).expect("it has nothing but words and numbers");
        line.push(b'\n');
        host.world.feed(server, Some(&line));
    }

    /// Where it listens. It looks which addresses its node has when it starts, and never again.
    fn places(&self, host: &Host<'_>) -> Places {
        let ranges = self.proxier.node_port_ranges();
        let services = if self.version == Version::V1_20 || ranges.is_empty() {
            vec![Ipv4Addr::UNSPECIFIED]
        } else {
            let ips = host.addresses().into_iter().filter_map(|ip| match ip {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            });
            let mut ips: Vec<Ipv4Addr> = ips
                .filter(|ip| ranges.iter().any(|range| range.contains(&IpAddr::V4(*ip))))
                .collect();
            ips.sort_unstable();
            ips.dedup();
            ips
        };
        Places { healthz: self.config.healthz_bind_address, services }
    }
}

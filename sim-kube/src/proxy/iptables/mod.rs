//! The mode `iptables`: Services as rules of the tables `nat` and `filter`.

mod cleanup;
mod jumps;
mod names;
mod old_port;
mod port;
mod rules;
mod text;
mod tools;

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use sim_core::errno::Errno;
use sim_core::family::AddressFamily;
use sim_core::netlink::Request;
use sim_core::netlink::request::AccountSpec;
use sim_core::time::SimTime;

pub use self::cleanup::{Cleaned, cleanup};
use self::rules::{NodePortAddresses, Scope, Which};
use self::tools::Tools;
use super::config::Config;
use super::conntrack::{self, Gone};
use super::endpoint::EndpointsMap;
use super::health::{self, ServiceReport};
use super::local::LocalDetector;
use super::node::{OwnNode, Reaction};
use super::reading::{self, Known, Reading};
use super::service::{Protocol, ServiceMap, ServicePortName};
use super::settings;
use super::version::Version;
use crate::host::{CallError, Host};

/// From so many endpoints on, rules go without comments.
const LARGE_CLUSTER: usize = 1000;

/// The proxier of a node, for one address family.
#[derive(Clone, Debug)]
pub struct Proxier {
    version: Version,
    family: AddressFamily,
    config: Config,
    node: OwnNode,
    detector: LocalDetector,
    services: Arc<ServiceMap>,
    endpoints: Arc<EndpointsMap>,
    /// The Services with changes that no rules have been written for yet.
    changed: BTreeSet<(String, String)>,
    state: State,
    /// Whether all rules are to be written, and the jumps to them.
    needs_full_sync: bool,
    /// When chains were removed last that nobody wants any longer.
    last_cleanup: Option<SimTime>,
    /// Whether endpoints of UDP have changed since connections to them were removed.
    has_other_udp_endpoints: bool,
    /// What of UDP is gone since then.
    gone: Gone,
}

/// How far a proxier is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// It has done nothing yet.
    New,
    /// It has written rules; windows were not checked at its start, or they were.
    Running { is_liberal: bool },
}

impl Proxier {
    /// Makes the proxier of `node`.
    #[must_use]
    pub fn new(version: Version, family: AddressFamily, config: Config, node: &Node) -> Self {
        let node = OwnNode::new(node, family);
        Self {
            detector: node.detector(&config, family),
            node,
            version,
            family,
            config,
            services: Arc::default(),
            endpoints: Arc::default(),
            changed: BTreeSet::new(),
            state: State::New,
            needs_full_sync: true,
            last_cleanup: None,
            has_other_udp_endpoints: false,
            gone: Gone::default(),
        }
    }

    /// Takes notice of what its Node is now.
    pub fn set_node(&mut self, node: &Node) -> Reaction {
        let new = OwnNode::new(node, self.family);
        let reaction = self.node.reaction(&new, self.version, self.config.detect_local_mode);
        self.node.readdress(&new);
        match reaction {
            Reaction::None => {}
            Reaction::FullSync => {
                self.node.relabel(new);
                self.needs_full_sync = true;
            }
            Reaction::Restart => {
                let fresh = Self::new(self.version, self.family, self.config.clone(), node);
                let before = std::mem::replace(self, fresh);
                self.know_services(&before.services);
                self.know_endpoints(&before.endpoints);
            }
        }
        reaction
    }

    /// Takes notice of the Services there are now.
    pub fn set_services(&mut self, services: impl IntoIterator<Item: Borrow<Service>>) {
        self.know_services(&Arc::new(self.reading().service_map(services)));
    }

    /// Takes notice of the endpoints there are now.
    pub fn set_endpoints(&mut self, slices: impl IntoIterator<Item: Borrow<EndpointSlice>>) {
        self.know_endpoints(&Arc::new(self.reading().endpoints_map(slices)));
    }

    /// Takes notice of both, as they were read for all proxiers of this version and family.
    pub fn set_known(&mut self, known: &Known) {
        self.know_services(&known.services);
        self.know_endpoints(&known.endpoints);
    }

    /// What of objects depends on this proxier's kind.
    const fn reading(&self) -> Reading {
        Reading { family: self.family, version: self.version }
    }

    fn know_services(&mut self, new: &Arc<ServiceMap>) {
        let changed = reading::differing(&self.services, new);
        if changed.iter().any(|name| name.protocol == Protocol::Udp) {
            self.gone.note_services(&self.services, new);
        }
        self.changed.extend(changed.into_iter().map(owner));
        self.services = Arc::clone(new);
    }

    fn know_endpoints(&mut self, new: &Arc<EndpointsMap>) {
        let changed = reading::differing(&self.endpoints, new);
        if changed.iter().any(|name| name.protocol == Protocol::Udp) {
            self.has_other_udp_endpoints = true;
            self.gone.note_endpoints(&self.endpoints, new);
        }
        self.changed.extend(changed.into_iter().map(owner));
        self.endpoints = Arc::clone(new);
    }

    /// The service ports, whose order is that of the rules; whoever compares may change it.
    pub fn services_mut(&mut self) -> &mut ServiceMap {
        Arc::make_mut(&mut self.services)
    }

    /// What load balancers are told of Services here.
    pub(super) fn health(&self) -> Vec<ServiceReport> {
        health::services(&self.services, &self.endpoints, &self.node.at.node)
    }

    /// Writes the rules if anything has changed; answers what `iptables-restore` was given.
    ///
    /// # Errors
    /// When a command fails. The changes are tried again the next time.
    pub fn sync(&mut self, host: &mut Host<'_>) -> Result<Option<String>, CallError> {
        let is_full = self.needs_full_sync;
        if self.changed.is_empty() && !is_full {
            return Ok(None);
        }
        let is_liberal = match self.state {
            State::New => self.start(host)?,
            State::Running { is_liberal } => is_liberal,
        };
        // Whatever fails from here on is made good by all rules.
        self.needs_full_sync = true;
        // 1.20 knows nothing but full ones.
        if is_full || self.version == Version::V1_20 {
            self.ensure_jumps(host)?;
        }
        let which = if is_full { Which::All } else { Which::Only(&self.changed) };
        let is_large = rules::count_endpoints(&self.services, &self.endpoints) > LARGE_CLUSTER;
        let cleans_up = !is_large
            || self
                .last_cleanup
                .is_none_or(|last| host.world.now().since(last) > self.config.iptables.sync_period);
        let there = if cleans_up { self.chains_of_services(host)? } else { BTreeSet::new() };
        let addresses = self.node_port_addresses(host);
        let scope = Scope { is_large, ..self.scope(&addresses, is_liberal) };
        let text = rules::write(&scope, &self.services, &self.endpoints, which, &there);
        host.must_run(&self.tools().restore(&[]), &text)?;
        self.state = State::Running { is_liberal };
        self.needs_full_sync = false;
        if cleans_up {
            self.last_cleanup = Some(host.world.now());
        }
        self.changed.clear();
        self.remove_connections(host)?;
        Ok(Some(text))
    }

    /// Removes connections to endpoints that are gone.
    fn remove_connections(&mut self, host: &mut Host<'_>) -> Result<(), CallError> {
        let gone = std::mem::take(&mut self.gone);
        if self.version < Version::V1_36 {
            return conntrack::remove_by_tool(&gone, &self.services, host);
        }
        if std::mem::take(&mut self.has_other_udp_endpoints) {
            conntrack::remove_stale(&self.services, &self.endpoints, self.family, host)?;
        }
        Ok(())
    }

    /// Does what a kube-proxy does once, when it starts. Whether windows are not checked.
    fn start(&self, host: &mut Host<'_>) -> Result<bool, CallError> {
        if self.family == AddressFamily::Inet && self.localhost_node_ports() {
            host.set_sysctl("net.ipv4.conf.all.route_localnet", "1")?;
        }
        settings::apply(&self.config.conntrack, self.version, host)?;
        self.probe(host)?;
        for table in ["mangle", "nat", "filter"] {
            self.ensure_chain(host, table, names::CANARY)?;
        }
        let liberal = host.sysctl("net.netfilter.nf_conntrack_tcp_be_liberal");
        Ok(liberal.is_some_and(|value| value.trim() != "0"))
    }

    /// Makes what rules need that are written as a whole: the jumps to their chains, and what they count under.
    fn ensure_jumps(&self, host: &mut Host<'_>) -> Result<(), CallError> {
        for jump in jumps::of(self.version) {
            self.ensure_chain(host, jump.table, jump.to)?;
            let rule = jump.rule();
            let call = |what| {
                let args = [&[what, jump.from, "-t", jump.table], &rule[..]].concat();
                self.tools().iptables(&args)
            };
            if host.run(&call("-C"), "")?.status != 0 {
                host.must_run(&call("-I"), "")?;
            }
        }
        if self.version == Version::V1_20 {
            self.ensure_chain(host, "nat", names::MARK_DROP)?;
        }
        self.ensure_counters(host)
    }

    /// Looks whether the kernel has what is needed, by which `ip_tables` learns of the table `nat` first.
    fn probe(&self, host: &mut Host<'_>) -> Result<(), CallError> {
        if self.version == Version::V1_20 {
            return Ok(());
        }
        let argv = self.tools().iptables(&["-S", "POSTROUTING", "-t", "nat"]);
        host.must_run(&argv, "").map(drop)
    }

    /// Makes what some rules count under; it may be there from before, or from the other family.
    fn ensure_counters(&self, host: &mut Host<'_>) -> Result<(), CallError> {
        if self.version < Version::V1_36 {
            return Ok(());
        }
        for name in [rules::COUNTER_INVALID, rules::COUNTER_LOCALHOST] {
            let spec = AccountSpec { name: name.to_owned(), quota: None };
            host.ensure(&Request::AccountAdd(spec), Errno::EBUSY)?;
        }
        Ok(())
    }

    /// Makes a chain if it is not there: the command fails if it is.
    fn ensure_chain(&self, host: &mut Host<'_>, table: &str, chain: &str) -> Result<(), CallError> {
        let argv = self.tools().iptables(&["-N", chain, "-t", table]);
        match host.run(&argv, "")? {
            outcome if outcome.status <= 1 => Ok(()),
            outcome => Err(CallError::Failed(argv.join(" "), outcome.status, outcome.stderr)),
        }
    }

    /// The chains of Services that the node has.
    fn chains_of_services(&self, host: &mut Host<'_>) -> Result<BTreeSet<String>, CallError> {
        let saved = self.tools().save(host, "nat")?;
        let chains = tools::chains(&saved).filter(|chain| names::is_of_a_service(chain));
        Ok(chains.map(str::to_owned).collect())
    }

    fn scope<'a>(&'a self, addresses: &'a NodePortAddresses, is_liberal: bool) -> Scope<'a> {
        Scope {
            version: self.version,
            family: self.family,
            at: &self.node.at,
            node_ip: self.node.ip,
            detector: &self.detector,
            mark: 1 << self.config.iptables.masquerade_bit,
            masquerade_all: self.config.iptables.masquerade_all,
            localhost_node_ports: self.localhost_node_ports(),
            node_port_addresses: addresses,
            external_ips: self.config.gate("AllowServiceExternalIPs", true),
            is_liberal,
            has_counters: true,
            is_large: false,
        }
    }

    /// The ranges of this family in which node ports are served; none says all.
    pub(super) fn node_port_ranges(&self) -> Vec<IpNet> {
        let mut ranges = Vec::new();
        for text in &self.config.node_port_addresses {
            match text.as_str() {
                "primary" => ranges.extend(self.node.ip.map(IpNet::from)),
                text => ranges.extend(text.parse::<IpNet>()),
            }
        }
        ranges.retain(|range| AddressFamily::of(range.addr()) == self.family);
        if ranges.iter().any(|range| range.prefix_len() == 0) {
            ranges.clear();
        }
        ranges
    }

    /// Whether node ports are served at loopback addresses.
    fn localhost_node_ports(&self) -> bool {
        let ranges = self.node_port_ranges();
        let has_loopback =
            ranges.is_empty() || ranges.iter().any(|range| range.addr().is_loopback());
        self.config.iptables.localhost_node_ports && has_loopback
    }

    fn node_port_addresses(&self, host: &Host<'_>) -> NodePortAddresses {
        let ranges = self.node_port_ranges();
        if ranges.is_empty() {
            return NodePortAddresses::All;
        }
        let loopback = self.localhost_node_ports();
        let serves = |ip: &IpAddr| {
            ranges.iter().any(|range| range.contains(ip)) && (loopback || !ip.is_loopback())
        };
        let there = match self.family {
            AddressFamily::Inet => host.addresses(),
            // Devices have none of IPv6 yet; those that the Node names stand for them.
            AddressFamily::Inet6 => self.node.addresses.clone(),
        };
        let served: BTreeSet<IpAddr> = there.into_iter().filter(serves).collect();
        NodePortAddresses::Only(served.into_iter().collect())
    }

    const fn tools(&self) -> Tools {
        Tools { version: self.version, family: self.family }
    }
}

/// The Service that a port belongs to.
fn owner(name: ServicePortName) -> (String, String) {
    (name.namespace, name.service)
}

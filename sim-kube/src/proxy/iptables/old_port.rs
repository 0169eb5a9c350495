//! The rules of a service port, as 1.20 wrote them.
//!
//! Everything that leads to endpoints is decided in `KUBE-SERVICES` and `KUBE-NODEPORTS`; traffic that has to stay
//! on its node has a chain `KUBE-XLB-`, and what nobody may have is marked for the kubelet to drop
//! (`KUBE-MARK-DROP`).

use std::net::IpAddr;

use super::names::{EXTERNAL_SERVICES, MARK_DROP, MARK_MASQ, NODEPORTS, Names, SERVICES};
use super::rules::{Rules, Scope};
use super::text::{Table, probability};
use crate::proxy::endpoint::Endpoint;
use crate::proxy::service::{ServicePort, ServicePortName, TrafficPolicy};
use crate::proxy::topology::Categorized;

/// A service port while its rules are written.
pub(super) struct OldPort<'a> {
    scope: &'a Scope<'a>,
    port: &'a ServicePort,
    endpoints: Vec<&'a Endpoint>,
    names: Names,
    /// What comments call it.
    name: String,
    /// Its protocol as rules have it.
    protocol: &'static str,
}

impl<'a> OldPort<'a> {
    pub(super) fn new(
        scope: &'a Scope<'a>,
        name: &ServicePortName,
        port: &'a ServicePort,
        endpoints: &Categorized<'a>,
    ) -> Self {
        Self {
            scope,
            port,
            endpoints: endpoints.cluster.clone(),
            names: Names::new(name),
            name: name.to_string(),
            protocol: name.protocol.lower(),
        }
    }

    /// The port's own chains.
    pub(super) fn chains(&self) -> Vec<String> {
        if self.endpoints.is_empty() {
            return Vec::new();
        }
        let own = [
            (true, self.names.cluster()),
            (self.stays_local(), self.names.only_local()),
            (self.has_firewall(), self.names.firewall()),
        ];
        let own = own.into_iter().filter_map(|(there, chain)| there.then_some(chain));
        own.chain(self.endpoints.iter().map(|e| self.names.endpoint(e.addr))).collect()
    }

    /// Writes all rules of the port.
    pub(super) fn write(&self, rules: &mut Rules) {
        for chain in self.chains() {
            rules.nat.chain(&chain);
        }
        if self.endpoints.is_empty() {
            self.refuse(&mut rules.filter);
            return;
        }
        self.write_cluster_ip(&mut rules.nat);
        for &ip in &self.port.external_ips {
            self.write_external_ip(&mut rules.nat, ip);
        }
        for &ip in &self.port.load_balancer_vips {
            self.write_load_balancer(&mut rules.nat, ip);
        }
        self.write_node_port(&mut rules.nat);
        self.write_balancing(&mut rules.nat);
        if self.stays_local() {
            self.write_only_local(&mut rules.nat);
        }
    }

    /// Whether traffic by load balancers and node ports may only go to endpoints of this node.
    fn stays_local(&self) -> bool {
        self.port.external_policy == TrafficPolicy::Local
            && (self.port.node_port.is_some() || self.has_firewall())
    }

    fn has_firewall(&self) -> bool {
        !self.port.load_balancer_vips.is_empty()
    }

    /// Where traffic from outside goes.
    fn external(&self) -> String {
        if self.stays_local() { self.names.only_local() } else { self.names.cluster() }
    }

    /// What matches packets to the port at `ip`, with a comment before it.
    fn to(&self, ip: IpAddr, what: &str) -> String {
        let (name, protocol, port) = (&self.name, self.protocol, self.port.port);
        let host = host(ip);
        format!(
            "-m comment --comment \"{name} {what}\" -m {protocol} -p {protocol} -d {host} --dport {port}"
        )
    }

    fn refuse(&self, filter: &mut Table) {
        let why = "has no endpoints";
        filter.rule(SERVICES, format_args!("{} -j REJECT", self.to(self.port.cluster_ip, why)));
        for &ip in self.port.external_ips.iter().chain(&self.port.load_balancer_vips) {
            filter.rule(EXTERNAL_SERVICES, format_args!("{} -j REJECT", self.to(ip, why)));
        }
        if let Some(number) = self.port.node_port {
            let (name, protocol) = (&self.name, self.protocol);
            filter.rule(
                EXTERNAL_SERVICES,
                format_args!(
                    "-m comment --comment \"{name} {why}\" -m addrtype --dst-type LOCAL -m {protocol} \
                     -p {protocol} --dport {number} -j REJECT"
                ),
            );
        }
    }

    fn write_cluster_ip(&self, nat: &mut Table) {
        let to = self.to(self.port.cluster_ip, "cluster IP");
        if self.scope.masquerade_all {
            nat.rule(SERVICES, format_args!("{to} -j {MARK_MASQ}"));
        } else if let Some(not_local) = self.scope.detector.if_not_local() {
            nat.rule(SERVICES, format_args!("{to} {not_local} -j {MARK_MASQ}"));
        }
        nat.rule(SERVICES, format_args!("{to} -j {}", self.names.cluster()));
    }

    fn write_external_ip(&self, nat: &mut Table, ip: IpAddr) {
        let (to, chain) = (self.to(ip, "external IP"), self.names.cluster());
        nat.rule(SERVICES, format_args!("{to} -j {MARK_MASQ}"));
        // A pod's packet came by a bridge; it goes where the address is, unless that is this node.
        nat.rule(
            SERVICES,
            format_args!(
                "{to} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j {chain}"
            ),
        );
        nat.rule(SERVICES, format_args!("{to} -m addrtype --dst-type LOCAL -j {chain}"));
    }

    fn write_load_balancer(&self, nat: &mut Table, ip: IpAddr) {
        let (chain, external) = (self.names.firewall(), self.external());
        nat.rule(SERVICES, format_args!("{} -j {chain}", self.to(ip, "loadbalancer IP")));
        let comment = format!("-m comment --comment \"{} loadbalancer IP\"", self.name);
        if !self.stays_local() {
            nat.rule(&chain, format_args!("{comment} -j {MARK_MASQ}"));
        }
        if self.port.source_ranges.is_empty() {
            nat.rule(&chain, format_args!("{comment} -j {external}"));
        }
        let mut allows_node = false;
        for range in &self.port.source_ranges {
            nat.rule(&chain, format_args!("{comment} -s {range} -j {external}"));
            allows_node |= self.scope.node_ip.is_some_and(|node| range.contains(&node));
        }
        if allows_node {
            nat.rule(&chain, format_args!("{comment} -s {} -j {external}", host(ip)));
        }
        nat.rule(&chain, format_args!("{comment} -j {MARK_DROP}"));
    }

    fn write_node_port(&self, nat: &mut Table) {
        let Some(number) = self.port.node_port else { return };
        let (name, protocol) = (&self.name, self.protocol);
        let to =
            format!("-m comment --comment {name} -m {protocol} -p {protocol} --dport {number}");
        let from = if self.stays_local() { "-s 127.0.0.0/8 " } else { "" };
        nat.rule(NODEPORTS, format_args!("{to} {from}-j {MARK_MASQ}"));
        nat.rule(NODEPORTS, format_args!("{to} -j {}", self.external()));
    }

    fn write_balancing(&self, nat: &mut Table) {
        let (chain, name, protocol) = (self.names.cluster(), &self.name, self.protocol);
        self.write_affinity(nat, &chain, &self.endpoints);
        for (i, endpoint) in self.endpoints.iter().enumerate() {
            let (sep, addr) = (self.names.endpoint(endpoint.addr), endpoint.addr);
            let share = share(self.endpoints.len() - i);
            nat.rule(&chain, format_args!("-m comment --comment {name} {share}-j {sep}"));
            nat.rule(
                &sep,
                format_args!("-m comment --comment {name} -s {} -j {MARK_MASQ}", host(addr.ip())),
            );
            let recent = match self.port.affinity_s {
                Some(_) => format!("-m recent --name {sep} --set "),
                None => String::new(),
            };
            nat.rule(
                &sep,
                format_args!(
                    "-m comment --comment {name} {recent}-m {protocol} -p {protocol} \
                     -j DNAT --to-destination {addr}"
                ),
            );
        }
    }

    /// Writes what sends clients to where they were before.
    fn write_affinity(&self, nat: &mut Table, chain: &str, endpoints: &[&Endpoint]) {
        let Some(seconds) = self.port.affinity_s else { return };
        for endpoint in endpoints {
            let (name, sep) = (&self.name, self.names.endpoint(endpoint.addr));
            nat.rule(
                chain,
                format_args!(
                    "-m comment --comment {name} -m recent --name {sep} --rcheck --seconds {seconds} \
                     --reap -j {sep}"
                ),
            );
        }
    }

    fn write_only_local(&self, nat: &mut Table) {
        let (chain, cluster, name) = (self.names.only_local(), self.names.cluster(), &self.name);
        if let Some(local) = self.scope.detector.if_local() {
            nat.rule(
                &chain,
                format_args!(
                    "-m comment --comment \"Redirect pods trying to reach external loadbalancer VIP to \
                     clusterIP\" {local} -j {cluster}"
                ),
            );
        }
        let from_here = "-m addrtype --src-type LOCAL";
        nat.rule(
            &chain,
            format_args!(
                "-m comment --comment \"masquerade LOCAL traffic for {name} LB IP\" {from_here} -j {MARK_MASQ}"
            ),
        );
        nat.rule(
            &chain,
            format_args!(
                "-m comment --comment \"route LOCAL traffic for {name} LB IP to service chain\" {from_here} \
                 -j {cluster}"
            ),
        );
        let is_local = |e: &&Endpoint| e.is_on(&self.scope.at.node);
        let local: Vec<&Endpoint> = self.endpoints.iter().copied().filter(is_local).collect();
        if local.is_empty() {
            nat.rule(
                &chain,
                format_args!(
                    "-m comment --comment \"{name} has no local endpoints\" -j {MARK_DROP}"
                ),
            );
            return;
        }
        self.write_affinity(nat, &chain, &local);
        for (i, endpoint) in local.iter().enumerate() {
            let (sep, share) = (self.names.endpoint(endpoint.addr), share(local.len() - i));
            nat.rule(
                &chain,
                format_args!(
                    "-m comment --comment \"Balancing rule {i} for {name}\" {share}-j {sep}"
                ),
            );
        }
    }
}

/// What picks the first of `n`; the last one is picked without a word.
fn share(n: usize) -> String {
    match n {
        1 => String::new(),
        n => format!("-m statistic --mode random --probability {} ", probability(n)),
    }
}

/// An address as a range of its own.
fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{ip}/32"),
        IpAddr::V6(ip) => format!("{ip}/128"),
    }
}

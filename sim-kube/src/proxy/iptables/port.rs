//! The rules of a service port (1.30 and later).

use std::net::IpAddr;

use super::names::{EXTERNAL_SERVICES, MARK_MASQ, NODEPORTS, Names, PROXY_FIREWALL, SERVICES};
use super::rules::{Rules, Scope};
use super::text::probability;
use crate::proxy::endpoint::Endpoint;
use crate::proxy::service::{ServicePort, ServicePortName, TrafficPolicy};
use crate::proxy::topology::Categorized;

/// A service port while its rules are written.
pub(super) struct Port<'a> {
    scope: &'a Scope<'a>,
    port: &'a ServicePort,
    endpoints: &'a Categorized<'a>,
    names: Names,
    /// What comments call it.
    name: String,
    /// Its protocol as rules have it.
    protocol: &'static str,
}

/// What happens to packets that no endpoint would get.
struct Refusal {
    why: &'static str,
    target: &'static str,
}

impl<'a> Port<'a> {
    pub(super) fn new(
        scope: &'a Scope<'a>,
        name: &ServicePortName,
        port: &'a ServicePort,
        endpoints: &'a Categorized<'a>,
    ) -> Self {
        Self {
            scope,
            port,
            endpoints,
            names: Names::new(name),
            name: name.to_string(),
            protocol: name.protocol.lower(),
        }
    }

    /// Writes what leads packets to the port's chains, or refuses them.
    pub(super) fn write_dispatch(&self, rules: &mut Rules) {
        self.write_cluster_ip(rules);
        self.write_external_ips(rules);
        self.write_load_balancers(rules);
        self.write_node_port(rules);
        if let Some(number) = self.port.health_check_node_port {
            let comment = format!("{} health check node port", self.name);
            rules.filter.rule(
                NODEPORTS,
                format_args!(
                    "-m comment --comment \"{comment}\" -m tcp -p tcp --dport {number} -j ACCEPT"
                ),
            );
        }
    }

    /// Writes the port's own chains.
    pub(super) fn write_chains(&self, rules: &mut Rules) {
        if self.has_internal() {
            self.write_internal(rules);
        }
        if self.has_external_chain() {
            self.write_external(rules);
        }
        if self.has_firewall_chain() {
            self.write_firewall(rules);
        }
        if self.has_cluster_chain() {
            rules.nat.chain(&self.names.cluster());
            self.write_balancing(rules, &self.names.cluster(), &self.endpoints.cluster);
        }
        if self.has_local_chain() {
            rules.nat.chain(&self.names.local());
            self.write_balancing(rules, &self.names.local(), &self.endpoints.local);
        }
        for endpoint in &self.endpoints.reachable {
            self.write_endpoint(rules, endpoint);
        }
    }

    /// The port's own chains, whether or not they are written this time.
    pub(super) fn chains(&self) -> Vec<String> {
        let own = [
            (self.has_external_chain(), self.names.external()),
            (self.has_firewall_chain(), self.names.firewall()),
            (self.has_cluster_chain(), self.names.cluster()),
            (self.has_local_chain(), self.names.local()),
        ];
        let own = own.into_iter().filter_map(|(there, chain)| there.then_some(chain));
        own.chain(self.endpoints.reachable.iter().map(|e| self.names.endpoint(e.addr))).collect()
    }

    /// Whether clients inside the cluster reach an endpoint.
    fn has_internal(&self) -> bool {
        self.has(self.port.internal_policy)
    }

    /// Whether clients outside do.
    fn has_external(&self) -> bool {
        self.has(self.port.external_policy)
    }

    fn has(&self, policy: TrafficPolicy) -> bool {
        self.endpoints.has_any
            && (policy == TrafficPolicy::Cluster || !self.endpoints.local.is_empty())
    }

    fn has_external_chain(&self) -> bool {
        self.endpoints.has_any && self.port.is_externally_accessible()
    }

    fn has_firewall_chain(&self) -> bool {
        self.endpoints.has_any
            && !self.port.load_balancer_vips.is_empty()
            && !self.port.source_ranges.is_empty()
    }

    fn has_cluster_chain(&self) -> bool {
        !self.endpoints.cluster.is_empty() && self.port.uses_cluster_endpoints()
    }

    fn has_local_chain(&self) -> bool {
        !self.endpoints.local.is_empty() && self.port.uses_local_endpoints()
    }

    /// The chain that picks an endpoint under this policy.
    fn balancing(&self, policy: TrafficPolicy) -> String {
        match policy {
            TrafficPolicy::Cluster => self.names.cluster(),
            TrafficPolicy::Local => self.names.local(),
        }
    }

    fn refusal(&self) -> Refusal {
        if self.endpoints.has_any {
            Refusal { why: "has no local endpoints", target: "DROP" }
        } else {
            Refusal { why: "has no endpoints", target: "REJECT" }
        }
    }

    /// What matches packets to the port at `ip`, with a comment before it.
    fn to(&self, ip: IpAddr, what: &str) -> String {
        let (name, protocol, port) = (&self.name, self.protocol, self.port.port);
        format!(
            "-m comment --comment \"{name} {what}\" -m {protocol} -p {protocol} -d {ip} --dport {port}"
        )
    }

    fn write_cluster_ip(&self, rules: &mut Rules) {
        let ip = self.port.cluster_ip;
        if self.has_internal() {
            let chain = self.balancing(self.port.internal_policy);
            rules.nat.rule(SERVICES, format_args!("{} -j {chain}", self.to(ip, "cluster IP")));
        } else {
            let Refusal { why, target } = self.refusal();
            rules.filter.rule(SERVICES, format_args!("{} -j {target}", self.to(ip, why)));
        }
    }

    fn write_external_ips(&self, rules: &mut Rules) {
        let chain = self.names.external();
        if !self.scope.external_ips {
            return;
        }
        for &ip in &self.port.external_ips {
            if self.endpoints.has_any {
                rules.nat.rule(SERVICES, format_args!("{} -j {chain}", self.to(ip, "external IP")));
            }
            self.refuse_external(rules, ip);
        }
    }

    fn write_load_balancers(&self, rules: &mut Rules) {
        let is_guarded = self.has_firewall_chain();
        let chain = if is_guarded { self.names.firewall() } else { self.names.external() };
        for &ip in &self.port.load_balancer_vips {
            if self.endpoints.has_any {
                let to = self.to(ip, "loadbalancer IP");
                rules.nat.rule(SERVICES, format_args!("{to} -j {chain}"));
            }
            if is_guarded {
                let to = self.to(ip, &format!("traffic not accepted by {chain}"));
                rules.filter.rule(PROXY_FIREWALL, format_args!("{to} -j DROP"));
            }
            self.refuse_external(rules, ip);
        }
    }

    fn refuse_external(&self, rules: &mut Rules, ip: IpAddr) {
        if !self.has_external() {
            let Refusal { why, target } = self.refusal();
            rules.filter.rule(EXTERNAL_SERVICES, format_args!("{} -j {target}", self.to(ip, why)));
        }
    }

    fn write_node_port(&self, rules: &mut Rules) {
        let Some(number) = self.port.node_port else { return };
        let (name, protocol) = (&self.name, self.protocol);
        if self.endpoints.has_any {
            let (chain, counter) = (self.names.external(), self.scope.localhost_counter());
            if let Some(counter) = counter {
                rules.nat.rule(
                    NODEPORTS,
                    format_args!(
                        "-m comment --comment {name} -m {protocol} -p {protocol} -d 127.0.0.0/8 \
                         --dport {number} -m nfacct --nfacct-name {counter} -j {chain}"
                    ),
                );
            }
            rules.nat.rule(
                NODEPORTS,
                format_args!(
                    "-m comment --comment {name} -m {protocol} -p {protocol} --dport {number} -j {chain}"
                ),
            );
        }
        if !self.has_external() {
            let Refusal { why, target } = self.refusal();
            rules.filter.rule(
                EXTERNAL_SERVICES,
                format_args!(
                    "-m comment --comment \"{name} {why}\" -m addrtype --dst-type LOCAL -m {protocol} \
                     -p {protocol} --dport {number} -j {target}"
                ),
            );
        }
    }

    /// What clients inside are masqueraded for: that they are none of this cluster's pods.
    fn write_internal(&self, rules: &mut Rules) {
        let chain = self.balancing(self.port.internal_policy);
        let to = self.to(self.port.cluster_ip, "cluster IP");
        if self.scope.masquerade_all {
            rules.nat.rule(&chain, format_args!("{to} -j {MARK_MASQ}"));
        } else if let Some(not_local) = self.scope.detector.if_not_local() {
            rules.nat.rule(&chain, format_args!("{to} {not_local} -j {MARK_MASQ}"));
        }
    }

    fn write_external(&self, rules: &mut Rules) {
        let (chain, cluster, name) = (self.names.external(), self.names.cluster(), &self.name);
        let nat = &mut rules.nat;
        nat.chain(&chain);
        match self.port.external_policy {
            TrafficPolicy::Cluster => nat.rule(
                &chain,
                format_args!(
                    "-m comment --comment \"masquerade traffic for {name} external destinations\" \
                     -j {MARK_MASQ}"
                ),
            ),
            TrafficPolicy::Local => {
                if let Some(local) = self.scope.detector.if_local() {
                    nat.rule(
                        &chain,
                        format_args!(
                            "-m comment --comment \"pod traffic for {name} external destinations\" \
                             {local} -j {cluster}"
                        ),
                    );
                }
                for (what, target) in [("masquerade", MARK_MASQ), ("route", &cluster)] {
                    nat.rule(
                        &chain,
                        format_args!(
                            "-m comment --comment \"{what} LOCAL traffic for {name} external destinations\" \
                             -m addrtype --src-type LOCAL -j {target}"
                        ),
                    );
                }
            }
        }
        if self.has_external() {
            let target = self.balancing(self.port.external_policy);
            nat.rule(&chain, format_args!("-j {target}"));
        }
    }

    /// Lets through to load balancers whom the Service wants.
    fn write_firewall(&self, rules: &mut Rules) {
        let (chain, external, name) = (self.names.firewall(), self.names.external(), &self.name);
        let nat = &mut rules.nat;
        nat.chain(&chain);
        let comment = format!("-m comment --comment \"{name} loadbalancer IP\"");
        for range in &self.port.source_ranges {
            nat.rule(&chain, format_args!("{comment} -s {range} -j {external}"));
        }
        // The node's own traffic may have the load balancer's address as its source already.
        let allows_node = self
            .port
            .source_ranges
            .iter()
            .any(|range| self.scope.node_ip.is_some_and(|node| range.contains(&node)));
        if allows_node {
            for ip in &self.port.load_balancer_vips {
                nat.rule(&chain, format_args!("{comment} -s {ip} -j {external}"));
            }
        }
        nat.rule(
            &chain,
            format_args!(
                "-m comment --comment \"other traffic to {name} will be dropped by {PROXY_FIREWALL}\""
            ),
        );
    }

    /// Writes what picks one of `endpoints`: that of before, if clients stay, or any.
    fn write_balancing(&self, rules: &mut Rules, chain: &str, endpoints: &[&Endpoint]) {
        if let Some(seconds) = self.port.affinity_s {
            for endpoint in endpoints {
                let (comment, sep) =
                    (self.choice_comment(endpoint), self.names.endpoint(endpoint.addr));
                rules.nat.rule(
                    chain,
                    format_args!(
                        "{comment}-m recent --name {sep} --rcheck --seconds {seconds} --reap -j {sep}"
                    ),
                );
            }
        }
        for (i, endpoint) in endpoints.iter().enumerate() {
            let (comment, sep) =
                (self.choice_comment(endpoint), self.names.endpoint(endpoint.addr));
            match endpoints.len() - i {
                1 => rules.nat.rule(chain, format_args!("{comment}-j {sep}")),
                left => rules.nat.rule(
                    chain,
                    format_args!(
                        "{comment}-m statistic --mode random --probability {} -j {sep}",
                        probability(left)
                    ),
                ),
            }
        }
    }

    /// The comment of a rule that picks an endpoint. Large clusters go without.
    fn choice_comment(&self, endpoint: &Endpoint) -> String {
        if self.scope.is_large {
            return String::new();
        }
        format!("-m comment --comment \"{} -> {}\" ", self.name, endpoint.addr)
    }

    fn write_endpoint(&self, rules: &mut Rules, endpoint: &Endpoint) {
        let (chain, protocol, addr) =
            (self.names.endpoint(endpoint.addr), self.protocol, endpoint.addr);
        let comment = if self.scope.is_large {
            String::new()
        } else {
            format!("-m comment --comment {} ", self.name)
        };
        let nat = &mut rules.nat;
        nat.chain(&chain);
        nat.rule(&chain, format_args!("{comment}-s {} -j {MARK_MASQ}", addr.ip()));
        let recent = match self.port.affinity_s {
            Some(_) => format!("-m recent --name {chain} --set "),
            None => String::new(),
        };
        nat.rule(
            &chain,
            format_args!(
                "{comment}{recent}-m {protocol} -p {protocol} -j DNAT --to-destination {addr}"
            ),
        );
    }
}

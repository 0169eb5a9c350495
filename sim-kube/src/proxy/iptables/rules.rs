//! All rules of a node, as they are given to `iptables-restore`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sim_core::family::AddressFamily;

use super::names::{
    EXTERNAL_SERVICES, FIREWALL, FORWARD, MARK_MASQ, NODEPORTS, POSTROUTING, PROXY_FIREWALL,
    SERVICES,
};
use super::old_port::OldPort;
use super::port::Port;
use super::text::Table;
use crate::proxy::endpoint::EndpointsMap;
use crate::proxy::local::LocalDetector;
use crate::proxy::service::{ServiceMap, ServicePort, ServicePortName};
use crate::proxy::topology::{Location, categorize};
use crate::proxy::version::Version;

/// Counts packets that no connection explains.
pub(super) const COUNTER_INVALID: &str = "ct_state_invalid_dropped_pkts";
/// Counts connections to node ports at loopback addresses.
pub(super) const COUNTER_LOCALHOST: &str = "localhost_nps_accepted_pkts";

/// At which addresses node ports are served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum NodePortAddresses {
    /// At every address of the node.
    All,
    /// At these.
    Only(Vec<IpAddr>),
}

/// What the rules of a node depend on, besides Services and endpoints.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    pub(super) version: Version,
    pub(super) family: AddressFamily,
    pub(super) at: &'a Location,
    pub(super) node_ip: Option<IpAddr>,
    pub(super) detector: &'a LocalDetector,
    /// The mark that asks for masquerading.
    pub(super) mark: u32,
    pub(super) masquerade_all: bool,
    /// Whether node ports are served at loopback addresses.
    pub(super) localhost_node_ports: bool,
    pub(super) node_port_addresses: &'a NodePortAddresses,
    /// Whether `spec.externalIPs` are served (`AllowServiceExternalIPs`).
    pub(super) external_ips: bool,
    /// Whether windows are not checked: then packets without a connection may be forwarded.
    pub(super) is_liberal: bool,
    /// Whether there are counters by name.
    pub(super) has_counters: bool,
    /// Whether there are so many endpoints that comments are saved.
    pub(super) is_large: bool,
}

impl Scope<'_> {
    /// The counter of connections to node ports at loopback addresses, where they have a rule of their own.
    pub(super) fn localhost_counter(&self) -> Option<&'static str> {
        let applies = self.version >= Version::V1_36
            && self.family == AddressFamily::Inet
            && self.localhost_node_ports
            && self.has_counters;
        applies.then_some(COUNTER_LOCALHOST)
    }

    fn is_old(&self) -> bool {
        self.version < Version::V1_30
    }
}

/// The changes of both tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) filter: Table,
    pub(super) nat: Table,
}

/// Which Services have their chains written anew.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which<'a> {
    /// All of them.
    All,
    /// These: namespace and name.
    Only(&'a BTreeSet<(String, String)>),
}

impl Which<'_> {
    fn has(self, name: &ServicePortName) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.contains(&(name.namespace.clone(), name.service.clone())),
        }
    }
}

/// Writes the rules of a node; `there` are the chains of Services that it has. Those that nobody wants any longer
/// are removed.
pub(super) fn write(
    scope: &Scope<'_>,
    services: &ServiceMap,
    endpoints: &EndpointsMap,
    which: Which<'_>,
    there: &BTreeSet<String>,
) -> String {
    let mut rules = Rules::default();
    declare_chains(scope, &mut rules);
    write_masquerading(scope, &mut rules);
    let mut wanted = BTreeSet::new();
    for (name, port) in services {
        let endpoints = endpoints.get(name).map_or(&[][..], Vec::as_slice);
        let endpoints = categorize(endpoints, port, scope.at, scope.version);
        if scope.is_old() {
            let port = OldPort::new(scope, name, port, &endpoints);
            port.write(&mut rules);
            wanted.extend(port.chains());
        } else {
            let port = Port::new(scope, name, port, &endpoints);
            port.write_dispatch(&mut rules);
            if which.has(name) {
                port.write_chains(&mut rules);
            }
            wanted.extend(port.chains());
        }
    }
    for stale in there.difference(&wanted) {
        // What has rules cannot be removed, and to declare a chain empties it.
        rules.nat.chain(stale);
        rules.nat.remove(stale);
    }
    write_node_ports(scope, &mut rules.nat);
    write_forwarding(scope, &mut rules.filter);
    let mut text = String::new();
    rules.filter.write("filter", &mut text);
    rules.nat.write("nat", &mut text);
    text
}

fn declare_chains(scope: &Scope<'_>, rules: &mut Rules) {
    let filter: &[&str] = if scope.is_old() {
        &[SERVICES, EXTERNAL_SERVICES, FORWARD]
    } else {
        &[SERVICES, EXTERNAL_SERVICES, FORWARD, NODEPORTS, PROXY_FIREWALL]
    };
    for chain in filter {
        rules.filter.chain(chain);
    }
    for chain in [SERVICES, NODEPORTS, POSTROUTING, MARK_MASQ] {
        rules.nat.chain(chain);
    }
    let guards_loopback =
        !scope.is_old() && scope.family == AddressFamily::Inet && scope.localhost_node_ports;
    if guards_loopback {
        // `route_localnet` would let neighbours in; only what was translated may come there.
        rules.filter.chain(FIREWALL);
        rules.filter.rule(
            FIREWALL,
            format_args!(
                "-m comment --comment \"block incoming localnet connections\" -d 127.0.0.0/8 \
                 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
            ),
        );
    }
}

fn write_masquerading(scope: &Scope<'_>, rules: &mut Rules) {
    let mark = format!("{:#010x}", scope.mark);
    let nat = &mut rules.nat;
    nat.rule(POSTROUTING, format_args!("-m mark ! --mark {mark}/{mark} -j RETURN"));
    nat.rule(POSTROUTING, format_args!("-j MARK --xor-mark {mark}"));
    nat.rule(
        POSTROUTING,
        format_args!(
            "-m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully"
        ),
    );
    nat.rule(MARK_MASQ, format_args!("-j MARK --or-mark {mark}"));
}

/// The end of the dispatching chain: what is for the node may be for a node port.
fn write_node_ports(scope: &Scope<'_>, nat: &mut Table) {
    let comment = "-m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in \
                   this chain\"";
    match scope.node_port_addresses {
        NodePortAddresses::All => {
            let but = match scope.family {
                _ if scope.is_old() => "",
                AddressFamily::Inet if scope.localhost_node_ports => "",
                AddressFamily::Inet => "! -d 127.0.0.0/8 ",
                AddressFamily::Inet6 => "! -d ::1/128 ",
            };
            let local = format!("{comment} -m addrtype --dst-type LOCAL {but}");
            nat.rule(SERVICES, format_args!("{local}-j {NODEPORTS}"));
        }
        NodePortAddresses::Only(addresses) => {
            for ip in addresses {
                nat.rule(SERVICES, format_args!("{comment} -d {ip} -j {NODEPORTS}"));
            }
        }
    }
}

fn write_forwarding(scope: &Scope<'_>, filter: &mut Table) {
    let mark = format!("{:#010x}", scope.mark);
    if scope.version >= Version::V1_36 && scope.has_counters && !scope.is_liberal {
        filter.rule(
            FORWARD,
            format_args!(
                "-m conntrack --ctstate INVALID -m nfacct --nfacct-name {COUNTER_INVALID} -j DROP"
            ),
        );
    } else if !scope.is_liberal {
        filter.rule(FORWARD, format_args!("-m conntrack --ctstate INVALID -j DROP"));
    }
    filter.rule(
        FORWARD,
        format_args!(
            "-m comment --comment \"kubernetes forwarding rules\" -m mark --mark {mark}/{mark} -j ACCEPT"
        ),
    );
    let reasons: &[&str] =
        if scope.is_old() { &["pod source rule", "pod destination rule"] } else { &["rule"] };
    for reason in reasons {
        filter.rule(
            FORWARD,
            format_args!(
                "-m comment --comment \"kubernetes forwarding conntrack {reason}\" \
                 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
            ),
        );
    }
}

/// How many endpoints there are over all service ports.
pub(super) fn count_endpoints(services: &ServiceMap, endpoints: &EndpointsMap) -> usize {
    let of = |(name, _): (&ServicePortName, &ServicePort)| endpoints.get(name).map_or(0, Vec::len);
    services.iter().map(of).sum()
}

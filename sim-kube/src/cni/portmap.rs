//! `portmap`: ports of the node that lead to a pod, by rules alone.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use sim_core::errno::Errno;
use sim_core::family::AddressFamily;
use sim_core::netlink::{Request, conntrack};
use sim_core::packet::IpProto;

use super::conflist::Attachment;
use super::tables::{Chain, Rule};
use super::{CniError, HostPort, device, names};
use crate::host::{CallError, Host};
use crate::proxy::service::Protocol;
use crate::reading::{Fields, Mistakes};

/// The chain that leads to those of containers.
const DNAT: &str = "CNI-HOSTPORT-DNAT";
/// The chain that asks for masquerading.
const SETMARK: &str = "CNI-HOSTPORT-SETMARK";
/// The chain that masquerades.
const MASQ: &str = "CNI-HOSTPORT-MASQ";
/// The mark's bit; Kubernetes uses 14 and 15.
const MARK_BIT: u8 = 13;
/// How many ports a rule may name.
const PORTS_PER_RULE: usize = 15;

/// The settings of the plugin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Portmap {
    /// What of the traffic has its source translated, too.
    pub snat: Snat,
    /// How this is asked for.
    pub mark: Mark,
    /// What packets have to match besides (`conditionsV4`).
    pub conditions: Vec<String>,
}

/// What of the traffic of a port has its source translated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Snat {
    /// Nothing (`snat: false`).
    No,
    /// What would not come back otherwise: traffic of the pod's subnet and of the node's loopback addresses.
    #[default]
    Needed,
    /// Everything (`masqAll`).
    All,
}

/// How masquerading is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mark {
    /// By a bit of the packet's mark (`markMasqBit`), up to 31.
    Bit(u8),
    /// By a chain of somebody else (`externalSetMarkChain`).
    Chain(String),
}

impl Default for Portmap {
    fn default() -> Self {
        Self { snat: Snat::default(), mark: Mark::Bit(MARK_BIT), conditions: Vec::new() }
    }
}

impl Portmap {
    /// Reads the option `portmap`: its settings, or whether it is there at all, as it is without a word.
    pub(super) fn read_option(
        fields: &mut Fields<'_, '_>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        if !fields.has_table("portmap") {
            let is_there = fields.flag("portmap", mistakes).unwrap_or(true);
            return is_there.then(Self::default);
        }
        let mut fields = fields.table("portmap", "portmap", mistakes)?;
        let portmap = Self::read(&mut fields, mistakes);
        fields.finish(mistakes);
        Some(portmap)
    }

    /// Reads the plugin in a list; the runtime does not tell it of ports unless it says that it can do something with
    /// them.
    pub(super) fn read_chained(
        fields: &mut Fields<'_, '_>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let capabilities = fields.table("capabilities", "the capabilities", mistakes);
        let is_told = capabilities.is_some_and(|mut fields| {
            let is_told = fields.flag("portMappings", mistakes).unwrap_or(false);
            fields.finish(mistakes);
            is_told
        });
        let portmap = Self::read(fields, mistakes);
        is_told.then_some(portmap)
    }

    /// Reads the settings of the plugin.
    fn read(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Self {
        let (snat, all) = (fields.flag("snat", mistakes), fields.flag("masqAll", mistakes));
        let bit = fields.number("markMasqBit", 0..32, mistakes);
        let chain = fields.text("externalSetMarkChain", mistakes);
        if let (Some(_), Some(chain)) = (&bit, &chain) {
            let message = "cannot specify externalSetMarkChain and markMasqBit";
            mistakes.add(chain.span.clone(), message);
        }
        let bit = bit.and_then(|bit| bit.value.try_into().ok()).unwrap_or(MARK_BIT);
        let conditions = fields.texts("conditionsV4", mistakes);
        // There are no rules of IPv6.
        fields.texts("conditionsV6", mistakes);
        fields.word("backend", &["iptables"], mistakes);
        Self {
            snat: match (snat.unwrap_or(true), all.unwrap_or(false)) {
                (false, _) => Snat::No,
                (true, false) => Snat::Needed,
                (true, true) => Snat::All,
            },
            mark: match chain {
                Some(chain) => Mark::Chain(chain.value.to_owned()),
                None => Mark::Bit(bit),
            },
            conditions: conditions.into_iter().map(|word| word.value.to_owned()).collect(),
        }
    }

    /// Makes the ports lead to a container that has the address `pod`.
    pub(super) fn add(
        &self,
        host: &mut Host<'_>,
        call: Attachment<'_>,
        pod: Ipv4Net,
        ports: &[HostPort],
    ) -> Result<(), CniError> {
        if ports.is_empty() {
            return Ok(());
        }
        if let (Mark::Bit(bit), true) = (&self.mark, self.snat != Snat::No) {
            make_mark_chains(host, *bit)?;
        }
        nat(DNAT).ensure(host)?;
        for chain in ["PREROUTING", "OUTPUT"] {
            let words = ["-m", "addrtype", "--dst-type", "LOCAL", "-j", DNAT];
            nat(chain).rule(&words).append_unique(host)?;
        }
        self.make_container_chain(host, call, pod, ports)?;
        forget_connections(host, ports)?;
        if self.snat != Snat::No
            && let Some(way) = device::way_to(host, pod.addr())?
        {
            host.set_sysctl(&format!("net/ipv4/conf/{}/route_localnet", way.dev), "1")?;
        }
        Ok(())
    }

    /// Takes the ports away.
    pub(super) fn del(
        &self,
        host: &mut Host<'_>,
        call: Attachment<'_>,
        ports: &[HostPort],
    ) -> Result<(), CniError> {
        let chain = names::chain("CNI-DN-", call.network, call.container);
        if ports.is_empty() || !nat(&chain).exists(host)? {
            return Ok(());
        }
        for words in self.entries(call, ports, &chain) {
            Rule { table: "nat", chain: DNAT, words: &refs(&words) }.delete(host)?;
        }
        Ok(nat(&chain).remove(host)?)
    }

    fn make_container_chain(
        &self,
        host: &mut Host<'_>,
        call: Attachment<'_>,
        pod: Ipv4Net,
        ports: &[HostPort],
    ) -> Result<(), CallError> {
        let chain = names::chain("CNI-DN-", call.network, call.container);
        nat(&chain).ensure(host)?;
        for port in ports {
            for words in self.rules(pod, port) {
                nat(&chain).rule(&refs(&words)).append_unique(host)?;
            }
        }
        for words in self.entries(call, ports, &chain) {
            nat(DNAT).rule(&refs(&words)).append_unique(host)?;
        }
        Ok(())
    }

    /// The rules that lead to a container's chain.
    fn entries(&self, call: Attachment<'_>, ports: &[HostPort], chain: &str) -> Vec<Vec<String>> {
        let comment = format!("dnat name: \"{}\" id: \"{}\"", call.network, call.container);
        let comment = names::trim(comment);
        let mut by_protocol: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for port in ports {
            let numbers = by_protocol.entry(port.protocol.lower()).or_default();
            numbers.push(port.host_port.to_string());
        }
        let parts = by_protocol.iter().flat_map(|(protocol, numbers)| {
            numbers.chunks(PORTS_PER_RULE).map(move |part| (protocol, part.join(",")))
        });
        let entry = |(protocol, numbers): (&&str, String)| {
            let mut words = strings(&["-m", "comment", "--comment", &comment, "-m", "multiport"]);
            words.extend(strings(&["-p", protocol, "--destination-ports", &numbers]));
            words.extend(self.conditions.iter().cloned());
            words.extend(strings(&["-j", chain]));
            words
        };
        parts.map(entry).collect()
    }

    /// The rules of a container's chain about a port: what asks for masquerading comes first.
    fn rules(&self, pod: Ipv4Net, port: &HostPort) -> Vec<Vec<String>> {
        if port.host_ip.is_some_and(|ip| ip.is_ipv6()) {
            return Vec::new();
        }
        let number = port.host_port.to_string();
        let mut base = strings(&["-p", port.protocol.lower(), "--dport", &number]);
        if let Some(ip) = port.host_ip.filter(|ip| !ip.is_unspecified()) {
            base.extend(strings(&["-d", &ip.to_string()]));
        }
        let subnet = pod.to_string();
        let sources: &[&str] = match self.snat {
            Snat::No => &[],
            Snat::Needed => &[&subnet, "127.0.0.1"],
            Snat::All => &["0.0.0.0/0"],
        };
        let mark = match &self.mark {
            Mark::Bit(_) => SETMARK,
            Mark::Chain(name) => name,
        };
        let marked = sources.iter().map(|source| strings(&["-s", source, "-j", mark]));
        let to = format!("{}:{}", pod.addr(), port.container_port);
        let translated = strings(&["-j", "DNAT", "--to-destination", &to]);
        marked.chain([translated]).map(|rest| [base.clone(), rest].concat()).collect()
    }
}

/// Makes the chains that ask for masquerading and do it. Theirs is the first rule of all: those of other plugins
/// would masquerade too late.
fn make_mark_chains(host: &mut Host<'_>, bit: u8) -> Result<(), CallError> {
    let value = 1_u32.checked_shl(bit.into()).unwrap_or_default();
    let mark = format!("{value:#x}/{value:#x}");
    nat(SETMARK).ensure(host)?;
    let says = "CNI portfwd masquerade mark";
    nat(SETMARK)
        .rule(&["-m", "comment", "--comment", says, "-j", "MARK", "--set-xmark", &mark])
        .append_unique(host)?;
    nat(MASQ).ensure(host)?;
    nat(MASQ).rule(&["-m", "mark", "--mark", &mark, "-j", "MASQUERADE"]).append_unique(host)?;
    let says = "CNI portfwd requiring masquerade";
    nat("POSTROUTING").rule(&["-m", "comment", "--comment", says, "-j", MASQ]).insert_unique(host)
}

/// Removes the connections of UDP to these ports: they would go on as they began.
fn forget_connections(host: &mut Host<'_>, ports: &[HostPort]) -> Result<(), CallError> {
    let is_ours = |number: u16| {
        ports.iter().any(|port| port.protocol == Protocol::Udp && port.host_port == number)
    };
    for entry in conntrack::dump(&host.world.kernel, host.netns) {
        let original = entry.tuples[0];
        let is_v4 = AddressFamily::of(original.dst.addr) == AddressFamily::Inet;
        if original.proto == IpProto::UDP && is_v4 && is_ours(original.dst.id) {
            host.ensure(&Request::ConntrackDelete(original, entry.zone), Errno::ENOENT)?;
        }
    }
    Ok(())
}

/// A chain of the table that all rules of the plugin are in.
fn nat(name: &str) -> Chain<'_> {
    Chain { table: "nat", name }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(protocol: Protocol, host: u16, container: u16, ip: Option<&str>) -> HostPort {
        let host_ip = ip.map(|ip| ip.parse().unwrap());
        HostPort { protocol, host_port: host, container_port: container, host_ip }
    }

    /// The ports and the rules of the tests of the real plugin.
    #[test]
    fn a_port_of_an_address_is_marked_and_translated_for_this_address_alone() {
        let portmap =
            Portmap { conditions: vec!["-a".to_owned(), "b".to_owned()], ..Default::default() };
        let ports = [
            port(Protocol::Tcp, 8080, 80, None),
            port(Protocol::Udp, 8080, 81, None),
            port(Protocol::Tcp, 8083, 83, Some("192.168.0.2")),
            port(Protocol::Tcp, 8084, 84, Some("0.0.0.0")),
            port(Protocol::Tcp, 8085, 85, Some("2001:db8:a::1")),
            port(Protocol::Tcp, 8086, 86, Some("::")),
        ];
        let call = Attachment { network: "test", container: "c", netns: "" };
        let entries = portmap.entries(call, &ports, "CHAIN");
        let entries: Vec<String> = entries.iter().map(|words| words.join(" ")).collect();
        let says = "-m comment --comment dnat name: \"test\" id: \"c\" -m multiport";
        assert_eq!(
            entries,
            [
                format!("{says} -p tcp --destination-ports 8080,8083,8084,8085,8086 -a b -j CHAIN"),
                format!("{says} -p udp --destination-ports 8080 -a b -j CHAIN"),
            ]
        );
        let pod = "10.0.0.2/24".parse().unwrap();
        let rules = ports.iter().flat_map(|port| portmap.rules(pod, port));
        let rules: Vec<String> = rules.map(|words| words.join(" ")).collect();
        assert_eq!(
            rules,
            [
                "-p tcp --dport 8080 -s 10.0.0.2/24 -j CNI-HOSTPORT-SETMARK",
                "-p tcp --dport 8080 -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK",
                "-p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80",
                "-p udp --dport 8080 -s 10.0.0.2/24 -j CNI-HOSTPORT-SETMARK",
                "-p udp --dport 8080 -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK",
                "-p udp --dport 8080 -j DNAT --to-destination 10.0.0.2:81",
                "-p tcp --dport 8083 -d 192.168.0.2 -s 10.0.0.2/24 -j CNI-HOSTPORT-SETMARK",
                "-p tcp --dport 8083 -d 192.168.0.2 -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK",
                "-p tcp --dport 8083 -d 192.168.0.2 -j DNAT --to-destination 10.0.0.2:83",
                "-p tcp --dport 8084 -s 10.0.0.2/24 -j CNI-HOSTPORT-SETMARK",
                "-p tcp --dport 8084 -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK",
                "-p tcp --dport 8084 -j DNAT --to-destination 10.0.0.2:84",
            ]
        );
    }

    #[test]
    fn a_rule_names_no_more_than_fifteen_ports() {
        let ports: Vec<HostPort> =
            (1..=16).map(|number| port(Protocol::Tcp, number, 80, None)).collect();
        let call = Attachment { network: "test", container: "c", netns: "" };
        assert_eq!(Portmap::default().entries(call, &ports, "CHAIN").len(), 2);
    }
}

//! The ports of a node that lead to pods, as kubelets with kubenet made them (`dockershim/network/hostport` of 1.20.2).
//!
//! Rules lead from the port to the pod. Besides, the kubelet itself listens on the port, so that no program takes it that
//! would then never hear anything; of SCTP there are the rules alone. Which address of the node a port is meant for
//! (`hostIP`) counts since 1.20.3 only.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use data_encoding::BASE32;
use sha2::{Digest as _, Sha256};
use sim_core::errno::Errno;
use sim_core::id::SocketId;
use sim_core::socket::SocketType;

use super::tables::{Chain, Rule};
use super::{CniError, HostPort, Sandbox};
use crate::host::{CallError, Host};
use crate::proxy::service::Protocol;

/// The chain that leads to those of ports.
const HOSTPORTS: &str = "KUBE-HOSTPORTS";
/// How the names of the chains of ports begin.
const PREFIX: &str = "KUBE-HP-";
/// How much of a hash they have.
const HASH_LEN: usize = 16;
/// The chain that asks for masquerading; it is somebody else's.
const MARK_MASQ: &str = "KUBE-MARK-MASQ";

/// What a kubelet has opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct HostPorts {
    sockets: BTreeMap<(Protocol, u16), SocketId>,
}

impl HostPorts {
    /// Makes the ports of a pod with the address `pod` lead to it; `bridge` is the way there.
    pub(super) fn add(
        &mut self,
        host: &mut Host<'_>,
        sandbox: &Sandbox,
        pod: IpAddr,
        bridge: &str,
    ) -> Result<(), CniError> {
        if sandbox.host_ports.is_empty() {
            return Ok(());
        }
        ensure_chains(host, bridge)?;
        self.open(host, sandbox)?;
        if let Err(error) = write_rules(host, sandbox, pod) {
            self.close(host, &sandbox.host_ports);
            return Err(error.into());
        }
        // Only now: what came in between would have been tracked without the new rules, and go nowhere.
        for port in sandbox.host_ports.iter().filter(|port| port.protocol == Protocol::Udp) {
            let number = port.host_port.to_string();
            host.run(&["conntrack", "-D", "-p", "udp", "--dport", &number], "")?;
        }
        Ok(())
    }

    /// Takes the ports of a pod away. They are told apart by their numbers alone, so a pod that was refused a port
    /// takes it from the one that has it.
    pub(super) fn remove(
        &mut self,
        host: &mut Host<'_>,
        sandbox: &Sandbox,
    ) -> Result<(), CallError> {
        if sandbox.host_ports.is_empty() {
            return Ok(());
        }
        let there = Existing::read(host)?;
        let old: BTreeSet<String> =
            sandbox.host_ports.iter().map(|port| chain(&sandbox.id, port)).collect();
        let mut lines: Vec<String> = there.chains.values().cloned().collect();
        lines.extend(there.rules_without(&old));
        lines.extend(
            old.iter().filter(|name| there.chains.contains_key(*name)).map(|n| format!("-X {n}")),
        );
        restore(host, &lines)?;
        self.close(host, &sandbox.host_ports);
        Ok(())
    }

    /// Listens on the ports of a pod: on all of them, or on none.
    fn open(&mut self, host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
        let mut opened = BTreeMap::new();
        for port in sandbox.host_ports.iter().filter(|port| port.protocol != Protocol::Sctp) {
            match listen(host, port) {
                Ok(socket) => drop(opened.insert((port.protocol, port.host_port), socket)),
                Err(errno) => {
                    for socket in opened.into_values() {
                        host.world.close_socket(socket);
                    }
                    let pod = full_name(sandbox);
                    let HostPort { protocol, host_port, .. } = *port;
                    return Err(CniError::HostPort { pod, protocol, port: host_port, errno });
                }
            }
        }
        self.sockets.extend(opened);
        Ok(())
    }

    fn close(&mut self, host: &mut Host<'_>, ports: &[HostPort]) {
        for port in ports {
            if let Some(socket) = self.sockets.remove(&(port.protocol, port.host_port)) {
                host.world.close_socket(socket);
            }
        }
    }
}

/// Opens a socket on a port.
fn listen(host: &mut Host<'_>, port: &HostPort) -> Result<SocketId, Errno> {
    let kind = match port.protocol {
        Protocol::Udp => SocketType::Udp,
        Protocol::Tcp | Protocol::Sctp => SocketType::Tcp,
    };
    let backlog = host.sysctl("net.core.somaxconn").and_then(|text| text.parse().ok());
    let socket = host.world.socket(host.netns, kind)?;
    let anywhere = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port.host_port);
    let mut opened = host.world.bind(socket, anywhere);
    if opened.is_ok() && kind == SocketType::Tcp {
        opened = host.world.listen(socket, backlog.unwrap_or_default());
    }
    if let Err(errno) = opened {
        host.world.close_socket(socket);
        return Err(errno);
    }
    Ok(socket)
}

/// Makes the chain of all ports, and what leads there: behind the Services, whose rules are narrower.
fn ensure_chains(host: &mut Host<'_>, bridge: &str) -> Result<(), CallError> {
    let nat = |name| Chain { table: "nat", name };
    nat(HOSTPORTS).ensure(host)?;
    let says = ["-m", "comment", "--comment", "kube hostport portals"];
    let words = [&says[..], &["-m", "addrtype", "--dst-type", "LOCAL", "-j", HOSTPORTS]].concat();
    for built_in in ["OUTPUT", "PREROUTING"] {
        nat(built_in).rule(&words).append_unique(host)?;
    }
    let says = ["-m", "comment", "--comment", "SNAT for localhost access to hostports"];
    let words = [&says[..], &["-o", bridge, "-s", "127.0.0.0/8", "-j", "MASQUERADE"]].concat();
    Rule { table: "nat", chain: "POSTROUTING", words: &words }.append_unique(host)
}

/// Writes the rules of a pod before those that are there, so that one that was left over does not count.
fn write_rules(host: &mut Host<'_>, sandbox: &Sandbox, pod: IpAddr) -> Result<(), CallError> {
    let mut there = Existing::read(host)?;
    let (mut chains, mut rules) = (Vec::new(), Vec::new());
    let mut new = BTreeSet::new();
    for port in &sandbox.host_ports {
        let chain = chain(&sandbox.id, port);
        let HostPort { host_port, container_port, .. } = port;
        let says = format!("\"{} hostport {host_port}\"", full_name(sandbox));
        let protocol = port.protocol.lower();
        let of_protocol = format!("-m {protocol} -p {protocol}");
        chains.push(format!(":{chain} - [0:0]"));
        rules.push(format!(
            "-I {HOSTPORTS} -m comment --comment {says} {of_protocol} --dport {host_port} -j {chain}"
        ));
        rules.push(format!("-A {chain} -m comment --comment {says} -s {pod} -j {MARK_MASQ}"));
        rules.push(format!(
            "-A {chain} -m comment --comment {says} {of_protocol} -j DNAT --to-destination={pod}:{container_port}"
        ));
        new.insert(chain);
    }
    there.chains.retain(|name, _| !new.contains(name));
    chains.extend(there.chains.values().cloned());
    rules.extend(there.rules_without(&new));
    chains.extend(rules);
    restore(host, &chains)
}

/// The chains of ports that are there, and their rules.
struct Existing {
    /// The lines that declare them, by name.
    chains: BTreeMap<String, String>,
    rules: Vec<String>,
}

impl Existing {
    fn read(host: &mut Host<'_>) -> Result<Self, CallError> {
        let saved = host.must_run(&["iptables-save", "-t", "nat"], "")?;
        let is_ours = |name: &str| name.starts_with(HOSTPORTS) || name.starts_with(PREFIX);
        let chains = saved.lines().filter_map(|line| {
            let name = line.strip_prefix(':')?.split(' ').next()?;
            is_ours(name).then(|| (name.to_owned(), line.to_owned()))
        });
        let rules = saved.lines().filter(|line| line.strip_prefix("-A ").is_some_and(is_ours));
        Ok(Self { chains: chains.collect(), rules: rules.map(str::to_owned).collect() })
    }

    /// The rules that have nothing to do with any of these chains.
    fn rules_without(&self, chains: &BTreeSet<String>) -> impl Iterator<Item = String> {
        let names = |rule: &&String| chains.iter().any(|chain| rule.contains(chain.as_str()));
        self.rules.iter().filter(move |rule| !names(rule)).cloned()
    }
}

/// Writes these lines into the table in one go; the chains among them lose the rules that they have.
fn restore(host: &mut Host<'_>, lines: &[String]) -> Result<(), CallError> {
    let input = format!("*nat\n{}\nCOMMIT\n", lines.join("\n"));
    let argv = ["iptables-restore", "-w", "5", "-W", "100000", "--noflush", "--counters"];
    host.must_run(&argv, &input).map(drop)
}

/// The name of a port's chain (`getHostportChain()`).
fn chain(id: &str, port: &HostPort) -> String {
    let number = port.host_port.to_string();
    let protocol = port.protocol.lower().to_ascii_uppercase();
    let hash = Sha256::new().chain_update(id).chain_update(number).chain_update(protocol);
    let hash = BASE32.encode(&hash.finalize());
    format!("{PREFIX}{}", &hash[..HASH_LEN])
}

/// How the kubelet calls a pod.
fn full_name(sandbox: &Sandbox) -> String {
    format!("{}_{}", sandbox.pod_name, sandbox.pod_namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the test of the real one.
    #[test]
    fn a_port_has_the_same_chain_everywhere() {
        let cases = [
            (Protocol::Tcp, 8080, "KUBE-HP-IJHALPHTORMHHPPK"),
            (Protocol::Udp, 8081, "KUBE-HP-63UPIDJXVRSZGSUZ"),
            (Protocol::Tcp, 8443, "KUBE-HP-WFBOALXEP42XEMJK"),
            (Protocol::Sctp, 8083, "KUBE-HP-XU6AWMMJYOZOFTFZ"),
        ];
        for (protocol, host_port, name) in cases {
            let port = HostPort { protocol, host_port, container_port: 80, host_ip: None };
            assert_eq!(chain("id", &port), name);
        }
    }
}

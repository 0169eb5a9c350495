//! The names of chains.

use std::net::SocketAddr;

use data_encoding::BASE32;
use sha2::{Digest as _, Sha256};

use crate::proxy::service::ServicePortName;

/// What dispatches to Services.
pub(super) const SERVICES: &str = "KUBE-SERVICES";
/// What refuses traffic from outside that nobody would answer.
pub(super) const EXTERNAL_SERVICES: &str = "KUBE-EXTERNAL-SERVICES";
/// What dispatches node ports.
pub(super) const NODEPORTS: &str = "KUBE-NODEPORTS";
/// What masquerades at the end.
pub(super) const POSTROUTING: &str = "KUBE-POSTROUTING";
/// What asks for that.
pub(super) const MARK_MASQ: &str = "KUBE-MARK-MASQ";
/// What asks for packets to be dropped, up to 1.24.
pub(super) const MARK_DROP: &str = "KUBE-MARK-DROP";
/// What lets traffic of Services be forwarded.
pub(super) const FORWARD: &str = "KUBE-FORWARD";
/// What keeps others from load balancers.
pub(super) const PROXY_FIREWALL: &str = "KUBE-PROXY-FIREWALL";
/// What keeps others from loopback addresses.
pub(super) const FIREWALL: &str = "KUBE-FIREWALL";
/// The chain whose absence shows that somebody flushed all rules.
pub(super) const CANARY: &str = "KUBE-PROXY-CANARY";

/// How the names start of chains that belong to Services.
const SERVICE_PREFIXES: &[&str] =
    &["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-", "KUBE-XLB-"];

/// Whether a chain belongs to a Service.
pub(super) fn is_of_a_service(chain: &str) -> bool {
    SERVICE_PREFIXES.iter().any(|prefix| chain.starts_with(prefix))
}

/// The chains of a service port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Names {
    /// What the hash of an endpoint's chain starts with.
    key: String,
    /// What its own chains end in.
    hash: String,
}

impl Names {
    pub(super) fn new(name: &ServicePortName) -> Self {
        let key = format!("{name}{}", name.protocol.lower());
        Self { hash: hash(&key), key }
    }

    /// All endpoints (`KUBE-SVC-`).
    pub(super) fn cluster(&self) -> String {
        format!("KUBE-SVC-{}", self.hash)
    }

    /// Endpoints of this node (`KUBE-SVL-`).
    pub(super) fn local(&self) -> String {
        format!("KUBE-SVL-{}", self.hash)
    }

    /// What comes from outside (`KUBE-EXT-`).
    pub(super) fn external(&self) -> String {
        format!("KUBE-EXT-{}", self.hash)
    }

    /// What comes by load balancers (`KUBE-FW-`).
    pub(super) fn firewall(&self) -> String {
        format!("KUBE-FW-{}", self.hash)
    }

    /// What comes from outside and stays on this node (`KUBE-XLB-`, up to 1.22).
    pub(super) fn only_local(&self) -> String {
        format!("KUBE-XLB-{}", self.hash)
    }

    /// An endpoint (`KUBE-SEP-`).
    pub(super) fn endpoint(&self, addr: SocketAddr) -> String {
        format!("KUBE-SEP-{}", hash(&format!("{}{addr}", self.key)))
    }
}

/// The first 16 letters of a SHA-256 in base 32.
fn hash(text: &str) -> String {
    let mut letters = BASE32.encode(&Sha256::digest(text));
    letters.truncate(16);
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::service::Protocol;

    fn names(service: &str, port: &str, protocol: Protocol) -> Names {
        let (namespace, service) = service.split_once('/').unwrap();
        Names::new(&ServicePortName {
            namespace: namespace.into(),
            service: service.into(),
            port: port.into(),
            protocol,
        })
    }

    /// As on a cluster of ours and on one of somebody else.
    #[test]
    fn the_same_service_has_the_same_chains_everywhere() {
        let kubernetes = names("default/kubernetes", "https", Protocol::Tcp);
        assert_eq!(kubernetes.cluster(), "KUBE-SVC-NPX46M4PTMTKRN6Y");
        let dns = names("kube-system/kube-dns", "dns", Protocol::Udp);
        assert_eq!(dns.cluster(), "KUBE-SVC-TCOU7JCQXEZGVUNU");
        let api = names("cloud-mt/rpc-client-api", "rpc-client-api-http-port", Protocol::Tcp);
        assert_eq!(api.cluster(), "KUBE-SVC-MYCX2RXADSOJAHT3");
        let endpoint = "9.165.16.189:8080".parse().unwrap();
        assert_eq!(api.endpoint(endpoint), "KUBE-SEP-ZA4HDVB3YCYB4PTF");
    }
}

//! How the built-in chains lead to those of kube-proxy.

use super::names::{
    EXTERNAL_SERVICES, FIREWALL, FORWARD, NODEPORTS, POSTROUTING, PROXY_FIREWALL, SERVICES,
};
use crate::proxy::version::Version;

/// A rule of a built-in chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Jump {
    pub(super) table: &'static str,
    pub(super) from: &'static str,
    /// Whether only the first packets of connections take it.
    only_new: bool,
    /// What its comment says; without one it has none.
    comment: &'static str,
    pub(super) to: &'static str,
    /// The first version that has it.
    since: Version,
}

impl Jump {
    /// The words that match, and where they lead.
    pub(super) fn rule(&self) -> Vec<&'static str> {
        let mut words = Vec::new();
        if self.only_new {
            words.extend(["-m", "conntrack", "--ctstate", "NEW"]);
        }
        if !self.comment.is_empty() {
            words.extend(["-m", "comment", "--comment", self.comment]);
        }
        words.extend(["-j", self.to]);
        words
    }
}

const fn jump(table: &'static str, from: &'static str, to: &'static str) -> Jump {
    Jump { table, from, only_new: false, comment: "", to, since: Version::V1_20 }
}

impl Jump {
    const fn only_new(self) -> Self {
        Self { only_new: true, ..self }
    }

    const fn saying(self, comment: &'static str) -> Self {
        Self { comment, ..self }
    }

    const fn since(self, since: Version) -> Self {
        Self { since, ..self }
    }
}

/// All of them, in the order in which each is put before those that are there.
const JUMPS: &[Jump] = &[
    jump("filter", "INPUT", EXTERNAL_SERVICES)
        .only_new()
        .saying("kubernetes externally-visible service portals"),
    jump("filter", "FORWARD", EXTERNAL_SERVICES)
        .only_new()
        .saying("kubernetes externally-visible service portals"),
    jump("filter", "INPUT", NODEPORTS)
        .saying("kubernetes health check service ports")
        .since(Version::V1_30),
    jump("filter", "FORWARD", SERVICES).only_new().saying("kubernetes service portals"),
    jump("filter", "OUTPUT", SERVICES).only_new().saying("kubernetes service portals"),
    jump("filter", "FORWARD", FORWARD).saying("kubernetes forwarding rules"),
    jump("filter", "INPUT", PROXY_FIREWALL)
        .only_new()
        .saying("kubernetes load balancer firewall")
        .since(Version::V1_30),
    jump("filter", "OUTPUT", PROXY_FIREWALL)
        .only_new()
        .saying("kubernetes load balancer firewall")
        .since(Version::V1_30),
    jump("filter", "FORWARD", PROXY_FIREWALL)
        .only_new()
        .saying("kubernetes load balancer firewall")
        .since(Version::V1_30),
    jump("nat", "OUTPUT", SERVICES).saying("kubernetes service portals"),
    jump("nat", "PREROUTING", SERVICES).saying("kubernetes service portals"),
    jump("nat", "POSTROUTING", POSTROUTING).saying("kubernetes postrouting rules"),
    jump("filter", "INPUT", FIREWALL).since(Version::V1_30),
    jump("filter", "OUTPUT", FIREWALL).since(Version::V1_30),
];

/// The jumps of a version, in the order in which each is put before those that are there.
pub(super) fn of(version: Version) -> impl Iterator<Item = &'static Jump> {
    JUMPS.iter().filter(move |jump| jump.since <= version)
}

/// A jump of 1.19 and before, which later kube-proxies only remove.
const UP_TO_1_19: Jump =
    jump("filter", "INPUT", SERVICES).only_new().saying("kubernetes service portals");

/// The jumps that a cleanup of a version removes, in its order: those of its own that the kubelet does not make as
/// well, and those that it still knows of from before.
pub(super) fn to_clean_up(version: Version) -> impl Iterator<Item = &'static Jump> {
    let own = of(version).filter(|jump| jump.to != FIREWALL);
    let old: &[Jump] = match version {
        Version::V1_20 => &[UP_TO_1_19],
        Version::V1_30 | Version::V1_36 => &[],
    };
    own.chain(old)
}

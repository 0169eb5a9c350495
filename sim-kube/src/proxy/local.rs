//! How a proxier tells the traffic of its node's pods (`LocalTrafficDetector`).

use ipnet::IpNet;

/// What tells a packet of a pod of this node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum LocalDetector {
    /// Nothing: the question is not asked.
    #[default]
    None,
    /// It comes from one of these addresses (`ClusterCIDR`, `NodeCIDR`).
    Source(IpNet),
    /// It comes in by this bridge (`BridgeInterface`).
    Bridge(String),
    /// It comes in by a device whose name starts so (`InterfaceNamePrefix`).
    Prefix(String),
}

impl LocalDetector {
    /// What a rule for packets of pods matches; `None` if they cannot be told.
    pub(super) fn if_local(&self) -> Option<String> {
        self.rule_match("")
    }

    /// What a rule for other packets matches.
    pub(super) fn if_not_local(&self) -> Option<String> {
        self.rule_match("! ")
    }

    fn rule_match(&self, not: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Source(net) => Some(format!("{not}-s {net}")),
            Self::Bridge(name) => Some(format!("{not}-i {name}")),
            Self::Prefix(prefix) => Some(format!("{not}-i {prefix}+")),
        }
    }
}

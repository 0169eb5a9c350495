//! The comparable form of an observation: what is left once everything that a kernel chooses at random,
//! or that a clock decides, is renamed or dropped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::observed::{CommandObserved, DevStats, Direction};

/// What was observed, in comparable form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Normal {
    /// Who ran the case (never compared).
    pub kernel: String,
    /// What each namespace saw and held, by name.
    pub netns: BTreeMap<String, NormalNetns>,
    /// The outcome of every `sh` step.
    pub commands: Vec<CommandObserved>,
    /// What each socket met, by `NETNS SOCKET`.
    pub sockets: BTreeMap<String, Vec<String>>,
}

/// One namespace in comparable form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NormalNetns {
    /// The frames on all its devices, in the kernel's order.
    pub frames: Vec<Sighting>,
    /// Its tables.
    pub tables: Tables,
    /// How much its counters grew.
    pub snmp: BTreeMap<String, i64>,
    /// How much the counters of its devices grew.
    pub links: BTreeMap<String, DevStats>,
    /// What netfilter holds and did.
    pub netfilter: Netfilter,
}

/// Netfilter in one namespace. What is empty is not written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Netfilter {
    /// The tracked connections, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conntrack: Vec<String>,
    /// The counters of connection tracking that are not 0.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conntrack_stats: BTreeMap<String, i64>,
    /// The rules with their counters: tables sorted, chains of a table sorted, rules in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub iptables: Vec<String>,
    /// The same of the legacy variant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub iptables_legacy: Vec<String>,
    /// The lists of the match `recent`, sorted: address, TTL, number of packets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub xt_recent: BTreeMap<String, Vec<String>>,
    /// The events of connection tracking, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ctevents: Vec<String>,
    /// The ways of traced packets through the rules, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule_trace: Vec<String>,
}

impl Netfilter {
    /// The lists with the command that shows each.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &[String]); 5] {
        [
            ("conntrack", &self.conntrack),
            ("iptables-save", &self.iptables),
            ("iptables-legacy-save", &self.iptables_legacy),
            ("conntrack -E", &self.ctevents),
            ("xtables-monitor", &self.rule_trace),
        ]
    }
}

/// What the tools list at the end, one JSON object a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tables {
    /// `ip addr`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addr: Vec<Value>,
    /// `ip route show table all`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<Value>,
    /// `ip rule`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule: Vec<Value>,
    /// `ip neigh`, sorted
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neigh: Vec<Value>,
    /// `bridge fdb`, sorted
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fdb: Vec<Value>,
}

impl Tables {
    /// The tables with the command that lists each.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &[Value]); 5] {
        [
            ("ip addr", &self.addr),
            ("ip route show table all", &self.route),
            ("ip rule", &self.rule),
            ("ip neigh", &self.neigh),
            ("bridge fdb", &self.fdb),
        ]
    }
}

/// A frame at a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The line of `packets.txt` that caused it.
    pub step: usize,
    /// The device.
    pub dev: String,
    /// Which way it went.
    pub dir: Direction,
    /// Its packet type, as a packet socket gives it.
    pub pkttype: u8,
    /// The frame, rewritten.
    pub frame: Vec<u8>,
}

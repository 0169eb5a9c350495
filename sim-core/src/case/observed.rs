//! What was seen when a case ran: the same shape from the real kernel and from the simulator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that a run of a case showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The version of this shape: 1.
    pub format: u8,
    /// The name of the case.
    pub case: String,
    /// Who ran it: a kernel release, or the simulator's version.
    pub kernel: String,
    /// The steps: line, namespace, device, verb, words.
    #[serde(default)]
    pub injected: Vec<(usize, String, String, String, Vec<String>)>,
    /// What every namespace saw, by name; `-` is the case's root namespace.
    pub netns: BTreeMap<String, NetnsObserved>,
    /// The outcome of every `sh` step, in order.
    #[serde(default)]
    pub commands: Vec<CommandObserved>,
    /// What sockets met, in order.
    #[serde(default)]
    pub sockets: Vec<SocketEvent>,
    /// The packets that died, in order; only the simulator knows of all of them (never compared).
    #[serde(default)]
    pub drops: Vec<DropObserved>,
    /// What the run itself wants to say (never compared).
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What one namespace saw and held at the end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetnsObserved {
    /// The devices that were there at the end or that showed a frame, by name.
    pub devs: BTreeMap<String, DevObserved>,
    /// `ip -j addr`
    #[serde(default)]
    pub addr: Vec<Value>,
    /// `ip -j route show table all`
    #[serde(default)]
    pub route: Vec<Value>,
    /// `ip -j rule`
    #[serde(default)]
    pub rule: Vec<Value>,
    /// `ip -j neigh show`
    #[serde(default)]
    pub neigh: Vec<Value>,
    /// `bridge -j fdb show`
    #[serde(default)]
    pub fdb: Vec<Value>,
    /// How much each counter of `/proc/net/snmp` and `/proc/net/netstat` grew, as `Ip.InReceives`.
    #[serde(default)]
    pub snmp: BTreeMap<String, i64>,
    /// What netfilter held and did.
    #[serde(flatten)]
    pub netfilter: NetfilterObserved,
}

/// What netfilter held at the end in one namespace, and did in between. What is empty is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetfilterObserved {
    /// The lines of `conntrack -L -o extended`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conntrack: Vec<String>,
    /// The counters of `conntrack -S`, summed over the CPUs; those that are 0 are left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conntrack_stats: BTreeMap<String, i64>,
    /// `iptables-save -c`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub iptables_save: String,
    /// `iptables-legacy-save -c`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub iptables_legacy_save: String,
    /// The lines of each file in `/proc/net/xt_recent`, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub xt_recent: BTreeMap<String, Vec<String>>,
    /// The lines of `conntrack -E -o extended`, where the case asks for `@ctevents`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ctevents: Vec<String>,
    /// The lines of `xtables-monitor --trace`, where the case asks for `@trace xtables`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<String>,
}

/// One device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DevObserved {
    /// How much its counters grew.
    #[serde(default)]
    pub stats: DevStats,
    /// The frames that a packet socket on all devices of the namespace saw here.
    #[serde(default)]
    pub frames: Vec<FrameObserved>,
}

/// The counters of `ip -s link`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are those of `struct rtnl_link_stats64`")]
pub struct DevStats {
    #[serde(skip_serializing_if = "is_zero")]
    pub rx_packets: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub rx_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub rx_errors: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub rx_dropped: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub multicast: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub tx_packets: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub tx_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub tx_errors: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub tx_dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One frame at one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameObserved {
    /// Its place in the order of the whole namespace, counted from 0.
    pub n: usize,
    /// The line of `packets.txt` that caused it: the last step that had begun.
    pub step: usize,
    /// `in` or `out`.
    pub dir: Direction,
    /// `PACKET_HOST` 0, `BROADCAST` 1, `MULTICAST` 2, `OTHERHOST` 3, `OUTGOING` 4, `LOOPBACK` 5.
    pub pkttype: u8,
    /// When, in microseconds after the start (never compared).
    pub t_us: i64,
    /// The frame.
    pub hex: String,
}

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Received.
    In,
    /// Sent.
    Out,
}

impl core::fmt::Display for Direction {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::In => "in",
            Self::Out => "out",
        })
    }
}

/// The end of a packet that nobody took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropObserved {
    /// The line of `packets.txt` that caused it: the last step that had begun.
    pub step: usize,
    /// When, in microseconds after the start.
    pub t_us: i64,
    /// Where it was, as `NETNS/DEVICE`.
    #[serde(rename = "where")]
    pub place: String,
    /// The kernel's name for the reason (`SKB_DROP_REASON_*`).
    pub reason: String,
}

/// The outcome of a `sh` step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandObserved {
    /// The line of `packets.txt`.
    pub line: usize,
    /// The exit code.
    pub rc: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// What a socket met; written as a list of four texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[String; 4]", into = "[String; 4]")]
pub struct SocketEvent {
    /// The namespace.
    pub netns: String,
    /// The socket: `udp 10.0.0.1:5`, `echo 10.0.0.1:7`, `listen 10.0.0.1:80`, `conn 10.0.0.1:80`,
    /// `tcp 6002`, `raw`.
    pub socket: String,
    /// `accept`, `recv`, `eof`, `error`, `connected` or `from ADDRESS:PORT`.
    pub what: String,
    /// The peer, the bytes in hex, or the text of the error.
    pub data: String,
}

impl From<[String; 4]> for SocketEvent {
    fn from([netns, socket, what, data]: [String; 4]) -> Self {
        Self { netns, socket, what, data }
    }
}

impl From<SocketEvent> for [String; 4] {
    fn from(event: SocketEvent) -> Self {
        [event.netns, event.socket, event.what, event.data]
    }
}

//! What the kubelet of a node writes into its tables of rules.

use k8s_openapi::api::core::v1 as core;

use crate::host::{CallError, Host};
use crate::proxy::Version;

/// The chain by whose presence others see which of its two interfaces `iptables` uses (1.24 and later).
const HINT: &str = "KUBE-IPTABLES-HINT";
/// The chain whose absence shows that somebody flushed all rules.
const CANARY: &str = "KUBE-KUBELET-CANARY";
/// What keeps others from loopback addresses.
const FIREWALL: &str = "KUBE-FIREWALL";
/// What asks for packets to be dropped.
const MARK_DROP: &str = "KUBE-MARK-DROP";
/// What asks for packets to be masqueraded.
const MARK_MASQ: &str = "KUBE-MARK-MASQ";
/// What masquerades.
const POSTROUTING: &str = "KUBE-POSTROUTING";

/// A step of the kubelet's.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A chain of a table.
    Chain(&'static str, &'static str),
    /// A rule at the end of a chain of a table, in words; a comment is one word.
    Append(&'static str, &'static str, &'static [&'static str]),
    /// A rule at the start.
    Prepend(&'static str, &'static str, &'static [&'static str]),
}

use Step::{Append, Chain, Prepend};

/// Drops what comes to loopback addresses from elsewhere: `route_localnet` would let it in.
const LOCALNET: Step = Append(
    "filter",
    FIREWALL,
    &[
        "-m",
        "comment",
        "--comment",
        "block incoming localnet connections",
        "--dst",
        "127.0.0.0/8",
        "!",
        "--src",
        "127.0.0.0/8",
        "-m",
        "conntrack",
        "!",
        "--ctstate",
        "RELATED,ESTABLISHED,DNAT",
        "-j",
        "DROP",
    ],
);

/// The steps up to 1.27, as long as chains of kube-proxy were the kubelet's, too.
const OLD: &[Step] = &[
    Chain("nat", MARK_DROP),
    Append("nat", MARK_DROP, &["-j", "MARK", "--or-mark", "0x008000"]),
    Chain("filter", FIREWALL),
    Append(
        "filter",
        FIREWALL,
        &[
            "-m",
            "comment",
            "--comment",
            "kubernetes firewall for dropping marked packets",
            "-m",
            "mark",
            "--mark",
            "0x008000/0x008000",
            "-j",
            "DROP",
        ],
    ),
    LOCALNET,
    Prepend("filter", "OUTPUT", &["-j", FIREWALL]),
    Prepend("filter", "INPUT", &["-j", FIREWALL]),
    Chain("nat", MARK_MASQ),
    Chain("nat", POSTROUTING),
    Append("nat", MARK_MASQ, &["-j", "MARK", "--or-mark", "0x004000"]),
    Prepend(
        "nat",
        "POSTROUTING",
        &["-m", "comment", "--comment", "kubernetes postrouting rules", "-j", POSTROUTING],
    ),
    Append("nat", POSTROUTING, &["-m", "mark", "!", "--mark", "0x004000/0x004000", "-j", "RETURN"]),
    Append("nat", POSTROUTING, &["-j", "MARK", "--xor-mark", "0x004000"]),
    Append(
        "nat",
        POSTROUTING,
        &[
            "-m",
            "comment",
            "--comment",
            "kubernetes service traffic requiring SNAT",
            "-j",
            "MASQUERADE",
            "--random-fully",
        ],
    ),
];

/// The steps since.
const NEW: &[Step] = &[
    Chain("mangle", HINT),
    Chain("filter", FIREWALL),
    Prepend("filter", "OUTPUT", &["-j", FIREWALL]),
    Prepend("filter", "INPUT", &["-j", FIREWALL]),
    LOCALNET,
];

/// The steps by which the kubelet watches over its rules.
const WATCH: &[Step] = &[Chain("mangle", CANARY), Chain("nat", CANARY), Chain("filter", CANARY)];

/// What the kubelet of a node says about the node, which is ready unless it has no network plugin at all: of one whose
/// configuration is there the runtime does not know whether it works.
#[must_use]
pub fn ready_condition(version: Version, has_plugin: bool) -> core::NodeCondition {
    let says = |status: &str| core::NodeCondition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        ..core::NodeCondition::default()
    };
    if has_plugin {
        return says("True");
    }
    let not_ready =
        "runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:";
    let message = match version {
        Version::V1_20 => {
            format!("{not_ready}docker: network plugin is not ready: cni config uninitialized")
        }
        Version::V1_30 | Version::V1_36 => {
            format!("container {not_ready}Network plugin returns error: cni plugin not initialized")
        }
    };
    core::NodeCondition {
        reason: Some("KubeletNotReady".to_owned()),
        message: Some(message),
        ..says("False")
    }
}

/// Writes the rules of IPv4 that a kubelet of this version writes at its start (`initNetworkUtil()`).
///
/// # Errors
/// When a command fails.
pub fn write_rules(host: &mut Host<'_>, version: Version) -> Result<(), CallError> {
    let steps = match version {
        Version::V1_20 => OLD,
        Version::V1_30 | Version::V1_36 => NEW,
    };
    let wait: &[&str] = match version {
        Version::V1_20 => &["-w", "5", "-W", "100000"],
        Version::V1_30 | Version::V1_36 => &["-w", "5"],
    };
    steps.iter().chain(WATCH).try_for_each(|step| take(*step, host, wait))
}

fn take(step: Step, host: &mut Host<'_>, wait: &[&str]) -> Result<(), CallError> {
    match step {
        Chain(table, chain) => {
            // The command fails if the chain is there.
            let argv = [&["iptables"], wait, &["-N", chain, "-t", table]].concat();
            let outcome = host.run(&argv, "")?;
            if outcome.status <= 1 {
                return Ok(());
            }
            Err(CallError::Failed(argv.join(" "), outcome.status, outcome.stderr))
        }
        Append(table, chain, words) => ensure("-A", table, chain, words, host, wait),
        Prepend(table, chain, words) => ensure("-I", table, chain, words, host, wait),
    }
}

/// Makes a rule if it is not there.
fn ensure(
    how: &str,
    table: &str,
    chain: &str,
    words: &[&str],
    host: &mut Host<'_>,
    wait: &[&str],
) -> Result<(), CallError> {
    let argv = |command| [&["iptables"], wait, &[command, chain, "-t", table], words].concat();
    if host.run(&argv("-C"), "")?.status == 0 {
        return Ok(());
    }
    host.must_run(&argv(how), "").map(drop)
}

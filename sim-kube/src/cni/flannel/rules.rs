//! The rules of `flanneld`, which it puts behind those that are there.

use ipnet::Ipv4Net;

use crate::cni::tables::{Chain, Rule};
use crate::host::{CallError, Host};

/// What is masqueraded.
const POSTROUTING: &str = "FLANNEL-POSTRTG";
/// What is forwarded.
const FORWARD: &str = "FLANNEL-FWD";
/// What kube-proxy masquerades.
const MARK: &str = "0x4000/0x4000";

/// Masquerades what pods send to others, and what others send to pods by way of a node that does not have them.
pub(super) fn masquerade(
    host: &mut Host<'_>,
    network: Ipv4Net,
    pods: Ipv4Net,
) -> Result<(), CallError> {
    let (network, pods) = (network.trunc().to_string(), pods.trunc().to_string());
    let (n, p) = (network.as_str(), pods.as_str());
    let list = List { table: "nat", from: "POSTROUTING", to: POSTROUTING, says: "flanneld masq" };
    list.write(
        host,
        &[
            (&["-m", "mark", "--mark", MARK], &["RETURN"]),
            (&["-s", p, "-d", n], &["RETURN"]),
            (&["-s", n, "-d", p], &["RETURN"]),
            (&["!", "-s", n, "-d", p], &["RETURN"]),
            (&["-s", n, "!", "-d", "224.0.0.0/4"], &["MASQUERADE", "--random-fully"]),
            (&["!", "-s", n, "-d", n], &["MASQUERADE", "--random-fully"]),
        ],
    )
}

/// Lets packets of pods be forwarded, whatever the policy says.
pub(super) fn forward(host: &mut Host<'_>, network: Ipv4Net) -> Result<(), CallError> {
    let network = network.trunc().to_string();
    let list = List { table: "filter", from: "FORWARD", to: FORWARD, says: "flanneld forward" };
    list.write(host, &[(&["-s", &network], &["ACCEPT"]), (&["-d", &network], &["ACCEPT"])])
}

/// A chain that a built-in one leads to.
struct List<'a> {
    table: &'a str,
    from: &'a str,
    to: &'a str,
    /// What all rules say that they are for.
    says: &'a str,
}

impl List<'_> {
    /// Writes the chain anew, with rules that match something and go somewhere, in one go.
    fn write(&self, host: &mut Host<'_>, rules: &[(&[&str], &[&str])]) -> Result<(), CallError> {
        let Self { table, from, to, says } = self;
        Chain { table, name: to }.clear(host)?;
        let words = ["-m", "comment", "--comment", says, "-j", to];
        let mut lines = vec![format!("*{table}")];
        if (Rule { table, chain: from, words: &words }).exists(host)? {
            lines.push(format!("-D {from} -m comment --comment \"{says}\" -j {to}"));
        }
        lines.push(format!("-A {from} -m comment --comment \"{says}\" -j {to}"));
        for (matches, target) in rules {
            let (matches, target) = (matches.join(" "), target.join(" "));
            lines.push(format!("-A {to} {matches} -m comment --comment \"{says}\" -j {target}"));
        }
        lines.push("COMMIT\n".to_owned());
        host.must_run(&["iptables-restore", "--noflush", "--wait"], &lines.join("\n")).map(drop)
    }
}

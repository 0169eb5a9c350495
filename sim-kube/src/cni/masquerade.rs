//! `ipMasq`: what pods send beyond their own subnet has the node's address.

use ipnet::Ipv4Net;

use super::names;
use super::tables::{Chain, Rule};
use crate::host::{CallError, Host};

/// Groups of hosts, to which nobody speaks for another.
const MULTICAST: &str = "224.0.0.0/4";

/// Makes the rules for a container with this address.
pub(super) fn set_up(
    host: &mut Host<'_>,
    address: Ipv4Net,
    network: &str,
    container: &str,
) -> Result<(), CallError> {
    let name = names::chain("CNI-", network, container);
    let comment = names::comment(network, container);
    let chain = Chain { table: "nat", name: &name };
    let says = ["-m", "comment", "--comment", &comment];
    chain.ensure(host)?;
    let here = address.trunc().to_string();
    let [m, comment, option, text] = says;
    chain.rule(&["-d", &here, "-j", "ACCEPT", m, comment, option, text]).append_unique(host)?;
    chain
        .rule(&["!", "-d", MULTICAST, "-j", "MASQUERADE", m, comment, option, text])
        .append_unique(host)?;
    jump(&["-s", &address.addr().to_string(), "-j", &name, m, comment, option, text])
        .append_unique(host)
}

/// Takes them away.
pub(super) fn tear_down(
    host: &mut Host<'_>,
    addresses: &[Ipv4Net],
    network: &str,
    container: &str,
) -> Result<(), CallError> {
    let name = names::chain("CNI-", network, container);
    let comment = names::comment(network, container);
    for address in addresses {
        let source = address.addr().to_string();
        let words = ["-s", &source, "-j", &name, "-m", "comment", "--comment", &comment];
        jump(&words).delete(host)?;
    }
    Chain { table: "nat", name: &name }.remove(host)
}

/// The rule that leads to a container's chain.
fn jump<'a>(words: &'a [&'a str]) -> Rule<'a> {
    Rule { table: "nat", chain: "POSTROUTING", words }
}

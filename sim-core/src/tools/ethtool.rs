//! `ethtool -K`, as in ethtool 6.1: offloads, which are all off here and cannot be turned on.

use crate::link::DevName;
use crate::netlink::request::LinkRef;
use crate::tools::Call;
use crate::tools::failure::{Failure, Result};
use crate::tools::session::{Session, once};
use crate::world::{Poll, Program, Sys};

/// What the process returns where the kernel refused.
const REFUSED: u8 = 92;

const USAGE: &str = include_str!("usage/ethtool.txt");

/// The features that are off on every device: ethtool's short and long names, and the kernel's.
const OFF: &[&str] = &[
    "rx",
    "rx-checksumming",
    "rx-checksum",
    "tx",
    "tx-checksumming",
    "tx-checksum-ipv4",
    "tx-checksum-ip-generic",
    "tx-checksum-ipv6",
    "tx-checksum-sctp",
    "sg",
    "scatter-gather",
    "tx-scatter-gather",
    "tx-scatter-gather-fraglist",
    "tso",
    "tcp-segmentation-offload",
    "tx-tcp-segmentation",
    "tx-tcp-ecn-segmentation",
    "tx-tcp-mangleid-segmentation",
    "tx-tcp6-segmentation",
    "ufo",
    "udp-fragmentation-offload",
    "tx-udp-segmentation",
    "gso",
    "generic-segmentation-offload",
    "tx-generic-segmentation",
    "gro",
    "generic-receive-offload",
    "rx-gro",
    "lro",
    "large-receive-offload",
    "rx-lro",
];

/// Starts `ethtool`.
pub(crate) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Ethtool { call })
}

#[derive(Clone, Debug)]
struct Ethtool {
    call: Call,
}

impl Program for Ethtool {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        once(sys, |session| run(session, self.call.args())).1
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

fn run(session: &Session<'_>, words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-K" | "--features" | "--offload", dev, features @ ..] => change(session, dev, features),
        [] | ["-K" | "--features" | "--offload"] => Err(Failure::exits(1, USAGE)),
        [other, ..] => Err(not_modelled(&format!("\"ethtool {other}\""))),
    }
}

/// Turns off what is off already, which nothing is said about.
fn change(session: &Session<'_>, dev: &str, features: &[&str]) -> Result<()> {
    for pair in features.chunks(2) {
        let value = pair.get(1).copied().unwrap_or("(null)");
        if !matches!(value, "on" | "off") {
            let text = format!(
                "ethtool (-K): flag '{value}' for parameter '(null)' is not followed by 'on' or 'off'\n"
            );
            return Err(Failure::exits(1, text));
        }
    }
    let name = dev.parse::<DevName>().ok();
    if name.and_then(|name| session.dev(LinkRef::Name(name))).is_none() {
        let text = "netlink error: no device matches name (offset 24)\n\
                    netlink error: No such device\n";
        return Err(Failure::exits(REFUSED, text));
    }
    if features.is_empty() {
        return Err(Failure::exits(1, "Could not change any device features\n"));
    }
    for pair in features.chunks_exact(2) {
        if !OFF.contains(&pair[0]) {
            return Err(not_modelled(&format!("the feature \"{}\"", pair[0])));
        }
        if pair[1] == "on" {
            return Err(not_modelled(&format!("offloading (\"{} on\")", pair[0])));
        }
    }
    Ok(())
}

/// ethtool's word for an incapable kernel, then what exactly is missing.
fn not_modelled(what: &str) -> Failure {
    let text =
        format!("netlink error: Operation not supported\nkubewire: {what} is not modelled\n");
    Failure::exits(REFUSED, text)
}

#[cfg(test)]
mod tests {
    use crate::world::World;

    #[test]
    fn what_cannot_be_offloaded_is_refused_by_name() {
        let mut world = World::new(1);
        let netns = world.initial_netns();
        for (line, name) in [
            ("ethtool -K lo tx on", "tx on"),
            ("ethtool -K lo ntuple off", "ntuple"),
            ("ethtool -k lo", "ethtool -k"),
        ] {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let outcome = world.run_command(netns, &argv).expect("the tool ends");
            assert_eq!(outcome.status, 92);
            assert!(outcome.stderr.contains(name), "{line}");
        }
    }
}

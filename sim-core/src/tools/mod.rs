//! The commands: each reads its words, acts on the world and prints what the real one prints.
//!
//! A tool is a [`Program`], also when all it does is done at its first poll. [`TOOLS`] is the one list
//! of them; who runs a world offers exactly these to its users.

mod argv;
mod arping;
mod bridge;
mod calendar;
mod command;
mod conntrack;
mod ethtool;
mod failure;
pub mod getopt;
mod glob;
mod inet;
mod inject;
mod input;
mod ip;
mod iproute2;
mod iptables;
mod iputils;
mod json;
#[cfg(test)]
mod lab;
mod monitor;
mod names;
mod nc;
mod ping;
mod printer;
mod session;
mod sleep;
mod ss;
mod sysctl;
mod tc;
mod tcpdump;
mod tracepath;
mod traceroute;

pub use crate::libc::inet_aton;
pub use command::{CommandError, Outcome};

use crate::world::Program;
#[cfg(doc)]
use crate::world::World;

/// How a tool was called.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Call {
    /// The words of the command, the tool's own name first.
    pub argv: Vec<String>,
    /// Whether standard output is a terminal (`isatty(3)`).
    pub to_terminal: bool,
    /// How many columns that terminal has, if it says so.
    pub columns: Option<u16>,
}

impl Call {
    /// The words after the tool's name.
    #[must_use]
    pub fn args(&self) -> &[String] {
        self.argv.get(1..).unwrap_or_default()
    }

    /// Whether it may ask for processes of the machine ([`World::set_processes`]).
    #[must_use]
    pub fn may_ask_for_processes(&self) -> bool {
        self.argv.first().is_some_and(|tool| tool == "ip")
            && ip::netns::may_ask_for_processes(self.args())
    }
}

/// The signals that a tool handles itself; any other one ends it without a word, as the kernel does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Catches {
    /// None.
    Nothing,
    /// `SIGINT`: to finish and report.
    Interrupt,
    /// `SIGINT` to finish, `SIGQUIT` to report and go on.
    InterruptAndQuit,
    /// `SIGINT`, `SIGTERM` and `SIGHUP`: to finish and report.
    Ending,
}

/// A command that acts on the world.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The name that calls it.
    pub name: &'static str,
    /// The signals it handles.
    pub catches: Catches,
    /// Makes the program that runs.
    pub start: fn(Call) -> Box<dyn Program>,
}

/// Every tool there is.
pub const TOOLS: &[Tool] = &[
    Tool { name: "arping", catches: Catches::Interrupt, start: arping::start },
    Tool { name: "bridge", catches: Catches::Nothing, start: bridge::start },
    Tool { name: "conntrack", catches: Catches::Ending, start: conntrack::start },
    Tool { name: "ethtool", catches: Catches::Nothing, start: ethtool::start },
    Tool { name: "inject", catches: Catches::Nothing, start: inject::start },
    Tool { name: "ip", catches: Catches::Nothing, start: ip::start },
    Tool { name: "ip6tables", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-legacy", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-legacy-restore", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-legacy-save", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-nft", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-nft-restore", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-nft-save", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-restore", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "ip6tables-save", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-legacy", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-legacy-restore", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-legacy-save", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-nft", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-nft-restore", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-nft-save", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-restore", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "iptables-save", catches: Catches::Nothing, start: iptables::start },
    Tool { name: "nc", catches: Catches::Nothing, start: nc::start },
    Tool { name: "ping", catches: Catches::InterruptAndQuit, start: ping::start },
    Tool { name: "sleep", catches: Catches::Nothing, start: sleep::start },
    Tool { name: "ss", catches: Catches::Nothing, start: ss::start },
    Tool { name: "sysctl", catches: Catches::Nothing, start: sysctl::program::start },
    Tool { name: "tc", catches: Catches::Nothing, start: tc::start },
    Tool { name: "tcpdump", catches: Catches::Ending, start: tcpdump::start },
    Tool { name: "tracepath", catches: Catches::Nothing, start: tracepath::start },
    Tool { name: "traceroute", catches: Catches::Nothing, start: traceroute::start },
];

/// The tool with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_stands_in_the_table_once_and_in_order() {
        assert!(TOOLS.is_sorted_by(|a, b| a.name < b.name));
    }
}

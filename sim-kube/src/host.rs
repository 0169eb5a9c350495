//! A machine, as the components that run on it see it.

use std::net::IpAddr;

use sim_core::errno::{Errno, NetlinkError};
use sim_core::id::NetnsId;
use sim_core::netlink::{Request, sysctl};
use sim_core::tools::{CommandError, Outcome};
use sim_core::world::World;

/// Which kernel interface the commands of the family `iptables` use on a machine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IptablesBackend {
    /// `nf_tables`, as on today's distributions.
    #[default]
    Nft,
    /// `ip_tables`.
    Legacy,
}

/// A network namespace that programs run in.
#[derive(Debug)]
pub struct Host<'w> {
    /// The world that it is in.
    pub world: &'w mut World,
    /// Its namespace.
    pub netns: NetnsId,
    /// What `iptables` is there.
    pub iptables: IptablesBackend,
}

/// A command did not do what it should.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError {
    /// It cannot be run.
    #[error("{0}: {1}")]
    NotRun(String, CommandError),
    /// It failed.
    #[error("{0}: exit status {1}: {2}")]
    Failed(String, u8, String),
    /// A request was refused.
    #[error("{0}: {1}")]
    Refused(String, NetlinkError),
}

impl<'w> Host<'w> {
    /// The machine whose namespace has this name; its tools use `nf_tables`.
    #[must_use]
    pub fn named(world: &'w mut World, name: &str) -> Option<Self> {
        let netns = world.netns_by_name(name)?;
        Some(Self { world, netns, iptables: IptablesBackend::Nft })
    }
}

impl Host<'_> {
    /// Runs a command with `input` as its standard input.
    ///
    /// # Errors
    /// When it cannot be run; a command that fails says so by its status.
    pub fn run(&mut self, argv: &[&str], input: &str) -> Result<Outcome, CallError> {
        let mut words: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        if let (IptablesBackend::Legacy, Some(tool)) = (self.iptables, words.first_mut()) {
            *tool = legacy(tool);
        }
        let outcome = self.world.run_command_on(self.netns, &words, input.as_bytes());
        outcome.map_err(|error| CallError::NotRun(argv.join(" "), error))
    }

    /// Runs a command that must not fail; answers what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn must_run(&mut self, argv: &[&str], input: &str) -> Result<String, CallError> {
        let outcome = self.run(argv, input)?;
        match outcome.status {
            0 => Ok(outcome.stdout),
            status => Err(CallError::Failed(argv.join(" "), status, outcome.stderr)),
        }
    }

    /// Makes a request of the kernel that must not be refused.
    ///
    /// # Errors
    /// When it is.
    pub fn request(&mut self, request: &Request) -> Result<(), CallError> {
        let answer = self.world.request(self.netns, request);
        answer.map_err(|error| CallError::Refused(format!("{request:?}"), error))
    }

    /// Makes a request that may be refused with `known`, which says that all is as it should be.
    ///
    /// # Errors
    /// When it is refused for another reason.
    pub fn ensure(&mut self, request: &Request, known: Errno) -> Result<(), CallError> {
        match self.world.request(self.netns, request) {
            Err(error) if error.errno != known => {
                Err(CallError::Refused(format!("{request:?}"), error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Writes a file under `/proc/sys`, called with dots.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn set_sysctl(&mut self, name: &str, value: &str) -> Result<(), CallError> {
        self.request(&Request::SysctlSet { name: name.to_owned(), value: value.to_owned() })
    }

    /// What a file under `/proc/sys` holds.
    #[must_use]
    pub fn sysctl(&self, name: &str) -> Option<String> {
        sysctl::get(&self.world.kernel, self.netns, name).ok()
    }

    /// The addresses of all devices, in the order of devices.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let kernel = &self.world.kernel;
        let devices = kernel.netns[self.netns].links.values();
        devices
            .flat_map(|dev| kernel.devs[*dev].inet.addrs.iter().map(|a| a.local.into()))
            .collect()
    }
}

/// The name of a tool of the family `iptables` that uses `ip_tables`.
fn legacy(tool: &str) -> String {
    match tool.split_once("tables") {
        Some((family @ ("ip" | "ip6"), "")) => format!("{family}tables-legacy"),
        Some((family @ ("ip" | "ip6"), rest @ ("-save" | "-restore"))) => {
            format!("{family}tables-legacy{rest}")
        }
        _ => tool.to_owned(),
    }
}

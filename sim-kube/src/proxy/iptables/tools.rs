//! How kube-proxy calls the commands of the family `iptables`.

use sim_core::family::AddressFamily;

use crate::host::{CallError, Host};
use crate::proxy::version::Version;

/// What these commands say of a chain, a rule or a target that is not there (`IsNotFoundError()`).
const NOT_FOUND: &[&str] = &[
    "No chain/target/match by that name",
    "No such file or directory",
    "does a matching rule exist",
    "does not exist",
];

/// The commands of one address family, as one version calls them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tools {
    pub(super) version: Version,
    pub(super) family: AddressFamily,
}

impl Tools {
    /// The call of `iptables` with `args`.
    pub(super) fn iptables<'a>(self, args: &[&'a str]) -> Vec<&'a str> {
        self.waiting(self.named("iptables", "ip6tables"), args)
    }

    /// The call of `iptables-restore`, with what comes before the options that all calls have.
    pub(super) fn restore<'a>(self, args: &[&'a str]) -> Vec<&'a str> {
        let mut argv = self.waiting(self.named("iptables-restore", "ip6tables-restore"), args);
        argv.extend(["--noflush", "--counters"]);
        argv
    }

    /// What `iptables-save` prints of a table.
    pub(super) fn save(self, host: &mut Host<'_>, table: &str) -> Result<String, CallError> {
        host.must_run(&[self.named("iptables-save", "ip6tables-save"), "-t", table], "")
    }

    fn named(self, inet: &'static str, inet6: &'static str) -> &'static str {
        match self.family {
            AddressFamily::Inet => inet,
            AddressFamily::Inet6 => inet6,
        }
    }

    /// The call of a command that waits for its lock.
    fn waiting<'a>(self, command: &'a str, args: &[&'a str]) -> Vec<&'a str> {
        let wait: &[&str] = match self.version {
            Version::V1_20 => &["-w", "5", "-W", "100000"],
            Version::V1_30 | Version::V1_36 => &["-w", "5"],
        };
        [&[command], wait, args].concat()
    }
}

/// The names of the chains that are in what `iptables-save` printed.
pub(super) fn chains(saved: &str) -> impl Iterator<Item = &str> {
    saved.lines().filter_map(|line| line.strip_prefix(':')?.split(' ').next())
}

/// Whether a command failed because what it is about is not there.
pub(super) fn is_about_nothing(stderr: &str) -> bool {
    NOT_FOUND.iter().any(|words| stderr.contains(words))
}

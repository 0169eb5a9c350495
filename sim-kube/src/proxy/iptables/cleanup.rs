//! What `kube-proxy --cleanup` does: the end of all that the mode `iptables` has made
//! (`iptables.CleanupLeftovers()`).
//!
//! It asks for nothing that a running kube-proxy knows: what there is to remove is read off from the node. What
//! belongs to the kubelet as well stays: the chain `KUBE-FIREWALL` with the jumps to it. So do settings of the kernel
//! and counters by name.

use std::collections::BTreeSet;

use sim_core::family::AddressFamily;

use super::jumps::{self, Jump};
use super::names::{
    self, CANARY, EXTERNAL_SERVICES, FORWARD, MARK_MASQ, NODEPORTS, POSTROUTING, PROXY_FIREWALL,
    SERVICES,
};
use super::text::Table;
use super::tools::{self, Tools};
use crate::host::{CallError, Host};
use crate::proxy::version::Version;

/// What a cleanup did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cleaned {
    /// What `iptables-restore` was given, call by call.
    pub restores: Vec<String>,
    /// What failed. kube-proxy goes on with the rest then, and says at its end that something did.
    pub failures: Vec<CallError>,
}

/// Removes from a node what a kube-proxy of this version has written in the mode `iptables`, for one address family.
///
/// Up to 1.30 it leaves some chains behind, empty or not, to which nothing leads any longer.
///
/// # Errors
/// When a command cannot be run; those that fail are in the answer.
pub fn cleanup(
    version: Version,
    family: AddressFamily,
    host: &mut Host<'_>,
) -> Result<Cleaned, CallError> {
    let tools = Tools { version, family };
    let mut cleaned = Cleaned::default();
    for jump in jumps::to_clean_up(version) {
        cleaned.note(remove_jump(tools, jump, host))?;
    }
    cleaned.remove_chains(tools, Place::Nat, host)?;
    cleaned.remove_chains(tools, Place::Filter, host)?;
    if version >= Version::V1_36 {
        // It may well not be there.
        host.run(&tools.iptables(&["-X", CANARY, "-t", "mangle"]), "")?;
    }
    Ok(cleaned)
}

/// A table that is cleaned up as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Nat,
    Filter,
}

impl Place {
    const fn table(self) -> &'static str {
        match self {
            Self::Nat => "nat",
            Self::Filter => "filter",
        }
    }

    /// The chains that are looked for by their names, in the order in which they go.
    const fn fixed_chains(self, version: Version) -> &'static [&'static str] {
        match (self, version) {
            (Self::Nat, Version::V1_20 | Version::V1_30) => &[SERVICES, NODEPORTS, POSTROUTING],
            (Self::Nat, Version::V1_36) => &[SERVICES, NODEPORTS, POSTROUTING, MARK_MASQ, CANARY],
            (Self::Filter, Version::V1_20) => &[SERVICES, EXTERNAL_SERVICES, FORWARD],
            (Self::Filter, Version::V1_30) => &[SERVICES, EXTERNAL_SERVICES, FORWARD, NODEPORTS],
            (Self::Filter, Version::V1_36) => {
                &[SERVICES, EXTERNAL_SERVICES, FORWARD, NODEPORTS, PROXY_FIREWALL, CANARY]
            }
        }
    }

    /// Whether there are chains of Services.
    const fn has_services(self) -> bool {
        matches!(self, Self::Nat)
    }
}

impl Cleaned {
    /// Takes down what failed; what could not even be run is the caller's matter.
    fn note(&mut self, done: Result<(), CallError>) -> Result<(), CallError> {
        match done {
            Ok(()) => Ok(()),
            Err(failed @ CallError::Failed(..)) => {
                self.failures.push(failed);
                Ok(())
            }
            Err(error @ (CallError::NotRun(..) | CallError::Refused(..))) => Err(error),
        }
    }

    /// Empties and removes the chains of a table, all of them or none.
    fn remove_chains(
        &mut self,
        tools: Tools,
        place: Place,
        host: &mut Host<'_>,
    ) -> Result<(), CallError> {
        let saved = tools.save(host, place.table())?;
        let there: BTreeSet<&str> = tools::chains(&saved).collect();
        let fixed = place.fixed_chains(tools.version).iter().filter(|c| there.contains(**c));
        // A map decides about the order of these in kube-proxy; here it is that of names.
        let of_services =
            there.iter().filter(|c| place.has_services() && names::is_of_a_service(c));
        let mut table = Table::default();
        for chain in fixed.chain(of_services) {
            table.chain(chain);
            table.remove(chain);
        }
        let mut text = String::new();
        table.write(place.table(), &mut text);
        let restored = host.must_run(&tools.restore(&["-T", place.table()]), &text);
        self.restores.push(text);
        self.note(restored.map(drop))
    }
}

/// Removes a rule of a built-in chain if it is there.
fn remove_jump(tools: Tools, jump: &Jump, host: &mut Host<'_>) -> Result<(), CallError> {
    let rule = jump.rule();
    let call = |what| tools.iptables(&[&[what, jump.from, "-t", jump.table], &rule[..]].concat());
    let check = call("-C");
    let outcome = host.run(&check, "")?;
    match outcome.status {
        0 => host.must_run(&call("-D"), "").map(drop),
        1 => Ok(()),
        // Where the chain it leads to is gone, the rule cannot even be asked for.
        _ if tools::is_about_nothing(&outcome.stderr) => Ok(()),
        status => Err(CallError::Failed(check.join(" "), status, outcome.stderr)),
    }
}

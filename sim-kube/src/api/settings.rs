//! What an API server is told when it starts.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net};
use sim_core::family::AddressFamily;

use super::version::Version;

/// How many addresses a range has at least.
const MIN_ADDRESSES: u32 = 3;

/// The settings of an API server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Which Kubernetes it is.
    pub version: Version,
    /// The addresses of Services (`--service-cluster-ip-range`): one range, or one of each family.
    pub service_cidrs: Vec<IpNet>,
    /// The ports of nodes that Services may have (`--service-node-port-range`).
    pub node_ports: RangeInclusive<u16>,
    /// The port that the API server listens on (`--secure-port`).
    pub secure_port: u16,
    /// What decides which addresses, ports and names are drawn.
    pub seed: u64,
}

impl Default for Settings {
    /// As kubeadm sets it.
    fn default() -> Self {
        Self {
            version: Version::default(),
            service_cidrs: vec![IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12))],
            node_ports: 30_000..=32_767,
            secure_port: 6443,
            seed: 0,
        }
    }
}

/// Settings that no API server starts with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// There is no range for Services, or there are more than two.
    #[error("there have to be one or two ranges of Service addresses, not {0}")]
    ServiceCidrs(usize),
    /// Both are of one family.
    #[error("the ranges of Service addresses {0} and {1} are of one family")]
    SameFamily(IpNet, IpNet),
    /// A range has too few addresses.
    #[error("the range of Service addresses {0} is too small")]
    TooSmall(IpNet),
    /// There are no ports.
    #[error("the range of node ports {0}-{1} is empty")]
    NoPorts(u16, u16),
}

impl Settings {
    /// # Errors
    /// When no API server would start with them.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        match self.service_cidrs.as_slice() {
            [_] => {}
            [first, second] if family(*first) != family(*second) => {}
            [first, second] => return Err(SettingsError::SameFamily(*first, *second)),
            other => return Err(SettingsError::ServiceCidrs(other.len())),
        }
        for net in &self.service_cidrs {
            let bits = u32::from(net.max_prefix_len() - net.prefix_len());
            if 1_u32.checked_shl(bits).is_some_and(|size| size <= MIN_ADDRESSES) {
                return Err(SettingsError::TooSmall(*net));
            }
        }
        if self.node_ports.is_empty() || *self.node_ports.start() == 0 {
            return Err(SettingsError::NoPorts(*self.node_ports.start(), *self.node_ports.end()));
        }
        Ok(())
    }

    /// The families of Services' addresses, the one that is meant without a word first.
    pub(super) fn families(&self) -> impl Iterator<Item = AddressFamily> {
        self.service_cidrs.iter().map(|net| family(*net))
    }
}

/// The family of a range.
pub(super) fn family(net: IpNet) -> AddressFamily {
    AddressFamily::of(net.addr())
}

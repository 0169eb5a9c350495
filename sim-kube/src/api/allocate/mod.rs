//! The addresses and ports of Services: which are taken, and which are drawn.
//!
//! The upper part of a range is for what is drawn, and the lower one for what people choose, until the upper one is
//! full (KEP-3070, KEP-3668).

mod address;
mod port;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::ServiceSpec;
use sim_core::family::AddressFamily;
use sim_core::rng::SimRng;

use super::checks::{address::parse, address::parse_range, list};
use super::settings::{Settings, family};
use super::version::Version;
use crate::object::Store;

/// The first address of a range that a Service may have.
pub(super) fn first_address(range: IpNet) -> Option<IpAddr> {
    address::at(range, 0)
}

/// Why an address or a port cannot be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum AllocationError {
    /// The address is in no range.
    #[error("the provided IP ({0}) is not in the valid range. The range of valid IPs is {1}")]
    AddressNotInRange(IpAddr, String),
    /// The address is in no range; since 1.33, where ranges are objects.
    #[error("the provided network does not match the current range")]
    AddressOfNoNetwork,
    /// A Service has it.
    #[error("provided IP is already allocated")]
    AddressTaken,
    /// The port is not in the range.
    #[error("provided port is not in the valid range. The range of valid ports is {}-{}", .0.start(), .0.end())]
    PortNotInRange(RangeInclusive<u16>),
    /// A Service has it.
    #[error("provided port is already allocated")]
    PortTaken,
    /// All are taken.
    #[error("range is full")]
    Full,
}

/// There is no address or port for a Service, for a reason that is no field's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what}: {why}")]
pub(super) struct NotAllocated {
    /// What was tried.
    pub(super) what: String,
    /// Why it cannot be.
    pub(super) why: AllocationError,
}

/// What an API server allocates from.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// Its settings.
    pub(super) settings: &'a Settings,
    /// Its objects.
    pub(super) store: &'a Store,
    /// What draws.
    pub(super) rng: &'a mut SimRng,
}

/// What is taken, and what draws.
#[derive(Debug)]
pub(super) struct Allocators<'a> {
    settings: &'a Settings,
    ranges: Vec<IpNet>,
    addresses: BTreeSet<IpAddr>,
    ports: BTreeSet<i32>,
    rng: &'a mut SimRng,
}

impl<'a> Allocators<'a> {
    /// Finds what the Services of a store have.
    pub(super) fn new(source: Source<'a>) -> Self {
        let Source { settings, store, rng } = source;
        let specs = || store.services.values().filter_map(|service| service.spec.as_ref());
        let addresses = specs().flat_map(|spec| list(&spec.cluster_ips)).filter_map(|ip| parse(ip));
        let ports = |spec: &ServiceSpec| -> Vec<i32> {
            let ports = list(&spec.ports).iter().filter_map(|port| port.node_port);
            ports.chain(spec.health_check_node_port).collect()
        };
        let more = store.service_cidrs.values().filter_map(|cidr| cidr.spec.as_ref());
        let more = more.flat_map(|spec| list(&spec.cidrs)).filter_map(|cidr| parse_range(cidr));
        let mut ranges = settings.service_cidrs.clone();
        for range in more {
            if !ranges.contains(&range) {
                ranges.push(range);
            }
        }
        Self {
            settings,
            ranges,
            addresses: addresses.collect(),
            ports: specs().flat_map(ports).collect(),
            rng,
        }
    }

    /// The settings of the API server.
    pub(super) const fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Takes an address.
    pub(super) fn take_address(&mut self, ip: IpAddr) -> Result<(), AllocationError> {
        let alike = self.ranges.iter().filter(|range| family(**range) == AddressFamily::of(ip));
        if !alike.clone().any(|range| address::is_in(*range, ip)) {
            if self.settings.version >= Version::V1_33 {
                return Err(AllocationError::AddressOfNoNetwork);
            }
            let ranges: Vec<String> = alike.map(IpNet::to_string).collect();
            return Err(AllocationError::AddressNotInRange(ip, ranges.join(",")));
        }
        if self.addresses.insert(ip) { Ok(()) } else { Err(AllocationError::AddressTaken) }
    }

    /// Draws an address.
    pub(super) fn next_address(&mut self, of: AddressFamily) -> Result<IpAddr, AllocationError> {
        let version = self.settings.version;
        for range in self.ranges.iter().filter(|range| family(**range) == of) {
            let stream = self.rng.stream("kube.service-ip");
            if let Some(ip) = address::next(*range, version, &self.addresses, stream) {
                self.addresses.insert(ip);
                return Ok(ip);
            }
        }
        Err(AllocationError::Full)
    }

    /// Takes a port.
    pub(super) fn take_port(&mut self, number: i32) -> Result<(), AllocationError> {
        let range = &self.settings.node_ports;
        if !u16::try_from(number).is_ok_and(|number| range.contains(&number)) {
            return Err(AllocationError::PortNotInRange(range.clone()));
        }
        if self.ports.insert(number) { Ok(()) } else { Err(AllocationError::PortTaken) }
    }

    /// Draws a port.
    pub(super) fn next_port(&mut self) -> Result<i32, AllocationError> {
        let stream = self.rng.stream("kube.node-port");
        let range = &self.settings.node_ports;
        let port = port::next(range, self.settings.version, &self.ports, stream);
        let port = port.ok_or(AllocationError::Full)?;
        self.ports.insert(port);
        Ok(port)
    }
}

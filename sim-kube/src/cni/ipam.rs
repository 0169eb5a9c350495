//! From which ranges pods get their addresses (`ipam`), before it is known on which node.

use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::{AddrParseError, Ipv4Net};

use super::host_local::{HostLocal, IpamError, Range, RangeOptions};
use super::{CniError, Node};
use crate::reading::{Fields, Mistakes};

/// A range of addresses, as an example for those who wrote something else.
const SUBNET: &str = "a range of addresses such as 10.42.1.0/24, or `{{.PodCIDR}}`";
const ADDRESS: &str = "an address such as 10.42.1.9";
const ROUTE: &str = "a range of addresses such as 0.0.0.0/0";

/// The settings of `host-local`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ipam {
    /// Of each set a pod gets an address.
    pub sets: Vec<Vec<RangeConfig>>,
    /// Where pods reach by way of the gateway, besides their own subnet (`routes`).
    pub routes: Vec<Ipv4Net>,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RangeConfig {
    /// The subnet.
    pub subnet: Subnet,
    /// What of it is given away.
    pub options: RangeOptions,
}

/// A subnet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subnet {
    /// The range of each node's pods: `{{.PodCIDR}}`, as in the templates that containerd fills in.
    OfNode,
    /// The same one on all nodes.
    Given(Ipv4Net),
}

impl FromStr for Subnet {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        if text == "{{.PodCIDR}}" { Ok(Self::OfNode) } else { text.parse().map(Self::Given) }
    }
}

impl Default for Ipam {
    /// The addresses of each node, with the way to everywhere.
    fn default() -> Self {
        let range = RangeConfig { subnet: Subnet::OfNode, options: RangeOptions::default() };
        Self { sets: vec![vec![range]], routes: vec![Ipv4Net::default()] }
    }
}

impl Ipam {
    /// The addresses of a node.
    ///
    /// # Errors
    /// When there are none, or they overlap.
    pub fn on(&self, node: &Node) -> Result<HostLocal, CniError> {
        Ok(self.host_local(node.pod_cidr)?)
    }

    fn host_local(&self, of_node: Ipv4Net) -> Result<HostLocal, IpamError> {
        let mut sets = Vec::new();
        for (number, set) in self.sets.iter().enumerate() {
            let range = |config: &RangeConfig| match config.subnet {
                Subnet::OfNode => Range::new(of_node, config.options),
                Subnet::Given(subnet) => Range::new(subnet, config.options),
            };
            let set: Result<Vec<Range>, _> = set.iter().map(range).collect();
            sets.push(set.map_err(|error| IpamError::Invalid(number, error))?);
        }
        HostLocal::new(sets)
    }

    /// Reads the `ipam` of a plugin.
    pub(super) fn read(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Self {
        fields.demand("type", "\"host-local\"", mistakes);
        fields.word("type", &["host-local"], mistakes);
        // Where it keeps what it has given away; there is no such file here.
        fields.text("dataDir", mistakes);
        fields.refuse(&["resolvConf"], mistakes);
        let mut sets: Vec<Vec<RangeConfig>> = Vec::new();
        let mut is_whole = true;
        if fields.has("subnet") {
            let range = range(&mut fields, mistakes);
            is_whole &= range.is_some();
            sets.extend(range.map(|range| vec![range]));
        }
        for set in fields.lists_of_tables("ranges", "a range", mistakes) {
            let mut ranges = Vec::new();
            for mut fields in set {
                fields.demand("subnet", "\"{{.PodCIDR}}\"", mistakes);
                let range = range(&mut fields, mistakes);
                is_whole &= range.is_some();
                ranges.extend(range);
                fields.finish(mistakes);
            }
            sets.push(ranges);
        }
        let routes = fields.tables("routes", "a route", mistakes).into_iter();
        let routes = routes.filter_map(|fields| route(fields, mistakes)).collect();
        let ipam = Self { sets, routes };
        if is_whole {
            ipam.check(&fields, mistakes);
        }
        fields.finish(mistakes);
        ipam
    }

    /// Takes down what is wrong with the ranges, as far as it is not the node that decides.
    fn check(&self, fields: &Fields<'_, '_>, mistakes: &mut Mistakes) {
        let given = |config: &RangeConfig| config.subnet != Subnet::OfNode;
        if !self.sets.iter().flatten().all(given) {
            return;
        }
        if let Err(error) = self.host_local(Ipv4Net::default()) {
            mistakes.add(fields.span(), error.to_string());
        }
    }
}

fn range(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<RangeConfig> {
    let subnet = fields.parsed::<Subnet>("subnet", SUBNET, mistakes);
    let mut address = |key| {
        let address = fields.parsed::<Ipv4Addr>(key, ADDRESS, mistakes);
        address.map(|address| address.value)
    };
    let options = RangeOptions {
        start: address("rangeStart"),
        end: address("rangeEnd"),
        gateway: address("gateway"),
    };
    Some(RangeConfig { subnet: subnet?.value, options })
}

fn route(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Ipv4Net> {
    fields.demand("dst", "\"0.0.0.0/0\"", mistakes);
    let dst = fields.parsed::<Ipv4Net>("dst", ROUTE, mistakes);
    fields.refuse(&["gw", "mtu", "advmss", "priority", "table", "scope"], mistakes);
    fields.finish(mistakes);
    Some(dst?.value)
}

//! `host-local`: addresses from ranges that belong to the node alone.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The longest prefix of a subnet in which there is an address to give away.
const MAX_PREFIX_LEN: u8 = 30;

/// A range of addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Range {
    subnet: Ipv4Net,
    start: Ipv4Addr,
    end: Ipv4Addr,
    gateway: Ipv4Addr,
}

/// What of a range is not what it is by itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RangeOptions {
    /// The first address (`rangeStart`); by default the subnet's first.
    pub start: Option<Ipv4Addr>,
    /// The last address (`rangeEnd`); by default the one before the subnet's broadcast address.
    pub end: Option<Ipv4Addr>,
    /// The address that routes, which is given to nobody; by default the subnet's first.
    pub gateway: Option<Ipv4Addr>,
}

/// No address can be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IpamError {
    /// There are no ranges.
    #[error("no IP ranges specified")]
    NoRanges,
    /// A set of ranges is wrong.
    #[error("invalid range set {0}: {1}")]
    Invalid(usize, RangeError),
    /// Two sets have an address in common.
    #[error("range set {0} overlaps with {1}")]
    SetsOverlap(usize, usize),
    /// The container has an address of a set already.
    #[error(
        "failed to allocate for range {set}: {address} has been allocated to {container}, duplicate allocation is not allowed"
    )]
    Duplicate {
        /// The set's number.
        set: usize,
        /// The address.
        address: Ipv4Addr,
        /// The container.
        container: String,
    },
    /// All addresses of a set are taken.
    #[error("failed to allocate for range {0}: no IP addresses available in range set: {1}")]
    Exhausted(usize, String),
}

/// What is wrong with a range.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RangeError {
    /// There is none.
    #[error("empty range set")]
    Empty,
    /// The subnet has no address to give away.
    #[error("Network {0} too small to allocate from")]
    TooSmall(Ipv4Net),
    /// The subnet is written as the address of a host.
    #[error(
        "Network has host bits set. For a subnet mask of length {0} the network address is {1}"
    )]
    HostBits(u8, Ipv4Addr),
    /// The first address is elsewhere.
    #[error("RangeStart {0} not in network {1}")]
    Start(Ipv4Addr, Ipv4Net),
    /// The last address is elsewhere, or before the first.
    #[error("RangeEnd {0} not in network {1}")]
    End(Ipv4Addr, Ipv4Net),
    /// Two ranges of a set have an address in common.
    #[error("subnets {0} and {1} overlap")]
    Overlap(Range, Range),
}

impl Range {
    /// Makes the range of a subnet's addresses.
    ///
    /// # Errors
    /// When it would not be one.
    pub fn new(subnet: Ipv4Net, options: RangeOptions) -> Result<Self, RangeError> {
        if subnet.prefix_len() > MAX_PREFIX_LEN {
            return Err(RangeError::TooSmall(subnet));
        }
        if subnet.addr() != subnet.network() {
            return Err(RangeError::HostBits(subnet.prefix_len(), subnet.network()));
        }
        let first = next(subnet.network());
        let last = Ipv4Addr::from_bits(subnet.broadcast().to_bits() - 1);
        let range = Self {
            subnet,
            start: options.start.unwrap_or(first),
            end: options.end.unwrap_or(last),
            gateway: options.gateway.unwrap_or(first),
        };
        if !subnet.contains(&range.start) {
            return Err(RangeError::Start(range.start, subnet));
        }
        if !subnet.contains(&range.end) || range.end < range.start {
            return Err(RangeError::End(range.end, subnet));
        }
        Ok(range)
    }

    fn contains(&self, address: Ipv4Addr) -> bool {
        (self.start..=self.end).contains(&address)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

/// An address for a container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IpConfig {
    /// The address, in its subnet.
    pub address: Ipv4Net,
    /// Who routes.
    pub gateway: Ipv4Addr,
}

/// A node's addresses, and who has them (`/var/lib/cni/networks`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostLocal {
    /// Of each set a container gets an address.
    sets: Vec<Vec<Range>>,
    reserved: BTreeMap<Ipv4Addr, String>,
    /// The address of each set that was given away last.
    last: BTreeMap<usize, Ipv4Addr>,
}

impl HostLocal {
    /// Makes a node's addresses: of each set of ranges a container gets one.
    ///
    /// # Errors
    /// When there are none, or they overlap.
    pub fn new(sets: Vec<Vec<Range>>) -> Result<Self, IpamError> {
        if sets.is_empty() {
            return Err(IpamError::NoRanges);
        }
        for (number, set) in sets.iter().enumerate() {
            if set.is_empty() {
                return Err(IpamError::Invalid(number, RangeError::Empty));
            }
            if let Some((a, b)) = pairs(set).find(|(a, b)| a.overlaps(b)) {
                return Err(IpamError::Invalid(number, RangeError::Overlap(*a, *b)));
            }
        }
        let numbered: Vec<_> = sets.iter().enumerate().collect();
        let overlap = |a: &[Range], b: &[Range]| a.iter().any(|a| b.iter().any(|b| a.overlaps(b)));
        if let Some(((a, _), (b, _))) = pairs(&numbered).find(|((_, a), (_, b))| overlap(a, b)) {
            return Err(IpamError::SetsOverlap(*a, *b));
        }
        Ok(Self { sets, reserved: BTreeMap::new(), last: BTreeMap::new() })
    }

    /// The addresses of one subnet.
    ///
    /// # Errors
    /// When the subnet has none to give away.
    pub fn subnet(subnet: Ipv4Net) -> Result<Self, IpamError> {
        let range = Range::new(subnet, RangeOptions::default());
        Self::new(vec![vec![range.map_err(|error| IpamError::Invalid(0, error))?]])
    }

    /// Gives a container its addresses.
    ///
    /// # Errors
    /// When it has some, or none is left. Then it has none.
    pub fn add(&mut self, container: &str) -> Result<Vec<IpConfig>, IpamError> {
        let mut configs = Vec::new();
        for number in 0..self.sets.len() {
            match self.allocate(number, container) {
                Ok(config) => configs.push(config),
                Err(error) => {
                    // What other sets gave is given back, by the container's name.
                    if !configs.is_empty() {
                        self.del(container);
                    }
                    return Err(error);
                }
            }
        }
        Ok(configs)
    }

    /// Takes a container's addresses back.
    pub fn del(&mut self, container: &str) {
        self.reserved.retain(|_, holder| holder != container);
    }

    /// The addresses that containers have, and which container has it.
    pub fn reserved(&self) -> impl Iterator<Item = (Ipv4Addr, &str)> {
        self.reserved.iter().map(|(address, holder)| (*address, holder.as_str()))
    }

    fn allocate(&mut self, number: usize, container: &str) -> Result<IpConfig, IpamError> {
        let set = &self.sets[number];
        let of_set = |address: Ipv4Addr| set.iter().position(|range| range.contains(address));
        let held = self.reserved.iter().filter(|(_, holder)| *holder == container);
        if let Some((address, _)) = held.into_iter().find(|(a, _)| of_set(**a).is_some()) {
            let container = container.to_owned();
            return Err(IpamError::Duplicate { set: number, address: *address, container });
        }
        let last = self.last.get(&number).copied();
        let last = last.and_then(|address| Some((of_set(address)?, address)));
        let is_free = |address: &Ipv4Addr| !self.reserved.contains_key(address);
        let found = Walk::new(set, last)
            .find(|(range, address)| *address != set[*range].gateway && is_free(address));
        let Some((range, address)) = found else {
            let ranges: Vec<String> = set.iter().map(Range::to_string).collect();
            return Err(IpamError::Exhausted(number, ranges.join(",")));
        };
        let Range { subnet, gateway, .. } = set[range];
        self.reserved.insert(address, container.to_owned());
        self.last.insert(number, address);
        let address = Ipv4Net::new(address, subnet.prefix_len());
        Ok(IpConfig { address: address.expect("the length is a subnet's"), gateway })
    }
}

/// All addresses of a set, from the one after the last on, once around.
struct Walk<'a> {
    set: &'a [Range],
    next: (usize, Ipv4Addr),
    /// Where it started, once it has.
    start: Option<(usize, Ipv4Addr)>,
}

impl<'a> Walk<'a> {
    fn new(set: &'a [Range], last: Option<(usize, Ipv4Addr)>) -> Self {
        let next = match last {
            Some((range, address)) => Self::after(set, range, address),
            None => (0, set[0].start),
        };
        Self { set, next, start: None }
    }

    fn after(set: &[Range], range: usize, address: Ipv4Addr) -> (usize, Ipv4Addr) {
        if address == set[range].end {
            let range = (range + 1) % set.len();
            (range, set[range].start)
        } else {
            (range, next(address))
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = (usize, Ipv4Addr);

    fn next(&mut self) -> Option<Self::Item> {
        let here = self.next;
        if self.start == Some(here) {
            return None;
        }
        self.start.get_or_insert(here);
        self.next = Self::after(self.set, here.0, here.1);
        Some(here)
    }
}

/// The address behind one that is not the last of all.
fn next(address: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits().wrapping_add(1))
}

/// Each two of `items`.
fn pairs<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    items.iter().enumerate().flat_map(|(i, a)| items[i + 1..].iter().map(move |b| (a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_local(subnet: &str) -> HostLocal {
        HostLocal::subnet(subnet.parse().unwrap()).unwrap()
    }

    fn range(subnet: &str, start: Option<&str>, end: Option<&str>) -> Result<Range, RangeError> {
        let ip = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let options = RangeOptions { start: ip(start), end: ip(end), gateway: None };
        Range::new(subnet.parse().unwrap(), options)
    }

    fn add(ipam: &mut HostLocal, container: &str) -> String {
        match ipam.add(container) {
            Ok(configs) => {
                let texts = configs.iter().map(|c| format!("{} via {}", c.address, c.gateway));
                texts.collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_first_address_is_the_gateway_and_given_to_nobody() {
        let mut ipam = host_local("10.244.1.0/24");
        assert_eq!(add(&mut ipam, "a"), "10.244.1.2/24 via 10.244.1.1");
        assert_eq!(add(&mut ipam, "b"), "10.244.1.3/24 via 10.244.1.1");
    }

    #[test]
    fn an_address_that_was_given_back_comes_last() {
        let mut ipam = host_local("10.244.1.0/29");
        for container in ["a", "b", "c"] {
            ipam.add(container).unwrap();
        }
        ipam.del("b");
        ipam.del("c");
        let given: Vec<String> = ["d", "e", "f", "g"].map(|c| add(&mut ipam, c)).into();
        assert_eq!(
            given,
            [
                "10.244.1.5/29 via 10.244.1.1",
                "10.244.1.6/29 via 10.244.1.1",
                "10.244.1.3/29 via 10.244.1.1",
                "10.244.1.4/29 via 10.244.1.1",
            ]
        );
        assert_eq!(
            add(&mut ipam, "h"),
            "failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.6"
        );
    }

    #[test]
    fn a_subnet_of_24_bits_has_253_addresses() {
        let mut ipam = host_local("10.244.1.0/24");
        let given = (0..).take_while(|n| ipam.add(&n.to_string()).is_ok()).count();
        assert_eq!(given, 253);
        assert_eq!(
            add(&mut ipam, "x"),
            "failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.254"
        );
    }

    #[test]
    fn a_container_gets_no_second_address() {
        let mut ipam = host_local("10.244.1.0/24");
        ipam.add("a").unwrap();
        assert_eq!(
            add(&mut ipam, "a"),
            "failed to allocate for range 0: 10.244.1.2 has been allocated to a, duplicate allocation is not allowed"
        );
        assert_eq!(ipam.reserved().collect::<Vec<_>>(), [("10.244.1.2".parse().unwrap(), "a")]);
    }

    #[test]
    fn the_ranges_of_a_set_are_used_one_after_the_other_and_of_each_set_an_address() {
        let first = range("10.1.0.0/24", Some("10.1.0.5"), Some("10.1.0.6")).unwrap();
        let second = range("10.2.0.0/24", Some("10.2.0.254"), None).unwrap();
        let other = range("10.3.0.0/30", None, None).unwrap();
        let mut ipam = HostLocal::new(vec![vec![first, second], vec![other]]).unwrap();
        assert_eq!(add(&mut ipam, "a"), "10.1.0.5/24 via 10.1.0.1, 10.3.0.2/30 via 10.3.0.1");
        assert_eq!(
            add(&mut ipam, "b"),
            "failed to allocate for range 1: no IP addresses available in range set: 10.3.0.1-10.3.0.2"
        );
        // The address of the first range was given back, but counts as the last one.
        ipam.del("a");
        assert_eq!(add(&mut ipam, "c"), "10.2.0.254/24 via 10.2.0.1, 10.3.0.2/30 via 10.3.0.1");
        ipam.del("c");
        assert_eq!(add(&mut ipam, "d"), "10.1.0.5/24 via 10.1.0.1, 10.3.0.2/30 via 10.3.0.1");
    }

    #[test]
    fn ranges_that_are_none_are_refused() {
        let refused = |range: Result<Range, RangeError>| range.unwrap_err().to_string();
        assert_eq!(
            refused(range("10.0.0.0/31", None, None)),
            "Network 10.0.0.0/31 too small to allocate from"
        );
        assert_eq!(
            refused(range("10.0.0.9/24", None, None)),
            "Network has host bits set. For a subnet mask of length 24 the network address is 10.0.0.0"
        );
        assert_eq!(
            refused(range("10.0.0.0/24", Some("10.0.1.2"), None)),
            "RangeStart 10.0.1.2 not in network 10.0.0.0/24"
        );
        assert_eq!(
            refused(range("10.0.0.0/24", Some("10.0.0.9"), Some("10.0.0.8"))),
            "RangeEnd 10.0.0.8 not in network 10.0.0.0/24"
        );
        let whole = range("10.0.0.0/24", None, None).unwrap();
        let part = range("10.0.0.0/24", Some("10.0.0.9"), Some("10.0.0.9")).unwrap();
        assert_eq!(
            HostLocal::new(vec![vec![whole, part]]).unwrap_err().to_string(),
            "invalid range set 0: subnets 10.0.0.1-10.0.0.254 and 10.0.0.9-10.0.0.9 overlap"
        );
        assert_eq!(
            HostLocal::new(vec![vec![part], vec![whole]]).unwrap_err().to_string(),
            "range set 0 overlaps with 1"
        );
    }
}

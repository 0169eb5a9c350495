//! Address families: what routing and neighbour tables are generic over.
//!
//! Tables know their family as a type, so that a lookup on the packet path does not branch on it;
//! requests and printing use [`std::net::IpAddr`] and [`ipnet::IpNet`].

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An address family of the Internet protocols.
pub trait Family: Clone + Copy + fmt::Debug + Default + Eq + Ord + 'static {
    /// An address.
    type Addr: Copy + fmt::Debug + fmt::Display + Eq + Hash + Into<IpAddr> + Ord;
    /// A prefix; tables hold it with its host bits cleared.
    type Net: Copy + fmt::Debug + fmt::Display + Eq + Hash + Into<IpNet> + Ord + prefix_trie::Prefix;

    /// Which family this is.
    const FAMILY: AddressFamily;
    /// The all-zero address.
    const UNSPECIFIED: Self::Addr;
    /// The prefix that holds every address.
    const ALL: Self::Net;
    /// The number of bits in an address.
    const BITS: u8;

    /// The address, if it is of this family.
    fn addr(addr: IpAddr) -> Option<Self::Addr>;
    /// The prefix with its host bits cleared, if it is of this family.
    fn net(net: IpNet) -> Option<Self::Net>;
    /// The prefix as it is written, if it is of this family: policy rules keep host bits.
    fn written(net: IpNet) -> Option<Self::Net>;
    /// The prefix that holds only `addr`.
    fn host(addr: Self::Addr) -> Self::Net;
    /// Whether `net` holds `addr`.
    fn contains(net: &Self::Net, addr: Self::Addr) -> bool;
    /// How many leading bits `net` fixes.
    fn prefix_len(net: &Self::Net) -> u8;
    /// The first address of `net`.
    fn base(net: &Self::Net) -> Self::Addr;
}

/// `AF_INET` or `AF_INET6`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AddressFamily {
    /// IPv4, `AF_INET`.
    Inet,
    /// IPv6, `AF_INET6`.
    Inet6,
}

impl AddressFamily {
    /// The family of `addr`.
    #[must_use]
    pub fn of(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(_) => Self::Inet,
            IpAddr::V6(_) => Self::Inet6,
        }
    }
}

/// IPv4.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct V4;

/// IPv6.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct V6;

/// Writes the two implementations, which differ in names alone.
macro_rules! impl_family {
    ($family:ident, $af:ident, $addr:ident, $net:ident, $variant:ident, $bits:literal) => {
        impl Family for $family {
            type Addr = $addr;
            type Net = $net;

            const FAMILY: AddressFamily = AddressFamily::$af;
            const UNSPECIFIED: $addr = $addr::UNSPECIFIED;
            const ALL: $net = $net::new_assert($addr::UNSPECIFIED, 0);
            const BITS: u8 = $bits;

            fn addr(addr: IpAddr) -> Option<$addr> {
                if let IpAddr::$variant(a) = addr { Some(a) } else { None }
            }

            fn net(net: IpNet) -> Option<$net> {
                if let IpNet::$variant(n) = net { Some(n.trunc()) } else { None }
            }

            fn written(net: IpNet) -> Option<$net> {
                if let IpNet::$variant(n) = net { Some(n) } else { None }
            }

            fn host(addr: $addr) -> $net {
                $net::new_assert(addr, $bits)
            }

            fn contains(net: &$net, addr: $addr) -> bool {
                net.contains(&addr)
            }

            fn prefix_len(net: &$net) -> u8 {
                net.prefix_len()
            }

            fn base(net: &$net) -> $addr {
                net.network()
            }
        }
    };
}

impl_family!(V4, Inet, Ipv4Addr, Ipv4Net, V4, 32);
impl_family!(V6, Inet6, Ipv6Addr, Ipv6Net, V6, 128);

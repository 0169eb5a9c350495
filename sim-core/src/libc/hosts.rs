//! Names of hosts and networks, where there is no server to ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::inet_aton;
use crate::family::AddressFamily;

/// Why a host was not found; prints as `gai_strerror(3)` does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LookupError {
    /// It is an address of another family (`EAI_ADDRFAMILY`).
    #[error("Address family for hostname not supported")]
    Family,
    /// Nothing can be called so (`EAI_NONAME`).
    #[error("Name or service not known")]
    NoName,
    /// Nobody answers (`EAI_AGAIN`).
    #[error("Temporary failure in name resolution")]
    Again,
}

/// `/etc/networks`.
const NETWORKS: &[(&str, Ipv4Addr)] = &[
    ("default", Ipv4Addr::new(0, 0, 0, 0)),
    ("loopback", Ipv4Addr::new(127, 0, 0, 0)),
    ("link-local", Ipv4Addr::new(169, 254, 0, 0)),
];

/// An address of `family` in any of its forms.
pub fn numeric(text: &str, family: AddressFamily) -> Option<IpAddr> {
    match family {
        AddressFamily::Inet => inet_aton(text).map(IpAddr::V4),
        AddressFamily::Inet6 => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
    }
}

/// The address of a host of `family` (`getaddrinfo(3)`).
pub fn host(name: &str, family: AddressFamily) -> Result<IpAddr, LookupError> {
    let other = match family {
        AddressFamily::Inet => AddressFamily::Inet6,
        AddressFamily::Inet6 => AddressFamily::Inet,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let has_empty_part = name.starts_with('.') || name.contains("..");
    // What looks like an IPv4 address and is none is looked for nowhere.
    let is_like_address = family == AddressFamily::Inet
        && name.ends_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match numeric(name, family) {
        Some(addr) => Ok(addr),
        None if numeric(name, other).is_some() => Err(LookupError::Family),
        None if name == "localhost" && family == AddressFamily::Inet => {
            Ok(Ipv4Addr::LOCALHOST.into())
        }
        None if name.is_empty() || name.starts_with('-') || !name.chars().all(is_name) => {
            Err(LookupError::NoName)
        }
        None if has_empty_part || is_like_address => Err(LookupError::NoName),
        None => Err(LookupError::Again),
    }
}

/// The network called `name` (`getnetbyname(3)`).
pub fn network(name: &str) -> Option<Ipv4Addr> {
    NETWORKS.iter().find(|(n, _)| *n == name).map(|(_, addr)| *addr)
}

/// What an address is called, be it a host's or a network's (`getnameinfo(3)`, `getnetbyaddr(3)`).
pub fn name_of(addr: IpAddr) -> Option<&'static str> {
    let IpAddr::V4(addr) = addr else { return None };
    if addr == Ipv4Addr::LOCALHOST {
        return Some("localhost");
    }
    NETWORKS.iter().find(|(_, net)| *net == addr).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen with `iptables -j TEE --gateway`, and `-m recent --rsource --mask`.
    #[test]
    fn a_host_that_is_not_found_says_why() {
        let inet = |name| host(name, AddressFamily::Inet);
        assert_eq!(inet("1.2"), Ok(IpAddr::from([1, 0, 0, 2])));
        assert_eq!(inet("localhost"), Ok(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(inet("fe80::1"), Err(LookupError::Family));
        assert_eq!(inet(""), Err(LookupError::NoName));
        assert_eq!(inet("a/b"), Err(LookupError::NoName));
        assert_eq!(inet("nohost"), Err(LookupError::Again));
        assert_eq!(inet("99999999999"), Err(LookupError::NoName));
        assert_eq!(inet("256.1.1.1"), Err(LookupError::NoName));
        assert_eq!(inet("12."), Err(LookupError::Again));
        assert_eq!(inet(".1"), Err(LookupError::NoName));
        assert_eq!(host("99999999999", AddressFamily::Inet6), Err(LookupError::Again));
        assert_eq!(host("a..b", AddressFamily::Inet6), Err(LookupError::NoName));
        assert_eq!(host("localhost", AddressFamily::Inet6), Err(LookupError::Again));
    }
}

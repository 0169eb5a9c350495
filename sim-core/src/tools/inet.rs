//! Addresses and prefixes as iproute2 reads them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::family::AddressFamily;
use crate::libc::number;
use crate::tools::failure::{Failure, Result};

/// A prefix from a command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Prefix {
    /// The address; `None` for `default`, `any` and `all`.
    pub(crate) addr: Option<IpAddr>,
    /// The number of leading bits that count.
    pub(crate) len: u8,
    /// Whether the length was written out.
    pub(crate) specified: bool,
}

impl Prefix {
    /// The prefix as a network, host bits kept; `None` if it holds everything of any family.
    pub(crate) fn net(&self) -> Option<IpNet> {
        self.addr.and_then(|addr| IpNet::new(addr, self.len).ok())
    }
}

/// A dotted address, in which missing bytes on the right are zero and each byte may be decimal, octal
/// or hexadecimal (`get_addr_ipv4()`).
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut rest = text;
    for (i, octet) in octets.iter_mut().enumerate() {
        let (value, after) = number::strtoul(rest, 0)?;
        *octet = u8::try_from(value).ok()?;
        if after.is_empty() {
            break;
        }
        rest = after.strip_prefix('.').filter(|_| i < 3)?;
    }
    Some(octets.into())
}

/// Whether `text` stands for no address in particular.
fn is_unspecific(text: &str) -> bool {
    matches!(text, "default" | "any" | "all")
}

/// An address of `family`, or of any (`get_addr_1()`).
fn specific(text: &str, family: Option<AddressFamily>) -> Option<IpAddr> {
    if text.contains(':') {
        let wanted = family != Some(AddressFamily::Inet);
        text.parse::<Ipv6Addr>().ok().filter(|_| wanted).map(IpAddr::V6)
    } else {
        ipv4(text).filter(|_| family != Some(AddressFamily::Inet6)).map(IpAddr::V4)
    }
}

/// How iproute2 names the family it asks for.
fn family_name(family: Option<AddressFamily>) -> &'static str {
    match family {
        None => "any valid",
        Some(AddressFamily::Inet) => "inet",
        Some(AddressFamily::Inet6) => "inet6",
    }
}

/// Reads an address; `None` for `default`, `any` and `all` (`get_addr()`).
pub(crate) fn addr(text: &str, family: Option<AddressFamily>) -> Result<Option<IpAddr>> {
    if is_unspecific(text) {
        return Ok(None);
    }
    specific(text, family).map(Some).ok_or_else(|| {
        let family = family_name(family);
        let text = format!("Error: {family} address is expected rather than \"{text}\".\n");
        Failure::exits(1, text)
    })
}

/// Reads a prefix; without a slash it is a host's (`get_prefix()`).
pub(crate) fn prefix(text: &str, family: Option<AddressFamily>) -> Result<Prefix> {
    bare_prefix(text, family).ok_or_else(|| {
        let family = family_name(family);
        let text = format!("Error: {family} prefix is expected rather than \"{text}\".\n");
        Failure::exits(1, text)
    })
}

/// Reads a prefix, without an error text (`get_prefix_1()`).
fn bare_prefix(text: &str, family: Option<AddressFamily>) -> Option<Prefix> {
    let (head, mask) = match text.split_once('/') {
        Some((head, mask)) => (head, Some(mask)),
        None => (text, None),
    };
    if is_unspecific(head) {
        let specified = head == "default";
        return mask.is_none().then_some(Prefix { addr: None, len: 0, specified });
    }
    let addr = specific(head, family)?;
    let bits = if addr.is_ipv4() { 32 } else { 128 };
    let len = match mask {
        Some(mask) => mask_len(mask).filter(|len| *len <= bits)?,
        None => bits,
    };
    Some(Prefix { addr: Some(addr), len: u8::try_from(len).ok()?, specified: mask.is_some() })
}

/// The length of a mask, a number or dotted (`get_netmask()`).
fn mask_len(text: &str) -> Option<u32> {
    number::u32(text).or_else(|| {
        let mask = u32::from(ipv4(text)?);
        (mask.leading_ones() + mask.trailing_zeros() == 32).then(|| mask.leading_ones())
    })
}

/// The bytes of a link layer address, at most `room` (`ll_addr_a2n()`): hexadecimal with colons, or an
/// IPv4 address, which tunnels have for one.
pub(crate) fn lladdr(text: &str, room: usize) -> Result<Vec<u8>> {
    let invalid = |part: &str| Failure::returns(1, format!("\"{part}\" is invalid lladdr.\n"));
    if text.contains('.') {
        return ipv4(text).map(|a| a.octets().to_vec()).ok_or_else(|| invalid(text));
    }
    let mut bytes = Vec::new();
    for part in text.split(':').take(room) {
        // What follows the digits is not looked at.
        let byte = number::strtoul(part, 16).and_then(|(value, _)| u8::try_from(value).ok());
        bytes.push(byte.ok_or_else(|| invalid(part))?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_address_is_filled_up_on_the_right() {
        for (text, value) in [("10.8", "10.8.0.0"), ("0x0a.010", "10.8.0.0"), ("127", "127.0.0.0")]
        {
            assert_eq!(ipv4(text), value.parse().ok(), "{text}");
        }
        for text in ["256", "1.2.3.4.5", "1.2.3.", "", "a", "1..2"] {
            assert_eq!(ipv4(text), None, "{text}");
        }
    }

    #[test]
    fn a_mask_may_be_a_number_or_dotted() {
        for (text, len) in [("24", Some(24)), ("255.255.0.0", Some(16)), ("255.0.255.0", None)] {
            assert_eq!(mask_len(text), len, "{text}");
        }
    }

    #[test]
    fn a_wrong_prefix_is_refused_by_family() {
        let inet = Some(AddressFamily::Inet);
        let error = prefix("10.0.0.0/33", inet).unwrap_err();
        assert_eq!(error.stderr, "Error: inet prefix is expected rather than \"10.0.0.0/33\".\n");
        assert_eq!(addr("::1", inet).unwrap_err().code, 1);
        assert!(prefix("default/8", None).is_err());
    }
}

//! Addresses with masks, several with commas between them (`xtables_ipparse_multiple()`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::family::AddressFamily;
use crate::libc::hosts;
use crate::netfilter::xtables::extension::Problem;
use crate::netfilter::xtables::value::{mask_of, masked, whole_number};

/// The longest name, in bytes.
const MAX_LEN: usize = 255;

/// An address and its mask, the bits of the address outside of it cleared.
pub(super) type Masked = (IpAddr, IpAddr);

/// Reads all addresses of a word.
pub(super) fn read(word: &str, family: AddressFamily) -> Result<Vec<Masked>, Problem> {
    word.split(',').map(|text| one(text.trim_start(), family)).collect()
}

fn one(text: &str, family: AddressFamily) -> Result<Masked, Problem> {
    if text.len() > MAX_LEN {
        return Err(Problem::parameter("Hostname too long"));
    }
    let (name, mask) = match text.rsplit_once('/') {
        Some((name, mask)) => (name, read_mask(mask, family)?),
        None => (text, mask_of(u8::MAX, family)),
    };
    if mask.is_unspecified() {
        return Ok((mask, mask));
    }
    let addr = read_name(name, family)
        .ok_or_else(|| Problem::Parameter(format!("host/network `{name}' not found")))?;
    Ok((masked(addr, mask), mask))
}

fn read_name(name: &str, family: AddressFamily) -> Option<IpAddr> {
    match family {
        AddressFamily::Inet => dotted(name, false)
            .or_else(|| hosts::network(name))
            .map(IpAddr::V4)
            .or_else(|| hosts::host(name, family).ok()),
        AddressFamily::Inet6 => hosts::host(name, family).ok(),
    }
}

/// Up to four numbers with dots between them, missing ones being 0; a mask has all four.
fn dotted(text: &str, is_mask: bool) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() > 4 || is_mask && parts.len() < 4 {
        return None;
    }
    let mut octets = [0; 4];
    for (octet, part) in octets.iter_mut().zip(parts) {
        *octet = u8::try_from(whole_number(part, 0, u8::MAX.into())?).ok()?;
    }
    Some(octets.into())
}

fn read_mask(text: &str, family: AddressFamily) -> Result<IpAddr, Problem> {
    let (bits, full) = match family {
        AddressFamily::Inet => (32, dotted(text, true).map(IpAddr::V4)),
        AddressFamily::Inet6 => (128, text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)),
    };
    let len = || whole_number(text, 0, bits).and_then(|len| u8::try_from(len).ok());
    full.or_else(|| len().map(|len| mask_of(len, family)))
        .ok_or_else(|| Problem::Parameter(format!("invalid mask `{text}' specified")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(word: &str) -> Result<String, String> {
        let all = read(word, AddressFamily::Inet).map_err(|problem| problem.to_string())?;
        let texts: Vec<String> = all.iter().map(|(addr, mask)| format!("{addr}/{mask}")).collect();
        Ok(texts.join(" "))
    }

    /// Seen with `iptables -A INPUT -s ADDRESS` and `-S`.
    #[test]
    fn addresses_are_read_as_iptables_reads_them() {
        for (word, read) in [
            ("1.2.3", "1.2.3.0/255.255.255.255"),
            ("1.2.3/24", "1.2.3.0/255.255.255.0"),
            ("0x10.010.3.4", "16.8.3.4/255.255.255.255"),
            ("1.2.3.4/255.0.255.0", "1.0.3.0/255.0.255.0"),
            ("nope/0", "0.0.0.0/0.0.0.0"),
            ("localhost", "127.0.0.1/255.255.255.255"),
            ("loopback/8", "127.0.0.0/255.0.0.0"),
            ("1.2.3.4, 5.6.7.8", "1.2.3.4/255.255.255.255 5.6.7.8/255.255.255.255"),
        ] {
            assert_eq!(inet(word).as_deref(), Ok(read), "{word}");
        }
    }

    /// Seen with `iptables -A INPUT -s ADDRESS`.
    #[test]
    fn what_is_no_address_is_named() {
        for (word, text) in [
            ("1.2.3.4,nope", "host/network `nope' not found"),
            ("1.2.3.4,", "host/network `' not found"),
            ("/24", "host/network `' not found"),
            ("256.1.1.1", "host/network `256.1.1.1' not found"),
            ("::1", "host/network `::1' not found"),
            ("1.2.3.4/33", "invalid mask `33' specified"),
            ("1.2.3.4/255.0", "invalid mask `255.0' specified"),
        ] {
            assert_eq!(inet(word), Err(text.to_owned()), "{word}");
        }
    }
}

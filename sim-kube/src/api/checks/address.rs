//! Addresses and ranges.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::api::error::Errors;
use crate::path::FieldPath;

/// Reads an address; numbers may have zeros before them, as in Go before 1.17 (`ParseIPSloppy()`).
pub(in crate::api) fn parse(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| {
        let octet = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            (digits && !text.is_empty()).then(|| text.parse::<u8>().ok())?
        };
        let octets: Option<Vec<u8>> = text.split('.').map(octet).collect();
        let octets: [u8; 4] = octets?.try_into().ok()?;
        Some(Ipv4Addr::from(octets).into())
    })
}

/// Reads a range.
pub(in crate::api) fn parse_range(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    IpNet::new(parse(address)?, length.parse().ok()?).ok()
}

/// Checks an address; whether it is one that all programs read alike (`IsValidIPForLegacyField()`).
pub(in crate::api) fn check(text: &str, path: &FieldPath, errors: &mut Errors) -> bool {
    let why = match (parse(text), text.parse::<IpAddr>()) {
        (None, _) => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        (Some(_), Err(_)) => "must not have leading 0s",
        (Some(_), Ok(address)) if is_mapped(address) => "must not be an IPv4-mapped IPv6 address",
        (Some(_), Ok(_)) => return true,
    };
    errors.invalid(path, text, why);
    false
}

/// Checks an address that has to be written in the one way (`IsValidIP()`); whether it is.
pub(in crate::api) fn check_canonical(text: &str, path: &FieldPath, errors: &mut Errors) -> bool {
    if !check(text, path, errors) {
        return false;
    }
    let canonical = parse(text).map(|address| address.to_string()).unwrap_or_default();
    if canonical != text {
        errors.invalid(path, text, format!("must be in canonical form ({canonical:?})"));
    }
    canonical == text
}

/// Checks a range; whether it is one that all programs read alike (`IsValidCIDRForLegacyField()`).
pub(in crate::api) fn check_range(text: &str, path: &FieldPath, errors: &mut Errors) -> bool {
    let why = match (parse_range(text), text.parse::<IpNet>()) {
        (None, _) => "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        (Some(_), Err(_)) => "must not have leading 0s in IP or prefix length",
        (Some(_), Ok(range)) if is_mapped(range.addr()) => {
            "must not have an IPv4-mapped IPv6 address"
        }
        (Some(_), Ok(range)) if range.trunc() != range => {
            "must not have bits set beyond the prefix length"
        }
        (Some(_), Ok(_)) => return true,
    };
    errors.invalid(path, text, why);
    false
}

/// Checks a range that has to be written in the one way (`IsValidCIDR()`).
pub(in crate::api) fn check_canonical_range(text: &str, path: &FieldPath, errors: &mut Errors) {
    if !check_range(text, path, errors) {
        return;
    }
    let canonical = parse_range(text).map(|range| range.to_string()).unwrap_or_default();
    if canonical != text {
        errors.invalid(path, text, format!("must be in canonical form ({canonical:?})"));
    }
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

/// Checks that an address is none of those that mean a machine or link itself (`ValidateNonSpecialIP()`).
pub(in crate::api) fn check_not_special(text: &str, path: &FieldPath, errors: &mut Errors) {
    let Some(address) = parse(text) else {
        errors.invalid(path, text, "must be a valid IP address");
        return;
    };
    let (is_link_local, is_link_local_multicast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    if address.is_unspecified() {
        errors.invalid(path, text, format!("may not be unspecified ({text})"));
    }
    if address.is_loopback() {
        errors.invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    if is_link_local {
        let why = "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
        errors.invalid(path, text, why);
    }
    if is_link_local_multicast {
        let why = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
        errors.invalid(path, text, why);
    }
}

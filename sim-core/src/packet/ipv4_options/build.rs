//! Completing options as a packet leaves its host: `ip_options_build()`.

use core::net::Ipv4Addr;

use super::compile::IpOptions;
use crate::packet::ipv4::IPV4_HLEN;

/// Fills in what output fills in: the addresses and the time that record route and timestamp options
/// still want, and the end of the way as the last stop of a source route.
///
/// `saddr` is the packet's source, `daddr` the end of its way, `time_ms` the milliseconds since
/// midnight. Entries that do not fit stay as they are.
pub fn build(
    options: &mut [u8],
    found: &IpOptions,
    saddr: Ipv4Addr,
    daddr: Ipv4Addr,
    time_ms: u32,
) {
    if let Some(srr) = found.srr {
        put(options, srr, 1, 4, daddr.octets());
    }
    if let Some(rr) = found.rr.filter(|_| found.rr_needaddr) {
        put(options, rr, 2, 5, saddr.octets());
    }
    let Some(ts) = found.ts else { return };
    if found.ts_needaddr {
        put(options, ts, 2, 9, saddr.octets());
    }
    if found.ts_needtime {
        put(options, ts, 2, 5, time_ms.to_be_bytes());
    }
}

/// Writes `value` into the option that starts at `offset` of the header, `back` bytes before the place
/// that the option's byte `field` counts to.
fn put(options: &mut [u8], offset: u8, field: usize, back: usize, value: [u8; 4]) {
    let Some(option) = usize::from(offset).checked_sub(IPV4_HLEN) else { return };
    let end = options.get(option + field).copied().map_or(0, usize::from);
    let Some(at) = (option + end).checked_sub(back) else { return };
    if let Some(to) = options.get_mut(at..at + 4) {
        to.copy_from_slice(&value);
    }
}

//! How `ping` prints the IP options of a reply (`pr_options()`).

use std::net::Ipv4Addr;

use crate::packet::ipv4_options::Ipv4Options;

const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
/// The bit that marks a time which is not milliseconds since midnight.
const NONSTANDARD_TIME: u32 = 0x8000_0000;

/// The options as text that follows the reply's line; `last_route` is the route of the reply before.
pub(super) fn print(options: &[u8], last_route: &mut Vec<u8>) -> String {
    let mut text = String::new();
    for option in Ipv4Options::new(options) {
        match option.kind {
            RECORD_ROUTE => text += &route(option.data(), last_route),
            TIMESTAMP => text += &timestamps(option.data()),
            _ => {}
        }
    }
    text
}

/// `data` is the option from its pointer on.
fn route(data: &[u8], last_route: &mut Vec<u8>) -> String {
    let Some((pointer, slots)) = data.split_first() else { return String::new() };
    let filled = usize::from(*pointer).saturating_sub(4).min(slots.len());
    let slots = &slots[..filled / 4 * 4];
    if slots.is_empty() {
        return String::new();
    }
    if slots == last_route.as_slice() {
        return "\t(same route)".to_owned();
    }
    slots.clone_into(last_route);
    let hops: String = slots.chunks_exact(4).map(|hop| format!("\t{}\n", address(hop))).collect();
    format!("\nRR: {hops}")
}

/// `data` is the option from its pointer on: pointer, overflow and flag, slots.
fn timestamps(data: &[u8]) -> String {
    let [pointer, flags, slots @ ..] = data else { return String::new() };
    let with_addresses = flags & 0x0f != 0;
    let filled = usize::from(*pointer).saturating_sub(5).min(slots.len());
    let width = if with_addresses { 8 } else { 4 };
    let mut last: Option<u32> = None;
    let mut line = |slot: &[u8]| {
        let hop = if with_addresses { format!("\t{}", address(slot)) } else { String::new() };
        let time = slot.last_chunk().map_or(0, |t| u32::from_be_bytes(*t));
        let before = last.replace(time);
        match before {
            _ if time & NONSTANDARD_TIME != 0 => {
                format!("{hop}\t{} not-standard\n", time & !NONSTANDARD_TIME)
            }
            None => format!("{hop}\t{time} absolute\n"),
            Some(before) => format!("{hop}\t{}\n", i64::from(time) - i64::from(before)),
        }
    };
    let hops: String = slots[..filled].chunks_exact(width).map(&mut line).collect();
    match flags >> 4 {
        0 => format!("\nTS: {hops}"),
        missed => format!("\nTS: {hops}Unrecorded hops: {missed}\n"),
    }
}

fn address(bytes: &[u8]) -> Ipv4Addr {
    bytes.first_chunk::<4>().map_or(Ipv4Addr::UNSPECIFIED, |b| Ipv4Addr::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on iputils 20221126 between two namespaces.
    #[test]
    fn a_route_is_printed_once_and_then_called_the_same() {
        let mut options = vec![7, 39, 12, 10, 0, 0, 1, 10, 0, 0, 2];
        options.resize(40, 0);
        let mut last = Vec::new();
        assert_eq!(print(&options, &mut last), "\nRR: \t10.0.0.1\n\t10.0.0.2\n");
        assert_eq!(print(&options, &mut last), "\t(same route)");
    }

    #[test]
    fn the_first_time_is_absolute_and_the_others_are_differences() {
        let mut options = vec![68, 40, 13, 0];
        options.extend(59_335_165_u32.to_be_bytes());
        options.extend(59_335_165_u32.to_be_bytes());
        options.resize(40, 0);
        assert_eq!(print(&options, &mut Vec::new()), "\nTS: \t59335165 absolute\n\t0\n");
    }
}

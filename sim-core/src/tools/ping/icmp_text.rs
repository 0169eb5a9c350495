//! What `ping` calls the ICMP messages.

use std::net::Ipv4Addr;

/// The codes of destination unreachable; code 4 has the MTU behind it.
const UNREACHABLE: [&str; 16] = [
    "Destination Net Unreachable",
    "Destination Host Unreachable",
    "Destination Protocol Unreachable",
    "Destination Port Unreachable",
    "Frag needed and DF set",
    "Source Route Failed",
    "Destination Net Unknown",
    "Destination Host Unknown",
    "Source Host Isolated",
    "Destination Net Prohibited",
    "Destination Host Prohibited",
    "Destination Net Unreachable for Type of Service",
    "Destination Host Unreachable for Type of Service",
    "Packet filtered",
    "Precedence Violation",
    "Precedence Cutoff",
];

/// The codes of redirect.
const REDIRECT: [&str; 4] = [
    "Redirect Network",
    "Redirect Host",
    "Redirect Type of Service and Network",
    "Redirect Type of Service and Host",
];

/// The message of `icmp_type` and `code`; `info` is the MTU, the pointer or the gateway.
pub(super) fn describe(icmp_type: u8, code: u8, info: u32) -> String {
    match icmp_type {
        0 => "Echo Reply".to_owned(),
        3 => match (code, UNREACHABLE.get(usize::from(code))) {
            (4, Some(text)) => format!("{text} (mtu = {info})"),
            (_, Some(text)) => (*text).to_owned(),
            (_, None) => format!("Dest Unreachable, Bad Code: {code}"),
        },
        4 => "Source Quench".to_owned(),
        5 => {
            let text = match REDIRECT.get(usize::from(code)) {
                Some(text) => (*text).to_owned(),
                None => format!("Redirect, Bad Code: {code}"),
            };
            format!("{text}(New nexthop: {})", Ipv4Addr::from_bits(info))
        }
        8 => "Echo Request".to_owned(),
        11 => match code {
            0 => "Time to live exceeded".to_owned(),
            1 => "Frag reassembly time exceeded".to_owned(),
            _ => format!("Time exceeded, Bad Code: {code}"),
        },
        12 => format!("Parameter problem: pointer = {}", info >> 24),
        _ => format!("Bad ICMP type: {icmp_type}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on iputils 20221126.
    #[test]
    fn messages_have_the_real_words() {
        assert_eq!(describe(3, 1, 0), "Destination Host Unreachable");
        assert_eq!(describe(3, 4, 1000), "Frag needed and DF set (mtu = 1000)");
        assert_eq!(describe(3, 13, 0), "Packet filtered");
        assert_eq!(describe(11, 0, 0), "Time to live exceeded");
        assert_eq!(describe(5, 1, 0x0a00_0103), "Redirect Host(New nexthop: 10.0.1.3)");
    }
}

//! Describes a frame in one line, for people who look at a difference.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::rewrite::{VXLAN_PORTS, sum};

/// Describes an Ethernet frame in one line, in the manner of `tcpdump -e`.
#[must_use]
pub fn describe(frame: &[u8]) -> String {
    let Some((header, payload)) = frame.split_at_checked(14) else {
        return format!("short frame, {} bytes", frame.len());
    };
    let ethertype = word(header, 12);
    let link = format!("{} > {}", mac(&header[6..12]), mac(&header[..6]));
    let network = match ethertype {
        0x0800 => ipv4(payload),
        0x0806 => arp(payload),
        other => format!("ethertype 0x{other:04x}, {} bytes", payload.len()),
    };
    format!("{link} {network}")
}

fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn double_word(bytes: &[u8], at: usize) -> u32 {
    u32::from(word(bytes, at)) << 16 | u32::from(word(bytes, at + 2))
}

fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::from(double_word(bytes, at))
}

fn arp(payload: &[u8]) -> String {
    if payload.len() < 28 {
        return format!("ARP cut to {} bytes", payload.len());
    }
    let (sender, target) = (address(payload, 14), address(payload, 24));
    match word(payload, 6) {
        1 => format!("ARP who-has {target} tell {sender} (target {})", mac(&payload[18..24])),
        2 => format!("ARP {sender} is-at {} (to {target})", mac(&payload[8..14])),
        op => format!("ARP op {op} {sender} {target}"),
    }
}

fn ipv4(packet: &[u8]) -> String {
    if packet.len() < 20 {
        return format!("IP cut to {} bytes", packet.len());
    }
    let header = usize::from(packet[0] & 15) * 4;
    let total = usize::from(word(packet, 2));
    let fragment = word(packet, 6);
    let offset = usize::from(fragment & 0x1fff) * 8;
    let more = fragment & 0x2000 != 0;
    let stop = total.min(packet.len());
    let body = packet.get(header..stop).unwrap_or_default();
    let mut text = format!("IP {} > {}", address(packet, 12), address(packet, 16));
    if offset == 0 {
        let whole = stop == total && !more;
        text.push_str(&transport(packet, body, whole));
    } else {
        let _infallible = write!(text, " proto {}", packet[9]);
    }
    let _infallible = write!(
        text,
        ", ttl {} tos 0x{:02x} id {}{} length {total}",
        packet[8],
        packet[1],
        word(packet, 4),
        if fragment & 0x4000 != 0 { " DF" } else { "" },
    );
    if offset != 0 || more {
        let _infallible =
            write!(text, " fragment at {offset}{}", if more { ", more follow" } else { ", last" });
    }
    if header > 20 {
        let _infallible =
            write!(text, " options {}", hex(packet.get(20..header).unwrap_or_default()));
    }
    if packet.get(..header).is_some_and(|h| sum(h) != 0xffff) {
        text.push_str(" BAD IP CHECKSUM");
    }
    if stop < total {
        let _infallible = write!(text, " (only {stop} there)");
    }
    text
}

fn transport(packet: &[u8], body: &[u8], whole: bool) -> String {
    match packet[9] {
        1 if body.len() >= 8 => icmp(body, whole),
        6 if body.len() >= 20 => tcp(packet, body, whole),
        17 if body.len() >= 8 => udp(packet, body, whole),
        protocol => format!(" proto {protocol}, {} bytes", body.len()),
    }
}

/// Tells whether the checksum over the pseudo header and `body` is wrong.
fn is_bad(packet: &[u8], body: &[u8], whole: bool) -> bool {
    let Ok(length) = u16::try_from(body.len()) else { return false };
    let mut bytes = packet[12..20].to_vec();
    bytes.extend([0, packet[9]]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    whole && sum(&bytes) != 0xffff
}

fn verdict(bad: bool) -> &'static str {
    if bad { " BAD CHECKSUM" } else { "" }
}

fn udp(packet: &[u8], body: &[u8], whole: bool) -> String {
    let (sport, dport) = (word(body, 0), word(body, 2));
    let bad = word(body, 6) != 0 && is_bad(packet, body, whole);
    let mut text = format!(" UDP {sport} > {dport}{}", verdict(bad));
    if word(body, 6) == 0 {
        text.push_str(" no checksum");
    }
    if VXLAN_PORTS.contains(&dport) && body.len() > 16 {
        let _infallible = write!(
            text,
            " VXLAN flags 0x{:02x} vni {} {{{}}}",
            body[8],
            double_word(body, 12) >> 8,
            describe(&body[16..])
        );
    } else {
        let _infallible = write!(text, " data {}", hex(&body[8..]));
    }
    text
}

fn tcp(packet: &[u8], body: &[u8], whole: bool) -> String {
    let flags: String = "FSRPAUEC"
        .chars()
        .enumerate()
        .filter(|(bit, _)| body[13] >> bit & 1 != 0)
        .map(|f| f.1)
        .collect();
    let header = usize::from(body[12] >> 4) * 4;
    format!(
        " TCP {} > {} [{flags}] seq {} ack {} win {}{} options {} data {}",
        word(body, 0),
        word(body, 2),
        double_word(body, 4),
        double_word(body, 8),
        word(body, 14),
        verdict(is_bad(packet, body, whole)),
        hex(body.get(20..header).unwrap_or_default()),
        hex(body.get(header..).unwrap_or_default()),
    )
}

fn icmp(body: &[u8], whole: bool) -> String {
    let (kind, code) = (body[0], body[1]);
    let bad = verdict(whole && sum(body) != 0xffff);
    match kind {
        0 | 8 => format!(
            " ICMP echo {} id {} seq {}{bad} data {}",
            if kind == 8 { "request" } else { "reply" },
            word(body, 4),
            word(body, 6),
            hex(&body[8..])
        ),
        3 | 4 | 5 | 11 | 12 => format!(
            " ICMP type {kind} code {code} rest 0x{:08x}{bad} {{{}}}",
            double_word(body, 4),
            ipv4(&body[8..])
        ),
        _ => format!(" ICMP type {kind} code {code}{bad} data {}", hex(&body[4..])),
    }
}

/// The first bytes in hex and, where there are more, how many in all.
fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 24;
    match bytes.len() {
        0 => "-".to_owned(),
        length if length <= SHOWN => super::format::to_hex(bytes),
        length => format!("{}.. [{length}]", super::format::to_hex(&bytes[..SHOWN])),
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::from_hex;
    use super::*;

    #[test]
    fn a_datagram_reads_like_a_sentence() {
        let frame = from_hex("02000000010102000000010208004500002000014000401123680a0001020a00026313880035000cf5e370696e67").unwrap();
        assert_eq!(
            describe(&frame),
            "02:00:00:00:01:02 > 02:00:00:00:01:01 IP 10.0.1.2 > 10.0.2.99 UDP 5000 > 53 data 70696e67, \
             ttl 64 tos 0x00 id 1 DF length 32"
        );
    }

    #[test]
    fn every_cut_of_a_frame_can_be_described() {
        let frame = from_hex("0200000001020200000001010800450000380000000040010000\
            0a0001010a00010203010000000000004500002000014000401123680a0001020a00026313880035000cf5e3")
        .unwrap();
        for length in 0..frame.len() {
            assert!(!describe(&frame[..length]).is_empty());
        }
    }
}

//! Builds frames from their fields, right or wrong as asked. Shares no code with the packet model.

use std::net::Ipv4Addr;

pub(super) type Mac = [u8; 6];

pub(super) const BROADCAST: Mac = [0xff; 6];
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const SCTP: u8 = 132;

/// The address of the station that has `ip`, as all cases have it: `02:00:00:00:<byte 3>:<byte 4>`.
pub(super) fn station(ip: Ipv4Addr) -> Mac {
    let [_, _, third, fourth] = ip.octets();
    [2, 0, 0, 0, third, fourth]
}

pub(super) fn show_mac(mac: Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// The Internet checksum of `bytes` (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let [_, _, high, low] = (!sum).to_be_bytes();
    [high, low]
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

pub(super) fn ethernet(to: Mac, from: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from[..], &ethertype.to_be_bytes()[..], payload].concat()
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arp {
    pub(super) op: u16,
    pub(super) sender: (Mac, Ipv4Addr),
    pub(super) target: (Mac, Ipv4Addr),
}

impl Arp {
    pub(super) fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0, 1, 8, 0, 6, 4];
        bytes.extend(self.op.to_be_bytes());
        for (mac, ip) in [self.sender, self.target] {
            bytes.extend(mac);
            bytes.extend(ip.octets());
        }
        bytes
    }
}

/// An IPv4 header.
#[derive(Debug, Clone)]
pub(super) struct Ipv4 {
    pub(super) src: Ipv4Addr,
    pub(super) dst: Ipv4Addr,
    pub(super) protocol: u8,
    pub(super) id: u16,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) df: bool,
    /// In bytes, a multiple of 8.
    pub(super) offset: u16,
    pub(super) more: bool,
    /// A multiple of 4 bytes.
    pub(super) options: Vec<u8>,
}

impl Ipv4 {
    pub(super) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let header = 20 + self.options.len();
        let words = u8::try_from(header / 4).unwrap_or(15);
        let mut bytes = vec![0x40 | words, self.tos];
        bytes.extend(length(header + payload.len()));
        bytes.extend(self.id.to_be_bytes());
        let flags = (u16::from(self.df) << 14) | (u16::from(self.more) << 13) | (self.offset / 8);
        bytes.extend(flags.to_be_bytes());
        bytes.extend([self.ttl, self.protocol, 0, 0]);
        bytes.extend(self.src.octets());
        bytes.extend(self.dst.octets());
        bytes.extend(&self.options);
        let sum = checksum(&bytes);
        bytes[10..12].copy_from_slice(&sum);
        bytes.extend(payload);
        bytes
    }

    /// The checksum of a UDP or TCP segment carried by this header.
    fn segment_checksum(&self, segment: &[u8]) -> [u8; 2] {
        let mut bytes = self.src.octets().to_vec();
        bytes.extend(self.dst.octets());
        bytes.extend([0, self.protocol]);
        bytes.extend(length(segment.len()));
        bytes.extend(segment);
        checksum(&bytes)
    }

    pub(super) fn udp(&self, sport: u16, dport: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
        bytes.extend(length(8 + data.len()));
        bytes.extend([0, 0]);
        bytes.extend(data);
        let sum = match self.segment_checksum(&bytes) {
            [0, 0] => [0xff, 0xff],
            sum => sum,
        };
        bytes[6..8].copy_from_slice(&sum);
        bytes
    }

    pub(super) fn tcp(&self, segment: &Tcp) -> Vec<u8> {
        let mut bytes = [segment.sport.to_be_bytes(), segment.dport.to_be_bytes()].concat();
        bytes.extend(segment.seq.to_be_bytes());
        bytes.extend(segment.ack.to_be_bytes());
        let words = u8::try_from(5 + segment.options.len() / 4).unwrap_or(15);
        bytes.extend([words << 4, segment.flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        bytes.extend(&segment.options);
        bytes.extend(&segment.data);
        let sum = self.segment_checksum(&bytes);
        bytes[16..18].copy_from_slice(&sum);
        bytes
    }
}

/// A TCP segment.
#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) sport: u16,
    pub(super) dport: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    /// A multiple of 4 bytes.
    pub(super) options: Vec<u8>,
    pub(super) data: Vec<u8>,
}

pub(super) fn icmp(kind: u8, code: u8, rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(rest);
    bytes.extend(data);
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum);
    bytes
}

pub(super) fn echo(id: u16, seq: u16, data: &[u8]) -> Vec<u8> {
    let [a, b] = id.to_be_bytes();
    let [c, d] = seq.to_be_bytes();
    icmp(8, 0, [a, b, c, d], data)
}

/// An SCTP packet of chunks, each with its type, flags and value (RFC 9260).
#[must_use]
pub fn sctp(sport: u16, dport: u16, tag: u32, chunks: &[(u8, u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    bytes.extend(tag.to_be_bytes());
    bytes.extend([0; 4]);
    for (kind, flags, value) in chunks {
        bytes.extend([*kind, *flags]);
        bytes.extend(length(4 + value.len()));
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let crc = crc32c(&bytes);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn crc32c(bytes: &[u8]) -> u32 {
    const CASTAGNOLI_REVERSED: u32 = 0x82f6_3b78;
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { CASTAGNOLI_REVERSED } else { 0 }
        })
    });
    !crc
}

pub(super) fn vxlan(vni: u32, frame: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = vni.to_be_bytes();
    [&[8, 0, 0, 0, a, b, c, 0][..], frame].concat()
}

//! Packets in the words of the kernel's log (`net/netfilter/nf_log_syslog.c`).

use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::packet::Seen;
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::icmp::unreach;
use crate::packet::ipv4::{IP_DF, IP_MF, IP_OFFSET, IPV4_HLEN};
use crate::packet::tcp::TCP_HLEN;
use crate::packet::{IcmpType, IpProto, MacAddr, TcpFlags};

/// What is told beside the usual (`NF_LOG_*`), with Linux' numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Details(pub u8);

impl Details {
    /// Sequence numbers of TCP.
    pub const TCP_SEQ: Self = Self(0x01);
    /// Options of TCP.
    pub const TCP_OPT: Self = Self(0x02);
    /// Options of IP.
    pub const IP_OPT: Self = Self(0x04);
    /// Whose socket sent the packet.
    pub const UID: Self = Self(0x08);
    /// The link header in words.
    pub const MAC_DECODE: Self = Self(0x20);
    /// What traces tell (`NF_LOG_DEFAULT_MASK`).
    pub const DEFAULT: Self = Self(0x0f);

    /// Whether all of `other` is told.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The flag in an IP header that nobody may set (`IP_CE`).
const IP_CE: u16 = 0x8000;
/// The bits of the type of service that are no precedence (`IPTOS_TOS_MASK`).
const TOS_MASK: u8 = 0x1e;
/// The precedence (`IPTOS_PREC_MASK`).
const PREC_MASK: u8 = 0xe0;

/// A text that grows.
struct Line(String);

impl Line {
    fn put(&mut self, words: fmt::Arguments<'_>) {
        self.0.write_fmt(words).expect("a string takes everything");
    }

    /// Bytes as pairs of digits.
    fn hex(&mut self, bytes: &[u8]) {
        self.0.push_str("OPT (");
        for byte in bytes {
            self.put(format_args!("{byte:02X}"));
        }
        self.0.push_str(") ");
    }
}

/// The line that the kernel writes about the packet at its hook, behind `prefix` (`nf_log_ip_packet()`).
#[must_use]
pub fn line(k: &Kernel, f: &Flight, seen: &Seen, details: Details, prefix: &str) -> String {
    let name =
        |dev: Option<DevId>| dev.and_then(|dev| k.devs.get(dev)).map(|dev| dev.name.to_string());
    let mut line = Line(prefix.to_owned());
    let (iif, oif) = (name(seen.iif).unwrap_or_default(), name(seen.oif).unwrap_or_default());
    line.put(format_args!("IN={iif} OUT={oif} "));
    if let Some(port) = name(seen.physin.filter(|_| seen.physin != seen.iif)) {
        line.put(format_args!("PHYSIN={port} "));
    }
    if let Some(port) = name(seen.physout.filter(|_| seen.physout != seen.oif)) {
        line.put(format_args!("PHYSOUT={port} "));
    }
    if seen.iif.is_some() {
        link_header(&mut line, k, f, details);
    }
    ipv4(&mut line, f, f.skb.network_header(), details, Depth::Packet);
    line.0
}

/// Tells the link header (`dump_mac_header()`).
fn link_header(line: &mut Line, k: &Kernel, f: &Flight, details: Details) {
    let dev = k.devs.get(f.dev);
    let header = dev.filter(|dev| dev.has_ethernet_header()).and_then(|_| {
        f.skb.mac_header().first_chunk::<ETH_HLEN>().filter(|_| f.skb.mac_header_was_set())
    });
    if details.has(Details::MAC_DECODE) && dev.is_some_and(|dev| !dev.is_loopback()) {
        let Some(&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]) = header else {
            return;
        };
        let (to, from) = (MacAddr([d0, d1, d2, d3, d4, d5]), MacAddr([s0, s1, s2, s3, s4, s5]));
        line.put(format_args!("MACSRC={from} MACDST={to} MACPROTO={t0:02x}{t1:02x} "));
        return;
    }
    line.0.push_str("MAC=");
    for (n, byte) in header.into_iter().flatten().enumerate() {
        let colon = if n == 0 { "" } else { ":" };
        line.put(format_args!("{colon}{byte:02x}"));
    }
    line.0.push(' ');
}

/// Whether a header is the packet's own or is quoted by an ICMP error.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Depth {
    Packet,
    Quoted,
}

/// Tells an IPv4 header and what is behind it; `bytes` reach to the end of the packet (`dump_ipv4_packet()`).
fn ipv4(line: &mut Line, f: &Flight, bytes: &[u8], details: Details, depth: Depth) {
    let Some(header) = bytes.first_chunk::<IPV4_HLEN>() else {
        line.0.push_str("TRUNCATED");
        return;
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let addr =
        |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    line.put(format_args!("SRC={} DST={} ", addr(12), addr(16)));
    let len = match usize::from(word(2)) {
        0 if f.skb.meta.gso_size != 0 => f.skb.network_header().len(),
        len => len,
    };
    let (tos, prec) = (header[1] & TOS_MASK, header[1] & PREC_MASK);
    let (ttl, id) = (header[8], word(4));
    line.put(format_args!("LEN={len} TOS=0x{tos:02X} PREC=0x{prec:02X} TTL={ttl} ID={id} "));
    let frag = word(6);
    for (flag, name) in [(IP_CE, "CE "), (IP_DF, "DF "), (IP_MF, "MF ")] {
        if frag & flag != 0 {
            line.0.push_str(name);
        }
    }
    if frag & IP_OFFSET != 0 {
        line.put(format_args!("FRAG:{} ", frag & IP_OFFSET));
    }
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if details.has(Details::IP_OPT) && header_len > IPV4_HLEN {
        let Some(options) = bytes.get(IPV4_HLEN..header_len) else {
            line.0.push_str("TRUNCATED");
            return;
        };
        line.hex(options);
    }
    let carried = Carried { bytes, header_len, is_later: frag & IP_OFFSET != 0 };
    if carried.tell(line, f, IpProto(header[9]), details, depth) == Told::Broken {
        return;
    }
    if depth == Depth::Packet {
        ownership(line, f, details);
    }
}

/// Tells whose packet it is, and its mark.
fn ownership(line: &mut Line, f: &Flight, details: Details) {
    // All programs are root's.
    if details.has(Details::UID) && f.sk.program().is_some() {
        line.0.push_str("UID=0 GID=0 ");
    }
    if f.skb.meta.mark != 0 {
        line.put(format_args!("MARK=0x{:x} ", f.skb.meta.mark));
    }
}

/// Whether a packet goes on as it should.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Told {
    All,
    /// It ends within a header, and nothing more is told.
    Broken,
}

/// What an IP packet carries.
struct Carried<'a> {
    /// The packet, from its header to its end.
    bytes: &'a [u8],
    /// Where its data start, if they do.
    header_len: usize,
    /// It is another fragment than the first.
    is_later: bool,
}

impl<'a> Carried<'a> {
    /// The `N` bytes at the start of the data; if there are fewer, this is told.
    fn start<const N: usize>(&self, line: &mut Line) -> Option<&'a [u8; N]> {
        let found = self.bytes.get(self.header_len..).and_then(<[u8]>::first_chunk);
        if found.is_none() {
            self.incomplete(line);
        }
        found
    }

    /// How long the data are. A header may claim to be longer than its packet.
    fn len(&self) -> u32 {
        let whole = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        whole.wrapping_sub(u32::try_from(self.header_len).unwrap_or(0))
    }

    fn incomplete(&self, line: &mut Line) {
        line.put(format_args!("INCOMPLETE [{} bytes] ", self.len()));
    }

    /// Tells what the protocol says.
    fn tell(
        &self,
        line: &mut Line,
        f: &Flight,
        proto: IpProto,
        details: Details,
        depth: Depth,
    ) -> Told {
        match proto {
            IpProto::TCP => return self.tcp(line, details),
            IpProto::UDP | IpProto::UDPLITE => return self.udp(line, proto),
            IpProto::ICMP => self.icmp(line, f, details, depth),
            // Of other fragments than the first nothing is told, but for the name of ESP.
            IpProto::AH if self.is_later => {}
            IpProto::AH => {
                line.0.push_str("PROTO=AH ");
                let index = self.start::<12>(line).map(|header| &header[4..8]);
                security_index(line, index);
            }
            IpProto::ESP => {
                line.0.push_str("PROTO=ESP ");
                if !self.is_later {
                    let index = self.start::<8>(line).map(|header| &header[..4]);
                    security_index(line, index);
                }
            }
            _ => line.put(format_args!("PROTO={} ", proto.0)),
        }
        Told::All
    }

    fn tcp(&self, line: &mut Line, details: Details) -> Told {
        line.0.push_str("PROTO=TCP ");
        if self.is_later {
            return Told::All;
        }
        let Some(header) = self.start::<TCP_HLEN>(line) else { return Told::Broken };
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
        line.put(format_args!("SPT={} DPT={} ", word(0), word(2)));
        if details.has(Details::TCP_SEQ) {
            line.put(format_args!("SEQ={} ACK={} ", long(4), long(8)));
        }
        // The lowest of the reserved bits has become a flag.
        let reserved = (header[12] & 0x0e) << 2;
        line.put(format_args!("WINDOW={} RES=0x{reserved:02x} ", word(14)));
        if header[12] & 1 != 0 {
            line.0.push_str("AE ");
        }
        for (flag, name) in [
            (TcpFlags::CWR, "CWR "),
            (TcpFlags::ECE, "ECE "),
            (TcpFlags::URG, "URG "),
            (TcpFlags::ACK, "ACK "),
            (TcpFlags::PSH, "PSH "),
            (TcpFlags::RST, "RST "),
            (TcpFlags::SYN, "SYN "),
            (TcpFlags::FIN, "FIN "),
        ] {
            if TcpFlags(header[13]).contains(flag) {
                line.0.push_str(name);
            }
        }
        line.put(format_args!("URGP={} ", word(18)));
        let end = usize::from(header[12] >> 4) * 4;
        if details.has(Details::TCP_OPT) && end > TCP_HLEN {
            let start = self.header_len;
            let Some(options) = self.bytes.get(start + TCP_HLEN..start + end) else {
                line.0.push_str("OPT (TRUNCATED)");
                return Told::Broken;
            };
            line.hex(options);
        }
        Told::All
    }

    fn udp(&self, line: &mut Line, proto: IpProto) -> Told {
        line.0.push_str(if proto == IpProto::UDP { "PROTO=UDP " } else { "PROTO=UDPLITE " });
        if self.is_later {
            return Told::All;
        }
        let Some([s0, s1, d0, d1, l0, l1, ..]) = self.start::<8>(line) else {
            return Told::Broken;
        };
        let [from, to, len] = [[*s0, *s1], [*d0, *d1], [*l0, *l1]].map(u16::from_be_bytes);
        line.put(format_args!("SPT={from} DPT={to} LEN={len} "));
        Told::All
    }

    fn icmp(&self, line: &mut Line, f: &Flight, details: Details, depth: Depth) {
        line.0.push_str("PROTO=ICMP ");
        if self.is_later {
            return;
        }
        let Some(&[icmp_type, code, _, _, a, b, c, d]) = self.start::<8>(line) else { return };
        line.put(format_args!("TYPE={icmp_type} CODE={code} "));
        let icmp_type = IcmpType(icmp_type);
        if self.len() < least_len(icmp_type) {
            return self.incomplete(line);
        }
        let (first, second) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        match icmp_type {
            IcmpType::ECHO | IcmpType::ECHO_REPLY => {
                line.put(format_args!("ID={first} SEQ={second} "));
            }
            IcmpType::PARAMETER_PROBLEM => line.put(format_args!("PARAMETER={a} ")),
            IcmpType::REDIRECT => {
                line.put(format_args!("GATEWAY={} ", Ipv4Addr::new(a, b, c, d)));
                self.quoted(line, f, details, depth);
            }
            IcmpType::DEST_UNREACH | IcmpType::SOURCE_QUENCH | IcmpType::TIME_EXCEEDED => {
                self.quoted(line, f, details, depth);
                if icmp_type == IcmpType::DEST_UNREACH && code == unreach::FRAG_NEEDED {
                    line.put(format_args!("MTU={second} "));
                }
            }
            _ => {}
        }
    }

    /// Tells the packet that an error quotes, unless it is quoted itself.
    fn quoted(&self, line: &mut Line, f: &Flight, details: Details, depth: Depth) {
        if depth == Depth::Packet {
            let quoted = self.bytes.get(self.header_len + 8..).unwrap_or_default();
            line.0.push('[');
            ipv4(line, f, quoted, details, Depth::Quoted);
            line.0.push_str("] ");
        }
    }
}

/// Tells the index by which IPsec knows a packet's secrets.
fn security_index(line: &mut Line, index: Option<&[u8]>) {
    if let Some(index) = index.and_then(<[u8]>::first_chunk) {
        line.put(format_args!("SPI=0x{:x} ", u32::from_be_bytes(*index)));
    }
}

/// How long a message of this type is at least, in bytes.
const fn least_len(icmp_type: IcmpType) -> u32 {
    match icmp_type {
        IcmpType::DEST_UNREACH
        | IcmpType::SOURCE_QUENCH
        | IcmpType::REDIRECT
        | IcmpType::TIME_EXCEEDED
        | IcmpType::PARAMETER_PROBLEM => 28,
        IcmpType::TIMESTAMP | IcmpType::TIMESTAMP_REPLY => 20,
        IcmpType::ADDRESS | IcmpType::ADDRESS_REPLY => 12,
        _ => 0,
    }
}

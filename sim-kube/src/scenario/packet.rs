//! Packets as people write them: `tcp 10.0.0.9:4000 > 10.0.0.1:80 flags syn`.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use etherparse::{EtherType, IpNumber, PacketBuilder, PacketBuilderStep};

/// A packet of IPv4.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet {
    /// Where it comes from; the port is 0 where the protocol has none.
    pub from: SocketAddrV4,
    /// Where it goes.
    pub to: SocketAddrV4,
    /// What is in it.
    pub content: Content,
    /// How many routers it may pass.
    pub ttl: u8,
    /// The byte that was the type of service: DSCP and ECN.
    pub tos: u8,
    /// How many bytes the protocol carries.
    pub length: u16,
    /// The identifier of an echo request and its reply.
    pub id: u16,
    /// Where TCP is in what its sender sends, and in what it has got.
    pub sequence: [u32; 2],
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content {
    /// TCP with these flags, as in the byte of its header.
    Tcp(u8),
    /// UDP.
    Udp,
    /// SCTP with one chunk of this type.
    Sctp(SctpChunk),
    /// An echo request.
    EchoRequest,
    /// An echo reply.
    EchoReply,
    /// Another protocol, by its number.
    Other(u8),
}

/// The chunks that begin an association.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SctpChunk {
    /// `INIT`.
    Init,
    /// `INIT ACK`.
    InitAck,
}

/// Flags of TCP by name, the lowest bit first.
const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
/// What Linux sends with.
const TTL: u8 = 64;
/// The identifier of echo requests of which none is said.
const ECHO_ID: u16 = 1;
/// Where TCP counts from: who opens a connection, and who accepts it.
const ISN: u32 = 1000;
const ACCEPTING_ISN: u32 = 5000;
/// The window of TCP.
const WINDOW: u16 = 64_240;
/// The most that a packet may carry, in bytes: with all headers it fits a device with an MTU of 9216.
const MAX_LENGTH: u16 = 9_000;
/// The bytes of data; which ones they are says nothing.
const FILLING: u8 = b'.';

/// Why a text is no packet.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PacketError {
    /// It has not the form of one.
    #[error(
        "it is a protocol, a source, `>` and a destination, such as `tcp 10.0.0.9:4000 > 10.0.0.1:80`"
    )]
    Form,
    /// There is no such protocol.
    #[error("there is no protocol `{0}`; these are tcp, udp, sctp, icmp and ip-proto-NUMBER")]
    Protocol(String),
    /// An end is no address.
    #[error("`{0}` is no address with a port, such as 10.0.0.1:80")]
    WithPort(String),
    /// An end is no address, or has a port.
    #[error("`{0}` is no address without a port, such as 10.0.0.1")]
    WithoutPort(String),
    /// There is no such field, or this protocol has none.
    #[error(
        "there is no `{0}` here; what may follow is flags, seq and ack (tcp), type (icmp, sctp), id (icmp), ttl, tos and length"
    )]
    Field(String),
    /// A field has no value, or another one than it may have.
    #[error("`{0}` wants {1}")]
    Value(String, &'static str),
}

impl FromStr for Packet {
    type Err = PacketError;

    fn from_str(text: &str) -> Result<Self, PacketError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [protocol, from, ">", to, fields @ ..] = words.as_slice() else {
            return Err(PacketError::Form);
        };
        let content = match *protocol {
            "tcp" => Content::Tcp(SYN),
            "udp" => Content::Udp,
            "sctp" => Content::Sctp(SctpChunk::Init),
            "icmp" => Content::EchoRequest,
            other => other
                .strip_prefix("ip-proto-")
                .and_then(|number| number.parse().ok())
                .map(Content::Other)
                .ok_or_else(|| PacketError::Protocol(other.to_owned()))?,
        };
        let has_ports = matches!(content, Content::Tcp(_) | Content::Udp | Content::Sctp(_));
        let end = |text: &str| {
            if has_ports {
                text.parse().map_err(|_| PacketError::WithPort(text.to_owned()))
            } else {
                let ip: Result<Ipv4Addr, _> = text.parse();
                ip.map(|ip| SocketAddrV4::new(ip, 0))
                    .map_err(|_| PacketError::WithoutPort(text.to_owned()))
            }
        };
        let (from, to) = (end(from)?, end(to)?);
        let mut packet = Self::plain(from, to, content);
        let fields = || fields.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or("")));
        // What flags mean for the numbers of TCP may be said otherwise, wherever that stands.
        let is_flags = |(field, _): &(&str, &str)| *field == "flags";
        for (field, value) in fields().filter(is_flags).chain(fields().filter(|f| !is_flags(f))) {
            packet.set(field, value)?;
        }
        Ok(packet)
    }
}

impl Packet {
    /// A packet of which nothing else is said.
    const fn plain(from: SocketAddrV4, to: SocketAddrV4, content: Content) -> Self {
        let sequence = match content {
            Content::Tcp(flags) => usual_sequence(flags),
            Content::Udp
            | Content::Sctp(_)
            | Content::EchoRequest
            | Content::EchoReply
            | Content::Other(_) => [0; 2],
        };
        Self { from, to, content, ttl: TTL, tos: 0, length: 0, id: ECHO_ID, sequence }
    }

    /// Sets one of the fields that may follow the addresses.
    fn set(&mut self, field: &str, value: &str) -> Result<(), PacketError> {
        let wants = |what| PacketError::Value(field.to_owned(), what);
        match (field, self.content) {
            ("flags", Content::Tcp(_)) => {
                let what = "some of fin,syn,rst,psh,ack,urg,ece,cwr, or none";
                let flags = flags(value).ok_or_else(|| wants(what))?;
                (self.content, self.sequence) = (Content::Tcp(flags), usual_sequence(flags));
            }
            ("seq" | "ack", Content::Tcp(_)) => {
                let value = value.parse().map_err(|_| wants("a number"))?;
                self.sequence[usize::from(field == "ack")] = value;
            }
            ("id", Content::EchoRequest | Content::EchoReply) => {
                self.id = value.parse().map_err(|_| wants("a number up to 65535"))?;
            }
            ("type", Content::EchoRequest | Content::EchoReply) => {
                self.content = match value {
                    "echo-request" => Content::EchoRequest,
                    "echo-reply" => Content::EchoReply,
                    _ => return Err(wants("echo-request or echo-reply")),
                }
            }
            ("type", Content::Sctp(_)) => {
                self.content = Content::Sctp(match value {
                    "init" => SctpChunk::Init,
                    "init-ack" => SctpChunk::InitAck,
                    _ => return Err(wants("init or init-ack")),
                });
            }
            ("ttl", _) => self.ttl = number(value).ok_or_else(|| wants("a number up to 255"))?,
            ("tos", _) => self.tos = number(value).ok_or_else(|| wants("a number up to 0xff"))?,
            ("length", content) if !matches!(content, Content::Sctp(_)) => {
                let length = value.parse().ok().filter(|length| *length <= MAX_LENGTH);
                self.length = length.ok_or_else(|| wants("a number of bytes up to 9000"))?;
            }
            _ => return Err(PacketError::Field(field.to_owned())),
        }
        Ok(())
    }

    /// What the one at `from`, who got it from `to`, answers; `None` if nobody answers such a packet.
    #[must_use]
    pub fn answer(&self, from: SocketAddrV4, to: SocketAddrV4) -> Option<Self> {
        let [sequence, acknowledged] = self.sequence;
        let content = match self.content {
            Content::Tcp(flags) if flags & RST != 0 => return None,
            Content::Tcp(flags) if flags & SYN != 0 => Content::Tcp(SYN | ACK),
            Content::Tcp(_) => Content::Tcp(ACK),
            Content::Sctp(SctpChunk::Init) => Content::Sctp(SctpChunk::InitAck),
            Content::Sctp(SctpChunk::InitAck) | Content::EchoReply => return None,
            Content::EchoRequest => Content::EchoReply,
            same @ (Content::Udp | Content::Other(_)) => same,
        };
        let mut answer = Self { id: self.id, tos: self.tos, ..Self::plain(from, to, content) };
        if let Content::Tcp(ACK) = content {
            answer.sequence = [acknowledged, sequence.wrapping_add(u32::from(self.length))];
        } else if let Content::Tcp(_) = content {
            answer.sequence[1] = sequence.wrapping_add(1);
        }
        Some(answer)
    }

    /// Its bytes in an Ethernet frame.
    #[must_use]
    pub fn frame(&self, dst: [u8; 6], src: [u8; 6]) -> Vec<u8> {
        let mut bytes = [dst, src].concat();
        bytes.extend(EtherType::IPV4.0.to_be_bytes());
        bytes.extend(self.bytes());
        bytes
    }

    /// Its bytes, from its header on.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut header = etherparse::Ipv4Header::new(
            0,
            self.ttl,
            IpNumber(0),
            self.from.ip().octets(),
            self.to.ip().octets(),
        )
        .expect("a packet without data is not too long");
        header.dont_fragment = true;
        let [dscp, ecn] = [self.tos >> 2, self.tos & 3];
        header.dscp = dscp.try_into().expect("it has six bits");
        header.ecn = ecn.try_into().expect("it has two bits");
        let ip = PacketBuilder::ip(etherparse::IpHeaders::Ipv4(header, Default::default()));
        let data = vec![FILLING; usize::from(self.length)];
        let mut bytes = Vec::new();
        self.write(ip, &data, &mut bytes).expect("the data is not too long, and memory takes it");
        bytes
    }

    fn write(
        &self,
        ip: PacketBuilderStep<etherparse::IpHeaders>,
        data: &[u8],
        bytes: &mut Vec<u8>,
    ) -> Result<(), etherparse::err::packet::BuildWriteError> {
        let (from, to) = (self.from.port(), self.to.port());
        match self.content {
            Content::Tcp(flags) => {
                let [sequence, acknowledged] = self.sequence;
                let mut header = etherparse::TcpHeader::new(from, to, sequence, WINDOW);
                let [fin, syn, rst, psh, ack, urg, ece, cwr] =
                    std::array::from_fn(|bit| flags & 1 << bit != 0);
                (header.fin, header.syn, header.rst, header.psh) = (fin, syn, rst, psh);
                (header.ack, header.urg, header.ece, header.cwr) = (ack, urg, ece, cwr);
                header.acknowledgment_number = acknowledged;
                ip.tcp_header(header).write(bytes, data)
            }
            Content::Udp => ip.udp(from, to).write(bytes, data),
            Content::EchoRequest => ip.icmpv4_echo_request(self.id, 1).write(bytes, data),
            Content::EchoReply => ip.icmpv4_echo_reply(self.id, 1).write(bytes, data),
            Content::Sctp(chunk) => ip.write(bytes, IpNumber::SCTP, &sctp(from, to, chunk)),
            Content::Other(number) => ip.write(bytes, IpNumber(number), data),
        }
    }
}

/// Where TCP is with these flags, if nothing is said of it: in the handshake, or at the first byte that the opener sends.
const fn usual_sequence(flags: u8) -> [u32; 2] {
    match (flags & SYN != 0, flags & ACK != 0) {
        (true, false) => [ISN, 0],
        (true, true) => [ACCEPTING_ISN, ISN + 1],
        (false, true) => [ISN + 1, ACCEPTING_ISN + 1],
        (false, false) => [ISN + 1, 0],
    }
}

/// The flags that a text names, with commas.
fn flags(text: &str) -> Option<u8> {
    if text == "none" {
        return Some(0);
    }
    text.split(',').try_fold(0, |flags, name| {
        let bit = FLAGS.iter().position(|flag| *flag == name)?;
        Some(flags | 1 << bit)
    })
}

/// A number, decimal or with `0x`.
fn number(text: &str) -> Option<u8> {
    match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A packet of SCTP with one chunk (RFC 9260, 3.3.2 and 3.3.3); an `INIT ACK` without the cookie that a real one has.
fn sctp(from: u16, to: u16, chunk: SctpChunk) -> Vec<u8> {
    let (kind, tag) = match chunk {
        SctpChunk::Init => (1, 0),
        SctpChunk::InitAck => (2, ISN),
    };
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
    bytes.extend(u32::to_be_bytes(tag));
    bytes.extend([0; 4]);
    bytes.extend([kind, 0, 0, 20]);
    // The tag of the one who sends it, the room that it has, numbers of streams, the first number.
    bytes.extend(ISN.to_be_bytes());
    bytes.extend(u32::from(WINDOW).to_be_bytes());
    bytes.extend([0, 1, 0, 1]);
    bytes.extend(ISN.to_be_bytes());
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI).checksum(&bytes);
    bytes[8..12].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// As it is written; what is as usual is left out.
impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.content {
            Content::Tcp(_) => "tcp",
            Content::Udp => "udp",
            Content::Sctp(_) => "sctp",
            Content::EchoRequest | Content::EchoReply => "icmp",
            Content::Other(number) => {
                write!(f, "ip-proto-{number} {} > {}", self.from.ip(), self.to.ip())?;
                return self.fields(f);
            }
        };
        if name == "icmp" {
            write!(f, "icmp {} > {}", self.from.ip(), self.to.ip())?;
        } else {
            write!(f, "{name} {} > {}", self.from, self.to)?;
        }
        self.fields(f)
    }
}

impl Packet {
    fn fields(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Tcp(SYN)
            | Content::Udp
            | Content::EchoRequest
            | Content::Other(_)
            | Content::Sctp(SctpChunk::Init) => {}
            Content::Tcp(flags) => {
                let named = FLAGS.iter().enumerate().filter(|(bit, _)| flags & 1 << bit != 0);
                let named: Vec<&str> = named.map(|(_, name)| *name).collect();
                let named = if named.is_empty() { "none".to_owned() } else { named.join(",") };
                write!(f, " flags {named}")?;
            }
            Content::Sctp(SctpChunk::InitAck) => f.write_str(" type init-ack")?,
            Content::EchoReply => f.write_str(" type echo-reply")?,
        }
        if let Content::Tcp(flags) = self.content {
            let names = ["seq", "ack"].into_iter();
            for ((name, value), usual) in names.zip(self.sequence).zip(usual_sequence(flags)) {
                if value != usual {
                    write!(f, " {name} {value}")?;
                }
            }
        }
        if self.id != ECHO_ID {
            write!(f, " id {}", self.id)?;
        }
        if self.ttl != TTL {
            write!(f, " ttl {}", self.ttl)?;
        }
        if self.tos != 0 {
            write!(f, " tos {:#04x}", self.tos)?;
        }
        if self.length != 0 {
            write!(f, " length {}", self.length)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{SlicedPacket, TransportSlice};

    use super::*;

    #[test]
    fn a_packet_is_written_as_it_is_read() {
        for text in [
            "tcp 10.0.0.9:4000 > 10.0.0.1:80",
            "tcp 10.0.0.9:4000 > 10.0.0.1:80 flags syn,ack ttl 3",
            "tcp 10.0.0.9:4000 > 10.0.0.1:80 flags none",
            "tcp 10.0.0.9:4000 > 10.0.0.1:80 flags ack seq 1006 ack 7",
            "icmp 10.0.0.9 > 10.0.0.1 id 7",
            "udp 10.0.0.9:4000 > 10.0.0.1:53 tos 0xb8 length 100",
            "icmp 10.0.0.9 > 10.0.0.1",
            "icmp 10.0.0.9 > 10.0.0.1 type echo-reply",
            "sctp 10.0.0.9:4000 > 10.0.0.1:80 type init-ack",
            "ip-proto-47 10.0.0.9 > 10.0.0.1",
        ] {
            assert_eq!(text.parse::<Packet>().unwrap().to_string(), text);
        }
        let written = |text: &str| text.parse::<Packet>().unwrap().to_string();
        let [ends, flags] = ["tcp 10.0.0.9:1 > 10.0.0.1:2", "flags ack"];
        assert_eq!(
            written(&format!("{ends} seq 5 ack 7 {flags}")),
            format!("{ends} {flags} seq 5 ack 7")
        );
    }

    #[test]
    fn what_is_no_packet_is_told_in_words() {
        for (text, says) in [
            ("tcp 10.0.0.9:4000 10.0.0.1:80", "it is a protocol, a source, `>` and a destination"),
            ("tpc 10.0.0.9:4000 > 10.0.0.1:80", "there is no protocol `tpc`"),
            ("tcp 10.0.0.9 > 10.0.0.1:80", "`10.0.0.9` is no address with a port"),
            ("icmp 10.0.0.9 > 10.0.0.1:80", "`10.0.0.1:80` is no address without a port"),
            ("udp 10.0.0.9:1 > 10.0.0.1:2 flags syn", "there is no `flags` here"),
            ("tcp 10.0.0.9:1 > 10.0.0.1:2 flags sin", "`flags` wants some of fin,syn"),
            ("sctp 10.0.0.9:1 > 10.0.0.1:2 length 9", "there is no `length` here"),
            ("tcp 10.0.0.9:1 > 10.0.0.1:2 ttl", "`ttl` wants a number up to 255"),
        ] {
            let error = text.parse::<Packet>().unwrap_err().to_string();
            assert!(error.starts_with(says), "{text}: {error}");
        }
    }

    #[test]
    fn another_parser_finds_in_the_bytes_what_was_written() {
        let packet: Packet =
            "tcp 10.0.0.9:4000 > 10.0.0.1:80 flags syn,ece,cwr ttl 3 tos 0xb8 length 5"
                .parse()
                .unwrap();
        let bytes = packet.bytes();
        let sliced = SlicedPacket::from_ip(&bytes).unwrap();
        let Some(etherparse::NetSlice::Ipv4(ip)) = &sliced.net else { panic!("{sliced:?}") };
        let header = ip.header();
        assert_eq!((header.ttl(), header.dcp().value(), header.ecn().value()), (3, 46, 0));
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("{sliced:?}") };
        assert!(tcp.syn() && tcp.ece() && tcp.cwr() && !tcp.ack());
        assert_eq!(
            (tcp.source_port(), tcp.destination_port(), tcp.payload()),
            (4000, 80, &b"....."[..])
        );
        let computed = tcp.calc_checksum_ipv4(header.source(), header.destination()).unwrap();
        assert_eq!(tcp.checksum(), computed);
    }
}

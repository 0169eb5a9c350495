//! Packets that are sent at a node, and where they end.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use etherparse::{IpNumber, NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use sim_core::errno::Errno;
use sim_core::packet::IpProto;
use sim_core::socket::{SockOpt, SocketType};
use sim_core::trace::record::{Record, What};
use sim_core::trace::{Direction, Keep, Recorder};
use sim_core::world::World;
use sim_tests::generate::sctp;

use crate::node::{self, Pods};

/// A packet that begins a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Probe {
    /// Where it comes from: a pod, the wire, or the node itself.
    pub(crate) from: String,
    pub(crate) src: Ipv4Addr,
    pub(crate) to: SocketAddrV4,
    pub(crate) protocol: IpNumber,
}

/// `pod1 10.244.1.5 > 10.96.0.10:80 tcp`.
impl FromStr for Probe {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split(' ').collect();
        let &[from, src, ">", to, protocol] = words.as_slice() else { return Err(line.to_owned()) };
        let protocol = match protocol {
            "tcp" => IpNumber::TCP,
            "udp" => IpNumber::UDP,
            "sctp" => IpNumber::SCTP,
            other => return Err(other.to_owned()),
        };
        let (src, to) = (src.parse().unwrap(), to.parse().unwrap());
        Ok(Self { from: from.to_owned(), src, to, protocol })
    }
}

/// Where a packet ended, as `flows.txt` writes it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct End(pub(crate) String);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What of a packet is compared.
struct Seen {
    src: Ipv4Addr,
    dst: Ipv4Addr,
    protocol: IpNumber,
    ports: Option<(u16, u16)>,
    /// Type and code of an ICMP message.
    icmp: Option<(u8, u8)>,
}

impl Seen {
    fn of_ip(bytes: &[u8]) -> Option<Self> {
        let packet = SlicedPacket::from_ip(bytes).ok()?;
        let Some(NetSlice::Ipv4(ip)) = &packet.net else { return None };
        let header = ip.header();
        let mut seen = Self {
            src: header.source_addr(),
            dst: header.destination_addr(),
            protocol: header.protocol(),
            ports: None,
            icmp: None,
        };
        match &packet.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                seen.ports = Some((tcp.source_port(), tcp.destination_port()));
            }
            Some(TransportSlice::Udp(udp)) => {
                seen.ports = Some((udp.source_port(), udp.destination_port()));
            }
            Some(TransportSlice::Icmpv4(icmp)) => {
                seen.icmp = Some((icmp.type_u8(), icmp.code_u8()));
            }
            Some(TransportSlice::Icmpv6(_) | TransportSlice::Igmp(_)) => {}
            None => {
                // SCTP, whose header starts with the ports too.
                let ports = ip.payload().payload.first_chunk::<4>();
                seen.ports = ports
                    .map(|&[a, b, c, d]| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])));
            }
        }
        Some(seen)
    }
}

/// A packet that came out at the other end of a wire.
pub(crate) struct Forwarded {
    /// The device of the node that it left by.
    pub(crate) dev: String,
    /// Its source, as it was seen there.
    pub(crate) from: SocketAddrV4,
    /// Its destination.
    pub(crate) to: SocketAddrV4,
}

/// What became of a packet.
pub(crate) struct Passed {
    pub(crate) end: End,
    pub(crate) forwarded: Option<Forwarded>,
}

impl Probe {
    /// Sends the packet from port `sport`; answers where it ended.
    pub(crate) fn send(&self, world: &mut World, pods: Pods, sport: u16) -> End {
        self.pass(world, pods, sport).end
    }

    /// Sends the packet from port `sport`; answers what became of it.
    pub(crate) fn pass(&self, world: &mut World, pods: Pods, sport: u16) -> Passed {
        world.set_recorder(Some(Recorder::new(Keep::Everything)));
        let refused = if self.from == "node" {
            self.send_here(world, sport).err()
        } else {
            let macs = node::macs(world, &self.from, pods);
            let frame = self.frame(macs, sport);
            world.inject(node::entrance(world, &self.from), &frame);
            None
        };
        let records = world.take_records();
        world.set_recorder(None);
        let mut end = self.end(&records, sport);
        if let Some(errno) = refused {
            assert_eq!(errno, Errno::EPERM);
            end += " eperm";
        }
        let forwarded = records.iter().find_map(|record| self.forwarded(record, sport));
        Passed { end: End(end), forwarded }
    }

    /// Sends the answer of an endpoint to `forwarded`, which has to come back as one of whom the packet was sent to.
    pub(crate) fn answer(
        &self,
        world: &mut World,
        forwarded: &Forwarded,
        sport: u16,
    ) -> Result<(), String> {
        let answer = Self {
            from: node::place_beyond(&forwarded.dev).unwrap(),
            src: *forwarded.to.ip(),
            to: forwarded.from,
            protocol: self.protocol,
        };
        world.set_recorder(Some(Recorder::new(Keep::Everything)));
        let macs = node::macs(world, &answer.from, Pods::Routed);
        let frame = answer.answering_frame(macs, forwarded.to.port());
        world.inject(node::entrance(world, &answer.from), &frame);
        let records = world.take_records();
        world.set_recorder(None);
        let expected = (*self.to.ip(), self.src, (self.to.port(), sport));
        let came_back = |seen: Seen| seen.ports.map(|ports| (seen.src, seen.dst, ports));
        let seen: Vec<_> = if self.from == "node" {
            records.iter().filter_map(|record| came_back(arrived(record)?)).collect()
        } else {
            records.iter().filter_map(|record| came_back(outgoing(record)?)).collect()
        };
        if seen.contains(&expected) { Ok(()) } else { Err(format!("{expected:?}: {seen:?}")) }
    }

    fn send_here(&self, world: &mut World, sport: u16) -> Result<(), Errno> {
        let netns = world.initial_netns();
        let socket = world.socket(netns, SocketType::Raw(IpProto(255)))?;
        world.set_option(socket, SockOpt::HdrIncl(true))?;
        let frame = self.frame(([0; 6], [0; 6]), sport);
        let sent = world.send_to(socket, &frame[14..], Some(self.to));
        world.close_socket(socket);
        sent.map(drop)
    }

    /// The packet in a frame to and from these addresses of the link layer.
    fn frame(&self, (dst, src): ([u8; 6], [u8; 6]), sport: u16) -> Vec<u8> {
        let ip =
            PacketBuilder::ethernet2(src, dst).ipv4(self.src.octets(), self.to.ip().octets(), 64);
        let mut frame = Vec::new();
        match self.protocol {
            IpNumber::TCP => {
                ip.tcp(sport, self.to.port(), 1000, 64240).syn().write(&mut frame, &[]).unwrap();
            }
            IpNumber::UDP => ip.udp(sport, self.to.port()).write(&mut frame, b"probe").unwrap(),
            _ => {
                let init = sctp_init(sport, self.to.port(), SctpChunk::Init);
                ip.write(&mut frame, self.protocol, &init).unwrap();
            }
        }
        frame
    }

    /// The same of an answer to such a packet.
    fn answering_frame(&self, (dst, src): ([u8; 6], [u8; 6]), sport: u16) -> Vec<u8> {
        let ip =
            PacketBuilder::ethernet2(src, dst).ipv4(self.src.octets(), self.to.ip().octets(), 64);
        let mut frame = Vec::new();
        match self.protocol {
            IpNumber::TCP => {
                let tcp = ip.tcp(sport, self.to.port(), 5000, 65160);
                tcp.syn().ack(1001).write(&mut frame, &[]).unwrap();
            }
            IpNumber::UDP => ip.udp(sport, self.to.port()).write(&mut frame, b"answer").unwrap(),
            _ => {
                let init = sctp_init(sport, self.to.port(), SctpChunk::InitAck);
                ip.write(&mut frame, self.protocol, &init).unwrap();
            }
        }
        frame
    }

    fn end(&self, records: &[Record], sport: u16) -> String {
        let left = records.iter().filter_map(|record| self.left(record, sport)).next();
        let refused = || records.iter().filter_map(|record| self.refused(record)).next();
        let input = || records.iter().filter_map(|record| self.input(record)).next();
        left.or_else(refused).or_else(input).unwrap_or_else(|| "drop".to_owned())
    }

    /// The packet as it came out at the other end of a wire.
    fn forwarded(&self, record: &Record, sport: u16) -> Option<Forwarded> {
        let seen = outgoing(record)?;
        let (from, to) = seen.ports.filter(|_| seen.protocol == self.protocol)?;
        let is_answer_of_the_node = seen.dst == self.src && to == sport;
        (!is_answer_of_the_node).then(|| Forwarded {
            dev: record.dev.clone(),
            from: SocketAddrV4::new(seen.src, from),
            to: SocketAddrV4::new(seen.dst, to),
        })
    }

    /// That the packet came out at the other end of a wire.
    fn left(&self, record: &Record, sport: u16) -> Option<String> {
        let Forwarded { dev, from, to } = self.forwarded(record, sport)?;
        let place = node::place_beyond(&dev)?;
        let change = match (*from.ip() == self.src, from.port() == sport) {
            (true, true) => "",
            (false, true) => " keeps-port",
            (_, false) => " masqueraded",
        };
        Some(format!("forward {place} {} > {to}{change}", from.ip()))
    }

    /// That an error came back to the sender.
    fn refused(&self, record: &Record) -> Option<String> {
        let seen = if self.from == "node" { arrived(record)? } else { outgoing(record)? };
        let (kind, code) = seen.icmp?;
        (seen.dst == self.src)
            .then(|| format!("reject {kind}/{code} from {} at {}", seen.src, self.from))
    }

    /// That the node took the packet.
    fn input(&self, record: &Record) -> Option<String> {
        let seen = arrived(record)?;
        let (_, to) = seen.ports.filter(|_| seen.protocol == self.protocol)?;
        Some(format!("input {} > {}:{to}", seen.src, seen.dst))
    }
}

/// A packet that leaves the node.
fn outgoing(record: &Record) -> Option<Seen> {
    let What::Frame { direction: Direction::Out, hex, .. } = &record.what else { return None };
    let is_of_node = record.netns == "-" && node::place_beyond(&record.dev).is_some();
    let ip = hex.get(14..).filter(|_| is_of_node)?;
    Seen::of_ip(ip)
}

/// A packet that the node takes.
fn arrived(record: &Record) -> Option<Seen> {
    let What::Arrived { place, hex, .. } = &record.what else { return None };
    if place == "protocol" && record.netns == "-" { Seen::of_ip(hex) } else { None }
}

/// The first chunks of an association.
#[derive(Clone, Copy)]
enum SctpChunk {
    Init,
    InitAck,
}

/// The first packets of an association (RFC 9260, section 3.3.2).
fn sctp_init(sport: u16, dport: u16, chunk: SctpChunk) -> Vec<u8> {
    let (tag, kind) = match chunk {
        SctpChunk::Init => (0, 1),
        SctpChunk::InitAck => (1, 2),
    };
    let mut value = Vec::new();
    value.extend(1_u32.to_be_bytes());
    value.extend(65_536_u32.to_be_bytes());
    value.extend([0, 1, 0, 1]);
    value.extend(1_u32.to_be_bytes());
    sctp(sport, dport, tag, &[(kind, 0, value)])
}

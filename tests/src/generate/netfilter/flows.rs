//! Random flows through the router: requests, answers as a server would send them, errors about both, fragments
//! and broken packets.
//!
//! What rules make of a packet is not known here. An answer guesses: it comes from a server that DNAT may have
//! chosen, for an address that SNAT may have given.

use std::net::Ipv4Addr;

use super::super::dice::Dice;
use super::super::frame::{
    ICMP, Ipv4, Mac, SCTP, TCP, Tcp, UDP, echo, ethernet, icmp, sctp, station,
};
use super::matches::{CLIENT_PORTS, SERVER_PORTS, VIRTUAL};
use super::network::{BACKENDS, HOSTS, Network, Side};

const GRE: u8 = 47;
/// A protocol that nobody knows.
const UNKNOWN: u8 = 200;
/// The longest frame that a packet socket sends on a device with an MTU of 1500.
const LONGEST: usize = 1514;

/// Flags of a TCP segment.
mod flag {
    pub(super) const FIN: u8 = 1;
    pub(super) const SYN: u8 = 2;
    pub(super) const RST: u8 = 4;
    pub(super) const PSH: u8 = 8;
    pub(super) const ACK: u8 = 16;
    pub(super) const URG: u8 = 32;
}

/// A conversation that a client has begun.
#[derive(Debug, Clone)]
struct Flow {
    protocol: u8,
    client: Ipv4Addr,
    client_port: u16,
    /// As the client calls it.
    server: Ipv4Addr,
    server_port: u16,
    /// Whom it really talks to, perhaps.
    answering: (Ipv4Addr, u16),
    /// What the server calls the client, perhaps.
    seen: Ipv4Addr,
    /// The next sequence numbers of the client and of the server.
    seq: [u32; 2],
    /// How many packets there were.
    packets: u32,
}

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Answer,
}

/// Draws frames.
#[derive(Debug)]
pub(super) struct Flows<'a> {
    network: &'a Network,
    flows: Vec<Flow>,
    /// The last IPv4 id that was used.
    id: u16,
    /// How many datagrams came in fragments: each has its own id.
    datagrams: u16,
}

/// Few ids: one that a kernel draws has to be told from those that were injected.
const IDS: u16 = 4;
const FIRST_DATAGRAM: u16 = 100;

impl<'a> Flows<'a> {
    pub(super) fn new(network: &'a Network) -> Self {
        Self { network, flows: Vec::new(), id: 0, datagrams: 0 }
    }

    fn next_id(&mut self) -> u16 {
        self.id = self.id % IDS + 1;
        self.id
    }

    /// Draws frames that follow each other, each with the device that receives it.
    pub(super) fn draw(&mut self, dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
        let frames = match dice.below(100) {
            _ if self.flows.is_empty() => vec![self.begin(dice)],
            0..9 => vec![self.begin(dice)],
            9..46 => vec![self.go_on(dice, Way::Request)],
            46..82 => vec![self.go_on(dice, Way::Answer)],
            82..90 => vec![self.error(dice)],
            90..94 => self.fragments(dice),
            _ => vec![self.stray(dice)],
        };
        frames.into_iter().map(|(dev, frame)| (dev, maybe_break(dice, frame))).collect()
    }

    fn begin(&mut self, dice: &mut Dice) -> (String, Vec<u8>) {
        let (clients, servers) = (&self.network.clients, &self.network.servers);
        let client = clients.host(dice.pick(&HOSTS));
        let server = match dice.below(10) {
            0..5 => dice.pick(&VIRTUAL).parse().expect("an address"),
            5..8 => servers.host(dice.pick(&HOSTS)),
            8 => clients.host(dice.pick(&[1, 2, 3, 4, 255])),
            _ => servers.host(1),
        };
        let server_port = dice.pick(&SERVER_PORTS);
        self.flows.push(Flow {
            protocol: dice.pick(&[UDP, UDP, UDP, TCP, TCP, TCP, ICMP, SCTP, GRE, UNKNOWN]),
            client,
            client_port: dice.pick(&CLIENT_PORTS),
            server,
            server_port,
            answering: (server, server_port),
            seen: client,
            seq: [dice.within(1000, 9000), dice.within(50_000, 90_000)],
            packets: 0,
        });
        self.packet(dice, self.flows.len() - 1, Way::Request)
    }

    fn go_on(&mut self, dice: &mut Dice, way: Way) -> (String, Vec<u8>) {
        let place = self.any(dice);
        self.guess(dice, place);
        self.packet(dice, place, way)
    }

    /// The place of a flow, mostly of one of the last.
    fn any(&self, dice: &mut Dice) -> usize {
        let count = self.flows.len();
        let recent = if dice.chance(70) { count.min(5) } else { count };
        let back = dice.below(u32::try_from(recent).unwrap_or(1));
        count - 1 - usize::try_from(back).unwrap_or(0)
    }

    /// Guesses who answers, and to whom.
    fn guess(&mut self, dice: &mut Dice, place: usize) {
        let servers = &self.network.servers;
        let flow = &mut self.flows[place];
        // A guess that was made is kept for a while: it may be right.
        if flow.packets > 1 && dice.chance(40) {
            return;
        }
        let is_elsewhere = flow.server.octets()[1] == 96 || flow.server.octets()[3] == 1;
        let host = if is_elsewhere || dice.chance(10) {
            servers.host(dice.pick(&BACKENDS))
        } else {
            flow.server
        };
        let port = if dice.chance(65) { flow.server_port } else { dice.pick(&SERVER_PORTS) };
        flow.answering = (host, port);
        flow.seen = match dice.below(100) {
            0..45 => flow.client,
            45..80 => servers.host(1),
            80..94 => servers.host(9),
            _ => servers.host(dice.pick(&[100, 101])),
        };
    }

    /// A packet of the flow at `place`, as the device that it comes in by receives it.
    fn packet(&mut self, dice: &mut Dice, place: usize, way: Way) -> (String, Vec<u8>) {
        let packet = self.bytes(dice, place, way);
        let flow = &self.flows[place];
        let from = if way == Way::Request { flow.client } else { flow.answering.0 };
        self.frame(dice, from, &packet)
    }

    fn bytes(&mut self, dice: &mut Dice, place: usize, way: Way) -> Vec<u8> {
        let id = self.next_id();
        let flow = &mut self.flows[place];
        flow.packets += 1;
        let (src, dst) = match way {
            Way::Request => (flow.client, flow.server),
            Way::Answer => (flow.answering.0, flow.seen),
        };
        let header = header(dice, src, dst, flow.protocol, id);
        let payload = payload(dice, flow, way, &header);
        header.packet(&payload)
    }

    /// Puts a packet from `from` into a frame: to its neighbour if that is where it goes, else to the router.
    fn frame(&self, dice: &mut Dice, from: Ipv4Addr, packet: &[u8]) -> (String, Vec<u8>) {
        let [clients, servers] = [&self.network.clients, &self.network.servers];
        let side = if from.octets()[2] == clients.net { clients } else { servers };
        let to: [u8; 4] = packet[16..20].try_into().expect("an IPv4 header");
        let mut frame = ethernet(receiver(dice, side, to.into()), station(from), 0x0800, packet);
        frame.truncate(LONGEST);
        (side.port_of(from), frame)
    }

    /// An error about a packet of a flow, from whom it reached or from a router in between.
    fn error(&mut self, dice: &mut Dice) -> (String, Vec<u8>) {
        const KINDS: [(u8, u8); 8] =
            [(3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0), (12, 0), (4, 0)];
        let place = self.any(dice);
        self.guess(dice, place);
        let way = dice.pick(&[Way::Request, Way::Request, Way::Answer]);
        let mut flow = self.flows[place].clone();
        // Whoever complains saw the packet behind the router.
        match way {
            Way::Request => {
                flow.client = flow.seen;
                (flow.server, flow.server_port) = flow.answering;
            }
            Way::Answer => {
                flow.answering = (flow.server, flow.server_port);
                flow.seen = flow.client;
            }
        }
        let (src, dst) = match way {
            Way::Request => (flow.client, flow.server),
            Way::Answer => (flow.answering.0, flow.seen),
        };
        let quoted = header(dice, src, dst, flow.protocol, 1);
        let quoted = quoted.packet(&payload(dice, &mut flow, way, &quoted));
        let length = dice.pick(&[usize::MAX, usize::MAX, 28, 24, 12]).min(quoted.len()).min(548);
        let (kind, code) = dice.pick(&KINDS);
        let rest = if (kind, code) == (3, 4) { [0, 0, 3, 0xe8] } else { [0; 4] };
        let complaint = icmp(kind, code, rest, &quoted[..length]);
        let router = self.network.servers.host(5);
        let from = match way {
            Way::Request if dice.chance(30) => router,
            Way::Request => dst,
            Way::Answer => flow.client,
        };
        let to = if way == Way::Request { flow.client } else { flow.server };
        let packet = header(dice, from, to, ICMP, self.next_id()).packet(&complaint);
        self.frame(dice, from, &packet)
    }

    /// A request in fragments: in order or not, whole or not.
    fn fragments(&mut self, dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
        const SIZE: usize = 64;
        let flow = self.flows[self.any(dice)].clone();
        self.datagrams += 1;
        let id = FIRST_DATAGRAM + self.datagrams;
        let mut header = header(dice, flow.client, flow.server, UDP, id);
        header.df = dice.chance(20);
        let body = header.udp(flow.client_port, flow.server_port, &[0x5a; SIZE - 8]);
        let cuts: &[(usize, usize)] = dice.pick(&[
            &[(0, 24), (24, SIZE)][..],
            &[(0, 8), (8, 40), (40, SIZE)],
            &[(40, SIZE), (0, 40)],
            &[(0, 40)],
            &[(0, 40), (0, 40), (40, SIZE)],
        ]);
        let pieces = cuts.iter().map(|&(start, end)| {
            let mut header = header.clone();
            header.offset = u16::try_from(start).expect("a short body");
            header.more = end < SIZE;
            header.packet(&body[start..end])
        });
        let pieces: Vec<Vec<u8>> = pieces.collect();
        pieces.iter().map(|piece| self.frame(dice, flow.client, piece)).collect()
    }

    /// A packet that belongs to no flow.
    fn stray(&mut self, dice: &mut Dice) -> (String, Vec<u8>) {
        let [clients, servers] = [&self.network.clients, &self.network.servers];
        let (from, to) = match dice.below(4) {
            0 => (servers.host(dice.pick(&HOSTS)), servers.host(dice.pick(&[1, 9, 100]))),
            1 => (servers.host(dice.pick(&HOSTS)), clients.host(dice.pick(&[1, 2, 3, 77]))),
            2 => (clients.host(dice.pick(&HOSTS)), Ipv4Addr::LOCALHOST),
            _ => (clients.host(dice.pick(&HOSTS)), clients.host(dice.pick(&[255, 1, 4]))),
        };
        let protocol = dice.pick(&[UDP, TCP, ICMP]);
        let header = header(dice, from, to, protocol, self.next_id());
        let (sport, dport) = (dice.pick(&SERVER_PORTS), dice.pick(&CLIENT_PORTS));
        let body = match protocol {
            UDP => header.udp(sport, dport, b"stray"),
            TCP => {
                let flags = dice.pick(&[flag::ACK, flag::RST, flag::SYN | flag::ACK, flag::SYN]);
                header.tcp(&segment(sport, dport, [77, 88], flags, &[]))
            }
            _ => icmp(dice.pick(&[0, 8, 13, 15, 17, 42]), 0, [0, dice.byte() & 3, 0, 1], b"stray"),
        };
        let packet = header.packet(&body);
        self.frame(dice, from, &packet)
    }
}

fn header(dice: &mut Dice, src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, id: u16) -> Ipv4 {
    Ipv4 {
        src,
        dst,
        protocol,
        id,
        ttl: if dice.chance(94) { 64 } else { dice.pick(&[1, 2, 9]) },
        tos: if dice.chance(92) { 0 } else { dice.pick(&[0x08, 0x10, 0xb8]) },
        df: dice.chance(70),
        offset: 0,
        more: false,
        options: Vec::new(),
    }
}

/// What a packet of a flow carries. TCP goes on where it was, mostly.
fn payload(dice: &mut Dice, flow: &mut Flow, way: Way, header: &Ipv4) -> Vec<u8> {
    let (sport, dport) = match way {
        Way::Request => (flow.client_port, flow.server_port),
        Way::Answer => (flow.answering.1, flow.client_port),
    };
    let size = dice.pick(&[0, 4, 4, 4, 20, 600, 1200]);
    let data = vec![0x5a; size];
    match flow.protocol {
        UDP => {
            let mut bytes = header.udp(sport, dport, &data);
            if dice.chance(5) {
                bytes[6..8].fill(0);
            }
            bytes
        }
        TCP => tcp(dice, flow, way, header, (sport, dport)),
        ICMP => {
            let mut bytes = echo(flow.client_port % 10, 1, &data);
            if way == Way::Answer {
                // An echo reply is a request with another type, and the checksum that goes with it.
                bytes = icmp(0, 0, [bytes[4], bytes[5], bytes[6], bytes[7]], &data);
            }
            bytes
        }
        SCTP => sctp(sport, dport, dice.pick(&[0, 7, 7]), &association(dice)),
        GRE => [&[0, 0, 8, 0][..], &data].concat(),
        _ => data,
    }
}

fn tcp(
    dice: &mut Dice,
    flow: &mut Flow,
    way: Way,
    header: &Ipv4,
    (sport, dport): (u16, u16),
) -> Vec<u8> {
    use flag::{ACK, FIN, PSH, RST, SYN, URG};
    let flags = match (way, flow.packets) {
        (Way::Request, 0 | 1) if dice.chance(90) => SYN,
        (Way::Answer, 0..4) if dice.chance(70) => SYN | ACK,
        _ => match dice.below(100) {
            0..40 => ACK,
            40..70 => PSH | ACK,
            70..80 => FIN | ACK,
            80..84 => RST,
            84..87 => RST | ACK,
            87..93 => SYN,
            _ => dice.pick(&[0, SYN | FIN, FIN | PSH | URG, ACK | URG, SYN | RST]),
        },
    };
    let own = usize::from(way == Way::Answer);
    let far = if dice.chance(6) { dice.pick(&[100_000, 70_000, 0xffff_0000]) } else { 0_u32 };
    let numbers = [flow.seq[own].wrapping_add(far), flow.seq[1 - own]];
    let numbers = if flags & ACK == 0 { [numbers[0], 0] } else { numbers };
    let data: &[u8] = if flags & PSH != 0 { b"some data" } else { b"" };
    if far == 0 {
        let taken = u32::from(flags & (SYN | FIN) != 0) + u32::try_from(data.len()).unwrap_or(0);
        flow.seq[own] = flow.seq[own].wrapping_add(taken);
    }
    let mut segment = segment(sport, dport, numbers, flags, data);
    if flags & SYN != 0 && dice.chance(60) {
        segment.options = dice.pick(&[
            vec![2, 4, 5, 0xb4],
            vec![2, 4, 5, 0xb4, 1, 3, 3, 7],
            vec![2, 4, 2, 0x18],
            vec![1, 1, 4, 2],
        ]);
    }
    header.tcp(&segment)
}

fn segment(sport: u16, dport: u16, [seq, ack]: [u32; 2], flags: u8, data: &[u8]) -> Tcp {
    Tcp { sport, dport, seq, ack, flags, options: Vec::new(), data: data.to_vec() }
}

/// Chunks of SCTP: their types, flags and values.
fn association(dice: &mut Dice) -> Vec<(u8, u8, Vec<u8>)> {
    let init = vec![0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1];
    match dice.below(9) {
        0 | 1 => vec![(1, 0, init)],
        2 => vec![(2, 0, init)],
        3 => vec![(10, 0, b"cook".to_vec())],
        4 => vec![(11, 0, Vec::new())],
        5 => vec![(0, 3, vec![0; 16])],
        6 => vec![(0, 3, vec![0; 16]), (3, 0, vec![0; 12])],
        7 => vec![(4, 0, vec![0, 1, 0, 8, 1, 2, 3, 4])],
        _ => vec![(dice.pick(&[6, 7, 8, 14]), 0, vec![0; 4])],
    }
}

/// Whom a frame is for: a neighbour, the router, or somebody else now and then.
fn receiver(dice: &mut Dice, side: &Side, to: Ipv4Addr) -> Mac {
    let last = to.octets()[3];
    let is_near = to.octets()[..3] == side.host(0).octets()[..3];
    match dice.below(100) {
        0..3 => station(side.host(dice.pick(&HOSTS))),
        3..5 => [0xff; 6],
        _ if is_near && last == 255 => [0xff; 6],
        _ if is_near && HOSTS.contains(&last) => station(to),
        _ => side.mac,
    }
}

/// Cuts, pads or spoils one frame in twenty.
fn maybe_break(dice: &mut Dice, mut frame: Vec<u8>) -> Vec<u8> {
    let last = u32::try_from(frame.len() - 1).unwrap_or(14);
    let at = |dice: &mut Dice| usize::try_from(dice.within(14, last)).unwrap_or(14);
    match dice.below(100) {
        0..2 => {
            let length = at(dice);
            frame.truncate(length);
        }
        2 => frame.extend([0; 18]),
        3..5 => {
            let place = at(dice);
            frame[place] ^= 1 << dice.below(8);
        }
        _ => {}
    }
    frame.truncate(LONGEST);
    frame
}

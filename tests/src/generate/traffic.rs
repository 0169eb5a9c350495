//! Random frames for a network: mostly right, often odd, sometimes broken.

use std::net::Ipv4Addr;

use super::dice::Dice;
use super::frame::{
    Arp, BROADCAST, ICMP, Ipv4, Mac, TCP, Tcp, UDP, echo, ethernet, icmp, station, vxlan,
};
use super::topology::{Port, Topology};

/// Draws frames.
pub(super) struct Traffic<'a> {
    pub(super) topology: &'a Topology,
    /// The last IPv4 id that was used: each packet has its own.
    pub(super) id: u16,
}

impl Traffic<'_> {
    /// Draws a device and the frames that it receives one after the other.
    pub(super) fn frames(&mut self, dice: &mut Dice) -> (String, Vec<Vec<u8>>) {
        if let Some(tunnel) = &self.topology.tunnel
            && dice.chance(20)
        {
            return (tunnel.via.clone(), vec![self.through_tunnel(dice)]);
        }
        let port = dice.pick(&self.topology.ports);
        let frames = match dice.below(100) {
            0..25 => vec![Self::arp(dice, &port)],
            25..35 => self.fragments(dice, &port),
            35..38 => vec![Self::strange(dice, &port)],
            _ => vec![self.ip(dice, &port)],
        };
        let frames = frames.into_iter().map(|frame| maybe_break(dice, frame)).collect();
        (port.dev, frames)
    }

    /// The longest frame that a packet socket sends on a device with an MTU of 1500.
    const LONGEST: usize = 1514;

    /// A destination: ours, a station's, far away, or odd.
    fn destination(&self, dice: &mut Dice, port: &Port) -> Ipv4Addr {
        match dice.below(100) {
            0..30 if !self.topology.local.is_empty() => dice.pick(&self.topology.local),
            30..60 => {
                let other = dice.pick(&self.topology.ports);
                other.host(dice.pick(&[2, 3, 4, 5, 5, 77]))
            }
            60..80 if !self.topology.remote.is_empty() => dice.pick(&self.topology.remote),
            80..84 => Ipv4Addr::new(10, 0, 20, dice.pick(&[1, 2, 3])),
            84..87 => Ipv4Addr::new(10, 0, 40, dice.pick(&[1, 2, 3, 4])),
            87..90 => port.host(255),
            _ => dice.pick(&ODD_DESTINATIONS),
        }
    }

    fn source(dice: &mut Dice, port: &Port) -> Ipv4Addr {
        match dice.below(100) {
            0..88 => port.host(dice.pick(&[2, 2, 3, 4, 5, 6])),
            88..94 => Ipv4Addr::new(10, 50, 1, 7),
            _ => dice.pick(&ODD_SOURCES),
        }
    }

    fn header(&mut self, src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, dice: &mut Dice) -> Ipv4 {
        self.id += 1;
        Ipv4 {
            src,
            dst,
            protocol,
            id: self.id,
            ttl: if dice.chance(85) { 64 } else { dice.pick(&[0, 1, 2, 3, 255]) },
            tos: if dice.chance(80) { 0 } else { dice.pick(&[0x08, 0x10, 0x02, 0xb8, 0x03, 0x01]) },
            df: dice.chance(60),
            offset: 0,
            more: false,
            options: if dice.chance(8) { options(dice) } else { Vec::new() },
        }
    }

    fn ip(&mut self, dice: &mut Dice, port: &Port) -> Vec<u8> {
        let (src, dst) = (Self::source(dice, port), self.destination(dice, port));
        let protocol = match dice.below(100) {
            0..50 => UDP,
            50..80 => ICMP,
            80..95 => TCP,
            _ => dice.pick(&[2, 47, 132, 200, 255]),
        };
        let header = self.header(src, dst, protocol, dice);
        let packet = header.packet(&self.payload(dice, &header));
        ethernet(link_destination(dice, port, dst), station(src), 0x0800, &packet)
    }

    fn payload(&self, dice: &mut Dice, header: &Ipv4) -> Vec<u8> {
        match header.protocol {
            UDP => {
                let size = dice.pick(&[0, 1, 4, 32, 600, 1100, 1472]);
                let size = size - header.options.len().min(size);
                let data = dice.bytes(size.min(40)).into_iter().cycle().take(size);
                let sport = u16::try_from(dice.within(5000, 5003)).expect("a port");
                let dport = dice.pick(&[7, 9, 53, 0]);
                let mut bytes = header.udp(sport, dport, &data.collect::<Vec<u8>>());
                if dice.chance(5) {
                    bytes[6..8].fill(0);
                }
                bytes
            }
            TCP => header.tcp(&Tcp {
                sport: u16::try_from(dice.within(5000, 5003)).expect("a port"),
                dport: dice.pick(&[80, 81]),
                seq: dice.within(1000, 9000),
                ack: dice.within(1000, 9000),
                options: Vec::new(),
                flags: dice.pick(&[0x02, 0x02, 0x10, 0x11, 0x12, 0x04, 0x14, 0x18, 0x00, 0x29]),
                data: dice.pick(&[Vec::new(), vec![1, 2, 3]]),
            }),
            ICMP => self.icmp(dice, header),
            _ => dice.bytes(20),
        }
    }

    fn icmp(&self, dice: &mut Dice, header: &Ipv4) -> Vec<u8> {
        if dice.chance(75) {
            let size = dice.pick(&[0, 1, 8, 56, 700]);
            return echo(dice.within(1, 5).try_into().unwrap_or(1), 1, &dice.bytes(size));
        }
        let kind = dice.pick(&[0, 3, 3, 4, 5, 11, 12, 13, 15, 17, 40]);
        let quoted = Ipv4 {
            src: header.dst,
            dst: dice.pick(&[header.src, Ipv4Addr::new(10, 50, 1, 1)]),
            protocol: UDP,
            id: 0,
            options: Vec::new(),
            ..header.clone()
        };
        let packet = quoted.packet(&quoted.udp(7, 5000, b"abcd"));
        let cut = dice.pick(&[packet.len(), 28, 20, 12]);
        let code = dice.pick(&[0, 0, 1, 3, 4, 13, 99]);
        icmp(kind, code, [0, 0, 4, dice.byte()], &packet[..cut.min(packet.len())])
    }

    /// A datagram in fragments: in order or not, whole or not, sometimes overlapping.
    fn fragments(&mut self, dice: &mut Dice, port: &Port) -> Vec<Vec<u8>> {
        let (src, dst) = (Self::source(dice, port), self.destination(dice, port));
        let mut header = self.header(src, dst, ICMP, dice);
        header.df = false;
        let body = echo(3, 1, &dice.bytes(64));
        let to = link_destination(dice, port, dst);
        let cuts: &[(usize, usize)] = dice.pick(&[
            &[(0, 24), (24, 72)][..],
            &[(0, 8), (8, 40), (40, 72)],
            &[(40, 72), (0, 40)],
            &[(0, 40), (32, 72)],
            &[(0, 40)],
            &[(40, 72)],
            &[(0, 40), (0, 40), (40, 72)],
        ]);
        let piece = |&(start, end): &(usize, usize)| {
            let mut header = header.clone();
            header.offset = u16::try_from(start).expect("a short body");
            header.more = end < body.len();
            if start > 0 {
                header.options.clear();
            }
            ethernet(to, station(src), 0x0800, &header.packet(&body[start..end]))
        };
        cuts.iter().map(piece).collect()
    }

    fn arp(dice: &mut Dice, port: &Port) -> Vec<u8> {
        let sender = match dice.below(100) {
            0..80 => port.host(dice.pick(&[2, 3, 4, 5, 6])),
            80..85 => port.host(1),
            85..90 => Ipv4Addr::UNSPECIFIED,
            _ => Ipv4Addr::new(10, 50, 1, 7),
        };
        let target = match dice.below(100) {
            0..60 => port.host(1),
            60..70 => sender,
            70..80 => port.host(dice.pick(&[2, 9, 77, 255])),
            80..90 => Ipv4Addr::new(10, 0, dice.pick(&[1, 2, 3, 20, 40]), dice.pick(&[1, 2])),
            _ => dice.pick(&ODD_DESTINATIONS),
        };
        let moved = dice.chance(15);
        let mac = if moved { [2, 0, 0, 0, 0xaa, sender.octets()[3]] } else { station(sender) };
        let reply = dice.chance(30);
        let arp = Arp {
            op: if dice.chance(3) { dice.word() } else { u16::from(reply) + 1 },
            sender: (mac, sender),
            target: (if reply { port.gateway } else { [0; 6] }, target),
        };
        let to = match dice.below(10) {
            0..6 if !reply => BROADCAST,
            9 => BROADCAST,
            _ => port.gateway,
        };
        ethernet(to, mac, 0x0806, &arp.bytes())
    }

    /// A frame that is neither IP nor ARP.
    fn strange(dice: &mut Dice, port: &Port) -> Vec<u8> {
        let to = match dice.below(4) {
            0 => [1, 0x80, 0xc2, 0, 0, dice.byte() & 15],
            1 => BROADCAST,
            2 => port.gateway,
            _ => station(port.host(4)),
        };
        let ethertype = dice.pick(&[0x88b5, 0x0026, 0x88cc, 0x86dd, 0x8847]);
        ethernet(to, station(port.host(2)), ethertype, &dice.bytes(46))
    }

    /// A frame from the far end of the tunnel.
    fn through_tunnel(&mut self, dice: &mut Dice) -> Vec<u8> {
        let Some(tunnel) = self.topology.tunnel.clone() else { return Vec::new() };
        let end = Ipv4Addr::new(10, 0, tunnel.local.octets()[2], dice.pick(&[2, 3, 4]));
        let inside =
            Port { dev: "vx0".to_owned(), mac: tunnel.mac, net: tunnel.net, gateway: tunnel.mac };
        let inner = if dice.chance(35) { Self::arp(dice, &inside) } else { self.ip(dice, &inside) };
        let mut header = self.header(end, tunnel.local, UDP, dice);
        // A mark that moves inwards also changes the frame that a capture has already taken.
        header.tos = dice.pick(&[0, 0, 0x10]);
        let vni = if dice.chance(92) { tunnel.vni } else { 43 };
        let payload = header.udp(40000, tunnel.udp_port, &vxlan(vni, &inner));
        let port = Port { mac: station(tunnel.local), ..inside };
        let mut frame = ethernet(port.mac, station(end), 0x0800, &header.packet(&payload));
        frame.truncate(Self::LONGEST);
        frame
    }
}

const ODD_DESTINATIONS: [Ipv4Addr; 9] = [
    Ipv4Addr::BROADCAST,
    Ipv4Addr::UNSPECIFIED,
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(224, 0, 0, 1),
    Ipv4Addr::new(239, 1, 1, 1),
    Ipv4Addr::new(240, 0, 0, 1),
    Ipv4Addr::new(169, 254, 1, 1),
    Ipv4Addr::new(172, 16, 0, 1),
    Ipv4Addr::new(10, 50, 9, 1),
];

const ODD_SOURCES: [Ipv4Addr; 7] = [
    Ipv4Addr::BROADCAST,
    Ipv4Addr::UNSPECIFIED,
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(224, 0, 0, 1),
    Ipv4Addr::new(240, 0, 0, 1),
    Ipv4Addr::new(10, 0, 1, 1),
    Ipv4Addr::new(172, 16, 0, 1),
];

/// Whom the frame is for: mostly the gateway.
fn link_destination(dice: &mut Dice, port: &Port, dst: Ipv4Addr) -> Mac {
    let [_, b, c, d] = dst.octets();
    match dice.below(100) {
        0..80 if dst.is_multicast() => [1, 0, 0x5e, b & 0x7f, c, d],
        0..80 if dst.is_broadcast() || d == 255 => BROADCAST,
        0..80 => port.gateway,
        80..90 => station(dst),
        90..93 => BROADCAST,
        93..96 => port.mac,
        96..98 => [1, 0, 0x5e, 0, 0, 1],
        _ => [2, 0, 0, 0, 0x0f, 0x0f],
    }
}

/// Right and wrong IPv4 options, a multiple of 4 bytes.
fn options(dice: &mut Dice) -> Vec<u8> {
    let choices: [&[u8]; 12] = [
        &[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[7, 7, 8, 0, 0, 0, 0, 0],
        &[0x94, 4, 0, 0],
        &[1, 1, 1, 0],
        &[131, 7, 4, 10, 0, 2, 2, 0],
        &[137, 7, 4, 10, 0, 2, 2, 0],
        &[131, 7, 8, 10, 0, 2, 2, 0],
        &[7, 0, 4, 0],
        &[7, 40, 4, 0],
        &[30, 4, 0, 0],
        &[0x82, 4, 1, 2],
        &[7, 7, 3, 0, 0, 0, 0, 0],
    ];
    dice.pick(&choices).to_vec()
}

/// Cuts, pads or spoils one frame in twelve.
fn maybe_break(dice: &mut Dice, mut frame: Vec<u8>) -> Vec<u8> {
    match dice.below(100) {
        0..3 => {
            let length = u32::try_from(frame.len()).unwrap_or(14);
            let cut = dice.within(14, length.max(14));
            frame.truncate(usize::try_from(cut).unwrap_or(14));
        }
        3..5 => frame.extend([0; 18]),
        5..8 if frame.len() > 14 => {
            let last = u32::try_from(frame.len() - 1).unwrap_or(14);
            let at = usize::try_from(dice.within(14, last)).unwrap_or(14);
            frame[at] ^= 1 << dice.below(8);
        }
        _ => {}
    }
    frame.truncate(Traffic::LONGEST);
    frame
}

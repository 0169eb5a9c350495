//! The ends of a wire: hosts of this library, and one of another.

use std::collections::VecDeque;
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::errno::Errno;
use crate::id::{DevId, NetnsId, SocketId};
use crate::packet::EtherType;
use crate::packet::build::push_ethernet;
use crate::packet::{PacketType, Skb};
use crate::socket::lab::{A, B, Pair, at, mac};
use crate::socket::tcp::TcpState;
use crate::socket::tcp::tests::wire::{End, Read, Stream};
use crate::socket::{Shutdown, SockOpt, SocketType};
use crate::time::SimTime;
use crate::world::World;

/// A port of its own for each test would tell nothing more.
pub(super) const PORT: u16 = 80;

/// Two namespaces whose wire is cut: what they send is taken and given by hand.
pub(super) struct Hosts {
    pub(super) pair: Pair,
    captures: [SocketId; 2],
    devs: [DevId; 2],
}

impl Hosts {
    pub(super) fn new() -> Self {
        let mut pair = Pair::new();
        let spaces = [pair.a, pair.b];
        let captures = spaces.map(|netns| {
            let capture = pair.capture(netns, "e0");
            pair.world.set_option(capture, SockOpt::RcvBuf(4_194_304)).unwrap();
            capture
        });
        let devs = spaces.map(|netns| pair.dev(netns, "e0"));
        // Nobody has the address 3: what is sent there gets nowhere.
        pair.know(pair.a, B, mac(3));
        pair.know(pair.b, A, mac(3));
        Self { pair, captures, devs }
    }

    pub(super) fn netns(&self, end: End) -> NetnsId {
        match end {
            End::Client => self.pair.a,
            End::Server => self.pair.b,
        }
    }

    /// The packets that an end has sent.
    pub(super) fn sent(&mut self, end: End) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut frame = Vec::new();
        while let Ok(info) = self.pair.world.recv_packet(self.captures[end as usize], &mut frame) {
            if info.pkt_type == PacketType::Outgoing {
                packets.push(frame[14..].to_vec());
            }
        }
        packets
    }

    /// Has an end receive a packet.
    pub(super) fn give(&mut self, end: End, packet: &[u8]) {
        let own = if end == End::Client { 1 } else { 2 };
        let mut skb = Skb::from_slice(packet);
        push_ethernet(&mut skb, mac(own), mac(3), EtherType::IPV4);
        self.pair.world.inject(self.devs[end as usize], skb.data());
    }

    pub(super) fn listen(&mut self, end: End) -> SocketId {
        let addr = if end == End::Client { A } else { B };
        let netns = self.netns(end);
        let socket = self.pair.bound(netns, SocketType::Tcp, addr, PORT);
        self.pair.world.listen(socket, 8).unwrap();
        socket
    }

    pub(super) fn connect(&mut self, end: End) -> SocketId {
        let socket = self.pair.open(self.netns(end), SocketType::Tcp);
        let to = if end == End::Client { B } else { A };
        assert_eq!(self.pair.world.connect(socket, at(to, PORT)), Err(Errno::EINPROGRESS));
        socket
    }

    /// The sockets that are there beside the captures.
    pub(super) fn sockets(&self) -> Vec<SocketId> {
        let all = self.pair.world.kernel.sockets.iter().map(|(id, _)| id);
        all.filter(|id| !self.captures.contains(id)).collect()
    }
}

/// A connection of this library.
pub(super) struct Own<'w> {
    pub(super) world: &'w mut World,
    pub(super) socket: SocketId,
    /// The peer forgets a FIN that comes with data before their turn: it has to come alone.
    pub(super) lone_fin: bool,
}

impl Stream for Own<'_> {
    fn is_connected(&mut self) -> bool {
        let state = self.world.kernel.sockets[self.socket].tcp().state;
        !matches!(state, TcpState::SynSent | TcpState::SynRecv)
    }

    fn write(&mut self, data: &[u8]) -> usize {
        match self.world.send(self.socket, data) {
            Err(Errno::EAGAIN) => 0,
            sent if data.is_empty() => sent.unwrap_or(0),
            sent => sent.unwrap(),
        }
    }

    fn read(&mut self, most: usize) -> Read {
        let mut data = Vec::new();
        match self.world.recv(self.socket, &mut data, most) {
            Err(Errno::EAGAIN) => Read::Nothing,
            read if read.unwrap() == 0 => Read::End,
            _ => Read::Data(data),
        }
    }

    fn may_finish(&mut self) -> bool {
        !self.lone_fin || self.world.kernel.sockets[self.socket].tcp().tx.unacked() == 0
    }

    fn finish(&mut self) {
        self.world.shutdown(self.socket, Shutdown::WRITE).unwrap();
    }

    fn close(&mut self) {
        self.world.close_socket(self.socket);
    }
}

/// The other library's host.
pub(super) struct Foreign {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    card: Card,
}

#[derive(Default)]
struct Card {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

impl Foreign {
    /// A host at the client's or the server's address, with buffers of so many bytes.
    pub(super) fn new(end: End, seed: u64, buffer: usize) -> Self {
        let mut card = Card::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut card, Instant::ZERO);
        let addr = if end == End::Client { A } else { B };
        interface.update_ip_addrs(|addrs| {
            addrs.push(IpCidr::new(IpAddress::Ipv4(addr), 24)).unwrap();
        });
        let buffers = [(); 2].map(|()| tcp::SocketBuffer::new(vec![0; buffer]));
        let [receives, sends] = buffers;
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(tcp::Socket::new(receives, sends));
        Self { interface, sockets, handle, card }
    }

    pub(super) fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    pub(super) fn listen(&mut self) {
        self.socket().listen(PORT).unwrap();
    }

    pub(super) fn connect(&mut self) {
        let Self { interface, sockets, handle, .. } = self;
        let socket = sockets.get_mut::<tcp::Socket<'_>>(*handle);
        let to = (IpAddress::Ipv4(B), PORT);
        socket.connect(interface.context(), to, 40000).unwrap();
    }

    pub(super) fn give(&mut self, packet: Vec<u8>) {
        self.card.received.push_back(packet);
    }

    /// Does what is due, and gives the packets that come of it.
    pub(super) fn run(&mut self, now: SimTime) -> Vec<Vec<u8>> {
        let Self { interface, sockets, card, .. } = self;
        let _changed = interface.poll(instant(now), card, sockets);
        card.sent.drain(..).collect()
    }

    /// When something will be due.
    pub(super) fn next_at(&mut self, now: SimTime) -> Option<SimTime> {
        let delay = self.interface.poll_delay(instant(now), &self.sockets)?;
        // It counts microseconds: never now again.
        Some(now + Duration::from_micros(delay.total_micros().max(1)))
    }
}

fn instant(now: SimTime) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).unwrap())
}

impl Stream for Foreign {
    fn is_connected(&mut self) -> bool {
        let state = self.socket().state();
        !matches!(state, tcp::State::Listen | tcp::State::SynSent | tcp::State::SynReceived)
    }

    fn write(&mut self, data: &[u8]) -> usize {
        let socket = self.socket();
        if socket.can_send() { socket.send_slice(data).unwrap() } else { 0 }
    }

    fn read(&mut self, most: usize) -> Read {
        let socket = self.socket();
        let mut data = vec![0; most];
        match socket.recv_slice(&mut data) {
            Err(tcp::RecvError::Finished) => Read::End,
            Err(tcp::RecvError::InvalidState) => panic!("the connection broke"),
            Ok(0) => Read::Nothing,
            Ok(len) => {
                data.truncate(len);
                Read::Data(data)
            }
        }
    }

    fn finish(&mut self) {
        self.socket().close();
    }

    fn close(&mut self) {
        self.socket().close();
    }
}

struct Arrived(Vec<u8>);

struct Leaving<'c>(&'c mut VecDeque<Vec<u8>>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived, Leaving<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Arrived(packet), Leaving(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Leaving<'_>> {
        Some(Leaving(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

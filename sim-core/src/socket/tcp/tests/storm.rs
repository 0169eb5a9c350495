//! Arbitrary segments, errors and system calls, in any order and state.

use std::time::Duration;

use proptest::prelude::*;

use crate::id::{DevId, SocketId};
use crate::kernel::Timer;
use crate::packet::build::{
    ChecksumMode, IcmpParams, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpParams, push_ethernet,
    push_icmp, push_ipv4, push_tcp,
};
use crate::packet::{EtherType, IcmpType, IpProto, Skb, TcpFlags};
use crate::socket::lab::{A, B, Pair, at, mac};
use crate::socket::tcp::tests::a_quarter;
use crate::socket::tcp::tests::invariants::check;
use crate::socket::tcp::{FourTuple, Seq, TcpEntry, TcpSock};
use crate::socket::{Protocol, Shutdown, SockOpt, SocketType};

/// A number of a connection that an arbitrary one lies near to.
#[derive(Clone, Copy, Debug)]
enum Near {
    Zero,
    RcvNxt,
    RcvEdge,
    Copied,
    SndUna,
    SndNxt,
    SndEnd,
}

type Number = (Near, i32);

/// A segment that a peer may send.
#[derive(Clone, Debug)]
struct Crafted {
    /// Which connection it is for.
    to: usize,
    flags: u8,
    seq: Number,
    ack: Number,
    window: u16,
    timestamps: Option<(i32, i32)>,
    sack: Vec<(Number, u16)>,
    raw_options: Option<Vec<u8>>,
    len: u16,
    tos: u8,
}

/// What a peer offers in its SYN.
#[derive(Clone, Debug)]
struct Offer {
    mss: u16,
    scale: Option<u8>,
    sack: bool,
    timestamps: bool,
    window: u16,
}

#[derive(Clone, Debug)]
enum Op {
    Open(Offer),
    Segment(Crafted),
    Icmp { to: usize, kind: u8, code: u8, mtu: u16, seq: Number },
    Connect(bool),
    Accept,
    Wait(u32),
    Call(usize, Call),
}

/// What a program does with a connection.
#[derive(Clone, Debug)]
enum Call {
    Send(u16),
    Recv(u16),
    Shutdown(u8),
    Close,
    NoDelay(bool),
    RcvBuf(u16),
    SndBuf(u16),
}

fn number() -> impl Strategy<Value = Number> {
    let near = prop_oneof![
        1 => Just(Near::Zero),
        4 => Just(Near::RcvNxt),
        2 => Just(Near::RcvEdge),
        1 => Just(Near::Copied),
        3 => Just(Near::SndUna),
        4 => Just(Near::SndNxt),
        1 => Just(Near::SndEnd),
    ];
    let offset = prop_oneof![9 => Just(0), 4 => -3i32..4, 6 => -3000i32..3000, 1 => any::<i32>()];
    (near, offset)
}

fn flags() -> impl Strategy<Value = u8> {
    prop_oneof![
        40 => Just(TcpFlags::ACK.0),
        10 => Just((TcpFlags::ACK | TcpFlags::PSH).0),
        4 => Just((TcpFlags::ACK | TcpFlags::FIN).0),
        2 => Just(TcpFlags::SYN.0),
        2 => Just((TcpFlags::SYN | TcpFlags::ACK).0),
        1 => Just(TcpFlags::RST.0),
        1 => Just((TcpFlags::ACK | TcpFlags::ECE).0),
        1 => any::<u8>(),
    ]
}

fn segment() -> impl Strategy<Value = Crafted> {
    let stamps = prop_oneof![
        4 => Just(None),
        4 => (0i32..20, -9i32..9).prop_map(Some),
        1 => any::<(i32, i32)>().prop_map(Some),
    ];
    let blocks = prop::collection::vec((number(), any::<u16>()), 0..5);
    let raw = prop_oneof![
        6 => Just(None),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
    ];
    let len = prop_oneof![4 => Just(0u16), 3 => 1..1500u16, 1 => 0..3000u16];
    let tos = prop_oneof![6 => Just(0u8), 1 => 0..4u8];
    let seq = prop_oneof![4 => Just((Near::RcvNxt, 0)), 2 => number()];
    let ack =
        prop_oneof![2 => Just((Near::SndNxt, 0)), 4 => Just((Near::SndUna, 0)), 2 => number()];
    let window = prop_oneof![2 => Just(u16::MAX), 1 => Just(0u16), 2 => any::<u16>()];
    ((any::<usize>(), flags(), seq, ack), (window, stamps, blocks, raw, len, tos)).prop_map(
        |((to, flags, seq, ack), (window, timestamps, sack, raw_options, len, tos))| Crafted {
            to,
            flags,
            seq,
            ack,
            window,
            timestamps,
            sack,
            raw_options,
            len,
            tos,
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let icmp =
        (any::<usize>(), prop_oneof![4 => Just(3u8), 1 => any::<u8>()], 0..16u8, any::<u16>());
    let socket = any::<usize>();
    let offer = (any::<u16>(), any::<Option<u8>>(), any::<(bool, bool)>(), any::<u16>());
    let offer = offer.prop_map(|(mss, scale, (sack, timestamps), window)| Offer {
        mss,
        scale,
        sack,
        timestamps,
        window,
    });
    let sizes = prop_oneof![2 => 1..200u16, 1 => any::<u16>()];
    let wait = prop_oneof![3 => 0..50u32, 2 => 0..2000u32, 1 => 0..200_000u32];
    prop_oneof![
        4 => offer.prop_map(Op::Open),
        40 => segment().prop_map(Op::Segment),
        1 => (icmp, number()).prop_map(|((to, kind, code, mtu), seq)| Op::Icmp { to, kind, code, mtu, seq }),
        1 => any::<bool>().prop_map(Op::Connect),
        3 => Just(Op::Accept),
        12 => (socket, sizes.clone()).prop_map(|(s, n)| Op::Call(s, Call::Send(n))),
        4 => (socket, sizes).prop_map(|(s, n)| Op::Call(s, Call::Recv(n))),
        1 => (socket, 0..3u8).prop_map(|(s, how)| Op::Call(s, Call::Shutdown(how))),
        1 => socket.prop_map(|s| Op::Call(s, Call::Close)),
        10 => wait.prop_map(Op::Wait),
        1 => (socket, any::<bool>()).prop_map(|(s, on)| Op::Call(s, Call::NoDelay(on))),
        1 => (socket, any::<u16>()).prop_map(|(s, n)| Op::Call(s, Call::RcvBuf(n))),
        1 => (socket, any::<u16>()).prop_map(|(s, n)| Op::Call(s, Call::SndBuf(n))),
    ]
}

/// A host `a` with a listening socket at port 80, and a peer that speaks only what the test says.
struct Storm {
    pair: Pair,
    dev: DevId,
    listener: SocketId,
    connections: Vec<FourTuple>,
    open: Vec<SocketId>,
}

impl Storm {
    fn new() -> Self {
        let mut pair = Pair::new();
        // The peer's kernel must not answer by itself.
        let dev = pair.dev(pair.a, "e0");
        pair.know(pair.a, B, mac(3));
        let listener = pair.bound(pair.a, SocketType::Tcp, A, 80);
        pair.world.listen(listener, 2).unwrap();
        Self { pair, dev, listener, connections: Vec::new(), open: Vec::new() }
    }

    fn tuple(&self, at: usize) -> FourTuple {
        let fresh = FourTuple { saddr: A, sport: 80, daddr: B, dport: 7 };
        let count = self.connections.len().max(1);
        self.connections.get(at % count).copied().unwrap_or(fresh)
    }

    /// The socket of a connection, if a program has it.
    fn socket(&self, at: usize) -> Option<SocketId> {
        let k = &self.pair.world.kernel;
        let entry = k.netns[self.pair.a].sockets.tcp_connections.get(&self.tuple(at))?;
        let TcpEntry::Socket(id) = entry else { return None };
        let Protocol::Tcp(tcp) = &k.sockets[*id].protocol else { return None };
        (!tcp.orphaned && tcp.parent.is_none()).then_some(*id)
    }

    fn number(&self, tuple: &FourTuple, (near, offset): Number) -> Seq {
        let k = &self.pair.world.kernel;
        let entry = k.netns[self.pair.a].sockets.tcp_connections.get(tuple);
        let base = match entry {
            None => Seq(7000),
            Some(TcpEntry::Request(request)) => match near {
                Near::RcvNxt | Near::RcvEdge | Near::Copied => request.rcv_nxt(),
                Near::Zero | Near::SndUna | Near::SndNxt | Near::SndEnd => request.snt_isn.plus(1),
            },
            Some(TcpEntry::Socket(id)) => {
                if let Protocol::TcpTimeWait(left) = &k.sockets[*id].protocol {
                    return left.rcv_nxt().plus(u32::from_ne_bytes(offset.to_ne_bytes()));
                }
                let TcpSock { rx, tx, .. } = k.sockets[*id].tcp();
                match near {
                    Near::Zero => Seq(0),
                    Near::RcvNxt => rx.nxt,
                    Near::RcvEdge => rx.nxt.plus(rx.window_left()),
                    Near::Copied => rx.copied,
                    Near::SndUna => tx.una,
                    Near::SndNxt => tx.nxt,
                    Near::SndEnd => tx.write_seq,
                }
            }
        };
        base.plus(u32::from_ne_bytes(offset.to_ne_bytes()))
    }

    /// The clocks of both sides, as far as a peer knows them.
    fn recent(&self, tuple: &FourTuple) -> (u32, u32) {
        let k = &self.pair.world.kernel;
        let entry = k.netns[self.pair.a].sockets.tcp_connections.get(tuple);
        let Some(TcpEntry::Socket(id)) = entry else { return (5, 0) };
        let Protocol::Tcp(tcp) = &k.sockets[*id].protocol else { return (5, 0) };
        (tcp.opt.ts_recent, tcp.opt.ts_offset)
    }

    /// The peer connects, and a program accepts that.
    fn open(&mut self, offer: &Offer) {
        let dport = 1000 + u16::try_from(self.connections.len()).unwrap();
        let tuple = FourTuple { saddr: A, sport: 80, daddr: B, dport };
        let [high, low] = offer.mss.to_be_bytes();
        let mut options = vec![2, 4, high, low];
        options.extend(offer.scale.iter().flat_map(|scale| [1, 3, 3, *scale]));
        if offer.sack {
            options.extend([1, 1, 4, 2]);
        }
        if offer.timestamps {
            options.extend([1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 0]);
        }
        self.send(&tuple, TcpFlags::SYN, (Seq(7000), Seq(0)), offer.window, &options, (0, 0));
        let table = &self.pair.world.kernel.netns[self.pair.a].sockets.tcp_connections;
        let Some(TcpEntry::Request(request)) = table.get(&tuple) else { return };
        let numbers = (request.rcv_nxt(), request.snt_isn.plus(1));
        self.send(&tuple, TcpFlags::ACK, numbers, offer.window, &[], (0, 0));
        self.connections.push(tuple);
        self.apply(&Op::Accept);
    }

    fn send(
        &mut self,
        tuple: &FourTuple,
        flags: TcpFlags,
        (seq, ack): (Seq, Seq),
        window: u16,
        options: &[u8],
        (len, tos): (u16, u8),
    ) {
        let mut skb = Skb::from_slice(&vec![b'x'; usize::from(len)]);
        let params = TcpParams {
            src_port: tuple.dport,
            dst_port: tuple.sport,
            seq: seq.0,
            ack: ack.0,
            flags,
            window,
            urgent_pointer: window,
            options: TcpOptionBytes::raw(options),
            checksum: ChecksumMode::Complete,
        };
        push_tcp(&mut skb, &params, PseudoHeader::V4 { src: B, dst: A });
        push_ipv4(&mut skb, &Ipv4Params { tos, ..Ipv4Params::new(B, A, IpProto::TCP) });
        self.inject(skb);
    }

    fn send_segment(&mut self, crafted: &Crafted) {
        let tuple = self.tuple(crafted.to);
        let blocks: Vec<(u32, u32)> = crafted
            .sack
            .iter()
            .map(|(start, len)| {
                let start = self.number(&tuple, *start);
                (start.0, start.plus(u32::from(*len)).0)
            })
            .collect();
        let flags = TcpFlags(crafted.flags);
        let mut options = Vec::new();
        if flags.syn() {
            options.extend([
                2,
                4,
                5,
                180,
                3,
                3,
                u8::try_from(crafted.window % 20).unwrap(),
                4,
                2,
                1,
                1,
                1,
            ]);
        }
        if let Some((value, echo)) = crafted.timestamps {
            let (recent, clock) = self.recent(&tuple);
            let [value, echo] = [(recent, value), (clock, echo)].map(|(base, n)| {
                base.wrapping_add(u32::from_ne_bytes(n.to_ne_bytes())).to_be_bytes()
            });
            options.extend([1, 1, 8, 10]);
            options.extend(value);
            options.extend(echo);
        }
        if !blocks.is_empty() && !flags.syn() {
            options.extend([1, 1, 5, u8::try_from(2 + 8 * blocks.len()).unwrap()]);
            for (start, end) in blocks {
                options.extend(start.to_be_bytes());
                options.extend(end.to_be_bytes());
            }
        }
        let options = crafted.raw_options.as_ref().unwrap_or(&options);
        let numbers = (self.number(&tuple, crafted.seq), self.number(&tuple, crafted.ack));
        self.send(&tuple, flags, numbers, crafted.window, options, (crafted.len, crafted.tos));
    }

    fn send_error(&mut self, to: usize, (kind, code): (u8, u8), mtu: u16, seq: Number) {
        let tuple = self.tuple(to);
        let seq = self.number(&tuple, seq);
        let mut quoted = Skb::from_slice(&tuple.sport.to_be_bytes());
        quoted.put(&tuple.dport.to_be_bytes());
        quoted.put(&seq.0.to_be_bytes());
        push_ipv4(&mut quoted, &Ipv4Params::new(A, B, IpProto::TCP));
        let mut skb = Skb::from_slice(quoted.data());
        push_icmp(&mut skb, &IcmpParams::error(IcmpType(kind), code, u32::from(mtu)));
        push_ipv4(&mut skb, &Ipv4Params::new(B, A, IpProto::ICMP));
        self.inject(skb);
    }

    fn inject(&mut self, mut skb: Skb) {
        push_ethernet(&mut skb, mac(1), mac(2), EtherType::IPV4);
        self.pair.world.inject(self.dev, skb.data());
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Segment(crafted) => self.send_segment(crafted),
            Op::Icmp { to, kind, code, mtu, seq } => {
                self.send_error(*to, (*kind, *code), *mtu, *seq);
            }
            Op::Open(offer) => self.open(offer),
            Op::Connect(to_listener) => {
                let socket = self.pair.open(self.pair.a, SocketType::Tcp);
                let to = if *to_listener { at(A, 80) } else { at(B, 90) };
                let _answer = self.pair.world.connect(socket, to);
                self.open.push(socket);
                let inet = self.pair.world.kernel.sockets[socket].inet;
                let (saddr, daddr) = (inet.saddr, inet.daddr);
                let tuple = FourTuple { saddr, sport: inet.sport, daddr, dport: inet.dport };
                self.connections.push(tuple);
            }
            Op::Accept => self.open.extend(self.pair.world.accept(self.listener)),
            Op::Wait(ms) => {
                let end = self.pair.world.now() + Duration::from_millis(u64::from(*ms));
                while self.pair.world.step_until(end) {
                    check(&self.pair.world.kernel);
                }
                self.pair.world.run_until(end);
            }
            Op::Call(at, call) => {
                if let Some(socket) = self.socket(*at) {
                    self.call(socket, call);
                }
            }
        }
    }

    fn call(&mut self, socket: SocketId, call: &Call) {
        let world = &mut self.pair.world;
        match *call {
            Call::Send(len) => drop(world.send(socket, &vec![b'a'; usize::from(len)])),
            Call::Recv(len) => drop(world.recv(socket, &mut Vec::new(), usize::from(len))),
            Call::Shutdown(0) => drop(world.shutdown(socket, Shutdown::READ)),
            Call::Shutdown(1) => drop(world.shutdown(socket, Shutdown::WRITE)),
            Call::Shutdown(_) => drop(world.shutdown(socket, Shutdown::BOTH)),
            Call::NoDelay(on) => world.set_option(socket, SockOpt::NoDelay(on)).unwrap(),
            Call::RcvBuf(len) => {
                world.set_option(socket, SockOpt::RcvBuf(u32::from(len))).unwrap();
            }
            Call::SndBuf(len) => {
                world.set_option(socket, SockOpt::SndBuf(u32::from(len))).unwrap();
            }
            Call::Close => {
                world.close_socket(socket);
                self.open.retain(|other| *other != socket);
            }
        }
    }

    /// Closes what is open, lets all timers run out, and sees that nothing is left.
    fn end(mut self) {
        for socket in std::mem::take(&mut self.open) {
            self.pair.world.close_socket(socket);
        }
        self.pair.world.close_socket(self.listener);
        check(&self.pair.world.kernel);
        self.apply(&Op::Wait(2 * 3_600_000));
        let k = &self.pair.world.kernel;
        let left: Vec<_> = k.sockets.iter().collect();
        assert!(left.is_empty(), "{left:?}");
        let tables = &k.netns[self.pair.a].sockets;
        assert!(tables.tcp_connections.is_empty() && tables.tcp_bound.at(80).is_empty());
        assert!(!k.timers.iter().any(|(_, timer)| is_tcp(timer)), "a timer of nothing");
    }
}

fn is_tcp(timer: &Timer) -> bool {
    matches!(timer, Timer::Tcp(..) | Timer::TcpRequest(..) | Timer::TcpTimeWait(_))
}

proptest! {
    #![proptest_config(a_quarter())]

    #[test]
    fn no_segment_breaks_a_socket_and_nothing_is_left_of_a_closed_one(
        ops in prop::collection::vec(op(), 1..100),
    ) {
        let mut storm = Storm::new();
        for op in &ops {
            storm.apply(op);
            check(&storm.pair.world.kernel);
        }
        storm.end();
    }
}

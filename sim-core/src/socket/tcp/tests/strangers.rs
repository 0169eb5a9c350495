//! Segments that do not fit a connection: what is answered and counted was seen on Linux 6.18, with the same
//! segments.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::SocketId;
use crate::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpOptionParams, TcpParams, push_ipv4,
    push_tcp,
};
use crate::packet::tcp_options::TcpOption;
use crate::packet::{IpProto, Ipv4, Skb, Tcp, TcpFlags};
use crate::socket::lab::{A, B};
use crate::socket::tcp::tests::ends::{Hosts, PORT};
use crate::socket::tcp::tests::wire::End;

const PEER_PORT: u16 = 5001;
/// The peer's first number; its SYN and ten bytes follow.
const FIRST: u32 = 1000;
/// The window that a new connection offers.
const WINDOW: u32 = 64_240;

const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;
const FIN: TcpFlags = TcpFlags::FIN;
const RST: TcpFlags = TcpFlags::RST;

/// A server with a connection whose peer is played by hand.
struct Stranger {
    hosts: Hosts,
    listener: SocketId,
    /// The clock that the server has sent, where clocks are used.
    echo: Option<u32>,
    /// The server's next number.
    ack: u32,
}

impl Stranger {
    /// Has the peer connect, and send ten bytes that nobody reads.
    fn new(with_clocks: bool) -> Self {
        let mut hosts = Hosts::new();
        let listener = hosts.listen(End::Server);
        let mut this = Self { hosts, listener, echo: with_clocks.then_some(0), ack: 0 };
        this.send(SYN, FIRST, 1000, 0);
        let answer = this.hosts.sent(End::Server).pop().unwrap();
        let tcp = Tcp::parse(Ipv4::parse(&answer).unwrap().payload()).unwrap();
        this.ack = tcp.seq() + 1;
        if with_clocks {
            this.echo = tcp.options_iter().find_map(|option| {
                let TcpOption::Timestamps { value, .. } = option else { return None };
                Some(value)
            });
            assert!(this.echo.is_some());
        }
        this.send(ACK, FIRST + 1, 1001, 0);
        this.send(ACK, FIRST + 1, 2000, 10);
        this.hosts.sent(End::Server);
        this
    }

    fn send(&mut self, flags: TcpFlags, seq: u32, clock: u32, len: usize) {
        let mut skb = Skb::from_slice(&vec![b'y'; len]);
        let options = TcpOptionBytes::new(&TcpOptionParams {
            mss: None,
            sack_permitted: false,
            timestamps: self.echo.map(|echo| (clock, echo)),
            window_scale: None,
            sack: &[],
        });
        let params = TcpParams {
            src_port: PEER_PORT,
            dst_port: PORT,
            seq,
            ack: if flags.ack() { self.ack } else { 0 },
            flags,
            window: 500,
            urgent_pointer: 0,
            options,
            checksum: ChecksumMode::Complete,
        };
        push_tcp(&mut skb, &params, PseudoHeader::V4 { src: A, dst: B });
        push_ipv4(&mut skb, &Ipv4Params::new(A, B, IpProto::TCP));
        self.hosts.give(End::Server, skb.data());
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = BTreeMap::new();
        let netns = self.hosts.netns(End::Server);
        self.hosts.pair.world.kernel.netns[netns].mib.for_each(|group, name, value| {
            if group == "TcpExt" {
                counters.insert(name.to_owned(), value);
            }
        });
        counters
    }

    /// Sends a segment, after a pause; how many answers come, and what is counted.
    fn tell(&mut self, flags: TcpFlags, seq: u32, clock: u32, len: usize) -> (usize, String) {
        let now = self.hosts.pair.world.now();
        self.hosts.pair.world.run_until(now + Duration::from_millis(700));
        self.hosts.sent(End::Server);
        let before = self.counters();
        self.send(flags, seq, clock, len);
        let grown = self.counters().into_iter().filter(|(name, value)| {
            // Which path a good ACK takes is nothing that others see.
            before.get(name).copied().unwrap_or(0) != *value && name != "TCPPureAcks"
        });
        let names: Vec<String> = grown.map(|(name, _)| name).collect();
        (self.hosts.sent(End::Server).len(), names.join(" "))
    }
}

#[test]
fn an_ack_with_an_old_clock_is_only_counted_and_other_segments_are_answered() {
    let mut stranger = Stranger::new(true);
    for (what, flags, seq, clock, len, answers, counted) in [
        ("an overtaken ACK", ACK, 1005, 1500, 0, 0, "PAWSOldAck"),
        ("another", ACK, 1, 1500, 0, 0, "PAWSOldAck"),
        ("the last ACK again", ACK, 1011, 1999, 0, 0, ""),
        ("an ACK of long ago", ACK, 1011, 0_u32.wrapping_sub(98_999), 0, 1, "PAWSEstab"),
        ("an ACK of later data", ACK, 1012, 1500, 0, 1, "PAWSEstab"),
        ("data", ACK, 1011, 1500, 5, 1, "PAWSEstab"),
        ("data that came before", ACK, 1001, 1500, 10, 1, "DelayedACKLost PAWSEstab"),
        ("a FIN that came before", FIN | ACK, 1005, 1500, 0, 1, "DelayedACKLost PAWSEstab"),
        ("a SYN", SYN, 1011, 1500, 0, 1, "TCPChallengeACK TCPSYNChallenge"),
        ("a reset", RST, 1500, 1500, 0, 1, "TCPChallengeACK"),
    ] {
        let told = stranger.tell(flags, seq, clock, len);
        assert_eq!(told, (answers, counted.to_owned()), "{what}");
    }
}

#[test]
fn segments_that_reach_beyond_the_window_are_counted() {
    let mut stranger = Stranger::new(false);
    let edge = FIRST + 1 + WINDOW;
    for (what, flags, seq, len, answers, counted) in [
        ("data over the edge, while others are unread", ACK, edge - 50, 100, 1, "BeyondWindow"),
        ("data beyond it", ACK, edge + 50, 100, 1, "BeyondWindow"),
        ("data from before", ACK, FIRST - 49, 10, 1, "DelayedACKLost"),
        ("an ACK at the edge", ACK, edge, 0, 0, ""),
        ("an ACK beyond it", ACK, edge + 1, 0, 1, "BeyondWindow"),
        ("a FIN beyond it", FIN | ACK, edge + 1, 0, 1, "BeyondWindow"),
        ("a SYN within it", SYN, FIRST + 20, 0, 1, "TCPChallengeACK TCPSYNChallenge"),
        ("a reset within it", RST, FIRST + 20, 0, 1, "TCPChallengeACK"),
    ] {
        let told = stranger.tell(flags, seq, 0, len);
        assert_eq!(told, (answers, counted.to_owned()), "{what}");
    }
}

#[test]
fn segments_with_an_old_clock_are_counted_after_the_end_too() {
    let mut stranger = Stranger::new(true);
    let world = &mut stranger.hosts.pair.world;
    let socket = world.accept(stranger.listener).unwrap();
    world.recv(socket, &mut Vec::new(), 100).unwrap();
    world.close_socket(socket);
    stranger.ack += 1;
    stranger.send(FIN | ACK, 1011, 2001, 0);
    for (what, flags, seq, clock, len, answers, counted) in [
        ("an old ACK", ACK, 1012, 1500, 0, 1, "PAWSTimewait"),
        ("old data", ACK, 1012, 1500, 2, 1, "PAWSTimewait"),
        ("the FIN, old", FIN | ACK, 1011, 1500, 0, 1, "PAWSTimewait"),
        ("the FIN again", FIN | ACK, 1011, 2002, 0, 1, ""),
        ("an old SYN", SYN, 1012, 1500, 0, 1, "PAWSTimewait"),
        ("an old reset", RST, 1012, 1500, 0, 0, "PAWSTimewait"),
    ] {
        let told = stranger.tell(flags, seq, clock, len);
        assert_eq!(told, (answers, counted.to_owned()), "{what}");
    }
}

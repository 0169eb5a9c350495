//! Streams arrive whole, whatever a wire does, and nothing is left of a connection afterwards.

use std::time::Duration;

use proptest::prelude::*;

use crate::id::SocketId;
use crate::netlink::request::Request;
use crate::socket::SockOpt;
use crate::socket::tcp::tests::a_quarter;
use crate::socket::tcp::tests::ends::{Foreign, Hosts, Own};
use crate::socket::tcp::tests::invariants::check;
use crate::socket::tcp::tests::wire::{End, Faults, Manner, Program, Wire};
use crate::time::SimTime;

/// Longer than any connection takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(48 * 3600);

/// A conversation.
#[derive(Clone, Debug)]
struct Talk {
    seed: u64,
    faults: Faults,
    /// How many bytes each end sends.
    lens: [usize; 2],
    /// How many bytes each end reads at once.
    chunks: [usize; 2],
    manners: [Manner; 2],
    /// The receive buffers, if they are fixed, in bytes.
    rcvbuf: Option<u32>,
    /// Settings that are off.
    off: Vec<&'static str>,
}

impl Talk {
    fn new(lens: [usize; 2], manners: [Manner; 2]) -> Self {
        let (faults, off) = (Faults::default(), Vec::new());
        Self { seed: 1, faults, lens, chunks: [10_000; 2], manners, rcvbuf: None, off }
    }

    fn bytes(&self, end: End) -> Vec<u8> {
        let salt = if end == End::Client { 7 } else { 11 };
        (0..self.lens[end as usize]).map(|n| u8::try_from((n * salt) % 251).unwrap()).collect()
    }

    fn programs(&self) -> [Program; 2] {
        End::BOTH.map(|end| {
            let at = end as usize;
            Program::new(&self.bytes(end), self.chunks[at], self.manners[at])
        })
    }

    fn hosts(&self) -> Hosts {
        let mut hosts = Hosts::new();
        for end in End::BOTH {
            let netns = hosts.netns(end);
            // Nobody gives up: that takes long enough on a bad wire.
            let patient = [("tcp_retries2", "99"), ("tcp_orphan_retries", "99")];
            for (name, value) in self.off.iter().map(|name| (*name, "0")).chain(patient) {
                let name = format!("net.ipv4.{name}");
                hosts.pair.request(netns, &Request::SysctlSet { name, value: value.into() });
            }
        }
        hosts
    }

    fn prepare(&self, hosts: &mut Hosts, socket: SocketId) {
        if let Some(bytes) = self.rcvbuf {
            hosts.pair.world.set_option(socket, SockOpt::RcvBuf(bytes)).unwrap();
        }
    }

    fn assert_received(&self, programs: &[Program; 2]) {
        for end in End::BOTH {
            let program = &programs[end as usize];
            assert!(program.closed, "{end:?} has not come to its end");
            assert!(program.received == self.bytes(end.other()), "{end:?} has read something else");
        }
    }
}

/// Lets time pass until something is due, and sees that all is well meanwhile.
fn advance(hosts: &mut Hosts, wire: &Wire, other: Option<SimTime>) -> bool {
    let world = &mut hosts.pair.world;
    let next = [world.next_event(), wire.next_at(), other].into_iter().flatten().min();
    let Some(next) = next.filter(|next| *next <= SimTime::ZERO + PATIENCE) else { return false };
    world.run_until(next);
    check(&world.kernel);
    true
}

/// Sees that sockets go by themselves.
fn assert_all_goes(hosts: &mut Hosts, listener: Option<SocketId>) {
    if let Some(listener) = listener {
        hosts.pair.world.close_socket(listener);
    }
    let end = hosts.pair.world.now() + Duration::from_secs(600);
    hosts.pair.world.run_until(end);
    assert!(hosts.sockets().is_empty(), "{:?}", hosts.pair.world.kernel.sockets);
}

/// A conversation of two hosts of this library.
fn among_ourselves(talk: &Talk) {
    let mut hosts = talk.hosts();
    let mut wire = Wire::new(talk.seed, talk.faults.clone());
    let mut programs = talk.programs();
    let listener = hosts.listen(End::Server);
    talk.prepare(&mut hosts, listener);
    let mut sockets = [Some(hosts.connect(End::Client)), None];
    if let Some(client) = sockets[0] {
        talk.prepare(&mut hosts, client);
    }
    loop {
        sockets[1] = sockets[1].or_else(|| hosts.pair.world.accept(listener).ok());
        let mut busy = false;
        for end in End::BOTH {
            let at = end as usize;
            if let Some(socket) = sockets[at] {
                let world = &mut hosts.pair.world;
                busy |= programs[at].step(&mut Own { world, socket, lone_fin: false });
            }
            let now = hosts.pair.world.now();
            for packet in hosts.sent(end) {
                wire.send(end, &packet, now);
            }
        }
        check(&hosts.pair.world.kernel);
        let now = hosts.pair.world.now();
        while let Some((end, packet)) = wire.receive(now) {
            hosts.give(end, &packet);
            busy = true;
        }
        if !busy && !advance(&mut hosts, &wire, None) {
            break;
        }
    }
    talk.assert_received(&programs);
    assert_all_goes(&mut hosts, Some(listener));
}

/// A conversation with the other library's host, which is at one end.
fn with_a_stranger(talk: &Talk, strange: End) {
    let mut hosts = talk.hosts();
    let mut wire = Wire::new(talk.seed, talk.faults.clone());
    let mut programs = talk.programs();
    let mut foreign = Foreign::new(strange, talk.seed, 20_000);
    let own = strange.other();
    let (listener, mut socket) = if strange == End::Client {
        foreign.connect();
        (Some(hosts.listen(own)), None)
    } else {
        foreign.listen();
        (None, Some(hosts.connect(own)))
    };
    if let Some(first) = listener.or(socket) {
        talk.prepare(&mut hosts, first);
    }
    loop {
        socket = socket.or_else(|| hosts.pair.world.accept(listener?).ok());
        let now = hosts.pair.world.now();
        let mut packets = foreign.run(now);
        let mut busy = programs[strange as usize].step(&mut foreign);
        packets.extend(foreign.run(now));
        for packet in packets {
            wire.send(strange, &packet, now);
        }
        if let Some(socket) = socket {
            let world = &mut hosts.pair.world;
            busy |= programs[own as usize].step(&mut Own { world, socket, lone_fin: true });
        }
        for packet in hosts.sent(own) {
            wire.send(own, &packet, now);
        }
        while let Some((end, packet)) = wire.receive(now) {
            if end == own {
                hosts.give(own, &packet);
            } else {
                foreign.give(packet);
            }
            busy = true;
        }
        let next = foreign.next_at(now);
        if !busy && !advance(&mut hosts, &wire, next) {
            break;
        }
    }
    talk.assert_received(&programs);
    assert!(!foreign.socket().is_open(), "{}", foreign.socket().state());
    assert_all_goes(&mut hosts, listener);
}

const ORDERS: [[Manner; 2]; 3] = [
    [Manner::First, Manner::Second],
    [Manner::Second, Manner::First],
    [Manner::First, Manner::First],
];

#[test]
fn a_stranger_is_understood_whoever_connects_and_whoever_closes_first() {
    for strange in End::BOTH {
        for manners in ORDERS {
            with_a_stranger(&Talk::new([40_000, 30_000], manners), strange);
            with_a_stranger(&Talk::new([0, 1], manners), strange);
        }
    }
}

#[test]
fn any_one_packet_may_be_lost_on_the_way_to_or_from_a_stranger() {
    for strange in End::BOTH {
        for from in End::BOTH {
            for number in 0..12 {
                let mut talk = Talk::new([5_000, 4_000], ORDERS[2]);
                talk.faults.doomed = vec![(from, number)];
                with_a_stranger(&talk, strange);
            }
        }
    }
}

fn talks() -> impl Strategy<Value = Talk> {
    let faults = (0..30u32, 0..20u32, 0..40u32);
    let lens = prop_oneof![1 => Just(0usize), 3 => 1..3_000usize, 3 => 1..60_000usize];
    let chunks = prop_oneof![1..500usize, 1_000..20_000usize];
    let rcvbuf = prop_oneof![2 => Just(None), 1 => (2_000..20_000u32).prop_map(Some)];
    let off =
        prop::sample::subsequence(vec!["tcp_sack", "tcp_timestamps", "tcp_window_scaling"], 0..3);
    let pairs = ([lens.clone(), lens], [chunks.clone(), chunks], prop::sample::select(&ORDERS[..]));
    (any::<u64>(), faults, pairs, rcvbuf, off).prop_map(
        |(seed, (lose, repeat, delay_ms), (lens, chunks, manners), rcvbuf, off)| {
            let faults = Faults { lose, repeat, delay_ms, doomed: Vec::new() };
            Talk { seed, faults, lens, chunks, manners, rcvbuf, off }
        },
    )
}

proptest! {
    #![proptest_config(a_quarter())]

    #[test]
    fn streams_arrive_whole_over_a_bad_wire(talk in talks()) {
        among_ourselves(&talk);
    }

    #[test]
    fn streams_from_and_to_a_stranger_arrive_whole_over_a_bad_wire(
        mut talk in talks(),
        strange in prop::sample::select(&End::BOTH[..]),
    ) {
        if talk.faults.delay_ms > 0 {
            // It believes the closed window of an ACK that was overtaken.
            talk.rcvbuf = None;
        }
        with_a_stranger(&talk, strange);
    }
}

//! What Linux 6.18 made of segments that were sent through it, one after the other.
//!
//! `observed.txt`, one connection a paragraph: `= LOOSE LIBERAL IGNORE_INVALID_RST`, then of each segment direction,
//! flags, sequence number, acknowledgment, window, data bytes and options (`wN` window scale, `s` SACK permitted,
//! `kL-R` SACK, `t` timestamps); `!` if it was counted as invalid and `|` if not; and what `conntrack -L` showed:
//! state, seconds to live, the side that began, `u` for unreplied and `a` for assured. `-` is no entry.

use super::*;
use crate::netfilter::Hook;
use crate::netfilter::conntrack::proto::{self, tests::entry};
use crate::netfilter::conntrack::{CtInfo, Tuple};
use crate::sysctl::Sysctls;
use crate::time::SimTime;

/// The options of a segment as bytes.
fn options(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split(',').filter(|word| *word != "-") {
        let (kind, rest) = word.split_at(1);
        match kind {
            "w" => bytes.extend([3, 3, rest.parse().expect("a scale"), 1]),
            "s" => bytes.extend([4, 2, 1, 1]),
            "t" => bytes.extend([1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0]),
            "k" => {
                let (left, right) = rest.split_once('-').expect("two edges");
                bytes.extend([1, 1, 5, 10]);
                for edge in [left, right] {
                    bytes.extend(edge.parse::<u32>().expect("an edge").to_be_bytes());
                }
            }
            other => panic!("option {other}"),
        }
    }
    bytes
}

fn flags(text: &str) -> u8 {
    let bit = |c| match c {
        'F' => TcpFlags::FIN,
        'S' => TcpFlags::SYN,
        'R' => TcpFlags::RST,
        'P' => TcpFlags::PSH,
        'A' => TcpFlags::ACK,
        'U' => TcpFlags::URG,
        _ => TcpFlags::NONE,
    };
    text.chars().fold(TcpFlags::NONE, |flags, c| flags.with(bit(c))).0
}

/// The packet of one line.
fn packet_of(words: &[&str]) -> Vec<u8> {
    let number = |at: usize| words[at].parse::<u32>().expect("a number");
    let (ends, ports) = if words[0] == "o" {
        ([[10, 0, 1, 1], [10, 0, 2, 2]], [1000_u16, 80])
    } else {
        ([[10, 0, 2, 2], [10, 0, 1, 1]], [80, 1000])
    };
    let options = options(words[6]);
    let mut segment = Vec::new();
    segment.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    segment.extend(number(2).to_be_bytes());
    segment.extend(number(3).to_be_bytes());
    segment.extend([u8::try_from(5 + options.len() / 4).expect("short") << 4, flags(words[1])]);
    segment.extend(&number(4).to_be_bytes()[2..]);
    segment.extend([0; 4]);
    segment.extend(options);
    segment.resize(segment.len() + number(5) as usize, b'x');
    let len = u16::try_from(20 + segment.len()).expect("short").to_be_bytes();
    let mut packet = vec![0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend(ends.concat());
    packet.extend(segment);
    packet
}

/// The part of the core that a single flow needs.
struct Flow {
    sysctl: Sysctls,
    conn: Option<Conn>,
}

impl Flow {
    fn new(settings: &[&str]) -> Self {
        use Sysctl as S;
        let mut sysctl = Sysctls::default();
        for (key, value) in [
            (S::NfConntrackTcpLoose, settings[0]),
            (S::NfConntrackTcpBeLiberal, settings[1]),
            (S::NfConntrackTcpIgnoreInvalidRst, settings[2]),
            (S::NfConntrackTcpTimeoutSynSent, "1200"),
            (S::NfConntrackTcpTimeoutSynRecv, "600"),
            (S::NfConntrackTcpTimeoutEstablished, "43200"),
            (S::NfConntrackTcpTimeoutFinWait, "1210"),
            (S::NfConntrackTcpTimeoutCloseWait, "610"),
            (S::NfConntrackTcpTimeoutLastAck, "310"),
            (S::NfConntrackTcpTimeoutTimeWait, "1220"),
            (S::NfConntrackTcpTimeoutClose, "100"),
            (S::NfConntrackTcpTimeoutMaxRetrans, "3000"),
            (S::NfConntrackTcpTimeoutUnacknowledged, "3010"),
        ] {
            sysctl.write(key, value).expect("a value");
        }
        Self { sysctl, conn: None }
    }

    /// Passes a packet through; whether it is valid.
    fn take(&mut self, packet: &[u8]) -> bool {
        let tuple = proto::tuple_of(packet).expect("a tuple");
        if !proto::check(packet, Hook::PreRouting, false) {
            return false;
        }
        let cx = ProtoCx { now: SimTime::ZERO, sysctl: &self.sysctl, hook: Hook::PreRouting };
        let fresh = self.conn.is_none();
        let mut conn = self.conn.take().unwrap_or_else(|| entry(tuple));
        if fresh && !proto::begin(&mut conn, packet, &cx) {
            return false;
        }
        let dir = if *conn.tuple(Dir::Original) == tuple { Dir::Original } else { Dir::Reply };
        let info = match dir {
            Dir::Original if conn.status.has(Status::SEEN_REPLY) => CtInfo::Established,
            Dir::Original => CtInfo::New,
            Dir::Reply => CtInfo::EstablishedReply,
        };
        let ruling = proto::packet(&mut conn, packet, dir, info, &cx);
        match ruling {
            Ruling::Accept => {
                if dir == Dir::Reply {
                    conn.status.set(Status::SEEN_REPLY);
                }
                conn.status.set(Status::CONFIRMED);
                self.conn = Some(conn);
                true
            }
            Ruling::Kill => true,
            Ruling::Invalid => {
                self.conn = Some(conn).filter(|_| !fresh);
                false
            }
            Ruling::Repeat => self.take(packet),
        }
    }

    /// The entry as `conntrack -L` shows it.
    fn show(&self) -> String {
        let Some(conn) = &self.conn else { return "-".to_owned() };
        let state = proto::state_name(conn).expect("TCP has states");
        let from_a = conn.tuple(Dir::Original).src.id == 1000;
        let unreplied = if conn.status.has(Status::SEEN_REPLY) { "" } else { "u" };
        let assured = if conn.status.has(Status::ASSURED) { "a" } else { "" };
        let marks = Some(unreplied.to_owned() + assured).filter(|marks| !marks.is_empty());
        format!(
            "{state} {} {} {}",
            conn.timeout / HZ,
            if from_a { 'o' } else { 'r' },
            marks.as_deref().unwrap_or(".")
        )
    }
}

/// Replays what was observed, and says where the two part.
fn replay(observed: &str) {
    let mut flow = Flow::new(&["1", "0", "0"]);
    let mut lines = 0;
    for (at, line) in observed.lines().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "=" {
            flow = Flow::new(&words[1..]);
            continue;
        }
        let valid = flow.take(&packet_of(&words));
        let shown = format!("{} {}", if valid { '|' } else { '!' }, flow.show());
        let state = flow.conn.as_ref().map(|conn| &conn.proto);
        assert_eq!(shown, words[7..].join(" "), "line {}: {line}\n{state:?}", at + 1);
        lines += 1;
    }
    assert!(lines > 1000);
}

#[test]
fn segments_are_judged_as_linux_judges_them() {
    replay(include_str!("observed.txt"));
}

#[test]
fn a_tuple_of_ports_is_turned_round() {
    let tuple = Tuple::new(crate::packet::IpProto::TCP, ([10, 0, 0, 1], 5), ([10, 0, 0, 2], 80));
    let inverse = proto::invert(&tuple).expect("ports have an inverse");
    assert_eq!((inverse.src, inverse.dst), (tuple.dst, tuple.src));
}

//! What Linux 6.18 made of segments that were sent through it, one after the other.
//!
//! `observed.txt`, one connection a paragraph: `= LOOSE LIBERAL IGNORE_INVALID_RST`, then of each segment direction,
//! flags, sequence number, acknowledgment, window, data bytes and options (`wN` window scale, `s` SACK permitted,
//! `kL-R` SACK, `t` timestamps); `!` if it was counted as invalid and `|` if not; and what `conntrack -L` showed:
//! state, seconds to live, the side that began, `u` for unreplied and `a` for assured. `-` is no entry.

use super::*;
use crate::netfilter::conntrack::proto::tests::{Core, marks};
use crate::netfilter::conntrack::{Tuple, proto};

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

/// A table under the settings of a paragraph.
fn table(settings: &[&str]) -> Core {
    use Sysctl as S;
    Core::new(
        &[
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
        ],
        false,
    )
}

/// The entry as `conntrack -L` shows it.
fn show(core: &Core) -> String {
    let Some(conn) = core.conns.first() else { return "-".to_owned() };
    let state = proto::state_name(conn).expect("TCP has states");
    let side = if conn.tuple(Dir::Original).src.id == 1000 { 'o' } else { 'r' };
    format!("{state} {} {side} {}", conn.timeout / HZ, marks(conn))
}

/// Replays what was observed, and says where the two part.
fn replay(observed: &str) {
    let mut core = table(&["1", "0", "0"]);
    let mut lines = 0;
    for (at, line) in observed.lines().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "=" {
            core = table(&words[1..]);
            continue;
        }
        let valid = core.take(&packet_of(&words));
        let shown = format!("{} {}", if valid { '|' } else { '!' }, show(&core));
        let state = core.conns.first().map(|conn| &conn.proto);
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

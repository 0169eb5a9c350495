//! Tests of all protocols together, and what Linux 6.18 made of packets that were sent through it.
//!
//! `observed.txt`, one table a paragraph: of each packet the side that sent it, its bytes, `!` if it was
//! invalid and `|` if not, and then what `conntrack -L` showed, entries separated by `;`: protocol, state, seconds to
//! live, the side that began, `u` for unreplied and `a` for assured. `-` is nothing. `wait` is in milliseconds.

use proptest::prelude::*;

use super::*;
use crate::netfilter::conntrack::Status;
use crate::packet::hex::from_hex;
use crate::time::HZ;

/// The part of the core that these tests need.
#[derive(Default)]
pub(super) struct Core {
    pub(super) sysctl: Sysctls,
    pub(super) conns: Vec<Conn>,
    /// Whether checksums are looked at.
    checksums: bool,
    now: SimTime,
}

impl Core {
    /// An empty table under these settings.
    pub(super) fn new(settings: &[(Sysctl, &str)], checksums: bool) -> Self {
        let mut sysctl = Sysctls::default();
        for (key, value) in settings {
            sysctl.write(*key, value).expect("a value");
        }
        Self { sysctl, checksums, ..Self::default() }
    }

    /// The entry that has this tuple, and in which direction.
    fn find(&self, tuple: &Tuple) -> Option<(usize, Dir)> {
        let dirs = [Dir::Original, Dir::Reply];
        self.conns.iter().enumerate().find_map(|(at, conn)| {
            dirs.into_iter().find(|dir| conn.tuple(*dir) == tuple).map(|dir| (at, dir))
        })
    }

    /// Passes a packet through; whether it is valid.
    pub(super) fn take(&mut self, packet: &[u8]) -> bool {
        if !check(packet, Hook::PreRouting, self.checksums) {
            return false;
        }
        match error_quote(packet) {
            Quote::Itself => {}
            Quote::Unclear => return false,
            Quote::Of(tuple) => {
                let to = packet.get(16..20).expect("an address");
                return self.find(&tuple).is_some_and(|(at, dir)| {
                    let of: [u8; 4] = to.try_into().expect("four bytes");
                    self.conns[at].tuple(dir).dst.addr == std::net::IpAddr::from(of)
                });
            }
        }
        let Some(tuple) = tuple_of(packet) else { return false };
        let cx = ProtoCx { now: self.now, sysctl: &self.sysctl, hook: Hook::PreRouting };
        let found = self.find(&tuple);
        let (mut conn, dir) = match found {
            Some((at, dir)) => (self.conns.remove(at), dir),
            None if invert(&tuple).is_none() => return false,
            None => (entry(tuple), Dir::Original),
        };
        if found.is_none() && !begin(&mut conn, packet, &cx) {
            return false;
        }
        let info = match dir {
            Dir::Original if conn.status.has(Status::SEEN_REPLY) => CtInfo::Established,
            Dir::Original => CtInfo::New,
            Dir::Reply => CtInfo::EstablishedReply,
        };
        match super::packet(&mut conn, packet, dir, info, &cx) {
            Ruling::Accept => {
                if dir == Dir::Reply {
                    conn.status.set(Status::SEEN_REPLY);
                }
                if found.is_none() {
                    conn.timeout += self.now.jiffies();
                }
                conn.status.set(Status::CONFIRMED);
                self.conns.push(conn);
                true
            }
            Ruling::Kill => true,
            Ruling::Invalid => {
                self.conns.extend(found.map(|_| conn));
                false
            }
            Ruling::Repeat => self.take(packet),
        }
    }

    /// The entries as `conntrack -L` shows them. Side `o` is 10.0.1.1.
    fn show(&self) -> String {
        let mut entries: Vec<String> = self.conns.iter().map(|conn| self.show_one(conn)).collect();
        entries.sort();
        if entries.is_empty() { "-".to_owned() } else { entries.join(";") }
    }

    fn show_one(&self, conn: &Conn) -> String {
        let original = conn.tuple(Dir::Original);
        let state = match original.proto {
            IpProto::SCTP => state_name(conn).unwrap_or("NONE"),
            _ => "-",
        };
        // The entry was looked at before a jiffy had passed, or just behind.
        let left = conn.timeout.saturating_sub(self.now.jiffies()).div_ceil(HZ).div_ceil(10) * 10;
        let side = if original.src.addr.to_string() == "10.0.1.1" { 'o' } else { 'r' };
        format!("{} {state} {left} {side} {}", original.proto, marks(conn))
    }
}

/// How `conntrack -L` marks an entry.
pub(super) fn marks(conn: &Conn) -> &'static str {
    match (conn.status.has(Status::SEEN_REPLY), conn.status.has(Status::ASSURED)) {
        (true, true) => "a",
        (true, false) => ".",
        (false, true) => "ua",
        (false, false) => "u",
    }
}

/// Times to live of which each is another one.
const TIMEOUTS: [(Sysctl, &str); 14] = [
    (Sysctl::NfConntrackUdpTimeout, "300"),
    (Sysctl::NfConntrackUdpTimeoutStream, "1200"),
    (Sysctl::NfConntrackIcmpTimeout, "200"),
    (Sysctl::NfConntrackGreTimeout, "310"),
    (Sysctl::NfConntrackGreTimeoutStream, "1800"),
    (Sysctl::NfConntrackGenericTimeout, "600"),
    (Sysctl::NfConntrackSctpTimeoutClosed, "100"),
    (Sysctl::NfConntrackSctpTimeoutCookieWait, "320"),
    (Sysctl::NfConntrackSctpTimeoutCookieEchoed, "330"),
    (Sysctl::NfConntrackSctpTimeoutEstablished, "2100"),
    (Sysctl::NfConntrackSctpTimeoutShutdownSent, "340"),
    (Sysctl::NfConntrackSctpTimeoutShutdownRecd, "350"),
    (Sysctl::NfConntrackSctpTimeoutShutdownAckSent, "360"),
    (Sysctl::NfConntrackSctpTimeoutHeartbeatSent, "370"),
];

#[test]
fn packets_are_judged_as_linux_judges_them() {
    replay(include_str!("observed.txt"));
}

/// Replays what was observed, and says where the two part.
fn replay(observed: &str) {
    let mut core = Core::new(&TIMEOUTS, true);
    let mut packets = 0;
    for (at, line) in observed.lines().enumerate() {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match words[..] {
            ["="] => core = Core::new(&TIMEOUTS, true),
            ["wait", millis] => {
                let millis = millis.parse().expect("a time");
                core.now += std::time::Duration::from_millis(millis);
            }
            [_, bytes, seen] => {
                let valid = core.take(&from_hex(bytes).expect("bytes"));
                let shown = format!("{} {}", if valid { '|' } else { '!' }, core.show());
                let conns = &core.conns;
                assert_eq!(shown, seen, "line {}: {line}\n{conns:#?}", at + 1);
                packets += 1;
            }
            _ => panic!("{line}"),
        }
    }
    assert!(packets > 600);
}

/// An entry of which only the tuple is known.
pub(super) fn entry(tuple: Tuple) -> Conn {
    Conn { event_mask: 0, ..Conn::between([tuple, invert(&tuple).unwrap_or(tuple)]) }
}

/// An IPv4 packet of protocol `proto` with no options and no checksum.
fn ipv4(proto: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).expect("short").to_be_bytes();
    let mut packet = vec![0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, proto, 0, 0];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(payload);
    packet
}

/// Puts arbitrary packets of one flow through all of it.
fn feed(packets: &[Vec<u8>]) {
    let sysctl = Sysctls::default();
    let cx = ProtoCx { now: SimTime::ZERO, sysctl: &sysctl, hook: Hook::PreRouting };
    let mut conn: Option<Conn> = None;
    for (at, bytes) in packets.iter().enumerate() {
        let (_, _) = (error_quote(bytes), check(bytes, Hook::PreRouting, true));
        let Some(tuple) = tuple_of(bytes) else { continue };
        let dir = if at % 3 == 0 { Dir::Original } else { Dir::Reply };
        let info = if dir == Dir::Original { CtInfo::New } else { CtInfo::EstablishedReply };
        if conn.is_none() {
            let mut fresh = entry(tuple);
            if begin(&mut fresh, bytes, &cx) {
                conn = Some(fresh);
            }
        }
        if let Some(conn) = &mut conn {
            let _ = packet(conn, bytes, dir, info, &cx);
            conn.status.set(Status::CONFIRMED);
            let _ = (can_early_drop(conn), state_name(conn));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_tracking_panic(packets in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..120), 1..6,
    )) {
        feed(&packets);
    }

    #[test]
    fn no_payload_makes_tracking_panic(
        proto in prop::sample::select(vec![1_u8, 6, 17, 47, 58, 132, 136, 200]),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..8),
    ) {
        feed(&payloads.iter().map(|payload| ipv4(proto, payload)).collect::<Vec<_>>());
    }
}

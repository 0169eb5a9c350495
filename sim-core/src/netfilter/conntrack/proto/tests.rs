//! Tests of all protocols together.

use proptest::prelude::*;

use super::*;
use crate::netfilter::conntrack::{Status, Zone};

/// An entry of which only the tuple is known.
pub(super) fn entry(tuple: Tuple) -> Conn {
    Conn {
        tuples: [tuple, invert(&tuple).unwrap_or(tuple)],
        status: Status::default(),
        zone: Zone::default(),
        timeout: 0,
        proto: ProtoState::None,
        mark: 0,
        labels: None,
        counted: None,
        since: None,
        masquerade: None,
        master: None,
        event_mask: 0,
        pending: 0,
        number: 0,
    }
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

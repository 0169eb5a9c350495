//! GRE (`net/netfilter/nf_conntrack_proto_gre.c`).

use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::{ProtoCx, ProtoState, Ruling};
use crate::netfilter::conntrack::{Conn, Status};
use crate::sysctl::Sysctl;

/// The version field of the flags.
const VERSION: u8 = 0x07;
/// What GRE of version 1 (PPTP) carries: PPP.
const PPP: [u8; 2] = [0x88, 0x0b];

/// What GRE remembers (`struct nf_ct_gre`): how long the entry lives is settled when it begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GreConn {
    /// How long it lives without answers, in jiffies.
    pub timeout: u64,
    /// How long it lives with answers, in jiffies.
    pub stream_timeout: u64,
}

/// The call of PPTP at the destination; the other one is only known to who follows PPTP. All else is one flow
/// (`gre_pkt_to_tuple()`). None for PPTP that carries anything but PPP.
pub(super) fn ids_of(payload: &[u8]) -> Option<(u16, u16)> {
    match *payload {
        [_, flags, a, b, _, _, c, d, ..] if flags & VERSION == 1 => {
            ([a, b] == PPP).then_some((0, u16::from_be_bytes([c, d])))
        }
        _ => Some((0, 0)),
    }
}

/// The settings of now hold for the life of the entry.
pub(super) fn begin(conn: &mut Conn, cx: &ProtoCx<'_>) -> bool {
    conn.proto = ProtoState::Gre(GreConn {
        timeout: cx.timeout(Sysctl::NfConntrackGreTimeout),
        stream_timeout: cx.timeout(Sysctl::NfConntrackGreTimeoutStream),
    });
    true
}

/// A packet (`nf_conntrack_gre_packet()`).
pub(super) fn packet(conn: &mut Conn, cx: &ProtoCx<'_>) -> Ruling {
    let gre = if let ProtoState::Gre(gre) = &conn.proto { *gre } else { GreConn::default() };
    if !conn.status.has(Status::SEEN_REPLY) {
        conn.refresh(cx.jiffies(), gre.timeout);
        return Ruling::Accept;
    }
    conn.refresh(cx.jiffies(), gre.stream_timeout);
    if !conn.status.has(Status(Status::NAT_CLASH.0 | Status::ASSURED.0)) {
        conn.status.set(Status::ASSURED);
        conn.note(Event::Assured);
    }
    Ruling::Accept
}

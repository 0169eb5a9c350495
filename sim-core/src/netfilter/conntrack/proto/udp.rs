//! UDP and UDP-Lite (`net/netfilter/nf_conntrack_proto_udp.c`).

use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::{ProtoCx, ProtoState, Ruling};
use crate::netfilter::conntrack::{Conn, Status};
use crate::packet::checksum::{csum_fold, csum_partial, pseudo_v4};
use crate::packet::udp::UDP_HLEN;
use crate::packet::{IpProto, Ipv4, Udp};
use crate::sysctl::Sysctl;
use crate::time::HZ;

/// After how many jiffies an exchange is a stream.
const STREAM_AFTER: u64 = 2 * HZ;

/// What UDP remembers (`struct nf_ct_udp`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UdpConn {
    /// From when on, in jiffies, a flow with answers is a stream.
    pub stream_ts: u64,
}

/// Whether the datagram is whole and right (`udp_error()`). Without a checksum it is.
pub(super) fn check(ip: &Ipv4<'_>, payload: &[u8], sum: bool) -> bool {
    let Ok(udp) = Udp::parse(payload) else { return false };
    if !(UDP_HLEN..=payload.len()).contains(&udp.length()) {
        return false;
    }
    !sum || udp.checksum() == 0 || sum_is_right(ip, payload, payload.len())
}

/// Whether the datagram is whole and right (`udplite_error()`); it must have a checksum.
pub(super) fn check_lite(ip: &Ipv4<'_>, payload: &[u8], sum: bool) -> bool {
    let Ok(udp) = Udp::parse(payload) else { return false };
    let covered = if udp.length() == 0 { payload.len() } else { udp.length() };
    if !(UDP_HLEN..=payload.len()).contains(&covered) || udp.checksum() == 0 {
        return false;
    }
    !sum || sum_is_right(ip, payload, covered)
}

/// Whether the first `covered` bytes of the payload sum up. What is behind UDP's own length counts, and UDP-Lite is
/// summed up as if it were UDP: Linux does so.
fn sum_is_right(ip: &Ipv4<'_>, payload: &[u8], covered: usize) -> bool {
    let pseudo = pseudo_v4(ip.src(), ip.dst(), IpProto::UDP, payload.len());
    csum_fold(csum_partial(payload.get(..covered).unwrap_or(payload), pseudo)) == 0
}

/// A new flow may become a stream from two seconds on.
pub(super) fn begin(conn: &mut Conn, cx: &ProtoCx<'_>) -> bool {
    conn.proto = ProtoState::Udp(UdpConn { stream_ts: cx.jiffies() + STREAM_AFTER });
    true
}

/// A datagram (`nf_conntrack_udp_packet()`).
pub(super) fn packet(conn: &mut Conn, cx: &ProtoCx<'_>) -> Ruling {
    let stream_ts = if let ProtoState::Udp(udp) = &conn.proto { udp.stream_ts } else { 0 };
    let is_stream = conn.status.has(Status::SEEN_REPLY) && cx.jiffies() > stream_ts;
    refresh(conn, is_stream, cx)
}

/// A datagram of UDP-Lite (`nf_conntrack_udplite_packet()`): a stream from the first answer on.
pub(super) fn packet_lite(conn: &mut Conn, cx: &ProtoCx<'_>) -> Ruling {
    refresh(conn, conn.status.has(Status::SEEN_REPLY), cx)
}

fn refresh(conn: &mut Conn, is_stream: bool, cx: &ProtoCx<'_>) -> Ruling {
    let key =
        if is_stream { Sysctl::NfConntrackUdpTimeoutStream } else { Sysctl::NfConntrackUdpTimeout };
    conn.refresh(cx.jiffies(), cx.timeout(key));
    // What lost a clash times out soon, and is never assured.
    if is_stream && !conn.status.has(Status(Status::NAT_CLASH.0 | Status::ASSURED.0)) {
        conn.status.set(Status::ASSURED);
        conn.note(Event::Assured);
    }
    Ruling::Accept
}

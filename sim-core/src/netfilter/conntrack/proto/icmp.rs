//! ICMP (`net/netfilter/nf_conntrack_proto_icmp.c`): queries and their answers, and errors about other flows.

use crate::netfilter::conntrack::proto::{ProtoCx, Ruling, invert, l4proto, tuple_of};
use crate::netfilter::conntrack::{Conn, Dir, Tuple};
use crate::packet::{Icmp, IcmpType, IpProto};
use crate::sysctl::Sysctl;

/// The highest type that is known (`NR_ICMP_TYPES`).
const LAST_TYPE: IcmpType = IcmpType::ADDRESS_REPLY;

/// The queries, each with its answer.
const QUERIES: [(IcmpType, IcmpType); 4] = [
    (IcmpType::ECHO, IcmpType::ECHO_REPLY),
    (IcmpType::TIMESTAMP, IcmpType::TIMESTAMP_REPLY),
    (IcmpType::INFO_REQUEST, IcmpType::INFO_REPLY),
    (IcmpType::ADDRESS, IcmpType::ADDRESS_REPLY),
];

/// Of what flow a packet speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quote {
    /// Of its own: it is no ICMP error.
    Itself,
    /// Of none that could be made out: it is `INVALID`.
    Unclear,
    /// Of the flow of which this is a tuple, as packets towards the error's receiver have it: it is what was
    /// quoted, turned round. The entry that has it is the right one only if the error goes to where that
    /// tuple goes; `INVALID` otherwise, and if there is none.
    Of(Tuple),
}

/// Finds what flow an ICMP error is about (`nf_conntrack_icmpv4_error()`, `nf_conntrack_inet_error()`). The packet
/// must have passed [`check`](super::check).
#[must_use]
pub fn error_quote(packet: &[u8]) -> Quote {
    let Some((IpProto::ICMP, payload)) = l4proto(packet) else { return Quote::Itself };
    match Icmp::parse(payload) {
        Ok(message) if message.icmp_type().is_error() => tuple_of(message.payload())
            .and_then(|tuple| invert(&tuple))
            .map_or(Quote::Unclear, Quote::Of),
        Ok(_) => Quote::Itself,
        Err(_) => Quote::Unclear,
    }
}

/// The identifier at the source, type and code at the destination (`icmp_pkt_to_tuple()`).
pub(super) fn ids_of(payload: &[u8]) -> Option<(u16, u16)> {
    let message = Icmp::parse(payload).ok()?;
    Some((message.id(), u16::from_be_bytes([message.icmp_type().0, message.code()])))
}

/// The type of message that answers this one, or that this one answers.
pub(super) fn inverse(icmp_type: u8) -> Option<u8> {
    QUERIES.iter().find_map(|(query, answer)| {
        if icmp_type == query.0 {
            Some(answer.0)
        } else {
            (icmp_type == answer.0).then_some(query.0)
        }
    })
}

/// Whether the message is whole, right and of a known type.
pub(super) fn check(payload: &[u8], sum: bool) -> bool {
    Icmp::parse(payload)
        .is_ok_and(|message| (!sum || message.checksum_ok()) && message.icmp_type() <= LAST_TYPE)
}

/// Only a query begins anything.
pub(super) fn begin(conn: &Conn) -> bool {
    let (icmp_type, _) = conn.tuple(Dir::Original).icmp_type_code();
    QUERIES.iter().any(|(query, _)| query.0 == icmp_type)
}

/// A query or an answer (`nf_conntrack_icmp_packet()`).
pub(super) fn packet(conn: &mut Conn, cx: &ProtoCx<'_>) -> Ruling {
    if !begin(conn) {
        return Ruling::Invalid;
    }
    conn.refresh(cx.jiffies(), cx.timeout(Sysctl::NfConntrackIcmpTimeout));
    Ruling::Accept
}

//! ICMP queries.

use pnet_packet::icmp::echo_request::MutableEchoRequestPacket;

use super::transport;
use crate::packet::checksum::inet_proto_csum_replace2;
use crate::packet::icmp::{ICMP_HLEN, IcmpType};
use crate::packet::ip_proto::IpProto;

/// Sets the identifier of an ICMP query or its reply (`icmp_manip_pkt()`).
///
/// Returns whether the packet is one.
pub fn set_icmp_id(packet: &mut [u8], id: u16) -> bool {
    let Some((IpProto::ICMP, message)) = transport::split(packet) else { return false };
    let is_query = message.first().is_some_and(|kind| {
        matches!(
            IcmpType(*kind),
            IcmpType::ECHO
                | IcmpType::ECHO_REPLY
                | IcmpType::TIMESTAMP
                | IcmpType::TIMESTAMP_REPLY
                | IcmpType::INFO_REQUEST
                | IcmpType::INFO_REPLY
                | IcmpType::ADDRESS
                | IcmpType::ADDRESS_REPLY
        )
    });
    if !is_query || message.len() < ICMP_HLEN {
        return false;
    }
    let Some(mut echo) = MutableEchoRequestPacket::new(message) else { return false };
    let check = inet_proto_csum_replace2(echo.get_checksum(), echo.get_identifier(), id);
    echo.set_checksum(check);
    echo.set_identifier(id);
    true
}

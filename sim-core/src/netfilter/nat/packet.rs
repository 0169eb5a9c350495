//! Rewriting packets (`nf_nat_manip_pkt()`, `nf_nat_icmp_reply_translation()`).

use std::net::IpAddr;

use crate::netfilter::conntrack::{Dir, Side, Tuple, proto};
use crate::packet::checksum::ip_compute_csum;
use crate::packet::icmp::ICMP_HLEN;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::rewrite::{set_dst_port, set_icmp_id, set_ipv4_dst, set_ipv4_src, set_src_port};
use crate::packet::{IpProto, Ipv4};

/// The shortest transport headers that can be rewritten, in bytes.
const PORTS_LEN: usize = 8;
/// The version bits of a GRE header.
const GRE_VERSION: u8 = 0x07;

/// Rewrites one end of the packet at the start of `packet` to what the connection says; false if it is too short.
pub(super) fn rewrite(packet: &mut [u8], tuples: &[Tuple; 2], side: Side, dir: Dir) -> bool {
    match proto::invert(&tuples[dir.other().index()]) {
        Some(target) => apply(packet, &target, side),
        None => false,
    }
}

/// Rewrites one end of a packet to that of `target` (`nf_nat_ipv4_manip_pkt()`).
fn apply(packet: &mut [u8], target: &Tuple, side: Side) -> bool {
    let Ok(ip) = Ipv4::parse(packet) else { return false };
    let start = ip.header_len();
    if !apply_transport(packet, start, target, side) {
        return false;
    }
    match (side, target.end(side).addr) {
        (Side::Src, IpAddr::V4(addr)) => set_ipv4_src(packet, addr),
        (Side::Dst, IpAddr::V4(addr)) => set_ipv4_dst(packet, addr),
        (_, IpAddr::V6(_)) => return false,
    }
    if target.proto == IpProto::SCTP {
        sum_sctp(packet, start);
    }
    true
}

/// Rewrites the protocol's own part (`l4proto_manip_pkt()`).
fn apply_transport(packet: &mut [u8], start: usize, target: &Tuple, side: Side) -> bool {
    let room = packet.len().saturating_sub(start);
    match target.proto {
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP => {
            if room < PORTS_LEN {
                return false;
            }
            match side {
                Side::Src => set_src_port(packet, target.src.id),
                Side::Dst => set_dst_port(packet, target.dst.id),
            };
            true
        }
        IpProto::ICMP => {
            if room < ICMP_HLEN {
                return false;
            }
            set_icmp_id(packet, target.src.id);
            true
        }
        IpProto::GRE => {
            let Some(header) = packet.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<8>)
            else {
                return false;
            };
            match (side, header[1] & GRE_VERSION) {
                (Side::Src, _) | (Side::Dst, 0) => true,
                (Side::Dst, 1) => {
                    header[6..8].copy_from_slice(&target.dst.id.to_be_bytes());
                    true
                }
                (Side::Dst, _) => false,
            }
        }
        _ => true,
    }
}

/// Sums an SCTP packet anew; a quoted one without its checksum is left alone.
fn sum_sctp(packet: &mut [u8], start: usize) {
    const CHECKSUM: usize = 8;
    let Some(segment) = packet.get_mut(start..) else { return };
    if segment.len() >= CHECKSUM + 4 {
        let sum = proto::sctp::checksum(segment);
        segment[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Rewrites an ICMP error about the connection: the packet that it quotes as its sender knows it, and the error
/// as if it came from whom the sender talks to; false if it must not pass.
pub(super) fn rewrite_error(packet: &mut [u8], tuples: &[Tuple; 2], side: Side, dir: Dir) -> bool {
    let back = &tuples[dir.other().index()];
    let Ok(ip) = Ipv4::parse(packet) else { return false };
    let start = ip.header_len();
    let Some(inner) = packet.get_mut(start + ICMP_HLEN..) else { return false };
    let other = match side {
        Side::Src => Side::Dst,
        Side::Dst => Side::Src,
    };
    if !apply(inner, back, other) {
        return false;
    }
    let Some(message) = packet.get_mut(start..) else { return false };
    message[2..4].fill(0);
    let sum = ip_compute_csum(message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let Some(mut target) = proto::invert(back) else { return false };
    target.proto = IpProto::ICMP;
    apply(packet, &target, side)
}

/// Whether an ICMP error is long enough and its checksum right.
pub(super) fn is_sound_error(packet: &[u8]) -> bool {
    let Ok(ip) = Ipv4::parse(packet) else { return false };
    let message = packet.get(ip.header_len()..).unwrap_or_default();
    message.len() >= ICMP_HLEN + IPV4_HLEN && ip_compute_csum(message) == 0
}

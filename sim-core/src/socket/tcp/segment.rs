//! A received segment, taken apart (`struct tcp_skb_cb`).

use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::kernel::Flight;
use crate::packet::checksum::csum_tcpudp_magic;
use crate::packet::{IpProto, Ipv4, ParseError, Skb, Tcp, TcpFlags, truesize};
use crate::socket::tcp::FourTuple;
use crate::socket::tcp::options::SegmentOptions;
use crate::socket::tcp::seq::{Seq, len32};
use crate::trace::DropReason;

/// What a segment says, without its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// The sender's address.
    pub(super) src: Ipv4Addr,
    /// This host's address.
    pub(super) dst: Ipv4Addr,
    /// The sender's port.
    pub(super) sport: u16,
    /// This host's port.
    pub(super) dport: u16,
    /// The device it came in by.
    pub(super) dev: DevId,
    /// The type of service of its IP header.
    pub(super) tos: u8,
    /// The memory that its packet is charged as, in bytes.
    pub(super) truesize: u32,
    /// The number of its first byte, or of its SYN.
    pub(super) seq: Seq,
    /// The number that follows its last byte, or its FIN.
    pub(super) end_seq: Seq,
    /// The number that it acknowledges.
    pub(super) ack: Seq,
    /// Its flags.
    pub(super) flags: TcpFlags,
    /// Its window, unscaled.
    pub(super) window: u32,
    /// The length of its header in bytes.
    pub(super) header_len: u32,
    /// The length of its data in bytes.
    pub(super) len: u32,
    /// The size of its parts, if it is several segments that came at once, else its length, in bytes.
    pub(super) size: u32,
    /// Its options.
    pub(super) options: SegmentOptions,
}

/// The memory that a packet is charged as, in bytes.
pub(super) fn charge(skb: &Skb) -> u32 {
    match skb.meta.truesize {
        0 => len32(truesize(skb.network_header().len())),
        known => known,
    }
}

impl Segment {
    /// Reads the segment at the data of a flight (the head of `tcp_v4_rcv()`).
    ///
    /// # Errors
    /// The header is cut short or lies about its length, or the checksum is wrong.
    pub(super) fn parse(f: &Flight) -> Result<Self, DropReason> {
        let ip = Ipv4::parse(f.skb.network_header()).map_err(|_| DropReason::NotSpecified)?;
        let bytes = f.skb.data();
        if bytes.len() < 20 {
            return Err(DropReason::NotSpecified);
        }
        let tcp = match Tcp::parse(bytes) {
            Ok(tcp) => tcp,
            Err(ParseError::Truncated { .. }) => return Err(DropReason::NotSpecified),
            Err(_) => return Err(DropReason::PktTooSmall),
        };
        if csum_tcpudp_magic(ip.src(), ip.dst(), IpProto::TCP, bytes) != 0 {
            return Err(DropReason::TcpCsum);
        }
        let len = len32(tcp.payload().len());
        Ok(Self {
            src: ip.src(),
            dst: ip.dst(),
            sport: tcp.src_port(),
            dport: tcp.dst_port(),
            dev: f.iif.unwrap_or(f.dev),
            tos: ip.tos(),
            truesize: charge(&f.skb),
            seq: Seq(tcp.seq()),
            end_seq: Seq(tcp.seq()).plus(tcp.seq_len()),
            ack: Seq(tcp.ack()),
            flags: tcp.flags(),
            window: u32::from(tcp.window()),
            header_len: len32(tcp.header_len()),
            len,
            size: if f.skb.meta.gso_size == 0 { len } else { u32::from(f.skb.meta.gso_size) },
            options: SegmentOptions::parse(&tcp),
        })
    }

    /// The connection that it belongs to, as this host names it.
    pub(super) fn tuple(&self) -> FourTuple {
        FourTuple { saddr: self.dst, sport: self.dport, daddr: self.src, dport: self.sport }
    }

    /// Whether it carries neither data nor SYN nor FIN.
    pub(super) fn is_pure_ack(&self) -> bool {
        self.seq == self.end_seq
    }
}

//! TCP headers, with options in the layout of Linux.

use super::{ChecksumMode, PseudoHeader, copy_front, set_u16};
use crate::packet::ip_proto::IpProto;
use crate::packet::skb::Skb;
use crate::packet::tcp::{TCP_HLEN, TCP_HLEN_MAX, TcpFlags};
use crate::packet::tcp_options::{
    TCPOPT_EOL, TCPOPT_MSS, TCPOPT_NOP, TCPOPT_SACK, TCPOPT_SACK_PERM, TCPOPT_TIMESTAMP,
    TCPOPT_WINDOW,
};

/// The options of a segment, written in the order of `tcp_options_write()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptionParams<'a> {
    /// Maximum segment size in bytes.
    pub mss: Option<u16>,
    /// Selective acknowledgments are understood.
    pub sack_permitted: bool,
    /// Clock and echoed clock.
    pub timestamps: Option<(u32, u32)>,
    /// Window shift in bits.
    pub window_scale: Option<u8>,
    /// Blocks received out of order; those that find no room are left out.
    pub sack: &'a [(u32, u32)],
}

/// Option bytes, at most 40 and a multiple of 4.
#[derive(Clone, Copy, Debug)]
pub struct TcpOptionBytes {
    bytes: [u8; TCP_HLEN_MAX - TCP_HLEN],
    len: usize,
}

impl TcpOptionBytes {
    /// Holds no options.
    pub const EMPTY: Self = Self { bytes: [0; TCP_HLEN_MAX - TCP_HLEN], len: 0 };

    /// Takes option bytes as they are, cut at 40 and padded with end-of-list to a multiple of 4.
    #[must_use]
    pub fn raw(options: &[u8]) -> Self {
        let mut out = Self::EMPTY;
        let len = options.len().min(out.bytes.len());
        out.put(options.get(..len).unwrap_or_default());
        out.len = len.next_multiple_of(4);
        out
    }

    /// Lays options out as Linux does: each word of four bytes whole, padded with no-operations.
    #[must_use]
    pub fn new(params: &TcpOptionParams<'_>) -> Self {
        let mut out = Self::EMPTY;
        if let Some(mss) = params.mss {
            let [high, low] = mss.to_be_bytes();
            out.put(&[TCPOPT_MSS, 4, high, low]);
        }
        let sack_permitted = [TCPOPT_SACK_PERM, 2];
        if let Some((value, echo)) = params.timestamps {
            out.put(if params.sack_permitted { &sack_permitted } else { &[TCPOPT_NOP; 2] });
            out.put(&[TCPOPT_TIMESTAMP, 10]);
            out.put(&value.to_be_bytes());
            out.put(&echo.to_be_bytes());
        } else if params.sack_permitted {
            out.put(&[TCPOPT_NOP; 2]);
            out.put(&sack_permitted);
        }
        if let Some(shift) = params.window_scale {
            out.put(&[TCPOPT_NOP, TCPOPT_WINDOW, 3, shift]);
        }
        out.put_sack(params.sack);
        out
    }

    fn put_sack(&mut self, blocks: &[(u32, u32)]) {
        let room = (self.bytes.len() - self.len).saturating_sub(4) / 8;
        let blocks = blocks.get(..room).unwrap_or(blocks);
        if blocks.is_empty() {
            return;
        }
        let len = u8::try_from(2 + blocks.len() * 8).unwrap_or(u8::MAX);
        self.put(&[TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK, len]);
        for (left, right) in blocks {
            self.put(&left.to_be_bytes());
            self.put(&right.to_be_bytes());
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            to.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

const _: () = assert!(TCPOPT_EOL == 0, "padding is what the array is filled with");

/// The fields of a TCP header.
#[derive(Clone, Copy, Debug)]
pub struct TcpParams {
    /// The source port.
    pub src_port: u16,
    /// The destination port.
    pub dst_port: u16,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number.
    pub ack: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window, unscaled.
    pub window: u16,
    /// The urgent pointer.
    pub urgent_pointer: u16,
    /// The options.
    pub options: TcpOptionBytes,
    /// How much of the checksum is computed.
    pub checksum: ChecksumMode,
}

/// Pushes a TCP header (`__tcp_transmit_skb()`).
pub fn push_tcp(skb: &mut Skb, params: &TcpParams, pseudo: PseudoHeader) {
    let options = params.options.as_slice();
    let header_len = TCP_HLEN + options.len();
    let [sp0, sp1] = params.src_port.to_be_bytes();
    let [dp0, dp1] = params.dst_port.to_be_bytes();
    let [s0, s1, s2, s3] = params.seq.to_be_bytes();
    let [a0, a1, a2, a3] = params.ack.to_be_bytes();
    let [w0, w1] = params.window.to_be_bytes();
    let [u0, u1] = params.urgent_pointer.to_be_bytes();
    let offset = u8::try_from(header_len / 4).unwrap_or(15) << 4;
    let fixed: [u8; TCP_HLEN] = [
        sp0,
        sp1,
        dp0,
        dp1,
        s0,
        s1,
        s2,
        s3,
        a0,
        a1,
        a2,
        a3,
        offset,
        params.flags.0,
        w0,
        w1,
        0,
        0,
        u0,
        u1,
    ];
    let header = skb.push(header_len);
    copy_front(header, &fixed);
    copy_front(header.get_mut(TCP_HLEN..).unwrap_or_default(), options);
    let check = params.checksum.compute(pseudo, IpProto::TCP, skb.data());
    set_u16(skb.data_mut(), 16, check);
    skb.reset_transport_header();
}

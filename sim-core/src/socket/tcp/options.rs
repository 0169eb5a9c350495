//! TCP options: what a segment carries, what two ends have agreed on, and what is sent.

use smallvec::SmallVec;

use crate::packet::Tcp;
use crate::packet::build::{TcpOptionBytes, TcpOptionParams};
use crate::packet::tcp_options::TcpOption;
use crate::socket::tcp::seq::Seq;
use crate::time::SimTime;

/// The MSS of a peer that names none, in bytes (`TCP_MSS_DEFAULT`).
pub(super) const TCP_MSS_DEFAULT: u32 = 536;
/// The largest window scale (`TCP_MAX_WSCALE`).
pub(super) const TCP_MAX_WSCALE: u8 = 14;
/// The room that timestamps take in a header, in bytes (`TCPOLEN_TSTAMP_ALIGNED`).
pub(super) const TSTAMP_ALIGNED: u32 = 12;
/// How many SACK blocks are sent beside timestamps at most (`TCP_NUM_SACKS`).
pub(super) const NUM_SACKS: usize = 4;

/// The clock for timestamps, in milliseconds (`tcp_clock_ms()`). It begins at 1, since an echo of 0 says that
/// there is none.
pub(super) fn clock_ms(now: SimTime) -> u32 {
    u32::try_from((now.as_millis() + 1) & 0xffff_ffff).unwrap_or(0)
}

/// A range of sequence space: from the first number to the one behind the last.
pub(super) type Block = (Seq, Seq);

/// The options of one segment (`tcp_parse_options()`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct SegmentOptions {
    /// The MSS of a SYN.
    pub(super) mss: Option<u16>,
    /// The window scale of a SYN.
    pub(super) window_scale: Option<u8>,
    /// Whether a SYN permits SACK.
    pub(super) sack_permitted: bool,
    /// Clock and echoed clock.
    pub(super) timestamps: Option<(u32, u32)>,
    sack: [Block; NUM_SACKS],
    sack_len: u8,
}

impl SegmentOptions {
    /// Reads the options of a segment. Those that belong to SYNs count in SYNs only, and of those given
    /// twice the last one counts.
    pub(super) fn parse(tcp: &Tcp<'_>) -> Self {
        let mut found = Self::default();
        let syn = tcp.flags().syn();
        for option in tcp.options_iter() {
            match option {
                TcpOption::Mss(mss) if syn && mss != 0 => found.mss = Some(mss),
                TcpOption::WindowScale(scale) if syn => {
                    found.window_scale = Some(scale.min(TCP_MAX_WSCALE));
                }
                TcpOption::SackPermitted if syn => found.sack_permitted = true,
                TcpOption::Timestamps { value, echo } => found.timestamps = Some((value, echo)),
                TcpOption::Sack(blocks) if !syn => {
                    found.sack_len = 0;
                    for (slot, (start, end)) in found.sack.iter_mut().zip(blocks.iter()) {
                        *slot = (Seq(start), Seq(end));
                        found.sack_len += 1;
                    }
                }
                TcpOption::Nop
                | TcpOption::Mss(_)
                | TcpOption::WindowScale(_)
                | TcpOption::SackPermitted
                | TcpOption::Sack(_)
                | TcpOption::Other { .. } => {}
            }
        }
        found
    }

    /// The SACK blocks.
    pub(super) fn sack(&self) -> &[Block] {
        self.sack.get(..usize::from(self.sack_len)).unwrap_or_default()
    }
}

/// What a connection knows of its peer's options (`struct tcp_options_received`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RxOptions {
    /// Both ends send timestamps (`tstamp_ok`).
    pub tstamp_ok: bool,
    /// Both ends understand SACK (`sack_ok`).
    pub sack_ok: bool,
    /// Both ends scale windows (`wscale_ok`).
    pub wscale_ok: bool,
    /// By how many bits the peer's windows are shifted.
    pub snd_wscale: u8,
    /// By how many bits this side's windows are shifted.
    pub rcv_wscale: u8,
    /// The largest segment that may be sent, in bytes (`mss_clamp`).
    pub mss_clamp: u32,
    /// What `TCP_MAXSEG` asked for.
    pub user_mss: Option<u16>,
    /// The peer's clock to echo (`ts_recent`).
    pub ts_recent: u32,
    /// When it was noted, in seconds from the beginning plus one; 0 if there is none
    /// (`ts_recent_stamp`).
    pub ts_recent_stamp: u64,
    /// The peer's clock in the last segment.
    pub rcv_tsval: u32,
    /// This side's clock as the last segment echoed it; 0 if it did not.
    pub rcv_tsecr: u32,
    /// The last segment had timestamps (`saw_tstamp`).
    pub saw_tstamp: bool,
    /// By how much this side's clock is displaced (`tsoffset`).
    pub ts_offset: u32,
}

impl RxOptions {
    /// Notes the timestamps of a segment of an established connection (`tcp_parse_aligned_timestamp()`).
    pub(super) fn note_timestamps(&mut self, options: &SegmentOptions) {
        self.saw_tstamp = false;
        if let Some((value, echo)) = options.timestamps
            && self.tstamp_ok
        {
            self.saw_tstamp = true;
            self.rcv_tsval = value;
            self.rcv_tsecr = if echo == 0 { 0 } else { echo.wrapping_sub(self.ts_offset) };
        }
    }

    /// The MSS that this side may use at most, with `TCP_MAXSEG` in mind (`tcp_mss_clamp()`).
    pub(super) fn clamp_mss(&self, mss: u32) -> u32 {
        self.user_mss.map_or(mss, |user| mss.min(u32::from(user)))
    }

    /// The length of the header of a segment without SACK blocks (`tcp_header_len`).
    pub(super) fn header_len(&self) -> u32 {
        20 + if self.tstamp_ok { TSTAMP_ALIGNED } else { 0 }
    }

    /// The options of a segment of an established connection (`tcp_established_options()`). `clock` is this
    /// side's clock in milliseconds.
    pub(super) fn established(&self, clock: u32, blocks: &[Block]) -> TcpOptionBytes {
        let sack: SmallVec<[(u32, u32); NUM_SACKS]> =
            blocks.iter().map(|(start, end)| (start.0, end.0)).collect();
        TcpOptionBytes::new(&TcpOptionParams {
            timestamps: self.timestamps(clock),
            sack: if self.sack_ok { &sack } else { &[] },
            ..TcpOptionParams::default()
        })
    }

    /// Clock and echo, if both ends send them.
    pub(super) fn timestamps(&self, clock: u32) -> Option<(u32, u32)> {
        self.tstamp_ok.then_some((clock.wrapping_add(self.ts_offset), self.ts_recent))
    }
}

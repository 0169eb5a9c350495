//! TCP options (RFC 9293 section 3.1, RFC 7323, RFC 2018, RFC 7413).

use core::iter::FusedIterator;

/// End of the option list.
pub const TCPOPT_EOL: u8 = 0;
/// Padding.
pub const TCPOPT_NOP: u8 = 1;
/// Maximum segment size, 4 bytes.
pub const TCPOPT_MSS: u8 = 2;
/// Window scale, 3 bytes.
pub const TCPOPT_WINDOW: u8 = 3;
/// Selective acknowledgments are understood, 2 bytes.
pub const TCPOPT_SACK_PERM: u8 = 4;
/// Selective acknowledgment, 2 bytes and 8 a block.
pub const TCPOPT_SACK: u8 = 5;
/// Timestamps, 10 bytes.
pub const TCPOPT_TIMESTAMP: u8 = 8;
/// MD5 signature, 18 bytes (RFC 2385).
pub const TCPOPT_MD5SIG: u8 = 19;
/// Multipath TCP (RFC 8684).
pub const TCPOPT_MPTCP: u8 = 30;
/// Fast Open cookie (RFC 7413).
pub const TCPOPT_FASTOPEN: u8 = 34;

/// The blocks of a SACK option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SackBlocks<'a>(&'a [u8]);

impl<'a> SackBlocks<'a> {
    /// Returns the edges of each block: the first byte received and the first byte missing after it.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        self.0.as_chunks::<8>().0.iter().map(|&[a, b, c, d, e, f, g, h]| {
            (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
        })
    }
}

/// One TCP option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// One byte of padding.
    Nop,
    /// The longest segment that the sender takes, in bytes of data.
    Mss(u16),
    /// How many bits to shift the windows of the sender.
    WindowScale(u8),
    /// The sender understands selective acknowledgments.
    SackPermitted,
    /// What arrived out of order.
    Sack(SackBlocks<'a>),
    /// The sender's clock and the peer's that it echoes.
    Timestamps {
        /// The sender's clock (`TSval`).
        value: u32,
        /// The clock echoed (`TSecr`).
        echo: u32,
    },
    /// Another option, or a known one with a length that Linux does not take.
    Other {
        /// The option kind.
        kind: u8,
        /// The bytes after kind and length.
        data: &'a [u8],
    },
}

/// The options of a segment, in order, to the end of the list or the first one that does not fit.
///
/// Mirrors the walk of `tcp_parse_options()`: a length below 2 or beyond the header ends it.
#[derive(Clone, Debug)]
pub struct TcpOptions<'a> {
    rest: &'a [u8],
}

impl<'a> TcpOptions<'a> {
    /// Walks over the option bytes of a header.
    #[must_use]
    pub const fn new(options: &'a [u8]) -> Self {
        Self { rest: options }
    }

    /// Returns what was not walked over yet: after the last item, the bytes that held no option.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn known(kind: u8, data: &'a [u8]) -> TcpOption<'a> {
        match (kind, data) {
            (TCPOPT_MSS, &[a, b]) => TcpOption::Mss(u16::from_be_bytes([a, b])),
            (TCPOPT_WINDOW, &[shift]) => TcpOption::WindowScale(shift),
            (TCPOPT_SACK_PERM, []) => TcpOption::SackPermitted,
            (TCPOPT_SACK, blocks) if !blocks.is_empty() && blocks.len().is_multiple_of(8) => {
                TcpOption::Sack(SackBlocks(blocks))
            }
            (TCPOPT_TIMESTAMP, &[a, b, c, d, e, f, g, h]) => TcpOption::Timestamps {
                value: u32::from_be_bytes([a, b, c, d]),
                echo: u32::from_be_bytes([e, f, g, h]),
            },
            _ => TcpOption::Other { kind, data },
        }
    }
}

impl<'a> Iterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match *self.rest {
            [TCPOPT_NOP, ref rest @ ..] => {
                self.rest = rest;
                Some(TcpOption::Nop)
            }
            [kind, len, ..] if kind != TCPOPT_EOL => {
                let (option, rest) = self.rest.split_at_checked(usize::from(len))?;
                let data = option.get(2..)?;
                self.rest = rest;
                Some(Self::known(kind, data))
            }
            _ => None,
        }
    }
}

impl FusedIterator for TcpOptions<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_a_linux_syn_are_read() {
        let bytes = [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 10];
        let options: Vec<_> = TcpOptions::new(&bytes).collect();
        assert_eq!(
            options,
            [
                TcpOption::Mss(1460),
                TcpOption::SackPermitted,
                TcpOption::Timestamps { value: 7, echo: 0 },
                TcpOption::Nop,
                TcpOption::WindowScale(10),
            ]
        );
    }

    #[test]
    fn sack_blocks_are_read() {
        let bytes = [1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 9];
        let last = TcpOptions::new(&bytes).last();
        let Some(TcpOption::Sack(blocks)) = last else { panic!("{last:?}") };
        assert_eq!(blocks.iter().collect::<Vec<_>>(), [(1, 2), (5, 9)]);
    }

    #[test]
    fn the_walk_ends_at_the_end_option_and_at_a_length_that_cannot_be() {
        let cases: [(&[u8], usize, usize); 6] = [
            (&[1, 0, 1, 1], 1, 3),
            (&[1, 1, 3, 0], 2, 2),
            (&[1, 1, 3, 1], 2, 2),
            (&[1, 1, 1, 3], 3, 1),
            (&[2, 5, 1, 1], 0, 4),
            (&[1, 1, 1, 1], 4, 0),
        ];
        for (bytes, count, left) in cases {
            let mut options = TcpOptions::new(bytes);
            assert_eq!(options.by_ref().count(), count, "{bytes:?}");
            assert_eq!(options.rest().len(), left, "{bytes:?}");
        }
    }

    #[test]
    fn a_known_option_of_another_length_is_another_option() {
        let mut options = TcpOptions::new(&[2, 3, 9]);
        assert_eq!(options.next(), Some(TcpOption::Other { kind: 2, data: &[9] }));
    }
}

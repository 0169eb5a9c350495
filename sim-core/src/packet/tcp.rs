//! The TCP header (RFC 9293, `struct tcphdr`).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::{BitAnd, BitOr};

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::{HeaderError, HeaderSliceError};

use super::checksum;
use super::error::{Layer, ParseError};
use super::ip_proto::IpProto;
use super::tcp_options::TcpOptions;

/// Length of a header without options, in bytes.
pub const TCP_HLEN: usize = 20;
/// Length of the longest header, in bytes.
pub const TCP_HLEN_MAX: usize = 60;

/// The flag byte of a TCP header.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push the data to the reader.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment number is valid.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is valid.
    pub const URG: Self = Self(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);
    /// No flag.
    pub const NONE: Self = Self(0);

    /// Returns whether all flags of `other` are set.
    #[must_use]
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether any flag of `other` is set.
    #[must_use]
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns these flags without those of `other`.
    #[must_use]
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns these flags and those of `other`, in constants.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether FIN is set.
    #[must_use]
    #[inline]
    pub const fn fin(self) -> bool {
        self.intersects(Self::FIN)
    }

    /// Returns whether SYN is set.
    #[must_use]
    #[inline]
    pub const fn syn(self) -> bool {
        self.intersects(Self::SYN)
    }

    /// Returns whether RST is set.
    #[must_use]
    #[inline]
    pub const fn rst(self) -> bool {
        self.intersects(Self::RST)
    }

    /// Returns whether PSH is set.
    #[must_use]
    #[inline]
    pub const fn psh(self) -> bool {
        self.intersects(Self::PSH)
    }

    /// Returns whether ACK is set.
    #[must_use]
    #[inline]
    pub const fn ack(self) -> bool {
        self.intersects(Self::ACK)
    }

    /// Returns whether URG is set.
    #[must_use]
    #[inline]
    pub const fn urg(self) -> bool {
        self.intersects(Self::URG)
    }
}

impl BitOr for TcpFlags {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitAnd for TcpFlags {
    type Output = Self;

    #[inline]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let mut sep = "";
        for (bit, name) in names.iter().enumerate() {
            if self.0 >> bit & 1 != 0 {
                write!(f, "{sep}{name}")?;
                sep = "|";
            }
        }
        if sep.is_empty() { f.write_str("NONE") } else { Ok(()) }
    }
}

/// A TCP segment.
#[derive(Clone, Debug)]
pub struct Tcp<'a> {
    header: TcpHeaderSlice<'a>,
    bytes: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// Reads the segment that `bytes`, the payload of the IP packet, hold.
    ///
    /// # Errors
    /// A header cut short, or a data offset below 20 bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match TcpHeaderSlice::from_slice(bytes) {
            Ok(header) => Ok(Self { header, bytes }),
            Err(error) => Err(parse_error(&error, bytes.len())),
        }
    }

    /// Returns the source port.
    #[must_use]
    #[inline]
    pub fn src_port(&self) -> u16 {
        self.header.source_port()
    }

    /// Returns the destination port.
    #[must_use]
    #[inline]
    pub fn dst_port(&self) -> u16 {
        self.header.destination_port()
    }

    /// Returns the sequence number.
    #[must_use]
    #[inline]
    pub fn seq(&self) -> u32 {
        self.header.sequence_number()
    }

    /// Returns the acknowledgment number.
    #[must_use]
    #[inline]
    pub fn ack(&self) -> u32 {
        self.header.acknowledgment_number()
    }

    /// Returns the header length in bytes, options included (`tcp_hdrlen()`).
    #[must_use]
    #[inline]
    pub fn header_len(&self) -> usize {
        self.header.slice().len()
    }

    /// Returns the four reserved bits after the data offset, in the low bits (`res1`, AccECN's AE lowest).
    #[must_use]
    #[inline]
    pub fn reserved(&self) -> u8 {
        self.header.slice().get(12).map_or(0, |byte| byte & 0x0f)
    }

    /// Returns the flags.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> TcpFlags {
        TcpFlags(self.header.slice().get(13).copied().unwrap_or_default())
    }

    /// Returns the window as it stands in the header, unscaled.
    #[must_use]
    #[inline]
    pub fn window(&self) -> u16 {
        self.header.window_size()
    }

    /// Returns the checksum.
    #[must_use]
    #[inline]
    pub fn checksum(&self) -> u16 {
        self.header.checksum()
    }

    /// Returns the urgent pointer.
    #[must_use]
    pub fn urgent_pointer(&self) -> u16 {
        self.header.urgent_pointer()
    }

    /// Returns the option bytes.
    #[must_use]
    #[inline]
    pub fn options(&self) -> &'a [u8] {
        self.bytes.get(TCP_HLEN..self.header_len()).unwrap_or_default()
    }

    /// Returns the options one by one.
    #[must_use]
    pub fn options_iter(&self) -> TcpOptions<'a> {
        TcpOptions::new(self.options())
    }

    /// Returns the data.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.header_len()..).unwrap_or_default()
    }

    /// Returns how much sequence space the segment takes: data, SYN and FIN.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "an IP payload is shorter than 64 KiB")]
    pub fn seq_len(&self) -> u32 {
        let flags = self.flags();
        self.payload().len() as u32 + u32::from(flags.syn()) + u32::from(flags.fin())
    }

    /// Returns whether the checksum is right.
    #[must_use]
    pub fn checksum_ok(&self, src: Ipv4Addr, dst: Ipv4Addr) -> bool {
        checksum::csum_tcpudp_magic(src, dst, IpProto::TCP, self.bytes) == 0
    }

    /// Returns whether the checksum is right over IPv6.
    #[must_use]
    pub fn checksum_ok_v6(&self, src: Ipv6Addr, dst: Ipv6Addr) -> bool {
        checksum::csum_ipv6_magic(src, dst, IpProto::TCP, self.bytes) == 0
    }
}

#[cold]
fn parse_error(error: &HeaderSliceError, got: usize) -> ParseError {
    match error {
        HeaderSliceError::Len(error) => ParseError::truncated(Layer::Tcp, error.required_len, got),
        HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { data_offset }) => {
            let value = u32::from(*data_offset) * 4;
            ParseError::Malformed { layer: Layer::Tcp, field: "data offset", value }
        }
    }
}

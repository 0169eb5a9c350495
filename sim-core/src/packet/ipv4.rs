//! The IPv4 header (RFC 791, `struct iphdr`).

use core::net::Ipv4Addr;

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::{HeaderError, HeaderSliceError};

use super::checksum;
use super::error::{Layer, ParseError};
use super::ip_proto::IpProto;

/// Length of a header without options, in bytes.
pub const IPV4_HLEN: usize = 20;
/// Length of the longest header, in bytes (`MAX_IPOPTLEN` more than the shortest).
pub const IPV4_HLEN_MAX: usize = 60;
/// The don't-fragment bit of the fragment word (`IP_DF`).
pub const IP_DF: u16 = 0x4000;
/// The more-fragments bit of the fragment word (`IP_MF`).
pub const IP_MF: u16 = 0x2000;
/// The offset in the fragment word, in units of 8 bytes (`IP_OFFSET`).
pub const IP_OFFSET: u16 = 0x1fff;
/// The TTL of what a host sends (`IPDEFTTL`).
pub const IPDEFTTL: u8 = 64;
/// The ECN bits of the TOS byte (`INET_ECN_MASK`).
pub const INET_ECN_MASK: u8 = 0x03;

/// An IPv4 datagram.
#[derive(Clone, Debug)]
pub struct Ipv4<'a> {
    header: Ipv4HeaderSlice<'a>,
    bytes: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// Reads the datagram at the start of `bytes`, which may go on after it.
    ///
    /// The total length and the checksum are not judged: see [`total_len`](Self::total_len) and
    /// [`checksum_ok`](Self::checksum_ok).
    ///
    /// # Errors
    /// A header cut short, a version other than 4, a header length below 20.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match Ipv4HeaderSlice::from_slice(bytes) {
            Ok(header) => Ok(Self { header, bytes }),
            Err(error) => Err(parse_error(&error, bytes.len())),
        }
    }

    /// Returns the version, which is 4.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.header.version()
    }

    /// Returns the header length in 32-bit words, 5 to 15.
    #[must_use]
    #[inline]
    pub fn ihl(&self) -> u8 {
        self.header.ihl()
    }

    /// Returns the header length in bytes, options included (`ip_hdrlen()`).
    #[must_use]
    #[inline]
    pub fn header_len(&self) -> usize {
        self.header.slice().len()
    }

    /// Returns the TOS byte: DSCP and ECN.
    #[must_use]
    #[inline]
    pub fn tos(&self) -> u8 {
        self.header.slice().get(1).copied().unwrap_or_default()
    }

    /// Returns the length of header and data in bytes, as the header has it.
    #[must_use]
    #[inline]
    pub fn total_len(&self) -> usize {
        usize::from(self.header.total_len())
    }

    /// Returns the identification.
    #[must_use]
    #[inline]
    pub fn id(&self) -> u16 {
        self.header.identification()
    }

    /// Returns the fragment word: three flags and the offset in units of 8 bytes (`iph->frag_off`).
    #[must_use]
    #[inline]
    pub fn frag_word(&self) -> u16 {
        word(self.header.slice(), 6)
    }

    /// Returns the reserved flag, the "evil bit" of RFC 3514.
    #[must_use]
    pub fn reserved_flag(&self) -> bool {
        self.frag_word() & 0x8000 != 0
    }

    /// Returns the don't-fragment flag.
    #[must_use]
    #[inline]
    pub fn df(&self) -> bool {
        self.header.dont_fragment()
    }

    /// Returns the more-fragments flag.
    #[must_use]
    #[inline]
    pub fn mf(&self) -> bool {
        self.header.more_fragments()
    }

    /// Returns the fragment offset in bytes.
    #[must_use]
    #[inline]
    pub fn frag_offset(&self) -> usize {
        usize::from(self.frag_word() & IP_OFFSET) * 8
    }

    /// Returns whether this is a piece of a datagram (`ip_is_fragment()`).
    #[must_use]
    #[inline]
    pub fn is_fragment(&self) -> bool {
        self.frag_word() & (IP_MF | IP_OFFSET) != 0
    }

    /// Returns the time to live.
    #[must_use]
    #[inline]
    pub fn ttl(&self) -> u8 {
        self.header.ttl()
    }

    /// Returns the protocol of the payload.
    #[must_use]
    #[inline]
    pub fn proto(&self) -> IpProto {
        IpProto(self.header.protocol().0)
    }

    /// Returns the header checksum.
    #[must_use]
    #[inline]
    pub fn checksum(&self) -> u16 {
        self.header.header_checksum()
    }

    /// Returns whether the header checksum is right (`ip_fast_csum()` is zero).
    #[must_use]
    #[inline]
    pub fn checksum_ok(&self) -> bool {
        checksum::ip_compute_csum(self.header.slice()) == 0
    }

    /// Returns the source address.
    #[must_use]
    #[inline]
    pub fn src(&self) -> Ipv4Addr {
        self.header.source_addr()
    }

    /// Returns the destination address.
    #[must_use]
    #[inline]
    pub fn dst(&self) -> Ipv4Addr {
        self.header.destination_addr()
    }

    /// Returns the options, empty for most packets.
    #[must_use]
    #[inline]
    pub fn options(&self) -> &'a [u8] {
        self.header.options()
    }

    /// Returns the header bytes, options included.
    #[must_use]
    #[inline]
    pub fn header(&self) -> &'a [u8] {
        self.header.slice()
    }

    /// Returns the data up to the total length or the end of the bytes, whichever comes first.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        let end = self.total_len().min(self.bytes.len());
        self.bytes.get(self.header_len()..end).unwrap_or_default()
    }
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u16::from_be_bytes)
}

#[cold]
fn parse_error(error: &HeaderSliceError, got: usize) -> ParseError {
    let malformed = |field, value| ParseError::Malformed { layer: Layer::Ipv4, field, value };
    match error {
        HeaderSliceError::Len(error) => ParseError::truncated(Layer::Ipv4, error.required_len, got),
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
            malformed("version", u32::from(*version_number))
        }
        HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { ihl }) => {
            malformed("header length", u32::from(*ihl) * 4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a ping as Linux sent it: id 0x1c46, DF, TTL 64, 172.16.10.99 to 172.16.10.12.
    const HEADER: [u8; 20] = [
        0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0xb1, 0xe6, 0xac, 0x10, 0x0a,
        0x63, 0xac, 0x10, 0x0a, 0x0c,
    ];

    #[test]
    fn a_header_is_read() {
        let ip = Ipv4::parse(&HEADER).expect("whole");
        assert_eq!((ip.version(), ip.ihl(), ip.header_len(), ip.tos()), (4, 5, 20, 0));
        assert_eq!((ip.total_len(), ip.id(), ip.ttl()), (60, 0x1c46, 64));
        assert_eq!((ip.df(), ip.mf(), ip.frag_offset(), ip.is_fragment()), (true, false, 0, false));
        assert_eq!((ip.proto(), ip.checksum(), ip.checksum_ok()), (IpProto::TCP, 0xb1e6, true));
        assert_eq!(ip.src(), Ipv4Addr::new(172, 16, 10, 99));
        assert_eq!(ip.dst(), Ipv4Addr::new(172, 16, 10, 12));
        assert_eq!((ip.options().len(), ip.payload().len()), (0, 0));
    }

    #[test]
    fn the_total_length_bounds_the_payload() {
        let mut bytes = [0u8; 64];
        bytes[..20].copy_from_slice(&HEADER);
        assert_eq!(Ipv4::parse(&bytes).expect("whole").payload().len(), 40);
        bytes[3] = 19;
        assert_eq!(Ipv4::parse(&bytes).expect("whole").payload().len(), 0);
        bytes[2] = 0xff;
        assert_eq!(Ipv4::parse(&bytes).expect("whole").payload().len(), 44);
    }

    #[test]
    fn fragments_are_known_by_their_word() {
        let mut bytes = HEADER;
        bytes[6..8].copy_from_slice(&[0x20, 0xb9]);
        let ip = Ipv4::parse(&bytes).expect("whole");
        assert_eq!(
            (ip.df(), ip.mf(), ip.frag_offset(), ip.is_fragment()),
            (false, true, 1480, true)
        );
        assert!(!ip.checksum_ok());
    }

    #[test]
    fn only_the_structure_is_an_error() {
        let short = ParseError::truncated(Layer::Ipv4, 20, 19);
        assert_eq!(Ipv4::parse(&HEADER[..19]).err(), Some(short));
        assert_eq!(Ipv4::parse(&[]).err(), Some(ParseError::truncated(Layer::Ipv4, 20, 0)));
        let mut bytes = HEADER;
        bytes[0] = 0x46;
        let short = ParseError::truncated(Layer::Ipv4, 24, 20);
        assert_eq!(Ipv4::parse(&bytes).err(), Some(short));
        bytes[0] = 0x44;
        let error = Ipv4::parse(&bytes).expect_err("too short a header");
        assert_eq!(error.to_string(), "IPv4 header has header length 16");
        bytes[0] = 0x65;
        let error = Ipv4::parse(&bytes).expect_err("version 6");
        assert_eq!(error.to_string(), "IPv4 header has version 6");
    }
}

//! The IPv6 header (RFC 8200, `struct ipv6hdr`) and its extension headers, to read and to print.

use core::net::Ipv6Addr;

use etherparse::Ipv6HeaderSlice;
use etherparse::err::ipv6::HeaderSliceError;

use super::error::{Layer, ParseError};
use super::ip_proto::IpProto;

/// Length of the fixed header in bytes.
pub const IPV6_HLEN: usize = 40;

/// An IPv6 packet.
#[derive(Clone, Debug)]
pub struct Ipv6<'a> {
    header: Ipv6HeaderSlice<'a>,
    bytes: &'a [u8],
}

impl<'a> Ipv6<'a> {
    /// Reads the packet at the start of `bytes`, which may go on after it.
    ///
    /// # Errors
    /// Fewer than 40 bytes, a version other than 6.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match Ipv6HeaderSlice::from_slice(bytes) {
            Ok(header) => Ok(Self { header, bytes }),
            Err(HeaderSliceError::Len(_)) => {
                Err(ParseError::truncated(Layer::Ipv6, IPV6_HLEN, bytes.len()))
            }
            Err(HeaderSliceError::Content(_)) => Err(ParseError::Malformed {
                layer: Layer::Ipv6,
                field: "version",
                value: bytes.first().map_or(0, |byte| u32::from(byte >> 4)),
            }),
        }
    }

    /// Returns the traffic class.
    #[must_use]
    pub fn traffic_class(&self) -> u8 {
        self.header.traffic_class()
    }

    /// Returns the flow label, 20 bits.
    #[must_use]
    pub fn flow_label(&self) -> u32 {
        self.header.flow_label().value()
    }

    /// Returns the length of all that follows the fixed header, in bytes, as the header has it.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        usize::from(self.header.payload_length())
    }

    /// Returns the type of the first header after the fixed one.
    #[must_use]
    #[inline]
    pub fn next_header(&self) -> IpProto {
        IpProto(self.header.next_header().0)
    }

    /// Returns the hop limit.
    #[must_use]
    pub fn hop_limit(&self) -> u8 {
        self.header.hop_limit()
    }

    /// Returns the source address.
    #[must_use]
    #[inline]
    pub fn src(&self) -> Ipv6Addr {
        self.header.source_addr()
    }

    /// Returns the destination address.
    #[must_use]
    #[inline]
    pub fn dst(&self) -> Ipv6Addr {
        self.header.destination_addr()
    }

    /// Returns where the packet ends, in bytes from its start: after the payload length, or where the
    /// bytes end.
    #[must_use]
    pub fn end(&self) -> usize {
        (IPV6_HLEN + self.payload_len()).min(self.bytes.len())
    }

    /// Returns what follows the fixed header, up to the [`end`](Self::end).
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(IPV6_HLEN..self.end()).unwrap_or_default()
    }

    /// Walks the extension headers.
    #[must_use]
    pub fn extensions(&self) -> Ipv6Extensions<'a> {
        Ipv6Extensions { next: self.next_header(), rest: self.payload() }
    }

    /// Returns the transport protocol and its bytes, behind all extension headers (`ipv6_skip_exthdr()`).
    ///
    /// Behind a later fragment there is none: the protocol is then [`IpProto::NONE`], the bytes are
    /// the piece of the datagram.
    ///
    /// # Errors
    /// An extension header cut short.
    pub fn upper(&self) -> Result<(IpProto, &'a [u8]), ParseError> {
        let mut walk = self.extensions();
        for extension in walk.by_ref() {
            extension?;
        }
        Ok((walk.next, walk.rest))
    }
}

/// One extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Extension<'a> {
    /// The type of this header.
    pub kind: IpProto,
    /// The type of the next header.
    pub next: IpProto,
    /// The whole header.
    pub bytes: &'a [u8],
}

impl Ipv6Extension<'_> {
    /// Returns offset in bytes, the more flag and the identification, if this is a fragment header.
    #[must_use]
    pub fn fragment(&self) -> Option<(usize, bool, u32)> {
        match *self.bytes {
            [_, _, high, low, a, b, c, d] if self.kind == IpProto::FRAGMENT => {
                let word = u16::from_be_bytes([high, low]);
                Some((usize::from(word & 0xfff8), word & 1 != 0, u32::from_be_bytes([a, b, c, d])))
            }
            _ => None,
        }
    }
}

/// The extension headers of a packet, in order.
#[derive(Clone, Debug)]
pub struct Ipv6Extensions<'a> {
    next: IpProto,
    rest: &'a [u8],
}

impl Ipv6Extensions<'_> {
    /// Returns the length of the header at the start of the rest, or nothing if it is not an extension.
    fn header_len(&self) -> Option<Result<usize, ParseError>> {
        let words = match self.next {
            IpProto::FRAGMENT => return Some(Ok(8)),
            IpProto::HOPOPTS | IpProto::ROUTING | IpProto::DSTOPTS | IpProto::MH => (8, 1),
            IpProto::AH => (4, 2),
            _ => return None,
        };
        let (unit, extra) = words;
        Some(match self.rest.get(1) {
            Some(len) => Ok((usize::from(*len) + extra) * unit),
            None => Err(ParseError::truncated(Layer::Ipv6Extension, 8, self.rest.len())),
        })
    }
}

impl<'a> Iterator for Ipv6Extensions<'a> {
    type Item = Result<Ipv6Extension<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.next;
        let len = match self.header_len()? {
            Ok(len) => len,
            Err(error) => {
                self.next = IpProto::NONE;
                return Some(Err(error));
            }
        };
        let Some((bytes, rest)) = self.rest.split_at_checked(len) else {
            self.next = IpProto::NONE;
            let got = self.rest.len();
            return Some(Err(ParseError::truncated(Layer::Ipv6Extension, len, got)));
        };
        let extension = Ipv6Extension { kind, next: IpProto(bytes.first().copied()?), bytes };
        self.rest = rest;
        self.next = match extension.fragment() {
            Some((offset, ..)) if offset != 0 => IpProto::NONE,
            _ => extension.next,
        };
        Some(Ok(extension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x61, 0x23, 0x45, 0x67, 0, 0, next, 64];
        bytes[5] = u8::try_from(payload.len()).expect("short");
        bytes.extend_from_slice(&Ipv6Addr::LOCALHOST.octets());
        bytes.extend_from_slice(&Ipv6Addr::UNSPECIFIED.octets());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn the_fixed_header_is_read() {
        let bytes = packet(17, &[1, 2, 3]);
        let ip = Ipv6::parse(&bytes).expect("whole");
        assert_eq!((ip.traffic_class(), ip.flow_label()), (0x12, 0x34567));
        assert_eq!((ip.payload_len(), ip.next_header(), ip.hop_limit()), (3, IpProto::UDP, 64));
        assert_eq!((ip.src(), ip.dst()), (Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED));
        assert_eq!(ip.upper(), Ok((IpProto::UDP, &[1, 2, 3][..])));
        assert!(Ipv6::parse(&bytes[..39]).is_err());
    }

    #[test]
    fn extension_headers_are_walked_over() {
        let payload = [60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 9, 7];
        let bytes = packet(0, &payload);
        let ip = Ipv6::parse(&bytes).expect("whole");
        let kinds: Vec<_> = ip.extensions().map(|header| header.expect("whole").kind.0).collect();
        assert_eq!(kinds, [0, 60, 44]);
        let last = ip.extensions().last().expect("three").expect("whole");
        assert_eq!(last.fragment(), Some((0, true, 9)));
        assert_eq!(ip.upper(), Ok((IpProto::TCP, &[7][..])));
    }

    #[test]
    fn a_later_fragment_has_no_transport_header_and_a_cut_one_is_an_error() {
        let bytes = packet(44, &[6, 0, 0, 8, 0, 0, 0, 9, 7]);
        let ip = Ipv6::parse(&bytes).expect("whole");
        assert_eq!(ip.upper(), Ok((IpProto::NONE, &[7][..])));
        let bytes = packet(0, &[6, 1, 0, 8, 0, 0, 0, 9, 7]);
        let error = Ipv6::parse(&bytes).expect("whole").upper().expect_err("cut");
        assert_eq!(error, ParseError::truncated(Layer::Ipv6Extension, 16, 9));
    }
}

//! Cutting an IPv4 datagram in pieces (`ip_do_fragment()` of `net/ipv4/ip_output.c`).

use core::borrow::BorrowMut;

use thiserror::Error;

use super::checksum;
use super::ipv4::{IP_DF, IP_MF, IP_OFFSET, IPV4_HLEN, Ipv4};
use super::ipv4_options::{IPOPT_COPY, IPOPT_END, IPOPT_NOOP};
use super::meta::SkbMeta;
use super::skb::Skb;

/// How a datagram is cut.
#[derive(Clone, Copy, Debug)]
pub struct FragmentParams<'a> {
    /// The longest fragment, header included, in bytes: the MTU of the route, or the longest piece that
    /// the datagram was reassembled from if that is less (`frag_max_size`).
    pub mtu: usize,
    /// The pieces carry the don't-fragment flag: the longest of those that the datagram was reassembled
    /// from had it (`IPSKB_FRAG_PMTU`). Pieces sent again as they came never carry it.
    pub keep_df: bool,
    /// The data lengths of the pieces that the datagram was reassembled from by connection tracking,
    /// in bytes; empty if it was not. Linux sends the same pieces again where they fit.
    pub geometry: &'a [usize],
}

/// Why a datagram cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FragmentError {
    /// The network header is not that of a whole IPv4 datagram.
    #[error("not a whole IPv4 datagram")]
    NotIpv4,
    /// The header leaves no room for 8 bytes of data.
    #[error("an MTU of {mtu} bytes has no room for data")]
    MtuTooSmall {
        /// The MTU in bytes.
        mtu: usize,
    },
}

/// One piece to send.
struct Piece {
    /// Where its data start, counted from the end of the IPv4 header.
    start: usize,
    /// How many bytes of data it has.
    len: usize,
    /// Its fragment word.
    frag_word: u16,
    /// Whether it goes on in the buffer that it came in.
    in_place: bool,
}

/// Cuts the datagram at the network header of `skb` and hands the pieces to `send` in order.
///
/// Buffers come from `take`, which gives empty ones. The pieces keep the metadata of `skb` and its
/// identification. If it is a fragment itself, offsets count on from its own and its last piece has its
/// more-fragments flag. Options without the copy bit become padding in all pieces but that at offset 0.
///
/// # Errors
/// Bytes that are no IPv4 datagram, an MTU without room for data. Nothing was taken or sent then.
pub fn ip_do_fragment<B: BorrowMut<Skb>>(
    skb: &Skb,
    params: &FragmentParams<'_>,
    mut take: impl FnMut() -> B,
    mut send: impl FnMut(B),
) -> Result<(), FragmentError> {
    let ip = Ipv4::parse(skb.network_header()).map_err(|_| FragmentError::NotIpv4)?;
    if skb.network_header().len() < ip.total_len() || ip.total_len() < ip.header_len() {
        return Err(FragmentError::NotIpv4);
    }
    let room = params.mtu.saturating_sub(ip.header_len());
    let too_small = ip.payload().len() > room && room < 8;
    if too_small {
        return Err(FragmentError::MtuTooSmall { mtu: params.mtu });
    }
    let mut cut = Cut::new(&ip, params, room);
    while let Some(piece) = cut.next_piece() {
        let mut buffer = take();
        write_piece(buffer.borrow_mut(), skb, &ip, &piece);
        send(buffer);
    }
    Ok(())
}

/// Walks over the data, piece by piece.
struct Cut<'a> {
    total: usize,
    offset: usize,
    room: usize,
    frag_word: u16,
    flags: u16,
    geometry: &'a [usize],
    finished: bool,
}

impl<'a> Cut<'a> {
    fn new(ip: &Ipv4<'_>, params: &FragmentParams<'a>, room: usize) -> Self {
        let usable = !ip.is_fragment() && fits(params.geometry, ip.payload().len(), room);
        Self {
            total: ip.payload().len(),
            offset: 0,
            room,
            frag_word: ip.frag_word(),
            flags: if params.keep_df && !usable { IP_DF } else { 0 },
            geometry: if usable { params.geometry } else { &[] },
            finished: false,
        }
    }

    fn next_piece(&mut self) -> Option<Piece> {
        if self.finished {
            return None;
        }
        let left = self.total - self.offset;
        let as_it_came = !self.geometry.is_empty();
        let len = match self.geometry.split_first() {
            Some((len, rest)) => {
                self.geometry = rest;
                *len
            }
            None if left > self.room => self.room & !7,
            None => left,
        };
        let start = self.offset;
        self.offset += len;
        self.finished = self.offset >= self.total;
        let units = u16::try_from(start / 8).unwrap_or(IP_OFFSET);
        let more = if self.finished { self.frag_word & IP_MF } else { IP_MF };
        let offset = (self.frag_word & IP_OFFSET).wrapping_add(units) & IP_OFFSET;
        let in_place = as_it_came && start > 0;
        Some(Piece { start, len, frag_word: offset | more | self.flags, in_place })
    }
}

/// Returns whether the pieces that came in can go out again: they make up the data, none is longer than
/// the room, and all but the last are a multiple of 8 bytes.
fn fits(geometry: &[usize], total: usize, room: usize) -> bool {
    let Some((last, front)) = geometry.split_last() else { return false };
    let aligned = front.iter().all(|len| *len <= room && *len != 0 && len.is_multiple_of(8));
    aligned && *last <= room && *last != 0 && front.iter().sum::<usize>() + last == total
}

fn write_piece(to: &mut Skb, from: &Skb, ip: &Ipv4<'_>, piece: &Piece) {
    let header_len = ip.header_len();
    to.meta = SkbMeta { in_place: piece.in_place, ..from.meta };
    to.set_network_header(to.len());
    to.put(ip.header());
    to.put(ip.payload().get(piece.start..piece.start + piece.len).unwrap_or_default());
    to.set_transport_header(header_len);
    let header = to.network_header_mut().get_mut(..header_len).unwrap_or_default();
    if piece.frag_word & IP_OFFSET != ip.frag_word() & IP_OFFSET && ip.frag_offset() == 0 {
        ip_options_fragment(header.get_mut(IPV4_HLEN..).unwrap_or_default());
    }
    set_u16(header, 2, u16::try_from(header_len + piece.len).unwrap_or(0));
    set_u16(header, 6, piece.frag_word);
    set_u16(header, 10, 0);
    let check = checksum::ip_compute_csum(header);
    set_u16(header, 10, check);
}

fn set_u16(header: &mut [u8], at: usize, value: u16) {
    if let Some(field) = header.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *field = value.to_be_bytes();
    }
}

/// Overwrites the options that only the first fragment carries with padding (`ip_options_fragment()`).
pub fn ip_options_fragment(options: &mut [u8]) {
    let mut rest = options;
    while let Some(kind) = rest.first().copied() {
        let len = match kind {
            IPOPT_END => return,
            IPOPT_NOOP => 1,
            _ => rest.get(1).map_or(0, |len| usize::from(*len)),
        };
        if kind != IPOPT_NOOP && len < 2 {
            return;
        }
        let Some((option, after)) = rest.split_at_mut_checked(len) else { return };
        if kind & IPOPT_COPY == 0 {
            option.fill(IPOPT_NOOP);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::packet::build::{Ipv4Params, push_ipv4};
    use crate::packet::{IpProto, SkbPool};

    fn datagram(len: usize, params: &Ipv4Params<'_>) -> Skb {
        let bytes: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).expect("small")).collect();
        let mut skb = Skb::from_slice(&bytes);
        push_ipv4(&mut skb, params);
        skb.meta.mark = 7;
        skb
    }

    fn params() -> Ipv4Params<'static> {
        Ipv4Params {
            id: 0x1234,
            ..Ipv4Params::new(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST, IpProto::UDP)
        }
    }

    fn cut(skb: &Skb, params: &FragmentParams<'_>) -> Result<Vec<Skb>, FragmentError> {
        let mut pool = SkbPool::default();
        let mut pieces = Vec::new();
        ip_do_fragment(skb, params, || *pool.take(), |piece| pieces.push(piece))?;
        Ok(pieces)
    }

    /// Offset, data length and the more flag of each piece.
    fn shape(pieces: &[Skb]) -> Vec<(usize, usize, bool)> {
        pieces
            .iter()
            .map(|piece| {
                let ip = Ipv4::parse(piece.data()).expect("whole");
                (ip.frag_offset(), ip.payload().len(), ip.mf())
            })
            .collect()
    }

    const PLAIN: FragmentParams<'static> =
        FragmentParams { mtu: 1500, keep_df: false, geometry: &[] };

    #[test]
    fn a_ping_of_4000_bytes_is_cut_as_linux_cuts_it() {
        let pieces = cut(&datagram(4008, &params()), &PLAIN).expect("room");
        assert_eq!(shape(&pieces), [(0, 1480, true), (1480, 1480, true), (2960, 1048, false)]);
        for piece in &pieces {
            let ip = Ipv4::parse(piece.network_header()).expect("whole");
            assert_eq!((ip.id(), ip.checksum_ok(), piece.meta.mark), (0x1234, true, 7));
            assert_eq!(piece.transport_header(), ip.payload());
        }
    }

    #[test]
    fn a_fragment_that_is_cut_keeps_its_place() {
        let middle = Ipv4Params { frag_offset: 800, mf: true, ..params() };
        let small = FragmentParams { mtu: 120, ..PLAIN };
        let pieces = cut(&datagram(160, &middle), &small).expect("room");
        assert_eq!(shape(&pieces), [(800, 96, true), (896, 64, true)]);
        let last = Ipv4Params { frag_offset: 800, ..params() };
        let pieces = cut(&datagram(160, &last), &small).expect("room");
        assert_eq!(shape(&pieces), [(800, 96, true), (896, 64, false)]);
    }

    #[test]
    fn options_without_the_copy_bit_stay_in_the_first_piece() {
        let options = [7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0];
        let with = Ipv4Params { options: &options, ..params() };
        let small = FragmentParams { mtu: 100, ..PLAIN };
        let pieces = cut(&datagram(128, &with), &small).expect("room");
        let found: Vec<_> = pieces
            .iter()
            .map(|piece| Ipv4::parse(piece.data()).expect("whole").options().to_vec())
            .collect();
        let copied = [1, 1, 1, 1, 1, 1, 1, 1, 148, 4, 0, 0];
        assert_eq!(found, [options, copied]);
        let later = Ipv4Params { options: &options, frag_offset: 8, ..params() };
        let pieces = cut(&datagram(128, &later), &small).expect("room");
        assert!(
            pieces
                .iter()
                .all(|piece| Ipv4::parse(piece.data()).expect("whole").options() == options)
        );
    }

    #[test]
    fn pieces_that_came_in_go_out_again_where_they_fit() {
        let again = FragmentParams { geometry: &[600, 600, 200], ..PLAIN };
        let pieces = cut(&datagram(1400, &params()), &again).expect("room");
        assert_eq!(shape(&pieces), [(0, 600, true), (600, 600, true), (1200, 200, false)]);
        let narrow = FragmentParams { mtu: 600, ..again };
        let pieces = cut(&datagram(1400, &params()), &narrow).expect("room");
        assert_eq!(shape(&pieces), [(0, 576, true), (576, 576, true), (1152, 248, false)]);
        let wrong = FragmentParams { geometry: &[600, 600], ..PLAIN };
        assert_eq!(shape(&cut(&datagram(1400, &params()), &wrong).expect("room")).len(), 1);
    }

    /// Data lengths and the MTU of a route, and the data lengths of the pieces that Linux 6.18.44 sent:
    /// offset and length of each. The header has `optlen` bytes of copied options.
    type Observation = (usize, usize, usize, &'static [usize], &'static [(usize, usize)]);

    const OBSERVED: &[Observation] = &[
        (1008, 300, 0, &[], &[(0, 280), (280, 280), (560, 280), (840, 168)]),
        (608, 300, 12, &[], &[(0, 264), (264, 264), (528, 80)]),
        (281, 300, 0, &[], &[(0, 280), (280, 1)]),
        (280, 300, 0, &[], &[(0, 280)]),
        (1000, 420, 0, &[400, 400, 200], &[(0, 400), (400, 400), (800, 200)]),
        (1000, 700, 0, &[104, 800, 96], &[(0, 680), (680, 320)]),
        (1000, 820, 0, &[104, 800, 96], &[(0, 104), (104, 800), (904, 96)]),
        (1000, 420, 4, &[400, 304, 296], &[(0, 392), (392, 392), (784, 216)]),
    ];

    #[test]
    fn linux_cuts_so() {
        for (len, mtu, optlen, geometry, want) in OBSERVED {
            let options = [148, 4, 0, 0].repeat(optlen / 4);
            let whole = datagram(*len, &Ipv4Params { options: &options, ..params() });
            let params = FragmentParams { mtu: *mtu, keep_df: false, geometry };
            let pieces = cut(&whole, &params).expect("room");
            let got: Vec<_> = shape(&pieces).iter().map(|(at, len, _)| (*at, *len)).collect();
            assert_eq!(got, *want, "{len} bytes at {mtu}");
        }
    }

    #[test]
    fn the_dont_fragment_flag_is_kept_on_demand() {
        let with_df = Ipv4Params { df: true, ..params() };
        let small = FragmentParams { mtu: 120, ..PLAIN };
        let flags = |params: &FragmentParams<'_>| {
            let pieces = cut(&datagram(160, &with_df), params).expect("room");
            pieces.iter().map(|piece| Ipv4::parse(piece.data()).expect("whole").df()).collect()
        };
        let without: Vec<bool> = flags(&small);
        assert_eq!(without, [false, false]);
        assert_eq!(flags(&FragmentParams { keep_df: true, ..small }), [true, true]);
        let again = FragmentParams { keep_df: true, geometry: &[80, 80], ..small };
        assert_eq!(flags(&again), [false, false]);
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let small = FragmentParams { mtu: 27, ..PLAIN };
        let refused = cut(&datagram(160, &params()), &small).err();
        assert_eq!(refused, Some(FragmentError::MtuTooSmall { mtu: 27 }));
        let refused = cut(&Skb::from_slice(&[0x45; 100]), &PLAIN).err();
        assert_eq!(refused, Some(FragmentError::NotIpv4));
        let mut short = datagram(160, &params());
        short.trim(100);
        assert_eq!(cut(&short, &PLAIN).err(), Some(FragmentError::NotIpv4));
    }

    proptest! {
        #[test]
        fn the_pieces_make_up_the_datagram(
            len in 0usize..6000, mtu in 68usize..2000, options in 0usize..=10,
        ) {
            let options = vec![IPOPT_NOOP; options * 4];
            let whole = datagram(len, &Ipv4Params { options: &options, ..params() });
            let pieces = cut(&whole, &FragmentParams { mtu, ..PLAIN }).expect("room");
            let mut data = Vec::new();
            for (at, piece) in pieces.iter().enumerate() {
                let ip = Ipv4::parse(piece.data()).expect("whole");
                prop_assert!(ip.total_len() <= mtu && ip.checksum_ok());
                prop_assert_eq!(ip.frag_offset(), data.len());
                prop_assert_eq!(ip.mf(), at + 1 != pieces.len());
                data.extend_from_slice(ip.payload());
            }
            prop_assert_eq!(&data, Ipv4::parse(whole.data()).expect("whole").payload());
        }
    }
}

//! Cutting a TCP packet that is larger than a segment (`tcp_gso_segment()`, `inet_gso_segment()`).
//!
//! Linux hands several segments through its IP layer as one packet, and cuts it when a device that
//! cannot do so itself gets it. Filters see one packet, captures see its segments.

use core::borrow::BorrowMut;

use super::build::PseudoHeader;
use super::checksum::{csum_fold, csum_partial, ip_compute_csum};
use super::ip_proto::IpProto;
use super::ipv4::Ipv4;
use super::skb::Skb;
use super::tcp::{Tcp, TcpFlags};

/// Where the parts of a packet lie, counted from its link header.
struct Layout {
    network: usize,
    transport: usize,
    payload: usize,
}

/// Returns the length of the largest segment with its IP header (`skb_gso_network_seglen()`): that of
/// the packet itself if it is not to be cut.
#[must_use]
pub fn segment_len(skb: &Skb) -> usize {
    let packet = skb.network_header();
    let whole = packet.len();
    let size = usize::from(skb.meta.gso_size);
    if size == 0 {
        return whole;
    }
    let Ok(ip) = Ipv4::parse(packet) else { return whole };
    // The length field may not be able to say how long the packet is.
    let transport = packet.get(ip.header_len()..).unwrap_or_default();
    let Ok(tcp) = Tcp::parse(transport) else { return whole };
    whole.min(ip.header_len() + tcp.header_len() + size)
}

/// Returns how many bytes longer than it is a frame is once it is cut, and into how many it is
/// (`qdisc_pkt_len_init()`).
#[must_use]
pub fn wire_size(skb: &Skb) -> (usize, usize) {
    let size = usize::from(skb.meta.gso_size);
    let Some(layout) = (size != 0).then(|| layout(skb)).flatten() else { return (0, 1) };
    let count = (skb.len() - layout.payload).div_ceil(size);
    (count.saturating_sub(1) * layout.payload, count)
}

/// Cuts the frame at the data of `skb` into segments of [`gso_size`](super::SkbMeta::gso_size) bytes of
/// data and hands them to `send` in order; whether it could.
///
/// Buffers come from `take`, which gives empty ones. FIN and PSH are carried by the last segment, CWR by
/// the first; identifications count on. A device that takes scattered data leaves them where they are
/// (`NETIF_F_SG`); for others they are copied, into buffers of their own.
pub fn segment_tcp<B: BorrowMut<Skb>>(
    skb: &Skb,
    scattered: bool,
    mut take: impl FnMut() -> B,
    mut send: impl FnMut(B),
) -> bool {
    let Some(layout) = layout(skb) else { return false };
    let frame = skb.data();
    let (headers, data) = frame.split_at(layout.payload);
    let size = usize::from(skb.meta.gso_size).max(1);
    let count = data.len().div_ceil(size);
    for (n, part) in data.chunks(size).enumerate() {
        let mut buffer = take();
        let segment = buffer.borrow_mut();
        segment.put(headers);
        segment.put(part);
        segment.reset_mac_header();
        segment.set_network_header(layout.network);
        segment.set_transport_header(layout.transport);
        segment.meta = skb.meta;
        segment.meta.gso_size = 0;
        segment.meta.truesize =
            if scattered { scattered_truesize(part.len()) } else { copied_truesize(part.len()) };
        finish(segment, &layout, n, n * size, n + 1 == count);
        send(buffer);
    }
    true
}

/// Returns the memory that a TCP packet with `len` bytes of data is charged as, in bytes, while its data
/// stay where the program has put them; observed on Linux 6.18.
#[must_use]
pub fn scattered_truesize(len: usize) -> u32 {
    const HEAD: u32 = 832;
    u32::try_from(len).unwrap_or(u32::MAX).saturating_add(HEAD)
}

/// Returns the memory that a segment with `len` bytes of data is charged as, in bytes, when they were copied
/// behind its headers, for which 256 bytes are kept free; observed on Linux 6.18.
fn copied_truesize(len: usize) -> u32 {
    const STRUCT: u32 = 256;
    const HEADERS: usize = 256;
    const BEHIND: usize = 320;
    let buffer = (len + HEADERS + BEHIND).next_power_of_two();
    u32::try_from(buffer).unwrap_or(u32::MAX).saturating_add(STRUCT)
}

fn layout(skb: &Skb) -> Option<Layout> {
    let network = usize::try_from(skb.network_offset()?).ok()?;
    let ip = Ipv4::parse(skb.data().get(network..)?).ok()?;
    let transport = network + ip.header_len();
    let tcp = Tcp::parse(skb.data().get(transport..)?).ok()?;
    let payload = transport + tcp.header_len();
    (ip.proto() == IpProto::TCP && payload < skb.len()).then_some(Layout {
        network,
        transport,
        payload,
    })
}

/// Sets the fields in which the `n`th segment, `offset` bytes into the data, differs from the packet.
fn finish(segment: &mut Skb, layout: &Layout, n: usize, offset: usize, last: bool) {
    let total = u16::try_from(segment.len() - layout.network).unwrap_or(0);
    let bytes = segment.data_mut();
    let (front, tcp) = bytes.split_at_mut(layout.transport);
    let Some(ip) = front.get_mut(layout.network..) else { return };
    let step = u16::try_from(n & 0xffff).unwrap_or(0);
    let id = word(ip, 4).wrapping_add(step);
    put(ip, 2, &total.to_be_bytes());
    put(ip, 4, &id.to_be_bytes());
    put(ip, 10, &[0, 0]);
    let check = ip_compute_csum(ip);
    put(ip, 10, &check.to_be_bytes());
    let Ok(header) = Ipv4::parse(ip) else { return };
    let pseudo = PseudoHeader::V4 { src: header.src(), dst: header.dst() };
    let high = u32::from(word(tcp, 4)) << 16;
    let seq = (high | u32::from(word(tcp, 6))).wrapping_add(u32::try_from(offset).unwrap_or(0));
    put(tcp, 4, &seq.to_be_bytes());
    if let Some(flags) = tcp.get_mut(13) {
        let mut kept = TcpFlags(*flags);
        if !last {
            kept = kept.without(TcpFlags::FIN).without(TcpFlags::PSH);
        }
        if n > 0 {
            kept = kept.without(TcpFlags::CWR);
        }
        *flags = kept.0;
    }
    put(tcp, 16, &[0, 0]);
    let check = csum_fold(csum_partial(tcp, pseudo.sum(IpProto::TCP, tcp.len())));
    put(tcp, 16, &check.to_be_bytes());
}

fn word(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u16::from_be_bytes)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(to) = bytes.get_mut(at..at + value.len()) {
        to.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;
    use crate::packet::build::{
        ChecksumMode, Ipv4Params, TcpOptionBytes, TcpParams, push_ethernet, push_ipv4, push_tcp,
    };
    use crate::packet::{EtherType, MacAddr};

    fn frame(data: usize, size: u16) -> Skb {
        let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let mut skb = Skb::new();
        skb.put(&(0..data).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<_>>());
        let params = TcpParams {
            src_port: 1,
            dst_port: 2,
            seq: u32::MAX,
            ack: 7,
            flags: TcpFlags::ACK | TcpFlags::PSH | TcpFlags::FIN | TcpFlags::CWR,
            window: 3,
            urgent_pointer: 0,
            options: TcpOptionBytes::raw(&[1, 1, 1, 0]),
            checksum: ChecksumMode::Complete,
        };
        push_tcp(&mut skb, &params, PseudoHeader::V4 { src, dst });
        let ip = Ipv4Params { id: 0xffff, df: true, ..Ipv4Params::new(src, dst, IpProto::TCP) };
        push_ipv4(&mut skb, &ip);
        skb.meta.gso_size = size;
        push_ethernet(&mut skb, MacAddr::ZERO, MacAddr::ZERO, EtherType::IPV4);
        skb
    }

    #[test]
    fn segments_have_right_headers_and_all_of_the_data() {
        let skb = frame(2500, 1000);
        assert_eq!(segment_len(&skb), 20 + 24 + 1000);
        let mut segments = Vec::new();
        assert!(segment_tcp(&skb, false, Skb::new, |segment| segments.push(segment)));
        let mut data = Vec::new();
        for (n, segment) in segments.iter().enumerate() {
            let ip = Ipv4::parse(segment.network_header()).unwrap();
            let tcp = Tcp::parse(ip.payload()).unwrap();
            assert!(ip.checksum_ok() && tcp.checksum_ok(ip.src(), ip.dst()), "{n}");
            assert_eq!(ip.id(), 0xffff_u16.wrapping_add(u16::try_from(n).unwrap()));
            assert_eq!(tcp.seq(), u32::MAX.wrapping_add(u32::try_from(n * 1000).unwrap()));
            let (last, first) = (n == 2, n == 0);
            assert_eq!((tcp.flags().fin(), tcp.flags().psh()), (last, last));
            assert_eq!(tcp.flags().contains(TcpFlags::CWR), first);
            assert_eq!((segment.meta.gso_size, tcp.options()), (0, &[1, 1, 1, 0][..]));
            data.extend_from_slice(tcp.payload());
        }
        assert_eq!(segments.len(), 3);
        assert_eq!(data, skb.data()[14 + 20 + 24..]);
    }

    #[test]
    fn what_is_no_tcp_packet_with_data_is_not_cut() {
        let mut bare = frame(0, 1000);
        assert!(!segment_tcp(&bare, false, Skb::new, |_| {}));
        bare.trim(30);
        assert!(!segment_tcp(&bare, false, Skb::new, |_| {}));
        assert_eq!(segment_len(&Skb::from_slice(&[1, 2, 3])), 0);
    }
}

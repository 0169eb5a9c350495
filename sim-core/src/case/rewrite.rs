//! Rewrites, in place, the header fields that a kernel chooses at random.
//!
//! Checksums are adjusted incrementally (RFC 1624), so that a checksum which was wrong stays exactly as
//! wrong. The walk reads bytes on its own and shares no code with the packet model that it judges.

/// UDP destination ports that carry VXLAN.
pub(super) const VXLAN_PORTS: [u16; 2] = [4789, 8472];

const ETH_HEADER: usize = 14;
const ETHERTYPE_IP: u16 = 0x0800;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

/// Says what each field becomes.
pub(super) trait Fields {
    /// The IPv4 id of a packet of this protocol.
    fn ip_id(&mut self, protocol: u8, id: u16) -> u16;
    /// A UDP or TCP port.
    fn port(&mut self, port: u16) -> u16;
    /// The source port of a VXLAN packet.
    fn vxlan_port(&mut self, port: u16) -> u16;
    /// The id of an echo request or reply.
    fn echo_id(&mut self, id: u16) -> u16;
    /// A TCP sequence or acknowledgment number.
    fn sequence(&mut self, sequence: u32) -> u32;
    /// Called with the sequence number of each SYN before [`Fields::sequence`] is.
    fn syn(&mut self, _sequence: u32) {}
    /// Called with the acknowledgment number of each RST that answers a segment without ACK, before
    /// [`Fields::sequence`] is.
    fn reset(&mut self, _acknowledged: u32) {}
    /// A clock of the TCP timestamps option.
    fn timestamp(&mut self, clock: u32) -> u32 {
        clock
    }
}

/// Sends every field of an Ethernet frame through `fields`.
pub(super) fn rewrite_frame(frame: &mut [u8], fields: &mut impl Fields) {
    let end = frame.len();
    Walk { bytes: frame, fields, loopback: false, quoted: false }.ethernet(0, end);
}

/// [`rewrite_frame`] for a frame on `lo`, where no checksum is ever completed: what an ICMP error quotes, and a
/// fragment, loses the checksum of its segment. NAT may have moved a quoted one as if it were complete.
pub(super) fn rewrite_loopback_frame(frame: &mut [u8], fields: &mut impl Fields) {
    let end = frame.len();
    Walk { bytes: frame, fields, loopback: true, quoted: false }.ethernet(0, end);
}

/// Sends every field of an IPv4 packet through `fields`.
pub(super) fn rewrite_packet(packet: &mut [u8], fields: &mut impl Fields) {
    let end = packet.len();
    Walk { bytes: packet, fields, loopback: false, quoted: false }.ipv4(0, end);
}

/// A frame being rewritten; all positions are offsets from its start.
struct Walk<'a, F> {
    bytes: &'a mut [u8],
    fields: &'a mut F,
    loopback: bool,
    /// Whether an ICMP error quotes what is being rewritten.
    quoted: bool,
}

impl<F: Fields> Walk<'_, F> {
    fn ethernet(&mut self, start: usize, end: usize) {
        if end.saturating_sub(start) >= ETH_HEADER + 20 && self.u16(start + 12) == ETHERTYPE_IP {
            self.ipv4(start + ETH_HEADER, end);
        }
    }

    fn ipv4(&mut self, start: usize, end: usize) {
        if end.saturating_sub(start) < 20 {
            return;
        }
        let header = usize::from(self.bytes[start] & 15) * 4;
        let protocol = self.bytes[start + 9];
        let id = self.fields.ip_id(protocol, self.u16(start + 4));
        self.put(start + 4, id, &[start + 10]);
        let fragment = self.u16(start + 6);
        let wanted_end = start + usize::from(self.u16(start + 2));
        let stop = end.min(wanted_end);
        if fragment & 0x1fff != 0 || stop < start + header {
            return;
        }
        let whole = stop == wanted_end && fragment & 0x2000 == 0;
        let segment = Segment { ip: start, start: start + header, end: stop, whole };
        match protocol {
            UDP | TCP => self.ports(protocol, segment),
            SCTP => self.sctp(segment),
            ICMP => self.icmp(segment),
            _ => {}
        }
    }

    fn ports(&mut self, protocol: u8, segment: Segment) {
        let Segment { start, end, .. } = segment;
        if end - start < 8 {
            return;
        }
        let checksum = start + if protocol == UDP { 6 } else { 16 };
        let has_checksum = checksum + 2 <= end;
        let is_lost = self.loopback && (self.quoted || !segment.whole);
        if has_checksum && is_lost {
            self.bytes[checksum..checksum + 2].fill(0);
        } else if has_checksum && segment.whole {
            self.complete(protocol, checksum, segment);
        }
        let is_none = protocol == UDP && has_checksum && self.u16(checksum) == 0;
        let adjust = if has_checksum && !is_lost && !is_none { vec![checksum] } else { Vec::new() };
        let (sport, dport) = (self.u16(start), self.u16(start + 2));
        if protocol == UDP && VXLAN_PORTS.contains(&dport) {
            let sport = self.fields.vxlan_port(sport);
            self.put(start, sport, &adjust);
            self.nested(start + 16, end, &adjust, Self::ethernet);
            return;
        }
        let (sport, dport) = (self.fields.port(sport), self.fields.port(dport));
        self.put(start, sport, &adjust);
        self.put(start + 2, dport, &adjust);
        if protocol == TCP {
            self.sequences(start, end, &adjust);
        }
    }

    fn sequences(&mut self, start: usize, end: usize, adjust: &[usize]) {
        const SYN: u8 = 2;
        const RST: u8 = 4;
        const ACK: u8 = 16;
        let flags = if end - start >= 14 { self.bytes[start + 13] } else { 0 };
        if flags & SYN != 0 {
            let sequence = self.u32(start + 4);
            self.fields.syn(sequence);
        }
        if flags & (RST | ACK) == RST | ACK && self.u32(start + 4) == 0 {
            let acknowledged = self.u32(start + 8);
            self.fields.reset(acknowledged);
        }
        let last = if flags & ACK != 0 && end - start >= 12 { start + 8 } else { start + 4 };
        for at in (start + 4..=last).step_by(4) {
            let new = self.fields.sequence(self.u32(at));
            self.put_u32(at, new, adjust);
        }
        let header = usize::from(self.bytes.get(start + 12).copied().unwrap_or(0) >> 4) * 4;
        self.options(start + 20, end.min(start + header), adjust);
    }

    /// Rewrites the clocks and the edges of SACK blocks among the TCP options from `at` to `end`, where a stack
    /// aligns them.
    fn options(&mut self, mut at: usize, end: usize, adjust: &[usize]) {
        const END: u8 = 0;
        const NOP: u8 = 1;
        const SACK: u8 = 5;
        const TIMESTAMPS: [u8; 2] = [8, 10];
        while at + 1 < end && self.bytes[at] != END {
            let [kind, len] = [self.bytes[at], self.bytes[at + 1]];
            let behind = at + usize::from(len);
            let is_aligned = behind <= end && at.is_multiple_of(2);
            if [kind, len] == TIMESTAMPS && is_aligned {
                for clock in [at + 2, at + 6] {
                    let new = self.fields.timestamp(self.u32(clock));
                    self.put_u32(clock, new, adjust);
                }
            } else if kind == SACK && len % 8 == 2 && is_aligned {
                for edge in (at + 2..behind).step_by(4) {
                    let new = self.fields.sequence(self.u32(edge));
                    self.put_u32(edge, new, adjust);
                }
            }
            at += if kind == NOP { 1 } else { usize::from(len).max(2) };
        }
    }

    fn sctp(&mut self, segment: Segment) {
        const CHECKSUM: usize = 8;
        let Segment { start, end, whole, .. } = segment;
        if end - start < 12 {
            return;
        }
        let old = self.bytes[start..end].to_vec();
        let is_right = whole && old[CHECKSUM..CHECKSUM + 4] == sctp_checksum(&old);
        let (sport, dport) = (self.u16(start), self.u16(start + 2));
        let (sport, dport) = (self.fields.port(sport), self.fields.port(dport));
        self.put(start, sport, &[]);
        self.put(start + 2, dport, &[]);
        if is_right {
            let checksum = sctp_checksum(&self.bytes[start..end]);
            self.bytes[start + CHECKSUM..start + CHECKSUM + 4].copy_from_slice(&checksum);
        }
    }

    fn icmp(&mut self, segment: Segment) {
        let Segment { start, end, .. } = segment;
        if end - start < 8 {
            return;
        }
        match self.bytes[start] {
            kind @ (0 | 8 | 13..=18) => {
                let id = self.fields.echo_id(self.u16(start + 4));
                self.put(start + 4, id, &[start + 2]);
                if kind == 14 && end - start >= 20 {
                    for at in (start + 12..start + 20).step_by(2) {
                        self.put(at, 0, &[start + 2]);
                    }
                }
            }
            3 | 4 | 5 | 11 | 12 => {
                self.quoted = true;
                self.nested(start + 8, end, &[start + 2], Self::ipv4);
            }
            _ => {}
        }
    }

    /// Rewrites what is carried from `start` on and moves the checksums over it along.
    fn nested(
        &mut self,
        start: usize,
        end: usize,
        adjust: &[usize],
        walk: fn(&mut Self, usize, usize),
    ) {
        if start >= end {
            return;
        }
        let before = sum(&self.bytes[start..end]);
        walk(self, start, end);
        let after = sum(&self.bytes[start..end]);
        for &at in adjust {
            self.adjust(at, before, after);
        }
    }

    /// Completes a checksum that was left to the device: the field then holds the sum of the pseudo
    /// header alone, not inverted (CHECKSUM_PARTIAL). `lo` never completes them.
    fn complete(&mut self, protocol: u8, checksum: usize, segment: Segment) {
        let Segment { ip, start, end, .. } = segment;
        let Ok(length) = u16::try_from(end - start) else { return };
        let mut pseudo = self.bytes[ip + 12..ip + 20].to_vec();
        pseudo.extend([0, protocol]);
        pseudo.extend(length.to_be_bytes());
        let pseudo = sum(&pseudo);
        if self.u16(checksum) != pseudo {
            return;
        }
        self.bytes[checksum..checksum + 2].fill(0);
        let total = !fold(u32::from(pseudo) + u32::from(sum(&self.bytes[start..end])));
        let total = if total == 0 && protocol == UDP { 0xffff } else { total };
        self.bytes[checksum..checksum + 2].copy_from_slice(&total.to_be_bytes());
    }

    fn put(&mut self, at: usize, new: u16, adjust: &[usize]) {
        let old = self.u16(at);
        if old == new {
            return;
        }
        self.bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
        for &checksum in adjust {
            self.adjust(checksum, old, new);
        }
    }

    fn put_u32(&mut self, at: usize, new: u32, adjust: &[usize]) {
        let [a, b, c, d] = new.to_be_bytes();
        self.put(at, u16::from_be_bytes([a, b]), adjust);
        self.put(at + 2, u16::from_be_bytes([c, d]), adjust);
    }

    fn adjust(&mut self, checksum: usize, old: u16, new: u16) {
        let sum = u32::from(!self.u16(checksum)) + u32::from(!old) + u32::from(new);
        self.bytes[checksum..checksum + 2].copy_from_slice(&(!fold(sum)).to_be_bytes());
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at)) << 16 | u32::from(self.u16(at + 2))
    }
}

/// What an IPv4 packet carries.
#[derive(Clone, Copy)]
struct Segment {
    /// Where the IPv4 header starts.
    ip: usize,
    /// Where the payload starts.
    start: usize,
    /// Where what is there of it ends.
    end: usize,
    /// Whether all of it is there.
    whole: bool,
}

/// The CRC32c of an SCTP packet, as its header holds it (RFC 9260 appendix A).
fn sctp_checksum(packet: &[u8]) -> [u8; 4] {
    const CASTAGNOLI_REVERSED: u32 = 0x82f6_3b78;
    let mut crc = u32::MAX;
    for (place, byte) in packet.iter().enumerate() {
        crc ^= if (8..12).contains(&place) { 0 } else { u32::from(*byte) };
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { CASTAGNOLI_REVERSED } else { 0 };
        }
    }
    (!crc).to_le_bytes()
}

/// The one's complement sum of `bytes`, folded, not inverted (RFC 1071).
pub(super) fn sum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    words.fold(0, |total, word| fold(u32::from(total) + word))
}

fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    let twice = (once & 0xffff) + (once >> 16);
    u16::try_from(twice).expect("two folds of a 32 bit sum leave 16 bits")
}

#[cfg(test)]
mod tests {
    use super::super::format::{from_hex, to_hex};
    use super::*;

    /// Adds one to everything, so that every change shows.
    struct Shift;

    impl Fields for Shift {
        fn ip_id(&mut self, _protocol: u8, id: u16) -> u16 {
            id + 1
        }
        fn port(&mut self, port: u16) -> u16 {
            port + 1
        }
        fn vxlan_port(&mut self, port: u16) -> u16 {
            port + 1
        }
        fn echo_id(&mut self, id: u16) -> u16 {
            id + 1
        }
        fn sequence(&mut self, sequence: u32) -> u32 {
            sequence + 1
        }
        fn timestamp(&mut self, clock: u32) -> u32 {
            clock + 1
        }
    }

    /// 10.0.1.2:5000 > 10.0.2.99:53 UDP, id 1, data "ping", as a real kernel forwarded it.
    const UDP_FRAME: &str = "02000000010102000000010208004500002000014000401123680a0001020a00026313880035000cf5e370696e67";

    fn rewritten(hex: &str) -> Vec<u8> {
        let mut frame = from_hex(hex).unwrap();
        rewrite_frame(&mut frame, &mut Shift);
        frame
    }

    fn udp_sum(frame: &[u8]) -> u16 {
        let mut pseudo = frame[26..34].to_vec();
        pseudo.extend([0, 17, 0, 12]);
        pseudo.extend(&frame[34..46]);
        sum(&pseudo)
    }

    #[test]
    fn both_checksums_stay_right() {
        let frame = rewritten(UDP_FRAME);
        assert_eq!(to_hex(&frame[18..20]), "0002");
        assert_eq!(to_hex(&frame[34..38]), "13890036");
        assert_eq!(sum(&frame[14..34]), 0xffff);
        assert_eq!(udp_sum(&frame), 0xffff);
    }

    #[test]
    fn a_wrong_checksum_stays_equally_wrong() {
        let frame = rewritten(&UDP_FRAME.replace("f5e3", "f5e4"));
        assert_eq!(udp_sum(&frame), 1);
    }

    #[test]
    fn a_checksum_left_to_the_device_is_completed() {
        let mut frame = from_hex(UDP_FRAME).unwrap();
        let mut pseudo = frame[26..34].to_vec();
        pseudo.extend([0, 17, 0, 12]);
        let pseudo = sum(&pseudo).to_be_bytes();
        frame[40..42].copy_from_slice(&pseudo);
        let frame = rewritten(&to_hex(&frame));
        assert_eq!(udp_sum(&frame), 0xffff);
    }

    #[test]
    fn the_packet_quoted_by_an_icmp_error_is_rewritten_too() {
        // 10.0.1.1 > 10.0.1.2 ICMP host unreachable, quoting the frame above.
        let quoted = &UDP_FRAME[28..];
        let mut icmp = from_hex(&format!("0301000000000000{quoted}")).unwrap();
        let checksum = (!sum(&icmp)).to_be_bytes();
        icmp[2..4].copy_from_slice(&checksum);
        let hex = format!(
            "0200000001020200000001010800450000380000000040010000{}{}{}",
            "0a000101",
            "0a000102",
            to_hex(&icmp)
        );
        let frame = rewritten(&hex);
        assert_eq!(to_hex(&frame[46..48]), "0002");
        assert_eq!(to_hex(&frame[62..66]), "13890036");
        assert_eq!(sum(&frame[34..]), 0xffff);
    }

    /// 10.0.1.2:5001 > 10.0.1.1:80 TCP FIN with the clocks 1000 and 77, as it was injected.
    const TCP_FRAME: &str = "02000000010102000000010208004500003400084000400624ba0a0001020a000101138c0050000003e9000000008001faf049df00000101080a000003e80000004d";

    #[test]
    fn the_clocks_of_a_segment_are_rewritten_under_its_checksum() {
        let frame = rewritten(TCP_FRAME);
        assert_eq!(to_hex(&frame[54..66]), "0101080a000003e90000004e");
        let mut pseudo = frame[26..34].to_vec();
        pseudo.extend([0, 6, 0, 32]);
        pseudo.extend(&frame[34..]);
        assert_eq!(sum(&pseudo), 0xffff);
    }

    /// 10.0.9.2:80 > 10.0.9.1:6002 TCP ACK that reports a FIN as received twice, as a real kernel sent it.
    const SACK_FRAME: &str = "020000000901020000000902080045000040f0074000400624ae0a0009020a000901005017722000000210000002b01000403e6b00000101080a00000001000000010101050a50c8794f50c87950";

    #[test]
    fn the_edges_of_sack_blocks_are_rewritten_as_sequence_numbers() {
        let frame = rewritten(SACK_FRAME);
        assert_eq!(to_hex(&frame[66..78]), "0101050a50c8795050c87951");
    }

    /// 10.0.1.2:5000 > 10.0.2.2:80 SCTP COOKIE ACK with the tag 17.
    const SCTP_FRAME: &str = "0200000001010200000001020800450000240001400040842352\
                              0a0001020a0002021388005000000011065b6c820b000004";

    #[test]
    fn the_checksum_of_sctp_stays_right_or_wrong() {
        let frame = rewritten(SCTP_FRAME);
        assert_eq!(to_hex(&frame[34..38]), "13890051");
        assert_eq!(frame[42..46], sctp_checksum(&frame[34..]));
        let frame = rewritten(&SCTP_FRAME.replace("065b6c82", "00000000"));
        assert_eq!(to_hex(&frame[42..46]), "00000000");
    }

    #[test]
    fn short_and_lying_packets_do_no_harm() {
        for frame in [UDP_FRAME, TCP_FRAME, SCTP_FRAME].map(|hex| from_hex(hex).unwrap()) {
            for length in 0..frame.len() {
                rewrite_frame(&mut frame[..length].to_vec(), &mut Shift);
            }
            for at in 12..frame.len() {
                let mut odd = frame.clone();
                odd[at] = odd[at].wrapping_add(0x0f);
                rewrite_frame(&mut odd, &mut Shift);
            }
        }
    }
}

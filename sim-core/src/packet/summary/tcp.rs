//! TCP.

use super::bytes::{Bytes, Cut};
use super::ip::Outer;
use super::printer::{Printed, Printer, checksum_should_be, put};
use super::sequence::{Addrs, Relative};
use super::tcp_options::Context;
use crate::packet::checksum::{csum_fold, csum_partial};
use crate::packet::ip_proto::IpProto;
use crate::packet::tcp::{TCP_HLEN, TcpFlags};

const FLAGS: &[(u32, &str)] = &[
    (0x01, "F"),
    (0x02, "S"),
    (0x04, "R"),
    (0x08, "P"),
    (0x10, "."),
    (0x20, "U"),
    (0x40, "E"),
    (0x80, "W"),
];

/// How many bytes of the data of a reset are shown.
const MAX_RST_DATA: usize = 30;

impl Printer<'_> {
    /// Prints who sends to whom when the ports cannot be told.
    pub(super) fn ends(&mut self, outer: &Outer) {
        match outer.addrs {
            Addrs::V4(src, dst) => put!(self, "{src} > {dst}:"),
            Addrs::V6(src, dst) => {
                put!(self, "{} > {}:", super::bytes::Ip6(src), super::bytes::Ip6(dst));
            }
        }
    }

    /// Prints addresses and ports, or the ports alone if another header stands between.
    pub(super) fn ends_with_ports(&mut self, outer: &Outer, proto: IpProto, ports: (u16, u16)) {
        let (sport, dport) = ports;
        match outer.addrs {
            _ if !outer.names(proto) => put!(self, "{sport} > {dport}: "),
            Addrs::V4(src, dst) => put!(self, "{src}.{sport} > {dst}.{dport}: "),
            Addrs::V6(src, dst) => {
                let (src, dst) = (super::bytes::Ip6(src), super::bytes::Ip6(dst));
                put!(self, "{src}.{sport} > {dst}.{dport}: ");
            }
        }
    }

    /// Prints a TCP segment.
    pub(super) fn tcp(&mut self, bytes: Bytes<'_>, length: usize, outer: &Outer) -> Printed {
        self.protocol = "tcp";
        if !bytes.has(0, 4) {
            self.ends(outer);
            self.cut();
            return Ok(());
        }
        let ports = (bytes.u16(0)?, bytes.u16(2)?);
        self.ends_with_ports(outer, IpProto::TCP, ports);
        if !bytes.has(0, TCP_HLEN) {
            self.cut();
            return Ok(());
        }
        let header_len = usize::from(bytes.u8(12)? >> 4) * 4;
        let data_len = length.wrapping_sub(header_len) & 0xffff_ffff;
        if header_len < TCP_HLEN || self.options.quiet {
            self.tcp_lengths(header_len, data_len, length);
            return Ok(());
        }
        let flags = TcpFlags(bytes.u8(13)?);
        put!(self, "Flags [");
        self.bits(FLAGS, u32::from(flags.0), "", "none");
        put!(self, "]");
        let numbers = self.tcp_numbers(bytes, ports, flags, outer)?;
        if header_len > length {
            put!(self, " [bad hdr length {header_len} - too long, > {length}]");
            return Ok(());
        }
        self.tcp_checksum(bytes, length, outer)?;
        self.tcp_fields(bytes, flags, numbers, data_len)?;
        if header_len > TCP_HLEN {
            let options = bytes.from(TCP_HLEN);
            let options_len = header_len - TCP_HLEN;
            let context = Context { sack_base: numbers.sack_base, whole: bytes.has(0, length) };
            if !self.tcp_options(options, options_len, context)? {
                return Ok(());
            }
        }
        put!(self, ", length {data_len}");
        if data_len == 0 {
            return Ok(());
        }
        self.tcp_data(bytes, header_len, data_len, (ports, flags))
    }

    /// Prints the length alone: all that `-q` wants, and all that a header too short allows.
    fn tcp_lengths(&mut self, header_len: usize, data_len: usize, length: usize) {
        if header_len < TCP_HLEN {
            put!(self, " tcp {data_len} [bad hdr length {header_len} - too short, < {TCP_HLEN}]");
            return;
        }
        put!(self, "tcp {data_len}");
        if header_len > length {
            put!(self, " [bad hdr length {header_len} - too long, > {length}]");
        }
    }

    /// Returns the numbers to print: relative ones with ACK, unless `-S` was given.
    fn tcp_numbers(
        &mut self,
        bytes: Bytes<'_>,
        ports: (u16, u16),
        flags: TcpFlags,
        outer: &Outer,
    ) -> Result<Relative, Cut> {
        let (seq, ack) = (bytes.u32(4)?, bytes.u32(8)?);
        if self.options.absolute_seq || !flags.ack() {
            return Ok(Relative { seq, ack, sack_base: 0 });
        }
        Ok(self.sequences.relative(outer.addrs, ports, flags, (seq, ack)))
    }

    fn tcp_checksum(&mut self, bytes: Bytes<'_>, length: usize, outer: &Outer) -> Printed {
        if self.options.verbose == 0 || outer.fragmented || !bytes.has(0, length) {
            return Ok(());
        }
        let (sum, field) = (transport_sum(bytes, length, IpProto::TCP, outer), bytes.u16(16)?);
        put!(self, ", cksum 0x{field:04x}");
        match sum {
            0 => put!(self, " (correct)"),
            _ => put!(self, " (incorrect -> 0x{:04x})", checksum_should_be(field, sum)),
        }
        Ok(())
    }

    fn tcp_fields(
        &mut self,
        bytes: Bytes<'_>,
        flags: TcpFlags,
        numbers: Relative,
        data_len: usize,
    ) -> Printed {
        let ends = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        if self.options.verbose > 1 || data_len > 0 || flags.intersects(ends) {
            put!(self, ", seq {}", numbers.seq);
            if data_len > 0 {
                let len = u32::try_from(data_len).unwrap_or(u32::MAX);
                put!(self, ":{}", numbers.seq.wrapping_add(len));
            }
        }
        if flags.ack() {
            put!(self, ", ack {}", numbers.ack);
        }
        put!(self, ", win {}", bytes.u16(14)?);
        if flags.urg() {
            put!(self, ", urg {}", bytes.u16(18)?);
        }
        Ok(())
    }

    fn tcp_data(
        &mut self,
        bytes: Bytes<'_>,
        header_len: usize,
        data_len: usize,
        (ports, flags): ((u16, u16), TcpFlags),
    ) -> Printed {
        if !bytes.has(0, header_len) {
            let captured = bytes.len();
            put!(self, " [remaining caplen({captured}) < header length({header_len})]");
            return Err(Cut);
        }
        let data = bytes.from(header_len);
        if flags.rst() && self.options.verbose > 0 {
            self.rst_data(data, data_len);
            return Ok(());
        }
        self.tcp_app(data, data_len, ports)
    }

    /// Prints the text that a reset may carry (RFC 9293, section 3.5.3).
    fn rst_data(&mut self, data: Bytes<'_>, data_len: usize) {
        put!(self, "{}", if data.has(0, data_len) { " [RST" } else { " [!RST" });
        put!(self, "{}", if data_len > MAX_RST_DATA { "+ " } else { " " });
        for byte in data.limit(data_len.min(MAX_RST_DATA)).0 {
            self.visible(*byte);
        }
        put!(self, "]");
    }
}

/// Returns the checksum of a whole transport segment, 0 if the one in it is right.
pub(super) fn transport_sum(bytes: Bytes<'_>, length: usize, proto: IpProto, outer: &Outer) -> u16 {
    csum_fold(csum_partial(bytes.limit(length).0, outer.pseudo.sum(proto, length)))
}

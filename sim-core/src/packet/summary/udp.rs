//! UDP.

use super::bytes::Bytes;
use super::ip::Outer;
use super::printer::{Printed, Printer, checksum_should_be, put};
use super::sequence::Addrs;
use super::tcp::transport_sum;
use crate::packet::ip_proto::IpProto;
use crate::packet::udp::UDP_HLEN;

impl Printer<'_> {
    /// Prints a UDP datagram.
    pub(super) fn udp(&mut self, bytes: Bytes<'_>, length: usize, outer: &Outer) -> Printed {
        self.protocol = "udp";
        if !bytes.has(0, 4) {
            if outer.names(IpProto::UDP) {
                self.ends(outer);
                put!(self, " ");
            }
            self.cut();
            return Ok(());
        }
        let ports = (bytes.u16(0)?, bytes.u16(2)?);
        self.ends_with_ports(outer, IpProto::UDP, ports);
        if length < UDP_HLEN {
            put!(self, "truncated-udp {length}");
            return Ok(());
        }
        let Ok(field) = bytes.u16(4) else {
            self.cut();
            return Ok(());
        };
        let field = if field == 0 && length > 65535 { length } else { usize::from(field) };
        if field < UDP_HLEN {
            put!(self, "truncated-udplength {field}");
            return Ok(());
        }
        if !bytes.has(0, UDP_HLEN) {
            self.cut();
            return Ok(());
        }
        let said = field - UDP_HLEN;
        let data_len = said.min(length - UDP_HLEN);
        self.udp_checksum(bytes, data_len, outer)?;
        let data = bytes.from(UDP_HLEN);
        if !self.options.quiet && self.udp_app(data, data_len, ports)? {
            return Ok(());
        }
        if said > data_len && !outer.fragmented {
            put!(self, "UDP, bad length {said} > {data_len}");
        } else {
            put!(self, "UDP, length {said}");
        }
        Ok(())
    }

    /// Prints what is wrong or right with the checksum: over IPv4 with `-vv`, over IPv6 with `-v`.
    fn udp_checksum(&mut self, bytes: Bytes<'_>, data_len: usize, outer: &Outer) -> Printed {
        let is_v4 = matches!(outer.addrs, Addrs::V4(..));
        let wanted = self.options.verbose > u8::from(is_v4);
        if !wanted || outer.fragmented {
            return Ok(());
        }
        let field = bytes.u16(6)?;
        let length = data_len + UDP_HLEN;
        if is_v4 && field == 0 {
            put!(self, "[no cksum] ");
        } else if bytes.has(0, length) {
            match transport_sum(bytes, length, IpProto::UDP, outer) {
                0 => put!(self, "[udp sum ok] "),
                sum => {
                    let right = checksum_should_be(field, sum);
                    put!(self, "[bad udp cksum 0x{field:04x} -> 0x{right:04x}!] ");
                }
            }
        }
        Ok(())
    }
}

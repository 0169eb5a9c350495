//! VXLAN (RFC 7348), and OTV: the same header, on the port that Linux and flannel use for VXLAN.

use super::bytes::Bytes;
use super::printer::{Printed, Printer, put};
use crate::packet::vxlan::{VXLAN_FLAG_VNI, VXLAN_HLEN};

impl Printer<'_> {
    /// Prints a VXLAN header and the frame in it, on a line of its own.
    pub(super) fn vxlan(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "vxlan";
        put!(self, "VXLAN");
        if length < VXLAN_HLEN {
            self.invalid();
            return Ok(());
        }
        let flags = data.u8(0)?;
        let name = if flags & VXLAN_FLAG_VNI == 0 { "invalid" } else { "I" };
        put!(self, ", flags [{name}] (0x{flags:02x}), ");
        put!(self, "vni {}\n", data.u24(4)?);
        self.inner_frame(data, length)
    }

    /// Prints an OTV header and the frame in it, on a line of its own.
    pub(super) fn otv(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "otv";
        put!(self, "OTV, ");
        if length < VXLAN_HLEN {
            put!(self, "[length {length} < {VXLAN_HLEN}]");
            self.invalid();
            return data.need(0, length);
        }
        let flags = data.u8(0)?;
        let name = if flags & VXLAN_FLAG_VNI == 0 { "." } else { "I" };
        put!(self, "flags [{name}] (0x{flags:02x}), ");
        put!(self, "overlay {}, ", data.u24(1)?);
        put!(self, "instance {}\n", data.u24(4)?);
        self.inner_frame(data, length)
    }

    fn inner_frame(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        data.need(0, VXLAN_HLEN)?;
        let left = length - VXLAN_HLEN;
        self.ether(data.from(VXLAN_HLEN), left).map(|_| ())
    }
}

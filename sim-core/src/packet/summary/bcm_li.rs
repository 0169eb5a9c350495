//! The shim of Broadcom's lawful interception: any datagram from port 49152, which is within the range
//! that Linux takes ephemeral ports from.

use super::bytes::Bytes;
use super::printer::{Printed, Printer, find, put};

const DIRECTIONS: &[(u32, &str)] = &[(1, "unused"), (2, "egress"), (3, "ingress")];
const KINDS: &[(u32, &str)] = &[(4, "undecided"), (5, "ipv4"), (6, "ipv6"), (7, "ethernet")];
const SUBTYPES: &[(u32, &str)] = &[(1, "single VLAN tag"), (2, "double VLAN tag"), (3, "untagged")];

impl Printer<'_> {
    /// Prints the shim, and with `-v` the packet in it.
    pub(super) fn bcm_li(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "bcm_li";
        if length < 4 {
            put!(self, " (length {length} < 4)");
            self.invalid();
            return Ok(());
        }
        let shim = data.u32(0)?;
        let verbose = self.options.verbose > 0;
        let indent = if verbose { "\n    " } else { "" };
        let kind = shim >> 25 & 0xf;
        let direction = find(DIRECTIONS, &(shim >> 29)).unwrap_or("unknown");
        let kind_name = find(KINDS, &kind).unwrap_or("unknown");
        let subtype = find(SUBTYPES, &(shim >> 22 & 7)).unwrap_or("unknown");
        let id = shim & 0x003f_ffff;
        put!(self, "{indent}BCM-LI-SHIM: direction {direction}, pkt-type {kind_name}");
        put!(self, ", pkt-subtype {subtype}, li-id {id}{indent}");
        let (inner, left) = (data.from(4), length - 4);
        if !verbose {
            return inner.need(0, left);
        }
        let version = match kind {
            4 => inner.u8(0)? >> 4,
            5 => 4,
            6 => 6,
            _ => 0,
        };
        match (kind, version) {
            (7, _) => self.ether(inner, left).map(|_| ()),
            (_, 4) => self.ip(inner, left),
            (_, 6) => self.ip6(inner, left),
            (4, _) => {
                put!(self, "unknown payload");
                Ok(())
            }
            _ => {
                self.invalid();
                Ok(())
            }
        }
    }
}

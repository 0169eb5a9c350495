//! Frames seen on `-i any` (`LINUX_SLL2`), and those of devices without a link header (`RAW`).

use super::bytes::{Bytes, Cut};
use super::names;
use super::printer::{Printed, Printer, find, put};
use crate::packet::build::SLL2_HLEN;
use crate::packet::ethernet::VLAN_HLEN;

const DIRECTIONS: &[(u8, &str)] = &[(0, "In"), (1, "B"), (2, "M"), (3, "P"), (4, "Out")];

/// The hardware type of devices that put a radiotap header in front.
const RADIOTAP: u16 = 803;
/// Numbers up to this are not types.
const MAX_LENGTH: u16 = 1500;
/// The number for a frame that starts with an LLC header (`ETH_P_802_2`).
const LLC: u16 = 4;

impl Printer<'_> {
    /// Prints a packet without a link header.
    pub(super) fn raw(&mut self, bytes: Bytes<'_>, length: usize) -> Result<usize, Cut> {
        self.protocol = "raw";
        if self.options.link_header {
            put!(self, "ip: ");
        }
        self.ip_any(bytes, length).map(|()| 0)
    }

    /// Prints a frame behind its pseudo header and returns how long that is, in bytes.
    pub(super) fn cooked(
        &mut self,
        device: &str,
        frame: Bytes<'_>,
        length: usize,
    ) -> Result<usize, Cut> {
        self.protocol = "sll2";
        if !frame.has(0, SLL2_HLEN) {
            self.cut();
            return Ok(0);
        }
        let direction = find(DIRECTIONS, &frame.u8(10)?).unwrap_or("?");
        put!(self, "{device:<5} {direction:<3} ");
        if self.options.link_header {
            self.cooked_header(frame, length)?;
        }
        if frame.u16(8)? == RADIOTAP {
            self.unmodelled("radiotap");
            return Ok(SLL2_HLEN);
        }
        self.cooked_payload(frame, length)
    }

    fn cooked_header(&mut self, frame: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "sll2";
        put!(self, "ifindex {} ", frame.u32(4)?);
        if frame.u8(11)? == 6 {
            put!(self, "{} ", frame.mac(12)?);
        }
        if self.options.quiet {
            return Ok(());
        }
        match frame.u16(0)? {
            1 => put!(self, "802.3"),
            LLC => put!(self, "802.2"),
            kind @ ..=MAX_LENGTH => put!(self, "ethertype Unknown (0x{kind:04x})"),
            kind => {
                let name = names::ethertype(kind).unwrap_or("Unknown");
                put!(self, "ethertype {name} (0x{kind:04x})");
            }
        }
        put!(self, ", length {length}: ");
        Ok(())
    }

    fn cooked_payload(&mut self, frame: Bytes<'_>, length: usize) -> Result<usize, Cut> {
        let (mut at, mut kind) = (SLL2_HLEN, frame.u16(0)?);
        while kind == 0x8100 {
            if !frame.has(at, VLAN_HLEN) {
                self.protocol = "vlan";
                self.cut();
                return Ok(frame.len());
            }
            if self.options.link_header {
                self.vlan_tag(frame.u16(at)?);
            }
            kind = frame.u16(at + 2)?;
            if kind <= MAX_LENGTH {
                kind = LLC;
            }
            if !self.options.quiet {
                put!(self, "ethertype {}, ", names::ethertype(kind).unwrap_or("Unknown"));
            }
            at += VLAN_HLEN;
        }
        let (payload, left) = (frame.from(at), length - at);
        match kind {
            1 => self.unmodelled("IPX"),
            LLC => {
                let llc = self.llc(payload, left, None)?;
                if llc.printed {
                    at += llc.header_len;
                } else {
                    self.default_dump(payload);
                }
            }
            ..=MAX_LENGTH => self.default_dump(payload),
            _ if self.ethertype(kind, payload, left)? => {}
            _ => {
                if !self.options.link_header {
                    self.cooked_header(frame, left + SLL2_HLEN)?;
                }
                self.default_dump(payload);
            }
        }
        Ok(at)
    }
}

//! Geneve (RFC 8926).

use super::bytes::{Bytes, Cut};
use super::names;
use super::printer::{Printed, Printer, put};

/// Length of the header without options, in bytes.
const GENEVE_HLEN: usize = 8;

const FLAGS: &[(u32, &str)] = &[
    (0x80, "O"),
    (0x40, "C"),
    (0x20, "R1"),
    (0x10, "R2"),
    (0x08, "R3"),
    (0x04, "R4"),
    (0x02, "R5"),
    (0x01, "R6"),
];

impl Printer<'_> {
    /// Prints a Geneve header and what is in it.
    pub(super) fn geneve(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "geneve";
        put!(self, "Geneve");
        if length < GENEVE_HLEN {
            put!(self, " [length {length} < {GENEVE_HLEN}]");
            self.invalid();
            return Ok(());
        }
        if !data.has(0, GENEVE_HLEN) {
            self.cut();
            return Ok(());
        }
        let first = data.u8(0)?;
        if first >> 6 != 0 {
            put!(self, " ERROR: unknown-version {}", first >> 6);
            return Ok(());
        }
        let kind = self.geneve_header(data)?;
        let options_len = usize::from(first & 0x3f) * 4;
        let left = length - GENEVE_HLEN;
        if left < options_len {
            put!(self, " truncated-geneve - {} bytes missing", options_len - left);
            return Ok(());
        }
        if !data.has(GENEVE_HLEN, options_len) {
            self.cut();
            return Ok(());
        }
        if options_len > 0 {
            put!(self, ", options [");
            self.geneve_options(data.from(GENEVE_HLEN), options_len)?;
            put!(self, "]");
        }
        put!(self, "{}", if self.options.verbose == 0 { ": " } else { "\n\t" });
        let inner = data.from(GENEVE_HLEN + options_len);
        let left = left - options_len;
        if self.ethertype(kind, inner, left)? {
            return Ok(());
        }
        if kind == 0x6558 {
            return self.ether(inner, left).map(|_| ());
        }
        put!(self, "geneve-proto-0x{kind:x}");
        Ok(())
    }

    /// Prints the fields of the header and returns the type of the payload.
    fn geneve_header(&mut self, data: Bytes<'_>) -> Result<u16, Cut> {
        put!(self, ", Flags [");
        self.bits(FLAGS, u32::from(data.u8(1)?), "", "none");
        put!(self, "], vni 0x{:x}", data.u24(4)?);
        let (kind, reserved) = (data.u16(2)?, data.u8(7)?);
        if reserved != 0 {
            put!(self, ", rsvd 0x{reserved:x}");
        }
        if self.options.link_header {
            let name = names::ethertype(kind).unwrap_or("unknown");
            put!(self, ", proto {name} (0x{kind:04x})");
        }
        Ok(kind)
    }

    fn geneve_options(&mut self, options: Bytes<'_>, length: usize) -> Printed {
        if self.options.verbose == 0 {
            put!(self, "{length} bytes");
            return Ok(());
        }
        let mut at = 0;
        while at < length {
            put!(self, "{}", if at == 0 { "" } else { ", " });
            let (class, kind) = (options.u16(at)?, options.u8(at + 2)?);
            let len = 4 + usize::from(options.u8(at + 3)? & 0x1f) * 4;
            let critical = if kind & 0x80 != 0 { "(C)" } else { "" };
            put!(self, "class {} (0x{class:x})", class_name(class));
            put!(self, " type 0x{kind:x}{critical} len {len}");
            if len > length - at {
                put!(self, " [bad length]");
                return Ok(());
            }
            if self.options.verbose > 1 && len > 4 {
                put!(self, " data");
                for word in (at + 4..at + len).step_by(4) {
                    put!(self, " {:08x}", options.u32(word)?);
                }
            }
            at += len;
        }
        Ok(())
    }
}

/// Names who defines an option.
const fn class_name(class: u16) -> &'static str {
    match class {
        0x0100 => "Linux",
        0x0101 => "Open vSwitch",
        0x0102 => "Open Virtual Networking (OVN)",
        0x0103 => "In-band Network Telemetry (INT)",
        0x0104 => "VMware",
        0..=0x00ff => "Standard",
        0xfff0.. => "Experimental",
        _ => "Unknown",
    }
}

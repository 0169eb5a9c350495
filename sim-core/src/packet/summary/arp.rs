//! ARP and reverse ARP (RFC 826, RFC 903).

use super::bytes::{Bytes, Cut};
use super::names;
use super::printer::{Printed, Printer, find, put};
use crate::packet::arp::ARP_HLEN;
use crate::packet::ethernet::MacAddr;

const OPERATIONS: &[(u16, &str)] = &[
    (1, "Request"),
    (2, "Reply"),
    (3, "Reverse Request"),
    (4, "Reverse Reply"),
    (8, "Inverse Request"),
    (9, "Inverse Reply"),
    (10, "NACK Reply"),
];

const HARDWARE: &[(u16, &str)] = &[
    (1, "Ethernet"),
    (6, "TokenRing"),
    (7, "ArcNet"),
    (15, "FrameRelay"),
    (19, "ATM"),
    (23, "Strip"),
    (24, "IEEE 1394"),
    (32, "InfiniBand"),
];

/// The header of an ARP packet and where its addresses are.
struct Header<'a> {
    bytes: Bytes<'a>,
    protocol: u16,
    hardware_len: usize,
    protocol_len: usize,
}

impl Header<'_> {
    /// Where the sender's protocol address is.
    fn spa(&self) -> usize {
        ARP_HLEN + self.hardware_len
    }

    /// Where the target's hardware address is.
    fn tha(&self) -> usize {
        self.spa() + self.protocol_len
    }

    /// Where the target's protocol address is.
    fn tpa(&self) -> usize {
        self.tha() + self.hardware_len
    }

    fn is_ip(&self) -> bool {
        matches!(self.protocol, 0x0800 | 0x1000)
    }
}

impl Printer<'_> {
    /// Prints an ARP packet.
    pub(super) fn arp(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "arp";
        bytes.need(0, ARP_HLEN)?;
        let hardware = bytes.u16(0)?;
        let header = Header {
            bytes,
            protocol: bytes.u16(2)?,
            hardware_len: usize::from(bytes.u8(4)?),
            protocol_len: usize::from(bytes.u8(5)?),
        };
        if matches!(hardware, 15 | 19) {
            self.unmodelled("ARP for frame relay and ATM");
            return Ok(());
        }
        bytes.need(header.tpa(), header.protocol_len)?;
        if !self.options.link_header {
            put!(self, "ARP, ");
        }
        let verbose = self.options.verbose > 0;
        if verbose || !header.is_ip() || header.protocol_len != 4 || header.hardware_len == 0 {
            self.arp_types(hardware, &header);
            if !verbose {
                put!(self, ", length {length}");
                return Ok(());
            }
            put!(self, ", ");
        }
        self.arp_operation(&header, bytes.u16(6)?, length)
    }

    fn arp_types(&mut self, hardware: u16, header: &Header<'_>) {
        self.name(HARDWARE, hardware, ("Unknown Hardware (", ")"));
        put!(self, " (len {}), ", header.hardware_len);
        match names::ethertype(header.protocol) {
            Some(name) => put!(self, "{name}"),
            None => put!(self, "Unknown Protocol (0x{:04x})", header.protocol),
        }
        put!(self, " (len {})", header.protocol_len);
    }

    fn arp_operation(&mut self, header: &Header<'_>, operation: u16, length: usize) -> Printed {
        match find(OPERATIONS, &operation) {
            Some(name) => put!(self, "{name} "),
            None => put!(self, "Unknown ({operation}) "),
        }
        let (sha, tha) = (ARP_HLEN, header.tha());
        match operation {
            1 => {
                put!(self, "who-has ");
                self.arp_protocol_addr(header, header.tpa())?;
                if header.bytes.slice(tha, header.hardware_len)?.iter().any(|byte| *byte != 0) {
                    put!(self, " (");
                    self.arp_hardware_addr(header, tha)?;
                    put!(self, ")");
                }
                put!(self, " tell ");
                self.arp_protocol_addr(header, header.spa())?;
            }
            2 => {
                self.arp_protocol_addr(header, header.spa())?;
                put!(self, " is-at ");
                self.arp_hardware_addr(header, sha)?;
            }
            3 | 8 => {
                put!(self, "who-is ");
                self.arp_hardware_addr(header, tha)?;
                put!(self, " tell ");
                self.arp_hardware_addr(header, sha)?;
            }
            4 => {
                self.arp_hardware_addr(header, tha)?;
                put!(self, " at ");
                self.arp_protocol_addr(header, header.tpa())?;
            }
            9 => {
                self.arp_hardware_addr(header, sha)?;
                put!(self, " at ");
                self.arp_protocol_addr(header, header.spa())?;
            }
            _ => {
                self.hex_ascii_dump(header.bytes);
                return Ok(());
            }
        }
        put!(self, ", length {length}");
        Ok(())
    }

    fn arp_protocol_addr(&mut self, header: &Header<'_>, at: usize) -> Printed {
        if !header.is_ip() {
            put!(self, "<wrong proto type>");
        } else if header.protocol_len != 4 {
            put!(self, "<wrong len>");
        } else {
            put!(self, "{}", header.bytes.ipv4(at)?);
        }
        Ok(())
    }

    fn arp_hardware_addr(&mut self, header: &Header<'_>, at: usize) -> Result<(), Cut> {
        let addr = header.bytes.slice(at, header.hardware_len)?;
        if let Ok(octets) = addr.try_into() {
            put!(self, "{}", MacAddr(octets));
        } else if addr.is_empty() {
            put!(self, "<empty>");
        }
        if addr.len() != 6 {
            for (at, byte) in addr.iter().enumerate() {
                put!(self, "{}{byte:02x}", if at == 0 { "" } else { ":" });
            }
        }
        Ok(())
    }
}

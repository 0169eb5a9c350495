//! Ethernet frames, 802.1Q tags, and what an EtherType leads to.

use super::bytes::{Bytes, Cut};
use super::names;
use super::printer::{Printed, Printer, put};
use crate::packet::ethernet::{ETH_HLEN, MacAddr, VLAN_HLEN};

/// The longest length that an 802.3 header can have, in bytes; above it is a type.
const MAX_LENGTH: u16 = 1500;

/// The type of jumbo frames, which have an LLC header and no length.
const JUMBO: u16 = 0x8870;

/// The source and the destination of the frame around.
pub(super) type Macs = (MacAddr, MacAddr);

impl Printer<'_> {
    /// Prints an Ethernet frame and returns how long its link headers are, in bytes.
    pub(super) fn ether(&mut self, frame: Bytes<'_>, length: usize) -> Result<usize, Cut> {
        self.protocol = "ether";
        if length < frame.len() {
            put!(self, "[length {length} < caplen {}]", frame.len());
            self.invalid();
            return Ok(length);
        }
        if frame.len() < ETH_HLEN {
            self.cut();
            return Ok(frame.len());
        }
        if !self.enter() {
            return Ok(ETH_HLEN);
        }
        let macs = (frame.mac(6)?, frame.mac(0)?);
        if self.options.link_header {
            put!(self, "{} > {}, ", macs.0, macs.1);
        }
        let header_len = self.ether_tags(frame, length, macs)?;
        self.leave();
        Ok(header_len)
    }

    /// Walks over the tags to the last type.
    fn ether_tags(&mut self, frame: Bytes<'_>, length: usize, macs: Macs) -> Result<usize, Cut> {
        let mut at = ETH_HLEN;
        let mut kind = frame.u16(12)?;
        let mut sep = Some(length);
        while matches!(kind, 0x8100 | 0x88a8 | 0x9100 | 0x9200) {
            if frame.len() < at + VLAN_HLEN {
                self.protocol = "vlan";
                self.cut();
                return Ok(frame.len());
            }
            let tci = frame.u16(at)?;
            if self.options.link_header {
                self.ether_type_name(kind);
                self.length_or_comma(&mut sep);
                self.vlan_tag(tci);
            }
            kind = frame.u16(at + 2)?;
            at += VLAN_HLEN;
        }
        let (payload, left) = (frame.from(at), length - at);
        if kind <= MAX_LENGTH {
            return Ok(at + self.ether_802_3(payload, left, (kind, sep), macs)?);
        }
        Ok(at + self.ether_payload(payload, left, kind, sep, macs)?)
    }

    /// Prints identifier, priority and drop eligible bit of a tag.
    pub(super) fn vlan_tag(&mut self, tci: u16) {
        let (id, priority) = (tci & 0x0fff, tci >> 13);
        let dei = if tci & 0x1000 == 0 { "" } else { ", DEI" };
        put!(self, "vlan {id}, p {priority}{dei}, ");
    }

    /// Prints the length of the frame once, a comma after that.
    fn length_or_comma(&mut self, length: &mut Option<usize>) {
        match length.take() {
            Some(length) => put!(self, ", length {length}: "),
            None => put!(self, ", "),
        }
    }

    fn ether_type_name(&mut self, kind: u16) {
        match (names::ethertype(kind), self.options.quiet) {
            (name, false) => put!(self, "ethertype {} (0x{kind:04x})", name.unwrap_or("Unknown")),
            (Some(name), true) => put!(self, "{name}"),
            (None, true) => put!(self, "Unknown Ethertype (0x{kind:04x})"),
        }
    }

    /// Prints an 802.3 frame, whose length field leaves padding out, and returns the length of its
    /// LLC header.
    fn ether_802_3(
        &mut self,
        payload: Bytes<'_>,
        length: usize,
        (field, sep): (u16, Option<usize>),
        macs: Macs,
    ) -> Result<usize, Cut> {
        let length = length.min(usize::from(field));
        let payload = payload.limit(length);
        if self.options.link_header {
            put!(self, "802.3");
            if sep.is_some() {
                put!(self, ", length {length}: ");
            }
        }
        let llc = self.llc(payload, length, Some(macs))?;
        if !llc.printed {
            self.default_dump(payload);
        }
        Ok(llc.header_len)
    }

    /// Prints a payload by its type and returns how much of it is a further link header.
    fn ether_payload(
        &mut self,
        payload: Bytes<'_>,
        length: usize,
        kind: u16,
        sep: Option<usize>,
        macs: Macs,
    ) -> Result<usize, Cut> {
        if kind == JUMBO {
            let llc = self.llc(payload, length, Some(macs))?;
            if !llc.printed {
                self.default_dump(payload);
            }
            return Ok(llc.header_len);
        }
        if self.options.link_header {
            self.ether_type_name(kind);
            self.length_or_comma(&mut sep.clone());
        }
        if self.ethertype(kind, payload, length)? {
            return Ok(0);
        }
        if !self.options.link_header {
            put!(self, "{} > {}, ", macs.0, macs.1);
            self.ether_type_name(kind);
            let frame_len = sep.unwrap_or(length + ETH_HLEN);
            put!(self, ", length {frame_len}: ");
        }
        self.default_dump(payload);
        Ok(0)
    }

    /// Prints the payload of an EtherType and returns whether tcpdump has a printer for it.
    pub(super) fn ethertype(
        &mut self,
        kind: u16,
        payload: Bytes<'_>,
        length: usize,
    ) -> Result<bool, Cut> {
        match kind {
            0x0800 => self.ip(payload, length)?,
            0x86dd => self.ip6(payload, length)?,
            0x0806 | 0x8035 => self.arp(payload, length)?,
            0x9000 => self.loopback(payload, length)?,
            _ => match UNMODELLED.iter().find(|(number, _)| *number == kind) {
                Some((_, name)) => self.unmodelled(name),
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    /// Prints a frame of the configuration testing protocol, which some switches send to themselves.
    fn loopback(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "loopback";
        put!(self, "Loopback");
        if length < 2 {
            self.invalid();
            return bytes.need(0, length);
        }
        let skip = bytes.u16_le(0)?;
        put!(self, ", skipCount {skip}");
        if skip % 8 != 0 {
            put!(self, " (bogus)");
        }
        let (rest, left) = (bytes.from(2), length - 2);
        let skip = usize::from(skip);
        if skip > left {
            self.invalid();
            return rest.need(0, left);
        }
        rest.need(0, skip)?;
        self.loopback_message(rest.from(skip), left - skip)
    }

    fn loopback_message(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        if length < 2 {
            self.invalid();
            return bytes.need(0, length);
        }
        let function = bytes.u16_le(0)?;
        let field_len = match function {
            1 => 2,
            2 => 6,
            _ => {
                put!(self, ",  invalid ({function})");
                return bytes.need(2, length - 2);
            }
        };
        put!(self, ", {}", if function == 1 { "Reply" } else { "Forward Data" });
        if length < 2 + field_len {
            self.invalid();
            return bytes.need(2, length - 2);
        }
        match function {
            1 => put!(self, ", receipt number {}", bytes.u16_le(2)?),
            _ => put!(self, ", forwarding address {}", bytes.mac(2)?),
        }
        let data = length - 2 - field_len;
        put!(self, ", data ({data} octets)");
        bytes.need(2 + field_len, data)
    }
}

/// The types that tcpdump prints and this module does not.
const UNMODELLED: &[(u16, &str)] = &[
    (0x6003, "DECnet"),
    (0x809b, "AppleTalk"),
    (0x80f3, "AppleTalk ARP"),
    (0x8137, "IPX"),
    (0xfefe, "ISO"),
    (0x8863, "PPPoE"),
    (0x8864, "PPPoE"),
    (0x3c12, "PPPoE"),
    (0x3c13, "PPPoE"),
    (0x888e, "EAPOL"),
    (0x8899, "Realtek"),
    (0x880b, "PPP"),
    (0x8808, "MPCP"),
    (0x8809, "slow protocols"),
    (0x8902, "CFM"),
    (0xabcd, "CFM"),
    (0x88cc, "LLDP"),
    (0x894f, "NSH"),
    (0x8847, "MPLS"),
    (0x8848, "MPLS"),
    (0x88ca, "TIPC"),
    (0x886f, "MS NLB"),
    (0x0707, "GeoNet"),
    (0x8947, "GeoNet"),
    (0x1111, "CALM FAST"),
    (0x88a2, "AoE"),
    (0x88f7, "PTP"),
    (0x88e5, "MACsec"),
    (0xd28b, "Arista"),
];

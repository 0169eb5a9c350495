//! IEEE 802.2 LLC headers, SNAP, and what they lead to.

use super::bytes::{Bytes, Cut};
use super::ether::Macs;
use super::names;
use super::printer::{Printer, find, put};

/// What came of an LLC header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Llc {
    /// Whether what follows it was printed.
    pub(super) printed: bool,
    /// Its length in bytes, with that of a SNAP header.
    pub(super) header_len: usize,
}

const SAPS: &[(u8, &str)] = &[
    (0x00, "Null"),
    (0x02, "802.1B I"),
    (0x03, "802.1B G"),
    (0x04, "SNA"),
    (0x06, "IP"),
    (0x0e, "ProWay NM"),
    (0x42, "STP"),
    (0x4e, "RS511"),
    (0x7e, "ISO8208"),
    (0x8e, "ProWay"),
    (0xaa, "SNAP"),
    (0xe0, "IPX"),
    (0xf0, "NetBeui"),
    (0xfe, "OSI"),
    (0xff, "Global"),
];

const COMMANDS: &[(u8, &str)] = &[
    (0x03, "ui"),
    (0xe3, "test"),
    (0xaf, "xid"),
    (0x63, "ua"),
    (0x43, "disc"),
    (0x0f, "dm"),
    (0x6f, "sabme"),
    (0x87, "frmr"),
];

/// The unnumbered information command.
const UI: u8 = 0x03;
/// The exchange identification command.
const XID: u8 = 0xaf;

/// The control field: one byte for commands, two for numbered frames.
#[derive(Clone, Copy)]
enum Control {
    Unnumbered(u8),
    Numbered(u16),
}

impl Printer<'_> {
    /// Prints an LLC header and what follows it.
    pub(super) fn llc(
        &mut self,
        bytes: Bytes<'_>,
        length: usize,
        macs: Option<Macs>,
    ) -> Result<Llc, Cut> {
        self.protocol = "llc";
        let short = |printer: &mut Self| {
            printer.cut();
            printer.hex_ascii_dump(bytes);
            Ok(Llc { printed: true, header_len: bytes.len() })
        };
        if bytes.len() < 3 {
            return short(self);
        }
        let (dsap, ssap, first) = (bytes.u8(0)?, bytes.u8(1)?, bytes.u8(2)?);
        let (control, header_len) = if first & 3 == 3 {
            (Control::Unnumbered(first), 3)
        } else if bytes.len() < 4 {
            return short(self);
        } else {
            (Control::Numbered(bytes.u16_le(2)?), 4)
        };
        if dsap == 0xff && ssap == 0xff {
            self.unmodelled("IPX");
            return Ok(Llc { printed: true, header_len: 0 });
        }
        if self.options.link_header {
            self.llc_header(dsap, ssap, control);
        }
        let (payload, left) = (bytes.from(header_len), length - header_len);
        if let Control::Unnumbered(UI) = control
            && dsap & !1 == ssap & !1
        {
            let sap = dsap & !1;
            if let Some(llc) = self.llc_ui(sap, payload, left, macs)? {
                return Ok(Llc { header_len: header_len + llc.header_len, ..llc });
            }
        }
        self.llc_other((dsap, ssap), control, payload, left + header_len, macs)
            .map(|printed| Llc { printed, header_len })
    }

    fn llc_header(&mut self, dsap: u8, ssap: u8, control: Control) {
        let name = |sap: u8| find(SAPS, &(sap & !1)).unwrap_or("Unknown");
        let group = if dsap & 1 == 0 { "Individual" } else { "Group" };
        let response = if ssap & 1 == 0 { "Command" } else { "Response" };
        put!(self, "LLC, dsap {} (0x{:02x}) {group}", name(dsap), dsap & !1);
        put!(self, ", ssap {} (0x{:02x}) {response}", name(ssap), ssap & !1);
        match control {
            Control::Unnumbered(control) => put!(self, ", ctrl 0x{control:02x}: "),
            Control::Numbered(control) => put!(self, ", ctrl 0x{control:04x}: "),
        }
    }

    /// Prints unnumbered information between two equal access points, if tcpdump knows them.
    fn llc_ui(
        &mut self,
        sap: u8,
        payload: Bytes<'_>,
        length: usize,
        macs: Option<Macs>,
    ) -> Result<Option<Llc>, Cut> {
        match sap {
            0xaa => {
                let printed = self.snap(payload, length, macs)?;
                return Ok(Some(Llc { printed, header_len: 5 }));
            }
            0x42 => self.stp(payload, length)?,
            0x06 => self.ip(payload, length)?,
            0xe0 => {
                if self.options.link_header {
                    put!(self, "IPX 802.2: ");
                }
                self.unmodelled("IPX");
            }
            0xfe => self.unmodelled("ISO"),
            _ => return Ok(None),
        }
        Ok(Some(Llc { printed: true, header_len: 0 }))
    }

    /// Prints a frame whose payload is not looked at, and returns whether that is all there is.
    fn llc_other(
        &mut self,
        (dsap, ssap): (u8, u8),
        control: Control,
        payload: Bytes<'_>,
        length: usize,
        macs: Option<Macs>,
    ) -> Result<bool, Cut> {
        if !self.options.link_header {
            self.llc_ends(dsap & !1, ssap & !1, macs);
        }
        match control {
            Control::Unnumbered(control) => {
                put!(self, "Unnumbered, ");
                match find(COMMANDS, &(control & 0xef)) {
                    Some(name) => put!(self, "{name}"),
                    None => put!(self, "{:02x}", control & 0xef),
                }
                let flags = poll_flags(ssap, control & 0x10 != 0);
                put!(self, ", Flags [{flags}], length {length}");
                self.llc_xid(control, payload, length - 3)
            }
            Control::Numbered(control) => {
                let flags = poll_flags(ssap, control & 0x0100 != 0);
                let receive = control >> 9;
                let supervisory = control & 3 == 1;
                if supervisory {
                    let kinds = ["Receiver Ready", "Receiver not Ready", "Reject", "?"];
                    let kind = kinds.get(usize::from(control >> 2 & 3)).copied().unwrap_or("?");
                    put!(self, "Supervisory, {kind}, rcv seq {receive}");
                } else {
                    let send = control >> 1 & 0x7f;
                    put!(self, "Information, send seq {send}, rcv seq {receive}");
                }
                put!(self, ", Flags [{flags}], length {length}");
                Ok(supervisory)
            }
        }
    }

    /// Prints who sends to whom, when the link header was not printed.
    fn llc_ends(&mut self, dsap: u8, ssap: u8, macs: Option<Macs>) {
        if let Some((src, _)) = macs {
            put!(self, "{src} ");
        }
        if ssap != dsap {
            match find(SAPS, &ssap) {
                Some(name) => put!(self, "{name} "),
                None => put!(self, "Unknown SSAP 0x{ssap:02x} "),
            }
        }
        if macs.is_some() || ssap != dsap {
            put!(self, "> ");
        }
        if let Some((_, dst)) = macs {
            put!(self, "{dst} ");
        }
        match find(SAPS, &dsap) {
            Some(name) => put!(self, "{name} "),
            None => put!(self, "Unknown DSAP 0x{dsap:02x} "),
        }
    }

    /// Prints the information of an exchange identification command.
    fn llc_xid(&mut self, control: u8, payload: Bytes<'_>, length: usize) -> Result<bool, Cut> {
        if control & !0x10 != XID {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        if payload.len() < 1 {
            self.cut();
            return Ok(true);
        }
        if payload.u8(0)? != 0x81 {
            return Ok(false);
        }
        if payload.len() < 3 {
            self.cut();
            self.hex_ascii_dump(payload);
        } else {
            put!(self, ": {:02x} {:02x}", payload.u8(1)?, payload.u8(2)?);
        }
        Ok(true)
    }

    /// Prints a SNAP header and what follows it; returns whether that was known.
    fn snap(&mut self, bytes: Bytes<'_>, length: usize, macs: Option<Macs>) -> Result<bool, Cut> {
        self.protocol = "snap";
        if !bytes.has(0, 5) {
            self.cut();
            return Ok(true);
        }
        let (oui, kind) = (bytes.u24(0)?, bytes.u16(3)?);
        let (payload, left) = (bytes.from(5), length - 5);
        if self.options.link_header {
            let organisation = names::oui(oui).unwrap_or("Unknown");
            let field = if oui == 0 { "ethertype" } else { "pid" };
            let name = snap_name(oui, kind).unwrap_or("Unknown");
            put!(self, "oui {organisation} (0x{oui:06x}), {field} {name} (0x{kind:04x})");
            put!(self, ", length {left}: ");
        }
        match (oui, kind) {
            (0x00_0000 | 0x00_00f8, _) | (0x08_0007, 0x809b) => {
                if !self.ethertype(kind, payload, left)? {
                    self.snap_ends((oui, kind), left, macs);
                    return Ok(false);
                }
            }
            (0x00_000c, 0x010b | 0x010c) | (0x00_80c2, 0x000e) => self.stp(payload, left)?,
            (0x00_000c, 0x2000) => self.unmodelled("CDP"),
            (0x00_000c, 0x2004) => self.unmodelled("DTP"),
            (0x00_000c, 0x0111) => self.unmodelled("UDLD"),
            (0x00_000c, 0x2003) => self.unmodelled("VTP"),
            (0x00_80c2, 0x0001 | 0x0007) => {
                if payload.has(0, 2) {
                    self.ether(payload.from(2), left - 2)?;
                } else {
                    self.cut();
                }
            }
            (0x00_80c2, 0x0003 | 0x0009) => self.unmodelled("Token Ring"),
            (0x00_80c2, 0x0004 | 0x000a) => self.unmodelled("FDDI"),
            _ => {
                self.snap_ends((oui, kind), left, macs);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Prints who sends what to whom, when the link header was not printed.
    fn snap_ends(&mut self, (oui, kind): (u32, u16), length: usize, macs: Option<Macs>) {
        if self.options.link_header {
            return;
        }
        if let Some((src, dst)) = macs {
            put!(self, "{src} > {dst} ");
        }
        let name = snap_name(oui, kind).unwrap_or("Unknown");
        if oui == 0 {
            put!(self, "SNAP, ethertype {name} (0x{kind:04x}), length {length}: ");
        } else {
            let organisation = names::oui(oui).unwrap_or("Unknown");
            put!(self, "SNAP, oui {organisation} (0x{oui:06x}), pid {name} (0x{kind:04x})");
            put!(self, ", length {length}: ");
        }
    }
}

fn snap_name(oui: u32, kind: u16) -> Option<&'static str> {
    match (oui, kind) {
        (0x00_0000 | 0x00_00f8 | 0x08_0007, _) => names::ethertype(kind),
        (0x00_000c, 0x2000) => Some("CDP"),
        (0x00_000c, 0x2003) => Some("VTP"),
        (0x00_000c, 0x2004) => Some("DTP"),
        (0x00_000c, 0x0111) => Some("UDLD"),
        (0x00_000c, 0x010b) => Some("PVST"),
        (0x00_000c, 0x010c) => Some("VLAN Bridge"),
        (0x00_80c2, 0x0001) => Some("Ethernet + FCS"),
        (0x00_80c2, 0x0007) => Some("Ethernet w/o FCS"),
        (0x00_80c2, 0x0002) => Some("802.4 + FCS"),
        (0x00_80c2, 0x0008) => Some("802.4 w/o FCS"),
        (0x00_80c2, 0x0003) => Some("Token Ring + FCS"),
        (0x00_80c2, 0x0009) => Some("Token Ring w/o FCS"),
        (0x00_80c2, 0x0004) => Some("FDDI + FCS"),
        (0x00_80c2, 0x000a) => Some("FDDI w/o FCS"),
        (0x00_80c2, 0x0005) => Some("802.6 + FCS"),
        (0x00_80c2, 0x000b) => Some("802.6 w/o FCS"),
        (0x00_80c2, 0x000e) => Some("BPDU"),
        _ => None,
    }
}

/// Names the poll bit, which is the final bit in responses.
const fn poll_flags(ssap: u8, poll: bool) -> &'static str {
    match (ssap & 1 == 0, poll) {
        (true, false) => "Command",
        (false, false) => "Response",
        (true, true) => "Poll",
        (false, true) => "Final",
    }
}

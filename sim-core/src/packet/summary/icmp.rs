//! ICMP.

use core::fmt::Write as _;

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, checksum_should_be, put};
use crate::packet::checksum::ip_compute_csum;
use crate::packet::icmp::{ICMP_HLEN, IcmpType, redirect, time_exceeded, unreach};
use crate::packet::ip_proto::IpProto;

/// Messages whose name is all there is to say.
const PLAIN: &[(u8, &str)] = &[
    (4, "source quench"),
    (10, "router solicitation"),
    (15, "information request"),
    (16, "information reply"),
    (17, "address mask request"),
];

/// Where the extensions of an error start (RFC 4884), in bytes: behind 128 bytes of quoted packet.
const EXTENSIONS_AT: usize = 136;

impl Printer<'_> {
    /// Prints an ICMP message.
    pub(super) fn icmp(&mut self, bytes: Bytes<'_>, length: usize, fragmented: bool) -> Printed {
        self.protocol = "icmp";
        let kind = IcmpType(bytes.u8(0)?);
        let Some(text) = message(bytes, kind, bytes.u8(1)?)? else {
            self.cut();
            return Ok(());
        };
        put!(self, "ICMP {text}, length {length}");
        if self.options.verbose == 0 {
            return Ok(());
        }
        if !fragmented && bytes.has(0, length) {
            let sum = ip_compute_csum(bytes.limit(length).0);
            if sum != 0 {
                let field = bytes.u16(2)?;
                let right = checksum_should_be(field, sum);
                put!(self, " (wrong icmp cksum {field:x} (->{right:x})!)");
            }
        }
        if kind.is_error() {
            put!(self, "\n\t");
            let quoted = bytes.from(ICMP_HLEN);
            let quoted = quoted.limit(usize::from(quoted.u16(2)?));
            // Read again within the limit: a length below 4 hides itself.
            self.ip(quoted, usize::from(quoted.u16(2)?))?;
        }
        self.protocol = "icmp";
        let extensible = matches!(
            kind,
            IcmpType::DEST_UNREACH | IcmpType::TIME_EXCEEDED | IcmpType::PARAMETER_PROBLEM
        );
        if extensible && length > EXTENSIONS_AT {
            self.icmp_extensions(bytes, length)?;
        }
        Ok(())
    }

    /// Says that there are extensions, if their length or their checksum says so.
    fn icmp_extensions(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        if !bytes.has(0, EXTENSIONS_AT + 5) {
            self.cut();
            return Ok(());
        }
        let extensions = bytes.from(EXTENSIONS_AT);
        let len = length - EXTENSIONS_AT;
        let unsaid = bytes.u8(5)? == 0;
        if unsaid && extensions.has(0, len) && ip_compute_csum(extensions.limit(len).0) != 0 {
            return Ok(());
        }
        self.unmodelled("ICMP extensions");
        Ok(())
    }
}

/// Describes a message; nothing if tcpdump gives it up as cut without giving up the frame.
fn message(bytes: Bytes<'_>, kind: IcmpType, code: u8) -> Result<Option<String>, Cut> {
    let text = match kind {
        IcmpType::ECHO => format!("echo request, id {}, seq {}", bytes.u16(4)?, bytes.u16(6)?),
        IcmpType::ECHO_REPLY => format!("echo reply, id {}, seq {}", bytes.u16(4)?, bytes.u16(6)?),
        IcmpType::DEST_UNREACH => return unreachable(bytes, code),
        IcmpType::REDIRECT => redirected(bytes, code)?,
        IcmpType::ROUTER_ADVERT => return router_advertisement(bytes),
        IcmpType::TIME_EXCEEDED if !bytes.has(ICMP_HLEN + 16, 4) => return Ok(None),
        IcmpType::TIME_EXCEEDED => match code {
            time_exceeded::TTL => "time exceeded in-transit".to_owned(),
            time_exceeded::REASSEMBLY => "ip reassembly time exceeded".to_owned(),
            _ => format!("time exceeded-#{code}"),
        },
        IcmpType::PARAMETER_PROBLEM if code == 0 => {
            format!("parameter problem - octet {}", bytes.u8(4)?)
        }
        IcmpType::PARAMETER_PROBLEM => format!("parameter problem - code {code}"),
        IcmpType::ADDRESS_REPLY => format!("address mask is 0x{:08x}", bytes.u32(8)?),
        IcmpType::TIMESTAMP => {
            format!("time stamp query id {} seq {}", bytes.u16(4)?, bytes.u16(6)?)
        }
        IcmpType::TIMESTAMP_REPLY if !bytes.has(16, 4) => return Ok(None),
        IcmpType::TIMESTAMP_REPLY => {
            let (id, seq) = (bytes.u16(4)?, bytes.u16(6)?);
            let times = [bytes.u32(8)?, bytes.u32(12)?, bytes.u32(16)?].map(time_of_day);
            let [sent, received, answered] = times;
            format!(
                "time stamp reply id {id} seq {seq}: org {sent}, recv {received}, xmit {answered}"
            )
        }
        IcmpType(number) => match PLAIN.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => (*name).to_owned(),
            None => format!("type-#{number}"),
        },
    };
    Ok(Some(text))
}

/// Describes a "destination unreachable", most of which name the destination of the quoted packet.
fn unreachable(bytes: Bytes<'_>, code: u8) -> Result<Option<String>, Cut> {
    let quoted = bytes.from(ICMP_HLEN);
    if code == unreach::PORT {
        return if quoted.has(9, 1) { port_unreachable(quoted).map(Some) } else { Ok(None) };
    }
    let mtu = if code == unreach::FRAG_NEEDED { bytes.u16(6)? } else { 0 };
    let dst = quoted.ipv4(16)?;
    let text = match code {
        unreach::NET => format!("net {dst} unreachable"),
        unreach::HOST => format!("host {dst} unreachable"),
        unreach::PROTOCOL => format!("{dst} protocol {} unreachable", quoted.u8(9)?),
        unreach::FRAG_NEEDED if mtu == 0 => format!("{dst} unreachable - need to frag"),
        unreach::FRAG_NEEDED => format!("{dst} unreachable - need to frag (mtu {mtu})"),
        unreach::SOURCE_ROUTE => format!("{dst} unreachable - source route failed"),
        unreach::NET_UNKNOWN => format!("net {dst} unreachable - unknown"),
        unreach::HOST_UNKNOWN => format!("host {dst} unreachable - unknown"),
        unreach::HOST_ISOLATED => format!("{dst} unreachable - source host isolated"),
        unreach::NET_PROHIBITED => format!("net {dst} unreachable - admin prohibited"),
        unreach::HOST_PROHIBITED => format!("host {dst} unreachable - admin prohibited"),
        unreach::NET_TOS => format!("net {dst} unreachable - tos prohibited"),
        unreach::HOST_TOS => format!("host {dst} unreachable - tos prohibited"),
        unreach::FILTERED => format!("host {dst} unreachable - admin prohibited filter"),
        unreach::PRECEDENCE_VIOLATION => {
            format!("host {dst} unreachable - host precedence violation")
        }
        unreach::PRECEDENCE_CUTOFF => format!("host {dst} unreachable - precedence cutoff"),
        _ => format!("{dst} unreachable - #{code}"),
    };
    Ok(Some(text))
}

fn port_unreachable(quoted: Bytes<'_>) -> Result<String, Cut> {
    let header_len = usize::from(quoted.u8(0)? & 0x0f) * 4;
    let port = quoted.u16(header_len + 2)?;
    let proto = quoted.u8(9)?;
    let dst = quoted.ipv4(16)?;
    Ok(match IpProto(proto) {
        IpProto::TCP => format!("{dst} tcp port {port} unreachable"),
        IpProto::UDP => format!("{dst} udp port {port} unreachable"),
        _ => format!("{dst} protocol {proto} port {port} unreachable"),
    })
}

fn redirected(bytes: Bytes<'_>, code: u8) -> Result<String, Cut> {
    let (dst, gateway) = (bytes.ipv4(ICMP_HLEN + 16)?, bytes.ipv4(4)?);
    Ok(match code {
        redirect::NET => format!("redirect {dst} to net {gateway}"),
        redirect::HOST => format!("redirect {dst} to host {gateway}"),
        redirect::NET_TOS => format!("redirect-tos {dst} to net {gateway}"),
        redirect::HOST_TOS => format!("redirect-tos {dst} to host {gateway}"),
        _ => format!("redirect-#{code} {dst} to {gateway}"),
    })
}

/// Describes a router advertisement (RFC 1256).
fn router_advertisement(bytes: Bytes<'_>) -> Result<Option<String>, Cut> {
    if !bytes.has(4, 4) {
        return Ok(None);
    }
    let (routers, size, lifetime) = (bytes.u8(4)?, bytes.u8(5)?, bytes.u16(6)?);
    let (hours, minutes, seconds) = (lifetime / 3600, lifetime / 60 % 60, lifetime % 60);
    let lifetime = match (hours, minutes) {
        (0, 0) => format!("{seconds}"),
        (0, _) => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    };
    let mut out = format!("router advertisement lifetime {lifetime} {routers}:");
    if size != 2 {
        write!(out, " [size {size}]").unwrap_or_default();
        return Ok(Some(out));
    }
    for router in 0..usize::from(routers) {
        let at = ICMP_HLEN + router * 8;
        if !bytes.has(at, 8) {
            return Ok(None);
        }
        write!(out, " {{{} {}}}", bytes.ipv4(at)?, bytes.u32(at + 4)?).unwrap_or_default();
        if out.len() >= MAX_TEXT {
            out.truncate(MAX_TEXT);
            break;
        }
    }
    Ok(Some(out))
}

/// How much of a router advertisement is printed, in bytes: the size of tcpdump's buffer.
const MAX_TEXT: usize = 1024 + 100 - 1;

/// Describes milliseconds since midnight.
fn time_of_day(ms: u32) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{ms:03}")
}

//! IPv6 and its extension headers.

use super::bytes::{Bytes, Cut, Ip6};
use super::ip::Outer;
use super::names;
use super::printer::{Printed, Printer, put};
use super::sequence::Addrs;
use crate::packet::build::PseudoHeader;
use crate::packet::ip_proto::IpProto;
use crate::packet::ipv6::IPV6_HLEN;

/// The number of mobility headers before RFC 3775.
const MOBILITY_OLD: IpProto = IpProto(62);

/// The walk over the headers of a packet.
struct Walk {
    /// Where the next header starts.
    at: usize,
    /// How many bytes are left from there on, by the length fields.
    left: usize,
    /// What the next header is.
    next: u8,
    /// A payload length of 0 stands in the fixed header.
    no_length: bool,
    /// A hop-by-hop header was seen.
    hop_by_hop: bool,
    /// Any extension header was seen.
    extended: bool,
    /// A fragment header was seen.
    fragmented: bool,
}

/// Where options stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a destination options header.
    Destination,
    /// In a hop-by-hop header.
    HopByHop,
    /// In a hop-by-hop header of a packet that says no length.
    HopByHopWithoutLength,
}

impl Printer<'_> {
    /// Prints an IPv6 packet; `length` is what the layer below says that there is.
    pub(super) fn ip6(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "ip6";
        if !bytes.has(0, IPV6_HLEN) {
            self.cut();
            return Ok(());
        }
        if length < IPV6_HLEN {
            put!(self, "truncated-ip6 {length}");
            return Ok(());
        }
        if !self.options.link_header {
            put!(self, "IP6 ");
        }
        let version = bytes.u8(0)? >> 4;
        if version != 6 {
            put!(self, "version error: {version} != 6");
            return Ok(());
        }
        let payload_len = usize::from(bytes.u16(4)?);
        let mut total_len = payload_len + IPV6_HLEN;
        if payload_len == 0 {
            total_len = length + IPV6_HLEN;
        } else if length < total_len {
            put!(self, "truncated-ip6 - {} bytes missing!", total_len - length);
        }
        if self.options.verbose > 0 {
            self.ip6_verbose(bytes)?;
        }
        if self.enter() {
            let mut walk = Walk {
                at: IPV6_HLEN,
                left: total_len - IPV6_HLEN,
                next: bytes.u8(6)?,
                no_length: payload_len == 0,
                hop_by_hop: false,
                extended: false,
                fragmented: false,
            };
            self.ip6_headers(bytes.limit(total_len), &mut walk)?;
            self.leave();
        }
        Ok(())
    }

    fn ip6_verbose(&mut self, bytes: Bytes<'_>) -> Printed {
        let word = bytes.u32(0)?;
        let (class, label) = (word >> 20 & 0xff, word & 0x000f_ffff);
        put!(self, "(");
        if class != 0 {
            put!(self, "class 0x{class:02x}, ");
        }
        if label != 0 {
            put!(self, "flowlabel 0x{label:05x}, ");
        }
        let next = bytes.u8(6)?;
        let name = names::ip_protocol(next).unwrap_or("unknown");
        put!(self, "hlim {}, next-header {name} ({next})", bytes.u8(7)?);
        put!(self, " payload length: {}) ", bytes.u16(4)?);
        Ok(())
    }

    /// Walks over the extension headers to the transport.
    fn ip6_headers(&mut self, bytes: Bytes<'_>, walk: &mut Walk) -> Printed {
        if !matches!(
            IpProto(walk.next),
            IpProto::TCP | IpProto::UDP | IpProto::DCCP | IpProto::SCTP
        ) {
            put!(self, "{} > {}: ", bytes.ipv6(8)?, bytes.ipv6(24)?);
        }
        loop {
            let header = bytes.from(walk.at);
            let len = match IpProto(walk.next) {
                IpProto::HOPOPTS => self.ip6_hop_by_hop(header, walk)?,
                IpProto::DSTOPTS => self.ip6_options(header, Place::Destination)?,
                IpProto::FRAGMENT => self.ip6_fragment(bytes, walk)?,
                IpProto::ROUTING => self.ip6_routing(header)?,
                IpProto::MH | MOBILITY_OLD => {
                    self.unmodelled("mobility headers");
                    None
                }
                _ => return self.ip6_transport(bytes, walk),
            };
            let Some(len) = len else { return Ok(()) };
            walk.extended = true;
            walk.next = header.u8(0)?;
            self.protocol = "ip6";
            if walk.at >= bytes.len() {
                return Ok(());
            }
            if walk.left < len {
                self.cut();
                return Ok(());
            }
            walk.at += len;
            walk.left -= len;
        }
    }

    fn ip6_transport(&mut self, bytes: Bytes<'_>, walk: &Walk) -> Printed {
        let mut left = walk.left;
        let mut bytes = bytes;
        if walk.no_length {
            if walk.extended {
                self.cut();
                return Ok(());
            }
            left = 0;
            bytes = bytes.limit(IPV6_HLEN);
        }
        let (src, dst) = (bytes.ipv6(8)?.0, bytes.ipv6(24)?.0);
        let outer = Outer {
            addrs: Addrs::V6(src, dst),
            pseudo: PseudoHeader::V6 { src, dst: final_dst(bytes).unwrap_or(Ip6(dst)).0 },
            proto: bytes.u8(6)?,
            fragmented: walk.fragmented,
        };
        self.ip_demux(bytes.from(walk.at), left, walk.next, &outer)
    }

    fn ip6_hop_by_hop(&mut self, header: Bytes<'_>, walk: &mut Walk) -> Result<Option<usize>, Cut> {
        let problem = if walk.hop_by_hop {
            Some("was already found")
        } else if walk.extended {
            Some("don't follow the IPv6 header")
        } else {
            None
        };
        if let Some(problem) = problem {
            put!(self, "[The Hop-by-Hop Options header {problem}]");
            self.invalid();
            return Ok(None);
        }
        walk.hop_by_hop = true;
        let place = if walk.no_length { Place::HopByHopWithoutLength } else { Place::HopByHop };
        let len = self.ip6_options(header, place)?;
        if walk.no_length {
            put!(self, "[No valid Jumbo Payload Hop-by-Hop option found]");
            self.invalid();
            return Ok(None);
        }
        Ok(len)
    }

    /// Prints hop-by-hop or destination options and returns their length; nothing if they are cut.
    fn ip6_options(&mut self, header: Bytes<'_>, place: Place) -> Result<Option<usize>, Cut> {
        let is_destination = place == Place::Destination;
        self.protocol = if is_destination { "dstopt" } else { "hbhopt" };
        let len = (usize::from(header.u8(1)?) + 1) * 8;
        if !header.has(0, len) {
            self.cut();
            return Ok(None);
        }
        put!(self, "{}", if is_destination { "DSTOPT " } else { "HBH " });
        if is_destination && self.options.verbose == 0 {
            return Ok(Some(len));
        }
        if self.ip6_option_list(header.limit(len).from(2), place)? {
            return Ok(Some(len));
        }
        self.cut();
        Ok(None)
    }

    /// Prints options, with `-v` only, and returns whether they were whole.
    fn ip6_option_list(&mut self, options: Bytes<'_>, place: Place) -> Result<bool, Cut> {
        let verbose = self.options.verbose > 0;
        let mut at = 0;
        while at < options.len() {
            if options.u8(at)? == 0 {
                put!(self, "{}", if verbose { "(pad1)" } else { "" });
                at += 1;
                continue;
            }
            let Ok(data_len) = options.u8(at + 1) else { return Ok(false) };
            let len = usize::from(data_len) + 2;
            if !options.has(at, len) || !self.ip6_option(options.from(at), place)? {
                return Ok(false);
            }
            at += len;
        }
        put!(self, "{}", if verbose { " " } else { "" });
        Ok(true)
    }

    /// Prints the option at the start of the rest of the list, and returns whether it was right.
    fn ip6_option(&mut self, rest: Bytes<'_>, place: Place) -> Result<bool, Cut> {
        let verbose = self.options.verbose > 0;
        let (kind, len) = (rest.u8(0)?, rest.u8(1)?);
        let (name, wanted) = match kind {
            0x05 => ("rtalert", 2),
            0xc2 => ("jumbo", 4),
            0xc9 => ("homeaddr", 16),
            1 => {
                put!(self, "{}", if verbose { "(padn)" } else { "" });
                return Ok(true);
            }
            _ => {
                if verbose {
                    put!(self, "(opt_type 0x{kind:02x}: len={len})");
                }
                return Ok(true);
            }
        };
        if !rest.has(2, usize::from(wanted)) {
            put!(self, "({name}: trunc)");
            return Ok(false);
        }
        if len < wanted || (len > wanted && kind != 0xc9) {
            put!(self, "({name}: invalid len {len})");
            return Ok(false);
        }
        match kind {
            0xc2 => self.ip6_jumbo(rest.u32(2)?, place),
            _ if !verbose => {}
            0x05 => put!(self, "(rtalert: 0x{:04x}) ", rest.u16(2)?),
            _ => {
                put!(self, "(homeaddr: {}", rest.ipv6(2)?);
                if len > wanted {
                    self.unmodelled("home address sub-options");
                }
                put!(self, ")");
            }
        }
        Ok(true)
    }

    /// Prints the length of a jumbogram (RFC 2675), which no Ethernet frame can be.
    fn ip6_jumbo(&mut self, len: u32, place: Place) {
        let why = match place {
            Place::Destination => "not a hop-by-hop option",
            Place::HopByHop => "payload len != 0",
            Place::HopByHopWithoutLength if len < 65536 => "< 65536",
            Place::HopByHopWithoutLength => return self.unmodelled("jumbograms"),
        };
        if self.options.verbose > 0 {
            put!(self, "(jumbo: {len} - {why}) ");
        }
    }

    /// Prints a fragment header and returns its length; nothing if no transport header follows.
    fn ip6_fragment(&mut self, bytes: Bytes<'_>, walk: &mut Walk) -> Result<Option<usize>, Cut> {
        self.protocol = "frag6";
        let header = bytes.from(walk.at);
        let offset = header.u16(2)? & 0xfff8;
        let data = (IPV6_HLEN + usize::from(bytes.u16(4)?)).wrapping_sub(walk.at + 8);
        if self.options.verbose > 0 {
            put!(self, "frag (0x{:08x}:{offset}|{data})", header.u32(4)?);
        } else {
            put!(self, "frag ({offset}|{data})");
        }
        walk.fragmented = true;
        if offset != 0 {
            return Ok(None);
        }
        put!(self, " ");
        Ok(if header.len() > 8 { Some(8) } else { None })
    }

    /// Prints a routing header and returns its length; nothing if its type is unknown.
    fn ip6_routing(&mut self, header: Bytes<'_>) -> Result<Option<usize>, Cut> {
        if header.len() == 0 {
            self.cut();
            return Ok(None);
        }
        self.protocol = "rt6";
        put!(self, "RT6");
        let words = header.u8(1)?;
        put!(self, " (len={words}");
        let kind = header.u8(2)?;
        put!(self, ", type={kind}");
        put!(self, "{}", if kind == 0 { " [Deprecated]" } else { "" });
        put!(self, ", segleft={}", header.u8(3)?);
        let verbose = self.options.verbose > 0;
        match kind {
            0 | 2 => {
                let reserved = header.u32(4)?;
                if reserved != 0 || verbose {
                    put!(self, ", rsv=0x{reserved:x}");
                }
            }
            4 => {
                put!(self, ", last-entry={}", header.u8(4)?);
                let flags = header.u8(5)?;
                if flags != 0 || verbose {
                    put!(self, ", flags=0x{flags:x}");
                }
                put!(self, ", tag={:x}", header.u16(6)?);
            }
            _ => {
                put!(self, " (unknown type)");
                self.invalid();
                return Ok(None);
            }
        }
        if words % 2 == 1 {
            put!(self, " (invalid length {words})");
            self.invalid();
            return Ok(None);
        }
        for segment in 0..usize::from(words / 2) {
            put!(self, ", [{segment}]{}", header.ipv6(8 + segment * 16)?);
        }
        put!(self, ") ");
        Ok(Some((usize::from(words) + 1) * 8))
    }
}

/// Returns the destination that transport checksums cover: the end of a routing header, if there is one.
fn final_dst(bytes: Bytes<'_>) -> Result<Ip6, Cut> {
    let dst = bytes.ipv6(24)?;
    let (mut at, mut next) = (IPV6_HLEN, bytes.u8(6)?);
    loop {
        let len = match IpProto(next) {
            IpProto::FRAGMENT => 8,
            IpProto::HOPOPTS | IpProto::DSTOPTS | IpProto::MH | MOBILITY_OLD => {
                (usize::from(bytes.u8(at + 1)?) + 1) * 8
            }
            IpProto::ROUTING => {
                let words = usize::from(bytes.u8(at + 1)?);
                return match bytes.u8(at + 2)? {
                    0 | 2 if words % 2 == 0 && words > 0 => {
                        bytes.ipv6(at + 8 + (words / 2 - 1) * 16)
                    }
                    4 if words % 2 == 0 => bytes.ipv6(at + 8),
                    _ => Ok(dst),
                };
            }
            _ => return Ok(dst),
        };
        next = bytes.u8(at)?;
        at += len;
    }
}

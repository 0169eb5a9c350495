//! The options of neighbour discovery, shown with `-v`.

use core::net::Ipv6Addr;

use super::preference;
use crate::packet::summary::bytes::{Bytes, Cut, Ip6};
use crate::packet::summary::dns::Stop;
use crate::packet::summary::printer::{Printed, Printer, find, put};

const OPTIONS: &[(u8, &str)] = &[
    (1, "source link-address"),
    (2, "destination link-address"),
    (3, "prefix info"),
    (4, "redirected header"),
    (5, "mtu"),
    (7, "advertisement interval"),
    (8, "homeagent information"),
    (24, "route info"),
    (25, "rdnss"),
    (31, "dnssl"),
];

const PREFIX_FLAGS: &[(u32, &str)] = &[(0x80, "onlink"), (0x40, "auto"), (0x20, "router")];

impl Printer<'_> {
    /// Prints the options; returns whether they were whole.
    pub(super) fn nd_options(&mut self, options: Bytes<'_>, length: usize) -> Result<bool, Cut> {
        let mut at = 0;
        while at < options.len() {
            let Ok(words) = options.u8(at + 1) else { return Ok(false) };
            if at >= length {
                return Ok(true);
            }
            let (kind, len) = (options.u8(at)?, usize::from(words) * 8);
            if len == 0 || !options.has(at, len) {
                return Ok(false);
            }
            let name = find(OPTIONS, &kind).unwrap_or("unknown");
            put!(self, "\n\t  {name} option ({kind}), length {len} ({words}): ");
            let option = options.from(at).limit(len);
            match kind {
                1 | 2 => self.nd_link_addr(option),
                4 => self.unknown_data(options, "\n\t    ", len),
                24 if !matches!(words, 1..=3) => return Ok(false),
                31 => {
                    if !self.nd_search_list(options, at, len)? {
                        return Ok(false);
                    }
                }
                _ if name == "unknown" && self.options.verbose <= 1 => {
                    self.unknown_data(option.from(2), "\n\t  ", len - 2);
                    return Ok(true);
                }
                // Behind a short option tcpdump reads on into the next one.
                _ => self.nd_option(kind, words, options.from(at))?,
            }
            if self.options.verbose > 1 {
                self.unknown_data(option.from(2), "\n\t    ", len - 2);
            }
            at += len;
        }
        Ok(true)
    }

    fn nd_link_addr(&mut self, option: Bytes<'_>) {
        for (at, byte) in option.from(2).0.iter().enumerate() {
            put!(self, "{}{byte:02x}", if at == 0 { "" } else { ":" });
        }
    }

    fn nd_option(&mut self, kind: u8, words: u8, option: Bytes<'_>) -> Printed {
        match kind {
            3 => {
                let wrong = if words == 4 { "" } else { "badlen" };
                let (prefix, len) = (option.ipv6(16)?, option.u8(2)?);
                let (flags, valid) = (option.u8(3)?, option.u32(4)?);
                put!(self, "{prefix}/{len}{wrong}, Flags [");
                self.bits(PREFIX_FLAGS, u32::from(flags), ", ", "none");
                put!(self, "], valid time {}", lifetime(valid));
                put!(self, ", pref. time {}", lifetime(option.u32(8)?));
            }
            5 => {
                let wrong = if words == 1 { "" } else { "bad option length" };
                put!(self, " {}{wrong}", option.u32(4)?);
            }
            7 => put!(self, " {}ms", option.u32(4)?),
            8 => put!(self, " preference {}, lifetime {}", option.u16(4)?, option.u16(6)?),
            24 => {
                let mut prefix = [0; 16];
                let known = option.slice(8, usize::from(words - 1) * 8)?;
                for (to, from) in prefix.iter_mut().zip(known) {
                    *to = *from;
                }
                let prefix = Ip6(Ipv6Addr::from_octets(prefix));
                put!(self, " {prefix}/{}, pref={}", option.u8(2)?, preference(option.u8(3)?));
                put!(self, ", lifetime={}", lifetime(option.u32(4)?));
            }
            25 => {
                put!(self, " lifetime {}s,", option.u32(4)?);
                for server in 0..usize::from(words.saturating_sub(1) / 2) {
                    put!(self, " addr: {}", option.ipv6(8 + server * 16)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Prints domains to search; returns whether all of them were whole.
    fn nd_search_list(
        &mut self,
        options: Bytes<'_>,
        start: usize,
        len: usize,
    ) -> Result<bool, Cut> {
        put!(self, " lifetime {}s, domain(s):", options.u32(start + 4)?);
        let mut at = start + 8;
        while at < start + len && options.u8(at)? != 0 {
            put!(self, " ");
            match self.dns_name(options, at) {
                Ok(next) => at = next,
                Err(Stop::Broken) => return Ok(false),
                Err(Stop::Cut) => return Err(Cut),
            }
        }
        Ok(true)
    }
}

fn lifetime(seconds: u32) -> String {
    if seconds == u32::MAX { "infinity".to_owned() } else { format!("{seconds}s") }
}

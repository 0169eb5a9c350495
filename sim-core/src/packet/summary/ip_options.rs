//! IPv4 options, shown with `-v`.

use super::bytes::{Bytes, Cut};
use super::printer::{Printer, find, put};
use crate::packet::ipv4_options::{
    IPOPT_END, IPOPT_LSRR, IPOPT_NOOP, IPOPT_RA, IPOPT_RR, IPOPT_SEC, IPOPT_SSRR, IPOPT_TIMESTAMP,
};

const OPTIONS: &[(u8, &str)] = &[
    (IPOPT_END, "EOL"),
    (IPOPT_NOOP, "NOP"),
    (IPOPT_TIMESTAMP, "timestamp"),
    (IPOPT_SEC, "security"),
    (IPOPT_RR, "RR"),
    (IPOPT_SSRR, "SSRR"),
    (IPOPT_LSRR, "LSRR"),
    (IPOPT_RA, "RA"),
    (82, "traceroute"),
];

impl Printer<'_> {
    /// Prints `length` bytes of options; returns whether all of them were captured.
    pub(super) fn ip_options(&mut self, bytes: Bytes<'_>, length: usize) -> Result<bool, Cut> {
        let mut at = 0;
        while at < length {
            put!(self, "{}", if at == 0 { "" } else { "," });
            let kind = bytes.u8(at)?;
            match find(OPTIONS, &kind) {
                Some(name) => put!(self, "{name}"),
                None => put!(self, "unknown {kind}"),
            }
            let single = matches!(kind, IPOPT_NOOP | IPOPT_END);
            let len = if single { 1 } else { usize::from(bytes.u8(at + 1)?) };
            if (len < 2 && !single) || len > length - at {
                put!(self, " [bad length {len}]");
                return Ok(true);
            }
            if !bytes.has(at, len) {
                return Ok(false);
            }
            // The entries of an option of a wrong length go on in what follows it.
            let option = bytes.from(at);
            let complete = match kind {
                IPOPT_END => return Ok(true),
                IPOPT_TIMESTAMP => self.ip_timestamps(option, len)?,
                IPOPT_RR | IPOPT_SSRR | IPOPT_LSRR => self.ip_route(option, len)?,
                IPOPT_RA if len < 4 => {
                    put!(self, " [bad length {len}]");
                    true
                }
                IPOPT_RA => {
                    let value = option.u16(2)?;
                    if value != 0 {
                        put!(self, " value {value}");
                    }
                    true
                }
                _ => true,
            };
            if !complete {
                return Ok(false);
            }
            at += len;
        }
        Ok(true)
    }

    /// Prints the addresses of a route, a comma after those that were passed; returns whether all of
    /// them were captured.
    fn ip_route(&mut self, option: Bytes<'_>, len: usize) -> Result<bool, Cut> {
        if len < 3 {
            put!(self, " [bad length {len}]");
            return Ok(true);
        }
        if !(len + 1).is_multiple_of(4) {
            put!(self, " [bad length {len}]");
        }
        // The pointer counts from 1, and 0 is taken for a very large one.
        let pointer = usize::from(option.u8(2)?);
        if pointer < 4 || !pointer.is_multiple_of(4) || pointer > len + 2 {
            put!(self, " [bad ptr {pointer}]");
        }
        for at in (3..len).step_by(4) {
            let Ok(addr) = option.ipv4(at) else { return Ok(false) };
            let passed = pointer == 0 || pointer > at + 1;
            put!(self, " {addr}{}", if passed { "," } else { "" });
        }
        Ok(true)
    }

    /// Prints timestamps, `^` where the next one goes; returns whether all of them were captured.
    fn ip_timestamps(&mut self, option: Bytes<'_>, len: usize) -> Result<bool, Cut> {
        if len < 4 {
            put!(self, "[bad length {len}]");
            return Ok(true);
        }
        put!(self, " TS{{");
        let (field, flags) = (usize::from(option.u8(2)?), option.u8(3)?);
        let mode = flags & 0x0f;
        let step = if mode == 0 { 4 } else { 8 };
        if !(len - 4).is_multiple_of(step) {
            put!(self, "[bad length {len}]");
        }
        if field < 5 || !(field - 5).is_multiple_of(step) || field > len + 2 {
            put!(self, "[bad ptr {field}]");
        }
        let mut end = 0;
        match mode {
            0 => put!(self, "TSONLY"),
            1 => put!(self, "TS+ADDR"),
            3 => put!(self, "PRESPEC"),
            _ => put!(self, "[bad ts type {mode}]"),
        }
        if matches!(mode, 0 | 1 | 3) {
            end = 4;
            while end < len {
                if !option.has(end, step) {
                    return Ok(false);
                }
                let sep = if field == end + 1 { " ^ " } else { " " };
                put!(self, "{sep}{}@", option.u32(end + step - 4)?);
                if step == 8 {
                    put!(self, "{}", option.ipv4(end)?);
                }
                end += step;
            }
        }
        put!(self, "{}", if field == end + 1 { " ^ " } else { "" });
        match flags >> 4 {
            0 => put!(self, "}}"),
            missed => put!(self, " [{missed} hops not recorded]}} "),
        }
        Ok(true)
    }
}

//! IGMP (RFC 2236, RFC 3376).

use super::bytes::Bytes;
use super::printer::{Printed, Printer, find, put};
use crate::packet::checksum::ip_compute_csum;

const RECORDS: &[(u8, &str)] =
    &[(1, "is_in"), (2, "is_ex"), (3, "to_in"), (4, "to_ex"), (5, "allow"), (6, "block")];

impl Printer<'_> {
    /// Prints an IGMP message.
    pub(super) fn igmp(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "igmp";
        if self.options.quiet {
            put!(self, "igmp");
            return Ok(());
        }
        let kind = bytes.u8(0)?;
        match kind {
            0x11 => self.igmp_query(bytes, length)?,
            0x12 => {
                put!(self, "igmp v1 report {}", bytes.ipv4(4)?);
                if length != 8 {
                    put!(self, " [len {length}]");
                }
            }
            0x16 => put!(self, "igmp v2 report {}", bytes.ipv4(4)?),
            0x17 => put!(self, "igmp leave {}", bytes.ipv4(4)?),
            0x22 => {
                put!(self, "igmp v3 report");
                self.igmp_v3_report(bytes, length)?;
            }
            0x13 => self.unmodelled("DVMRP"),
            0x14 => self.unmodelled("PIMv1"),
            0x1e | 0x1f => self.unmodelled("mtrace"),
            _ => put!(self, "igmp-{kind}"),
        }
        if self.options.verbose > 0
            && length >= 4
            && bytes.has(0, length)
            && ip_compute_csum(bytes.limit(length).0) != 0
        {
            put!(self, " bad igmp cksum {:x}!", bytes.u16(2)?);
        }
        Ok(())
    }

    fn igmp_query(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        put!(self, "igmp query");
        if length >= 12 {
            return self.igmp_v3_query(bytes, length);
        }
        match bytes.u8(1)? {
            0 => put!(self, " v1"),
            100 => put!(self, " v2"),
            time => put!(self, " v2 [max resp time {time}]"),
        }
        if bytes.u32(4)? != 0 {
            put!(self, " [gaddr {}]", bytes.ipv4(4)?);
        }
        if length != 8 {
            put!(self, " [len {length}]");
        }
        Ok(())
    }

    fn igmp_v3_query(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        put!(self, " v3");
        if !length.is_multiple_of(4) {
            put!(self, " [invalid len {length}]");
            return Ok(());
        }
        let code = u32::from(bytes.u8(1)?);
        let tenths = if code < 128 { code } else { (code & 0x0f | 0x10) << ((code >> 4 & 7) + 3) };
        if code != 100 {
            put!(self, " [max resp time ");
            if tenths < 600 {
                put!(self, "{}.{}s", tenths / 10, tenths % 10);
            } else {
                self.relative_time(tenths / 10);
            }
            put!(self, "]");
        }
        if bytes.u32(4)? == 0 {
            return Ok(());
        }
        put!(self, " [gaddr {}", bytes.ipv4(4)?);
        let sources = usize::from(bytes.u16(10)?);
        if sources > 0 {
            if length < 12 + sources * 4 {
                put!(self, " [invalid number of sources]");
            } else {
                self.igmp_sources(bytes, 12, sources)?;
            }
        }
        put!(self, "]");
        Ok(())
    }

    /// Prints how many sources there are, or all of them with `-vv`.
    fn igmp_sources(&mut self, bytes: Bytes<'_>, at: usize, sources: usize) -> Printed {
        if self.options.verbose <= 1 {
            put!(self, ", {sources} source(s)");
            return Ok(());
        }
        put!(self, " {{");
        for source in 0..sources {
            put!(self, " {}", bytes.ipv4(at + source * 4)?);
        }
        put!(self, " }}");
        Ok(())
    }

    fn igmp_v3_report(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        if length < 16 || !length.is_multiple_of(4) {
            put!(self, " [invalid len {length}]");
            return Ok(());
        }
        let groups = bytes.u16(6)?;
        put!(self, ", {groups} group record(s)");
        if self.options.verbose == 0 {
            return Ok(());
        }
        let mut at = 8;
        for _ in 0..groups {
            if length < at + 8 {
                put!(self, " [invalid number of groups]");
                return Ok(());
            }
            put!(self, " [gaddr {} ", bytes.ipv4(at + 4)?);
            let kind = bytes.u8(at)?;
            match find(RECORDS, &kind) {
                Some(name) => put!(self, "{name}"),
                None => put!(self, " [v3-report-#{kind}]"),
            }
            let sources = usize::from(bytes.u16(at + 2)?);
            if length < at + 8 + sources * 4 {
                put!(self, " [invalid number of sources {sources}]");
                return Ok(());
            }
            self.igmp_sources(bytes, at + 8, sources)?;
            at += 8 + sources * 4;
            put!(self, "]");
        }
        Ok(())
    }

    /// Prints seconds with years, weeks, days, hours and minutes.
    pub(super) fn relative_time(&mut self, seconds: u32) {
        if seconds == 0 {
            put!(self, "0s");
            return;
        }
        let mut left = seconds;
        for (unit, name) in
            [(31_536_000, "y"), (604_800, "w"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s")]
        {
            if left >= unit {
                put!(self, "{}{name}", left / unit);
                left %= unit;
            }
        }
    }
}

//! Multicast listener discovery.

use crate::packet::summary::bytes::Bytes;
use crate::packet::summary::printer::{Printed, Printer, find, put};

const RECORDS: &[(u8, &str)] =
    &[(1, "is_in"), (2, "is_ex"), (3, "to_in"), (4, "to_ex"), (5, "allow"), (6, "block")];

impl Printer<'_> {
    /// Prints a message of version 1; nothing if it is cut.
    pub(super) fn listener(&mut self, bytes: Bytes<'_>) -> Printed {
        if bytes.has(0, 24) {
            put!(self, "max resp delay: {} addr: {}", bytes.u16(4)?, bytes.ipv6(8)?);
        }
        Ok(())
    }

    /// Prints a query, whose length tells its version.
    pub(super) fn listener_query(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        match length {
            24 => self.listener(bytes),
            28.. => {
                put!(self, " v2");
                self.listener_v2_query(bytes, length)
            }
            _ => {
                put!(self, " unknown-version (len {length}) ");
                Ok(())
            }
        }
    }

    fn listener_v2_query(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        let code = u32::from(bytes.u16(4)?);
        let verbose = self.options.verbose > 0;
        if verbose {
            let exponent = (code >> 12 & 7) + 3;
            let delay = if code < 32768 { code } else { (code & 0x0fff | 0x1000) << exponent };
            put!(self, " [max resp delay={delay}]");
        }
        put!(self, " [gaddr {}", bytes.ipv6(8)?);
        if verbose {
            let flags = bytes.u8(24)?;
            put!(self, "{}", if flags & 8 == 0 { "" } else { " sflag" });
            if flags & 7 != 0 {
                put!(self, " robustness={}", flags & 7);
            }
            let code = u32::from(bytes.u8(25)?);
            let exponent = (code >> 4 & 7) + 3;
            let interval = if code < 128 { code } else { (code & 0x0f | 0x10) << exponent };
            put!(self, " qqi={interval}");
        }
        let sources = usize::from(bytes.u16(26)?);
        if sources > 0 {
            if length < 28 + sources * 16 {
                put!(self, " [invalid number of sources]");
            } else {
                self.listener_sources(bytes, 28, sources)?;
            }
        }
        put!(self, "]");
        Ok(())
    }

    /// Prints how many sources there are, or all of them with `-vv`.
    fn listener_sources(&mut self, bytes: Bytes<'_>, at: usize, sources: usize) -> Printed {
        if self.options.verbose <= 1 {
            put!(self, ", {sources} source(s)");
            return Ok(());
        }
        put!(self, " {{");
        for source in 0..sources {
            put!(self, " {}", bytes.ipv6(at + source * 16)?);
        }
        put!(self, " }}");
        Ok(())
    }

    /// Prints a report of version 2.
    pub(super) fn listener_report(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        if length < 8 {
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
            if length < at + 20 {
                put!(self, " [invalid number of groups]");
                return Ok(());
            }
            put!(self, " [gaddr {} ", bytes.ipv6(at + 4)?);
            let kind = bytes.u8(at)?;
            match find(RECORDS, &kind) {
                Some(name) => put!(self, "{name}"),
                None => put!(self, " [v2-report-#{kind}]"),
            }
            let sources = usize::from(bytes.u16(at + 2)?);
            if length < at + 20 + sources * 16 {
                put!(self, " [invalid number of sources {sources}]");
                return Ok(());
            }
            self.listener_sources(bytes, at + 20, sources)?;
            at += 20 + sources * 16;
            put!(self, "]");
        }
        Ok(())
    }
}

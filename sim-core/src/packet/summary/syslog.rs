//! Syslog (RFC 3164).

use super::bytes::Bytes;
use super::printer::{Printed, Printer, put};

const FACILITIES: [&str; 24] = [
    "kernel", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
    "authpriv", "ftp", "ntp", "security", "console", "cron", "local0", "local1", "local2",
    "local3", "local4", "local5", "local6", "local7",
];

const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// How many digits a priority has at most.
const MAX_DIGITS: usize = 3;

impl Printer<'_> {
    /// Prints a syslog message.
    pub(super) fn syslog(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "syslog";
        if data.u8(0)? != b'<' {
            self.invalid();
            return Ok(());
        }
        let mut priority = 0;
        let mut at = 1;
        while at <= MAX_DIGITS {
            let digit = data.u8(at)?;
            if !digit.is_ascii_digit() {
                break;
            }
            priority = priority * 10 + usize::from(digit - b'0');
            at += 1;
        }
        if data.u8(at)? != b'>' {
            self.invalid();
            return Ok(());
        }
        at += 1;
        let (facility, level) = (priority >> 3 & 0x7f, priority & 7);
        let severity = SEVERITIES.get(level).copied().unwrap_or_default();
        let unknown = format!("unknown ({facility})");
        let name = FACILITIES.get(facility).copied().unwrap_or(&unknown);
        if self.options.verbose == 0 {
            put!(self, "SYSLOG {name}.{severity}, length: {length}");
            return Ok(());
        }
        put!(self, "SYSLOG, length: {length}\n\tFacility {name} ({facility})");
        put!(self, ", Severity {severity} ({level})\n\tMsg: ");
        if length > at {
            self.visible_all(data.from(at), length - at)?;
        }
        if self.options.verbose > 1 {
            self.unknown_data(data, "\n\t", length);
        }
        Ok(())
    }
}

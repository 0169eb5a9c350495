//! Protocols of text lines: HTTP and its kin.

use super::bytes::Bytes;
use super::printer::{Printed, Printer, put};

/// A protocol of text lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// Its name in lower case.
    pub(super) protocol: &'static str,
    /// The first words of its requests. Data without one, and without a response code as the second
    /// word, are taken for the middle of a message and not shown. Without a list all data are shown.
    pub(super) commands: Option<&'static [&'static str]>,
}

/// The requests of HTTP and WebDAV.
pub(super) const HTTP_COMMANDS: &[&str] = &[
    "BASELINE-CONTROL",
    "BCOPY",
    "BDELETE",
    "BMOVE",
    "BPROPFIND",
    "BPROPPATCH",
    "CCM_POST",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCOL",
    "MKWORKSPACE",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "POLL",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "REPORT",
    "RPC_CONNECT",
    "SEARCH",
    "SUBSCRIBE",
    "TRACE",
    "UNCHECKOUT",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "VERSION-CONTROL",
];

/// The requests of RTSP.
pub(super) const RTSP_COMMANDS: &[&str] = &[
    "ANNOUNCE",
    "DESCRIBE",
    "GET_PARAMETER",
    "OPTIONS",
    "PAUSE",
    "PLAY",
    "RECORD",
    "REDIRECT",
    "SETUP",
    "SET_PARAMETER",
    "TEARDOWN",
];

/// The requests of SIP.
pub(super) const SIP_COMMANDS: &[&str] = &[
    "ACK",
    "BYE",
    "CANCEL",
    "DO",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "QAUTH",
    "REFER",
    "REGISTER",
    "SPRACK",
    "SUBSCRIBE",
    "UPDATE",
];

/// The longest word looked at, in bytes.
const MAX_WORD: usize = 128;

impl Printer<'_> {
    /// Prints the name of the protocol and the first line, or all lines with `-v`.
    pub(super) fn text(&mut self, data: Bytes<'_>, length: usize, text: &Text) -> Printed {
        self.protocol = text.protocol;
        let shown = text.commands.is_none_or(|commands| is_start(data, length, commands));
        self.protocol_caps();
        if !shown {
            return Ok(());
        }
        if self.options.verbose == 0 {
            self.text_line(": ", data, 0, length)?;
            return Ok(());
        }
        put!(self, ", length: {length}");
        let mut at = 0;
        while at < length {
            match self.text_line("\n\t", data, at, length)? {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Prints the line at `at` and returns where the next one starts; nothing if there is no whole line
    /// of text.
    fn text_line(
        &mut self,
        prefix: &str,
        data: Bytes<'_>,
        at: usize,
        length: usize,
    ) -> Result<Option<usize>, super::Cut> {
        let mut end = at;
        let next = loop {
            if end >= length {
                break None;
            }
            match data.u8(end)? {
                b'\n' => break Some(end + 1),
                b'\r' if end + 1 >= length || data.u8(end + 1)? != b'\n' => return Ok(None),
                b'\r' => break Some(end + 2),
                b'\t' | 0x20..=0x7e => end += 1,
                _ => return Ok(None),
            }
        };
        put!(self, "{prefix}");
        self.ascii(data.slice(at, end - at)?);
        if next.is_none() {
            self.cut();
        }
        Ok(next)
    }
}

/// Returns whether data start with a request, or with two words of which the second is a response code.
fn is_start(data: Bytes<'_>, length: usize, commands: &[&str]) -> bool {
    let (text, whole) = (data.limit(length).0, data.has(0, length));
    let Some((first, rest)) = word(text, whole) else { return false };
    let is_request = commands.iter().any(|name| first.eq_ignore_ascii_case(name.as_bytes()));
    let is_code = |word: &[u8]| word.len() == 3 && word.iter().all(u8::is_ascii_digit);
    is_request || word(rest, whole).is_some_and(|(second, _)| is_code(second))
}

/// Splits the first word off and the spaces after it; nothing if it is not a short word of text, or
/// may go on after what was captured.
fn word(text: &[u8], whole: bool) -> Option<(&[u8], &[u8])> {
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let len = text.iter().position(is_end).or_else(|| whole.then_some(text.len()))?;
    let (word, rest) = text.split_at_checked(len)?;
    if word.is_empty() || len > MAX_WORD || !word.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    Some((word, rest.get(blanks..)?))
}

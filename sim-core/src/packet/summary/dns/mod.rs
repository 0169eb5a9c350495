//! DNS (RFC 1035), multicast DNS (RFC 6762) and EDNS (RFC 6891).

mod edns;
mod name;
mod record;

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, put};

/// Length of the header in bytes.
const DNS_HLEN: usize = 12;
/// Length of type and class behind the name of a question, in bytes.
const QUESTION_LEN: usize = 4;
/// The type of the record that carries EDNS.
const TYPE_OPT: u16 = 41;

const QR: u16 = 0x8000;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RD: u16 = 0x0100;
const RA: u16 = 0x0080;
const AD: u16 = 0x0020;
const CD: u16 = 0x0010;
/// Bits that a query should not have.
const ODD_IN_QUERY: u16 = 0x06cf;
/// The opcode of inverse queries.
const IQUERY: usize = 1;

const OPCODES: [&str; 16] = [
    "",
    " inv_q",
    " stat",
    " op3",
    " notify",
    " update",
    " op6",
    " op7",
    " op8",
    " updateA",
    " updateD",
    " updateDA",
    " updateM",
    " updateMA",
    " zoneInit",
    " zoneRef",
];

/// Response codes. The missing blanks are tcpdump's.
const RCODES: [&str; 24] = [
    "",
    " FormErr",
    " ServFail",
    " NXDomain",
    " NotImp",
    " Refused",
    " YXDomain",
    " YXRRSet",
    " NXRRSet",
    " NotAuth",
    " NotZone",
    " Resp11",
    " Resp12",
    " Resp13",
    " Resp14",
    " NoChange",
    " BadVers",
    "Resp17",
    " Resp18",
    " Resp19",
    " Resp20",
    "Resp21",
    " Resp22",
    " BadCookie",
];

/// Why a message is not printed to its end.
#[derive(Clone, Copy)]
pub(super) enum Stop {
    /// It breaks off or breaks the rules: the line ends with `[|domain]`, the frame goes on.
    Broken,
    /// The capture ended in the middle of a field.
    Cut,
}

impl From<Cut> for Stop {
    fn from(_: Cut) -> Self {
        Self::Cut
    }
}

/// A message being printed.
#[derive(Clone, Copy)]
struct Message<'a> {
    /// The bytes from the header on: what pointers in names count from.
    bytes: Bytes<'a>,
    /// The message came by multicast DNS.
    multicast: bool,
}

impl Message<'_> {
    /// Counts of questions, answers, authority and additional records.
    fn counts(self) -> Result<[usize; 4], Cut> {
        let mut counts = [0; 4];
        for (at, count) in counts.iter_mut().enumerate() {
            *count = usize::from(self.bytes.u16(4 + at * 2)?);
        }
        Ok(counts)
    }

    /// Returns whether `at` is past the captured bytes.
    fn is_over(self, at: usize) -> bool {
        at >= self.bytes.len()
    }

    /// Returns the response code with the upper bits that an EDNS record adds.
    fn response_code(self, flags: u16) -> usize {
        let code = usize::from(flags & 0x0f);
        let extended = self.extended_code();
        code | usize::from(extended.unwrap_or(0)) << 4
    }

    fn extended_code(self) -> Option<u8> {
        let [questions, answers, authority, additional] = self.counts().ok()?;
        let mut at = DNS_HLEN;
        for _ in 0..questions {
            at = self.skip_name(at)? + QUESTION_LEN;
            if self.is_over(at) {
                return None;
            }
        }
        for record in 0..answers + authority + additional {
            at = self.skip_name(at)?;
            let is_additional = record >= answers + authority;
            if is_additional && self.bytes.u16(at).ok()? == TYPE_OPT {
                return self.bytes.u8(at + 4).ok();
            }
            at += 10 + usize::from(self.bytes.u16(at + 8).ok()?);
            if self.is_over(at) {
                return None;
            }
        }
        None
    }
}

impl Printer<'_> {
    /// Prints a message in a datagram.
    pub(super) fn dns(&mut self, data: Bytes<'_>, length: usize, multicast: bool) -> Printed {
        self.protocol = "domain";
        if length < DNS_HLEN {
            put!(self, "domain [length {length} < {DNS_HLEN}]");
            self.invalid();
            return Ok(());
        }
        if !data.has(0, DNS_HLEN) {
            self.cut();
            return Ok(());
        }
        let message = Message { bytes: data, multicast };
        let flags = data.u16(2)?;
        let printed = if flags & QR == 0 {
            self.dns_query(message, flags)
        } else {
            self.dns_response(message, flags)
        };
        match printed {
            Ok(()) => put!(self, " ({length})"),
            Err(Stop::Broken) => self.cut(),
            Err(Stop::Cut) => return Err(Cut),
        }
        Ok(())
    }

    /// Prints a message in a stream, behind its length.
    pub(super) fn dns_over_tcp(&mut self, data: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "domain";
        if length < 2 {
            put!(self, " [DNS over TCP: length {length} < 2]");
            self.invalid();
            return Ok(());
        }
        let (prefix, left) = (data.u16(0)?, length - 2);
        if usize::from(prefix) != left {
            put!(self, " [prefix length({prefix}) != length({left})]");
            self.invalid();
            return Ok(());
        }
        put!(self, " ");
        self.dns(data.from(2), left, false)
    }

    fn dns_response(&mut self, message: Message<'_>, flags: u16) -> Result<(), Stop> {
        let opcode = OPCODES.get(usize::from(flags >> 11 & 0x0f)).copied().unwrap_or_default();
        put!(self, "{}{opcode}", message.bytes.u16(0)?);
        let code = message.response_code(flags);
        match RCODES.get(code) {
            Some(name) => put!(self, "{name}"),
            None => put!(self, " Resp{}", code & 0x0fff),
        }
        let marks = [(flags & AA != 0, "*"), (flags & RA == 0, "-"), (flags & TC != 0, "|")];
        for (set, mark) in marks.into_iter().chain([(flags & AD != 0, "$")]) {
            put!(self, "{}", if set { mark } else { "" });
        }
        let [questions, answers, authority, additional] = message.counts()?;
        if questions != 1 {
            put!(self, " [{questions}q]");
        }
        let verbose = self.options.verbose > 1;
        let mut at = DNS_HLEN;
        for question in 0..questions {
            put!(self, "{}", if question == 0 { "" } else { "," });
            if verbose {
                put!(self, " q:");
                at = self.dns_question(message, at)?;
            } else {
                at = message.skip_name(at).ok_or(Stop::Broken)? + QUESTION_LEN;
            }
        }
        put!(self, " {answers}/{authority}/{additional}");
        at = self.dns_records(message, at, answers, "")?;
        if verbose {
            at = self.dns_section(message, at, authority, " ns:")?;
            self.dns_section(message, at, additional, " ar:")?;
        }
        Ok(())
    }

    fn dns_query(&mut self, message: Message<'_>, flags: u16) -> Result<(), Stop> {
        let opcode = usize::from(flags >> 11 & 0x0f);
        let name = OPCODES.get(opcode).copied().unwrap_or_default();
        put!(self, "{}{name}", message.bytes.u16(0)?);
        put!(self, "{}", if flags & RD == 0 { "" } else { "+" });
        put!(self, "{}", if flags & CD == 0 { "" } else { "%" });
        if flags & ODD_IN_QUERY != 0 {
            put!(self, " [b2&3=0x{flags:x}]");
        }
        let [questions, answers, authority, additional] = message.counts()?;
        if opcode == IQUERY {
            self.dns_count(questions, 0, "q");
            self.dns_count(answers, 1, "a");
        } else {
            self.dns_count(answers, 0, "a");
            self.dns_count(questions, 1, "q");
        }
        self.dns_count(authority, 0, "n");
        self.dns_count(additional, 0, "au");
        let mut at = DNS_HLEN;
        for question in 0..questions {
            if question > 0 && message.is_over(at) {
                return Err(Stop::Broken);
            }
            at = self.dns_question(message, at)?;
        }
        if self.options.verbose > 1 {
            at = self.dns_records(message, at, answers, "")?;
            at = self.dns_section(message, at, authority, " ns:")?;
            self.dns_section(message, at, additional, " ar:")?;
        }
        Ok(())
    }

    /// Prints a count that is not the expected one.
    fn dns_count(&mut self, count: usize, expected: usize, unit: &str) {
        if count != expected {
            put!(self, " [{count}{unit}]");
        }
    }

    /// Prints a section behind its name, unless the message is over already.
    fn dns_section(
        &mut self,
        message: Message<'_>,
        at: usize,
        count: usize,
        name: &str,
    ) -> Result<usize, Stop> {
        if count > 0 && message.is_over(at) {
            return Err(Stop::Broken);
        }
        self.dns_records(message, at, count, name)
    }

    /// Prints `count` records, the first of them wherever it is.
    fn dns_records(
        &mut self,
        message: Message<'_>,
        mut at: usize,
        count: usize,
        name: &str,
    ) -> Result<usize, Stop> {
        for record in 0..count {
            if record > 0 && message.is_over(at) {
                return Err(Stop::Broken);
            }
            put!(self, "{}", if record == 0 { name } else { "," });
            at = self.dns_record(message, at)?;
        }
        Ok(at)
    }
}

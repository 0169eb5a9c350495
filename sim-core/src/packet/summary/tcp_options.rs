//! TCP options.

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, find, put};
use crate::packet::tcp_options::{TCPOPT_EOL, TCPOPT_NOP};

const OPTIONS: &[(u8, &str)] = &[
    (0, "eol"),
    (1, "nop"),
    (2, "mss"),
    (3, "wscale"),
    (4, "sackOK"),
    (5, "sack"),
    (6, "echo"),
    (7, "echoreply"),
    (8, "TS"),
    (11, "cc"),
    (12, "ccnew"),
    (13, ""),
    (19, "md5"),
    (20, "scps"),
    (28, "uto"),
    (29, "tcp-ao"),
    (30, "mptcp"),
    (34, "tfo"),
    (254, "exp"),
];

/// What options are printed with.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// What sequence numbers in them are relative to.
    pub(super) sack_base: u32,
    /// The whole segment was captured.
    pub(super) whole: bool,
}

/// Why an option ended the list early.
enum Stop {
    /// It does not fit into the header.
    Bad,
    /// It was not captured whole.
    Cut,
}

impl From<Cut> for Stop {
    fn from(_: Cut) -> Self {
        Self::Cut
    }
}

/// The bytes of one option, after its kind and length.
#[derive(Clone, Copy)]
struct Body<'a> {
    bytes: Bytes<'a>,
    /// How many bytes are left in the header, the option and those after it.
    left: usize,
    /// How many bytes the length field says that the option has.
    len: usize,
}

impl Body<'_> {
    /// Checks that `len` bytes are in the header and were captured.
    fn need(self, len: usize) -> Result<(), Stop> {
        if len > self.left {
            return Err(Stop::Bad);
        }
        Ok(self.bytes.need(0, len)?)
    }
}

impl Printer<'_> {
    /// Prints the options; returns whether the line goes on after them.
    pub(super) fn tcp_options(
        &mut self,
        bytes: Bytes<'_>,
        length: usize,
        context: Context,
    ) -> Result<bool, Cut> {
        put!(self, ", options [");
        let mut at = 0;
        while at < length {
            let first = at == 0;
            if !first {
                put!(self, ",");
            }
            let kind = bytes.u8(at)?;
            at += 1;
            let single = matches!(kind, TCPOPT_EOL | TCPOPT_NOP);
            let mut len = 1;
            if !single {
                len = usize::from(bytes.u8(at)?);
                at += 1;
                if len < 2 || len > length + 2 - at {
                    self.tcp_option_bad(first);
                    return Ok(false);
                }
            }
            let body = Body {
                bytes: bytes.from(at),
                left: length.saturating_sub(at),
                len: len - if single { 1 } else { 2 },
            };
            let Some(used) = self.tcp_option_checked(kind, body, context, first) else {
                return Ok(false);
            };
            at += used;
            if used != body.len {
                put!(self, "[len {len}]");
            }
            if kind == TCPOPT_EOL {
                break;
            }
        }
        put!(self, "]");
        Ok(true)
    }

    /// Prints an option and returns how many bytes it used, or says why it could not.
    fn tcp_option_checked(
        &mut self,
        kind: u8,
        body: Body<'_>,
        context: Context,
        first: bool,
    ) -> Option<usize> {
        match find(OPTIONS, &kind) {
            Some(name) => put!(self, "{name}"),
            None => put!(self, "unknown-{kind}"),
        }
        match self.tcp_option(kind, body, context) {
            Ok(used) => Some(used),
            Err(Stop::Bad) => {
                self.tcp_option_bad(first);
                None
            }
            Err(Stop::Cut) => {
                self.cut();
                put!(self, "{}", if first { "" } else { ">" });
                None
            }
        }
    }

    fn tcp_option_bad(&mut self, first: bool) {
        put!(self, "[bad opt]{}", if first { "" } else { "]" });
    }

    fn tcp_option(&mut self, kind: u8, body: Body<'_>, context: Context) -> Result<usize, Stop> {
        let bytes = body.bytes;
        let fixed = match kind {
            3 => 1,
            2 | 20 | 28 => 2,
            6 | 7 | 11..=13 => 4,
            8 => 8,
            19 => 16,
            _ => return self.tcp_option_variable(kind, body, context),
        };
        body.need(fixed)?;
        match kind {
            2 => put!(self, " {}", bytes.u16(0)?),
            3 => put!(self, " {}", bytes.u8(0)?),
            8 => put!(self, " val {} ecr {}", bytes.u32(0)?, bytes.u32(4)?),
            19 => {
                let why = if context.whole {
                    "shared secret not supplied with -M"
                } else {
                    "snaplen too short"
                };
                put!(self, " {why}, can't check - ");
                self.hex_field(bytes, 0, 16)?;
            }
            20 => put!(self, " cap {:02x} id {}", bytes.u8(0)?, bytes.u8(1)?),
            28 => {
                let field = bytes.u16(0)?;
                let unit = if field & 1 == 0 { 1 } else { 60 };
                put!(self, " 0x{field:x} {}", u32::from(field >> 1) * unit);
            }
            _ => put!(self, " {}", bytes.u32(0)?),
        }
        Ok(fixed)
    }

    fn tcp_option_variable(
        &mut self,
        kind: u8,
        body: Body<'_>,
        context: Context,
    ) -> Result<usize, Stop> {
        match kind {
            0 | 1 | 4 => return Ok(0),
            5 => self.tcp_sack(body, context.sack_base)?,
            29 => self.tcp_ao(body)?,
            30 => {
                body.need(body.len)?;
                self.unmodelled("MPTCP");
            }
            34 => {
                body.need(body.len)?;
                put!(self, " ");
                self.tcp_fast_open(body.bytes.limit(body.len))?;
            }
            254 => {
                body.need(body.len)?;
                if body.len < 2 {
                    return Err(Stop::Bad);
                }
                match body.bytes.u16(0)? {
                    0xf989 => {
                        put!(self, "-tfo");
                        self.tcp_fast_open(body.bytes.limit(body.len).from(2))?;
                    }
                    magic => put!(self, "-{magic:04x}"),
                }
            }
            _ => {
                if body.len > 0 {
                    put!(self, " 0x");
                }
                self.tcp_option_hex(body, 0)?;
            }
        }
        Ok(body.len)
    }

    /// Prints the bytes of an option from `at` on, as many as the header and the capture have.
    fn tcp_option_hex(&mut self, body: Body<'_>, at: usize) -> Result<(), Stop> {
        for at in at..body.len {
            body.need(at + 1)?;
            put!(self, "{:02x}", body.bytes.u8(at)?);
        }
        Ok(())
    }

    fn tcp_sack(&mut self, body: Body<'_>, base: u32) -> Result<(), Stop> {
        if !body.len.is_multiple_of(8) {
            put!(self, " invalid sack");
            return Ok(());
        }
        put!(self, " {} ", body.len / 8);
        for at in (0..body.len).step_by(8) {
            body.need(at + 8)?;
            let left = body.bytes.u32(at)?.wrapping_sub(base);
            let right = body.bytes.u32(at + 4)?.wrapping_sub(base);
            put!(self, "{{{left}:{right}}}");
        }
        Ok(())
    }

    /// Prints an authentication option (RFC 5925).
    fn tcp_ao(&mut self, body: Body<'_>) -> Result<(), Stop> {
        if body.len < 2 {
            self.invalid();
            return Ok(());
        }
        body.need(1)?;
        put!(self, " keyid {}", body.bytes.u8(0)?);
        body.need(2)?;
        put!(self, " rnextkeyid {}", body.bytes.u8(1)?);
        if body.len > 2 {
            put!(self, " mac 0x");
            self.tcp_option_hex(body, 2)?;
        }
        Ok(())
    }

    /// Prints a Fast Open cookie (RFC 7413).
    fn tcp_fast_open(&mut self, cookie: Bytes<'_>) -> Printed {
        match cookie.len() {
            0 => put!(self, " cookiereq"),
            len if len % 2 != 0 || !(4..=16).contains(&len) => self.invalid(),
            len => {
                put!(self, " cookie ");
                self.hex_field(cookie, 0, len)?;
            }
        }
        Ok(())
    }
}

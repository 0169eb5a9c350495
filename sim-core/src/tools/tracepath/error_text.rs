//! What an entry of the error queue says of the path, and its line.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::errno::Errno;
use crate::packet::IcmpType;
use crate::socket::{ErrorOrigin, ExtendedError};
use crate::time::SimTime;
use crate::tools::tracepath::{PORTS, STAMP_LEN, Sent, Session};
use crate::world::Sys;

/// How wide the column of hosts is.
const HOST_WIDTH: usize = 52;
/// How wide the column of this host is, which is printed when a probe does not leave it.
const LOCAL_WIDTH: usize = 32;

/// The marks of errors that end the path.
const MARKS: [(Errno, &str); 4] = [
    (Errno::EHOSTUNREACH, "!H"),
    (Errno::ENETUNREACH, "!N"),
    (Errno::EPROTO, "!P"),
    (Errno::EACCES, "!A"),
];

/// The probe that an error is about, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
struct About {
    hop: Option<u8>,
    sent_at: Option<SimTime>,
    /// The quoted data is not what was sent.
    corrupted: bool,
}

impl Session {
    /// Prints an error; tells whether the path ends there (`recverr()`).
    pub(super) fn print_error(&mut self, sys: &mut Sys<'_>, error: &ExtendedError) -> bool {
        let about = self.about(error);
        let mut line = self.host_column(error, about.hop);
        if let Some(at) = about.sent_at {
            line += &took(sys.now().since(at));
        }
        if about.corrupted {
            line += "(This broken router returned corrupted payload) ";
        }
        let hops_back = error.offender.map(|offender| hops_back(offender.ttl));
        let mark = MARKS.iter().find(|(errno, _)| *errno == error.errno).map(|(_, mark)| *mark);
        let (note, is_end) = if error.errno == Errno::EMSGSIZE {
            self.mtu = error.info;
            (format!("pmtu {}", error.info), false)
        } else if error.errno == Errno::ECONNREFUSED {
            self.hops_to = Some(about.hop.unwrap_or(self.hop));
            self.hops_back = hops_back;
            ("reached".to_owned(), true)
        } else if is_expired(error) {
            let back = hops_back.filter(|back| *back != about.hop.unwrap_or(self.hop));
            (back.map_or_else(String::new, |back| format!("asymm {back:2} ")), false)
        } else if let Some(mark) = mark {
            (mark.to_owned(), true)
        } else {
            sys.stdout(format!("{line}\n"));
            sys.stderr(format!("tracepath: NET ERROR: {}\n", error.errno));
            return true;
        };
        sys.stdout(format!("{line}{note}\n"));
        is_end
    }

    /// Finds the probe: by the port it was sent to, or by the data that the error quotes.
    fn about(&mut self, error: &ExtendedError) -> About {
        let mut about = About::default();
        let slot = error.destination.port().checked_sub(self.args.first_port);
        // The last slot is overlooked.
        let slot = slot.filter(|slot| *slot < PORTS - 1);
        if let Some(Sent { hop, at }) = slot.and_then(|s| self.sent[usize::from(s)].take()) {
            about = About { hop: Some(hop), sent_at: Some(at), corrupted: false };
        }
        let Some(quoted) = error.payload.first_chunk::<STAMP_LEN>() else { return about };
        let word = |at: usize| {
            let bytes = quoted[at..].first_chunk().expect("the stamp has three words");
            u64::from_le_bytes(*bytes)
        };
        let nanos = word(8).saturating_mul(1_000_000_000).saturating_add(word(16));
        match u8::try_from(word(0) & 0xffff_ffff) {
            Ok(hop) if hop > 0 => {
                let sent_at = Some(SimTime::from_nanos(nanos));
                About { hop: Some(hop), sent_at, corrupted: false }
            }
            _ => About { corrupted: true, ..about },
        }
    }

    /// The hop and who answers for it.
    fn host_column(&self, error: &ExtendedError, hop: Option<u8>) -> String {
        let Some(offender) = error.offender.filter(|_| error.origin == ErrorOrigin::Icmp) else {
            return format!("{:2}?: {:LOCAL_WIDTH$} ", self.hop, "[LOCALHOST]");
        };
        let number = match hop {
            Some(hop) => format!("{hop:2}:  "),
            None => format!("{:2}?: ", self.hop),
        };
        format!("{number}{:HOST_WIDTH$}", self.host(*offender.from.ip()))
    }

    /// How a host is called: there is no resolver, which leaves one name that is known.
    fn host(&self, addr: Ipv4Addr) -> String {
        let name = if addr == Ipv4Addr::LOCALHOST { "localhost" } else { "???" };
        match (self.args.both, self.args.numeric) {
            (true, true) => format!("{addr} ({name})"),
            (true, false) => format!("{name} ({addr})"),
            (false, true) => addr.to_string(),
            (false, false) => name.to_owned(),
        }
    }
}

fn is_expired(error: &ExtendedError) -> bool {
    error.origin == ErrorOrigin::Icmp
        && IcmpType(error.icmp_type) == IcmpType::TIME_EXCEEDED
        && error.icmp_code == 0
}

/// How far away a packet came from that has this TTL left, if it started with one of the usual ones.
fn hops_back(ttl: u8) -> u8 {
    match ttl {
        0..=64 => 65 - ttl,
        65..=128 => 129 - ttl,
        // 256 - ttl.
        129.. => 255 - ttl + 1,
    }
}

fn took(time: Duration) -> String {
    let us = time.as_micros();
    format!("{:3}.{:03}ms ", us / 1000, us % 1000)
}

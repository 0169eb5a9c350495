//! Chunks of SCTP as `sctp` asks for them (`struct xt_sctp_info`).

use crate::netfilter::xtables::extension::Problem;
use crate::netfilter::xtables::matches::Matched;

/// How many types of chunks may have flags asked for (`XT_NUM_SCTP_FLAGS`).
const MAX_FLAGS: usize = 4;

/// The names of types with their numbers, and the flags of each from the highest bit on. Their place counts, too:
/// under it flags are kept, as if it were the number.
const TYPES: &[(&str, u8, &str)] = &[
    ("DATA", 0, "----IUBE"),
    ("INIT", 1, "--------"),
    ("INIT_ACK", 2, "--------"),
    ("SACK", 3, "--------"),
    ("HEARTBEAT", 4, "--------"),
    ("HEARTBEAT_ACK", 5, "--------"),
    ("ABORT", 6, "-------T"),
    ("SHUTDOWN", 7, "--------"),
    ("SHUTDOWN_ACK", 8, "--------"),
    ("ERROR", 9, "--------"),
    ("COOKIE_ECHO", 10, "--------"),
    ("COOKIE_ACK", 11, "--------"),
    ("ECN_ECNE", 12, "--------"),
    ("ECN_CWR", 13, "--------"),
    ("SHUTDOWN_COMPLETE", 14, "-------T"),
    ("I_DATA", 64, "----IUBE"),
    ("RE_CONFIG", 130, "--------"),
    ("PAD", 132, "--------"),
    ("ASCONF", 193, "--------"),
    ("ASCONF_ACK", 128, "--------"),
    ("FORWARD_TSN", 192, "--------"),
    ("I_FORWARD_TSN", 194, "--------"),
];

/// A set of types.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Map([u128; 2]);

impl Map {
    const ALL: Self = Self([u128::MAX; 2]);

    fn set(&mut self, chunk: u8) {
        self.0[usize::from(chunk >> 7)] |= 1 << (chunk & 0x7f);
    }

    fn clear(&mut self, chunk: u8) {
        self.0[usize::from(chunk >> 7)] &= !(1 << (chunk & 0x7f));
    }

    fn has(&self, chunk: u8) -> bool {
        self.0[usize::from(chunk >> 7)] & 1 << (chunk & 0x7f) != 0
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How the chunks of a packet compare to those that are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Compare {
    /// One of them is there.
    Any,
    /// Each of them is there.
    All,
    /// No others are there.
    Only,
}

/// The flags under `mask` that a chunk has.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Flags {
    place: u8,
    set: u8,
    mask: u8,
}

/// The chunks that are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chunks {
    compare: Compare,
    map: Map,
    flags: Vec<Flags>,
}

impl Chunks {
    /// Reads the two words of `--chunk-types`.
    pub(super) fn read(compare: &str, list: &str) -> Result<Self, Problem> {
        let ways = [("ANY", Compare::Any), ("ALL", Compare::All), ("ONLY", Compare::Only)];
        let way = ways.iter().find(|(name, _)| name.eq_ignore_ascii_case(compare));
        let Some((_, compare)) = way else {
            return Err(Problem::parameter(
                "Match type has to be one of \"ALL\", \"ANY\" or \"ONLY\"",
            ));
        };
        let mut read = Self { compare: *compare, map: Map::default(), flags: Vec::new() };
        if list.eq_ignore_ascii_case("ALL") {
            read.map = Map::ALL;
        } else if !list.eq_ignore_ascii_case("NONE") {
            for word in list.split(',').filter(|word| !word.is_empty()) {
                read.read_chunk(word)?;
            }
        }
        Ok(read)
    }

    fn read_chunk(&mut self, word: &str) -> Result<(), Problem> {
        let (name, flags) = word.split_once(':').unwrap_or((word, ""));
        let found = TYPES.iter().position(|(known, ..)| known.eq_ignore_ascii_case(name));
        let Some(place) = found else {
            return Err(Problem::Parameter(format!("Unknown sctp chunk `{name}'")));
        };
        let (_, chunk, valid) = TYPES[place];
        self.map.set(chunk);
        for flag in flags.chars() {
            let Some(at) = valid.find(flag.to_ascii_uppercase()) else {
                let text = format!("Invalid flags for chunk type {place}");
                return Err(Problem::Parameter(text));
            };
            let bit = 0x80_u8 >> at;
            let set = if flag.is_ascii_uppercase() { bit } else { 0 };
            let place = u8::try_from(place).expect("few types");
            if let Some(flags) = self.flags.iter_mut().find(|flags| flags.place == place) {
                flags.mask |= bit;
                flags.set |= set;
            } else if self.flags.len() < MAX_FLAGS {
                self.flags.push(Flags { place, set, mask: bit });
            } else {
                return Err(Problem::parameter(
                    "Number of chunk types with flags exceeds currently allowed limit. Increasing this limit \
                     involves changing IPT_NUM_SCTP_FLAGS and recompiling both the kernel space and user \
                     space modules",
                ));
            }
        }
        Ok(())
    }

    /// Writes both words, blanks in front.
    pub(super) fn write(&self, numeric: bool, out: &mut String) {
        out.push_str(match self.compare {
            Compare::Any => " any ",
            Compare::All => " all ",
            Compare::Only => " only ",
        });
        if self.map.is_empty() {
            out.push_str("NONE");
        } else if self.map == Map::ALL {
            out.push_str("ALL");
        } else {
            let chunks = (0..=u8::MAX).filter(|chunk| self.map.has(*chunk));
            let names: Vec<String> = chunks.map(|chunk| self.name(chunk, numeric)).collect();
            out.push_str(&names.join(","));
        }
    }

    /// A type with the flags that it has to have: upper case if set, lower case if not.
    fn name(&self, chunk: u8, numeric: bool) -> String {
        let mut name = match TYPES.iter().find(|(_, number, _)| *number == chunk) {
            _ if numeric => format!("0x{chunk:04X}"),
            Some((name, ..)) => (*name).to_owned(),
            None => String::new(),
        };
        for Flags { set, mask, .. } in self.flags.iter().filter(|flags| flags.place == chunk) {
            name.push(':');
            for (at, letter) in TYPES[usize::from(chunk)].2.char_indices() {
                let bit = 0x80_u8 >> at;
                match (mask & bit != 0, set & bit != 0) {
                    (true, true) => name.push(letter),
                    (true, false) => name.push(letter.to_ascii_lowercase()),
                    (false, _) => {}
                }
            }
        }
        name
    }

    /// Whether the flags of a chunk are right.
    fn has_flags(&self, chunk: u8, found: u8) -> bool {
        let flags = self.flags.iter().find(|flags| flags.place == chunk);
        flags.is_none_or(|flags| found & flags.mask == flags.set)
    }

    /// Compares with the chunks of a packet, which begin at `offset` (`match_packet()`).
    pub(super) fn matches(&self, packet: &[u8], mut offset: usize) -> Matched {
        let mut missing = self.map;
        loop {
            let Some([chunk, flags, len @ ..]) =
                packet.get(offset..).and_then(<[u8]>::first_chunk::<4>).copied()
            else {
                return Matched::Malformed;
            };
            let len = usize::from(u16::from_be_bytes(len));
            if len == 0 {
                return Matched::Malformed;
            }
            offset += len.next_multiple_of(4);
            let right = self.map.has(chunk) && self.has_flags(chunk, flags);
            match self.compare {
                Compare::Any if right => return Matched::Yes,
                Compare::Only if !right => return Matched::No,
                Compare::All if right => missing.clear(chunk),
                Compare::Any | Compare::All | Compare::Only => {}
            }
            if offset >= packet.len() {
                break;
            }
        }
        match self.compare {
            Compare::Any => Matched::No,
            Compare::All => missing.is_empty().into(),
            Compare::Only => Matched::Yes,
        }
    }
}

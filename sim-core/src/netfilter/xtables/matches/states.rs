//! Sets of words about connections, as `conntrack` and `state` take and write them.

use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::{Conn, CtInfo, CtRef, Status};

/// How a packet relates to connections, in bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct States(pub(super) u8);

impl States {
    const ESTABLISHED: u8 = 1;
    const RELATED: u8 = 1 << 1;
    const NEW: u8 = 1 << 2;
    const INVALID: u8 = 1 << 3;
    const UNTRACKED: u8 = 1 << 4;
    const SNAT: u8 = 1 << 5;
    const DNAT: u8 = 1 << 6;

    /// The names in the order in which they are read, which decides what an abbreviation means.
    pub(super) const READ: &'static [(&'static str, u32)] = &[
        ("INVALID", Self::INVALID as u32),
        ("NEW", Self::NEW as u32),
        ("ESTABLISHED", Self::ESTABLISHED as u32),
        ("RELATED", Self::RELATED as u32),
        ("UNTRACKED", Self::UNTRACKED as u32),
        ("SNAT", Self::SNAT as u32),
        ("DNAT", Self::DNAT as u32),
    ];

    /// How many of them `state` knows.
    pub(super) const OF_STATE: usize = 5;

    /// The names in the order in which they are written.
    pub(super) const WRITTEN: &'static [(&'static str, u32)] = &[
        ("INVALID", Self::INVALID as u32),
        ("NEW", Self::NEW as u32),
        ("RELATED", Self::RELATED as u32),
        ("ESTABLISHED", Self::ESTABLISHED as u32),
        ("UNTRACKED", Self::UNTRACKED as u32),
        ("SNAT", Self::SNAT as u32),
        ("DNAT", Self::DNAT as u32),
    ];

    /// What holds for a packet of this relation.
    pub(super) fn of(packet: &CtOfPacket<'_>) -> Self {
        Self(match packet {
            CtOfPacket::Invalid => Self::INVALID,
            CtOfPacket::Untracked => Self::UNTRACKED,
            CtOfPacket::Template => Self::NEW,
            CtOfPacket::Part(conn, info) => {
                let state = match info {
                    CtInfo::Established | CtInfo::EstablishedReply => Self::ESTABLISHED,
                    CtInfo::Related | CtInfo::RelatedReply => Self::RELATED,
                    CtInfo::New => Self::NEW,
                };
                let translated = |bits, state| if conn.status.has(bits) { state } else { 0 };
                state
                    | translated(Status::SRC_NAT, Self::SNAT)
                    | translated(Status::DST_NAT, Self::DNAT)
            }
        })
    }

    /// Whether one of these states is among those.
    pub(super) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A packet's relation to connections, with what is known of its connection (`nf_ct_get()`).
#[derive(Debug)]
pub(super) enum CtOfPacket<'k> {
    /// It belongs to none.
    Invalid,
    /// It is not to be looked at.
    Untracked,
    /// It will make one of this template.
    Template,
    /// It belongs to this one.
    Part(&'k Conn, CtInfo),
}

impl<'k> CtOfPacket<'k> {
    /// The relation of the packet.
    pub(super) fn of(k: &'k Kernel, f: &Flight) -> Self {
        match f.ct {
            CtRef::None | CtRef::Answer => Self::Invalid,
            CtRef::Untracked => Self::Untracked,
            CtRef::Template(_) => Self::Template,
            CtRef::Tracked(id, info) => match k.netns[f.netns].nf.conntrack.conns.get(id) {
                Some(conn) => Self::Part(conn, info),
                None => Self::Invalid,
            },
        }
    }
}

/// Reads a list of names, each of which may be cut short; the word that is none if there is one.
pub(super) fn read<'w>(list: &'w str, names: &[(&str, u32)]) -> Result<u32, &'w str> {
    let mut rest = list;
    let mut bits = 0;
    loop {
        let word = rest.split_once(',').map_or(rest, |(word, _)| word);
        bits |= find(word, names).ok_or(rest)?;
        match rest.split_once(',') {
            Some((_, more)) => rest = more,
            None => return Ok(bits),
        }
    }
}

/// What a name, or the beginning of one, stands for.
pub(super) fn find(word: &str, names: &[(&str, u32)]) -> Option<u32> {
    let begins =
        |name: &str| name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    let found = names.iter().find(|(name, _)| begins(name))?;
    (!word.is_empty()).then_some(found.1)
}

/// Writes the names of bits, commas between them.
pub(super) fn names_of(bits: u32, names: &[(&str, u32)]) -> String {
    let names = names.iter().filter(|(_, bit)| bits & bit != 0);
    names.map(|(name, _)| *name).collect::<Vec<_>>().join(",")
}

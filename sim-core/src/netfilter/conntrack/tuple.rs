//! Tuples: what tells flows apart (`struct nf_conntrack_tuple`).

use std::fmt;
use std::net::IpAddr;

use crate::packet::IpProto;

/// One end of a tuple: an address and the protocol's own identifier beside it.
///
/// What `id` is depends on the protocol (`union nf_conntrack_man_proto`, `nf_conntrack_tuple.dst.u`): the port of
/// TCP, UDP, UDP-Lite, DCCP and SCTP; the key of GRE (PPTP's 16 bits); of ICMP the identifier at the source, and
/// type and code (`type << 8 | code`) at the destination; 0 for all others.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct End {
    /// The address.
    pub addr: IpAddr,
    /// The protocol's identifier.
    pub id: u16,
}

/// A flow as seen in one direction.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tuple {
    /// Where it comes from.
    pub src: End,
    /// Where it goes.
    pub dst: End,
    /// The IP protocol.
    pub proto: IpProto,
}

impl Tuple {
    /// A tuple of these two ends.
    #[must_use]
    pub fn new(
        proto: IpProto,
        src: (impl Into<IpAddr>, u16),
        dst: (impl Into<IpAddr>, u16),
    ) -> Self {
        Self {
            src: End { addr: src.0.into(), id: src.1 },
            dst: End { addr: dst.0.into(), id: dst.1 },
            proto,
        }
    }

    /// Type and code, if this is a tuple of ICMP.
    #[must_use]
    pub fn icmp_type_code(&self) -> (u8, u8) {
        let [icmp_type, code] = self.dst.id.to_be_bytes();
        (icmp_type, code)
    }

    /// The end at `side`.
    #[must_use]
    pub fn end(&self, side: Side) -> End {
        match side {
            Side::Src => self.src,
            Side::Dst => self.dst,
        }
    }

    /// The end at `side`, to change.
    pub fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Src => &mut self.src,
            Side::Dst => &mut self.dst,
        }
    }
}

/// Which end of a tuple, or of a packet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// The source.
    Src,
    /// The destination.
    Dst,
}

/// A direction of a connection (`enum ip_conntrack_dir`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dir {
    /// That of the packet which began it (`IP_CT_DIR_ORIGINAL`).
    Original,
    /// That of the answers (`IP_CT_DIR_REPLY`).
    Reply,
}

impl Dir {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }

    /// Its place in an array of two.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Original => 0,
            Self::Reply => 1,
        }
    }
}

/// How a packet relates to its connection (`enum ip_conntrack_info`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CtInfo {
    /// Part of a connection that has seen both directions.
    Established,
    /// About a connection: an ICMP error, or what a helper expects.
    Related,
    /// The first packets, until there is an answer.
    New,
    /// An answer.
    EstablishedReply,
    /// About a connection, in the direction of answers.
    RelatedReply,
}

impl CtInfo {
    /// The packet's direction (`CTINFO2DIR()`).
    #[must_use]
    pub const fn dir(self) -> Dir {
        match self {
            Self::Established | Self::Related | Self::New => Dir::Original,
            Self::EstablishedReply | Self::RelatedReply => Dir::Reply,
        }
    }

    /// Whether it is about a connection and not part of it.
    #[must_use]
    pub const fn is_related(self) -> bool {
        matches!(self, Self::Related | Self::RelatedReply)
    }
}

/// As conntrack's users write it: `NEW`, `ESTABLISHED`, `RELATED`.
impl fmt::Display for CtInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Established | Self::EstablishedReply => "ESTABLISHED",
            Self::Related | Self::RelatedReply => "RELATED",
            Self::New => "NEW",
        })
    }
}

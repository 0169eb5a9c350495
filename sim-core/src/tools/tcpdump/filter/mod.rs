//! Capture filters: the part of `pcap-filter(7)` that is used by hand.

mod eval;
mod lexer;
mod number;
mod parser;

use std::net::Ipv4Addr;

use crate::packet::{EtherType, IpProto, MacAddr};

pub(super) use eval::Frame;
pub(super) use parser::parse;

/// A filter expression.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Filter {
    /// Takes every frame.
    All,
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// Not.
    Not(Box<Self>),
    /// A comparison of two numbers.
    Compare(Expr, Comparison, Expr),
    /// A frame of this EtherType.
    Ether(EtherType),
    /// An IPv4 or IPv6 packet with this protocol.
    Proto(Family, IpProto),
    /// An Ethernet address.
    Mac(Direction, MacAddr),
    /// An IPv4 network: of IP packets, of ARP packets, or of both.
    Net(Layer, Direction, Ipv4Addr, u32),
    /// A range of ports of TCP, UDP or SCTP, or of one of them.
    Ports(Option<IpProto>, Direction, u16, u16),
    /// The destination is a group, or all: of the frame or of the IP packet.
    Group(Cast, Layer),
}

/// Which end is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Direction {
    Src,
    Dst,
    SrcOrDst,
    SrcAndDst,
}

/// Which versions of IP are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Family {
    V4,
    V6,
    Any,
}

/// Which layer's addresses are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Layer {
    Ether,
    Ip,
    Arp,
    /// IP and ARP.
    Any,
}

/// Which destinations are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cast {
    Broadcast,
    Multicast,
}

/// A relation between two numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A number that may depend on the frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Expr {
    /// A constant.
    Number(u32),
    /// The frame's length.
    Len,
    /// One, two or four bytes of a header.
    Load(Base, Box<Self>, u8),
    /// Two numbers put together.
    Binary(Operator, Box<Self>, Box<Self>),
}

/// Where offsets count from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Base {
    /// The frame.
    Ether,
    /// The network header of this EtherType.
    Network(EtherType),
    /// The transport header of this protocol in an IPv4 packet.
    Transport(IpProto),
}

/// An operation on 32-bit numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

#[cfg(test)]
mod tests;

//! What a lookup is asked: the flow of a packet (`struct flowi4`, `struct flowi6`).

use crate::family::Family;
use crate::id::DevId;
use crate::link::inet::Scope;

/// The mask of the type-of-service bits that routes and rules look at (`IPTOS_RT_MASK`).
pub const TOS_RT_MASK: u8 = 0x1c;

/// What a packet carries that counts when one of several ways is chosen for it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Carried<A> {
    /// Nothing that counts.
    #[default]
    Nothing,
    /// An ICMP error, which takes the way of the flow it is about: source and destination of the packet that it
    /// quotes (`ip_multipath_l3_keys()`).
    Error(A, A),
    /// A tunnel's packet (`skb_flow_dissect_flow_keys()`).
    Packet(CarriedFlow<A>),
}

/// The innermost flow of a tunnel's packet, as far as it can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CarriedFlow<A> {
    /// Its source.
    pub src: A,
    /// Its destination.
    pub dst: A,
    /// The IP protocol.
    pub proto: u8,
    /// The source port; 0 for fragments and protocols without ports.
    pub sport: u16,
    /// The destination port; 0 for fragments and protocols without ports.
    pub dport: u16,
}

/// The key of a route lookup.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlowKey<F: Family> {
    /// Where the packet goes.
    pub dst: F::Addr,
    /// Where it comes from; unspecified while a packet of this host has no source yet.
    pub src: F::Addr,
    /// The device it was received on; `None` if it is made here, which rules see as `iif lo`.
    pub iif: Option<DevId>,
    /// The device it is bound to leave by.
    pub oif: Option<DevId>,
    /// The firewall mark.
    pub mark: u32,
    /// The type of service byte; only [`TOS_RT_MASK`] is compared.
    pub tos: u8,
    /// The widest scope that the answer may not exceed; lookups of packets take the universe.
    pub scope: Scope,
    /// The IP protocol, for rules and hashes.
    pub proto: u8,
    /// The source port; 0 for fragments and protocols without ports.
    pub sport: u16,
    /// The destination port; 0 for fragments and protocols without ports.
    pub dport: u16,
    /// The user whose packet it is.
    pub uid: u32,
    /// Any source is allowed, even one that is not this host's (`FLOWI_FLAG_ANYSRC`).
    pub any_src: bool,
    /// What it carries, which decides among several ways.
    pub carried: Carried<F::Addr>,
}

impl<F: Family> FlowKey<F> {
    /// A flow to `dst` about which nothing else is known.
    #[must_use]
    pub fn to(dst: F::Addr) -> Self {
        Self {
            dst,
            src: F::UNSPECIFIED,
            iif: None,
            oif: None,
            mark: 0,
            tos: 0,
            scope: Scope::UNIVERSE,
            proto: 0,
            sport: 0,
            dport: 0,
            uid: 0,
            any_src: false,
            carried: Carried::Nothing,
        }
    }

    /// A flow from `src` to `dst`.
    #[must_use]
    pub fn between(src: F::Addr, dst: F::Addr) -> Self {
        Self { src, ..Self::to(dst) }
    }

    /// The same flow, bound to leave by `oif`.
    #[must_use]
    pub fn by(self, oif: Option<DevId>) -> Self {
        Self { oif, ..self }
    }
}

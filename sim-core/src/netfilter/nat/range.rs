//! What a rule lets translation choose from (`struct nf_nat_range2`).

use std::net::IpAddr;

/// Addresses and ports to choose from. `None` leaves what the packet has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NatRange {
    /// The first and the last address (`NF_NAT_RANGE_MAP_IPS`).
    pub addrs: Option<(IpAddr, IpAddr)>,
    /// The first and the last port, or identifier (`NF_NAT_RANGE_PROTO_SPECIFIED`).
    pub ports: Option<(u16, u16)>,
    /// Ports keep their distance from this one (`NF_NAT_RANGE_PROTO_OFFSET`).
    pub base: Option<u16>,
    /// `--random` (`NF_NAT_RANGE_PROTO_RANDOM`).
    pub random: bool,
    /// `--random-fully` (`NF_NAT_RANGE_PROTO_RANDOM_FULLY`).
    pub random_fully: bool,
    /// `--persistent` (`NF_NAT_RANGE_PERSISTENT`): a client keeps its address whatever it talks to.
    pub persistent: bool,
}

impl NatRange {
    /// Just this address.
    #[must_use]
    pub fn of_addr(addr: IpAddr) -> Self {
        Self { addrs: Some((addr, addr)), ..Self::default() }
    }

    /// Whether ports are drawn even where the packet's own is free (`NF_NAT_RANGE_PROTO_RANDOM_ALL`).
    #[must_use]
    pub const fn draws_ports(&self) -> bool {
        self.random || self.random_fully
    }
}

//! What rules see of a packet before they look at its bytes (`struct xt_action_param`).

use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::netfilter::Hook;
use crate::netfilter::xtables::table::Variant;

/// Where a packet is judged.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The hook.
    pub hook: Hook,
    /// The engine that runs the rule.
    pub variant: Variant,
    /// The device it came in by.
    pub iif: Option<DevId>,
    /// The device it leaves by.
    pub oif: Option<DevId>,
    /// The bridge port it came in by.
    pub physin: Option<DevId>,
    /// The bridge port it leaves by.
    pub physout: Option<DevId>,
    /// Its source.
    pub src: Ipv4Addr,
    /// Its destination.
    pub dst: Ipv4Addr,
    /// The length of its network header, in bytes: where the transport header starts (`thoff`).
    pub header_len: usize,
    /// The offset of the fragment, in bytes; 0 for whole packets and first fragments.
    pub frag_off: u16,
    /// The IP protocol.
    pub proto: u8,
}

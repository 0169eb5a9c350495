//! ICMP (RFC 792, RFC 1122, RFC 1812; `net/ipv4/icmp.c`).
//!
//! ```text
//!   input     messages for this host (`icmp_rcv()`)
//!   reply     answers to requests (`icmp_reply()`)
//!   send      errors about packets (`icmp_send()`)
//!   limit     how many of them
//!   lesson    what errors teach about routes
//!   failure   what becomes of packets whose next hop does not answer (`ipv4_link_failure()`)
//! ```

pub mod failure;
pub mod input;
pub mod lesson;
pub mod limit;
mod reply;
mod send;
mod transmit;

pub use input::{Received, receive};
pub use send::send;

use crate::packet::IcmpType;

/// The highest type that Linux knows (`NR_ICMP_TYPES`).
const NR_ICMP_TYPES: u8 = 18;

/// Whether a message counts as an error, about which no error is sent (`icmp_pointers[].error`): also
/// those types that were never given out.
const fn counts_as_error(icmp_type: IcmpType) -> bool {
    matches!(icmp_type.0, 1..=7 | 9..=12) || icmp_type.0 > NR_ICMP_TYPES
}

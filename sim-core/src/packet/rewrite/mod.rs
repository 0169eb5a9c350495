//! Headers changed in place, checksums patched as Linux patches them (RFC 1624).
//!
//! The only module that knows `pnet_packet`, whose setters write the fields. It must never be given
//! GRE: pnet panics at a source-routed one. A checksum that was wrong stays wrong by as much, so that
//! a rewrite does not heal a broken packet; a UDP checksum of 0 stays 0, since there is none.
//!
//! All functions take the bytes from the IPv4 header on, and leave bytes that are no IPv4 header alone.

mod dsfield;
mod ethernet;
mod icmp;
mod ipv4;
mod ipv6;
mod tcp_mss;
mod transport;

pub use dsfield::{ip_ecn_set_ce, ipv4_change_dsfield};
pub use ethernet::{set_ethernet_dst, set_ethernet_src};
pub use icmp::set_icmp_id;
pub use ipv4::{ip_decrease_ttl, set_ipv4_dst, set_ipv4_id, set_ipv4_src, set_ttl};
pub use ipv6::{set_ipv6_dst, set_ipv6_src};
pub use tcp_mss::{insert_tcp_mss, set_tcp_mss, tcp_mss};
pub use transport::{set_dst_port, set_src_port};

#[cfg(test)]
mod tests;

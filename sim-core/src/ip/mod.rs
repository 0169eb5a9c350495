//! The Internet Protocol (`net/ipv4/ip_*.c`): input, forwarding, output, fragments, ICMP.
//!
//! ```text
//!   input         a received packet: header, route (`ip_rcv()`, `ip_rcv_finish()`)
//!   reassembly/   fragments are put together (`ip_defrag()`)
//!   forward       a packet is passed on (`ip_forward()`)
//!   output        a packet leaves (`ip_local_out()`, `ip_output()`, `ip_finish_output()`)
//!   options       IPv4 options on the way
//!   icmp/         messages in and out, and how many of them
//!   ident         identifications
//!   igmp/         which groups this host wants
//!   peer          what is remembered of other hosts
//! ```

pub mod flow;
pub mod forward;
pub mod icmp;
pub mod ident;
pub mod igmp;
pub mod input;
#[cfg(test)]
pub(crate) mod lab;
pub mod options;
pub mod output;
pub mod peer;
pub mod reassembly;

/// What a namespace keeps for IPv4 beside routes and neighbours (`struct netns_ipv4`).
#[derive(Clone, Debug, Default)]
pub struct NetnsIp {
    /// What is remembered of other hosts.
    pub peers: peer::Peers,
    /// How many ICMP messages may still be sent.
    pub icmp_limit: icmp::limit::GlobalLimit,
}

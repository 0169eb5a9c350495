//! The Internet Protocol: input, forwarding, output, fragments, ICMP.

pub mod forward;
pub mod input;
pub mod output;
pub mod reassembly;

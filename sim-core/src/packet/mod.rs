//! Packet bytes: the buffer, the views that read headers, the builders that write them, and the one-line summary.
//!
//! Everything here works on bytes alone: no namespace, no clock, no table outlives a call, except the
//! connection table of the summary. A read view borrows the bytes and checks their structure once,
//! in `parse`; the getters after it cannot fail. No function here panics, whatever the bytes are.
//!
//! ```text
//!   skb, meta, pool     the sk_buff
//!   checksum            RFC 1071 sums, RFC 1624 updates
//!   ethernet .. ipv6    one read view a protocol, and its protocol numbers
//!   build               headers written in front of a payload
//!   rewrite             headers changed in place, checksums patched
//!   fragment            one IPv4 datagram cut in pieces
//!   segment             one TCP packet cut in segments
//!   summary             what `tcpdump -n` prints for a frame
//! ```

pub mod arp;
pub mod build;
pub mod checksum;
pub mod error;
pub mod ethernet;
pub mod fragment;
pub mod hex;
pub mod icmp;
pub mod ip_proto;
pub mod ipv4;
pub mod ipv4_options;
pub mod ipv6;
pub mod meta;
pub mod pool;
pub mod rewrite;
pub mod segment;
pub mod skb;
pub mod summary;

pub mod tcp;
pub mod tcp_options;
pub mod truesize;
pub mod udp;
pub mod vxlan;

pub use arp::{Arp, ArpOp};
pub use error::{Layer, ParseError};
pub use ethernet::{EtherType, Ethernet, MacAddr};
pub use icmp::{Icmp, IcmpType};
pub use ip_proto::IpProto;
pub use ipv4::Ipv4;
pub use ipv6::Ipv6;
pub use meta::{PacketType, SkbMeta};
pub use pool::SkbPool;
pub use skb::Skb;
pub use tcp::{Tcp, TcpFlags};
pub use truesize::truesize;
pub use udp::Udp;
pub use vxlan::Vxlan;

#[cfg(test)]
mod tests;

//! What travels with a packet beside its bytes: the fields of `struct sk_buff` that are no bytes on the wire.

use super::ethernet::EtherType;

/// Whom the link layer addressed: `skb->pkt_type`, with the numbers of `AF_PACKET` (`packet(7)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// To the receiving device (`PACKET_HOST`).
    #[default]
    Host = 0,
    /// To everybody (`PACKET_BROADCAST`).
    Broadcast = 1,
    /// To a group (`PACKET_MULTICAST`).
    Multicast = 2,
    /// To another host, seen by a promiscuous device (`PACKET_OTHERHOST`).
    OtherHost = 3,
    /// Sent by this host (`PACKET_OUTGOING`).
    Outgoing = 4,
    /// Looped back by this host (`PACKET_LOOPBACK`).
    Loopback = 5,
}

impl PacketType {
    /// Returns the `AF_PACKET` number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// The metadata of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkbMeta {
    /// The type of the network header (`skb->protocol`).
    pub protocol: EtherType,
    /// Whom the link layer addressed (`skb->pkt_type`).
    pub pkt_type: PacketType,
    /// The firewall mark (`skb->mark`).
    pub mark: u32,
    /// Tables tell what they do with the packet (`skb->nf_trace`).
    pub nf_trace: bool,
    /// The queueing priority (`skb->priority`).
    pub priority: u32,
    /// The VLAN tag is not counted among the packet's bytes: the kernel has taken it off and keeps it
    /// beside the packet (`skb_vlan_tag_present()`). Here it stays in its place.
    pub tag_taken: bool,
    /// The flow hash, 0 while unknown (`skb->hash`).
    pub hash: u32,
    /// The size of the segments that the packet is cut into when a device gets it, in bytes of data; 0 if
    /// it is one itself (`skb_shinfo(skb)->gso_size`).
    pub gso_size: u16,
    /// It is a piece that goes on in the buffer that it came in, with headers written over its old ones.
    pub in_place: bool,
    /// The memory that it is charged as, in bytes, where that does not follow from its length; 0 if it
    /// does (`skb->truesize`).
    pub truesize: u32,
}

//! Why packets die, in the kernel's own words (`enum skb_drop_reason`).

use std::fmt;

/// Declares the reasons: variant, the kernel's name without `SKB_DROP_REASON_`, what it means.
macro_rules! drop_reasons {
    ($($name:ident = $kernel:literal, $text:literal;)*) => {
        /// Why a packet was dropped.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum DropReason {
            $(#[doc = $text] $name,)*
        }

        impl DropReason {
            /// The kernel's name for it, without `SKB_DROP_REASON_`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $kernel,)* }
            }

            /// What it means, in a few words.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

drop_reasons! {
    NotSpecified = "NOT_SPECIFIED", "dropped where the kernel gives no reason";
    NoSocket = "NO_SOCKET", "no socket listens there";
    PktTooSmall = "PKT_TOO_SMALL", "shorter than its headers claim";
    TcpCsum = "TCP_CSUM", "the TCP checksum is wrong";
    UdpCsum = "UDP_CSUM", "the UDP checksum is wrong";
    IcmpCsum = "ICMP_CSUM", "the ICMP checksum is wrong";
    SocketFilter = "SOCKET_FILTER", "the socket's filter refused it";
    NetfilterDrop = "NETFILTER_DROP", "a netfilter rule dropped it";
    OtherHost = "OTHERHOST", "the frame is for another station";
    IpCsum = "IP_CSUM", "the IP header checksum is wrong";
    IpInHdr = "IP_INHDR", "the IP header is malformed";
    IpRpFilter = "IP_RPFILTER", "the source would be reached another way (rp_filter)";
    UnicastInL2Multicast = "UNICAST_IN_L2_MULTICAST", "a unicast packet in a group frame";
    IpNoProto = "IP_NOPROTO", "nobody handles its IP protocol";
    SocketRcvbuff = "SOCKET_RCVBUFF", "the socket's receive buffer is full";
    ProtoMem = "PROTO_MEM", "the protocol is out of memory";
    SocketBacklog = "SOCKET_BACKLOG", "the listen backlog is full";
    TcpFlags = "TCP_FLAGS", "its TCP flags make no sense here";
    TcpOldAck = "TCP_OLD_ACK", "it acknowledges old data";
    TcpTooOldAck = "TCP_TOO_OLD_ACK", "it acknowledges data from too long ago";
    TcpAckUnsentData = "TCP_ACK_UNSENT_DATA", "it acknowledges data that was not sent";
    TcpOldData = "TCP_OLD_DATA", "it repeats old data";
    TcpOverwindow = "TCP_OVERWINDOW", "its data lies beyond the window";
    TcpOldSequence = "TCP_OLD_SEQUENCE", "its sequence number is old";
    TcpInvalidSequence = "TCP_INVALID_SEQUENCE", "its sequence number is not acceptable";
    TcpInvalidEndSequence = "TCP_INVALID_END_SEQUENCE", "it ends beyond the window";
    TcpInvalidAckSequence = "TCP_INVALID_ACK_SEQUENCE", "it acknowledges what was not sent";
    TcpRfc7323Paws = "TCP_RFC7323_PAWS", "its clock is older than one seen before (PAWS)";
    TcpRfc7323PawsAck = "TCP_RFC7323_PAWS_ACK", "an ACK with an old clock, overtaken by others";
    TcpRfc7323Tsecr = "TCP_RFC7323_TSECR", "it echoes a clock that was never sent";
    TcpZeroWindow = "TCP_ZEROWINDOW", "its data came into a closed window";
    TcpAbortOnData = "TCP_ABORT_ON_DATA", "its data came after the program was gone";
    TcpListenOverflow = "TCP_LISTEN_OVERFLOW", "the accept queue has no room";
    TcpReset = "TCP_RESET", "it reset the connection";
    TcpInvalidSyn = "TCP_INVALID_SYN", "a SYN inside a connection";
    TcpClose = "TCP_CLOSE", "the connection is closed";
    IpOutNoRoutes = "IP_OUTNOROUTES", "no route to the destination";
    IpInNoRoutes = "IP_INNOROUTES", "no route back or forth for a received packet";
    IpInAddrErrors = "IP_INADDRERRORS", "no way to the destination, and this host does not forward";
    IpLocalSource = "IP_LOCAL_SOURCE", "its source is an address of this host";
    IpInvalidSource = "IP_INVALID_SOURCE", "its source address is not possible";
    IpLocalNet = "IP_LOCALNET", "127.0.0.0/8 on a wire (route_localnet is off)";
    IpInvalidDest = "IP_INVALID_DEST", "its destination address is not possible";
    Ipv6Disabled = "IPV6DISABLED", "the device has no IPv6";
    InvalidProto = "INVALID_PROTO", "its protocol is not possible here";
    NeighCreatefail = "NEIGH_CREATEFAIL", "there are too many neighbours";
    NeighFailed = "NEIGH_FAILED", "the next hop does not answer ARP";
    NeighQueueFull = "NEIGH_QUEUEFULL", "too many packets wait for the next hop";
    NeighDead = "NEIGH_DEAD", "the neighbour entry is gone";
    NeighHhFillFail = "NEIGH_HH_FILLFAIL", "no link layer header can be made";
    FragReasmTimeout = "FRAG_REASM_TIMEOUT", "its other fragments never came";
    FragTooFar = "FRAG_TOO_FAR", "too many other fragments came in between";
    DupFrag = "DUP_FRAG", "the fragment came before";
    PktTooBig = "PKT_TOO_BIG", "larger than the next link's MTU";
    Hdr = "HDR_TRUNC", "shorter than its header";
    DevHdr = "DEV_HDR", "the device cannot make a header";
    DevReady = "DEV_READY", "the device is not up";
    Nomem = "NOMEM", "shorter than the headers that were to be taken off";
    QdiscDrop = "QDISC_DROP", "the queueing discipline dropped it";
    FullRing = "FULL_RING", "the device's ring is full";
    QueuePurge = "QUEUE_PURGE", "the queue it waited in is gone";
    NoTxTarget = "NO_TX_TARGET", "nobody is behind the device";
    UnhandledProto = "UNHANDLED_PROTO", "nobody handles its EtherType";
    TcFilter = "TC_INGRESS", "traffic control dropped it";
    VxlanInvalidHdr = "VXLAN_INVALID_HDR", "the VXLAN header is malformed";
    VxlanVniNotFound = "VXLAN_VNI_NOT_FOUND", "no VXLAN device has that VNI";
    VxlanNoRemote = "VXLAN_NO_REMOTE", "no remote is known for the station";
    MacInvalidSource = "MAC_INVALID_SOURCE", "a source address that no station may have";
    VxlanEntryExists = "VXLAN_ENTRY_EXISTS", "a static entry says otherwise";
    IpTunnelEcn = "IP_TUNNEL_ECN", "inner and outer ECN contradict each other";
    LocalMac = "LOCAL_MAC", "its source address is our own";
    ArpPvlanDisable = "ARP_PVLAN_DISABLE", "private VLAN proxying is off";
    MacIeeeMacControl = "MAC_IEEE_MAC_CONTROL", "a pause frame, which is not forwarded";
    BridgeIngressStpState = "BRIDGE_INGRESS_STP_STATE", "the bridge port does not accept frames now";
}

/// The kernel's name.
impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

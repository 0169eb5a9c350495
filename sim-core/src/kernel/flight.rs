//! A packet in flight, as a value: the packet and the place where it is.

use std::fmt;
use std::net::Ipv4Addr;

use crate::bridge::forward::Uptake;
use crate::id::{DevId, FlowId, NetnsId, SocketId};
use crate::netfilter::Hook;
use crate::netfilter::bridged::Bridged;
use crate::netfilter::conntrack::CtRef;
use crate::packet::Skb;
use crate::packet::ipv4_options::IpOptions;
use crate::route::Dst;

/// A packet on its way, between two steps.
#[derive(Clone, Debug)]
pub struct Flight {
    /// The packet.
    pub skb: Box<Skb>,
    /// Where it is.
    pub place: Place,
    /// The namespace it is in.
    pub netns: NetnsId,
    /// The device it was last seen on (`skb->dev`): the receiving device on the way up, the
    /// sending one on the way down.
    pub dev: DevId,
    /// The device it came into this namespace by (`skb->skb_iif`); `None` if it was made here.
    pub iif: Option<DevId>,
    /// Where the route lookup sends it (`skb_dst()`).
    pub dst: Option<Dst>,
    /// The IP layer's notes (`IPCB(skb)`).
    pub cb: IpCb,
    /// The socket of this namespace that sent it.
    pub sk: SentBy,
    /// The lengths of the pieces that connection tracking put it together from, in bytes of payload;
    /// it leaves in the same pieces.
    pub pieces: Option<Box<[usize]>>,
    /// The connection it belongs to (`skb->_nfct`).
    pub ct: CtRef,
    /// What a bridge whose packets pass the hooks of IP notes on it (`nf_bridge_info`).
    pub bridged: Option<Bridged>,
    /// How many functions of the hook that it is at have seen it: not 0 if a program held it up there.
    pub hook_done: usize,
    /// Who waits for what becomes of it.
    pub caller: Caller,
    /// Another flight follows at once, before received frames are looked at (`netdev_xmit_more()`).
    pub more: bool,
    /// Whose packet it is.
    pub flow: FlowId,
}

impl Flight {
    /// Makes a flight of `skb` at `place` on `dev`, with no route yet.
    #[must_use]
    pub fn new(skb: Box<Skb>, place: Place, netns: NetnsId, dev: DevId, flow: FlowId) -> Self {
        Self {
            skb,
            place,
            netns,
            dev,
            iif: None,
            dst: None,
            cb: IpCb::default(),
            sk: SentBy::Nobody,
            pieces: None,
            ct: CtRef::None,
            bridged: None,
            hook_done: 0,
            caller: Caller::Nobody,
            more: false,
            flow,
        }
    }

    /// Arrives at `dev` of `netns`: only bytes cross a wire, all that was noted about them is left
    /// behind.
    pub fn cross(&mut self, netns: NetnsId, dev: DevId) {
        (self.netns, self.dev) = (netns, dev);
        (self.iif, self.dst, self.sk) = (None, None, SentBy::Nobody);
        self.caller = Caller::Nobody;
        self.cb = IpCb::default();
        self.skb.meta.in_place = false;
        self.reset_ct();
    }

    /// Forgets connection and bridge, as a packet does that goes into a tunnel (`skb_scrub_packet()`).
    pub fn reset_ct(&mut self) {
        (self.ct, self.bridged) = (CtRef::None, None);
        self.skb.meta.nf_trace = false;
    }

    /// The same flight with another buffer, for which nobody waits.
    #[must_use]
    pub fn with_skb(&self, skb: Box<Skb>) -> Self {
        Self {
            skb,
            place: self.place,
            netns: self.netns,
            dev: self.dev,
            iif: self.iif,
            dst: self.dst,
            cb: self.cb,
            sk: self.sk,
            pieces: self.pieces.clone(),
            ct: self.ct,
            bridged: self.bridged,
            hook_done: 0,
            caller: Caller::Nobody,
            more: false,
            flow: self.flow,
        }
    }
}

/// The socket that a packet comes from (`skb->sk`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SentBy {
    /// None: it came over a wire, or was made by a part of the kernel that has no socket.
    #[default]
    Nobody,
    /// That of a program.
    Socket(SocketId),
    /// The kernel's own for ICMP (`icmp_sk`).
    Icmp,
    /// The kernel's own for answers of TCP (`ipv4_tcp_sk`).
    Tcp,
}

impl SentBy {
    /// The socket of a program.
    #[must_use]
    pub const fn program(self) -> Option<SocketId> {
        match self {
            Self::Socket(id) => Some(id),
            Self::Nobody | Self::Icmp | Self::Tcp => None,
        }
    }
}

/// Who is still in the function call that sends a packet, and hears when it is refused on its way. Nobody is
/// from where a packet is queued or received, nor from devices that never complain (bridges, tunnels).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Caller {
    /// What is refused is lost in silence.
    #[default]
    Nobody,
    /// The socket that sends it (`ip_queue_xmit()`, `packet_snd()`).
    Socket(SocketId),
    /// The IP layer of a namespace, which counts it and passes it on to the socket, if there is one
    /// (`ip_send_skb()`).
    IpSend(NetnsId, Option<SocketId>),
}

/// What the IP layer notes on a packet (`struct inet_skb_parm`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IpCb {
    /// The packet is being forwarded (`IPSKB_FORWARDED`).
    pub forwarded: bool,
    /// A redirect is due to its sender (`IPSKB_DOREDIRECT`).
    pub do_redirect: bool,
    /// It was rerouted by a filter and needs no second pass (`IPSKB_REROUTED`).
    pub rerouted: bool,
    /// The size of the largest fragment it was put together from, in bytes; 0 if it was whole
    /// (`frag_max_size`).
    pub frag_max_size: u16,
    /// Whether the largest fragment carried DF (`IPSKB_FRAG_PMTU`).
    pub frag_df: bool,
    /// Its sender has proof that the next hop is alive (`skb->dst_pending_confirm`).
    pub confirm_neigh: bool,
    /// It may be cut in pieces though it carries DF: it was cut before, or its sender only wishes for
    /// DF (`skb->ignore_df`).
    pub ignore_df: bool,
    /// It is this host's own copy of what it sends to a group.
    pub loop_back: bool,
    /// The options of its header (`opt`).
    pub opt: IpOptions,
    /// The next stop of a source route that led here (`srr_is_hit`, `nexthop`).
    pub srr_next_hop: Option<Ipv4Addr>,
    /// How many tunnels of this host it is inside of, to stop endless nesting.
    pub tunnel_depth: u8,
}

/// The points of the path that a person draws on a whiteboard.
///
/// ```text
///             DeviceReceive ── BridgeReceive ── BridgePreRouting ── BridgeInput ─┐
///                   │   ▲                                            │   │       │
///                   │   └────────────────── BridgeLocal ◄────────────┘   ▼       │
///                   │      BridgeDeviceTransmit ────────────► BridgeForward       │
///                   │                                           │                │
///      ArpReceive ◄─┤               BridgePostRouting ◄─────────┘                │
///                   │                 └─► BridgeTransmit ─────────────────┐      │
///                   ▼                                                           │
///               IpReceive ─ PREROUTING ─ RouteInput ─ Forward ─ FORWARD ─┐      │
///                                            │                           ▼      │
///                                      LocalDeliver              PostRouting    │
///                                            │                        │         │
///                                          INPUT              POSTROUTING       │
///                                            │                        │         │
///                                         Socket                 IpFinish       │
///                                                                     │         │
///               LocalOut ─ OUTPUT ─ PostRouting  LinkFailure ◄── Neighbour      │
///                                                                     │         │
///               NetemDequeue ◄── (later) ── NetemEnqueue ◄────── Transmit ◄────┘
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// A device has received a frame: captures, then its `rx_handler`, then its protocol
    /// (`__netif_receive_skb_core()`).
    DeviceReceive,
    /// A bridge port has received a frame: may it come in (`br_handle_frame()`)?
    BridgeReceive,
    /// The frame passes `NF_BR_PRE_ROUTING`.
    BridgePreRouting,
    /// The bridge learns the sender and chooses the ports (`br_handle_frame_finish()`).
    BridgeInput,
    /// The host itself sends a frame by the bridge's own device (`br_dev_xmit()`).
    BridgeDeviceTransmit,
    /// A bridge sends the frame on to a port (`__br_forward()`); `dev` is that port's device. It
    /// passes `NF_BR_FORWARD`, or `NF_BR_LOCAL_OUT` if the host sends it.
    BridgeForward {
        /// The port it came in by; `None` if the bridge's own host sends it.
        from: Option<DevId>,
    },
    /// The frame passes `NF_BR_POST_ROUTING` (`br_forward_finish()`).
    BridgePostRouting {
        /// As in `BridgeForward`.
        from: Option<DevId>,
    },
    /// The frame leaves by a bridge port (`br_dev_queue_push_xmit()`).
    BridgeTransmit,
    /// The frame is for the bridge's own host (`br_pass_frame_up()`); it passes `NF_BR_LOCAL_IN`.
    BridgeLocal {
        /// Why.
        uptake: Uptake,
    },
    /// An ARP packet for this host (`arp_rcv()`).
    ArpReceive,
    /// An IP packet: its header is checked (`ip_rcv()`).
    IpReceive,
    /// A netfilter hook.
    Hook(Hook),
    /// The choice between local delivery and forwarding (`ip_rcv_finish()`).
    RouteInput,
    /// The packet is for this host; fragments are put together (`ip_local_deliver()`).
    LocalDeliver,
    /// The packet's protocol takes it (`ip_local_deliver_finish()`).
    Socket,
    /// The packet is to be passed on: TTL, redirects, size (`ip_forward()`).
    Forward,
    /// Forwarding was allowed (`ip_forward_finish()`): options are filled in.
    ForwardFinish,
    /// A packet of this host (`ip_local_out()`).
    LocalOut,
    /// The routed packet is about to leave (`dst_output()`, `ip_output()`, `ip_mc_output()`).
    Output,
    /// The packet is cut to the device's size (`ip_finish_output()`).
    IpFinish,
    /// The link layer address of the next hop is found (`ip_finish_output2()`).
    Neighbour,
    /// The device sends the frame (`dev_queue_xmit()`): captures, then its driver.
    Transmit,
    /// The device has the queueing discipline `netem`, which gets the frame first (`netem_enqueue()`).
    NetemEnqueue,
    /// The frame leaves it (`netem_dequeue()`): captures, then the driver.
    NetemDequeue,
    /// This host's own copy of what it sends to a group comes back (`dev_loopback_xmit()`).
    LoopBack,
    /// The next hop did not answer: the sender is told (`dst_link_failure()`).
    LinkFailure,
    /// A tunnel puts the packet into another one (`vxlan_xmit()`, `ip_tunnel_xmit()`).
    TunnelTransmit,
}

impl Place {
    /// The place's name in traces; a hook is called by its built-in chain.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceReceive => "receive",
            Self::BridgeReceive => "bridge",
            Self::BridgePreRouting => "bridge prerouting",
            Self::BridgeInput => "bridge input",
            Self::BridgeDeviceTransmit => "bridge device transmit",
            Self::BridgeForward { .. } => "bridge forward",
            Self::BridgePostRouting { .. } => "bridge postrouting",
            Self::BridgeTransmit => "bridge transmit",
            Self::BridgeLocal { .. } => "bridge local",
            Self::ArpReceive => "arp",
            Self::IpReceive => "ip receive",
            Self::Hook(hook) => hook.name(),
            Self::RouteInput => "route",
            Self::LocalDeliver => "local deliver",
            Self::Socket => "protocol",
            Self::Forward => "forward",
            Self::ForwardFinish => "forward finish",
            Self::LocalOut => "local out",
            Self::Output => "output",
            Self::IpFinish => "ip finish",
            Self::Neighbour => "neighbour",
            Self::TunnelTransmit => "tunnel",
            Self::Transmit => "transmit",
            Self::NetemEnqueue => "netem enqueue",
            Self::NetemDequeue => "netem dequeue",
            Self::LoopBack => "loop back",
            Self::LinkFailure => "link failure",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

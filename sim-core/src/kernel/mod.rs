//! The kernel: everything that a packet in flight can reach.
//!
//! A [`Kernel`] is plain data. It is advanced by [`run`], one [`Flight`] and one [`Place`] at a time,
//! and cloning it is taking a snapshot. Programs, namespace names and recordings stand one level
//! higher, in the [`world`](crate::world).

pub mod flight;
pub mod nfnl;
pub mod rtnl;
pub mod run;
mod seats;
pub mod timer;

use std::collections::VecDeque;

use crate::bridge::Bridge;
use crate::errno::Errno;
use crate::id::{Arena, BridgeId, DevId, FlowId, NetnsId, SocketId};
use crate::ip::ident::Idents;
use crate::kernel::nfnl::Nfnl;
use crate::kernel::rtnl::Rtnl;
use crate::link::{NetDevice, qdisc};
use crate::neigh::NeighDefaults;
use crate::netfilter::conntrack::{CtId, garbage};
use crate::netfilter::xtables::intern::Interned;
use crate::netns::Netns;
use crate::netns::mib::IpMib;
use crate::packet::{Skb, SkbPool};
use crate::rng::SimRng;
use crate::socket::Socket;
use crate::socket::tcp::TcpKeys;
use crate::time::SimTime;

use seats::Seats;

pub use flight::{Caller, Flight, Place, SentBy};
pub use timer::{Timer, TimerId, TimerQueue};

/// All kernel state of a world.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The present.
    pub now: SimTime,
    /// Where every random choice comes from.
    pub rng: SimRng,
    /// The key under which flows are hashed where no seed is set (`hashrnd`).
    pub flow_hash_key: [u64; 2],
    /// The namespaces.
    pub netns: Arena<NetnsId, Netns>,
    /// The devices of all namespaces.
    pub devs: Arena<DevId, NetDevice>,
    /// The devices that have a queueing discipline other than the kernel's own.
    pub(crate) with_qdisc: Vec<DevId>,
    /// The last number that the kernel gave to a queueing discipline (`autohandle`).
    pub(crate) auto_handle: qdisc::Handle,
    /// The bridges behind bridge devices.
    pub bridges: Arena<BridgeId, Bridge>,
    /// The open sockets of all namespaces.
    pub sockets: Arena<SocketId, Socket>,
    /// Where packets take their identifications from.
    pub idents: Idents,
    /// What neighbour tables start with.
    pub neigh: NeighDefaults,
    /// The rules of all namespaces.
    pub(crate) rules: Interned,
    /// Counts the changes that make found routes stale (`rt_genid`).
    pub(crate) route_generation: u64,
    /// What will happen at a later time.
    pub timers: TimerQueue,
    /// Who hears of changes.
    pub rtnl: Rtnl,
    /// Who hears of connections.
    pub nfnl: Nfnl,
    /// Buffers that no packet uses now.
    pub pool: SkbPool,
    /// Flights that wait for their next step; the last one is next.
    #[expect(clippy::vec_box, reason = "a flight stays in its box while it changes queues")]
    stack: Vec<Box<Flight>>,
    /// Flights that the running step made, in the order in which they have to run.
    #[expect(clippy::vec_box, reason = "a flight stays in its box while it changes queues")]
    spawned: Vec<Box<Flight>>,
    /// Frames that a device has received and the softirq has not yet taken up (`softnet_data`).
    backlog: VecDeque<Box<Flight>>,
    /// Boxes for flights.
    seats: Seats,
    /// Connections to look at once no packet is on its way: those that are not confirmed yet, and those that have
    /// ended.
    pub(crate) ct_garbage: Vec<(NetnsId, CtId)>,
    /// Sockets whose state changed since their owners last ran.
    pub woken: Vec<SocketId>,
    /// Devices whose carrier changed and whose state has not been worked out since.
    pub linkwatch: Vec<DevId>,
    /// Why the packet that a system call is sending right now cannot be sent.
    pub send_error: Option<Errno>,
    /// The socket whose system call is sending right now.
    pub(crate) sender: Option<SocketId>,
    /// What sequence numbers and timestamps of TCP are derived from.
    pub(crate) tcp_keys: TcpKeys,
    /// The identifier that the last ping socket got (`ping_port_rover`).
    pub(crate) ping_port_rover: u16,
    next_flow: u32,
}

impl Kernel {
    /// Makes an empty kernel whose random choices follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = SimRng::new(seed);
        Self {
            now: SimTime::ZERO,
            flow_hash_key: {
                let stream = rng.stream("flow.hash");
                [stream.next_u64(), stream.next_u64()]
            },
            rng,
            netns: Arena::default(),
            devs: Arena::default(),
            with_qdisc: Vec::new(),
            auto_handle: 0,
            bridges: Arena::default(),
            sockets: Arena::default(),
            idents: Idents::default(),
            neigh: NeighDefaults::default(),
            rules: Interned::default(),
            route_generation: 0,
            timers: TimerQueue::default(),
            rtnl: Rtnl::default(),
            nfnl: Nfnl::default(),
            pool: SkbPool::default(),
            stack: Vec::new(),
            spawned: Vec::new(),
            backlog: VecDeque::new(),
            seats: Seats::default(),
            ct_garbage: Vec::new(),
            woken: Vec::new(),
            linkwatch: Vec::new(),
            send_error: None,
            sender: None,
            tcp_keys: TcpKeys::default(),
            ping_port_rover: 0,
            next_flow: 1,
        }
    }

    /// A number for a packet that nobody caused.
    pub fn new_flow(&mut self) -> FlowId {
        let flow = FlowId(self.next_flow);
        self.next_flow = self.next_flow.wrapping_add(1);
        flow
    }

    /// An empty buffer.
    pub fn skb(&mut self) -> Box<Skb> {
        self.pool.take()
    }

    /// A copy of `skb` in a buffer of its own.
    pub fn clone_skb(&mut self, skb: &Skb) -> Box<Skb> {
        let mut copy = self.pool.take();
        copy.clone_from_skb(skb);
        copy
    }

    /// A copy of the whole flight (`skb_clone()`).
    pub fn clone_flight(&mut self, flight: &Flight) -> Flight {
        let skb = self.clone_skb(&flight.skb);
        flight.with_skb(skb)
    }

    /// Starts a flight that runs to its end before the flight that is being stepped goes on, as a
    /// function call in the kernel would. Of several, the first one started runs first.
    pub fn spawn(&mut self, flight: Flight) {
        let flight = self.seats.take(flight, &mut self.pool);
        self.spawned.push(flight);
    }

    /// Puts a received frame behind all others that wait for the softirq (`netif_rx()`).
    pub fn netif_rx(&mut self, flight: Flight) {
        let flight = self.seats.take(flight, &mut self.pool);
        self.backlog.push_back(flight);
    }

    /// Marks a socket as changed, so that its owner looks at it (`sk_data_ready()` and its like).
    pub fn wake(&mut self, socket: SocketId) {
        if self.woken.last() != Some(&socket) {
            self.woken.push(socket);
        }
    }

    /// Tells whoever is sending `f` why it cannot be sent.
    pub fn refuse_send(&mut self, f: &Flight, errno: Errno) {
        let socket = match f.caller {
            Caller::Nobody => None,
            Caller::Socket(socket) => Some(socket),
            Caller::IpSend(netns, socket) => {
                self.netns[netns].mib.ip.inc(IpMib::OutDiscards);
                socket
            }
        };
        if socket.is_some() && socket == self.sender {
            self.send_error = Some(errno);
        }
    }

    /// A packet begins to wait in a queue; its connection stays for as long (`nf_conntrack_get()`).
    pub(crate) fn hold(&mut self, f: &Flight) {
        garbage::hold(self, f);
    }

    /// A packet waits no longer: it goes on, or ends (`nf_conntrack_put()`).
    pub(crate) fn release(&mut self, f: &Flight) {
        garbage::release(self, f);
    }

    /// Ends every flight on a device that is about to go (`flush_all_backlogs()`).
    pub fn forget_device(&mut self, dev: DevId) {
        let elsewhere = |f: &Flight| {
            f.dev != dev && f.iif != Some(dev) && f.dst.is_none_or(|dst| dst.dev != dev)
        };
        self.stack.retain(|f| elsewhere(f));
        self.spawned.retain(|f| elsewhere(f));
        self.backlog.retain(|f| elsewhere(f));
        qdisc::forget_device(self, dev);
    }

    /// Whether no packet is on its way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.stack.is_empty() && self.spawned.is_empty() && self.backlog.is_empty()
    }
}

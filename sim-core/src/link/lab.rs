//! A workbench for tests of the link layer: a kernel, requests in few words, and the frames seen.

use crate::id::{DevId, NetnsId};
use crate::kernel::{Flight, Kernel, Place};
use crate::link::NetDevice;
use crate::link::receive::eth_type_trans;
use crate::netlink::request::{
    BridgeChange, LinkAdd, LinkChange, LinkKind, LinkPeer, LinkRef, Request,
};
use crate::netlink::{NetlinkError, dispatch};
use crate::netns::stack;
use crate::packet::{EtherType, Ipv4, PacketType};
use crate::route::{self, FlowKey};
use crate::time::SimTime;
use crate::trace::{Direction, DropReason, Event, Moment, Observer};

/// What happened, in words: `dev in|out HEX` and `dev drop REASON`.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Frames by device.
    pub(crate) frames: Vec<(String, Direction, Vec<u8>)>,
    /// Whose the frames were.
    pub(crate) kinds: Vec<PacketType>,
    /// Drops by device.
    pub(crate) drops: Vec<(String, DropReason)>,
}

impl Observer for Seen {
    const ENABLED: bool = true;

    fn observe(&mut self, k: &Kernel, moment: Moment, event: Event<'_>) {
        let name = k.devs[moment.dev].name.to_string();
        if let Event::Frame { direction, frame, pkt_type } = event {
            self.kinds.push(pkt_type);
            self.frames.push((name, direction, frame.to_vec()));
        } else if let Event::Dropped { reason } = event {
            self.drops.push((name, reason));
        }
    }
}

/// A kernel with one namespace to begin with.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) k: Kernel,
    pub(crate) ns: NetnsId,
    pub(crate) seen: Seen,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let mut k = Kernel::new(1);
        let ns = k.add_netns();
        Self { k, ns, seen: Seen::default() }
    }

    pub(crate) fn try_request(&mut self, request: &Request) -> Result<(), NetlinkError> {
        let answer = dispatch::apply(&mut self.k, self.ns, request, &mut self.seen);
        self.k.run_pending(&mut self.seen);
        answer
    }

    /// Makes a device.
    pub(crate) fn try_add(
        &mut self,
        name: &str,
        kind: LinkKind,
        change: LinkChange,
    ) -> Result<(), NetlinkError> {
        let name = (!name.is_empty()).then(|| name.parse().unwrap());
        let add = LinkAdd { name, ifindex: None, kind, link: None, change };
        self.try_request(&Request::LinkAdd(add))
    }

    pub(crate) fn add(&mut self, name: &str, kind: LinkKind, change: LinkChange) -> DevId {
        self.try_add(name, kind, change).unwrap();
        self.dev(name)
    }

    pub(crate) fn bridge(&mut self, name: &str) -> DevId {
        self.add(name, LinkKind::Bridge(BridgeChange::default()), LinkChange::default())
    }

    /// Makes a pair whose ends are both up; returns the first.
    pub(crate) fn veth(&mut self, name: &str, peer: &str) -> DevId {
        let far = LinkPeer { name: Some(peer.parse().unwrap()), ..LinkPeer::default() };
        let dev = self.add(name, LinkKind::Veth(Box::new(far)), LinkChange::default());
        self.set(peer, up());
        self.set(name, up());
        dev
    }

    pub(crate) fn try_set(&mut self, name: &str, change: LinkChange) -> Result<(), NetlinkError> {
        self.try_request(&Request::LinkSet(link(name), change))
    }

    pub(crate) fn set(&mut self, name: &str, change: LinkChange) {
        self.try_set(name, change).unwrap();
    }

    pub(crate) fn dev(&self, name: &str) -> DevId {
        self.k.dev_by_name(self.ns, name.parse().unwrap()).unwrap()
    }

    pub(crate) fn device(&self, name: &str) -> &NetDevice {
        &self.k.devs[self.dev(name)]
    }

    /// Lets a device receive a frame.
    pub(crate) fn inject(&mut self, name: &str, frame: &[u8]) {
        let dev = self.dev(name);
        let mut skb = self.k.skb();
        skb.put(frame);
        let flow = self.k.new_flow();
        let mut f = Flight::new(skb, Place::DeviceReceive, self.k.devs[dev].netns, dev, flow);
        eth_type_trans(&mut self.k.devs[dev], &mut f);
        self.k.netif_rx(f);
        self.k.run_pending(&mut self.seen);
    }

    /// Lets the host send a frame by a device.
    pub(crate) fn send(&mut self, name: &str, frame: &[u8]) {
        let dev = self.dev(name);
        let mut skb = self.k.skb();
        skb.put(frame);
        let flow = self.k.new_flow();
        let f = Flight::new(skb, Place::Transmit, self.ns, dev, flow);
        self.k.run_from_syscall(f, &mut self.seen);
    }

    /// Lets the host send an IPv4 packet by a device without link headers, along its route.
    pub(crate) fn send_ip(&mut self, name: &str, packet: &[u8]) {
        let dev = self.dev(name);
        let mut skb = self.k.skb();
        skb.put(packet);
        skb.reset_network_header();
        skb.meta.protocol = EtherType::IPV4;
        let to = Ipv4::parse(packet).unwrap().dst();
        let flow = FlowKey::to(to).by(Some(dev));
        let route = route::output(&mut self.k, self.ns, &flow).ok();
        let flow = self.k.new_flow();
        let mut f = Flight::new(skb, Place::Transmit, self.ns, dev, flow);
        f.dst = route.map(|r| r.dst);
        self.k.run_from_syscall(f, &mut self.seen);
    }

    /// Lets time pass.
    pub(crate) fn run_until(&mut self, end: SimTime) {
        while let Some((at, timer)) = self.k.timers.pop_due(end) {
            self.k.now = at;
            stack::expire(&mut self.k, &timer, &mut self.seen);
            self.k.run_pending(&mut self.seen);
        }
        self.k.now = end;
    }

    /// The devices that frames left by since the last call, in order.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let frames = std::mem::take(&mut self.seen.frames);
        frames.into_iter().filter(|(_, d, _)| *d == Direction::Out).map(|(n, _, _)| n).collect()
    }
}

/// Names a device.
pub(crate) fn link(name: &str) -> LinkRef {
    LinkRef::Name(name.parse().unwrap())
}

/// `up`.
pub(crate) fn up() -> LinkChange {
    LinkChange { flags_on: 1, ..LinkChange::default() }
}

/// `down`.
pub(crate) fn down() -> LinkChange {
    LinkChange { flags_off: 1, ..LinkChange::default() }
}

/// `master NAME`.
pub(crate) fn master(name: &str) -> LinkChange {
    LinkChange { master: Some(Some(link(name))), ..LinkChange::default() }
}

/// A frame of an experimental protocol.
pub(crate) fn frame(to: &str, from: &str, payload: usize) -> Vec<u8> {
    let mut bytes = to.parse::<crate::packet::MacAddr>().unwrap().octets().to_vec();
    bytes.extend(from.parse::<crate::packet::MacAddr>().unwrap().octets());
    bytes.extend([0x88, 0xb5]);
    bytes.resize(14 + payload, 0);
    bytes
}

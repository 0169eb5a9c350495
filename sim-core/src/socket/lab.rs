//! A workbench for tests of sockets: two namespaces with a wire between them.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use crate::id::{DevId, NetnsId, SocketId};
use crate::link::lab::{link, up};
use crate::neigh::NudState;
use crate::netlink::dispatch;
use crate::netlink::request::{
    AddrSpec, Create, LinkAdd, LinkChange, LinkKind, LinkPeer, NeighSpec, Request,
};
use crate::packet::{EtherType, MacAddr};
use crate::socket::SocketType;
use crate::trace::NoObserver;
use crate::world::World;

/// Namespaces `a` (10.0.9.1/24) and `b` (10.0.9.2/24), joined by their devices `e0`.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) a: NetnsId,
    pub(crate) b: NetnsId,
}

pub(crate) const A: Ipv4Addr = Ipv4Addr::new(10, 0, 9, 1);
pub(crate) const B: Ipv4Addr = Ipv4Addr::new(10, 0, 9, 2);

impl Pair {
    pub(crate) fn new() -> Self {
        let mut world = World::new(1);
        let a = world.add_netns("a").unwrap();
        let b = world.add_netns("b").unwrap();
        let mut pair = Self { world, a, b };
        let far = LinkChange { netns: Some(b), address: Some(mac(2)), ..LinkChange::default() };
        let peer = LinkPeer { name: Some("e0".parse().unwrap()), ifindex: None, change: far };
        pair.request(
            a,
            &Request::LinkAdd(LinkAdd {
                name: Some("e0".parse().unwrap()),
                ifindex: None,
                kind: LinkKind::Veth(Box::new(peer)),
                link: None,
                change: LinkChange { address: Some(mac(1)), ..LinkChange::default() },
            }),
        );
        for (netns, own) in [(a, 1), (b, 2)] {
            for dev in ["lo", "e0"] {
                pair.request(netns, &Request::LinkSet(link(dev), up()));
            }
            pair.add_addr(netns, "e0", Ipv4Addr::new(10, 0, 9, own), 24);
        }
        pair
    }

    pub(crate) fn request(&mut self, netns: NetnsId, request: &Request) {
        let k = &mut self.world.kernel;
        dispatch::apply(k, netns, request, &mut NoObserver).unwrap();
        k.run_pending(&mut NoObserver);
    }

    pub(crate) fn add_addr(&mut self, netns: NetnsId, dev: &str, addr: Ipv4Addr, prefix_len: u8) {
        let spec = AddrSpec {
            dev: link(dev),
            local: IpAddr::V4(addr),
            peer: None,
            prefix_len,
            any_prefix: false,
            broadcast: None,
            label: None,
            scope: None,
            metric: None,
            no_prefix_route: false,
            autojoin: false,
            valid_lft_s: None,
            preferred_lft_s: None,
            proto: 0,
        };
        self.request(netns, &Request::AddrAdd(spec, Create::Exclusive));
    }

    /// Has a namespace know the hardware address of a neighbour for good.
    pub(crate) fn know(&mut self, netns: NetnsId, neighbour: Ipv4Addr, lladdr: MacAddr) {
        let spec = NeighSpec {
            dev: Some(link("e0")),
            addr: IpAddr::V4(neighbour),
            lladdr: Some(lladdr),
            state: Some(NudState::Permanent),
            proxy: false,
            router: false,
            extern_learn: false,
            protocol: 0,
        };
        self.request(netns, &Request::NeighAdd(spec, Create::Replace));
    }

    pub(crate) fn dev(&self, netns: NetnsId, name: &str) -> DevId {
        self.world.kernel.netns[netns].names[&name.parse().unwrap()]
    }

    pub(crate) fn open(&mut self, netns: NetnsId, kind: SocketType) -> SocketId {
        self.world.socket(netns, kind).unwrap()
    }

    /// Opens a socket that is bound to an address and port.
    pub(crate) fn bound(
        &mut self,
        netns: NetnsId,
        kind: SocketType,
        addr: Ipv4Addr,
        port: u16,
    ) -> SocketId {
        let socket = self.open(netns, kind);
        self.world.bind(socket, at(addr, port)).unwrap();
        socket
    }

    /// Opens a packet socket that sees all frames of a device.
    pub(crate) fn capture(&mut self, netns: NetnsId, dev: &str) -> SocketId {
        let socket = self.open(netns, SocketType::PacketRaw(EtherType::ALL));
        let dev = self.dev(netns, dev);
        self.world.bind_packet(socket, Some(dev), EtherType::ALL).unwrap();
        socket
    }

    /// Takes the frames that a capture has seen.
    pub(crate) fn frames(&mut self, capture: SocketId) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut frame = Vec::new();
        while self.world.recv_packet(capture, &mut frame).is_ok() {
            frames.push(frame.clone());
        }
        frames
    }

    /// Takes the data of the oldest datagram.
    pub(crate) fn recv(&mut self, socket: SocketId) -> Option<Vec<u8>> {
        let mut buf = Vec::new();
        self.world.recv_from(socket, &mut buf).ok().map(|_| buf)
    }
}

pub(crate) fn at(addr: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(addr, port)
}

pub(crate) fn mac(last: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 9, last])
}

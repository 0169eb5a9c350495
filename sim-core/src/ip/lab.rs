//! A workbench for tests of neighbours and IP: a router with two wires, the frames that it sends, and
//! when.
//!
//! Stations are mere addresses: what the router receives is injected, and what it sends goes to a
//! namespace without addresses, whose devices drop it as another station's.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::id::{DevId, NetnsId};
use crate::kernel::{Flight, Kernel, Place};
use crate::link::lab::{link, up};
use crate::link::receive::eth_type_trans;
use crate::neigh::NudState;
use crate::netlink::request::{
    AddrSpec, Create, LinkAdd, LinkChange, LinkKind, LinkPeer, NeighSpec, Request,
};
use crate::netlink::{NetlinkError, dispatch};
use crate::netns::stack;
use crate::packet::MacAddr;
use crate::packet::hex::{from_hex, to_hex};
use crate::time::SimTime;
use crate::trace::{Direction, DropReason, Event, Moment, Observer};

/// What has happened in the router's namespace.
#[derive(Debug)]
pub(crate) struct Sights {
    netns: NetnsId,
    sent: Vec<(SimTime, String, Vec<u8>)>,
    drops: Vec<DropReason>,
}

impl Observer for Sights {
    const ENABLED: bool = true;

    fn observe(&mut self, k: &Kernel, moment: Moment, event: Event<'_>) {
        if moment.netns != self.netns {
            return;
        }
        if let Event::Frame { direction: Direction::Out, frame, .. } = event {
            let dev = k.devs[moment.dev].name.to_string();
            self.sent.push((moment.time, dev, frame.to_vec()));
        } else if let Event::Dropped { reason } = event {
            self.drops.push(reason);
        }
    }
}

/// A router `r`: `c0` (02:00:00:00:01:01, 10.0.1.1/24) and `s0` (02:00:00:00:02:01, 10.0.2.1/24).
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) k: Kernel,
    pub(crate) r: NetnsId,
    seen: Sights,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let mut k = Kernel::new(1);
        let (r, x) = (k.add_netns(), k.add_netns());
        let mut bench =
            Self { k, r, seen: Sights { netns: r, sent: Vec::new(), drops: Vec::new() } };
        bench.request(&Request::LinkSet(link("lo"), up())).unwrap();
        bench.sysctl("net.ipv4.ip_forward", "1");
        for (name, third) in [("c0", 1), ("s0", 2)] {
            bench.wire(name, MacAddr([2, 0, 0, 0, third, 1]), x);
            bench.addr(name, Ipv4Addr::new(10, 0, third, 1));
        }
        bench
    }

    pub(crate) fn request(&mut self, request: &Request) -> Result<(), NetlinkError> {
        let answer = dispatch::apply(&mut self.k, self.r, request, &mut self.seen);
        self.k.run_pending(&mut self.seen);
        answer
    }

    fn wire(&mut self, name: &str, addr: MacAddr, far: NetnsId) {
        let far = LinkPeer {
            name: Some(format!("x{name}").parse().unwrap()),
            change: LinkChange { netns: Some(far), ..LinkChange::default() },
            ..LinkPeer::default()
        };
        let add = LinkAdd {
            name: Some(name.parse().unwrap()),
            ifindex: None,
            kind: LinkKind::Veth(Box::new(far)),
            link: None,
            change: LinkChange { address: Some(addr), ..LinkChange::default() },
        };
        self.request(&Request::LinkAdd(add)).unwrap();
        let peer = crate::link::veth::peer(&self.k, self.dev(name)).unwrap();
        self.k.open(peer, &mut self.seen);
        self.request(&Request::LinkSet(link(name), up())).unwrap();
    }

    pub(crate) fn addr(&mut self, dev: &str, local: Ipv4Addr) {
        let spec = addr_spec(dev, local);
        self.request(&Request::AddrAdd(spec, Create::Exclusive)).unwrap();
    }

    /// Takes the address away.
    pub(crate) fn no_addr(&mut self, dev: &str, local: Ipv4Addr) {
        self.request(&Request::AddrDel(addr_spec(dev, local))).unwrap();
    }

    /// A neighbour whose last two bytes of address are its hardware address's: 10.0.1.2 is
    /// 02:00:00:00:01:02.
    pub(crate) fn neigh(&mut self, dev: &str, addr: Ipv4Addr, state: NudState) {
        let spec = neigh_spec(dev, addr, state);
        self.request(&Request::NeighAdd(spec, Create::Replace)).unwrap();
    }

    pub(crate) fn sysctl(&mut self, name: &str, value: &str) {
        let set = Request::SysctlSet { name: name.to_owned(), value: value.to_owned() };
        self.request(&set).unwrap();
    }

    pub(crate) fn dev(&self, name: &str) -> DevId {
        self.k.dev_by_name(self.r, name.parse().unwrap()).unwrap()
    }

    /// The state of a neighbour's entry.
    pub(crate) fn state(&self, dev: &str, addr: Ipv4Addr) -> Option<NudState> {
        self.k.netns[self.r].arp.get(self.dev(dev), addr).map(|neigh| neigh.state)
    }

    /// Lets a device receive a frame.
    pub(crate) fn receive(&mut self, dev: &str, hex: &str) {
        let dev = self.dev(dev);
        let mut skb = self.k.skb();
        skb.put(&from_hex(hex).unwrap());
        let flow = self.k.new_flow();
        let mut f = Flight::new(skb, Place::DeviceReceive, self.r, dev, flow);
        eth_type_trans(&mut self.k.devs[dev], &mut f);
        self.k.netif_rx(f);
        self.k.run_pending(&mut self.seen);
    }

    /// Runs what was started.
    pub(crate) fn settle(&mut self) {
        self.k.run_pending(&mut self.seen);
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, millis: u64) {
        let end = self.k.now + Duration::from_millis(millis);
        while let Some((at, timer)) = self.k.timers.pop_due(end) {
            self.k.now = at;
            stack::expire(&mut self.k, &timer, &mut self.seen);
            self.k.run_pending(&mut self.seen);
        }
        self.k.now = end;
    }

    /// Takes the frames that were sent: when, in milliseconds, by which device, and their bytes. What is
    /// random in them, the identification of packets made here, is blanked with its checksum.
    pub(crate) fn sent(&mut self) -> Vec<(u64, String, String)> {
        let sent = std::mem::take(&mut self.seen.sent);
        sent.into_iter().map(|(at, dev, frame)| (at.as_millis(), dev, to_hex(&frame))).collect()
    }

    /// Takes the bytes of the frames that were sent, with the identification and the header checksum of
    /// ICMP messages blanked: these are random.
    pub(crate) fn sent_bytes(&mut self) -> Vec<String> {
        self.sent().into_iter().map(|(_, _, hex)| blank_id(&hex)).collect()
    }

    /// Takes the reasons of drops.
    pub(crate) fn drops(&mut self) -> Vec<DropReason> {
        std::mem::take(&mut self.seen.drops)
    }
}

/// `ADDR/24 dev DEV`.
fn addr_spec(dev: &str, local: Ipv4Addr) -> AddrSpec {
    AddrSpec {
        dev: link(dev),
        local: IpAddr::V4(local),
        peer: None,
        prefix_len: 24,
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
    }
}

/// `ADDR lladdr 02:00:00:00:X:Y dev DEV nud STATE`.
pub(crate) fn neigh_spec(dev: &str, addr: Ipv4Addr, state: NudState) -> NeighSpec {
    let [_, _, third, fourth] = addr.octets();
    NeighSpec {
        dev: Some(link(dev)),
        addr: IpAddr::V4(addr),
        lladdr: Some(MacAddr([2, 0, 0, 0, third, fourth])),
        state: Some(state),
        proxy: false,
        router: false,
        extern_learn: false,
        protocol: 0,
    }
}

/// Blanks identification and header checksum if the frame carries ICMP without DF.
pub(crate) fn blank_id(hex: &str) -> String {
    let is_icmp = hex.get(24..28) == Some("0800") && hex.get(46..48) == Some("01");
    if is_icmp && hex.get(40..44) == Some("0000") {
        format!("{}____{}____{}", &hex[..36], &hex[40..48], &hex[52..])
    } else {
        hex.to_owned()
    }
}

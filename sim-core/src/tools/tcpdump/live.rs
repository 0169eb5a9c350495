//! Capturing on a device, or on all of them.

use crate::id::{DevId, SocketId};
use crate::link::NetDevice;
use crate::packet::arp::ARPHRD_ETHER;
use crate::packet::build::{Sll2Params, push_sll2};
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::summary::{Captured, LinkType};
use crate::packet::{EtherType, PacketType, Skb};
use crate::socket::{LinkInfo, SocketType};
use crate::tools::iputils::Ended;
use crate::tools::tcpdump::Output;
use crate::tools::tcpdump::args::{Args, Way, fatal};
use crate::tools::tcpdump::file::Link;
use crate::tools::tcpdump::filter::Frame;
use crate::world::Sys;

/// The pseudo-device that stands for all.
const ANY: &str = "any";

/// A capture.
#[derive(Clone, Debug)]
pub(super) struct Live {
    socket: SocketId,
    link: Link,
    /// Whether it is on the loopback device, where frames are seen twice and taken once.
    loopback: bool,
    /// How many frames passed the filter.
    passed: u64,
    buffer: Vec<u8>,
}

impl Live {
    pub(super) fn open(sys: &mut Sys<'_>, args: &Args) -> Result<Self, Ended> {
        let name = match &args.interface {
            Some(name) => name.clone(),
            None => default_device(sys).ok_or_else(|| fatal("no suitable device found"))?,
        };
        let dev = if name == ANY { None } else { Some(device(sys, &name)?) };
        let device = dev.map(|dev| &sys.world.kernel.devs[dev]);
        let link = match device {
            None => Link::Cooked,
            Some(device) if device.has_ethernet_header() => Link::Ethernet,
            Some(_) => Link::Raw,
        };
        let loopback = device.is_some_and(NetDevice::is_loopback);
        let shown = device.map_or_else(|| ANY.to_owned(), |device| device.name.to_string());
        let kind = match link {
            Link::Cooked => SocketType::PacketDgram(EtherType::ALL),
            Link::Ethernet | Link::Raw => SocketType::PacketRaw(EtherType::ALL),
        };
        let refused = |errno| fatal(format_args!("{shown}: {errno}"));
        let socket = sys.socket(kind).map_err(refused)?;
        sys.bind_packet(socket, dev, EtherType::ALL).map_err(refused)?;
        if let Some(dev) = dev.filter(|_| args.promiscuous) {
            sys.set_promiscuous(socket, dev, true).map_err(refused)?;
        }
        sys.stderr(banner(args, &shown, link));
        Ok(Self { socket, link, loopback, passed: 0, buffer: Vec::new() })
    }

    pub(super) fn link(&self) -> Link {
        self.link
    }

    /// Takes all frames that have been seen, until there are as many as wanted.
    pub(super) fn read(&mut self, sys: &mut Sys<'_>, output: &mut Output) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Ok(info) = sys.recv_packet(self.socket, &mut buffer) {
            if !self.passes(output, &info, &buffer) {
                continue;
            }
            self.passed += 1;
            let out = info.pkt_type == PacketType::Outgoing;
            let wanted = match output.args.way {
                Way::In => !out,
                Way::Out => out,
                Way::Both => true,
            };
            if wanted && !(self.loopback && out) && !output.is_full() {
                self.take(sys, output, &info, &buffer);
            }
        }
        self.buffer = buffer;
    }

    fn passes(&self, output: &Output, info: &LinkInfo, bytes: &[u8]) -> bool {
        if self.link == Link::Ethernet {
            return output.args.filter.passes(&Frame { bytes });
        }
        // What has no Ethernet header gets an empty one with the protocol in it.
        let mut frame = vec![0; ETH_HLEN - 2];
        frame.extend(info.protocol.0.to_be_bytes());
        frame.extend(bytes);
        output.args.filter.passes(&Frame { bytes: &frame })
    }

    fn take(&self, sys: &mut Sys<'_>, output: &mut Output, info: &LinkInfo, bytes: &[u8]) {
        let (name, ifindex, is_loopback) = match sys.world.kernel.devs.get(info.dev) {
            Some(dev) => (dev.name.to_string(), dev.ifindex.0, dev.is_loopback()),
            None => (String::new(), 0, false),
        };
        if self.link == Link::Cooked && is_loopback && info.pkt_type == PacketType::Outgoing {
            return;
        }
        let mut cooked;
        let (link, bytes) = match self.link {
            Link::Ethernet => (LinkType::Ethernet, bytes),
            Link::Raw => (LinkType::Raw, bytes),
            Link::Cooked => {
                cooked = Skb::from_slice(bytes);
                push_sll2(&mut cooked, &pseudo_header(info, ifindex));
                (LinkType::Cooked { device: &name }, cooked.data())
            }
        };
        let frame = Captured { link, bytes, wire_len: bytes.len() };
        output.take(sys, info.time.unix_micros(), &frame);
    }

    /// The last words.
    pub(super) fn report(&self, captured: u64) -> String {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        format!(
            "{captured} packet{} captured\n{} packet{} received by filter\n0 packets dropped by kernel\n",
            plural(captured),
            self.passed,
            plural(self.passed)
        )
    }
}

fn pseudo_header(info: &LinkInfo, ifindex: u32) -> Sll2Params {
    Sll2Params {
        protocol: info.protocol,
        ifindex,
        hardware_type: ARPHRD_ETHER,
        pkt_type: info.pkt_type,
        addr: Some(info.addr),
    }
}

fn banner(args: &Args, name: &str, link: Link) -> String {
    let cooked = match link {
        Link::Cooked => "tcpdump: data link type LINUX_SLL2\n",
        Link::Ethernet | Link::Raw => "",
    };
    let (quiet, start) = if args.prints() && args.summary.verbose == 0 {
        ("tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n", "")
    } else {
        ("", "tcpdump: ")
    };
    let snaplen = args.snaplen;
    let link = link.describe();
    format!(
        "{cooked}{quiet}{start}listening on {name}, link-type {link}, snapshot length {snaplen} bytes\n"
    )
}

/// A device by its name or its number.
fn device(sys: &Sys<'_>, name: &str) -> Result<DevId, Ended> {
    let netns = &sys.world.kernel.netns[sys.netns()];
    let numbered = || {
        let place: usize = name.parse().ok()?;
        listed(sys).get(place.checked_sub(1)?).copied().flatten()
    };
    let dev = name
        .parse()
        .ok()
        .and_then(|name| netns.names.get(&name).copied())
        .or_else(numbered)
        .ok_or_else(|| {
            fatal(format_args!("{name}: No such device exists\n(No such device exists)"))
        })?;
    if !sys.world.kernel.devs[dev].is_up() {
        return Err(fatal(format_args!("{name}: That device is not up")));
    }
    Ok(dev)
}

/// The devices in the order of `tcpdump -D`; `None` is the pseudo-device. Those that are up come first,
/// the loopback device last; among equals the newest first.
fn listed(sys: &Sys<'_>) -> Vec<Option<DevId>> {
    let kernel = &sys.world.kernel;
    let devs = || kernel.netns[sys.netns()].links.values().rev().copied();
    let is_lo = |dev: &DevId| kernel.devs[*dev].is_loopback();
    let is_up = |dev: &DevId| kernel.devs[*dev].is_up();
    let up = devs().filter(|d| is_up(d) && !is_lo(d)).map(Some);
    let lo = devs().filter(|d| is_up(d) && is_lo(d)).map(Some);
    let down = devs().filter(|d| !is_up(d)).map(Some);
    up.chain([None]).chain(lo).chain(down).collect()
}

fn default_device(sys: &Sys<'_>) -> Option<String> {
    let dev = listed(sys).into_iter().next()?;
    Some(dev.map_or_else(|| ANY.to_owned(), |dev| sys.world.kernel.devs[dev].name.to_string()))
}

/// What `-D` prints.
pub(super) fn list(sys: &Sys<'_>) -> String {
    let line = |(at, dev): (usize, &Option<DevId>)| {
        let number = at + 1;
        let Some(dev) = dev else {
            return format!(
                "{number}.any (Pseudo-device that captures on all interfaces) [Up, Running]\n"
            );
        };
        let device = &sys.world.kernel.devs[*dev];
        let mut states = Vec::new();
        if device.is_up() {
            states.push("Up");
        }
        if device.is_running() {
            states.push("Running");
        }
        if device.is_loopback() {
            states.push("Loopback");
        } else {
            states.push(if device.carrier { "Connected" } else { "Disconnected" });
        }
        format!("{number}.{} [{}]\n", device.name, states.join(", "))
    };
    listed(sys).iter().enumerate().map(line).collect()
}

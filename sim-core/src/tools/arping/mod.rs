//! `arping` of iputils 20221126: asks a link who has an address.

mod args;

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::errno::Errno;
use crate::id::{DevId, SocketId};
use crate::link::DevFlags;
use crate::packet::build::{ArpParams, put_arp};
use crate::packet::{Arp, ArpOp, EtherType, MacAddr, PacketType, Skb};
use crate::socket::packet::LinkTarget;
use crate::socket::{SockOpt, SocketType};
use crate::time::SimTime;
use crate::tools::Call;
use crate::tools::arping::args::{Args, fatal};
use crate::tools::iputils::Ended;
use crate::world::{Poll, Program, Signal, Sys};

/// The port that the source address is asked for with; nothing is sent to it.
const PROBE_PORT: u16 = 1025;

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Arping { call, session: None })
}

#[derive(Clone, Debug)]
struct Arping {
    call: Call,
    session: Option<Session>,
}

impl Program for Arping {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let session = match &mut self.session {
            Some(session) => session,
            None => match Session::open(sys, self.call.args()) {
                Ok(session) => self.session.insert(session),
                Err(ended) => {
                    sys.stdout(&ended.stdout);
                    sys.stderr(&ended.stderr);
                    return Poll::Exit(ended.status);
                }
            },
        };
        session.run(sys)
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// A running arping.
#[derive(Clone, Debug)]
struct Session {
    args: Args,
    socket: SocketId,
    dev: DevId,
    me: MacAddr,
    source: Ipv4Addr,
    /// Where requests go: to all, until somebody has answered.
    to: MacAddr,
    started: SimTime,
    next: SimTime,
    last: SimTime,
    ticks: u64,
    sent: u64,
    broadcasts: u64,
    received: u64,
    requests_received: u64,
    buffer: Vec<u8>,
}

impl Session {
    fn open(sys: &mut Sys<'_>, words: &[String]) -> Result<Self, Ended> {
        let mut args = args::parse(words)?;
        let source = source_address(sys, &args)?;
        let dev = device(sys, &args, source)?;
        args.device = Some(sys.world.kernel.devs[dev].name.to_string());
        let socket = sys
            .socket(SocketType::PacketDgram(EtherType::ARP))
            .and_then(|s| sys.bind_packet(s, Some(dev), EtherType::ARP).map(|()| s))
            .map_err(|errno| fatal(2, format_args!("bind: {errno}")))?;
        if !args.quiet {
            let name = args.device.as_deref().unwrap_or_default();
            sys.stdout(format!("ARPING {} from {source} {name}\n", args.target));
        }
        let now = sys.now();
        Ok(Self {
            socket,
            dev,
            me: sys.world.kernel.devs[dev].addr,
            source,
            to: MacAddr::BROADCAST,
            started: now,
            next: now,
            last: now,
            ticks: 0,
            sent: 0,
            broadcasts: 0,
            received: 0,
            requests_received: 0,
            buffer: Vec::new(),
            args,
        })
    }

    fn run(&mut self, sys: &mut Sys<'_>) -> Poll {
        while let Some(signal) = sys.take_signal() {
            if signal == Signal::Interrupt {
                return self.finish(sys);
            }
        }
        self.listen(sys);
        if self.args.quit_on_reply && self.received > 0 {
            return self.finish(sys);
        }
        if sys.now() >= self.next {
            if self.args.count.is_some_and(|count| self.ticks >= count) {
                return self.finish(sys);
            }
            self.send(sys);
            self.ticks += 1;
            self.next = sys.now() + self.args.interval;
            let waited = sys.now().since(self.started);
            if self.args.timeout.is_some_and(|timeout| waited >= timeout) {
                return self.finish(sys);
            }
            // The answer is there already: packets take no time.
            self.listen(sys);
            if self.args.quit_on_reply && self.received > 0 {
                return self.finish(sys);
            }
        }
        sys.set_alarm(Some(self.next));
        if self.args.count.is_some() || self.args.timeout.is_some() {
            Poll::WaitBounded
        } else {
            Poll::WaitUnbounded
        }
    }

    fn send(&mut self, sys: &mut Sys<'_>) {
        let op = if self.args.answer { ArpOp::REPLY } else { ArpOp::REQUEST };
        let target_mac = if self.args.answer { self.me } else { self.to };
        let mut message = Skb::new();
        let (sha, sip, tip) = (self.me, self.source, self.args.target);
        put_arp(&mut message, &ArpParams { op, sha, sip, tha: target_mac, tip });
        let to = LinkTarget { dev: self.dev, protocol: EtherType::ARP, addr: self.to };
        self.last = sys.now();
        if sys.send_packet(self.socket, message.data(), Some(to)).is_ok() {
            self.sent += 1;
            self.broadcasts += u64::from(self.to == MacAddr::BROADCAST);
        }
    }

    fn listen(&mut self, sys: &mut Sys<'_>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Ok(from) = sys.recv_packet(self.socket, &mut buffer) {
            self.hear(sys, from.addr, from.pkt_type, &buffer);
        }
        self.buffer = buffer;
    }

    /// Judges an ARP packet and prints it if it answers (`recv_pack()`).
    fn hear(&mut self, sys: &mut Sys<'_>, from: MacAddr, pkt_type: PacketType, bytes: &[u8]) {
        let Ok(arp) = Arp::parse(bytes) else { return };
        let op = arp.op();
        let for_us =
            matches!(pkt_type, PacketType::Host | PacketType::Broadcast | PacketType::Multicast);
        if !for_us || op != ArpOp::REQUEST && op != ArpOp::REPLY {
            return;
        }
        if arp.sip() != self.args.target {
            return;
        }
        if self.args.duplicate_detection {
            if arp.sha() == self.me {
                return;
            }
            if !self.source.is_unspecified() && arp.tip() != self.source {
                return;
            }
        } else if arp.tip() != self.source || op == ArpOp::REPLY && arp.tha() != self.me {
            return;
        }
        if !self.args.quiet {
            sys.stdout(self.line(sys, &arp, pkt_type));
        }
        self.received += 1;
        self.requests_received += u64::from(op == ArpOp::REQUEST);
        if !self.args.keep_broadcasting && !self.args.unsolicited {
            self.to = from;
        }
    }

    fn line(&self, sys: &Sys<'_>, arp: &Arp<'_>, pkt_type: PacketType) -> String {
        let cast = if pkt_type == PacketType::Host { "Unicast" } else { "Broadcast" };
        let kind = if arp.op() == ArpOp::REPLY { "reply" } else { "request" };
        let mac = arp.sha().to_string().to_uppercase();
        let to = match arp.tip() {
            ip if ip == self.source => String::new(),
            ip => format!("for {ip} "),
        };
        let taken = sys.now().since(self.last).as_micros();
        format!(
            "{cast} {kind} from {} [{mac}] {to} {}.{:03}ms\n",
            arp.sip(),
            taken / 1000,
            taken % 1000
        )
    }

    fn finish(&self, sys: &mut Sys<'_>) -> Poll {
        if !self.args.quiet {
            let requests = match self.requests_received {
                0 => String::new(),
                n => format!(" ({n} request(s)"),
            };
            let close = if requests.is_empty() { "" } else { ")" };
            sys.stdout(format!(
                "Sent {} probes ({} broadcast(s))\nReceived {} response(s){requests}{close}\n",
                self.sent, self.broadcasts, self.received
            ));
        }
        Poll::Exit(u8::from(self.failed()))
    }

    fn failed(&self) -> bool {
        if self.args.duplicate_detection {
            self.received > 0
        } else if self.args.unsolicited {
            false
        } else if let (Some(count), Some(_)) = (self.args.count, self.args.timeout) {
            self.received < count
        } else {
            self.received == 0
        }
    }
}

/// The address that requests come from: the given one, or the one that the route to the target has. A
/// duplicate is looked for without an address.
fn source_address(sys: &mut Sys<'_>, args: &Args) -> Result<Ipv4Addr, Ended> {
    let source =
        if args.unsolicited && args.source.is_none() { Some(args.target) } else { args.source };
    if args.duplicate_detection && source.is_none() {
        return Ok(Ipv4Addr::UNSPECIFIED);
    }
    let failed = |what: &str, errno: Errno| fatal(2, format_args!("{what}: {errno}"));
    let socket = sys.socket(SocketType::Udp).map_err(|e| failed("socket", e))?;
    let answer = (|| {
        if let Some(name) = &args.device {
            let missing = || fatal(2, format_args!("Device {name} not available."));
            let device = name.parse().map_err(|_| missing())?;
            sys.set_option(socket, SockOpt::BindToDevice(Some(device))).map_err(|_| missing())?;
        }
        if let Some(source) = source {
            sys.bind(socket, SocketAddrV4::new(source, 0)).map_err(|e| failed("bind", e))?;
            return Ok(source);
        }
        let to = SocketAddrV4::new(args.target, PROBE_PORT);
        sys.connect(socket, to).map_err(|e| failed("connect", e))?;
        sys.local_addr(socket).map(|a| *a.ip()).map_err(|e| failed("getsockname", e))
    })();
    sys.close(socket);
    answer
}

/// The device to ask by: the given one, or the one that has the source address.
fn device(sys: &Sys<'_>, args: &Args, source: Ipv4Addr) -> Result<DevId, Ended> {
    let kernel = &sys.world.kernel;
    let netns = &kernel.netns[sys.netns()];
    let found = match args.device.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => name.parse().ok().and_then(|name| netns.names.get(&name).copied()),
        None => netns
            .links
            .values()
            .copied()
            .find(|dev| kernel.devs[*dev].inet.addrs.iter().any(|a| a.local == source)),
    };
    let name = args.device.as_deref().unwrap_or_default();
    let dev = found.ok_or_else(|| fatal(2, format_args!("Device {name} not available.")))?;
    let device = &kernel.devs[dev];
    let refused = |why: &str| {
        let text = format!("Interface \"{}\" is {why}\n", device.name);
        let shown = if args.quiet { "" } else { &text };
        Ended { status: 2, ..Ended::output(shown) }
    };
    if !device.is_up() {
        return Err(refused("down"));
    }
    if device.flags.contains(DevFlags::NOARP) || device.is_loopback() {
        return Err(refused("not ARPable"));
    }
    Ok(dev)
}

//! A workbench for tests of TCP: transcripts of what programs did on Linux 6.18 and of the segments that
//! were seen at one end, replayed here.
//!
//! Two namespaces, `a` and `b`, are joined by a wire. A line `$ NS VERB ...` is a step, `= ...` what it
//! answered, and lines with `>` or `<` are segments that left `a` or came to it. Sequence numbers count from
//! the connection's first one; timestamps and identifications are left out, but for those that are 0.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::link::lab::{down, link, up};
use crate::netlink::request::{LinkChange, Request};
use crate::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpParams, push_ethernet, push_ipv4,
    push_tcp,
};
use crate::packet::tcp_options::TcpOption;
use crate::packet::{EtherType, Icmp, IpProto, Ipv4, MacAddr, PacketType, Skb, Tcp, TcpFlags};
use crate::socket::lab::{A, B, Pair, at, mac};
use crate::socket::tcp::dump::dump;
use crate::socket::{Shutdown, SockOpt, SocketType};

/// The flags as they are written, in the order of `tcpdump`.
const FLAGS: [(char, TcpFlags); 8] = [
    ('S', TcpFlags::SYN),
    ('F', TcpFlags::FIN),
    ('R', TcpFlags::RST),
    ('P', TcpFlags::PSH),
    ('U', TcpFlags::URG),
    ('E', TcpFlags::ECE),
    ('W', TcpFlags::CWR),
    ('.', TcpFlags::ACK),
];

type Key = (Ipv4Addr, u16, Ipv4Addr, u16);

/// Replays a transcript and compares.
pub(super) fn replay(transcript: &str) {
    let mut lab = Replay::new();
    let mut ours = String::new();
    for line in transcript.lines() {
        if let Some(step) = line.strip_prefix("$ ") {
            writeln!(ours, "{line}").unwrap();
            let words: Vec<&str> = step.split_whitespace().collect();
            if let Some(answer) = lab.step(&words) {
                writeln!(ours, "= {answer}").unwrap();
            }
            lab.show_segments(&mut ours);
        } else if line.starts_with('#') || line.is_empty() {
            writeln!(ours, "{line}").unwrap();
        }
    }
    compare(transcript, &ours);
}

fn compare(kernel: &str, ours: &str) {
    let differ = kernel.lines().zip(ours.lines()).position(|(a, b)| a != b);
    let lengths = (kernel.lines().count(), ours.lines().count());
    if differ.is_none() && lengths.0 == lengths.1 {
        return;
    }
    let at = differ.unwrap_or_else(|| lengths.0.min(lengths.1));
    let context = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        lines[at.saturating_sub(14).min(lines.len())..lines.len().min(at + 12)].join("\n")
    };
    panic!("line {}\nkernel:\n{}\n\nours:\n{}", at + 1, context(kernel), context(ours));
}

struct Replay {
    pair: Pair,
    sockets: BTreeMap<String, SocketId>,
    captures: [SocketId; 2],
    injector: [SocketId; 2],
    isn: BTreeMap<Key, u32>,
    listening: Vec<u16>,
}

impl Replay {
    fn new() -> Self {
        let mut pair = Pair::new();
        let captures = ["e0", "lo"].map(|dev| {
            let capture = pair.capture(pair.a, dev);
            pair.world.set_option(capture, SockOpt::RcvBuf(4_194_304)).unwrap();
            capture
        });
        // What they inject they do not see themselves: the capture at `a` is its injector.
        let injector = [captures[0], pair.capture(pair.b, "e0")];
        let mut replay = Self {
            pair,
            sockets: BTreeMap::new(),
            captures,
            injector,
            isn: BTreeMap::new(),
            listening: Vec::new(),
        };
        replay.lose("a", false);
        replay.lose("b", false);
        replay
    }

    fn netns(&self, name: &str) -> NetnsId {
        if name == "a" { self.pair.a } else { self.pair.b }
    }

    fn socket(&self, name: &str) -> SocketId {
        self.sockets[name]
    }

    fn step(&mut self, words: &[&str]) -> Option<String> {
        if let ["wait", ms] = words {
            let end = self.pair.world.now() + Duration::from_millis(ms.parse().unwrap());
            self.pair.world.run_until(end);
            return None;
        }
        let (ns, words) = words.split_first().unwrap();
        let netns = self.netns(ns);
        let world = &mut self.pair.world;
        match words {
            ["socket", name] => {
                let socket = world.socket(netns, SocketType::Tcp).unwrap();
                self.sockets.insert((*name).into(), socket);
                None
            }
            ["listen", name, port, backlog, addr @ ..] => {
                let own = if *ns == "a" { A } else { B };
                let addr = addr.first().map_or(own, |addr| addr.parse().unwrap());
                self.listen(netns, name, at(addr, port.parse().unwrap()), number(backlog));
                None
            }
            ["connect", name, port, addr @ ..] => {
                let other = if *ns == "a" { B } else { A };
                let addr = addr.first().map_or(other, |addr| addr.parse().unwrap());
                Some(text(self.connect(netns, name, at(addr, port.parse().unwrap()))))
            }
            ["accept", name, listener] => {
                let accepted = world.accept(self.sockets[*listener]);
                Some(text(accepted.map(|socket| {
                    self.sockets.insert((*name).into(), socket);
                })))
            }
            [
                call @ ("bind" | "status" | "send" | "recv" | "ss" | "recvall" | "close"
                | "shutdown"),
                name,
                args @ ..,
            ] => self.call(call, name, args),
            [option @ ("nodelay" | "rcvbuf" | "sndbuf" | "tos"), name, value] => {
                let value = number(value);
                let option = match *option {
                    "nodelay" => SockOpt::NoDelay(value != 0),
                    "rcvbuf" => SockOpt::RcvBuf(value),
                    "sndbuf" => SockOpt::SndBuf(value),
                    _ => SockOpt::Tos(u8::try_from(value).unwrap()),
                };
                world.set_option(self.sockets[*name], option).unwrap();
                None
            }
            _ => {
                self.configure(ns, netns, words);
                None
            }
        }
    }

    fn listen(&mut self, netns: NetnsId, name: &str, addr: SocketAddrV4, backlog: u32) {
        let world = &mut self.pair.world;
        let socket = world.socket(netns, SocketType::Tcp).unwrap();
        world.set_option(socket, SockOpt::ReuseAddr(true)).unwrap();
        world.bind(socket, addr).unwrap();
        world.listen(socket, backlog).unwrap();
        self.listening.push(addr.port());
        self.sockets.insert(name.into(), socket);
    }

    fn connect(&mut self, netns: NetnsId, name: &str, to: SocketAddrV4) -> Result<(), Errno> {
        let world = &mut self.pair.world;
        let known = self.sockets.get(name).copied();
        let open = known.filter(|s| world.kernel.sockets.get(*s).is_some());
        let socket = open.unwrap_or_else(|| world.socket(netns, SocketType::Tcp).unwrap());
        self.sockets.insert(name.into(), socket);
        world.connect(socket, to)
    }

    /// A call on a socket that is there, and its answer.
    fn call(&mut self, call: &str, name: &str, args: &[&str]) -> Option<String> {
        let socket = self.sockets[name];
        let world = &mut self.pair.world;
        match (call, args) {
            ("bind", [addr, port]) => {
                let addr = at(addr.parse().unwrap(), port.parse().unwrap());
                Some(text(world.bind(socket, addr)))
            }
            ("status", _) => Some(self.status(name)),
            ("ss", _) => Some(self.internals(name)),
            ("recvall", _) => Some(self.receive_all(name)),
            ("send", [bytes]) => Some(count(world.send(socket, &vec![b'x'; size(bytes)]))),
            ("recv", [bytes]) => Some(count(world.recv(socket, &mut Vec::new(), size(bytes)))),
            ("shutdown", [how]) => {
                let how = match *how {
                    "rd" => Shutdown::READ,
                    "wr" => Shutdown::WRITE,
                    _ => Shutdown::BOTH,
                };
                Some(text(world.shutdown(socket, how)))
            }
            ("close", _) => {
                world.close_socket(socket);
                None
            }
            _ => panic!("not understood: {call} {args:?}"),
        }
    }

    fn configure(&mut self, ns: &str, netns: NetnsId, words: &[&str]) {
        match words {
            ["sysctl", name, value] => {
                let (name, value) = ((*name).to_owned(), (*value).to_owned());
                self.pair.request(netns, &Request::SysctlSet { name, value });
            }
            ["lose", on] => self.lose(ns, *on == "on"),
            ["link", state] => {
                let change = if *state == "up" { up() } else { down() };
                self.pair.request(netns, &Request::LinkSet(link("e0"), change));
            }
            ["mtu", mtu] => {
                let change = LinkChange { mtu: Some(number(mtu)), ..LinkChange::default() };
                self.pair.request(netns, &Request::LinkSet(link("e0"), change));
            }
            ["raw", name, flags, seq, ack, window, len] => {
                let socket = self.socket(name);
                let inet = self.pair.world.kernel.sockets[socket].inet;
                let key = (inet.saddr, inet.sport, inet.daddr, inet.dport);
                let back = (key.2, key.3, key.0, key.1);
                let seq = self.isn[&key].wrapping_add(number(seq));
                let ack = self.isn[&back].wrapping_add(number(ack));
                self.inject(ns, key, flags, (seq, ack), number(window), number(len));
            }
            ["rawport", from, to, flags, seq, ack, window, len] => {
                let (own, other) = if ns == "a" { (A, B) } else { (B, A) };
                let key = (own, from.parse().unwrap(), other, to.parse().unwrap());
                let numbers = (number(seq), number(ack));
                self.inject(ns, key, flags, numbers, number(window), number(len));
            }
            _ => panic!("not understood: {words:?}"),
        }
    }

    fn status(&mut self, name: &str) -> String {
        let socket = self.socket(name);
        let ready = self.pair.world.poll(socket);
        if !ready.writable {
            return "EINPROGRESS".into();
        }
        self.pair.world.take_error(socket).map_or_else(|| "ok".into(), |errno| errno.name().into())
    }

    /// What `ss -tmi` shows, as far as it does not depend on how fast a machine is.
    fn internals(&self, name: &str) -> String {
        let socket = self.socket(name);
        let netns = self.pair.world.kernel.sockets[socket].netns;
        let all = dump(&self.pair.world.kernel, netns);
        let shown = all.iter().find(|dump| dump.id == Some(socket)).unwrap();
        let info = shown.info.unwrap();
        format!(
            "q {} {} mss {} rcvmss {} advmss {} rcv_ssthresh {} snd_wnd {} unacked {} \
             r {} w {}/{}",
            shown.recv_q,
            shown.send_q,
            info.mss,
            info.rcv_mss,
            info.advmss,
            info.rcv_ssthresh,
            info.snd_wnd,
            info.unacked,
            info.rmem.0,
            info.wmem.0,
            info.wmem.1,
        )
    }

    fn receive_all(&mut self, name: &str) -> String {
        let socket = self.socket(name);
        let mut total = 0;
        loop {
            match self.pair.world.recv(socket, &mut Vec::new(), 65536) {
                Ok(0) => return format!("{total} eof"),
                Ok(bytes) => total += bytes,
                Err(errno) => return format!("{total} {}", errno.name()),
            }
        }
    }

    /// Has `ns` know a wrong or the right hardware address of the other end.
    fn lose(&mut self, ns: &str, on: bool) {
        let other: u8 = if ns == "a" { 2 } else { 1 };
        let wrong = MacAddr([2, 0, 0, 0, 0xff, other]);
        let netns = self.netns(ns);
        let neighbour = Ipv4Addr::new(10, 0, 9, other);
        self.pair.know(netns, neighbour, if on { wrong } else { mac(other) });
    }

    /// Sends a segment that no socket has made.
    fn inject(
        &mut self,
        ns: &str,
        key: Key,
        flags: &str,
        (seq, ack): (u32, u32),
        window: u32,
        len: u32,
    ) {
        let flags = flags.chars().fold(TcpFlags::NONE, |all, c| {
            all | FLAGS.iter().find(|(name, _)| *name == c).unwrap().1
        });
        let mut skb = Skb::from_slice(&vec![b'y'; len as usize]);
        let params = TcpParams {
            src_port: key.1,
            dst_port: key.3,
            seq,
            ack: if flags.ack() { ack } else { 0 },
            flags,
            window: u16::try_from(window).unwrap(),
            urgent_pointer: 0,
            options: TcpOptionBytes::EMPTY,
            checksum: ChecksumMode::Complete,
        };
        push_tcp(&mut skb, &params, PseudoHeader::V4 { src: key.0, dst: key.2 });
        let ip = Ipv4Params { id: 77, df: true, ..Ipv4Params::new(key.0, key.2, IpProto::TCP) };
        push_ipv4(&mut skb, &ip);
        let (own, other) = if ns == "a" { (1, 2) } else { (2, 1) };
        push_ethernet(&mut skb, mac(other), mac(own), EtherType::IPV4);
        let injector = self.injector[usize::from(ns != "a")];
        self.pair.world.send_packet(injector, skb.data(), None).unwrap();
    }

    /// Shows what was seen at `a` since the last step.
    fn show_segments(&mut self, out: &mut String) {
        for (capture, loops) in [(self.captures[0], false), (self.captures[1], true)] {
            let mut frame = Vec::new();
            while let Ok(info) = self.pair.world.recv_packet(capture, &mut frame) {
                let leaves = info.pkt_type == PacketType::Outgoing;
                if loops && leaves {
                    continue;
                }
                if let Some(line) = self.line(&frame[14..], loops, leaves) {
                    writeln!(out, "{line}").unwrap();
                }
            }
        }
    }

    fn line(&mut self, packet: &[u8], loops: bool, leaves: bool) -> Option<String> {
        let ip = Ipv4::parse(packet).ok()?;
        let arrow = if leaves { ">" } else { "<" };
        if ip.proto() == IpProto::ICMP {
            let icmp = Icmp::parse(ip.payload()).unwrap();
            let arrow = if loops { String::new() } else { format!("{arrow} ") };
            return Some(format!("{arrow}icmp {}/{}", icmp.icmp_type().0, icmp.code()));
        }
        let tcp = Tcp::parse(ip.payload()).ok()?;
        assert!(tcp.checksum_ok(ip.src(), ip.dst()) && ip.checksum_ok(), "checksums");
        let key = (ip.src(), tcp.src_port(), ip.dst(), tcp.dst_port());
        let back = (key.2, key.3, key.0, key.1);
        if tcp.flags().syn() {
            self.isn.insert(key, tcp.seq());
        }
        let base = self.isn.get(&key).copied();
        let back = self.isn.get(&back).copied();
        let seq = match base {
            Some(base) => relative(tcp.seq().wrapping_sub(base)),
            None if tcp.seq() == 0 => "0".into(),
            None => "x".into(),
        };
        let direction = match (loops, self.listening.contains(&key.3)) {
            (false, _) => arrow,
            (true, true) => "S",
            (true, false) => "R",
        };
        let flags: String =
            FLAGS.iter().filter(|(_, f)| tcp.flags().contains(*f)).map(|(c, _)| *c).collect();
        let mut line = format!("{direction} {flags} {seq}");
        let len = tcp.payload().len();
        if len > 0 {
            let start: usize = seq.parse().unwrap_or(0);
            write!(line, ":{}", start + len).unwrap();
        }
        if tcp.flags().ack() {
            match back {
                Some(back) => write!(line, " ack {}", tcp.ack().wrapping_sub(back)).unwrap(),
                None => line.push_str(" ack x"),
            }
        }
        write!(line, " win {}", tcp.window()).unwrap();
        let options: Vec<String> =
            tcp.options_iter().map(|option| option_text(option, back.unwrap_or(0))).collect();
        if !options.is_empty() {
            write!(line, " [{}]", options.join(",")).unwrap();
        }
        if ip.id() == 0 {
            line.push_str(" id 0");
        }
        if !ip.df() {
            line.push_str(" -df");
        }
        if ip.tos() != 0 {
            write!(line, " tos {:#x}", ip.tos()).unwrap();
        }
        if ip.ttl() != 64 {
            write!(line, " ttl {}", ip.ttl()).unwrap();
        }
        Some(line)
    }
}

fn option_text(option: TcpOption<'_>, base: u32) -> String {
    match option {
        TcpOption::Nop => "nop".into(),
        TcpOption::Mss(mss) => format!("mss {mss}"),
        TcpOption::WindowScale(scale) => format!("wscale {scale}"),
        TcpOption::SackPermitted => "sackOK".into(),
        TcpOption::Timestamps { .. } => "TS".into(),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<String> = blocks
                .iter()
                .map(|(a, b)| format!("{}:{}", a.wrapping_sub(base), b.wrapping_sub(base)))
                .collect();
            format!("sack {}", blocks.join(" "))
        }
        TcpOption::Other { kind, .. } => format!("opt-{kind}"),
    }
}

/// A number that counts from the connection's first one; one that is far from it has nothing to do with
/// it.
fn relative(number: u32) -> String {
    if (0x1000_0000..0xffff_0000).contains(&number) { "x".into() } else { number.to_string() }
}

fn number(word: &str) -> u32 {
    word.parse().unwrap()
}

fn size(word: &str) -> usize {
    word.parse().unwrap()
}

fn text(answer: Result<(), Errno>) -> String {
    answer.map_or_else(|errno| errno.name().into(), |()| "ok".into())
}

fn count(answer: Result<usize, Errno>) -> String {
    answer.map_or_else(|errno| errno.name().into(), |n| n.to_string())
}

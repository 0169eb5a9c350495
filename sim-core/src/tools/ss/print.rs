//! A socket as a line of the list.

use std::fmt::{Arguments, Write as _};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::id::NetnsId;
use crate::libc::services::{self, Transport};
use crate::socket::tcp::TcpState;
use crate::socket::tcp::dump::ShownTimer;
use crate::time::JIFFY;
use crate::tools::names;
use crate::tools::ss::args::Args;
use crate::tools::ss::filter::Place;
use crate::tools::ss::info;
use crate::tools::ss::sock::{self, Kind, Memory, Sock, User, Whole};
use crate::world::World;

/// Prints sockets as the command line wants them.
pub(super) struct Printer<'a> {
    pub(super) args: &'a Args,
    pub(super) world: &'a World,
    pub(super) netns: NetnsId,
}

impl Printer<'_> {
    /// The columns of a socket.
    pub(super) fn cells(&self, sock: &Sock) -> [String; 9] {
        let (addr, serv) = self.place(sock, sock.local);
        let (peer_addr, peer_serv) = match sock.peer {
            Place::Packet(..) => ("*".to_owned(), String::new()),
            peer @ Place::Inet(..) => self.place(sock, peer),
        };
        let addr = match &sock.dev {
            Some(dev) if !is_packet(sock) => addr.replacen(':', &format!("%{dev}:"), 1),
            _ => addr,
        };
        [
            netid(sock.kind).to_owned(),
            state(sock.state).to_owned(),
            format!("{:<6}", sock.recv_q),
            format!("{:<6}", sock.send_q),
            addr,
            serv,
            peer_addr,
            peer_serv,
            self.extension(sock),
        ]
    }

    /// An address with its colon, and a port.
    fn place(&self, sock: &Sock, place: Place) -> (String, String) {
        match place {
            Place::Inet(addr, port) => (self.host(addr) + ":", self.service(sock.kind, port)),
            Place::Packet(protocol, _) => {
                let protocol = match protocol {
                    3 => "*".to_owned(),
                    number => sock::link_protocol_name(number, self.args.numeric),
                };
                (protocol + ":", sock.dev.clone().unwrap_or_else(|| "*".to_owned()))
            }
        }
    }

    fn host(&self, addr: Ipv4Addr) -> String {
        if self.args.resolve && addr == Ipv4Addr::LOCALHOST {
            return "localhost".to_owned();
        }
        addr.to_string()
    }

    /// What a port is called (`resolve_service()`).
    fn service(&self, kind: Kind, port: u16) -> String {
        if port == 0 {
            return "*".to_owned();
        }
        if self.args.numeric {
            return port.to_string();
        }
        let transport = match kind {
            Kind::Raw => {
                let number = u8::try_from(port).unwrap_or(u8::MAX);
                return names::ip_proto_name(number, false).into_owned();
            }
            Kind::Udp => Transport::Udp,
            Kind::Tcp | Kind::PacketRaw | Kind::PacketDgram => Transport::Tcp,
        };
        let named = services::name(port, transport)
            .filter(|_| !sock::is_ephemeral(self.world, self.netns, port));
        named.map_or_else(|| port.to_string(), str::to_owned)
    }

    /// What options add.
    fn extension(&self, sock: &Sock) -> String {
        let args = self.args;
        let mut text = String::new();
        if (args.processes || args.threads) && !sock.users.is_empty() {
            let users: Vec<String> = sock.users.iter().map(|user| self.user(user)).collect();
            push(&mut text, format_args!(" users:({})", users.join(",")));
        }
        if is_packet(sock) {
            self.packet_extension(sock, &mut text);
        } else {
            self.inet_extension(sock, &mut text);
        }
        text
    }

    fn user(&self, user: &User) -> String {
        let User { name, pid, fd } = user;
        let thread = if self.args.threads { format!("tid={pid},") } else { String::new() };
        format!("(\"{name}\",pid={pid},{thread}fd={fd})")
    }

    /// `-e` and `-m` of a packet socket.
    fn packet_extension(&self, sock: &Sock, text: &mut String) {
        let Some(whole) = &sock.whole else { return };
        if self.args.details {
            details(sock, text);
            let running = if whole.running { "running" } else { "0" };
            text.push_str(if self.args.oneline { " " } else { "\n\t" });
            push(text, format_args!("ver:0 cpy_thresh:0 flags( {running} )"));
        }
        if self.args.memory {
            text.push_str(&memory(&whole.memory));
        }
    }

    fn inet_extension(&self, sock: &Sock, text: &mut String) {
        let args = self.args;
        // What a raw socket does not tell.
        let has_more = sock.kind != Kind::Raw && sock.whole.is_some();
        if args.options {
            self.timer(sock, text);
        }
        if args.details {
            details(sock, text);
            if let Some(whole) = &sock.whole {
                if has_more {
                    text.push_str(" cgroup:/");
                }
                let end = |closed, open| if closed { '-' } else { open };
                let (read, write) = (whole.shutdown.read, whole.shutdown.write);
                push(text, format_args!(" {}-{}", end(read, '<'), end(write, '>')));
            }
        }
        if let Some(whole) = sock.whole.as_ref().filter(|_| has_more) {
            self.settings(whole, text);
        }
        if args.memory || (args.info && sock.kind != Kind::Udp) {
            if !args.oneline {
                text.push_str("\n\t");
            }
            if let Some(whole) = sock.whole.as_ref().filter(|_| args.memory) {
                text.push_str(&memory(&whole.memory));
            }
            if args.info && sock.kind == Kind::Tcp {
                text.push_str(&info::of(sock, args, self.world, self.netns));
            }
        }
    }

    /// `--tos`, `--cgroup` and `--inet-sockopt`.
    fn settings(&self, whole: &Whole, text: &mut String) {
        let args = self.args;
        if args.tos {
            let prefix = if whole.tos == 0 { "" } else { "0x" };
            push(text, format_args!(" tos:{prefix}{:x} class_id:0", whole.tos));
        }
        if args.cgroup {
            text.push_str(" cgroup:/");
        }
        if args.inet_sockopt {
            text.push_str(if args.oneline { " " } else { "\n\t" });
            text.push_str("inet-sockopt: (");
            whole.options.iter().for_each(|option| push(text, format_args!(" {option}")));
            text.push(')');
        }
    }

    fn timer(&self, sock: &Sock, text: &mut String) {
        let Some((timer, expires, fired)) = sock.timer else { return };
        let name = match timer {
            ShownTimer::On => "on",
            ShownTimer::KeepAlive => "keepalive",
            ShownTimer::TimeWait => "timewait",
            ShownTimer::Persist => "persist",
        };
        // The kernel counts jiffies.
        let left = expires.jiffies().saturating_sub(self.world.now().jiffies());
        let left = span(JIFFY.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX)));
        push(text, format_args!(" timer:({name},{left},{fired})"));
    }
}

fn push(text: &mut String, more: Arguments<'_>) {
    text.write_fmt(more).expect("there is room for text");
}

fn is_packet(sock: &Sock) -> bool {
    matches!(sock.kind, Kind::PacketRaw | Kind::PacketDgram)
}

fn netid(kind: Kind) -> &'static str {
    match kind {
        Kind::Tcp => "tcp",
        Kind::Udp => "udp",
        Kind::Raw => "raw",
        Kind::PacketRaw => "p_raw",
        Kind::PacketDgram => "p_dgr",
    }
}

fn state(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "ESTAB",
        TcpState::SynSent => "SYN-SENT",
        TcpState::SynRecv => "SYN-RECV",
        TcpState::FinWait1 => "FIN-WAIT-1",
        TcpState::FinWait2 => "FIN-WAIT-2",
        TcpState::TimeWait => "TIME-WAIT",
        TcpState::Close => "UNCONN",
        TcpState::CloseWait => "CLOSE-WAIT",
        TcpState::LastAck => "LAST-ACK",
        TcpState::Listen => "LISTEN",
        TcpState::Closing => "CLOSING",
    }
}

/// What `-e` shows of any socket.
fn details(sock: &Sock, text: &mut String) {
    push(text, format_args!(" ino:{} sk:{:x}", sock.inode, sock.cookie));
    if sock.mark != 0 {
        push(text, format_args!(" fwmark:0x{:x}", sock.mark));
    }
}

fn memory(memory: &Memory) -> String {
    let Memory { received, rcvbuf, sndbuf, queued, backlog, drops } = memory;
    let set_aside = memory.set_aside();
    format!(
        " skmem:(r{received},rb{rcvbuf},t0,tb{sndbuf},f{set_aside},w{queued},o0,bl{backlog},d{drops})"
    )
}

/// A span of time, the more roughly the longer it is (`print_ms_timer()`).
fn span(left: Duration) -> String {
    let (minutes, seconds, millis) =
        (left.as_secs() / 60, left.as_secs() % 60, left.subsec_millis());
    let seconds = if minutes > 9 { 0 } else { seconds };
    let millis = if minutes > 0 || seconds > 9 { 0 } else { millis };
    let mut text = String::new();
    if minutes > 0 {
        text = format!("{minutes}min");
    }
    if seconds > 0 {
        push(&mut text, format_args!("{seconds}{}", if millis > 0 { "." } else { "sec" }));
    }
    if millis > 0 {
        push(&mut text, format_args!("{millis:03}ms"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on iproute2 6.1.0.
    #[test]
    fn long_spans_are_rough_ones() {
        for (millis, text) in [
            (59_996, "59sec"),
            (5_120, "5.120ms"),
            (200, "200ms"),
            (60_000, "1min"),
            (119_000, "1min59sec"),
            (7_199_000, "119min"),
            (0, ""),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text, "{millis}");
        }
    }
}

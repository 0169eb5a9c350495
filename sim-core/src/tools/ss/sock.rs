//! The sockets of a namespace as `ss` lists them: what `inet_diag`, `udp_diag`, `raw_diag` and
//! `packet_diag` answer.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::id::{Id as _, NetnsId, SocketId};
use crate::packet::EtherType;
use crate::socket::tcp::TcpState;
use crate::socket::tcp::dump::{self, ShownTimer, TcpInfo};
use crate::socket::{PacketSock, Protocol, Shutdown, Socket};
use crate::time::SimTime;
use crate::tools::ss::args::{Db, Family};
use crate::tools::ss::filter::{Place, Subject};
use crate::world::World;

/// The inode number of the first socket. The kernel's numbers are drawn for all inodes of the machine;
/// these follow from the order in which sockets were opened.
const FIRST_INODE: usize = 20_000;
/// A page, in which memory is set aside for sockets, in bytes.
const PAGE: u32 = 4096;

/// What kind of socket it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Tcp,
    Udp,
    Raw,
    PacketRaw,
    PacketDgram,
}

impl Kind {
    /// The list that it stands in, and the family of its addresses.
    pub(super) const fn list(self) -> (Db, Family) {
        match self {
            Self::Tcp => (Db::Tcp, Family::Inet),
            Self::Udp => (Db::Udp, Family::Inet),
            Self::Raw => (Db::Raw, Family::Inet),
            Self::PacketRaw => (Db::PacketRaw, Family::Packet),
            Self::PacketDgram => (Db::PacketDgram, Family::Packet),
        }
    }
}

/// A socket.
#[derive(Clone, Debug)]
pub(super) struct Sock {
    pub(super) kind: Kind,
    pub(super) state: TcpState,
    pub(super) recv_q: u32,
    pub(super) send_q: u32,
    pub(super) local: Place,
    pub(super) peer: Place,
    /// The name of the device it is bound to.
    pub(super) dev: Option<String>,
    /// What has it open.
    pub(super) users: Vec<User>,
    pub(super) timer: Option<(ShownTimer, SimTime, u32)>,
    /// 0 for what no program has.
    pub(super) inode: usize,
    pub(super) cookie: usize,
    pub(super) mark: u32,
    /// What only a whole socket has.
    pub(super) whole: Option<Whole>,
    /// What only a TCP connection or listener has.
    pub(super) info: Option<TcpInfo>,
    subject: Subject,
}

/// What a socket has and the rest of a connection has not.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) shutdown: Shutdown,
    pub(super) tos: u8,
    pub(super) memory: Memory,
    /// Which options of `--inet-sockopt` are on.
    pub(super) options: Vec<&'static str>,
    /// Whether a packet socket receives (`PDI_RUNNING`).
    pub(super) running: bool,
}

/// The memory that a socket uses, in bytes (`SK_MEMINFO_*`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Memory {
    pub(super) received: u32,
    pub(super) rcvbuf: u32,
    pub(super) sndbuf: u32,
    pub(super) queued: u32,
    pub(super) backlog: u32,
    pub(super) drops: u32,
}

impl Memory {
    /// What was set aside and is not used (`sk_forward_alloc`): what is left of the last page.
    pub(super) fn set_aside(&self) -> u32 {
        let used = self.received + self.queued;
        used.next_multiple_of(PAGE) - used
    }
}

/// A program that has a socket open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct User {
    pub(super) name: &'static str,
    pub(super) pid: u32,
    pub(super) fd: usize,
}

impl Sock {
    /// What filters look at.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }
}

/// All sockets of a namespace, kind by kind in the order in which `ss` asks for them; of a kind in the
/// order in which they were opened, but TCP listeners first.
pub(super) fn all(world: &World, netns: NetnsId) -> Vec<Sock> {
    let users = users(world);
    let mut packet = Vec::new();
    let mut raw = Vec::new();
    let mut udp = Vec::new();
    let collector = Collector { world, netns, users };
    for (id, socket) in world.kernel.sockets.iter().filter(|(_, s)| s.netns == netns) {
        match &socket.protocol {
            Protocol::Packet(protocol) => packet.push(collector.packet(id, socket, protocol)),
            Protocol::Raw(_) => raw.push(collector.datagram(id, socket, Kind::Raw)),
            Protocol::Udp if socket.inet.sport != 0 => {
                udp.push(collector.datagram(id, socket, Kind::Udp));
            }
            Protocol::Udp | Protocol::Ping | Protocol::Tcp(_) | Protocol::TcpTimeWait(_) => {}
        }
    }
    let mut tcp = collector.tcp();
    tcp.sort_by_key(|sock| sock.state != TcpState::Listen);
    [packet, raw, udp, tcp].into_iter().flatten().collect()
}

/// Who has which socket open.
fn users(world: &World) -> BTreeMap<SocketId, Vec<User>> {
    let mut users: BTreeMap<SocketId, Vec<User>> = BTreeMap::new();
    for (id, process) in world.processes() {
        for (fd, socket) in process.descriptors() {
            let user = User { name: process.name, pid: id.pid(), fd };
            users.entry(socket).or_default().push(user);
        }
    }
    users
}

struct Collector<'w> {
    world: &'w World,
    netns: NetnsId,
    users: BTreeMap<SocketId, Vec<User>>,
}

impl Collector<'_> {
    fn packet(&self, id: SocketId, socket: &Socket, packet: &PacketSock) -> Sock {
        let dev = packet.dev.map_or(0, |dev| self.world.kernel.devs[dev].ifindex.0);
        let local = Place::Packet(packet.protocol.0, dev);
        let kind = if packet.cooked { Kind::PacketDgram } else { Kind::PacketRaw };
        let mut sock = self.sock(id, socket, kind, local, Place::Packet(0, 0));
        sock.dev = packet.dev.map(|dev| self.world.kernel.devs[dev].name.to_string());
        sock.subject.dev = dev;
        sock.subject.is_ephemeral = local == Place::Packet(0, 0);
        if let Some(whole) = &mut sock.whole {
            whole.running = packet.protocol != EtherType(0) && !packet.gone;
        }
        sock
    }

    fn datagram(&self, id: SocketId, socket: &Socket, kind: Kind) -> Sock {
        let inet = &socket.inet;
        let local = Place::Inet(inet.rcv_saddr, inet.sport);
        let peer = Place::Inet(inet.daddr, inet.dport);
        let mut sock = self.sock(id, socket, kind, local, peer);
        if inet.connected {
            sock.state = TcpState::Established;
        }
        sock
    }

    fn tcp(&self) -> Vec<Sock> {
        let kernel = &self.world.kernel;
        let mut requests = kernel.sockets.len();
        let place = |addr: SocketAddrV4| Place::Inet(*addr.ip(), addr.port());
        let mut found = Vec::new();
        for entry in dump::dump(kernel, self.netns) {
            let (local, peer) = (place(entry.local), place(entry.peer));
            let mut sock = match entry.id {
                Some(id) => self.sock(id, &kernel.sockets[id], Kind::Tcp, local, peer),
                None => {
                    requests += 1;
                    self.request(requests, local, peer)
                }
            };
            sock.state = entry.state;
            (sock.recv_q, sock.send_q) = (entry.recv_q, entry.send_q);
            (sock.timer, sock.info) = (entry.timer, entry.info);
            // A socket that is neither bound nor connected is in no table.
            if entry.state != TcpState::Close {
                found.push(sock);
            }
        }
        found
    }

    /// A socket, with all that sockets of all kinds have.
    fn sock(&self, id: SocketId, socket: &Socket, kind: Kind, local: Place, peer: Place) -> Sock {
        let users = self.users.get(&id).cloned().unwrap_or_default();
        let memory = memory(socket);
        let whole = !matches!(socket.protocol, Protocol::TcpTimeWait(_));
        let is_open = match &socket.protocol {
            Protocol::Tcp(tcp) => !tcp.orphaned && tcp.parent.is_none(),
            Protocol::TcpTimeWait(_) => false,
            Protocol::Udp | Protocol::Ping | Protocol::Raw(_) | Protocol::Packet(_) => true,
        };
        let index = id.index() as usize;
        let opts = &socket.opts;
        let dev = opts.bound_dev.map(|dev| &self.world.kernel.devs[dev]);
        Sock {
            kind,
            state: TcpState::Close,
            recv_q: memory.received,
            send_q: 0,
            local,
            peer,
            dev: dev.map(|dev| dev.name.to_string()),
            users,
            timer: None,
            inode: if is_open { FIRST_INODE + index } else { 0 },
            cookie: index + 1,
            mark: opts.mark,
            whole: whole.then(|| Whole {
                shutdown: socket.shutdown,
                tos: opts.tos,
                memory,
                options: options(socket),
                running: false,
            }),
            info: None,
            subject: Subject {
                local,
                peer,
                dev: dev.map_or(0, |dev| dev.ifindex.0),
                mark: opts.mark,
                is_ephemeral: self.is_ephemeral(local),
            },
        }
    }

    /// A SYN that was answered.
    fn request(&self, cookie: usize, local: Place, peer: Place) -> Sock {
        let is_ephemeral = self.is_ephemeral(local);
        Sock {
            kind: Kind::Tcp,
            state: TcpState::SynRecv,
            recv_q: 0,
            send_q: 0,
            local,
            peer,
            dev: None,
            users: Vec::new(),
            timer: None,
            inode: 0,
            cookie,
            mark: 0,
            whole: None,
            info: None,
            subject: Subject { local, peer, dev: 0, mark: 0, is_ephemeral },
        }
    }

    fn is_ephemeral(&self, place: Place) -> bool {
        matches!(place, Place::Inet(_, port) if is_ephemeral(self.world, self.netns, port))
    }
}

/// Whether the kernel may choose a port.
pub(super) fn is_ephemeral(world: &World, netns: NetnsId, port: u16) -> bool {
    let (low, high) = world.kernel.netns[netns].sysctl.local_ports();
    (low..=high).contains(&port)
}

fn memory(socket: &Socket) -> Memory {
    let opts = &socket.opts;
    let mut memory = Memory {
        received: u32::try_from(socket.receive_queue.used()).unwrap_or(u32::MAX),
        rcvbuf: opts.rcvbuf,
        sndbuf: opts.sndbuf,
        queued: 0,
        backlog: 0,
        drops: socket.drops,
    };
    if let Protocol::Tcp(tcp) = &socket.protocol {
        memory.received = tcp.rx.rmem;
        memory.queued = tcp.tx.queued;
        memory.backlog = tcp.rx.backlog;
    }
    memory
}

/// The options that `--inet-sockopt` knows, as far as they are on.
fn options(socket: &Socket) -> Vec<&'static str> {
    let opts = &socket.opts;
    let is_tcp = matches!(socket.protocol, Protocol::Tcp(_));
    [
        (opts.recv_err, "recverr"),
        (is_tcp, "is_icsk"),
        (opts.hdr_incl, "hdrincl"),
        (opts.mc_loop, "mc_loop"),
        (true, "mc_all"),
    ]
    .into_iter()
    .filter_map(|(on, name)| on.then_some(name))
    .collect()
}

/// Protocols above the link by name (`ll_proto_n2a()`), the ones that people meet.
const LINK_PROTOCOLS: &[(u16, &str)] = &[
    (0x0800, "ip"),
    (0x0806, "arp"),
    (0x8035, "rarp"),
    (0x8100, "802.1Q"),
    (0x86dd, "ipv6"),
    (0x8847, "mpls_uc"),
    (0x8848, "mpls_mc"),
    (0x8863, "ppp_disc"),
    (0x8864, "ppp_ses"),
    (0x88a8, "802.1ad"),
    (0x88cc, "LLDP"),
];

/// A protocol above the link by name or number (`ll_proto_a2n()`).
pub(super) fn link_protocol(text: &str) -> Option<u16> {
    let named = LINK_PROTOCOLS.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    named.map(|(number, _)| *number).or_else(|| crate::libc::number::u16(text))
}

/// What a protocol above the link is called.
pub(super) fn link_protocol_name(number: u16, numeric: bool) -> String {
    match LINK_PROTOCOLS.iter().find(|(known, _)| *known == number && !numeric) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("[{number}]"),
    }
}

/// The numbers of `ss -s`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) sockets: usize,
    /// TCP sockets of all namespaces.
    pub(super) tcp_allocated: usize,
    pub(super) tcp_orphans: usize,
    pub(super) tcp_time_wait: usize,
    /// TCP sockets that listen or are connected.
    pub(super) tcp: usize,
    pub(super) established: usize,
    pub(super) udp: usize,
    pub(super) raw: usize,
    pub(super) fragments: usize,
}

/// Counts sockets (`/proc/net/sockstat`).
pub(super) fn count(world: &World, netns: NetnsId) -> Counts {
    let mut counts =
        Counts { fragments: world.kernel.netns[netns].reassembly.waiting(), ..Counts::default() };
    for (_, socket) in world.kernel.sockets.iter() {
        let here = socket.netns == netns;
        let one = usize::from(here);
        match &socket.protocol {
            Protocol::Tcp(tcp) => {
                counts.sockets += one;
                counts.tcp_allocated += 1;
                counts.tcp_orphans += usize::from(tcp.orphaned);
                counts.tcp += usize::from(here && tcp.state != TcpState::Close);
                let up = matches!(tcp.state, TcpState::Established | TcpState::CloseWait);
                counts.established += usize::from(here && up);
            }
            Protocol::TcpTimeWait(_) => counts.tcp_time_wait += one,
            Protocol::Udp => {
                counts.sockets += one;
                counts.udp += usize::from(here && socket.inet.sport != 0);
            }
            Protocol::Raw(_) => {
                counts.sockets += one;
                counts.raw += one;
            }
            Protocol::Ping | Protocol::Packet(_) => counts.sockets += one,
        }
    }
    counts
}

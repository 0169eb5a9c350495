//! Socket options (`socket(7)`, `ip(7)`, `raw(7)`, `tcp(7)`).

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::id::{DevId, SocketId};
use crate::kernel::Kernel;
use crate::link::DevName;
use crate::packet::IpProto;
use crate::packet::ipv4_options::{
    self, Echo, IPOPT_END, IpOptions, MAX_IPOPTLEN, OptionsHost, OptionsOrigin,
};
use crate::socket::multicast::{self, GroupChange, GroupRequest};
use crate::socket::{Protocol, Socket};
use crate::trace::Observer;

/// The least that `SO_RCVBUF` can be, in bytes (`SOCK_MIN_RCVBUF`).
const SOCK_MIN_RCVBUF: u32 = 2304;
/// The least that `SO_SNDBUF` can be, in bytes (`SOCK_MIN_SNDBUF`).
const SOCK_MIN_SNDBUF: u32 = 4608;
/// The most that `SO_RCVBUF` and `SO_SNDBUF` can ask for, in bytes (`net.core.[rw]mem_max`).
const MEM_MAX: u32 = 4_194_304;
/// What both are by default (`net.core.[rw]mem_default`).
const MEM_DEFAULT: u32 = 212_992;

/// `IP_MTU_DISCOVER`: whether packets may be cut in pieces.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PmtuDiscovery {
    /// Never sets DF (`IP_PMTUDISC_DONT`).
    Dont,
    /// Sets DF on what fits and cuts what does not (`IP_PMTUDISC_WANT`).
    #[default]
    Want,
    /// Sets DF and refuses what does not fit the path (`IP_PMTUDISC_DO`).
    Do,
    /// Sets DF and looks at the device's MTU alone (`IP_PMTUDISC_PROBE`).
    Probe,
}

/// An option and its value, as `setsockopt(2)` takes them. What is not here is not modelled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SockOpt {
    /// `SO_REUSEADDR`.
    ReuseAddr(bool),
    /// `SO_REUSEPORT`: shares its port, and what comes there, with others that have it too.
    ReusePort(bool),
    /// `SO_BROADCAST`: may send to broadcast addresses.
    Broadcast(bool),
    /// `SO_BINDTODEVICE`; `None` takes the binding away.
    BindToDevice(Option<DevName>),
    /// `SO_MARK`.
    Mark(u32),
    /// `SO_RCVBUF` in bytes; the kernel takes twice as much.
    RcvBuf(u32),
    /// `SO_SNDBUF` in bytes; the kernel takes twice as much.
    SndBuf(u32),
    /// `SO_KEEPALIVE`, which has no effect while the connection is young: the first probe is due after
    /// two hours.
    KeepAlive(bool),
    /// `IP_TTL`; `None` is the default of the namespace (-1).
    Ttl(Option<u8>),
    /// `IP_TOS`.
    Tos(u8),
    /// `IP_MTU_DISCOVER`.
    MtuDiscover(PmtuDiscovery),
    /// `IP_RECVERR`.
    RecvErr(bool),
    /// `IP_HDRINCL`, of raw sockets.
    HdrIncl(bool),
    /// `IP_OPTIONS`: the bytes of IPv4 options to send; none takes them away.
    IpOptions(Vec<u8>),
    /// `IP_MULTICAST_TTL`.
    MulticastTtl(u8),
    /// `IP_MULTICAST_LOOP`.
    MulticastLoop(bool),
    /// `IP_MULTICAST_IF`: the device for group addresses, and its address to send from.
    MulticastIf(Option<DevName>, Ipv4Addr),
    /// `IP_MULTICAST_ALL`: hears what others have joined for.
    MulticastAll(bool),
    /// Which groups it is in, and whom it hears there.
    Group(GroupRequest, GroupChange),
    /// `ICMP_FILTER`, of raw ICMP sockets: a bit for each type that is not wanted.
    IcmpFilter(u32),
    /// `TCP_NODELAY`.
    NoDelay(bool),
    /// `TCP_QUICKACK`.
    QuickAck(bool),
    /// `TCP_MAXSEG` in bytes; 0 is the default.
    MaxSeg(u16),
}

/// The IPv4 options that a socket sends (`struct ip_options_rcu`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SentOptions {
    /// The bytes, padded to whole words.
    pub bytes: Vec<u8>,
    /// What they ask for.
    pub parsed: IpOptions,
}

impl SentOptions {
    /// Options that answer those of a packet; `None` if it had none.
    #[must_use]
    pub fn answering(echo: &Echo) -> Option<Self> {
        let bytes = echo.bytes().to_vec();
        (!bytes.is_empty()).then_some(Self { bytes, parsed: echo.found })
    }
}

/// The options that a socket has (`struct sock`, `struct inet_sock`).
#[derive(Clone, Debug)]
pub struct SockOptions {
    /// `SO_REUSEADDR`.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// `SO_BROADCAST`.
    pub broadcast: bool,
    /// `SO_BINDTODEVICE`.
    pub bound_dev: Option<DevId>,
    /// `SO_MARK`.
    pub mark: u32,
    /// The receive buffer in bytes, as the kernel counts it.
    pub rcvbuf: u32,
    /// Whether `SO_RCVBUF` was set (`SOCK_RCVBUF_LOCK`).
    pub rcvbuf_locked: bool,
    /// The send buffer in bytes, as the kernel counts it.
    pub sndbuf: u32,
    /// Whether `SO_SNDBUF` was set (`SOCK_SNDBUF_LOCK`).
    pub sndbuf_locked: bool,
    /// `SO_KEEPALIVE`.
    pub keep_alive: bool,
    /// `IP_TTL`.
    pub ttl: Option<u8>,
    /// `IP_TOS`.
    pub tos: u8,
    /// `IP_MTU_DISCOVER`.
    pub pmtu: PmtuDiscovery,
    /// `IP_RECVERR`.
    pub recv_err: bool,
    /// `IP_HDRINCL`.
    pub hdr_incl: bool,
    /// `IP_OPTIONS`.
    pub ip_options: Option<SentOptions>,
    /// `IP_MULTICAST_TTL`.
    pub mc_ttl: u8,
    /// `IP_MULTICAST_LOOP`.
    pub mc_loop: bool,
    /// `IP_MULTICAST_ALL`.
    pub mc_all: bool,
    /// The device of `IP_MULTICAST_IF`.
    pub mc_dev: Option<DevId>,
    /// The address of `IP_MULTICAST_IF`.
    pub mc_addr: Ipv4Addr,
}

impl Default for SockOptions {
    fn default() -> Self {
        Self {
            reuse_addr: false,
            reuse_port: false,
            broadcast: false,
            bound_dev: None,
            mark: 0,
            rcvbuf: MEM_DEFAULT,
            rcvbuf_locked: false,
            sndbuf: MEM_DEFAULT,
            sndbuf_locked: false,
            keep_alive: false,
            ttl: None,
            tos: 0,
            pmtu: PmtuDiscovery::default(),
            recv_err: false,
            hdr_incl: false,
            ip_options: None,
            mc_ttl: 1,
            mc_loop: true,
            mc_all: true,
            mc_dev: None,
            mc_addr: Ipv4Addr::UNSPECIFIED,
        }
    }
}

/// Sets an option (`setsockopt(2)`).
///
/// # Errors
/// `ENODEV` for a device that is not there, `ENOPROTOOPT` for an option that the protocol does not have,
/// `EINVAL` for a value it does not take.
pub fn set_option<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    option: SockOpt,
    o: &mut O,
) -> Result<(), Errno> {
    let netns = k.sockets.get(id).ok_or(Errno::EBADF)?.netns;
    let device = |name: Option<DevName>| match name {
        None => Ok(None),
        Some(name) => k.netns[netns].names.get(&name).map(|d| Some(*d)).ok_or(Errno::ENODEV),
    };
    if let SockOpt::BindToDevice(name) = option {
        let dev = device(name)?;
        k.sockets[id].opts.bound_dev = dev;
    } else if let SockOpt::MulticastIf(name, addr) = option {
        let dev = device(name)?;
        let opts = &mut k.sockets[id].opts;
        (opts.mc_dev, opts.mc_addr) = (dev, addr);
    } else if let SockOpt::IpOptions(bytes) = option {
        k.sockets[id].opts.ip_options = compile_options(bytes)?;
    } else if let SockOpt::Group(request, change) = option {
        let done = multicast::change(k, id, &request, &change, o);
        k.run_pending(o);
        return done;
    } else {
        return set_plain(&mut k.sockets[id], &option);
    }
    Ok(())
}

/// Sets an option that needs nothing but the socket.
fn set_plain(socket: &mut Socket, option: &SockOpt) -> Result<(), Errno> {
    let is_raw = matches!(socket.protocol, Protocol::Raw(_));
    let opts = &mut socket.opts;
    match *option {
        SockOpt::ReuseAddr(on) => opts.reuse_addr = on,
        SockOpt::ReusePort(on) => opts.reuse_port = on,
        SockOpt::Broadcast(on) => opts.broadcast = on,
        SockOpt::Mark(mark) => opts.mark = mark,
        SockOpt::RcvBuf(bytes) => {
            opts.rcvbuf = (bytes.min(MEM_MAX) * 2).max(SOCK_MIN_RCVBUF);
            opts.rcvbuf_locked = true;
        }
        SockOpt::SndBuf(bytes) => {
            opts.sndbuf = (bytes.min(MEM_MAX) * 2).max(SOCK_MIN_SNDBUF);
            opts.sndbuf_locked = true;
        }
        SockOpt::KeepAlive(on) => opts.keep_alive = on,
        SockOpt::Ttl(Some(0)) => return Err(Errno::EINVAL),
        SockOpt::Ttl(ttl) => opts.ttl = ttl,
        SockOpt::Tos(tos) => {
            // A stream's ECN bits belong to TCP.
            let ecn = if matches!(socket.protocol, Protocol::Tcp(_)) { 3 } else { 0 };
            opts.tos = tos & !ecn | opts.tos & ecn;
        }
        SockOpt::MtuDiscover(pmtu) => opts.pmtu = pmtu,
        SockOpt::RecvErr(on) => {
            opts.recv_err = on;
            if !on {
                socket.error_queue = super::ErrorQueue::default();
            }
        }
        SockOpt::HdrIncl(on) if is_raw => opts.hdr_incl = on,
        SockOpt::MulticastTtl(ttl) => opts.mc_ttl = ttl,
        SockOpt::MulticastLoop(on) => opts.mc_loop = on,
        SockOpt::MulticastAll(on) => opts.mc_all = on,
        SockOpt::IcmpFilter(bits) => {
            let Protocol::Raw(raw) = &mut socket.protocol else { return Err(Errno::ENOPROTOOPT) };
            if raw.protocol != IpProto::ICMP {
                return Err(Errno::EOPNOTSUPP);
            }
            raw.icmp_filter = bits;
        }
        SockOpt::NoDelay(_) | SockOpt::QuickAck(_) | SockOpt::MaxSeg(_) => {
            let Protocol::Tcp(tcp) = &mut socket.protocol else { return Err(Errno::ENOPROTOOPT) };
            tcp.set_option(option)?;
        }
        SockOpt::HdrIncl(_)
        | SockOpt::BindToDevice(_)
        | SockOpt::MulticastIf(..)
        | SockOpt::Group(..)
        | SockOpt::IpOptions(_) => return Err(Errno::ENOPROTOOPT),
    }
    Ok(())
}

/// Judges the options that a program wants to send (`ip_options_get()`).
fn compile_options(mut bytes: Vec<u8>) -> Result<Option<SentOptions>, Errno> {
    let padded = bytes.len().next_multiple_of(4);
    if padded > MAX_IPOPTLEN {
        return Err(Errno::EINVAL);
    }
    bytes.resize(padded, IPOPT_END);
    if bytes.is_empty() {
        return Ok(None);
    }
    let origin = OptionsOrigin::Socket { net_raw: true };
    let parsed =
        ipv4_options::compile(&mut bytes, origin, &mut NoHost).map_err(|_| Errno::EINVAL)?;
    Ok(Some(SentOptions { bytes, parsed }))
}

/// The host of options that a program sets: nothing is filled in before they are sent.
struct NoHost;

impl OptionsHost for NoHost {
    fn spec_dst(&mut self) -> Ipv4Addr {
        Ipv4Addr::UNSPECIFIED
    }
    fn is_foreign_unicast(&mut self, _: Ipv4Addr) -> bool {
        true
    }
    fn timestamp_ms(&mut self) -> u32 {
        0
    }
}

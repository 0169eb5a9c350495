//! The sockets of `ping`: opening them, what is sent, and what comes back.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::errno::Errno;
use crate::id::SocketId;
use crate::packet::{Icmp, IcmpType, IpProto, Ipv4, checksum};
use crate::socket::{SockOpt, SocketType};
use crate::tools::iputils::Ended;
use crate::tools::ping::args::{Args, IpOption, fatal};
use crate::world::Sys;

/// The port that the source address is asked for with; nothing is sent to it.
const PROBE_PORT: u16 = 1025;
/// The length of the ICMP header, in bytes.
pub(super) const ICMP_HLEN: usize = 8;
/// The bytes of data that hold the time a request was sent at.
pub(super) const TIMEVAL: usize = 16;
/// The length of a record route or timestamp option, padded, in bytes.
pub(super) const OPTION_LEN: usize = 40;

/// ICMP messages that the socket does not want to hear: all but echo replies and errors.
const FILTERED: u32 = !(1 << 0 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 11 | 1 << 12);

/// What is said when the address asks for `-b`, or seems to.
const BROADCAST: &str =
    "Do you want to ping broadcast? Then -b. If not, check your local firewall rules";

/// Finds the address that requests will come from (the connected UDP socket of `ping4_run()`).
pub(super) fn source_address(
    sys: &mut Sys<'_>,
    args: &Args,
    target: Ipv4Addr,
) -> Result<Ipv4Addr, Ended> {
    let socket = open(sys, SocketType::Udp)?;
    let found = ask_source(sys, socket, args, target);
    sys.close(socket);
    found
}

fn ask_source(
    sys: &mut Sys<'_>,
    socket: SocketId,
    args: &Args,
    target: Ipv4Addr,
) -> Result<Ipv4Addr, Ended> {
    if let Some(device) = args.device {
        sys.set_option(socket, SockOpt::BindToDevice(Some(device)))
            .map_err(|errno| fatal(2, format_args!("SO_BINDTODEVICE {device}: {errno}")))?;
    }
    if let Some(source) = args.source {
        sys.bind(socket, SocketAddrV4::new(source, 0))
            .map_err(|errno| fatal(2, format_args!("bind: {errno}")))?;
    }
    let to = SocketAddrV4::new(target, PROBE_PORT);
    if let Err(errno) = sys.connect(socket, to) {
        if errno != Errno::EACCES {
            return Err(fatal(2, format_args!("connect: {errno}")));
        }
        if !args.broadcast {
            return Err(fatal(2, BROADCAST));
        }
        sys.stderr("WARNING: pinging broadcast address\n");
        let broadcast = SockOpt::Broadcast(true);
        let again = sys.set_option(socket, broadcast).and_then(|()| sys.connect(socket, to));
        again.map_err(|errno| fatal(2, format_args!("connect: {errno}")))?;
    }
    let local =
        sys.local_addr(socket).map_err(|errno| fatal(2, format_args!("getsockname: {errno}")))?;
    Ok(*local.ip())
}

fn open(sys: &mut Sys<'_>, kind: SocketType) -> Result<SocketId, Ended> {
    sys.socket(kind).map_err(|errno| fatal(2, format_args!("socket: {errno}")))
}

/// Opens the socket that requests go out by.
pub(super) fn open_raw(sys: &mut Sys<'_>, args: &Args) -> Result<SocketId, Ended> {
    let socket = open(sys, SocketType::Raw(IpProto::ICMP))?;
    let mut set = |option: SockOpt, what: &str| {
        sys.set_option(socket, option).map_err(|errno| fatal(2, format_args!("{what}: {errno}")))
    };
    set(SockOpt::IcmpFilter(FILTERED), "setsockopt(ICMP_FILTER)")?;
    set(SockOpt::RecvErr(true), "setsockopt(IP_RECVERR)")?;
    if args.device.is_some() {
        set(SockOpt::BindToDevice(args.device), "SO_BINDTODEVICE")?;
    }
    if args.broadcast {
        set(SockOpt::Broadcast(true), "cannot set broadcasting")?;
    }
    if args.no_loop {
        set(SockOpt::MulticastLoop(false), "cannot disable multicast loopback")?;
    }
    if let Some(ttl) = args.ttl {
        set(SockOpt::MulticastTtl(ttl), "cannot set multicast time-to-live")?;
        set(SockOpt::Ttl(Some(ttl)), "cannot set unicast time-to-live")?;
    }
    if let Some(tos) = args.tos {
        set(SockOpt::Tos(tos), "error setting QOS sockopts")?;
    }
    if let Some(mark) = args.mark {
        set(SockOpt::Mark(mark), "Warning: Failed to set mark")?;
    }
    if let Some(pmtu) = args.pmtu {
        set(SockOpt::MtuDiscover(pmtu), "IP_MTU_DISCOVER")?;
    }
    if let Some(bytes) = args.sndbuf {
        set(SockOpt::SndBuf(bytes), "SO_SNDBUF")?;
    }
    if let Some(option) = args.ip_option {
        set(SockOpt::IpOptions(option_bytes(option)), "record route")?;
    }
    if let Some(source) = args.source {
        sys.bind(socket, SocketAddrV4::new(source, 0))
            .map_err(|errno| fatal(2, format_args!("bind: {errno}")))?;
    }
    Ok(socket)
}

/// An empty option with as much room as there is: record route as nine addresses, a timestamp with
/// nine times or four pairs.
fn option_bytes(option: IpOption) -> Vec<u8> {
    let start: &[u8] = match option {
        IpOption::RecordRoute => &[1, 7, 39, 4],
        IpOption::Timestamp { addresses: false } => &[68, 40, 5, 0],
        IpOption::Timestamp { addresses: true } => &[68, 36, 5, 1],
    };
    let mut bytes = start.to_vec();
    bytes.resize(OPTION_LEN, 0);
    bytes
}

/// An echo request: the time in front where there is room for it, then the pattern.
pub(super) fn request(
    ident: u16,
    sequence: u16,
    size: usize,
    pattern: &[u8],
    now_us: u64,
) -> Vec<u8> {
    let mut message = vec![8, 0, 0, 0];
    message.extend(ident.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(pattern.iter().cycle().take(size));
    if size >= TIMEVAL {
        let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
        message[ICMP_HLEN..ICMP_HLEN + 8].copy_from_slice(&seconds.to_le_bytes());
        message[ICMP_HLEN + 8..ICMP_HLEN + TIMEVAL].copy_from_slice(&micros.to_le_bytes());
    }
    let sum = checksum::ip_compute_csum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// What the raw socket heard.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// An echo reply to one of ours.
    Reply(Reply<'a>),
    /// A message about one of our requests that is no error: a redirect or a source quench.
    Notice { from: Ipv4Addr, sequence: u16, icmp_type: u8, code: u8, info: u32 },
    /// Something for somebody else.
    Other,
}

/// An echo reply.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub(super) from: Ipv4Addr,
    pub(super) sequence: u16,
    pub(super) ttl: u8,
    pub(super) checksum_ok: bool,
    /// The ICMP message.
    pub(super) message: &'a [u8],
    /// The options of the IP header.
    pub(super) options: &'a [u8],
}

/// Reads a packet that the raw socket received, its IP header first.
pub(super) fn hear(packet: &[u8], ident: u16) -> Heard<'_> {
    let Ok(ip) = Ipv4::parse(packet) else { return Heard::Other };
    let message = ip.payload();
    let Ok(icmp) = Icmp::parse(message) else { return Heard::Other };
    let Some(&[_, _, _, _, i0, i1, s0, s1]) = message.first_chunk::<ICMP_HLEN>() else {
        return Heard::Other;
    };
    match icmp.icmp_type() {
        IcmpType::ECHO_REPLY if u16::from_be_bytes([i0, i1]) == ident => Heard::Reply(Reply {
            from: ip.src(),
            sequence: u16::from_be_bytes([s0, s1]),
            ttl: ip.ttl(),
            checksum_ok: checksum::ip_compute_csum(message) == 0,
            message,
            options: ip.options(),
        }),
        IcmpType::REDIRECT | IcmpType::SOURCE_QUENCH => {
            match quoted_sequence(&message[ICMP_HLEN..], ident) {
                Some(sequence) => Heard::Notice {
                    from: ip.src(),
                    sequence,
                    icmp_type: icmp.icmp_type().0,
                    code: icmp.code(),
                    info: u32::from_be_bytes([i0, i1, s0, s1]),
                },
                None => Heard::Other,
            }
        }
        _ => Heard::Other,
    }
}

/// The sequence number of the echo request of ours that an ICMP message quotes.
fn quoted_sequence(quoted: &[u8], ident: u16) -> Option<u16> {
    let header = usize::from(quoted.first()? & 0x0f) * 4;
    own_sequence(quoted.get(header..)?, ident)
}

/// The sequence number of an echo request of ours.
pub(super) fn own_sequence(request: &[u8], ident: u16) -> Option<u16> {
    match request.first_chunk::<ICMP_HLEN>()? {
        &[8, _, _, _, i0, i1, s0, s1] if u16::from_be_bytes([i0, i1]) == ident => {
            Some(u16::from_be_bytes([s0, s1]))
        }
        _ => None,
    }
}

/// When a request was sent, in microseconds, from the data that came back with its reply.
pub(super) fn sent_at(message: &[u8]) -> Option<u64> {
    let time = message.get(ICMP_HLEN..ICMP_HLEN + TIMEVAL)?;
    let seconds = u64::from_le_bytes(*time.first_chunk()?);
    let micros = u64::from_le_bytes(*time.last_chunk()?);
    seconds.checked_mul(1_000_000)?.checked_add(micros)
}

//! Probes: what is sent, and what its answer means.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::packet::{Icmp, IcmpType, IpProto, Ipv4, checksum};
use crate::socket::{ErrorOrigin, ExtendedError, PmtuDiscovery, SockOpt, SocketType};
use crate::time::SimTime;
use crate::tools::traceroute::args::{Args, Method};
use crate::world::Sys;

/// The first port of the default method; each probe has the next one.
const FIRST_PORT: u16 = 33_434;
/// The port of UDP probes that all go to one.
const UDP_PORT: u16 = 53;

/// A probe that was sent.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) sent_at: SimTime,
    /// The socket that hears its answer; ICMP probes share one.
    socket: Option<SocketId>,
    /// The sequence number of an echo request.
    sequence: u16,
    pub(super) outcome: Outcome,
}

/// What became of a probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It is still under way.
    Waiting,
    /// No answer came in time.
    Lost,
    /// Somebody answered.
    Answered(Answer),
}

/// The answer to a probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    pub(super) from: Ipv4Addr,
    pub(super) took: Duration,
    /// What is printed behind the time.
    pub(super) note: String,
    /// Whether the probe got as far as it ever will.
    pub(super) is_final: bool,
}

/// Opens and sends the probes of one run.
#[derive(Clone, Debug)]
pub(super) struct Prober {
    to: Ipv4Addr,
    data: Vec<u8>,
    ident: u16,
    /// The socket of all ICMP probes.
    shared: Option<SocketId>,
    buffer: Vec<u8>,
}

/// A call that failed, as `perror(3)` says it.
pub(super) type Failed = (&'static str, Errno);

impl Prober {
    pub(super) fn open(sys: &mut Sys<'_>, args: &Args) -> Result<Self, Failed> {
        let data =
            (0..args.data_len).map(|at| 0x40 + u8::try_from(at & 0x3f).unwrap_or(0)).collect();
        let ident = sys.random("traceroute.ident").next_u16();
        let mut prober = Self { to: args.target, data, ident, shared: None, buffer: Vec::new() };
        if args.method == Method::Icmp {
            let kind = SocketType::Raw(IpProto::ICMP);
            prober.shared = Some(prober.socket(sys, args, kind)?);
        } else {
            // A first socket finds out whether probes can be sent at all.
            let tried = prober.socket(sys, args, SocketType::Udp)?;
            sys.close(tried);
        }
        Ok(prober)
    }

    fn socket(&self, sys: &mut Sys<'_>, args: &Args, kind: SocketType) -> Result<SocketId, Failed> {
        let socket = sys.socket(kind).map_err(|e| ("socket", e))?;
        let mut set = |option, what| sys.set_option(socket, option).map_err(|e| (what, e));
        if args.device.is_some() {
            set(SockOpt::BindToDevice(args.device), "setsockopt SO_BINDTODEVICE")?;
        }
        if let Some(mark) = args.mark {
            set(SockOpt::Mark(mark), "setsockopt SO_MARK")?;
        }
        let pmtu = if args.dont_fragment { PmtuDiscovery::Probe } else { PmtuDiscovery::Dont };
        set(SockOpt::MtuDiscover(pmtu), "setsockopt IP_MTU_DISCOVER")?;
        set(SockOpt::Tos(args.tos), "setsockopt IP_TOS")?;
        set(SockOpt::RecvErr(true), "setsockopt IP_RECVERR")?;
        let source = args.source.unwrap_or(Ipv4Addr::UNSPECIFIED);
        sys.bind(socket, SocketAddrV4::new(source, args.source_port)).map_err(|e| ("bind", e))?;
        let port = if args.method == Method::Icmp { 0 } else { FIRST_PORT };
        sys.connect(socket, SocketAddrV4::new(self.to, port)).map_err(|e| ("connect", e))?;
        Ok(socket)
    }

    /// Sends the probe with this number, counted from 0.
    pub(super) fn send(
        &self,
        sys: &mut Sys<'_>,
        args: &Args,
        number: u16,
        ttl: u8,
    ) -> Result<Probe, Failed> {
        let (socket, message, sequence) = match self.shared {
            Some(socket) => {
                let sequence = args.port.unwrap_or(1).wrapping_add(number);
                (socket, self.echo(sequence), sequence)
            }
            None => (self.socket(sys, args, SocketType::Udp)?, self.data.clone(), 0),
        };
        sys.set_option(socket, SockOpt::Ttl(Some(ttl))).map_err(|e| ("setsockopt IP_TTL", e))?;
        let to = (self.shared.is_none()).then(|| SocketAddrV4::new(self.to, port(args, number)));
        if let Some(to) = to {
            sys.connect(socket, to).map_err(|e| ("connect", e))?;
        }
        let sent_at = sys.now();
        match sys.send_to(socket, &message, None) {
            // An answer to an earlier probe, or the size of this one: the error queue tells.
            Ok(_) | Err(Errno::EMSGSIZE | Errno::ECONNREFUSED | Errno::EHOSTUNREACH) => {}
            Err(Errno::ENETUNREACH | Errno::EACCES | Errno::EAGAIN | Errno::ENOBUFS) => {}
            Err(errno) => return Err(("send", errno)),
        }
        let own = self.shared.is_none().then_some(socket);
        Ok(Probe { sent_at, socket: own, sequence, outcome: Outcome::Waiting })
    }

    /// An echo request.
    fn echo(&self, sequence: u16) -> Vec<u8> {
        let mut message = vec![8, 0, 0, 0];
        message.extend(self.ident.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend(&self.data);
        let sum = checksum::ip_compute_csum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        message
    }

    /// Hears what came back for `probes`.
    pub(super) fn listen(&mut self, sys: &mut Sys<'_>, probes: &mut [Probe]) {
        match self.shared {
            Some(socket) => self.listen_shared(sys, socket, probes),
            None => {
                for probe in probes {
                    if probe.outcome == Outcome::Waiting {
                        self.listen_own(sys, probe);
                    }
                }
            }
        }
    }

    fn listen_own(&mut self, sys: &mut Sys<'_>, probe: &mut Probe) {
        let Some(socket) = probe.socket else { return };
        let now = sys.now();
        if let Ok(error) = sys.recv_error(socket) {
            probe.settle(now, meaning(&error));
        } else if let Ok(datagram) = sys.recv_from(socket, &mut self.buffer) {
            probe.settle(now, Some((*datagram.from.ip(), String::new(), true)));
        }
        if probe.outcome != Outcome::Waiting {
            probe.close(sys);
        }
    }

    fn listen_shared(&mut self, sys: &mut Sys<'_>, socket: SocketId, probes: &mut [Probe]) {
        let now = sys.now();
        let mut settle = |sequence: u16, what| {
            let waiting = |p: &&mut Probe| p.sequence == sequence && p.outcome == Outcome::Waiting;
            if let Some(probe) = probes.iter_mut().find(waiting) {
                probe.settle(now, what);
            }
        };
        loop {
            if let Ok(error) = sys.recv_error(socket) {
                if let Some(sequence) = own_sequence(&error.payload, IcmpType::ECHO, self.ident) {
                    settle(sequence, meaning(&error));
                }
                continue;
            }
            match sys.recv_from(socket, &mut self.buffer) {
                Ok(_) => {
                    let Ok(ip) = Ipv4::parse(&self.buffer) else { continue };
                    let answered = own_sequence(ip.payload(), IcmpType::ECHO_REPLY, self.ident);
                    if let Some(sequence) = answered {
                        settle(sequence, Some((ip.src(), String::new(), true)));
                    }
                }
                // A pending error is told first; what it is about waits in the error queue.
                Err(Errno::EAGAIN) => return,
                Err(_) => {}
            }
        }
    }
}

impl Probe {
    fn settle(&mut self, now: SimTime, what: Option<(Ipv4Addr, String, bool)>) {
        if let Some((from, note, is_final)) = what {
            let took = now.since(self.sent_at);
            self.outcome = Outcome::Answered(Answer { from, took, note, is_final });
        }
    }

    /// Closes the socket that nothing more is expected on.
    pub(super) fn close(&mut self, sys: &mut Sys<'_>) {
        if let Some(socket) = self.socket.take() {
            sys.close(socket);
        }
    }
}

fn port(args: &Args, number: u16) -> u16 {
    match args.method {
        Method::Default => args.port.unwrap_or(FIRST_PORT).wrapping_add(number),
        Method::Udp | Method::Icmp => args.port.unwrap_or(UDP_PORT),
    }
}

/// The sequence number of an ICMP echo message of ours.
fn own_sequence(message: &[u8], kind: IcmpType, ident: u16) -> Option<u16> {
    let icmp = Icmp::parse(message).ok()?;
    let [i0, i1, s0, s1] = *message.get(4..)?.first_chunk()?;
    let ours = icmp.icmp_type() == kind && u16::from_be_bytes([i0, i1]) == ident;
    ours.then(|| u16::from_be_bytes([s0, s1]))
}

/// What an error says of a probe: who sent it, what is printed, whether the probe gets no further;
/// `None` if it says nothing.
fn meaning(error: &ExtendedError) -> Option<(Ipv4Addr, String, bool)> {
    let from = error.offender.map(|offender| *offender.from.ip());
    if error.origin == ErrorOrigin::Local {
        let note = if error.errno == Errno::EMSGSIZE {
            format!(" !F-{}", error.info)
        } else {
            format!(" !<{}>", error.errno.number())
        };
        return Some((from?, note, true));
    }
    let (note, is_final) = match IcmpType(error.icmp_type) {
        IcmpType::TIME_EXCEEDED if error.icmp_code == 0 => (String::new(), false),
        IcmpType::DEST_UNREACH => (unreachable(error.icmp_code, error.info), true),
        _ => (format!(" !<{}-{}>", error.icmp_type, error.icmp_code), false),
    };
    Some((from?, note, is_final))
}

/// The marks of the codes of destination unreachable.
fn unreachable(code: u8, mtu: u32) -> String {
    match code {
        0 | 6 | 8 | 11 => " !N".to_owned(),
        1 | 7 | 12 => " !H".to_owned(),
        2 => " !P".to_owned(),
        3 => String::new(),
        4 => format!(" !F-{mtu}"),
        5 => " !S".to_owned(),
        9 | 10 | 13 => " !X".to_owned(),
        14 => " !V".to_owned(),
        15 => " !C".to_owned(),
        other => format!(" !<{other}>"),
    }
}

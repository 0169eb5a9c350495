//! Errors that arrive later: `sk_err` and the error queue of `IP_RECVERR`.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::errno::Errno;
use crate::id::SocketId;
use crate::kernel::Kernel;
use crate::packet::IcmpType;
use crate::packet::icmp::unreach;
use crate::socket::{Datagram, PmtuDiscovery};
use crate::time::SimTime;

/// Who noticed the error (`ee_origin`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorOrigin {
    /// This host, before the packet left it (`SO_EE_ORIGIN_LOCAL`).
    Local,
    /// A router or the destination, by ICMP (`SO_EE_ORIGIN_ICMP`).
    Icmp,
}

/// An entry of the error queue (`struct sock_extended_err` and what `recvmsg()` gives beside it).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtendedError {
    /// What happened (`ee_errno`).
    pub errno: Errno,
    /// Who noticed (`ee_origin`).
    pub origin: ErrorOrigin,
    /// The ICMP type (`ee_type`), 0 for local errors.
    pub icmp_type: u8,
    /// The ICMP code (`ee_code`), 0 for local errors.
    pub icmp_code: u8,
    /// The MTU for `EMSGSIZE`, the pointer or gateway of other messages (`ee_info`).
    pub info: u32,
    /// The node that sent the ICMP message (`SO_EE_OFFENDER`), with the control messages of the packet
    /// that carried it.
    pub offender: Option<Datagram>,
    /// Where the packet that failed was sent to (`msg_name`).
    pub destination: SocketAddrV4,
    /// The data of the packet that failed, as far as the ICMP message quotes it.
    pub payload: Vec<u8>,
    /// When the error was noticed.
    pub time: SimTime,
}

/// Errors that wait to be read with `MSG_ERRQUEUE`.
#[derive(Clone, Debug, Default)]
pub struct ErrorQueue(VecDeque<ExtendedError>);

impl ErrorQueue {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Queues an error (`sock_queue_err_skb()`).
    pub fn push(&mut self, error: ExtendedError) {
        self.0.push_back(error);
    }

    /// Takes the oldest error, and tells what `sk_err` is afterwards (`sock_dequeue_err_skb()`): the
    /// next ICMP error's number, or nothing if the last ICMP error is gone; `None` leaves it alone.
    pub fn pop(&mut self) -> Option<(ExtendedError, Option<Option<Errno>>)> {
        let taken = self.0.pop_front()?;
        let next = self.0.front().filter(|e| e.origin == ErrorOrigin::Icmp).map(|e| e.errno);
        let sk_err = match (taken.origin, next) {
            (_, Some(errno)) => Some(Some(errno)),
            (ErrorOrigin::Icmp, None) => Some(None),
            (ErrorOrigin::Local, None) => None,
        };
        Some((taken, sk_err))
    }
}

/// What an ICMP message means to a socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IcmpFault {
    /// The error number.
    pub errno: Errno,
    /// Whether a connected socket is told of it unasked.
    pub hard: bool,
}

/// The meaning of the codes of destination unreachable (`icmp_err_convert`).
pub const UNREACH_FAULTS: [IcmpFault; 16] = {
    const fn soft(errno: Errno) -> IcmpFault {
        IcmpFault { errno, hard: false }
    }
    const fn hard(errno: Errno) -> IcmpFault {
        IcmpFault { errno, hard: true }
    }
    [
        soft(Errno::ENETUNREACH),
        soft(Errno::EHOSTUNREACH),
        hard(Errno::ENOPROTOOPT),
        hard(Errno::ECONNREFUSED),
        soft(Errno::EMSGSIZE),
        soft(Errno::EOPNOTSUPP),
        hard(Errno::ENETUNREACH),
        hard(Errno::EHOSTDOWN),
        hard(Errno::ENONET),
        hard(Errno::ENETUNREACH),
        hard(Errno::EHOSTUNREACH),
        soft(Errno::ENETUNREACH),
        soft(Errno::EHOSTUNREACH),
        hard(Errno::EHOSTUNREACH),
        hard(Errno::EHOSTUNREACH),
        hard(Errno::EHOSTUNREACH),
    ]
};

/// An ICMP error about a packet that this host sent, taken apart.
///
/// The ICMP layer makes it from the message and hands it to the protocol of the quoted packet.
#[derive(Clone, Copy, Debug)]
pub struct IcmpError<'a> {
    /// The message's type.
    pub icmp_type: IcmpType,
    /// The message's code.
    pub code: u8,
    /// The last four bytes of its header: the MTU of fragmentation needed, a pointer, a gateway.
    pub info: u32,
    /// The quoted packet from its IP header on, as much as there is of it.
    pub quoted: &'a [u8],
    /// The packet that carried the message; its `from` is the node that complains.
    pub carrier: Datagram,
}

impl IcmpError<'_> {
    /// What it means to a datagram socket (`__udp4_lib_err()`, `ping_err()`, `raw_err()`); `None` if
    /// nothing.
    #[must_use]
    pub fn fault(&self, pmtu: PmtuDiscovery) -> Option<IcmpFault> {
        match self.icmp_type {
            IcmpType::PARAMETER_PROBLEM => Some(IcmpFault { errno: Errno::EPROTO, hard: true }),
            IcmpType::DEST_UNREACH if self.code == unreach::FRAG_NEEDED => (pmtu
                != PmtuDiscovery::Dont)
                .then_some(IcmpFault { errno: Errno::EMSGSIZE, hard: true }),
            IcmpType::DEST_UNREACH => {
                let known = UNREACH_FAULTS.get(usize::from(self.code)).copied();
                Some(known.unwrap_or(IcmpFault { errno: Errno::EHOSTUNREACH, hard: false }))
            }
            IcmpType::SOURCE_QUENCH | IcmpType::REDIRECT => None,
            _ => Some(IcmpFault { errno: Errno::EHOSTUNREACH, hard: false }),
        }
    }
}

/// Tells a socket about an ICMP error (the common end of the protocols' `err_handler`s): into the error
/// queue if it asked for that, else only if it is connected and the error is hard.
///
/// `payload` is what follows the protocol's header in the quoted packet.
pub(super) fn report_icmp(
    k: &mut Kernel,
    id: SocketId,
    fault: IcmpFault,
    error: &IcmpError<'_>,
    destination: SocketAddrV4,
    payload: &[u8],
) {
    let now = k.now;
    let Some(socket) = k.sockets.get_mut(id) else { return };
    if socket.opts.recv_err {
        socket.error_queue.push(ExtendedError {
            errno: fault.errno,
            origin: ErrorOrigin::Icmp,
            icmp_type: error.icmp_type.0,
            icmp_code: error.code,
            info: error.info,
            offender: Some(error.carrier),
            destination,
            payload: payload.to_vec(),
            time: now,
        });
    } else if !fault.hard || !socket.inet.connected {
        return;
    }
    socket.error = Some(fault.errno);
    k.wake(id);
}

/// Notes a local error in the error queue if the socket asked for that (`ip_local_error()`).
pub(super) fn report_local(
    k: &mut Kernel,
    id: SocketId,
    errno: Errno,
    destination: (Ipv4Addr, u16),
    info: u32,
) {
    let now = k.now;
    let Some(socket) = k.sockets.get_mut(id) else { return };
    if socket.opts.recv_err {
        socket.error_queue.push(ExtendedError {
            errno,
            origin: ErrorOrigin::Local,
            icmp_type: 0,
            icmp_code: 0,
            info,
            offender: None,
            destination: SocketAddrV4::new(destination.0, destination.1),
            payload: Vec::new(),
            time: now,
        });
        k.wake(id);
    }
}

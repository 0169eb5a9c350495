//! Errors that ICMP brings (`tcp_v4_err()`).

use std::net::SocketAddrV4;

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netns::mib::{IcmpMib, LinuxMib};
use crate::packet::IcmpType;
use crate::packet::icmp::unreach;
use crate::route::exception::update_pmtu;
use crate::socket::deliver::Quoted;
use crate::socket::error::{UNREACH_FAULTS, report_icmp};
use crate::socket::flow::{self, Target};
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::{FourTuple, Sk, TcpEntry, TcpState, request};
use crate::socket::{IcmpError, IcmpFault, PmtuDiscovery, Protocol};
use crate::sysctl::Sysctl;
use crate::trace::Observer;

/// Hears of an ICMP error about a segment of this host (`tcp_v4_err()`); false if no connection sent it.
pub fn icmp_error<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    error: &IcmpError<'_>,
    o: &mut O,
) -> bool {
    let Some((tuple, seq)) = quoted_segment(error.quoted) else { return false };
    let id = match k.netns[netns].sockets.tcp_connections.get(&tuple) {
        None => {
            k.netns[netns].mib.icmp.inc(IcmpMib::InErrors);
            return false;
        }
        Some(TcpEntry::Request(_)) => {
            request_error(k, netns, tuple, seq, error);
            return true;
        }
        Some(TcpEntry::Socket(id)) => *id,
    };
    if matches!(k.sockets.get(id).map(|s| &s.protocol), Some(Protocol::TcpTimeWait(_))) {
        return true;
    }
    if let Some(mut sk) = Sk::open(k, id, o) {
        sk.hear_error(seq, error);
        sk.finish();
    }
    true
}

/// Whose segment an error quotes, and its number.
fn quoted_segment(quoted: &[u8]) -> Option<(FourTuple, Seq)> {
    let packet = Quoted::parse(quoted)?;
    let &[a, b, c, d, s0, s1, s2, s3] = packet.payload.first_chunk::<8>()?;
    let tuple = FourTuple {
        saddr: packet.src,
        sport: u16::from_be_bytes([a, b]),
        daddr: packet.dst,
        dport: u16::from_be_bytes([c, d]),
    };
    Some((tuple, Seq(u32::from_be_bytes([s0, s1, s2, s3]))))
}

/// An error about a SYN-ACK ends the request if it is a hard one (`tcp_req_err()`).
fn request_error(
    k: &mut Kernel,
    netns: NetnsId,
    tuple: FourTuple,
    seq: Seq,
    error: &IcmpError<'_>,
) {
    let Some(request) = request::find(k, netns, tuple) else { return };
    if request.snt_isn != seq {
        k.netns[netns].mib.linux.inc(LinuxMib::OutOfWindowIcmps);
        return;
    }
    let ends = match error.icmp_type {
        IcmpType::PARAMETER_PROBLEM | IcmpType::TIME_EXCEEDED => true,
        IcmpType::DEST_UNREACH => matches!(error.code, unreach::NET | unreach::HOST),
        _ => false,
    };
    if ends {
        request::remove(k, netns, tuple);
        k.netns[netns].mib.linux.inc(LinuxMib::ListenDrops);
    }
}

impl<O: Observer> Sk<'_, O> {
    fn hear_error(&mut self, seq: Seq, error: &IcmpError<'_>) {
        let frag_needed =
            error.icmp_type == IcmpType::DEST_UNREACH && error.code == unreach::FRAG_NEEDED;
        let owned = self.t().owned;
        if owned && !frag_needed {
            self.mib(LinuxMib::LockDroppedIcmps);
        }
        let tp = self.t();
        if tp.state == TcpState::Close {
            return;
        }
        if tp.state != TcpState::Listen && !seq.between(tp.tx.una, tp.tx.nxt) {
            self.mib(LinuxMib::OutOfWindowIcmps);
            return;
        }
        if frag_needed {
            self.mtu_reduced(error.info);
            return;
        }
        let Some(fault) = fault(error) else { return };
        if self.t().state.is_opening() {
            self.report(fault, error);
            if owned {
                self.tp().soft_error = Some(fault.errno);
            } else {
                self.done_with_error(fault.errno);
            }
        } else if !owned && self.sock().opts.recv_err {
            self.sock_mut().error = Some(fault.errno);
            self.k.wake(self.id);
        } else {
            self.tp().soft_error = Some(fault.errno);
        }
    }

    /// Tells a program that collects errors.
    fn report(&mut self, fault: IcmpFault, error: &IcmpError<'_>) {
        if self.sock().opts.recv_err {
            let inet = &self.sock().inet;
            let destination = SocketAddrV4::new(inet.daddr, inet.dport);
            let payload = Quoted::parse(error.quoted).map_or(&[][..], |quoted| quoted.payload);
            report_icmp(self.k, self.id, fault, error, destination, payload);
        }
    }

    /// The path takes less than was thought (`tcp_v4_mtu_reduced()`). The route has learned it already, or
    /// learns it after this.
    fn mtu_reduced(&mut self, mtu: u32) {
        if matches!(self.t().state, TcpState::Listen | TcpState::Close) {
            return;
        }
        let mtu = mtu.max(self.sysctl(Sysctl::RouteMinPmtu));
        let discovers = self.sock().opts.pmtu != PmtuDiscovery::Dont;
        if discovers && self.t().tx.pmtu > mtu {
            self.learn_pmtu(mtu);
            let mss = self.sync_mss(mtu);
            self.simple_retransmit(mss);
        }
    }

    fn learn_pmtu(&mut self, mtu: u32) {
        let socket = self.sock();
        let to = Target { daddr: socket.inet.daddr, dport: socket.inet.dport };
        let (netns, key) = (socket.netns, flow::flow_key(socket, to));
        update_pmtu(self.k, netns, &key, mtu);
    }
}

/// What an ICMP error means to a connection; `None` if nothing.
fn fault(error: &IcmpError<'_>) -> Option<IcmpFault> {
    match error.icmp_type {
        IcmpType::PARAMETER_PROBLEM => Some(IcmpFault { errno: Errno::EPROTO, hard: true }),
        IcmpType::DEST_UNREACH => UNREACH_FAULTS.get(usize::from(error.code)).copied(),
        IcmpType::TIME_EXCEEDED => Some(IcmpFault { errno: Errno::EHOSTUNREACH, hard: false }),
        _ => None,
    }
}

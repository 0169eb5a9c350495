//! What connection tracking knows of each protocol: one file each (`struct nf_conntrack_l4proto`).
//!
//! Of a packet that has come to the hook, in this order:
//!
//! ```text
//!   error_quote   ICMP only: does it speak of another flow?        (nf_conntrack_icmpv4_error)
//!   tuple_of      which flow it belongs to                         (nf_ct_get_tuple)
//!   invert        the tuple of the answers                         (nf_ct_invert_tuple)
//!   check         is the packet well formed?                       (tcp_error and its like)
//!   begin         for a new entry: what the protocol remembers     (tcp_new and its like)
//!   packet        the next state, and how long the entry lives     (nf_conntrack_tcp_packet and its like)
//! ```
//!
//! A packet is given from its network header to its end, without a frame's padding. No function here panics,
//! whatever the bytes are.

pub mod gre;
pub mod icmp;
pub mod sctp;
pub mod tcp;
pub mod udp;

use crate::netfilter::Hook;
use crate::netfilter::conntrack::timeout;
use crate::netfilter::conntrack::{Conn, CtInfo, Dir, Tuple};
use crate::packet::ipv4::IP_OFFSET;
use crate::packet::{IpProto, Ipv4};
use crate::sysctl::{Sysctl, Sysctls};
use crate::time::SimTime;

pub use icmp::{Quote, error_quote};

/// What a protocol remembers of a connection (`union nf_conntrack_proto`).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ProtoState {
    /// Nothing (ICMP, generic).
    #[default]
    None,
    /// TCP.
    Tcp(tcp::TcpConn),
    /// UDP.
    Udp(udp::UdpConn),
    /// SCTP.
    Sctp(sctp::SctpConn),
    /// GRE.
    Gre(gre::GreConn),
}

/// What a protocol may ask about the world around a packet.
#[derive(Clone, Copy, Debug)]
pub struct ProtoCx<'a> {
    /// The time.
    pub now: SimTime,
    /// The settings of the namespace.
    pub sysctl: &'a Sysctls,
    /// The hook at which the packet is.
    pub hook: Hook,
}

impl ProtoCx<'_> {
    /// The time in jiffies.
    #[must_use]
    pub const fn jiffies(&self) -> u64 {
        self.now.jiffies()
    }

    /// The time that the setting `key` gives an entry, in jiffies.
    #[must_use]
    pub fn timeout(&self, key: Sysctl) -> u64 {
        timeout::of(self.sysctl, key)
    }
}

/// What a protocol says of a packet of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ruling {
    /// It is part of the connection (`NF_ACCEPT`).
    Accept,
    /// It is part of the connection, which ends with it: the entry goes at once, and the packet goes on
    /// (`nf_ct_kill_acct()`, then `NF_ACCEPT`).
    Kill,
    /// It makes no sense: it goes on as `INVALID` (`-NF_ACCEPT`). An entry that was made for it is dropped.
    Invalid,
    /// It opens the connection anew: the entry goes, and the packet is looked up again (`-NF_REPEAT`). If the
    /// entry is dying already, the packet is dropped.
    Repeat,
}

/// Where the payload of the packet begins, and its protocol (`ipv4_get_l4proto()`).
///
/// None for what is too short, and for the later pieces of a datagram, which only an ICMP error still quotes.
fn l4proto(packet: &[u8]) -> Option<(IpProto, &[u8])> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let frag_word = u16::from_be_bytes([header[6], header[7]]);
    if frag_word & IP_OFFSET != 0 {
        return None;
    }
    let payload = packet.get(usize::from(header[0] & 0x0f) * 4..)?;
    Some((IpProto(header[9]), payload))
}

/// The tuple of a packet (`nf_ct_get_tuple()`), if it is long enough to have one.
#[must_use]
pub fn tuple_of(packet: &[u8]) -> Option<Tuple> {
    let (proto, payload) = l4proto(packet)?;
    let (src, dst) = ids_of(proto, payload)?;
    let [.., a, b, c, d, e, f, g, h] = *packet.first_chunk::<20>()?;
    Some(Tuple::new(proto, ([a, b, c, d], src), ([e, f, g, h], dst)))
}

/// What a protocol tells flows between two hosts apart by: at the source, and at the destination.
fn ids_of(proto: IpProto, payload: &[u8]) -> Option<(u16, u16)> {
    match proto {
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP => {
            let &[a, b, c, d] = payload.first_chunk()?;
            Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
        }
        IpProto::ICMP => icmp::ids_of(payload),
        IpProto::GRE => gre::ids_of(payload),
        // Its packets have a tuple in Linux, but what tracks them takes none that came over IPv4.
        IpProto::ICMPV6 => None,
        _ => Some((0, 0)),
    }
}

/// The tuple of the answers (`nf_ct_invert_tuple()`). Messages of ICMP that nobody answers have none.
#[must_use]
pub fn invert(tuple: &Tuple) -> Option<Tuple> {
    let mut inverse = Tuple { src: tuple.dst, dst: tuple.src, proto: tuple.proto };
    if tuple.proto == IpProto::ICMP {
        let (icmp_type, code) = tuple.icmp_type_code();
        inverse.src.id = tuple.src.id;
        inverse.dst.id = u16::from_be_bytes([icmp::inverse(icmp_type)?, code]);
    }
    Some(inverse)
}

/// Whether a packet is well formed. Its checksum is looked at if `checksum` (`nf_conntrack_checksum`) is on and
/// it has just been received: what this host sends is taken to be right.
#[must_use]
pub fn check(packet: &[u8], hook: Hook, checksum: bool) -> bool {
    let (Some((proto, payload)), Ok(ip)) = (l4proto(packet), Ipv4::parse(packet)) else {
        return false;
    };
    let sum = checksum && hook == Hook::PreRouting;
    match proto {
        IpProto::TCP => tcp::check(&ip, payload, sum),
        IpProto::UDP => udp::check(&ip, payload, sum),
        IpProto::UDPLITE => udp::check_lite(&ip, payload, sum),
        IpProto::ICMP => icmp::check(payload, sum),
        IpProto::SCTP => sctp::check(payload, sum),
        _ => true,
    }
}

/// Fills in what the protocol remembers of a connection that `packet` begins. If it can't begin one, the packet
/// is `INVALID` and there is no entry.
#[must_use]
pub fn begin(conn: &mut Conn, packet: &[u8], cx: &ProtoCx<'_>) -> bool {
    let Some((proto, payload)) = l4proto(packet) else { return false };
    match proto {
        IpProto::TCP => tcp::begin(conn, payload, cx),
        IpProto::UDP => udp::begin(conn, cx),
        IpProto::SCTP => sctp::begin(conn, payload),
        IpProto::GRE => gre::begin(conn, cx),
        IpProto::ICMP => icmp::begin(conn),
        _ => true,
    }
}

/// Takes a packet of the connection in: its state, how long it lives, and what is told of it.
///
/// `info` is how the packet relates to the connection before it; its direction is that of `info`.
pub fn packet(conn: &mut Conn, packet: &[u8], dir: Dir, info: CtInfo, cx: &ProtoCx<'_>) -> Ruling {
    debug_assert_eq!(dir, info.dir());
    let Some((proto, payload)) = l4proto(packet) else { return Ruling::Invalid };
    match proto {
        IpProto::TCP => tcp::packet(conn, payload, dir, cx),
        IpProto::UDP => udp::packet(conn, cx),
        IpProto::UDPLITE => udp::packet_lite(conn, cx),
        IpProto::SCTP => sctp::packet(conn, payload, dir, cx),
        IpProto::GRE => gre::packet(conn, cx),
        IpProto::ICMP => icmp::packet(conn, cx),
        _ => generic(conn, cx),
    }
}

/// A packet of a protocol that is not known any better (`nf_conntrack_generic`).
fn generic(conn: &mut Conn, cx: &ProtoCx<'_>) -> Ruling {
    conn.refresh(cx.jiffies(), cx.timeout(Sysctl::NfConntrackGenericTimeout));
    Ruling::Accept
}

/// Whether the connection is about to end, so that it may go early when the table is
/// full although it is assured (`l4proto->can_early_drop()`).
#[must_use]
pub fn can_early_drop(conn: &Conn) -> bool {
    match &conn.proto {
        ProtoState::Tcp(tcp) => tcp.is_closing(),
        ProtoState::Sctp(sctp) => sctp.is_closing(),
        ProtoState::None | ProtoState::Udp(_) | ProtoState::Gre(_) => false,
    }
}

/// Whether two packets that begin the same flow at once may end up in one entry (`l4proto->allow_clash`).
#[must_use]
pub const fn allows_clash(proto: IpProto) -> bool {
    matches!(proto, IpProto::UDP | IpProto::UDPLITE | IpProto::GRE)
}

/// What tools show as the state of the connection, for the protocols that have states.
#[must_use]
pub fn state_name(conn: &Conn) -> Option<&'static str> {
    match &conn.proto {
        ProtoState::Tcp(tcp) => Some(tcp.state.name()),
        ProtoState::Sctp(sctp) => Some(sctp.state.name()),
        ProtoState::None | ProtoState::Udp(_) | ProtoState::Gre(_) => None,
    }
}

#[cfg(test)]
mod tests;

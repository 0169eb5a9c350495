//! Packets for this host and the protocols that take them (`ip_protocol_deliver_rcu()`,
//! `inet_protos`).

use std::net::SocketAddrV4;

use crate::ip::icmp::{self, Received};
use crate::ip::igmp;
use crate::kernel::{Flight, Kernel};
use crate::netns::mib::{IcmpMib, IpMib};
use crate::netns::stack::Decision;
use crate::packet::build::IcmpParams;
use crate::packet::icmp::{ICMP_HLEN, unreach};
use crate::packet::{Icmp, IcmpType, IpProto, Ipv4};
use crate::socket::{Datagram, IcmpError, ping, raw, tcp, udp, udplite};
use crate::trace::{DropReason, Observer};
use crate::tunnel;

/// Hands the packet to its protocol, after raw sockets have had their copies
/// (`ip_local_deliver_finish()`).
pub fn deliver<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return Err(DropReason::IpInHdr) };
    let proto = ip.proto();
    f.skb.data_to_transport_header();
    let has_raw = raw::deliver(k, f, proto, o);
    let taken = match proto {
        IpProto::ICMP => icmp_received(k, f, o),
        IpProto::UDP | IpProto::UDPLITE => udp_received(k, f, proto, o),
        IpProto::TCP => tcp::receive(k, f, o),
        IpProto::IPIP if tunnel::ipip::is_there(k, f.netns) => ipip_received(k, f, o),
        IpProto::IGMP => igmp::receive(k, f),
        // `pim_rcv()` takes everything, and nothing here acts on it.
        IpProto::PIM => Err(DropReason::NotSpecified),
        _ if has_raw => Ok(()),
        _ => {
            k.netns[f.netns].mib.ip.inc(IpMib::InUnknownProtos);
            complain(k, f, unreach::PROTOCOL, o);
            return Err(DropReason::IpNoProto);
        }
    };
    k.netns[f.netns].mib.ip.inc(IpMib::InDelivers);
    taken
}

/// `tunnel4_rcv()`: what no tunnel wants is answered as if nobody listened at a port.
fn ipip_received<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    if tunnel::ipip::receive(k, f)? {
        return Ok(());
    }
    complain(k, f, unreach::PORT, o);
    Err(DropReason::NotSpecified)
}

/// Tells the sender that nobody takes the packet here.
fn complain<O: Observer>(k: &mut Kernel, f: &Flight, code: u8, o: &mut O) {
    icmp::send(k, f, IcmpParams::error(IcmpType::DEST_UNREACH, code, 0), o);
}

/// `udp_rcv()`, `udplite_rcv()`.
fn udp_received<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    proto: IpProto,
    o: &mut O,
) -> Decision<()> {
    let taken = if proto == IpProto::UDP { udp::receive(k, f, o) } else { udplite::receive(k, f) };
    if taken == Err(DropReason::NoSocket) {
        complain(k, f, unreach::PORT, o);
    }
    taken
}

/// `icmp_rcv()`.
fn icmp_received<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    match icmp::receive(k, f, o)? {
        Received::Taken => Ok(()),
        Received::EchoReply => ping::receive(k, f, o),
        Received::Error { proto, info } => {
            icmp_error(k, f, proto, info, o);
            Ok(())
        }
    }
}

/// Tells whoever sent the quoted packet (`icmp_socket_deliver()`): raw sockets, then the packet's
/// protocol. What an error says about the way is believed only if somebody here did send the packet.
fn icmp_error<O: Observer>(k: &mut Kernel, f: &Flight, proto: IpProto, info: u32, o: &mut O) {
    let Some(error) = read_error(k, f, info) else { return };
    let by_raw = raw::icmp_error(k, f.netns, &error);
    let by_protocol = match proto {
        // Nobody has sent the answers to echo requests but the kernel itself.
        IpProto::ICMP => is_echo_reply(error.quoted) || ping::icmp_error(k, f.netns, &error),
        IpProto::UDP => {
            let found = udp::icmp_error(k, f.netns, &error);
            if !found {
                k.netns[f.netns].mib.icmp.inc(IcmpMib::InErrors);
            }
            found
        }
        IpProto::IPIP => {
            let what = (error.icmp_type, error.code);
            tunnel::ipip::icmp_error(k, f.netns, what, error.quoted)
        }
        IpProto::UDPLITE => {
            k.netns[f.netns].mib.icmp.inc(IcmpMib::InErrors);
            false
        }
        IpProto::TCP => tcp::icmp_error(k, f.netns, &error, o),
        _ => false,
    };
    if by_raw || by_protocol {
        icmp::lesson::learn(k, f, info, o);
    }
}

/// Whether the quoted packet is an echo reply.
fn is_echo_reply(quoted: &[u8]) -> bool {
    let header_len = quoted.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    quoted.get(header_len) == Some(&IcmpType::ECHO_REPLY.0)
}

/// Takes the message apart. The packet's data starts at the ICMP header.
fn read_error<'f>(k: &Kernel, f: &'f Flight, info: u32) -> Option<IcmpError<'f>> {
    let ip = Ipv4::parse(f.skb.network_header()).ok()?;
    let icmp = Icmp::parse(f.skb.data()).ok()?;
    Some(IcmpError {
        icmp_type: icmp.icmp_type(),
        code: icmp.code(),
        info,
        quoted: f.skb.data().get(ICMP_HLEN..)?,
        carrier: Datagram {
            from: SocketAddrV4::new(ip.src(), 0),
            to: ip.dst(),
            dev: f.iif.unwrap_or(f.dev),
            ttl: ip.ttl(),
            tos: ip.tos(),
            time: k.now,
            optlen: u8::try_from(ip.options().len()).unwrap_or(0),
        },
    })
}

//! Claims about datagram and packet sockets, each seen on Linux 6.18.

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::packet::{EtherType, IpProto, PacketType};
use crate::socket::lab::{A, B, Pair, at, mac};
use crate::socket::packet::LinkTarget;
use crate::socket::{SockOpt, SocketType};
use crate::sysctl::Sysctl;

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

#[test]
fn a_port_is_taken_once_unless_both_say_that_they_share() {
    let mut t = Pair::new();
    let _first = t.bound(t.a, SocketType::Udp, A, 53);
    let second = t.open(t.a, SocketType::Udp);
    for (addr, want) in [
        (A, Err(Errno::EADDRINUSE)),
        (ANY, Err(Errno::EADDRINUSE)),
        (Ipv4Addr::new(10, 0, 9, 77), Err(Errno::EADDRNOTAVAIL)),
        (Ipv4Addr::LOCALHOST, Ok(())),
    ] {
        assert_eq!(t.world.bind(second, at(addr, 53)), want, "{addr}");
    }
    assert_eq!(t.world.bind(second, at(A, 54)), Err(Errno::EINVAL), "bound already");
    let sharing = |t: &mut Pair| {
        let socket = t.open(t.a, SocketType::Udp);
        t.world.set_option(socket, SockOpt::ReuseAddr(true)).unwrap();
        t.world.bind(socket, at(A, 5353))
    };
    assert_eq!((sharing(&mut t), sharing(&mut t)), (Ok(()), Ok(())));
}

#[test]
fn the_group_and_broadcast_addresses_can_be_bound_to() {
    let mut t = Pair::new();
    for addr in [Ipv4Addr::new(224, 0, 0, 251), Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 9, 255)] {
        let socket = t.bound(t.a, SocketType::Udp, addr, 5000);
        assert_eq!(t.world.local_addr(socket), Ok(at(addr, 5000)));
        t.world.close_socket(socket);
    }
}

#[test]
fn an_ephemeral_port_is_in_its_range_and_free_again_after_close() {
    let mut t = Pair::new();
    t.world.kernel.netns[t.a].sysctl.write(Sysctl::IpLocalPortRange, "40000 40001").unwrap();
    let first = t.bound(t.a, SocketType::Udp, ANY, 0);
    let second = t.bound(t.a, SocketType::Udp, ANY, 0);
    let mut ports = [first, second].map(|s| t.world.local_addr(s).unwrap().port());
    ports.sort_unstable();
    assert_eq!(ports, [40000, 40001]);
    let third = t.open(t.a, SocketType::Udp);
    assert_eq!(t.world.bind(third, at(ANY, 0)), Err(Errno::EADDRINUSE));
    assert_eq!(t.world.send_to(third, b"x", Some(at(B, 9))), Err(Errno::EAGAIN));
    t.world.close_socket(first);
    assert_eq!(t.world.bind(third, at(ANY, 0)), Ok(()));
}

#[test]
fn ping_sockets_are_for_the_groups_of_the_sysctl_and_number_themselves() {
    let mut t = Pair::new();
    assert_eq!(t.world.socket(t.a, SocketType::Ping), Err(Errno::EACCES));
    t.world.kernel.netns[t.a].sysctl.write(Sysctl::PingGroupRange, "0 2147483647").unwrap();
    let first = t.bound(t.a, SocketType::Ping, A, 0);
    let second = t.bound(t.a, SocketType::Ping, A, 0);
    let [one, two] = [first, second].map(|s| t.world.local_addr(s).unwrap().port());
    assert_eq!(two, one + 1);
}

#[test]
fn datagrams_are_refused_with_the_errors_of_linux() {
    let mut t = Pair::new();
    let udp = t.open(t.a, SocketType::Udp);
    let raw = t.open(t.a, SocketType::Raw(IpProto::ICMP));
    let elsewhere = Ipv4Addr::new(192, 0, 2, 1);
    let broadcast = Ipv4Addr::new(10, 0, 9, 255);
    let long = vec![0; 65536];
    assert_eq!(t.world.send_to(udp, b"x", None), Err(Errno::EDESTADDRREQ));
    assert_eq!(t.world.send_to(udp, b"x", Some(at(B, 0))), Err(Errno::EINVAL));
    assert_eq!(t.world.send_to(udp, b"x", Some(at(elsewhere, 9))), Err(Errno::ENETUNREACH));
    assert_eq!(t.world.send_to(udp, b"x", Some(at(broadcast, 9))), Err(Errno::EACCES));
    assert_eq!(t.world.send_to(udp, &long, Some(at(B, 9))), Err(Errno::EMSGSIZE));
    assert_eq!(t.world.send_to(udp, &long[..65508], Some(at(B, 9))), Err(Errno::EMSGSIZE));
    assert_eq!(t.world.send_to(raw, b"x", None), Err(Errno::EDESTADDRREQ));
    assert_eq!(t.world.connect(udp, at(elsewhere, 9)), Err(Errno::ENETUNREACH));
    assert_eq!(t.world.connect(udp, at(broadcast, 9)), Err(Errno::EACCES));
    assert_eq!(t.world.peer_addr(udp), Err(Errno::ENOTCONN));
    assert_eq!(t.recv(udp), None);
}

#[test]
fn connecting_fixes_the_source_and_disconnecting_forgets_it() {
    let mut t = Pair::new();
    let udp = t.open(t.a, SocketType::Udp);
    assert_eq!(t.world.connect(udp, at(B, 9)), Ok(()));
    let local = t.world.local_addr(udp).unwrap();
    assert_eq!((*local.ip(), t.world.peer_addr(udp)), (A, Ok(at(B, 9))));
    assert!((32768..=60999).contains(&local.port()));
    assert_eq!(t.world.disconnect(udp), Ok(()));
    assert_eq!(t.world.local_addr(udp), Ok(at(ANY, 0)));
    assert_eq!(t.world.connect(udp, at(ANY, 7)), Ok(()));
    let me = Ipv4Addr::LOCALHOST;
    assert_eq!(t.world.peer_addr(udp), Ok(at(me, 7)), "0.0.0.0 is this host");
    assert_eq!(*t.world.local_addr(udp).unwrap().ip(), me);
}

#[test]
fn a_packet_socket_sees_both_directions_but_not_what_it_sent_itself() {
    let mut t = Pair::new();
    let own = t.capture(t.a, "e0");
    let other = t.capture(t.a, "e0");
    let far = t.capture(t.b, "e0");
    let mut frame = [mac(2).octets(), mac(1).octets()].concat();
    frame.extend([0x88, 0xb5, 1, 2, 3]);
    assert_eq!(t.world.send_packet(own, &frame, None), Ok(17));
    assert_eq!(t.frames(own), Vec::<Vec<u8>>::new());
    let mut buf = Vec::new();
    let out = t.world.recv_packet(other, &mut buf).unwrap();
    assert_eq!((out.pkt_type, out.protocol), (PacketType::Outgoing, EtherType(0x88b5)));
    assert_eq!(buf, frame);
    let came = t.world.recv_packet(far, &mut buf).unwrap();
    assert_eq!((came.pkt_type, came.addr), (PacketType::Host, mac(1)));
    assert_eq!(buf, frame);
}

#[test]
fn a_cooked_packet_socket_is_without_link_header_both_ways() {
    let mut t = Pair::new();
    let proto = EtherType(0x88b5);
    let sender = t.open(t.a, SocketType::PacketDgram(proto));
    let receiver = t.open(t.b, SocketType::PacketDgram(proto));
    let nobody = t.open(t.b, SocketType::PacketDgram(EtherType(0x88b6)));
    let dev = t.dev(t.a, "e0");
    let to = LinkTarget { dev, protocol: proto, addr: mac(2) };
    assert_eq!(t.world.send_packet(sender, b"hello", Some(to)), Ok(5));
    let mut buf = Vec::new();
    let info = t.world.recv_packet(receiver, &mut buf).unwrap();
    assert_eq!((&buf[..], info.addr, info.protocol), (&b"hello"[..], mac(1), proto));
    assert_eq!(t.world.recv_packet(nobody, &mut buf), Err(Errno::EAGAIN));
    assert_eq!(t.recv(sender), None, "a protocol's sockets see what is received only");
}

#[test]
fn frames_are_refused_with_the_errors_of_linux() {
    let mut t = Pair::new();
    let socket = t.open(t.a, SocketType::PacketRaw(EtherType::ALL));
    assert_eq!(t.world.send_packet(socket, &[0; 60], None), Err(Errno::ENXIO));
    let (near, far) = (t.dev(t.a, "e0"), t.dev(t.b, "e0"));
    assert_eq!(
        t.world.bind_packet(socket, Some(far), EtherType::ALL),
        Err(Errno::ENODEV),
        "another namespace's device"
    );
    t.world.bind_packet(socket, Some(near), EtherType::ALL).unwrap();
    assert_eq!(t.world.send_packet(socket, &[0; 13], None), Err(Errno::EINVAL));
    assert_eq!(t.world.send_packet(socket, &[0; 1515], None), Err(Errno::EMSGSIZE));
    assert_eq!(t.world.send_packet(socket, &[0; 1514], None), Ok(1514));
}

#[test]
fn a_full_capture_counts_what_it_lost() {
    let mut t = Pair::new();
    let capture = t.capture(t.b, "e0");
    t.world.set_option(capture, SockOpt::RcvBuf(1152)).unwrap();
    let sender = t.capture(t.a, "e0");
    for _ in 0..5 {
        t.world.send_packet(sender, &[0; 60], None).unwrap();
    }
    assert_eq!(t.world.packet_statistics(capture), Ok((5, 2)));
    assert_eq!(t.world.packet_statistics(capture), Ok((0, 0)), "asking resets");
    assert_eq!(t.frames(capture).len(), 3);
}

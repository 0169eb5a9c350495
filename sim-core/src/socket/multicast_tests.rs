//! What a host reports when sockets join and leave groups and choose senders: every answer and every
//! report was recorded on Linux 6.18, with `igmpv3_unsolicited_report_interval` at 4.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::link::group::FilterMode;
use crate::packet::IpProto;
use crate::socket::lab::{A, B, Pair, at};
use crate::socket::{GroupChange, GroupRequest, SockOpt, SocketType, SourceChange};

/// The group that everything is about.
const GROUP: Ipv4Addr = Ipv4Addr::new(232, 1, 1, 1);

/// Sockets `a` to `k` do something; behind `=` stand the answer and the report, which is sent twice.
/// 10.0.0.N is written N.
const SESSION: &str = "
a join = ok to_ex{}
a join = EADDRINUSE
a block 1 = ok block{1}
a block 1 = EADDRNOTAVAIL
a unblock 9 = EADDRNOTAVAIL
a hear 2 = EINVAL
b hear 2 = ok
b hear 1 = ok allow{1}
b block 1 = EINVAL
a unblock 1 = ok
a block 1 = ok
a block 3 = ok block{3}
a leave = ok to_in{1 2}
a leave = EADDRNOTAVAIL
b unhear 2 = ok block{2}
b unhear 7 = EADDRNOTAVAIL
b unhear 1 = ok block{1}
b unhear 1 = EINVAL
c join = ok to_ex{}
c include 4 5 = ok to_in{4 5}
c include 5 6 = ok allow{6} block{4}
c exclude 5 = ok to_ex{5}
c exclude = ok allow{5}
c include = ok to_in{}
c include = EADDRNOTAVAIL
c include 4 = EINVAL
d hear 1 = ok allow{1}
e join = ok to_ex{}
e close = ok to_in{1}
d close = ok block{1}
f hear 1 = ok allow{1}
g hear 1 = ok
g hear 2 = ok allow{2}
f close = ok
g close = ok block{2 1}
k hear 1 = ok allow{1}
k include 1 2 3 4 5 6 7 8 9 10 = ok allow{2 3 4 5 6 7 8 9 10}
k hear 11 = ENOBUFS
k include 1 2 3 4 5 6 7 8 9 10 11 = ENOBUFS
";

fn sender(text: &str) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, text.parse().unwrap())
}

fn by_device(group: Ipv4Addr) -> GroupRequest {
    let dev = Some("e0".parse().unwrap());
    GroupRequest { group, address: Ipv4Addr::UNSPECIFIED, dev }
}

/// The option that the words of a step mean.
fn option(words: &[&str]) -> SockOpt {
    let request = by_device(GROUP);
    let source = |change| GroupChange::Source(change, sender(words[1]));
    let senders = || words[1..].iter().map(|word| sender(word)).collect();
    let change = match words[0] {
        "join" => GroupChange::Join,
        "leave" => GroupChange::Leave,
        "block" => source(SourceChange::Block),
        "unblock" => source(SourceChange::Unblock),
        "hear" => source(SourceChange::Join),
        "unhear" => source(SourceChange::Leave),
        "include" => GroupChange::Filter(FilterMode::Include, senders()),
        "exclude" => GroupChange::Filter(FilterMode::Exclude, senders()),
        other => panic!("{other}"),
    };
    SockOpt::Group(request, change)
}

/// The records of a report of version 3; empty for other frames.
fn records(frame: &[u8]) -> String {
    const NAMES: [&str; 7] = ["", "is_in", "is_ex", "to_in", "to_ex", "allow", "block"];
    let mut said = String::new();
    if frame[12..14] != [8, 0] || frame[23] != 2 {
        return said;
    }
    let mut rest = &frame[46..];
    while let Some((record, more)) = rest.split_at_checked(8) {
        let (senders, more) = more.split_at(usize::from(record[3]) * 4);
        let senders: Vec<String> = senders.chunks(4).map(|s| s[3].to_string()).collect();
        write!(said, " {}{{{}}}", NAMES[usize::from(record[0])], senders.join(" ")).unwrap();
        rest = more;
    }
    said
}

fn quick(t: &mut Pair) {
    let conf = "net.ipv4.conf.e0.igmpv3_unsolicited_report_interval";
    let request =
        crate::netlink::Request::SysctlSet { name: conf.to_owned(), value: "4".to_owned() };
    t.request(t.a, &request);
    pass(t);
}

fn pass(t: &mut Pair) {
    let end = t.world.now() + Duration::from_millis(80);
    t.world.run_until(end);
}

#[test]
fn reports_follow_from_what_all_sockets_want() {
    let mut t = Pair::new();
    quick(&mut t);
    let capture = t.capture(t.a, "e0");
    let mut sockets: BTreeMap<&str, SocketId> = BTreeMap::new();
    for line in SESSION.lines().filter(|line| !line.is_empty()) {
        let (step, wanted) = line.split_once(" = ").unwrap();
        let words: Vec<&str> = step.split(' ').collect();
        let socket = *sockets.entry(words[0]).or_insert_with(|| t.open(t.a, SocketType::Udp));
        let answer = if words[1] == "close" {
            t.world.close_socket(socket);
            Ok(())
        } else {
            t.world.set_option(socket, option(&words[1..]))
        };
        pass(&mut t);
        let reports: Vec<String> = t.frames(capture).iter().map(|f| records(f)).collect();
        let said = reports.first().cloned().unwrap_or_default();
        let count = if said.is_empty() { 0 } else { 2 };
        assert_eq!(reports, vec![said.clone(); count], "{step}");
        let answer = answer.map_or_else(|errno| format!("{errno:?}"), |()| "ok".to_owned());
        assert_eq!(answer + &said, wanted, "{step}");
    }
}

#[test]
fn a_group_is_joined_by_the_device_that_is_named_or_that_the_routes_say() {
    let mut t = Pair::new();
    let socket = t.open(t.a, SocketType::Udp);
    let group = Ipv4Addr::new(239, 5, 5, 5);
    let by_address = |address| GroupRequest { group, address, dev: None };
    let mut set = |option| t.world.set_option(socket, option);
    let no_group = by_device(Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(set(SockOpt::Group(no_group, GroupChange::Join)), Err(Errno::EINVAL));
    let nobody = by_address(Ipv4Addr::new(10, 9, 9, 9));
    assert_eq!(set(SockOpt::Group(nobody, GroupChange::Join)), Err(Errno::ENODEV));
    let routed = by_address(Ipv4Addr::UNSPECIFIED);
    assert_eq!(set(SockOpt::Group(routed, GroupChange::Join)), Err(Errno::ENODEV));
    assert_eq!(set(SockOpt::Group(routed, GroupChange::Leave)), Err(Errno::ENODEV));
    assert_eq!(set(SockOpt::Group(by_address(A), GroupChange::Join)), Ok(()));
    assert_eq!(set(SockOpt::Group(by_device(group), GroupChange::Join)), Err(Errno::EADDRINUSE));
    assert_eq!(set(SockOpt::Group(by_device(group), GroupChange::Leave)), Ok(()));
    let stream = t.open(t.a, SocketType::Tcp);
    let join = SockOpt::Group(by_device(group), GroupChange::Join);
    assert_eq!(t.world.set_option(stream, join), Err(Errno::EPROTO));
}

#[test]
fn a_socket_hears_the_senders_that_it_wants_and_with_multicast_all_what_others_joined() {
    let mut t = Pair::new();
    let [member, other, strict] = [(); 3].map(|()| {
        let socket = t.open(t.b, SocketType::Udp);
        t.world.set_option(socket, SockOpt::ReuseAddr(true)).unwrap();
        t.world.bind(socket, at(Ipv4Addr::UNSPECIFIED, 7)).unwrap();
        socket
    });
    t.world.set_option(strict, SockOpt::MulticastAll(false)).unwrap();
    t.world.set_option(member, SockOpt::Group(by_device(GROUP), GroupChange::Join)).unwrap();
    let raw = t.open(t.b, SocketType::Raw(IpProto::UDP));
    let source = t.open(t.a, SocketType::Udp);
    let by_e0 = SockOpt::MulticastIf(Some("e0".parse().unwrap()), A);
    t.world.set_option(source, by_e0).unwrap();
    let heard = |t: &mut Pair| {
        t.world.send_to(source, b"x", Some(at(GROUP, 7))).unwrap();
        [member, other, strict, raw].map(|socket| t.recv(socket).is_some())
    };
    assert_eq!(heard(&mut t), [true, true, false, true]);
    let block = SockOpt::Group(by_device(GROUP), GroupChange::Source(SourceChange::Block, A));
    t.world.set_option(member, block).unwrap();
    assert_eq!(heard(&mut t), [false; 4], "the host does not want it");
    t.world.set_option(strict, SockOpt::Group(by_device(GROUP), GroupChange::Join)).unwrap();
    assert_eq!(heard(&mut t), [false, true, true, true]);
    let block = SockOpt::Group(by_device(GROUP), GroupChange::Source(SourceChange::Block, B));
    t.world.set_option(strict, block).unwrap();
    assert_eq!(heard(&mut t), [false, true, true, true]);
}

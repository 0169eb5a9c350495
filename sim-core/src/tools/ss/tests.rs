//! Lists as iproute2 6.1.0 printed them of the same sockets on Linux 6.18, numbers of inodes, cookies and
//! processes apart.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::id::SocketId;
use crate::packet::{EtherType, IpProto};
use crate::socket::{SockOpt, SocketType};
use crate::tools::lab::Lab;
use crate::tools::{Call, Outcome};

fn at(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

fn open(lab: &mut Lab, kind: SocketType) -> SocketId {
    let netns = lab.netns("h");
    lab.world.socket(netns, kind).unwrap()
}

/// A listener at port 80 with a client at port 5000 that has sent 100 bytes, a UDP socket on `lo` with a
/// datagram of two bytes, raw sockets and packet sockets.
fn sockets() -> Lab {
    let mut lab = Lab::row();
    let listener = open(&mut lab, SocketType::Tcp);
    lab.world.set_option(listener, SockOpt::ReuseAddr(true)).unwrap();
    lab.world.bind(listener, at(80)).unwrap();
    lab.world.listen(listener, 5).unwrap();
    let client = open(&mut lab, SocketType::Tcp);
    lab.world.bind(client, at(5000)).unwrap();
    lab.world.connect(client, at(80)).unwrap();
    lab.world.accept(listener).unwrap();
    lab.world.send(client, &[b'x'; 100]).unwrap();
    let server = open(&mut lab, SocketType::Udp);
    lab.world.bind(server, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 53)).unwrap();
    let lo = SockOpt::BindToDevice(Some("lo".parse().unwrap()));
    lab.world.set_option(server, lo).unwrap();
    let peer = open(&mut lab, SocketType::Udp);
    lab.world.bind(peer, at(4000)).unwrap();
    lab.world.connect(peer, at(53)).unwrap();
    lab.world.send(peer, b"hi").unwrap();
    let ospf = open(&mut lab, SocketType::Raw(IpProto(89)));
    lab.world.connect(ospf, at(0)).unwrap();
    open(&mut lab, SocketType::Raw(IpProto::RAW));
    open(&mut lab, SocketType::PacketRaw(EtherType::ALL));
    let dev = lab.world.kernel.netns[lab.netns("h")].names[&"lo".parse().unwrap()];
    let cooked = open(&mut lab, SocketType::PacketDgram(EtherType::IPV4));
    lab.world.bind_packet(cooked, Some(dev), EtherType::IPV4).unwrap();
    open(&mut lab, SocketType::PacketDgram(EtherType(0)));
    lab
}

fn stdout(lab: &mut Lab, line: &str) -> String {
    let Outcome { status, stdout, stderr } = lab.run(line);
    assert_eq!((status, stderr.as_str()), (0, ""), "{line}");
    stdout
}

#[test]
fn all_kinds_stand_in_one_list() {
    let text = stdout(&mut sockets(), "h ss -a");
    let real = "\
Netid State  Recv-Q Send-Q Local Address:Port        Peer Address:Port  Process
p_raw UNCONN 0      0                  *:*                       *             
p_dgr UNCONN 0      0                 ip:lo                      *             
p_dgr UNCONN 0      0                [0]:*                       *             
raw   ESTAB  0      0          127.0.0.1:ospf           127.0.0.1:*            
raw   UNCONN 0      0            0.0.0.0:ipproto-255      0.0.0.0:*            
udp   UNCONN 832    0         0.0.0.0%lo:domain           0.0.0.0:*            
udp   ESTAB  0      0          127.0.0.1:4000           127.0.0.1:domain       
tcp   LISTEN 0      5          127.0.0.1:http             0.0.0.0:*            
tcp   ESTAB  0      0          127.0.0.1:5000           127.0.0.1:http         
tcp   ESTAB  100    0          127.0.0.1:http           127.0.0.1:5000         
";
    assert_eq!(text, real);
}

#[test]
fn filters_choose_by_state_port_address_and_device() {
    let mut lab = sockets();
    for (line, rows) in [
        ("-taH state listening", &["0      5      127.0.0.1:http 0.0.0.0:*"][..]),
        (
            "-tanH sport = :80 and dport = :5000",
            &["ESTAB 100    0      127.0.0.1:80 127.0.0.1:5000"],
        ),
        (
            "-tanH ( sport = :80 or sport = :53 ) and not dport gt :1024",
            &["LISTEN 0      5      127.0.0.1:80 0.0.0.0:*"],
        ),
        ("-uaH dev lo", &["UNCONN 832    0      0.0.0.0%lo:domain 0.0.0.0:*"]),
        ("-tanH dst 10.0.0.0/8", &[]),
        ("-tnH src 127.0.0.0/8:5000", &["ESTAB 0      0      127.0.0.1:5000 127.0.0.1:80"]),
        ("-taH autobound", &[]),
        ("-tH dport http", &["ESTAB 0      0      127.0.0.1:5000 127.0.0.1:http"]),
        ("-aH src link:ip", &["p_dgr UNCONN 0      0      ip:lo *"]),
        ("-6aH", &[]),
        ("-A raw -H", &["ESTAB 0      0      127.0.0.1:ospf 127.0.0.1:*"]),
    ] {
        let text = stdout(&mut lab, &format!("h ss {line}"));
        let words = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
        let found: Vec<String> = text.lines().map(words).collect();
        let rows: Vec<String> = rows.iter().map(|row| words(row)).collect();
        assert_eq!(found, rows, "{line}");
    }
}

/// On a machine whose network has a round trip, `rto`, `rtt`, `send` and what follows are others.
#[test]
fn what_options_add_stands_behind_or_below() {
    let mut lab = sockets();
    let text = stdout(&mut lab, "h ss -uan --inet-sockopt");
    assert!(text.contains("\n\tinet-sockopt: ( mc_loop mc_all)"), "{text}");
    let text = stdout(&mut lab, "h ss -uamO");
    assert!(text.contains(" skmem:(r832,rb212992,t0,tb212992,f3264,w0,o0,bl0,d0)"), "{text}");
    let text = stdout(&mut lab, "h ss -0e");
    assert!(text.contains("\n\tver:0 cpy_thresh:0 flags( running )"), "{text}");
    assert!(text.contains("\n\tver:0 cpy_thresh:0 flags( 0 )"), "{text}");
    let text = stdout(&mut lab, "h ss -ta --tos --cgroup -H");
    assert_eq!(text.matches("tos:0 class_id:0 cgroup:/").count(), 3, "{text}");
    let text = stdout(&mut lab, "h ss -tie state established");
    let client = "mss:32768 pmtu:65535 rcvmss:536 advmss:65483 cwnd:10 bytes_sent:100 bytes_acked:101 \
        segs_out:3 segs_in:2 data_segs_out:1";
    assert!(text.contains(client), "{text}");
    assert!(text.contains("bytes_received:100 segs_out:1 segs_in:3 data_segs_in:1"), "{text}");
    assert!(text.contains("\n\t ts sack cubic wscale:10,10 rto:"), "{text}");
    assert!(text.contains("rcv_space:65495 rcv_ssthresh:65495"), "{text}");
}

#[test]
fn processes_are_shown_with_their_descriptors() {
    let mut lab = Lab::row();
    let netns = lab.netns("h");
    let argv = ["nc", "-lk", "80"].map(str::to_owned).to_vec();
    let tool = crate::tools::find("nc").unwrap();
    let call = Call { argv, ..Call::default() };
    let id = lab.world.spawn_program(tool.name, netns, (tool.start)(call));
    let text = stdout(&mut lab, "h ss -ltnpH");
    let users = format!("users:((\"nc\",pid={},fd=3))", id.pid());
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words, ["LISTEN", "0", "1", "0.0.0.0:80", "0.0.0.0:*", &users]);
}

#[test]
fn a_closed_connection_counts_down_its_minute() {
    let mut lab = sockets();
    let client = {
        let mut ends = lab.world.kernel.sockets.iter().filter(|(_, s)| s.inet.dport != 0);
        ends.next().unwrap().0
    };
    lab.world.close_socket(client);
    lab.world.run_until(lab.world.now() + std::time::Duration::from_secs(1));
    let text = stdout(&mut lab, "h ss -tanoH state fin-wait-1 state fin-wait-2");
    assert!(text.starts_with("FIN-WAIT-2 0      0      127.0.0.1:5000 127.0.0.1:80 "), "{text}");
    assert!(text.contains(" timer:(timewait,59sec,0)"), "{text}");
}

#[test]
fn the_summary_counts() {
    let text = stdout(&mut sockets(), "h ss -s");
    let counts = "Total: 10\nTCP:   3 (estab 2, closed 0, orphaned 0, timewait 0)\n\n\
        Transport Total     IP        IPv6\n\
        RAW\t  2         2         0        \nUDP\t  2         2         0        \n\
        TCP\t  3         3         0        \nINET\t  7         7         0        \n\
        FRAG\t  0         0         0        \n\n";
    assert_eq!(text, counts);
}

#[test]
fn bad_filters_are_refused_in_the_real_words() {
    let mut lab = Lab::row();
    let cannot = "Cannot parse dst/src address.\n";
    for (line, status, stderr) in [
        ("foo", 1, format!("Error: an inet prefix is expected rather than \"foo\".\n{cannot}")),
        ("-t sport = foo", 1, format!("Error: \"foo\" does not look like a port.\n{cannot}")),
        ("-t src [::1", 1, cannot.to_owned()),
        ("-t dev nope", 1, "Cannot parse device.\n".to_owned()),
        ("-t fwmark x", 1, "Cannot parse mark x.\n".to_owned()),
        (
            "-N nope",
            1,
            "Cannot open network namespace \"nope\": No such file or directory\n".into(),
        ),
    ] {
        let outcome = lab.run(&format!("h ss {line}"));
        assert_eq!((outcome.status, outcome.stderr), (status, stderr), "{line}");
    }
    for open in ["h ss -t ( sport = :80", "h ss -t sport = :80 )", "h ss -t or", "h ss -t !"] {
        assert_eq!(bison(&mut lab, open), "syntax error!", "{open}");
    }
}

/// What `ss` says of a filter whose grammar is wrong.
fn bison(lab: &mut Lab, line: &str) -> String {
    let outcome = lab.run(line);
    let said = outcome.stderr.strip_prefix("ss: bison bellows (while parsing filter): \"");
    let (why, usage) = said.unwrap_or_default().split_once("\" Sorry.\n").unwrap_or_default();
    assert!(outcome.status == 255 && usage.starts_with("Usage: ss "), "{outcome:?}");
    why.to_owned()
}

/// The numbers were found on iproute2 6.1.0.
#[test]
fn filters_are_as_deep_as_the_real_parser_reads_them_and_of_any_length() {
    let mut lab = sockets();
    for (open, close, deepest) in [
        ("( ", ") ", 9993),
        ("! ", "", 9993),
        ("! ( ", ") ", 4996),
        ("sport = :80 and ( ", ") ", 3331),
        ("sport = :80 ( ", ") ", 4996),
    ] {
        let line = |times| {
            let (open, close) = (open.repeat(times), close.repeat(times));
            format!("h ss -tanH {open} ( sport = :80 dport = :5000 ) {close}")
        };
        let rows = stdout(&mut lab, &line(deepest)).lines().count();
        assert_eq!(rows, if open == "! " { 2 } else { 1 }, "{open}");
        assert_eq!(bison(&mut lab, &line(deepest + 1)), "memory exhausted!", "{open}");
    }
    let long = "sport = :80 dport = :5000 or ".repeat(20_000);
    let rows = stdout(&mut lab, &format!("h ss -tanH dport = :1 {long} sport = :1"));
    assert_eq!(rows.lines().count(), 1, "{rows}");
}

//! Rule sets, as `iptables-restore` of both kernels reads them.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The namespace that the rules are for: the router of [`crate::path::FILTERED`] and
/// [`crate::path::CLUSTER`].
pub const NETNS: &str = "r";

/// The port of every service.
const SERVICE_PORT: u16 = 53;
/// The port of every endpoint.
const ENDPOINT_PORT: u16 = 5353;
/// How many endpoints a service has.
pub const ENDPOINTS: u32 = 3;

/// What the rules of a chain ask for. None of them matches a packet of the benches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// One destination and one port each, as rules for services do: an index leads past all of them.
    Indexed,
    /// A bit of everything that no index can answer: each has to be asked.
    Mixed,
}

/// A chain of `count` rules that every forwarded packet meets.
#[must_use]
pub fn chain(shape: Shape, count: u32) -> String {
    let mut text = "*filter\n".to_owned();
    for n in 0..count {
        let condition = match shape {
            Shape::Indexed => {
                format!("-d {}/32 -p udp -m udp --dport {SERVICE_PORT}", service(n).ip())
            }
            Shape::Mixed => mixed(n),
        };
        line(&mut text, format_args!("-A FORWARD {condition} -j DROP"));
    }
    text + "COMMIT\n"
}

/// One of the conditions of [`Shape::Mixed`].
fn mixed(n: u32) -> String {
    let [_, _, high, low] = n.to_be_bytes();
    match n % 8 {
        0 => format!("-s 172.16.{high}.0/{} -p udp", 17 + n % 8),
        1 => format!("-p udp -m udp --dport {}:{}", 20_000 + n, 20_002 + n),
        2 => format!("-i eth{n}"),
        3 => format!("-m mark --mark 0x{:x}/0xffff", n + 1),
        4 => format!("-p udp -m multiport --dports {},{}", 20_000 + n, 40_000 + n),
        5 => format!("-d 172.{high}.{low}.128/25"),
        6 => format!("-m length --length {}:65535", 1_000 + n % 500),
        _ => format!("! -p udp -m comment --comment \"rule {n}\""),
    }
}

/// The address of the `n`th service.
#[must_use]
pub fn service(n: u32) -> SocketAddrV4 {
    let base = Ipv4Addr::new(10, 96, 0, 1).to_bits();
    SocketAddrV4::new(Ipv4Addr::from_bits(base + n), SERVICE_PORT)
}

/// The endpoints of the `n`th service.
#[must_use]
pub fn endpoints(n: u32) -> Vec<SocketAddrV4> {
    let base = Ipv4Addr::new(10, 64, 0, 1).to_bits() + n * ENDPOINTS;
    let addr = |i| SocketAddrV4::new(Ipv4Addr::from_bits(base + i), ENDPOINT_PORT);
    (0..ENDPOINTS).map(addr).collect()
}

/// How many rules one service has in [`services`].
pub const RULES_OF_SERVICE: u32 = 2 + 3 * ENDPOINTS;

/// The rules for `count` services as kube-proxy of Kubernetes 1.20 and later lays them out in its mode
/// `iptables`; pods have addresses in 10.244.0.0/16.
#[must_use]
pub fn services(count: u32) -> String {
    let mut text = FILTER.to_owned();
    text.push_str("*nat\n");
    for chain in ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"] {
        line(&mut text, format_args!(":{chain} - [0:0]"));
    }
    for n in 0..count {
        line(&mut text, format_args!(":KUBE-SVC-{n:016} - [0:0]"));
        for i in 0..ENDPOINTS {
            line(&mut text, format_args!(":KUBE-SEP-{:016} - [0:0]", n * ENDPOINTS + i));
        }
    }
    text.push_str(NAT);
    for n in 0..count {
        service_rules(&mut text, n);
    }
    text + "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports\" \
            -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\nCOMMIT\n"
}

/// The rules of the `n`th service.
fn service_rules(text: &mut String, n: u32) {
    let (addr, port) = (*service(n).ip(), SERVICE_PORT);
    let to = format!(
        "-m comment --comment \"ns/svc-{n}:dns cluster IP\" -m udp -p udp -d {addr} --dport {port}"
    );
    line(text, format_args!("-A KUBE-SERVICES {to} -j KUBE-SVC-{n:016}"));
    line(text, format_args!("-A KUBE-SVC-{n:016} {to} ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ"));
    for (i, endpoint) in (0..).zip(endpoints(n)) {
        let sep = n * ENDPOINTS + i;
        // The last one takes what is left.
        let chance = match ENDPOINTS - i {
            1 => String::new(),
            left => format!(
                "-m statistic --mode random --probability 0.{:010} ",
                10_000_000_000_u64 / u64::from(left)
            ),
        };
        line(
            text,
            format_args!(
                "-A KUBE-SVC-{n:016} -m comment --comment \"ns/svc-{n}:dns -> {endpoint}\" {chance}\
                 -j KUBE-SEP-{sep:016}"
            ),
        );
        let comment = format!("-m comment --comment ns/svc-{n}:dns");
        line(
            text,
            format_args!("-A KUBE-SEP-{sep:016} {comment} -s {} -j KUBE-MARK-MASQ", endpoint.ip()),
        );
        line(
            text,
            format_args!(
                "-A KUBE-SEP-{sep:016} {comment} -m udp -p udp -j DNAT --to-destination {endpoint}"
            ),
        );
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes everything");
}

/// What kube-proxy has in `filter`, but for its count of invalid packets.
const FILTER: &str = r#"*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-FIREWALL - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x00004000/0x00004000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"#;

/// The rules in `nat` that do not belong to one service.
const NAT: &str = r#"-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
"#;

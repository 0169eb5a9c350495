//! Random matches: for a hook, as iptables takes them.

use super::super::dice::Dice;
use super::rules::{Hook, Table};

/// Ports that traffic uses.
pub(super) const CLIENT_PORTS: [u16; 4] = [5000, 5001, 5002, 5003];
pub(super) const SERVER_PORTS: [u16; 3] = [53, 80, 8080];
/// Addresses that are nobody's and that NAT rules translate.
pub(super) const VIRTUAL: [&str; 2] = ["10.96.0.1", "10.96.0.2"];

const ADDRESSES: [&str; 9] = [
    "10.0.1.2",
    "10.0.1.3",
    "10.0.1.0/24",
    "10.0.1.4/31",
    "10.0.2.2",
    "10.0.2.0/24",
    "10.0.0.2/255.255.0.255",
    "10.96.0.0/16",
    "10.0.2.1",
];

const STATES: [&str; 7] =
    ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "RELATED,ESTABLISHED", "NEW,INVALID"];

/// Inverts an option now and then.
fn not(dice: &mut Dice) -> &'static str {
    if dice.chance(15) { "! " } else { "" }
}

/// Draws what a rule matches: a protocol with its ports, addresses, devices and extensions.
pub(super) fn draw(dice: &mut Dice, table: Table, hook: Hook, bridge_ports: &[String]) -> String {
    let mut words = Vec::new();
    if dice.chance(45) {
        words.push(protocol(dice));
    }
    if dice.chance(15) {
        words.push(format!("{}-s {}", not(dice), dice.pick(&ADDRESSES)));
    }
    if dice.chance(20) {
        let to_virtual = matches!(hook, Hook::PreRouting | Hook::Output) && dice.chance(60);
        let to = if to_virtual { dice.pick(&VIRTUAL) } else { dice.pick(&ADDRESSES) };
        words.push(format!("{}-d {to}", not(dice)));
    }
    if dice.chance(12) {
        words.extend(interface(dice, hook));
    }
    if dice.chance(50) {
        words.extend(extension(dice, table, hook, bridge_ports));
    }
    words.join(" ")
}

/// Draws a protocol, mostly with something about it.
pub(super) fn protocol(dice: &mut Dice) -> String {
    let protocol = dice.pick(&["udp", "udp", "udp", "tcp", "tcp", "icmp", "sctp", "47", "200"]);
    match protocol {
        "udp" | "tcp" | "sctp" if dice.chance(60) => ports(dice, protocol),
        "tcp" if dice.chance(70) => {
            let flags = dice.pick(&[
                "--syn",
                "! --syn",
                "--tcp-flags RST RST",
                "--tcp-flags SYN,ACK SYN,ACK",
                "--tcp-flags ALL FIN,ACK",
                "--tcp-option 2",
            ]);
            format!("-p tcp {flags}")
        }
        "icmp" if dice.chance(60) => {
            let kind = dice.pick(&["8", "0", "3", "3/3", "11", "any"]);
            format!("-p icmp {}--icmp-type {kind}", not(dice))
        }
        "sctp" if dice.chance(50) => {
            let chunks = dice.pick(&["any INIT", "any DATA", "only DATA", "all DATA,SACK"]);
            format!("-p sctp --chunk-types {chunks}")
        }
        _ => format!("{}-p {protocol}", not(dice)),
    }
}

fn ports(dice: &mut Dice, protocol: &str) -> String {
    let (client, server) = (dice.pick(&CLIENT_PORTS), dice.pick(&SERVER_PORTS));
    let not = not(dice);
    match dice.below(6) {
        0 => format!("-p {protocol} {not}--sport {client}"),
        1 => format!("-p {protocol} {not}--dport {server}:{}", server + 1),
        2 if protocol != "sctp" => {
            format!("-p {protocol} -m multiport {not}--dports {server},{client}:5100")
        }
        3 if protocol != "sctp" => format!("-p {protocol} -m multiport {not}--ports 53,{client}"),
        4 => format!("-p {protocol} --sport {client} {not}--dport {server}"),
        _ => format!("-p {protocol} {not}--dport {server}"),
    }
}

fn interface(dice: &mut Dice, hook: Hook) -> Option<String> {
    let option = match hook {
        Hook::PreRouting | Hook::Input => "-i",
        Hook::Output | Hook::PostRouting => "-o",
        Hook::Forward => dice.pick(&["-i", "-o"]),
        Hook::User => return None,
    };
    let name = dice.pick(&["s0", "s+", "c+", "br0", "lo"]);
    Some(format!("{}{option} {name}", not(dice)))
}

fn extension(dice: &mut Dice, table: Table, hook: Hook, bridge_ports: &[String]) -> Option<String> {
    let not = not(dice);
    // In the raw table nothing is tracked yet.
    let tracks = table != Table::Raw;
    Some(match dice.below(20) {
        0 | 1 if tracks => format!("-m conntrack {not}--ctstate {}", dice.pick(&STATES)),
        2 if tracks => connection(dice, not),
        3 if tracks => format!("-m state {not}--state {}", dice.pick(&STATES)),
        4 => {
            let kind = dice.pick(&["LOCAL", "UNICAST", "BROADCAST", "MULTICAST"]);
            format!("-m addrtype {not}--{}-type {kind}", dice.pick(&["src", "dst"]))
        }
        5 => format!("-m mark {not}--mark {}", dice.pick(&["0", "1", "0x1/0xf", "0x10/0xf0"])),
        6 if tracks => {
            format!("-m connmark {not}--mark {}", dice.pick(&["0", "1", "0x1/0xf", "0x10/0xf0"]))
        }
        7 => {
            let every = dice.within(1, 4);
            let packet = dice.below(every);
            format!("-m statistic --mode nth {not}--every {every} --packet {packet}")
        }
        8 => format!("-m statistic --mode random --probability {}", dice.pick(&["1.0", "0"])),
        9 => recent(dice),
        10 => {
            format!("-m limit --limit 1/hour --limit-burst {}", dice.pick(&["1", "3", "10", "40"]))
        }
        11 => format!("-m iprange {not}--src-range 10.0.1.3-10.0.2.2"),
        12 => format!("-m length {not}--length {}", dice.pick(&["0:40", "32", "41:", "576:1500"])),
        13 => format!("-m ttl --ttl-{}", dice.pick(&["eq 63", "eq 64", "lt 10", "gt 63"])),
        14 => format!(
            "-m pkttype {not}--pkt-type {}",
            dice.pick(&["unicast", "broadcast", "multicast"])
        ),
        15 if matches!(hook, Hook::PreRouting | Hook::Forward | Hook::Input) => {
            format!("-m mac {not}--mac-source 02:00:00:00:01:0{}", dice.within(2, 5))
        }
        16 if hook == Hook::Output => owner(dice, not),
        17 if hook == Hook::PreRouting && matches!(table, Table::Raw | Table::Mangle) => {
            format!("-m rpfilter{}", dice.pick(&["", " --loose", " --invert", " --accept-local"]))
        }
        18 if !bridge_ports.is_empty() && matches!(hook, Hook::PreRouting | Hook::Forward) => {
            let port = dice.pick(bridge_ports);
            match dice.below(3) {
                0 if hook == Hook::Forward => "-m physdev --physdev-is-bridged".to_owned(),
                1 if hook == Hook::Forward => format!("-m physdev {not}--physdev-out {port}"),
                _ => format!("-m physdev {not}--physdev-in {port}"),
            }
        }
        19 => "-m comment --comment \"a comment\"".to_owned(),
        _ => return None,
    })
}

fn connection(dice: &mut Dice, not: &str) -> String {
    let what = dice.pick(&[
        "--ctstate DNAT",
        "--ctstate SNAT",
        "--ctstatus SEEN_REPLY",
        "--ctstatus ASSURED",
        "--ctdir REPLY",
        "--ctdir ORIGINAL",
        "--ctproto udp",
        "--ctorigdst 10.96.0.1",
        "--ctreplsrc 10.0.2.2",
        "--ctorigdstport 53",
    ]);
    // A direction cannot be inverted.
    let not = if what.starts_with("--ctdir") { "" } else { not };
    format!("-m conntrack {not}{what}")
}

fn recent(dice: &mut Dice) -> String {
    let name = dice.pick(&["one", "two"]);
    let what = dice.pick(&[
        "--set",
        "--set --rdest",
        "--rcheck",
        "--update --hitcount 3",
        "--rcheck --seconds 600",
        "--remove",
        "--update --rttl",
        "--set --mask 255.255.255.0",
    ]);
    format!("-m recent --name {name} {what}")
}

fn owner(dice: &mut Dice, not: &str) -> String {
    let what = dice.pick(&["--uid-owner 0", "--uid-owner 5", "--gid-owner 0", "--socket-exists"]);
    format!("-m owner {not}{what}")
}

//! Random cases for netfilter: tables of rules, and many flows through them.
//!
//! A case lasts less than a second, and nothing in it is near a moment at which a timer runs out; so what is left of
//! each timeout is the same in every run.

mod flows;
mod matches;
mod network;
mod rules;

use super::dice::Dice;
use super::{CaseText, Packets, RULES};
use flows::Flows;
use matches::{CLIENT_PORTS, SERVER_PORTS};
use network::Network;

/// How many draws of frames a case has.
const DRAWS: u32 = 250;
/// The last step comes before this.
const ENOUGH_MS: u32 = 740;
const FRAME_MS: u32 = 2;
/// A listing shows whole seconds; the packet before it has to be a few jiffies old.
const COMMAND_MS: u32 = 20;

/// Draws the case of a seed.
#[must_use]
pub fn case(seed: u64) -> CaseText {
    let mut dice = Dice::new(seed);
    let network = network::draw(&mut dice);
    let mut setup = network.setup.clone();
    let rules = rules::draw(&mut dice, &network.bridge_ports);
    if !rules.is_empty() {
        setup.push(format!("ip netns exec r iptables-restore < {RULES}"));
    }
    let packets = packets(&mut dice, &network);
    // Whether anybody listens is known to all namespaces of a machine, and others may run beside this one.
    setup.insert(
        network.setup.len(),
        "ip netns exec r sysctl -qw net.netfilter.nf_conntrack_events=1".to_owned(),
    );
    CaseText { name: format!("netfilter-{seed}"), setup, packets, rules }
}

fn packets(dice: &mut Dice, network: &Network) -> Vec<String> {
    let mut packets = Packets { lines: vec!["@quiet 20".to_owned()], at_ms: 0, conversations: 0 };
    if dice.chance(10) {
        packets.lines.push("@ctevents on".to_owned());
    }
    for (address, port) in [("10.0.1.1", 5353), ("0.0.0.0", 53)] {
        if dice.chance(50) {
            packets.step(&format!("r - udp-echo {address} {port}"), FRAME_MS);
        }
    }
    let mut flows = Flows::new(network);
    for _ in 0..DRAWS {
        if packets.at_ms > ENOUGH_MS {
            break;
        }
        match dice.below(100) {
            0..2 => {
                packets.wait(COMMAND_MS);
                packets.step(&format!("r - sh {}", change(dice)), COMMAND_MS);
            }
            2..5 => send(dice, network, &mut packets),
            _ => {
                let frames = flows.draw(dice);
                frames.iter().for_each(|(dev, frame)| packets.receive(dev, frame, FRAME_MS));
            }
        }
    }
    packets.lines
}

/// A datagram from a socket of the router.
fn send(dice: &mut Dice, network: &Network, packets: &mut Packets) {
    let (port, dport) = (dice.within(7000, 7003), dice.pick(&SERVER_PORTS));
    let near = [network.servers.host(2), network.clients.host(3), network.clients.host(1)];
    let to = if dice.chance(40) { "10.96.0.1".to_owned() } else { dice.pick(&near).to_string() };
    packets.step(&format!("r - udp 0.0.0.0 {port} {to} {dport} 6869"), FRAME_MS);
}

/// Draws a command that asks for something of netfilter, or changes it. It may fail.
fn change(dice: &mut Dice) -> String {
    let client_port = dice.pick(&CLIENT_PORTS);
    match dice.below(14) {
        0 => "conntrack -L".to_owned(),
        1 => "conntrack -L -p tcp -o extended".to_owned(),
        2 => "conntrack -S".to_owned(),
        3 => format!("conntrack -D -p udp --orig-port-src {client_port}"),
        4 => format!("conntrack -D -s 10.0.1.{}", dice.within(2, 5)),
        5 => "conntrack -F".to_owned(),
        6 => "iptables -t nat -L -n -v".to_owned(),
        7 => "iptables -Z".to_owned(),
        8 => "iptables -S".to_owned(),
        9 => format!("iptables -I FORWARD -p udp --sport {client_port} -j DROP"),
        10 => "iptables -t nat -D POSTROUTING 1".to_owned(),
        11 => "iptables -t mangle -F".to_owned(),
        12 => "sysctl -qw net.netfilter.nf_conntrack_acct=1".to_owned(),
        _ if dice.chance(20) => "ip addr del 10.0.2.1/24 dev s0".to_owned(),
        _ => "conntrack -C".to_owned(),
    }
}

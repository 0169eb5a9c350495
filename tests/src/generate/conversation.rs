//! TCP between the router and the second host, from sockets.

use sim_core::case::format::to_hex;

use super::Packets;
use super::dice::Dice;
use super::topology::Topology;

/// Draws a connection: who begins, what is said, who ends it. The times are far from those of any timer of
/// TCP, so that none of them runs out just when something else happens.
pub(super) fn converse(dice: &mut Dice, topology: &Topology, packets: &mut Packets) {
    if !topology.has_second_host {
        return;
    }
    packets.conversations += 1;
    let (port, service) = (6100 + packets.conversations, 6200 + packets.conversations);
    let ends = [("r", "10.0.20.1"), ("b", "10.0.20.2")];
    let [(client, from), (server, to)] = if dice.chance(50) { ends } else { [ends[1], ends[0]] };
    // Sometimes nobody listens.
    if dice.chance(85) {
        packets.step(&format!("{server} - tcp-listen {to} {service}"), 5);
    }
    packets.step(&format!("{client} - tcp-connect {from} {port} {to} {service}"), 20);
    for _ in 0..dice.below(3) {
        let size = dice.pick(&[1, 100, 1400, 3000]);
        packets.step(&format!("{client} - tcp-send {port} {}", to_hex(&vec![0x61; size])), 100);
    }
    if dice.chance(80) {
        packets.step(&format!("{client} - tcp-close {port}"), 100);
    }
}

//! Random cases: a network, its settings and frames, all a pure function of a seed.

mod dice;
mod frame;
mod topology;
mod traffic;

use sim_core::case::decode::describe;
use sim_core::case::format::to_hex;
use sim_core::case::{Case, FormatError};

use dice::Dice;
use topology::Topology;
use traffic::Traffic;

/// The two texts of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseText {
    /// Its name.
    pub name: String,
    /// The lines of `setup.sh`.
    pub setup: Vec<String>,
    /// The lines of `packets.txt`.
    pub packets: Vec<String>,
}

impl CaseText {
    /// Reads the texts.
    ///
    /// # Errors
    /// When they are not understood.
    pub fn parse(&self) -> Result<Case, FormatError> {
        Case::parse(&self.name, &self.setup.join("\n"), &self.packets.join("\n"))
    }
}

/// Draws the case of a seed.
#[must_use]
pub fn case(seed: u64) -> CaseText {
    let mut dice = Dice::new(seed);
    let topology = topology::draw(&mut dice);
    let mut packets = Packets { lines: vec!["@quiet 10".to_owned()], at_ms: 0 };
    packets.open_sockets(&mut dice, &topology);
    let mut traffic = Traffic { topology: &topology, id: 0 };
    for _ in 0..dice.within(4, 18) {
        match dice.below(100) {
            0..85 => {
                let (dev, frames) = traffic.frames(&mut dice);
                let takes_ms = if topology.has_macvlan { 15 } else { 3 };
                frames.iter().for_each(|frame| packets.receive(&dev, frame, takes_ms));
            }
            85..93 => packets.command(&change(&mut dice, &topology)),
            _ => packets.send(&mut dice, &topology),
        }
    }
    CaseText { name: format!("seed-{seed}"), setup: topology.setup, packets: packets.lines }
}

/// The steps drawn so far.
struct Packets {
    lines: Vec<String>,
    at_ms: u32,
}

impl Packets {
    fn step(&mut self, text: &str, takes_ms: u32) {
        self.lines.push(format!("{} {text}", self.at_ms));
        self.at_ms += takes_ms;
    }

    fn open_sockets(&mut self, dice: &mut Dice, topology: &Topology) {
        if dice.chance(50) {
            self.step("r - udp-echo 0.0.0.0 7", 2);
        }
        if dice.chance(30) && topology.setup.iter().any(|line| line == "ip netns add b") {
            self.step("b - udp-echo 10.0.20.2 7", 2);
        }
    }

    fn receive(&mut self, dev: &str, frame: &[u8], takes_ms: u32) {
        self.lines.push(format!("# {}", describe(frame)));
        self.step(&format!("r {dev} tx {}", to_hex(frame)), takes_ms);
    }

    fn command(&mut self, command: &str) {
        self.step(&format!("r - sh {command}"), 15);
    }

    /// A datagram from a socket of the router.
    fn send(&mut self, dice: &mut Dice, topology: &Topology) {
        let (Some(from), to) = (topology.local.first(), &topology.local) else { return };
        let destination = match dice.below(3) {
            0 => dice.pick(to),
            1 if !topology.remote.is_empty() => dice.pick(&topology.remote),
            _ => dice.pick(&topology.ports).host(dice.pick(&[2, 3, 5, 77])),
        };
        let size = dice.pick(&[0, 5, 700, 1600]);
        let data = to_hex(&vec![0x5a; size]);
        self.step(&format!("r - udp {from} 6001 {destination} 7 {data}"), 5);
    }
}

/// A command in the middle of the traffic; it may fail, and its output is part of what is compared.
fn change(dice: &mut Dice, topology: &Topology) -> String {
    let port = dice.pick(&topology.ports);
    let dev = &port.dev;
    let last = dice.within(2, 5);
    let host = port.host(u8::try_from(last).unwrap_or(2));
    let far = topology.remote.first().map_or_else(|| "10.50.0.1".to_owned(), ToString::to_string);
    match dice.below(16) {
        0 => format!("ip addr add 10.0.{}.33/24 dev {dev}", port.net),
        1 => format!("ip addr del {}/24 dev {dev}", port.host(1)),
        2 => format!("ip route add {far}/32 via {host}"),
        3 => format!("ip route replace {far}/32 dev {dev}"),
        4 => format!("ip route del {far}/32"),
        5 => format!("ip neigh replace {host} lladdr 02:00:00:00:bb:0{last} dev {dev}"),
        6 => format!("ip neigh del {host} dev {dev}"),
        7 => format!("ip route get {far}"),
        8 => format!("ip route get {host} from {far} iif {dev}"),
        9 => "ip neigh show".to_owned(),
        10 => "ip route show".to_owned(),
        11 => format!("ip addr show dev {dev}"),
        12 => format!("sysctl -w net.ipv4.conf.{dev}.rp_filter=1"),
        13 => "ip rule show".to_owned(),
        14 if topology.has_bridge => "bridge fdb show br br0".to_owned(),
        15 if topology.has_bridge => {
            format!("bridge fdb add 02:00:00:00:1e:0{last} dev {dev} master static")
        }
        _ => "sysctl -w net.ipv4.ip_forward=1".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_case() {
        assert_eq!(case(7), case(7));
        assert_ne!(case(7).packets, case(8).packets);
    }

    #[test]
    fn every_case_can_be_read() {
        for seed in 0..500 {
            let text = case(seed);
            assert!(text.parse().is_ok(), "seed {seed}: {:?}", text.parse());
        }
    }
}

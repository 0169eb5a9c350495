//! Random cases: a network, its settings and frames, all a pure function of a seed.

mod change;
mod conversation;
mod dice;
mod frame;
pub mod netfilter;
mod topology;
mod traffic;

use sim_core::case::decode::describe;
use sim_core::case::format::to_hex;
use sim_core::case::{Case, FormatError};

use change::change;
use conversation::converse;
use dice::Dice;
pub use frame::sctp;
use topology::Topology;
use traffic::Traffic;

/// The texts of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseText {
    /// Its name.
    pub name: String,
    /// The lines of `setup.sh`.
    pub setup: Vec<String>,
    /// The lines of `packets.txt`.
    pub packets: Vec<String>,
    /// The lines of the file [`RULES`]; without any there is no such file.
    pub rules: Vec<String>,
}

/// What random cases are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Devices, addresses, routes, neighbours, bridges, tunnels, sockets.
    Network,
    /// Rules of iptables, and flows through them.
    Netfilter,
}

impl Topic {
    /// Draws the case of a seed.
    #[must_use]
    pub fn case(self, seed: u64) -> CaseText {
        match self {
            Self::Network => case(seed),
            Self::Netfilter => netfilter::case(seed),
        }
    }

    /// The text of the record of the seeds on which kernel and simulator have agreed.
    #[must_use]
    pub const fn record(self) -> &'static str {
        match self {
            Self::Network => include_str!("../../generated.txt"),
            Self::Netfilter => include_str!("../../generated-netfilter.txt"),
        }
    }
}

/// The file that a generated case gives to `iptables-restore`.
pub const RULES: &str = "rules";

impl CaseText {
    /// Reads the texts.
    ///
    /// # Errors
    /// When they are not understood.
    pub fn parse(&self) -> Result<Case, FormatError> {
        let mut case = Case::parse(&self.name, &self.setup.join("\n"), &self.packets.join("\n"))?;
        if !self.rules.is_empty() {
            case.files.insert(RULES.to_owned(), self.rules.join("\n") + "\n");
        }
        Ok(case)
    }
}

/// Draws the case of a seed.
#[must_use]
pub fn case(seed: u64) -> CaseText {
    let mut dice = Dice::new(seed);
    let topology = topology::draw(&mut dice);
    let mut packets = Packets { lines: vec!["@quiet 10".to_owned()], at_ms: 0, conversations: 0 };
    packets.open_sockets(&mut dice, &topology);
    let mut traffic = Traffic { topology: &topology, id: 0 };
    for _ in 0..dice.within(4, 18) {
        if packets.at_ms > ENOUGH_MS {
            break;
        }
        match dice.below(100) {
            0..80 => {
                let (dev, frames) = traffic.frames(&mut dice);
                let takes_ms = if topology.has_macvlan { 15 } else { 3 };
                frames.iter().for_each(|frame| packets.receive(&dev, frame, takes_ms));
            }
            80..91 => packets.command(&change(&mut dice, &topology)),
            91..93 => converse(&mut dice, &topology, &mut packets),
            93..94 => packets.wait(dice.pick(&[30, 100, 300])),
            _ => packets.send(&mut dice, &topology),
        }
    }
    CaseText {
        name: format!("seed-{seed}"),
        setup: topology.setup,
        packets: packets.lines,
        rules: Vec::new(),
    }
}

/// No step comes later. Questions for neighbours are repeated after a second, and which of two that were
/// first asked within 32 ms is repeated first is a matter of chance, of the kernel's timer wheel.
const ENOUGH_MS: u32 = 500;

/// The steps drawn so far.
struct Packets {
    lines: Vec<String>,
    at_ms: u32,
    /// How many conversations there were: each has its own ports.
    conversations: u16,
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
        if dice.chance(30) && topology.has_second_host {
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

    fn wait(&mut self, ms: u32) {
        self.lines.push(format!("wait {ms}"));
        self.at_ms += ms;
    }

    /// A datagram from a socket of the router.
    fn send(&mut self, dice: &mut Dice, topology: &Topology) {
        let (Some(from), to) = (topology.local.first(), &topology.local) else { return };
        let destination = match dice.below(3) {
            0 => dice.pick(to),
            1 if !topology.remote.is_empty() => dice.pick(&topology.remote),
            _ => dice.pick(&topology.ports).host(dice.pick(&[2, 3, 5, 77])),
        };
        // Linux sends no further piece of an answer when the far end has refused one.
        let most = if topology.has_narrow_wire { 1400 } else { usize::MAX };
        let size = dice.pick(&[0, 5, 700, 1600]).min(most);
        let data = to_hex(&vec![0x5a; size]);
        self.step(&format!("r - udp {from} 6001 {destination} 7 {data}"), 5);
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
    fn a_seed_always_gives_the_same_case_of_netfilter() {
        assert_eq!(netfilter::case(7), netfilter::case(7));
        assert_ne!(netfilter::case(7).rules, netfilter::case(8).rules);
        for seed in 0..100 {
            let text = netfilter::case(seed);
            assert!(text.parse().is_ok(), "seed {seed}: {:?}", text.parse());
        }
    }

    #[test]
    fn every_case_can_be_read() {
        for seed in 0..500 {
            let text = case(seed);
            assert!(text.parse().is_ok(), "seed {seed}: {:?}", text.parse());
        }
    }
}

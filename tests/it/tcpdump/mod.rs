//! Frame summaries against tcpdump 4.99.3: lines that it printed, kept in `golden.txt`, and the program
//! itself where it is installed.

mod golden;
mod mutate;
mod real;

use sim_core::packet::build::{Sll2Params, push_sll2};
use sim_core::packet::summary::{Captured, Dump, LinkType, Summarizer, Summary, SummaryOptions};
use sim_core::packet::{EtherType, Ethernet, PacketType, Skb};

/// What a capture file says that its frames start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Ethernet,
    Raw,
    Cooked,
}

impl Link {
    /// The number of the link type in a capture file.
    fn number(self) -> usize {
        match self {
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Cooked => 276,
        }
    }
}

/// A captured frame: its bytes, and how many it had on the wire.
#[derive(Clone, Debug)]
struct Frame {
    link: Link,
    bytes: Vec<u8>,
    wire_len: usize,
}

impl Frame {
    fn whole(bytes: Vec<u8>) -> Self {
        Self { link: Link::Ethernet, wire_len: bytes.len(), bytes }
    }

    fn captured(&self) -> Captured<'_> {
        let link = match self.link {
            Link::Ethernet => LinkType::Ethernet,
            Link::Raw => LinkType::Raw,
            Link::Cooked => LinkType::Cooked { device: "?" },
        };
        Captured { link, bytes: &self.bytes, wire_len: self.wire_len }
    }

    /// Takes the Ethernet header off, and puts the header of `link` on.
    fn with_link(&self, link: Link) -> Option<Self> {
        let header = Ethernet::parse(&self.bytes).ok()?;
        let (kind, payload) = (header.ether_type(), header.payload());
        let mut skb = Skb::from_slice(payload);
        match link {
            Link::Ethernet => return Some(self.clone()),
            Link::Raw if payload.is_empty() => return None,
            Link::Raw => {}
            Link::Cooked => {
                let protocol = if kind.is_length() { EtherType(4) } else { kind };
                let params = Sll2Params {
                    protocol,
                    ifindex: 0x00ff_ff00,
                    hardware_type: 1,
                    pkt_type: PacketType::Outgoing,
                    addr: (payload.len() % 2 == 0).then(|| header.src()),
                };
                push_sll2(&mut skb, &params);
            }
        }
        Some(Self { link, ..Self::whole(skb.data().to_vec()) })
    }
}

/// Reads the options of tcpdump that the summarizer knows, as `-evS` or `-XX`.
fn options(flags: &str) -> SummaryOptions {
    let count = |flag: char| flags.chars().filter(|found| *found == flag).count();
    let link_header = |flag| count(flag) > 1;
    let dump = match flags.chars().find(|flag| "xXA".contains(*flag)) {
        Some('x') => Dump::Hex { link_header: link_header('x') },
        Some('X') => Dump::HexAscii { link_header: link_header('X') },
        Some(_) => Dump::Ascii { link_header: link_header('A') },
        None => Dump::None,
    };
    SummaryOptions {
        link_header: count('e') > 0,
        absolute_seq: count('S') > 0,
        verbose: u8::try_from(count('v')).unwrap(),
        quiet: count('q') > 0,
        dump,
    }
}

/// Summarizes frames one after another, as one run of tcpdump does.
fn summarize(frames: &[Frame], flags: &str) -> Vec<Summary> {
    let mut summarizer = Summarizer::new(options(flags));
    frames.iter().map(|frame| summarizer.summarize(&frame.captured())).collect()
}

/// Writes bytes so that they stay on a line.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! What `tcpdump -n` (4.99.3) prints for a frame, after its time stamp.
//!
//! One printer a protocol, each a description of the line it prints. A printer reads bytes that may end
//! too early, at the end of the capture or of the IP packet around it: such a read gives up the frame
//! with `[|protocol]`, as tcpdump does. What tcpdump has a printer for and this module has not is said
//! in the line, ` [NTP: not modelled]`, and in [`Summary::unmodelled`].

mod arp;
mod bcm_li;
mod bfd;
mod bytes;
mod cooked;
mod dns;
mod dump;
mod ether;
mod geneve;
mod gre;
mod icmp;
mod icmp6;
mod igmp;
mod ip;
mod ip6;
mod ip_demux;
mod ip_options;
mod ipsec;
mod llc;
mod names;
mod overlay;
mod printer;
mod resp;
mod sequence;
mod ssh;
mod stp;
mod syslog;
mod tcp;
mod tcp_apps;
mod tcp_options;
mod text;
mod udp;
mod udp_apps;

use bytes::Cut;
use printer::Printer;
use sequence::Sequences;

/// Which bytes of the frame follow the summary in hexadecimal or ASCII.
///
/// With `link_header` the link header is shown too, as with the doubled option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dump {
    /// None.
    #[default]
    None,
    /// Hexadecimal (`-x`, `-xx`).
    Hex {
        /// Include the link header.
        link_header: bool,
    },
    /// Hexadecimal and ASCII (`-X`, `-XX`).
    HexAscii {
        /// Include the link header.
        link_header: bool,
    },
    /// ASCII (`-A`, `-AA`).
    Ascii {
        /// Include the link header.
        link_header: bool,
    },
}

/// The options of tcpdump that change how a frame is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SummaryOptions {
    /// Print the link header (`-e`).
    pub link_header: bool,
    /// Print TCP sequence numbers as they are, not relative to the first seen (`-S`).
    pub absolute_seq: bool,
    /// How often `-v` was given.
    pub verbose: u8,
    /// Print less (`-q`).
    pub quiet: bool,
    /// Bytes to show after the summary.
    pub dump: Dump,
}

/// What the captured bytes start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType<'a> {
    /// An Ethernet header (`EN10MB`).
    Ethernet,
    /// An IPv4 or IPv6 header (`RAW`): devices without a link header, such as tunnels.
    Raw,
    /// The pseudo header of a frame seen on `-i any` (`LINUX_SLL2`, see
    /// [`push_sll2`](crate::packet::build::push_sll2)).
    Cooked {
        /// The name of the device that the header names by its index, `?` if there is none.
        device: &'a str,
    },
}

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    /// What `bytes` start with.
    pub link: LinkType<'a>,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// How many bytes the frame had on the wire.
    pub wire_len: usize,
}

impl<'a> Captured<'a> {
    /// A whole Ethernet frame.
    #[must_use]
    pub const fn ethernet(bytes: &'a [u8]) -> Self {
        Self { link: LinkType::Ethernet, bytes, wire_len: bytes.len() }
    }
}

/// The summary of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What follows the time stamp: one line, or more with tunnels, verbosity or a dump. No line end
    /// at its end.
    pub text: String,
    /// The printer that tcpdump has and this module has not, if the frame needed one.
    pub unmodelled: Option<&'static str>,
}

/// Prints frames one after another, and remembers the TCP connections in them, whose sequence numbers
/// it prints relative to the first ones.
#[derive(Clone, Debug, Default)]
pub struct Summarizer {
    options: SummaryOptions,
    sequences: Sequences,
}

impl Summarizer {
    /// Creates one that has seen no frame.
    #[must_use]
    pub fn new(options: SummaryOptions) -> Self {
        Self { options, sequences: Sequences::default() }
    }

    /// Summarizes a whole Ethernet frame.
    #[must_use]
    pub fn ethernet(&mut self, frame: &[u8]) -> Summary {
        self.summarize(&Captured::ethernet(frame))
    }

    /// Summarizes the next frame.
    #[must_use]
    pub fn summarize(&mut self, frame: &Captured<'_>) -> Summary {
        let mut printer = Printer::new(self.options, &mut self.sequences);
        printer.frame(frame);
        printer.finish()
    }
}

//! `pkttype`: whom the link layer addressed (`libxt_pkttype`, `xt_pkttype`).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::packet::PacketType;

/// Whom the link layer addressed, or did not address.
#[derive(Clone, Debug, PartialEq)]
pub struct Pkttype {
    pkt_type: PacketType,
    invert: bool,
}

/// The names; the first of several is written.
const NAMES: &[(&str, PacketType)] = &[
    ("unicast", PacketType::Host),
    ("broadcast", PacketType::Broadcast),
    ("multicast", PacketType::Multicast),
    ("otherhost", PacketType::OtherHost),
    ("bcast", PacketType::Broadcast),
    ("mcast", PacketType::Multicast),
    ("host", PacketType::Host),
];

impl Pkttype {
    fn name(&self) -> &'static str {
        let found = NAMES.iter().find(|(_, pkt_type)| *pkt_type == self.pkt_type);
        found.map_or("", |(name, _)| name)
    }
}

/// Whom a packet is for that this host hands to itself: the link layer has addressed nobody.
fn looped(f: &Flight) -> PacketType {
    let dst = f.skb.network_header().get(16..).and_then(<[u8]>::first_chunk::<4>);
    match dst.map(|dst| Ipv4Addr::from(*dst)) {
        Some(dst) if dst.is_multicast() => PacketType::Multicast,
        _ => PacketType::Broadcast,
    }
}

impl Extension for Pkttype {
    const NAME: &'static str = "pkttype";
    const OPTIONS: &'static [Opt] =
        &[Opt::new("pkt-type", Kind::Text(0, 0)).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/pkttype.txt");

    fn new(_: AddressFamily) -> Self {
        Self { pkt_type: PacketType::Host, invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(given.word));
        let bad = || Problem::Parameter(format!("Bad packet type '{}'", given.word));
        self.pkt_type = found.ok_or_else(bad)?.1;
        self.invert = given.invert;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not} --pkt-type {}", self.name()).expect("a string");
    }

    fn print(&self, _: Style, out: &mut String) {
        let not = if self.invert { "!" } else { "" };
        write!(out, " PKTTYPE {not}= {}", self.name()).expect("a string");
    }
}

impl MatchExtension for Pkttype {
    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let told = f.skb.meta.pkt_type;
        let pkt_type = if told == PacketType::Loopback { looped(f) } else { told };
        ((pkt_type == self.pkt_type) != self.invert).into()
    }
}

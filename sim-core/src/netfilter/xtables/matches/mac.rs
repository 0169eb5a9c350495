//! `mac`: the hardware address that a packet came from (`libxt_mac`, `xt_mac`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::link::kind::LinkType;
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Problem, Style, Value,
};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::packet::MacAddr;

/// The address that a packet came from, or did not come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Mac {
    addr: MacAddr,
    invert: bool,
}

/// The length of an Ethernet header, in bytes.
const HEADER_LEN: usize = 14;

impl Extension for Mac {
    const NAME: &'static str = "mac";
    const OPTIONS: &'static [Opt] = &[Opt::new("mac-source", Kind::Mac).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/mac.txt");

    fn new(_: AddressFamily) -> Self {
        Self { addr: MacAddr([0; 6]), invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        if let Value::Mac(addr) = given.value {
            self.addr = addr;
        }
        self.invert = given.invert;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not} --mac-source {}", self.addr).expect("a string");
    }

    fn print(&self, _: Style, out: &mut String) {
        let not = if self.invert { "! " } else { "" };
        write!(out, " MAC {not}{}", self.addr).expect("a string");
    }
}

impl MatchExtension for Mac {
    const HOOKS: &'static [Hook] = &[Hook::PreRouting, Hook::Input, Hook::Forward];

    fn matches(&self, k: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let is_ethernet =
            k.devs.get(f.dev).is_some_and(|dev| dev.kind.link_type() == LinkType::Ether);
        if !is_ethernet || !f.skb.mac_header_was_set() {
            return Matched::No;
        }
        // Of a header that is there, all of it is in front of the packet.
        let header = f.skb.mac_header();
        let before_packet = header.len().checked_sub(f.skb.network_header().len());
        if before_packet.is_none_or(|len| len < HEADER_LEN) {
            return Matched::No;
        }
        let from = header.get(6..).and_then(<[u8]>::first_chunk::<6>);
        (from.is_some_and(|from| MacAddr(*from) == self.addr) != self.invert).into()
    }
}

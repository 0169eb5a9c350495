//! `icmp6`: type and code of ICMPv6 (`libip6t_icmp6`, `xt_tcpudp`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::icmp_types::{Names, Types, all, one};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::packet::IpProto;

const NAMES: &Names = &[
    ("destination-unreachable", all(1)),
    ("no-route", one(1, 0)),
    ("communication-prohibited", one(1, 1)),
    ("beyond-scope", one(1, 2)),
    ("address-unreachable", one(1, 3)),
    ("port-unreachable", one(1, 4)),
    ("failed-policy", one(1, 5)),
    ("reject-route", one(1, 6)),
    ("packet-too-big", all(2)),
    ("time-exceeded", all(3)),
    ("ttl-exceeded", all(3)),
    ("ttl-zero-during-transit", one(3, 0)),
    ("ttl-zero-during-reassembly", one(3, 1)),
    ("parameter-problem", all(4)),
    ("bad-header", one(4, 0)),
    ("unknown-header-type", one(4, 1)),
    ("unknown-option", one(4, 2)),
    ("echo-request", all(128)),
    ("ping", all(128)),
    ("echo-reply", all(129)),
    ("pong", all(129)),
    ("router-solicitation", all(133)),
    ("router-advertisement", all(134)),
    ("neighbour-solicitation", all(135)),
    ("neighbor-solicitation", all(135)),
    ("neighbour-advertisement", all(136)),
    ("neighbor-advertisement", all(136)),
    ("redirect", all(137)),
];

/// What is asked of an ICMPv6 header.
#[derive(Clone, Debug, PartialEq)]
pub struct Icmp6 {
    types: Types,
    invert: bool,
}

impl Extension for Icmp6 {
    const NAME: &'static str = "icmp6";
    const OPTIONS: &'static [Opt] =
        &[Opt::new("icmpv6-type", Kind::Text(0, 0)).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/icmp6.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet6];

    fn new(_: AddressFamily) -> Self {
        Self { types: all(0), invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.types = Types::read(given.word, NAMES, "ICMPv6")?;
        self.invert = given.invert;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        out.push_str(if self.invert { " ! --icmpv6-type" } else { " --icmpv6-type" });
        self.types.save(out);
    }

    fn print(&self, style: Style, out: &mut String) {
        out.push_str(" ipv6-icmp");
        let names = if style.numeric { &[] } else { NAMES };
        self.types.print(self.invert, names, out);
    }
}

impl MatchExtension for Icmp6 {
    const PROTO: Option<IpProto> = Some(IpProto::ICMPV6);

    fn matches(&self, _: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        self.types.matches(f, seen, None, self.invert)
    }
}

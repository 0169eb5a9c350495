//! `icmp`: type and code of ICMP (`libipt_icmp`, `xt_tcpudp`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::icmp_types::{ANY, Names, Types, all, one};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::packet::IpProto;

const NAMES: &Names = &[
    ("any", all(ANY)),
    ("echo-reply", all(0)),
    ("pong", all(0)),
    ("destination-unreachable", all(3)),
    ("network-unreachable", one(3, 0)),
    ("host-unreachable", one(3, 1)),
    ("protocol-unreachable", one(3, 2)),
    ("port-unreachable", one(3, 3)),
    ("fragmentation-needed", one(3, 4)),
    ("source-route-failed", one(3, 5)),
    ("network-unknown", one(3, 6)),
    ("host-unknown", one(3, 7)),
    ("network-prohibited", one(3, 9)),
    ("host-prohibited", one(3, 10)),
    ("TOS-network-unreachable", one(3, 11)),
    ("TOS-host-unreachable", one(3, 12)),
    ("communication-prohibited", one(3, 13)),
    ("host-precedence-violation", one(3, 14)),
    ("precedence-cutoff", one(3, 15)),
    ("source-quench", all(4)),
    ("redirect", all(5)),
    ("network-redirect", one(5, 0)),
    ("host-redirect", one(5, 1)),
    ("TOS-network-redirect", one(5, 2)),
    ("TOS-host-redirect", one(5, 3)),
    ("echo-request", all(8)),
    ("ping", all(8)),
    ("router-advertisement", all(9)),
    ("router-solicitation", all(10)),
    ("time-exceeded", all(11)),
    ("ttl-exceeded", all(11)),
    ("ttl-zero-during-transit", one(11, 0)),
    ("ttl-zero-during-reassembly", one(11, 1)),
    ("parameter-problem", all(12)),
    ("ip-header-bad", one(12, 0)),
    ("required-option-missing", one(12, 1)),
    ("timestamp-request", all(13)),
    ("timestamp-reply", all(14)),
    ("address-mask-request", all(17)),
    ("address-mask-reply", all(18)),
];

/// What is asked of an ICMP header.
#[derive(Clone, Debug, PartialEq)]
pub struct Icmp {
    types: Types,
    invert: bool,
}

impl Extension for Icmp {
    const NAME: &'static str = "icmp";
    const OPTIONS: &'static [Opt] =
        &[Opt::new("icmp-type", Kind::Text(0, 0)).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/icmp.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self { types: all(ANY), invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.types = Types::read(given.word, NAMES, "ICMP")?;
        self.invert = given.invert;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        out.push_str(if self.invert { " ! --icmp-type" } else { " --icmp-type" });
        if self.types.icmp_type == ANY {
            out.push_str(" any");
        } else {
            self.types.save(out);
        }
    }

    fn print(&self, style: Style, out: &mut String) {
        out.push_str(" icmp");
        let names = if style.numeric { &[] } else { NAMES };
        self.types.print(self.invert, names, out);
    }
}

impl MatchExtension for Icmp {
    const PROTO: Option<IpProto> = Some(IpProto::ICMP);

    fn matches(&self, _: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        self.types.matches(f, seen, Some(ANY), self.invert)
    }
}

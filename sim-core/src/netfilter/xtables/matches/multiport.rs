//! `multiport`: one of several ports (`libxt_multiport` revision 1, `xt_multiport`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::services::{self, Transport};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, transport_header};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::value;
use crate::packet::IpProto;

/// How many ports there may be; a range counts for two (`XT_MULTI_PORTS`).
const MAX: usize = 15;

/// Which end of the packet the ports are for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Source,
    Destination,
    Either,
}

/// The ports that a packet may come from or go to.
#[derive(Clone, Debug, PartialEq)]
pub struct Multiport {
    end: End,
    /// From one port to the other.
    ranges: Vec<(u16, u16)>,
    invert: bool,
    /// The protocol of the rule.
    proto: IpProto,
}

const SOURCE_PORTS: usize = 0;
const DESTINATION_PORTS: usize = 2;

/// The ways in which a port can be asked for but once.
const ALONE: &[&str] = &["source-ports", "destination-ports", "ports"];

/// The protocol that the rule is for, which has to have ports.
fn proto_of(cx: &Context<'_>) -> Result<IpProto, Problem> {
    match cx.proto {
        None => Err(Problem::parameter(
            "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'",
        )),
        Some((proto, false))
            if [IpProto::TCP, IpProto::UDP, IpProto::UDPLITE, IpProto::SCTP, IpProto::DCCP]
                .contains(&IpProto(proto)) =>
        {
            Ok(IpProto(proto))
        }
        Some(_) => {
            Err(Problem::parameter("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP"))
        }
    }
}

/// Where the names of the protocol's ports are looked up, if it has any.
fn transport(proto: IpProto) -> Option<Transport> {
    match proto {
        IpProto::TCP => Some(Transport::Tcp),
        IpProto::UDP => Some(Transport::Udp),
        IpProto::SCTP => Some(Transport::Sctp),
        _ => None,
    }
}

fn read_ranges(list: &str, proto: IpProto) -> Result<Vec<(u16, u16)>, Problem> {
    let too_many = || Problem::parameter("too many ports specified");
    let port = |word| value::port(word, transport(proto));
    let mut ranges = Vec::new();
    let mut count = 0;
    for word in list.split(',') {
        if count >= MAX {
            return Err(too_many());
        }
        let Some((from, to)) = word.split_once(':') else {
            let port = port(word)?;
            ranges.push((port, port));
            count += 1;
            continue;
        };
        if count == MAX - 1 {
            return Err(too_many());
        }
        let (from, to) = (port(from)?, port(to)?);
        if from >= to {
            return Err(Problem::parameter("invalid portrange specified"));
        }
        ranges.push((from, to));
        count += 2;
    }
    Ok(ranges)
}

impl Multiport {
    fn label(&self) -> &'static str {
        match self.end {
            End::Source => "sports",
            End::Destination => "dports",
            End::Either => "ports",
        }
    }

    /// The ports with commas between them.
    fn list(&self, numeric: bool) -> String {
        let named = |port: u16| {
            let transport = transport(self.proto).filter(|_| !numeric);
            let name = transport.and_then(|transport| services::name(port, transport));
            name.map_or_else(|| port.to_string(), str::to_owned)
        };
        let range = |(from, to): &(u16, u16)| {
            if from == to { named(*from) } else { format!("{}:{}", named(*from), named(*to)) }
        };
        self.ranges.iter().map(range).collect::<Vec<_>>().join(",")
    }

    fn holds(&self, port: [u8; 2]) -> bool {
        let port = u16::from_be_bytes(port);
        self.ranges.iter().any(|(from, to)| (from..=to).contains(&&port))
    }
}

impl Extension for Multiport {
    const NAME: &'static str = "multiport";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("source-ports", Kind::Text(0, 0)).invertible().excluding(ALONE),
        Opt::new("sports", Kind::Text(0, 0)).invertible().excluding(ALONE).alias_of("source-ports"),
        Opt::new("destination-ports", Kind::Text(0, 0)).invertible().excluding(ALONE),
        Opt::new("dports", Kind::Text(0, 0))
            .invertible()
            .excluding(ALONE)
            .alias_of("destination-ports"),
        Opt::new("ports", Kind::Text(0, 0)).invertible().excluding(ALONE),
    ];
    const HELP: &'static str = include_str!("help/multiport.txt");

    fn new(_: AddressFamily) -> Self {
        Self { end: End::Either, ranges: Vec::new(), invert: false, proto: IpProto::TCP }
    }

    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem> {
        self.proto = proto_of(cx)?;
        self.ranges = read_ranges(given.word, self.proto)?;
        self.end = match given.index {
            SOURCE_PORTS => End::Source,
            DESTINATION_PORTS => End::Destination,
            _ => End::Either,
        };
        self.invert |= given.invert;
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("multiport expection an option"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not} --{} {}", self.label(), self.list(true)).expect("a string");
    }

    fn print(&self, style: Style, out: &mut String) {
        // Two blanks if it is inverted.
        let not = if self.invert { " !" } else { "" };
        write!(out, " multiport {} {not}{}", self.label(), self.list(style.numeric))
            .expect("a string");
    }
}

impl MatchExtension for Multiport {
    fn matches(&self, _: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        if seen.frag_off != 0 {
            return Matched::No;
        }
        let Some([s0, s1, d0, d1]) = transport_header(f, seen).copied() else {
            return Matched::Malformed;
        };
        let (src, dst) = ([s0, s1], [d0, d1]);
        let held = match self.end {
            End::Source => self.holds(src),
            End::Destination => self.holds(dst),
            End::Either => self.holds(src) || self.holds(dst),
        };
        (held != self.invert).into()
    }
}

//! `udp`: ports of UDP (`libxt_udp`, `xt_tcpudp`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::services::Transport;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::ports::{self, Ports};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, transport_header};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::table::Variant;
use crate::packet::IpProto;

/// What is asked of a UDP header.
#[derive(Clone, Debug, PartialEq)]
pub struct Udp {
    src: Ports,
    dst: Ports,
}

/// The length of a UDP header, in bytes.
const HEADER_LEN: usize = 8;

const SOURCE: usize = 0;

impl Udp {
    /// The destination ports that are asked for, the first and the last one.
    pub(in crate::netfilter::xtables) const fn dports(&self) -> (u16, u16) {
        self.dst.span()
    }

    /// Whether nothing is asked but that it is UDP.
    fn is_empty(&self) -> bool {
        *self == Self::new(AddressFamily::Inet)
    }

    /// Adds what another one asks, as it is read back from their expressions.
    pub(super) fn add(&mut self, later: &Self) {
        self.src = self.src.and(later.src);
        self.dst = self.dst.and(later.dst);
    }

    fn matches_xt(&self, f: &Flight, seen: &Seen) -> Matched {
        if seen.frag_off != 0 {
            return Matched::No;
        }
        let Some(header) = transport_header::<HEADER_LEN>(f, seen) else {
            return Matched::Malformed;
        };
        let [s0, s1, d0, d1, ..] = *header;
        (self.src.matches([s0, s1]) && self.dst.matches([d0, d1])).into()
    }
}

impl Extension for Udp {
    const NAME: &'static str = "udp";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("source-port", Kind::PortRange).invertible(),
        Opt::new("sport", Kind::PortRange).invertible().alias_of("source-port"),
        Opt::new("destination-port", Kind::PortRange).invertible(),
        Opt::new("dport", Kind::PortRange).invertible().alias_of("destination-port"),
    ];
    const HELP: &'static str = include_str!("help/udp.txt");

    fn new(_: AddressFamily) -> Self {
        Self { src: Ports::ALL, dst: Ports::ALL }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let ports = Ports::from_range(given.value.range(), given.invert);
        if given.index == SOURCE {
            self.src = ports;
        } else {
            self.dst = ports;
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        for (ports, option) in [(self.src, "sport"), (self.dst, "dport")] {
            if !ports.is_full() {
                ports.save(option, out);
            }
        }
    }

    fn print(&self, style: Style, out: &mut String) {
        out.push_str(" udp");
        let names = ports::names(Transport::Udp, style.numeric);
        self.src.print("spt", &names, out);
        self.dst.print("dpt", &names, out);
    }
}

impl MatchExtension for Udp {
    const PROTO: Option<IpProto> = Some(IpProto::UDP);

    fn is_native(&self) -> bool {
        !self.is_empty()
    }

    fn into_nft(self, cx: &Context<'_>) -> Result<Option<Self>, Problem> {
        if !self.is_native() {
            return Ok(Some(self));
        }
        // That all other protocols may be asked for is not looked at.
        if cx.proto.is_none_or(|(proto, _)| proto != IpProto::UDP.0) {
            return Err(Problem::parameter("UDP match requires '-p udp'"));
        }
        let full = |ports: Ports| if ports.is_full() { Ports::ALL } else { ports.into_nft() };
        let read_back = Self { src: full(self.src), dst: full(self.dst) };
        Ok((!read_back.is_empty()).then_some(read_back))
    }

    fn matches(&self, _: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        if seen.variant == Variant::Legacy || !self.is_native() {
            return self.matches_xt(f, seen);
        }
        let header = f.skb.network_header().get(seen.header_len..).unwrap_or_default();
        ports::matches_nft(self.src, self.dst, header).into()
    }
}

//! `sctp`: ports and chunks of SCTP (`libxt_sctp`, `xt_sctp`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::services::Transport;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Problem, Style, Value,
};
use crate::netfilter::xtables::matches::chunks::Chunks;
use crate::netfilter::xtables::matches::ports::{self, Ports};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, transport_header};
use crate::netfilter::xtables::packet::Seen;
use crate::packet::IpProto;

/// What is asked of an SCTP packet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sctp {
    src: Option<Ports>,
    dst: Option<Ports>,
    chunks: Option<Chunks>,
    without_chunks: bool,
}

/// The length of the common header, in bytes.
const HEADER_LEN: usize = 12;

const SOURCE: usize = 0;
const DESTINATION: usize = 2;
const CHUNK_TYPES: usize = 4;

impl Extension for Sctp {
    const NAME: &'static str = "sctp";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("source-port", Kind::Free).invertible().multi(),
        Opt::new("sport", Kind::Free).invertible().multi().alias_of("source-port"),
        Opt::new("destination-port", Kind::Free).invertible().multi(),
        Opt::new("dport", Kind::Free).invertible().multi().alias_of("destination-port"),
        Opt::new("chunk-types", Kind::Pair).invertible().multi(),
    ];
    const HELP: &'static str = include_str!("help/sctp.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        if given.seen & (1 << given.index) != 0 {
            let option = Self::OPTIONS[given.index].name;
            return Err(Problem::Parameter(format!("Only one `--{option}' allowed")));
        }
        let invert = given.invert;
        match given.index {
            SOURCE => {
                let (min, max) = Ports::read(given.word, Some(Transport::Sctp))?;
                self.src = Some(Ports { min, max, invert });
            }
            DESTINATION => {
                let (min, max) = Ports::read(given.word, Some(Transport::Sctp))?;
                self.dst = Some(Ports { min, max, invert });
            }
            CHUNK_TYPES => {
                let Value::Pair(compare, Some(chunks)) = given.value else {
                    return Err(Problem::parameter("--chunk-types requires two args"));
                };
                self.chunks = Some(Chunks::read(compare, chunks)?);
                self.without_chunks = invert;
            }
            _ => {}
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        for (ports, option) in [(self.src, "sport"), (self.dst, "dport")] {
            if let Some(ports) = ports {
                ports.save(option, out);
            }
        }
        if let Some(chunks) = &self.chunks {
            out.push_str(if self.without_chunks { " ! --chunk-types" } else { " --chunk-types" });
            chunks.write(false, out);
        }
    }

    fn print(&self, style: Style, out: &mut String) {
        out.push_str(" sctp");
        let names = ports::names(Transport::Sctp, style.numeric);
        for (ports, label) in [(self.src, "spt"), (self.dst, "dpt")] {
            if let Some(ports) = ports {
                ports.print(label, &names, out);
            }
        }
        if let Some(chunks) = &self.chunks {
            out.push_str(if self.without_chunks { " !" } else { "" });
            chunks.write(style.numeric, out);
        }
    }
}

impl MatchExtension for Sctp {
    const PROTO: Option<IpProto> = Some(IpProto::SCTP);

    fn matches(&self, _: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        if seen.frag_off != 0 {
            return Matched::No;
        }
        let Some(header) = transport_header::<HEADER_LEN>(f, seen) else {
            return Matched::Malformed;
        };
        let [s0, s1, d0, d1, ..] = *header;
        let ports = |ports: Option<Ports>, port| ports.is_none_or(|ports| ports.matches(port));
        if !(ports(self.src, [s0, s1]) && ports(self.dst, [d0, d1])) {
            return Matched::No;
        }
        let Some(chunks) = &self.chunks else { return Matched::Yes };
        match chunks.matches(f.skb.network_header(), seen.header_len + HEADER_LEN) {
            // `ip_tables` counts the packet in the inverted case all the same before it ends.
            Matched::Malformed => Matched::Malformed,
            Matched::Yes => (!self.without_chunks).into(),
            Matched::No => self.without_chunks.into(),
        }
    }
}

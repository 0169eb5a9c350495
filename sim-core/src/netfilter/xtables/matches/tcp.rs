//! `tcp`: ports, flags and options of TCP (`libxt_tcp`, `xt_tcpudp`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::services::Transport;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Problem, Style, Value,
};
use crate::netfilter::xtables::matches::ports::{self, Ports};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, transport_header};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::value;
use crate::packet::IpProto;
use crate::packet::tcp::{TCP_HLEN, TcpFlags};

/// What is asked of a TCP header.
#[derive(Clone, Debug, PartialEq)]
pub struct Tcp {
    src: Ports,
    dst: Ports,
    flags: Flags,
    /// A kind of option that is there; 0 stands for none.
    option: u8,
    without_option: bool,
}

impl Tcp {
    /// Whether only segments with SYN match (`find_syn_match()`).
    pub(in crate::netfilter::xtables) const fn asks_for_syn(&self) -> bool {
        self.flags.set & TcpFlags::SYN.0 != 0 && !self.flags.invert
    }
}

/// The flags under `mask` are `set`, or not so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Flags {
    mask: u8,
    set: u8,
    invert: bool,
}

/// The flags that have names, in the order in which they are written.
const FLAGS: &[(&str, TcpFlags)] = &[
    ("FIN", TcpFlags::FIN),
    ("SYN", TcpFlags::SYN),
    ("RST", TcpFlags::RST),
    ("PSH", TcpFlags::PSH),
    ("ACK", TcpFlags::ACK),
    ("URG", TcpFlags::URG),
    ("ALL", TcpFlags(0x3f)),
    ("NONE", TcpFlags::NONE),
];

/// The flags that `--syn` looks at.
const HANDSHAKE: TcpFlags =
    TcpFlags::SYN.with(TcpFlags::RST).with(TcpFlags::ACK).with(TcpFlags::FIN);

const SOURCE: usize = 0;
const DESTINATION: usize = 2;
const SYN: usize = 4;
const TCP_FLAGS: usize = 5;
const TCP_OPTION: usize = 6;

/// Reads a list of flags.
fn read_flags(list: &str) -> Result<u8, Problem> {
    let flag = |name: &str| {
        let found = FLAGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let unknown = || Problem::Parameter(format!("Unknown TCP flag `{name}'"));
        found.map(|(_, flag)| flag.0).ok_or_else(unknown)
    };
    let names = list.split(',').filter(|name| !name.is_empty());
    names.map(flag).try_fold(0, |flags, flag| Ok(flags | flag?))
}

/// The names of flags.
fn flag_names(flags: u8) -> String {
    let single = &FLAGS[..6];
    let names: Vec<&str> =
        single.iter().filter(|(_, flag)| flags & flag.0 != 0).map(|(name, _)| *name).collect();
    if names.is_empty() { "NONE".to_owned() } else { names.join(",") }
}

impl Tcp {
    /// The destination ports that are asked for, the first and the last one.
    pub(in crate::netfilter::xtables) const fn dports(&self) -> (u16, u16) {
        self.dst.span()
    }

    /// Whether nothing is asked but that it is TCP.
    fn is_empty(&self) -> bool {
        *self == Self::new(AddressFamily::Inet)
    }

    /// Adds what another one asks, as it is read back from their expressions.
    pub(super) fn add(&mut self, later: &Self) {
        self.src = self.src.and(later.src);
        self.dst = self.dst.and(later.dst);
        if later.flags.mask != 0 {
            let invert = self.flags.invert || later.flags.invert;
            self.flags = Flags { invert, ..later.flags };
        }
    }

    fn matches_xt(&self, f: &Flight, seen: &Seen) -> Matched {
        match seen.frag_off {
            0 => {}
            // Such a fragment would change the flags of the header that was looked at.
            8 => return Matched::Malformed,
            _ => return Matched::No,
        }
        let Some(header) = transport_header::<TCP_HLEN>(f, seen) else {
            return Matched::Malformed;
        };
        let [s0, s1, d0, d1, ..] = *header;
        let wanted = self.src.matches([s0, s1])
            && self.dst.matches([d0, d1])
            && self.flags.matches(header[13]);
        if !wanted || self.option == 0 {
            return wanted.into();
        }
        let options = usize::from(header[12] >> 4) * 4;
        let header = f.skb.network_header().get(seen.header_len..).unwrap_or_default();
        match header.get(TCP_HLEN..options) {
            Some(options) => (has_option(options, self.option) != self.without_option).into(),
            None => Matched::Malformed,
        }
    }

    fn matches_nft(&self, f: &Flight, seen: &Seen) -> bool {
        let header = f.skb.network_header().get(seen.header_len..).unwrap_or_default();
        let flags =
            self.flags.mask == 0 || header.get(13).is_some_and(|flags| self.flags.matches(*flags));
        flags && ports::matches_nft(self.src, self.dst, header)
    }
}

impl Flags {
    const fn matches(self, flags: u8) -> bool {
        (flags & self.mask == self.set) != self.invert
    }
}

/// Whether an option of this kind is among `options`.
fn has_option(options: &[u8], kind: u8) -> bool {
    let mut rest = options;
    while let [found, after @ ..] = rest {
        if *found == kind {
            return true;
        }
        let len = match (found, after.first()) {
            (0 | 1, _) | (_, None | Some(0)) => 1,
            (_, Some(len)) => usize::from(*len),
        };
        rest = rest.get(len..).unwrap_or_default();
    }
    false
}

impl Extension for Tcp {
    const NAME: &'static str = "tcp";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("source-port", Kind::Free).invertible().multi(),
        Opt::new("sport", Kind::Free).invertible().multi().alias_of("source-port"),
        Opt::new("destination-port", Kind::Free).invertible().multi(),
        Opt::new("dport", Kind::Free).invertible().multi().alias_of("destination-port"),
        Opt::new("syn", Kind::None).invertible().multi(),
        Opt::new("tcp-flags", Kind::Pair).invertible().multi(),
        Opt::new("tcp-option", Kind::Free).invertible().multi(),
    ];
    const HELP: &'static str = include_str!("help/tcp.txt");

    fn new(_: AddressFamily) -> Self {
        Self {
            src: Ports::ALL,
            dst: Ports::ALL,
            flags: Flags::default(),
            option: 0,
            without_option: false,
        }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let invert = given.invert;
        let seen = |option: usize| given.seen & (1 << option) != 0;
        let once = |already: bool, text: &str| match already {
            true => Err(Problem::parameter(text)),
            false => Ok(()),
        };
        let only_one_flags = "Only one of `--syn' or `--tcp-flags'  allowed";
        match given.index {
            SOURCE => {
                once(seen(SOURCE), "Only one `--source-port' allowed")?;
                let (min, max) = Ports::read(given.word, Some(Transport::Tcp))?;
                self.src = Ports { min, max, invert };
            }
            DESTINATION => {
                once(seen(DESTINATION), "Only one `--destination-port' allowed")?;
                let (min, max) = Ports::read(given.word, Some(Transport::Tcp))?;
                self.dst = Ports { min, max, invert };
            }
            SYN => {
                once(seen(SYN) || seen(TCP_FLAGS), only_one_flags)?;
                self.flags = Flags { mask: HANDSHAKE.0, set: TcpFlags::SYN.0, invert };
            }
            TCP_FLAGS => {
                once(seen(SYN) || seen(TCP_FLAGS), only_one_flags)?;
                let Value::Pair(mask, Some(set)) = given.value else {
                    return Err(Problem::parameter("--tcp-flags requires two args."));
                };
                self.flags = Flags { mask: read_flags(mask)?, set: read_flags(set)?, invert };
            }
            _ => {
                once(seen(TCP_OPTION), "Only one `--tcp-option' allowed")?;
                let option = value::whole_number(given.word, 1, u8::MAX.into());
                let bad = || Problem::Parameter(format!("Bad TCP option \"{}\"", given.word));
                self.option = option.and_then(|option| option.try_into().ok()).ok_or_else(bad)?;
                self.without_option = invert;
            }
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        for (ports, option) in [(self.src, "sport"), (self.dst, "dport")] {
            if !ports.is_full() {
                ports.save(option, out);
            }
        }
        let not = |invert: bool| if invert { " !" } else { "" };
        if self.option != 0 {
            write!(out, "{} --tcp-option {}", not(self.without_option), self.option)
                .expect("a string");
        }
        let Flags { mask, set, invert } = self.flags;
        if mask != 0 || invert {
            write!(out, "{} --tcp-flags {} {}", not(invert), flag_names(mask), flag_names(set))
                .expect("a string");
        }
    }

    fn print(&self, style: Style, out: &mut String) {
        out.push_str(" tcp");
        let names = ports::names(Transport::Tcp, style.numeric);
        self.src.print("spt", &names, out);
        self.dst.print("dpt", &names, out);
        let not = |invert: bool| if invert { "!" } else { "" };
        if self.option != 0 {
            write!(out, " option={}{}", not(self.without_option), self.option).expect("a string");
        }
        let Flags { mask, set, invert } = self.flags;
        if mask != 0 || invert {
            let written = if style.numeric {
                write!(out, " flags:{}0x{mask:02X}/0x{set:02X}", not(invert))
            } else {
                write!(out, " flags:{}{}/{}", not(invert), flag_names(mask), flag_names(set))
            };
            written.expect("a string");
        }
    }
}

impl MatchExtension for Tcp {
    const PROTO: Option<IpProto> = Some(IpProto::TCP);

    fn is_native(&self) -> bool {
        self.option == 0 && !self.is_empty()
    }

    fn into_nft(self, cx: &Context<'_>) -> Result<Option<Self>, Problem> {
        if !self.is_native() {
            return Ok(Some(self));
        }
        // That all other protocols may be asked for is not looked at.
        if cx.proto.is_none_or(|(proto, _)| proto != IpProto::TCP.0) {
            return Err(Problem::parameter("TCP match requires '-p tcp'"));
        }
        let full = |ports: Ports| if ports.is_full() { Ports::ALL } else { ports.into_nft() };
        let flags = if self.flags.mask == 0 { Flags::default() } else { self.flags };
        let read_back = Self { src: full(self.src), dst: full(self.dst), flags, ..self };
        Ok((!read_back.is_empty()).then_some(read_back))
    }

    fn matches(&self, _: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        match seen.variant {
            Variant::Nft if self.is_native() => self.matches_nft(f, seen).into(),
            Variant::Nft | Variant::Legacy => self.matches_xt(f, seen),
        }
    }
}

//! `addrtype`: what kind of address source and destination are for this host (`libxt_addrtype` revision 1,
//! `xt_addrtype`).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::states;
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::route::{addr_type, addr_type_on};

/// The kinds that an address may have; none is asked for if none is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Types {
    bits: u32,
    invert: bool,
}

/// Which device's view of addresses counts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// That of the device the packet came by.
    In,
    /// That of the device it leaves by.
    Out,
}

/// The kinds that source and destination may have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Addrtype {
    src: Types,
    dst: Types,
    limit: Option<Limit>,
}

/// The names, each at the number that routing gives to it (`RTN_*`).
const NAMES: &[(&str, u32)] = &[
    ("UNSPEC", 1),
    ("UNICAST", 1 << 1),
    ("LOCAL", 1 << 2),
    ("BROADCAST", 1 << 3),
    ("ANYCAST", 1 << 4),
    ("MULTICAST", 1 << 5),
    ("BLACKHOLE", 1 << 6),
    ("UNREACHABLE", 1 << 7),
    ("PROHIBIT", 1 << 8),
    ("THROW", 1 << 9),
    ("NAT", 1 << 10),
    ("XRESOLVE", 1 << 11),
];

/// The kinds that no IPv6 address has: `BROADCAST`, `BLACKHOLE`, and from `PROHIBIT` on.
const UNKNOWN_TO_IPV6: u32 = 0xf48;

const SRC_TYPE: usize = 0;
const DST_TYPE: usize = 1;
const LIMIT_IFACE_IN: usize = 2;

impl Types {
    fn read(given: &Given<'_>) -> Result<Self, Problem> {
        // What comes before a comma is quoted otherwise than what comes last.
        let bits = states::read(given.word, NAMES).map_err(|bad| match bad.contains(',') {
            true => Problem::Parameter(format!("addrtype: bad type `{bad}'")),
            false => Problem::Parameter(format!("addrtype: bad type \"{bad}\"")),
        })?;
        Ok(Self { bits, invert: given.invert })
    }

    /// Whether an address that rules see on `dev` is of one of the kinds.
    fn matches(self, k: &Kernel, f: &Flight, dev: Option<DevId>, addr: [u8; 4]) -> bool {
        let addr = Ipv4Addr::from(addr);
        let kind = match dev {
            Some(dev) => addr_type_on(k, dev, addr),
            None => addr_type(k, f.netns, addr),
        };
        (self.bits & 1 << kind as u32 != 0) != self.invert
    }
}

impl Extension for Addrtype {
    const NAME: &'static str = "addrtype";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("src-type", Kind::Text(0, 0)).invertible(),
        Opt::new("dst-type", Kind::Text(0, 0)).invertible(),
        Opt::new("limit-iface-in", Kind::None).excluding(&["limit-iface-out"]),
        Opt::new("limit-iface-out", Kind::None).excluding(&["limit-iface-in"]),
    ];
    const HELP: &'static str = include_str!("help/addrtype.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        match given.index {
            SRC_TYPE => self.src = Types::read(given)?,
            DST_TYPE => self.dst = Types::read(given)?,
            LIMIT_IFACE_IN => self.limit = Some(Limit::In),
            _ => self.limit = Some(Limit::Out),
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen & (1 << SRC_TYPE | 1 << DST_TYPE) == 0 {
            return Err(Problem::parameter("addrtype: you must specify --src-type or --dst-type"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        for (types, option) in [(self.src, "--src-type"), (self.dst, "--dst-type")] {
            if types.bits != 0 {
                let not = if types.invert { " !" } else { "" };
                write!(out, "{not} {option} {}", states::names_of(types.bits, NAMES))
                    .expect("a string");
            }
        }
        out.push_str(match self.limit {
            Some(Limit::In) => " --limit-iface-in",
            Some(Limit::Out) => " --limit-iface-out",
            None => "",
        });
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" ADDRTYPE match");
        for (types, label) in [(self.src, "src-type"), (self.dst, "dst-type")] {
            if types.bits != 0 {
                let not = if types.invert { "!" } else { "" };
                write!(out, " {label} {not}{}", states::names_of(types.bits, NAMES))
                    .expect("a string");
            }
        }
        out.push_str(match self.limit {
            Some(Limit::In) => " limit-in",
            Some(Limit::Out) => " limit-out",
            None => "",
        });
    }
}

impl MatchExtension for Addrtype {
    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        let without: &[Hook] = match self.limit {
            Some(Limit::In) => &[Hook::PostRouting, Hook::Output],
            Some(Limit::Out) => &[Hook::PreRouting, Hook::Input],
            None => &[],
        };
        let unknown = match place.family {
            AddressFamily::Inet => 0,
            AddressFamily::Inet6 => UNKNOWN_TO_IPV6,
        };
        let no_device = place.hooks.iter().any(|hook| without.contains(hook));
        if no_device || (self.src.bits | self.dst.bits) & unknown != 0 {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    fn matches(&self, k: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        let dev = match self.limit {
            Some(Limit::In) => seen.iif,
            Some(Limit::Out) => seen.oif,
            None => None,
        };
        let header = f.skb.network_header();
        let addr = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk).copied();
        let (Some(src), Some(dst)) = (addr(12), addr(16)) else { return Matched::No };
        let matches = |types: Types, addr| types.bits == 0 || types.matches(k, f, dev, addr);
        (matches(self.src, src) && matches(self.dst, dst)).into()
    }
}

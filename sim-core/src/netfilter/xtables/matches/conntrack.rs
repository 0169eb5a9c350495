//! `conntrack`: what is known of a packet's connection (`libxt_conntrack` revision 3, `xt_conntrack`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::libc::hosts;
use crate::netfilter::conntrack::tuple::End;
use crate::netfilter::conntrack::{Conn, CtInfo, Dir, Side, Status};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Problem, Style, Value,
};
use crate::netfilter::xtables::matches::ports::Ports;
use crate::netfilter::xtables::matches::states::{self, CtOfPacket, States};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::AddrMask;
use crate::netfilter::xtables::value;
use crate::time::HZ;

/// What is asked of a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conntrack {
    states: Option<Asked<States>>,
    proto: Option<Asked<u8>>,
    /// By [`ENDS`].
    addrs: [Option<AddrMask>; 4],
    /// By [`ENDS`].
    ports: [Option<Ports>; 4],
    status: Option<Asked<Status>>,
    /// The seconds that it has left, from one number to the other.
    expires: Option<Asked<(u32, u32)>>,
    dir: Option<Dir>,
}

/// What is asked for, and whether all else is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Asked<T> {
    what: T,
    invert: bool,
}

/// The ends of a connection in the order of options.
const ENDS: [(Dir, Side); 4] = [
    (Dir::Original, Side::Src),
    (Dir::Original, Side::Dst),
    (Dir::Reply, Side::Src),
    (Dir::Reply, Side::Dst),
];

/// The names of statuses.
const STATUSES: &[(&str, u32)] = &[
    ("NONE", 0),
    ("EXPECTED", Status::EXPECTED.0),
    ("SEEN_REPLY", Status::SEEN_REPLY.0),
    ("ASSURED", Status::ASSURED.0),
    ("CONFIRMED", Status::CONFIRMED.0),
];

const CTSTATE: usize = 0;
const CTPROTO: usize = 1;
const CTORIGSRC: usize = 2;
const CTREPLDST: usize = 5;
const CTSTATUS: usize = 6;
const CTEXPIRE: usize = 7;
const CTORIGSRCPORT: usize = 8;
const CTREPLDSTPORT: usize = 11;

/// Reads a list that says what is wrong with it in `iptables`' words.
fn read_list(option: &str, list: &str, names: &[(&str, u32)]) -> Result<u32, Problem> {
    states::read(list, names).map_err(|bad| Problem::Parameter(format!("Bad {option} \"{bad}\"")))
}

/// An address and its mask in text; the mask is left out if it is a whole one.
fn addr_text(asked: &AddrMask, numeric: bool) -> String {
    let AddrMask { addr, mask, .. } = *asked;
    if !numeric && addr.is_unspecified() {
        return "anywhere".to_owned();
    }
    let name = hosts::name_of(addr).filter(|_| !numeric);
    let name = name.map_or_else(|| addr.to_string(), str::to_owned);
    match (value::mask_len(mask), mask) {
        (Some(32), IpAddr::V4(_)) | (Some(128), IpAddr::V6(_)) => name,
        (Some(len), _) => format!("{name}/{len}"),
        (None, mask) => format!("{name}/{mask}"),
    }
}

/// Whether `addr` is what is asked for.
fn addr_matches(asked: &AddrMask, addr: IpAddr) -> bool {
    let equal = match (asked.addr, asked.mask, addr) {
        (IpAddr::V4(wanted), IpAddr::V4(mask), IpAddr::V4(addr)) => {
            (wanted.to_bits() ^ addr.to_bits()) & mask.to_bits() == 0
        }
        (IpAddr::V6(wanted), IpAddr::V6(mask), IpAddr::V6(addr)) => {
            (wanted.to_bits() ^ addr.to_bits()) & mask.to_bits() == 0
        }
        _ => false,
    };
    equal != asked.invert
}

impl<T: Copy> Asked<T> {
    fn holds(self, test: impl FnOnce(T) -> bool) -> bool {
        test(self.what) != self.invert
    }
}

/// What is known of a packet's connection.
struct Known {
    /// By [`ENDS`].
    ends: [End; 4],
    proto: u8,
    status: Status,
    seconds_left: u64,
    dir: Dir,
}

impl Known {
    fn of(conn: &Conn, info: CtInfo, now: u64) -> Self {
        // The time of a connection that is not confirmed yet has not begun to run.
        let confirmed = conn.status.has(Status::CONFIRMED);
        Self {
            ends: ENDS.map(|(dir, side)| conn.tuple(dir).end(side)),
            proto: conn.tuple(Dir::Original).proto.0,
            status: conn.status,
            seconds_left: if confirmed { conn.timeout.saturating_sub(now) / HZ } else { 0 },
            dir: info.dir(),
        }
    }

    /// What a template says, which the target `CT` gives to a packet (`nf_ct_tmpl_alloc()`).
    fn of_template() -> Self {
        Self {
            ends: [End { addr: Ipv4Addr::UNSPECIFIED.into(), id: 0 }; 4],
            proto: 0,
            status: Status::CONFIRMED,
            seconds_left: 0,
            dir: Dir::Original,
        }
    }
}

impl Conntrack {
    /// Whether the connection is one of those that are asked for, the packet's state aside.
    fn wants(&self, ct: &Known) -> bool {
        let expires =
            |(min, max): (u32, u32)| (u64::from(min)..=u64::from(max)).contains(&ct.seconds_left);
        let mut addrs = ct.ends.iter().zip(&self.addrs);
        let mut ports = ct.ends.iter().zip(&self.ports);
        self.dir.is_none_or(|dir| ct.dir == dir)
            && addrs.all(|(end, asked)| asked.is_none_or(|asked| addr_matches(&asked, end.addr)))
            && self.proto.is_none_or(|asked| asked.holds(|wanted| ct.proto == wanted))
            && ports.all(|(end, asked)| asked.is_none_or(|p| p.matches(end.id.to_be_bytes())))
            && self.status.is_none_or(|asked| asked.holds(|bits| ct.status.has(bits)))
            && self.expires.is_none_or(|asked| asked.holds(expires))
    }

    fn write(&self, prefix: &str, numeric: bool, out: &mut String) {
        let not = |invert: bool| if invert { " !" } else { "" };
        let mut say = |invert: bool, option: &str, what: &str| {
            write!(out, "{} {prefix}{option} {what}", not(invert)).expect("a string");
        };
        if let Some(Asked { what, invert }) = self.states {
            say(invert, "ctstate", &states::names_of(what.0.into(), States::WRITTEN));
        }
        if let Some(Asked { what, invert }) = self.proto {
            say(invert, "ctproto", &what.to_string());
        }
        for (asked, opt) in self.addrs.iter().zip(&Self::OPTIONS[CTORIGSRC..]) {
            if let Some(asked) = asked {
                say(asked.invert, opt.name, &addr_text(asked, numeric));
            }
        }
        for (ports, opt) in self.ports.iter().zip(&Self::OPTIONS[CTORIGSRCPORT..]) {
            match ports {
                // The end 0 is taken for none.
                Some(Ports { min, max, invert }) if min == max || *max == 0 => {
                    say(*invert, opt.name, &min.to_string());
                }
                Some(Ports { min, max, invert }) => {
                    say(*invert, opt.name, &format!("{min}:{max}"));
                }
                None => {}
            }
        }
        if let Some(Asked { what, invert }) = self.status {
            let names = states::names_of(what.0, STATUSES);
            say(invert, "ctstatus", if names.is_empty() { "NONE" } else { &names });
        }
        match self.expires {
            Some(Asked { what: (min, max), invert }) if min == max => {
                say(invert, "ctexpire", &min.to_string());
            }
            Some(Asked { what: (min, max), invert }) => {
                say(invert, "ctexpire", &format!("{min}:{max}"));
            }
            None => {}
        }
        match self.dir {
            Some(Dir::Original) => say(false, "ctdir", "ORIGINAL"),
            Some(Dir::Reply) => say(false, "ctdir", "REPLY"),
            None => {}
        }
    }
}

impl Extension for Conntrack {
    const NAME: &'static str = "conntrack";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("ctstate", Kind::Text(0, 0)).invertible(),
        Opt::new("ctproto", Kind::Protocol).invertible(),
        Opt::new("ctorigsrc", Kind::HostMask).invertible(),
        Opt::new("ctorigdst", Kind::HostMask).invertible(),
        Opt::new("ctreplsrc", Kind::HostMask).invertible(),
        Opt::new("ctrepldst", Kind::HostMask).invertible(),
        Opt::new("ctstatus", Kind::Text(0, 0)).invertible(),
        Opt::new("ctexpire", Kind::U32Range).invertible(),
        Opt::new("ctorigsrcport", Kind::PortRange).invertible(),
        Opt::new("ctorigdstport", Kind::PortRange).invertible(),
        Opt::new("ctreplsrcport", Kind::PortRange).invertible(),
        Opt::new("ctrepldstport", Kind::PortRange).invertible(),
        Opt::new("ctdir", Kind::Text(0, 0)),
    ];
    const HELP: &'static str = include_str!("help/conntrack.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let invert = given.invert;
        match given.index {
            CTSTATE => {
                let bits = read_list("ctstate", given.word, States::READ)?;
                let what = States(u8::try_from(bits).expect("few states"));
                self.states = Some(Asked { what, invert });
            }
            CTPROTO => {
                let what = u8::try_from(given.value.number()).unwrap_or(u8::MAX);
                self.proto = Some(Asked { what, invert });
            }
            n @ CTORIGSRC..=CTREPLDST => {
                if let Value::HostMask(addr, mask) = given.value {
                    self.addrs[n - CTORIGSRC] = Some(AddrMask { addr, mask, invert });
                }
            }
            CTSTATUS => {
                let what = Status(read_list("ctstatus", given.word, STATUSES)?);
                self.status = Some(Asked { what, invert });
            }
            CTEXPIRE => {
                let (min, max) = given.value.range();
                let cut = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
                self.expires = Some(Asked { what: (cut(min), cut(max)), invert });
            }
            n @ CTORIGSRCPORT..=CTREPLDSTPORT => {
                let ports = Ports::from_range(given.value.range(), invert);
                self.ports[n - CTORIGSRCPORT] = Some(ports);
            }
            _ => {
                self.dir = Some(match given.word {
                    word if word.eq_ignore_ascii_case("ORIGINAL") => Dir::Original,
                    word if word.eq_ignore_ascii_case("REPLY") => Dir::Reply,
                    word => return Err(Problem::bad_value(Self::NAME, "--ctdir", word)),
                });
            }
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("conntrack: At least one option is required"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write("--", true, out);
    }

    fn print(&self, style: Style, out: &mut String) {
        self.write("", style.numeric, out);
    }
}

impl MatchExtension for Conntrack {
    const NEEDS_CONNTRACK: bool = true;

    fn matches(&self, k: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let packet = CtOfPacket::of(k, f);
        let states = States::of(&packet);
        if !self.states.is_none_or(|asked| asked.holds(|wanted| states.intersects(wanted))) {
            return Matched::No;
        }
        match packet {
            CtOfPacket::Part(conn, info) => {
                self.wants(&Known::of(conn, info, k.now.jiffies())).into()
            }
            CtOfPacket::Template => self.wants(&Known::of_template()).into(),
            // Where there is no connection, nothing but the state is looked at.
            CtOfPacket::Invalid | CtOfPacket::Untracked => self.states.is_some().into(),
        }
    }
}

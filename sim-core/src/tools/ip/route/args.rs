//! `ip route add`, `delete` and the like: from words to requests.

use std::net::IpAddr;

use crate::family::AddressFamily;
use crate::libc::number;
use crate::link::inet::Scope;
use crate::netlink::command::implied_scope;
use crate::netlink::request::{LinkRef, NextHopSpec, RouteSpec};
use crate::route::RouteType;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::{Family, Options};
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{inet, names};

/// Table `main` (`RT_TABLE_MAIN`).
pub(crate) const RT_TABLE_MAIN: u32 = 254;
/// Table `local` (`RT_TABLE_LOCAL`).
pub(crate) const RT_TABLE_LOCAL: u32 = 255;
/// Made by a command (`RTPROT_BOOT`).
pub(crate) const RTPROT_BOOT: u8 = 3;

#[derive(Clone, Copy)]
enum Word {
    Src,
    Via,
    Tos,
    Metric,
    Scope,
    Mtu,
    Hoplimit,
    Advmss,
    Initcwnd,
    Onlink,
    Nexthop,
    Protocol,
    Table,
    Dev,
    To,
    NotModelled,
}

/// In iproute2's order: `m` is a metric, `p` a metric too, `r` a reordering.
const WORDS: &[Keyword<Word>] = &[
    full("src", Word::Src),
    full("as", Word::NotModelled),
    full("via", Word::Via),
    full("from", Word::NotModelled),
    full("tos", Word::Tos),
    abbr("dsfield", Word::Tos),
    full("expires", Word::NotModelled),
    abbr("metric", Word::Metric),
    abbr("priority", Word::Metric),
    full("preference", Word::Metric),
    full("scope", Word::Scope),
    full("mtu", Word::Mtu),
    full("hoplimit", Word::Hoplimit),
    full("advmss", Word::Advmss),
    abbr("reordering", Word::NotModelled),
    full("rtt", Word::NotModelled),
    full("rto_min", Word::NotModelled),
    abbr("window", Word::NotModelled),
    abbr("cwnd", Word::NotModelled),
    abbr("initcwnd", Word::Initcwnd),
    abbr("initrwnd", Word::NotModelled),
    abbr("features", Word::NotModelled),
    abbr("quickack", Word::NotModelled),
    abbr("congctl", Word::NotModelled),
    abbr("rttvar", Word::NotModelled),
    abbr("ssthresh", Word::NotModelled),
    abbr("realms", Word::NotModelled),
    full("onlink", Word::Onlink),
    full("nexthop", Word::Nexthop),
    full("nhid", Word::NotModelled),
    abbr("protocol", Word::Protocol),
    abbr("table", Word::Table),
    abbr("vrf", Word::NotModelled),
    full("dev", Word::Dev),
    full("oif", Word::Dev),
    abbr("pref", Word::NotModelled),
    full("encap", Word::NotModelled),
    full("ttl-propagate", Word::NotModelled),
    abbr("fastopen_no_cookie", Word::NotModelled),
    full("to", Word::To),
];

/// Route types by name, in the order that abbreviations are tried in. Two are unknown to the kernel.
const TYPES: &[Keyword<Option<RouteType>>] = &[
    full("local", Some(RouteType::Local)),
    full("nat", None),
    abbr("broadcast", Some(RouteType::Broadcast)),
    full("brd", Some(RouteType::Broadcast)),
    abbr("anycast", Some(RouteType::Anycast)),
    abbr("multicast", Some(RouteType::Multicast)),
    abbr("prohibit", Some(RouteType::Prohibit)),
    abbr("unreachable", Some(RouteType::Unreachable)),
    abbr("blackhole", Some(RouteType::Blackhole)),
    abbr("xresolve", None),
    abbr("unicast", Some(RouteType::Unicast)),
    full("throw", Some(RouteType::Throw)),
];

/// A route type's name or number (`rtnl_rtntype_a2n()`); `Some(None)` if it is none that is modelled.
pub(crate) fn route_type(text: &str) -> Option<Option<RouteType>> {
    keyword(TYPES, text).or_else(|| {
        let number = number::u8(text)?;
        Some(TYPES.iter().find_map(|k| k.meaning().filter(|kind| *kind as u8 == number)))
    })
}

#[derive(Default)]
struct Reader<'a> {
    family: Option<AddressFamily>,
    spec: RouteSpec,
    hop: NextHopSpec,
    dev: Option<&'a str>,
    has_dst: bool,
    has_via: bool,
    multipath: bool,
}

/// Reads the words behind `ip route add` and its like or, if `delete`, `ip route delete`
/// (`iproute_modify()`).
pub(crate) fn modify(
    args: &mut Args<'_>,
    options: &Options,
    host: &dyn Host,
    delete: bool,
) -> Result<RouteSpec> {
    if options.family == Family::Mpls {
        return Err(Failure::not_modelled("MPLS"));
    }
    let mut reader = Reader { family: options.family.addresses(), ..Reader::default() };
    while let Some(text) = args.peek() {
        let word = keyword(WORDS, text);
        if let Some(Word::Nexthop) = word {
            reader.multipath = true;
            break;
        }
        args.next();
        match word {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("ip route's \"{text}\"")));
            }
            Some(Word::To) => {
                let text = args.value()?;
                reader.set_dst(text, args)?;
            }
            None => reader.set_dst(text, args)?,
            Some(word) => reader.set(word, args)?,
        }
    }
    reader.finish(args, host, delete)
}

impl<'a> Reader<'a> {
    fn set(&mut self, word: Word, args: &mut Args<'a>) -> Result<()> {
        match word {
            Word::Src => self.spec.prefsrc = self.addr(args.value()?)?,
            Word::Via => self.set_via(args)?,
            Word::Tos => self.spec.tos = value(args, "tos", names::dsfield)?,
            Word::Metric => self.spec.metric = Some(value(args, "metric", number::u32)?),
            Word::Scope => {
                let text = args.value()?;
                let scope = names::rt_scope(text);
                let invalid = || Failure::invalid("invalid \"scope\" value\n", text);
                self.spec.scope = Some(Scope(scope.ok_or_else(invalid)?));
            }
            Word::Mtu => {
                let locked = args.take("lock");
                self.spec.mtu = Some((value(args, "mtu", number::u32)?, locked));
            }
            Word::Hoplimit => {
                unlocked(args, "hoplimit")?;
                self.spec.hoplimit = Some(value(args, "hoplimit", number::u8)?.into());
            }
            Word::Advmss => {
                unlocked(args, "advmss")?;
                self.spec.advmss = Some(value(args, "mss", number::u32)?);
            }
            Word::Initcwnd => {
                unlocked(args, "initcwnd")?;
                self.spec.initcwnd = Some(value(args, "initcwnd", number::u32)?);
            }
            Word::Onlink => self.hop.onlink = true,
            Word::Protocol => self.spec.protocol = Some(value(args, "protocol", names::rt_proto)?),
            Word::Table => self.spec.table = Some(value(args, "table", names::rt_table)?),
            Word::Dev => self.dev = Some(args.value()?),
            Word::Nexthop | Word::To | Word::NotModelled => {}
        }
        Ok(())
    }

    /// An address, which fixes the route's family if nothing did before.
    fn addr(&mut self, text: &str) -> Result<Option<IpAddr>> {
        let addr = inet::addr(text, self.family)?;
        self.family = self.family.or_else(|| addr.map(AddressFamily::of));
        Ok(addr)
    }

    fn set_via(&mut self, args: &mut Args<'a>) -> Result<()> {
        if self.has_via {
            let why = "use nexthop syntax to specify multiple via\n";
            return Err(Failure::invalid(why, "via"));
        }
        self.has_via = true;
        self.hop.gateway = gateway(args, &mut self.family)?;
        Ok(())
    }

    fn set_dst(&mut self, text: &'a str, args: &mut Args<'a>) -> Result<()> {
        let mut text = text;
        if !text.starts_with(|c: char| c.is_ascii_digit())
            && let Some(kind) = route_type(text)
        {
            let unknown = || Failure::not_modelled(&format!("route type \"{text}\""));
            self.spec.kind = Some(kind.ok_or_else(unknown)?);
            text = args.value()?;
        }
        if abbreviates(text, "help") {
            return Err(usage::route());
        }
        if self.has_dst {
            return Err(Failure::garbage("to", text));
        }
        let prefix = inet::prefix(text, self.family)?;
        self.family = self.family.or_else(|| prefix.addr.map(AddressFamily::of));
        self.spec.dst = prefix.net();
        self.has_dst = true;
        Ok(())
    }

    fn finish(mut self, args: &mut Args<'_>, host: &dyn Host, delete: bool) -> Result<RouteSpec> {
        if !self.has_dst {
            return Err(usage::route());
        }
        if let Some(dev) = self.dev {
            self.hop.dev = Some(host.device(dev).ok_or_else(|| Failure::no_device(dev))?);
        }
        if self.hop != NextHopSpec::default() {
            self.spec.next_hops.push(self.hop);
        }
        if self.multipath {
            let hops = next_hops(args, host, &mut self.family)?;
            if !self.spec.next_hops.is_empty() {
                return Err(Failure::not_modelled("a route with both a next hop and \"nexthop\""));
            }
            self.spec.next_hops = hops;
        }
        if self.family == Some(AddressFamily::Inet6) {
            return Err(Failure::not_modelled("an IPv6 route"));
        }
        self.fill_in(delete);
        Ok(self.spec)
    }

    /// What iproute2 says when the user does not.
    fn fill_in(&mut self, delete: bool) {
        let spec = &mut self.spec;
        if !delete {
            spec.protocol = spec.protocol.or(Some(RTPROT_BOOT));
            spec.kind = spec.kind.or(Some(RouteType::Unicast));
        }
        let host_table =
            matches!(spec.kind, Some(RouteType::Local | RouteType::Broadcast | RouteType::Anycast));
        let table = if host_table { RT_TABLE_LOCAL } else { RT_TABLE_MAIN };
        spec.table = spec.table.or(Some(table));
        let direct = !self.has_via && !self.multipath;
        let scope = implied_scope(spec.kind, delete, direct);
        spec.scope = spec.scope.or(Some(scope));
    }
}

/// A router's address behind `via`, with its family in front if it is another than the route's.
fn gateway(args: &mut Args<'_>, family: &mut Option<AddressFamily>) -> Result<Option<IpAddr>> {
    let mut text = args.value()?;
    let own = Family::named(text);
    if own.is_some() {
        text = args.value()?;
    }
    let wanted = own.and_then(Family::addresses).or(*family);
    let addr = inet::addr(text, wanted)?;
    *family = family.or_else(|| addr.map(AddressFamily::of));
    match addr {
        Some(addr) if Some(AddressFamily::of(addr)) != *family => {
            Err(Failure::not_modelled("a gateway of another family than the route's"))
        }
        addr => Ok(addr),
    }
}

/// Reads `nexthop ...` up to the end of the line (`parse_nexthops()`).
fn next_hops(
    args: &mut Args<'_>,
    host: &dyn Host,
    family: &mut Option<AddressFamily>,
) -> Result<Vec<NextHopSpec>> {
    let mut hops = Vec::new();
    while let Some(text) = args.next() {
        if text != "nexthop" {
            let text =
                format!("Error: \"nexthop\" or end of line is expected instead of \"{text}\"\n");
            return Err(Failure::exits(255, text));
        }
        if args.peek().is_none() {
            let text = "Error: unexpected end of line after \"nexthop\"\n";
            return Err(Failure::exits(255, text));
        }
        hops.push(next_hop(args, host, family)?);
    }
    Ok(hops)
}

fn next_hop(
    args: &mut Args<'_>,
    host: &dyn Host,
    family: &mut Option<AddressFamily>,
) -> Result<NextHopSpec> {
    let mut hop = NextHopSpec { weight: 1, ..NextHopSpec::default() };
    while let Some(text) = args.peek() {
        match text {
            "via" => {
                args.next();
                hop.gateway = gateway(args, family)?;
            }
            "dev" => {
                args.next();
                hop.dev = Some(next_hop_dev(args.value()?, host)?);
            }
            "weight" => {
                args.next();
                let text = args.value()?;
                let weight = number::u16(text).filter(|weight| (1..=256).contains(weight));
                let invalid = || Failure::invalid("\"weight\" is invalid\n", text);
                hop.weight = weight.ok_or_else(invalid)?;
            }
            "onlink" => {
                args.next();
                hop.onlink = true;
            }
            _ if abbreviates(text, "realms") || matches!(text, "encap" | "as") => {
                return Err(Failure::not_modelled(&format!("a next hop's \"{text}\"")));
            }
            _ => break,
        }
    }
    Ok(hop)
}

fn next_hop_dev(name: &str, host: &dyn Host) -> Result<LinkRef> {
    host.device(name).ok_or_else(|| {
        let mut failure = Failure::no_device(name).exiting(255);
        failure.stderr += "Error: cannot parse nexthop\n";
        failure
    })
}

fn unlocked(args: &Args<'_>, metric: &str) -> Result<()> {
    match args.peek() {
        Some("lock") => Err(Failure::not_modelled(&format!("a locked \"{metric}\" of a route"))),
        _ => Ok(()),
    }
}

fn value<T>(args: &mut Args<'_>, key: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = args.value()?;
    read(text).ok_or_else(|| Failure::invalid(&format!("\"{key}\" value is invalid\n"), text))
}

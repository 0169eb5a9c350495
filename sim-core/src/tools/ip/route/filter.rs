//! Which routes `ip route show` and `ip route flush` are about.

use std::net::{IpAddr, Ipv4Addr};

use crate::family::AddressFamily;
use crate::id::IfIndex;
use crate::libc::number;
use crate::netlink::message::RouteMsg;
use crate::netlink::request::LinkRef;
use crate::route::RouteType;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet::Prefix;
use crate::tools::ip::options::{Family, Options};
use crate::tools::ip::route::args::{RT_TABLE_MAIN, route_type};
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{inet, names};

/// What is looked for; everything that was not said fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// The table; `None` is all of them.
    pub(crate) table: Option<u32>,
    /// Routes learned by lookups, which IPv4 no longer keeps.
    pub(crate) cached: bool,
    /// The type of service.
    pub(crate) tos: Option<u8>,
    /// Who put it there; `None` in it is anybody.
    pub(crate) protocol: Option<u8>,
    /// The scope.
    pub(crate) scope: Option<u8>,
    /// The type.
    pub(crate) kind: Option<RouteType>,
    /// The device.
    pub(crate) oif: Option<LinkRef>,
    /// Somebody asked for an input device or a mark, which no route of a table has.
    pub(crate) never: bool,
    /// The metric.
    pub(crate) metric: Option<u32>,
    /// The router.
    pub(crate) via: Option<Prefix>,
    /// The preferred source.
    pub(crate) prefsrc: Option<Prefix>,
    /// The destination lies in it.
    pub(crate) root: Option<Prefix>,
    /// The destination holds it.
    pub(crate) holds: Option<Prefix>,
}

#[derive(Clone, Copy)]
enum Word {
    Table,
    Cached,
    Tos,
    Protocol,
    Scope,
    Type,
    Dev,
    Iif,
    Mark,
    Metric,
    Via,
    Src,
    To,
    NotModelled,
}

/// In iproute2's order: `t` is a table, `p` a protocol, `m` a metric.
const WORDS: &[Keyword<Word>] = &[
    abbr("table", Word::Table),
    abbr("vrf", Word::NotModelled),
    abbr("cached", Word::Cached),
    abbr("cloned", Word::Cached),
    full("tos", Word::Tos),
    abbr("dsfield", Word::Tos),
    abbr("protocol", Word::Protocol),
    abbr("scope", Word::Scope),
    abbr("type", Word::Type),
    full("dev", Word::Dev),
    full("oif", Word::Dev),
    full("iif", Word::Iif),
    full("mark", Word::Mark),
    abbr("metric", Word::Metric),
    abbr("priority", Word::Metric),
    full("preference", Word::Metric),
    full("via", Word::Via),
    full("src", Word::Src),
    abbr("realms", Word::NotModelled),
    abbr("from", Word::NotModelled),
    abbr("to", Word::To),
];

/// The devices that were named, to be looked up in the end.
#[derive(Default)]
struct Devices<'a> {
    iif: Option<&'a str>,
    oif: Option<&'a str>,
}

impl Filter {
    /// Fits every route of every table.
    pub(crate) fn any() -> Self {
        Self::default()
    }

    /// Reads what stands behind `show` or `flush`.
    pub(crate) fn read(args: &mut Args<'_>, options: &Options, host: &dyn Host) -> Result<Self> {
        let family = options.family.addresses();
        let mut filter = Self { table: Some(RT_TABLE_MAIN), ..Self::default() };
        let mut devices = Devices::default();
        while let Some(text) = args.next() {
            match keyword(WORDS, text) {
                Some(Word::NotModelled) => {
                    return Err(Failure::not_modelled(&format!("filtering routes by \"{text}\"")));
                }
                Some(Word::Cached) => filter.cached = true,
                Some(Word::To) => {
                    let text = args.value()?;
                    filter.set_destination(text, args, family)?;
                }
                None => filter.set_destination(text, args, family)?,
                Some(word) => filter.set(word, args, family, &mut devices)?,
            }
        }
        if let Some(iif) = devices.iif {
            host.device(iif).ok_or_else(|| Failure::no_device(iif))?;
        }
        if let Some(oif) = devices.oif {
            filter.oif = Some(host.device(oif).ok_or_else(|| Failure::no_device(oif))?);
        }
        Ok(filter)
    }

    fn set<'a>(
        &mut self,
        word: Word,
        args: &mut Args<'a>,
        family: Option<AddressFamily>,
        devices: &mut Devices<'a>,
    ) -> Result<()> {
        let text = args.value()?;
        let invalid = |why: &str| Failure::invalid(why, text);
        match word {
            Word::Table => self.set_table(text)?,
            Word::Tos => {
                let tos = names::dsfield(text);
                self.tos = Some(tos.ok_or_else(|| invalid("TOS value is invalid\n"))?);
            }
            Word::Protocol => {
                self.protocol = names::rt_proto(text);
                if self.protocol.is_none() && text != "all" {
                    return Err(invalid("invalid \"protocol\"\n"));
                }
            }
            Word::Scope => {
                self.scope = names::rt_scope(text);
                if self.scope.is_none() && text != "all" {
                    return Err(invalid("invalid \"scope\"\n"));
                }
            }
            Word::Type => {
                let kind = route_type(text);
                let kind = kind.ok_or_else(|| invalid("node type value is invalid\n"))?;
                self.kind = kind;
                self.never |= kind.is_none();
            }
            Word::Dev => devices.oif = Some(text),
            Word::Iif => {
                devices.iif = Some(text);
                self.never = true;
            }
            Word::Mark => {
                let mark = number::u32(text).ok_or_else(|| invalid("invalid mark value"))?;
                self.never |= mark != 0;
            }
            Word::Metric => {
                let metric = number::u32(text);
                self.metric = Some(metric.ok_or_else(|| invalid("\"metric\" value is invalid\n"))?);
            }
            Word::Via => {
                let own = Family::named(text);
                let text = if own.is_some() { args.value()? } else { text };
                let family = own.and_then(Family::addresses).or(family);
                self.via = Some(inet::prefix(text, family)?);
            }
            Word::Src => self.prefsrc = Some(inet::prefix(text, family)?),
            Word::Cached | Word::To | Word::NotModelled => {}
        }
        Ok(())
    }

    fn set_table(&mut self, text: &str) -> Result<()> {
        match (names::rt_table(text), text) {
            (Some(table), _) => self.table = Some(table).filter(|table| *table != 0),
            (None, "all") => self.table = None,
            (None, "cache") => self.cached = true,
            (None, "help") => return Err(usage::route()),
            (None, _) => return Err(Failure::invalid("table id value is invalid\n", text)),
        }
        Ok(())
    }

    /// A destination: within one (`root`), around one (`match`), or just this one.
    fn set_destination(
        &mut self,
        text: &str,
        args: &mut Args<'_>,
        family: Option<AddressFamily>,
    ) -> Result<()> {
        if abbreviates(text, "root") {
            self.root = Some(inet::prefix(args.value()?, family)?);
        } else if abbreviates(text, "match") {
            self.holds = Some(inet::prefix(args.value()?, family)?);
        } else {
            let text = if abbreviates(text, "exact") { args.value()? } else { text };
            let exact = inet::prefix(text, family)?;
            self.root = Some(exact);
            self.holds = Some(exact);
        }
        Ok(())
    }

    /// Whether the router is the one that was asked for, so that it need not be told.
    pub(crate) fn fixes_gateway(&self) -> bool {
        self.via.is_some_and(|via| via.len == 32)
    }

    /// Whether the preferred source is the one that was asked for.
    pub(crate) fn fixes_prefsrc(&self) -> bool {
        self.prefsrc.is_some_and(|src| src.len == 32)
    }

    /// Whether a route is meant; `oif` is the number of the device that was asked for.
    pub(crate) fn fits(&self, msg: &RouteMsg, oif: Option<IfIndex>) -> bool {
        !self.cached
            && !self.never
            && self.table.is_none_or(|table| table == msg.table)
            && self.tos.is_none_or(|tos| tos == msg.tos)
            && self.protocol.is_none_or(|protocol| protocol == msg.protocol)
            && self.scope.is_none_or(|scope| scope == msg.scope.0)
            && self.kind.is_none_or(|kind| kind == msg.kind)
            && self.metric.is_none_or(|metric| metric == msg.metric.unwrap_or(0))
            && oif.is_none_or(|oif| msg.hop.dev == Some(oif))
            && self.via.is_none_or(|via| is_or_lies_in(msg.hop.gateway, &via))
            && self.prefsrc.is_none_or(|src| is_or_lies_in(msg.prefsrc, &src))
            && self.fits_destination(msg)
    }

    fn fits_destination(&self, msg: &RouteMsg) -> bool {
        let len = msg.dst.map_or(0, |net| net.prefix_len());
        let addr = msg.dst.map(|net| net.addr());
        let within = |root: &Prefix| {
            (!counts(root)) || (root.len <= len && (root.len == 0 || is_or_lies_in(addr, root)))
        };
        let around = |inner: &Prefix| {
            (!counts(inner))
                || (len <= inner.len
                    && (len == 0
                        || inner.addr.zip(msg.dst).is_some_and(|(addr, net)| net.contains(&addr))))
        };
        self.root.as_ref().is_none_or(within) && self.holds.as_ref().is_none_or(around)
    }
}

/// Whether a prefix restricts anything: `any` does not, `default` does.
fn counts(prefix: &Prefix) -> bool {
    prefix.addr.is_some() || prefix.specified
}

/// Whether an address lies in a prefix; none is taken for 0.0.0.0.
fn is_or_lies_in(addr: Option<IpAddr>, prefix: &Prefix) -> bool {
    let addr = addr.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    prefix.net().is_none_or(|net| net.contains(&addr))
}

//! `ip rule add` and `delete`: from words to requests.

use crate::family::AddressFamily;
use crate::libc::number;
use crate::netlink::request::{RuleAction, RuleSpec};
use crate::route::RouteType;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::attributes::is_interface_name;
use crate::tools::ip::options::Options;
use crate::tools::ip::route::args::{RT_TABLE_MAIN, route_type};
use crate::tools::ip::usage;
use crate::tools::{inet, names};

#[derive(Clone, Copy)]
enum Word {
    Not,
    From,
    To,
    Preference,
    Tos,
    Fwmark,
    Protocol,
    Table,
    SuppressPrefixlength,
    SuppressIfgroup,
    Iif,
    Oif,
    Uidrange,
    Ipproto,
    Sport,
    Dport,
    Type,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    full("not", Word::Not),
    full("from", Word::From),
    full("to", Word::To),
    abbr("preference", Word::Preference),
    abbr("order", Word::Preference),
    abbr("priority", Word::Preference),
    full("tos", Word::Tos),
    abbr("dsfield", Word::Tos),
    full("fwmark", Word::Fwmark),
    abbr("realms", Word::NotModelled),
    abbr("protocol", Word::Protocol),
    abbr("tun_id", Word::NotModelled),
    abbr("table", Word::Table),
    full("lookup", Word::Table),
    abbr("suppress_prefixlength", Word::SuppressPrefixlength),
    full("sup_pl", Word::SuppressPrefixlength),
    abbr("suppress_ifgroup", Word::SuppressIfgroup),
    full("sup_group", Word::SuppressIfgroup),
    full("dev", Word::Iif),
    full("iif", Word::Iif),
    full("oif", Word::Oif),
    full("l3mdev", Word::NotModelled),
    full("uidrange", Word::Uidrange),
    full("nat", Word::NotModelled),
    abbr("map-to", Word::NotModelled),
    full("ipproto", Word::Ipproto),
    full("sport", Word::Sport),
    full("dport", Word::Dport),
    full("type", Word::Type),
];

#[derive(Default)]
struct Reader {
    family: Option<AddressFamily>,
    spec: RuleSpec,
}

/// Reads the words behind `ip rule add` or, if `delete`, `ip rule delete` (`iprule_modify()`).
pub(crate) fn modify(args: &mut Args<'_>, options: &Options, delete: bool) -> Result<RuleSpec> {
    if args.peek().is_none() {
        let verb = if delete { "del" } else { "add" };
        return Err(Failure::returns(1, format!("\"ip rule {verb}\" requires arguments.\n")));
    }
    let family = options.family.addresses();
    let mut reader = Reader { family, spec: RuleSpec::default() };
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("ip rule's \"{text}\"")));
            }
            Some(Word::Type) => {
                let text = args.value()?;
                reader.set_action(text, args)?;
            }
            None => reader.set_action(text, args)?,
            Some(word) => reader.set(word, args)?,
        }
    }
    if reader.family == Some(AddressFamily::Inet6) {
        return Err(Failure::not_modelled("an IPv6 rule"));
    }
    if !delete && reader.spec.action == RuleAction::Unspecified {
        reader.spec.action = RuleAction::Lookup(RT_TABLE_MAIN);
    }
    Ok(reader.spec)
}

impl Reader {
    fn set(&mut self, word: Word, args: &mut Args<'_>) -> Result<()> {
        if let Word::From | Word::To = word {
            let net = self.prefix(args.value()?)?;
            let slot = if let Word::From = word { &mut self.spec.from } else { &mut self.spec.to };
            *slot = net;
            return Ok(());
        }
        let spec = &mut self.spec;
        match word {
            Word::Not => spec.not = true,
            Word::Preference => {
                spec.priority = Some(value(args, "preference value is invalid\n", number::u32)?);
            }
            Word::Tos => spec.tos = value(args, "TOS value is invalid\n", names::dsfield)?,
            Word::Fwmark => spec.fwmark = Some(fwmark(args.value()?)?),
            Word::Protocol => {
                let why = "\"protocol\" value is invalid\n";
                spec.protocol = Some(value(args, why, names::rt_proto)?);
            }
            Word::Table => {
                let table = value(args, "invalid table ID\n", names::rt_table)?;
                spec.action = RuleAction::Lookup(table);
            }
            Word::SuppressPrefixlength => {
                let why = "suppress_prefixlength value is invalid\n";
                let read = |text: &str| number::i32(text).and_then(|len| len.try_into().ok());
                spec.suppress_prefixlength = Some(value(args, why, read)?);
            }
            Word::SuppressIfgroup => {
                let why = "Invalid \"suppress_ifgroup\" value\n";
                spec.suppress_ifgroup = Some(value(args, why, names::group)?);
            }
            Word::Iif => spec.iif = interface(args, "\"iif\"/\"dev\" not a valid ifname")?,
            Word::Oif => spec.oif = interface(args, "\"oif\" not a valid ifname")?,
            Word::Uidrange => spec.uidrange = Some(value(args, "invalid UID range\n", uid_range)?),
            Word::Ipproto => {
                let why = "Invalid \"ipproto\" value\n";
                spec.ipproto = Some(value(args, why, names::ip_proto)?);
            }
            Word::Sport => spec.sport = Some(value(args, "invalid port range\n", port_range)?),
            Word::Dport => spec.dport = Some(value(args, "invalid dport range\n", port_range)?),
            Word::From | Word::To | Word::Type | Word::NotModelled => {}
        }
        Ok(())
    }

    /// A prefix; it does not fix the rule's family, which only `-4` and `-6` do, but the kernel refuses
    /// one that does not fit.
    fn prefix(&mut self, text: &str) -> Result<Option<ipnet::IpNet>> {
        let net = inet::prefix(text, self.family)?.net();
        if net.is_some_and(|net| net.addr().is_ipv6()) {
            self.family = Some(AddressFamily::Inet6);
        }
        Ok(net)
    }

    fn set_action(&mut self, text: &str, args: &mut Args<'_>) -> Result<()> {
        if abbreviates(text, "help") {
            return Err(usage::rule());
        }
        self.spec.action = if abbreviates(text, "goto") {
            RuleAction::Goto(value(args, "invalid target\n", number::u32)?)
        } else if abbreviates(text, "nop") {
            RuleAction::Nop
        } else {
            match route_type(text) {
                None => return Err(Failure::invalid("Failed to parse rule type", text)),
                Some(Some(RouteType::Blackhole)) => RuleAction::Blackhole,
                Some(Some(RouteType::Unreachable)) => RuleAction::Unreachable,
                Some(Some(RouteType::Prohibit)) => RuleAction::Prohibit,
                // The type's number stands for the action of the same number; table 0 lets the
                // kernel find one that nobody uses.
                Some(Some(RouteType::Unicast)) => {
                    let table = self.spec.action;
                    let given = matches!(table, RuleAction::Lookup(_));
                    if given { table } else { RuleAction::Lookup(0) }
                }
                Some(_) => return Err(Failure::not_modelled(&format!("rule type \"{text}\""))),
            }
        };
        Ok(())
    }
}

/// A mark and its mask, which is all ones if it is not given.
pub(crate) fn fwmark(text: &str) -> Result<(u32, u32)> {
    let (mark, mask) = match text.split_once('/') {
        Some((mark, mask)) => (mark, Some(mask)),
        None => (text, None),
    };
    let value =
        number::u32(mark).ok_or_else(|| Failure::invalid("fwmark value is invalid\n", mark))?;
    let mask = match mask {
        None => u32::MAX,
        Some(mask) => {
            number::u32(mask).ok_or_else(|| Failure::invalid("fwmask value is invalid\n", mask))?
        }
    };
    Ok((value, mask))
}

fn interface(args: &mut Args<'_>, why: &str) -> Result<Option<crate::link::DevName>> {
    let text = args.value()?;
    let name = text.parse().ok().filter(|_| is_interface_name(text));
    name.map(Some).ok_or_else(|| Failure::invalid(why, text))
}

/// Two numbers with a hyphen between them, as `sscanf(3)` reads them: what follows is not looked at.
pub(crate) fn uid_range(text: &str) -> Option<(u32, u32)> {
    let (start, rest) = number::strtoul(text, 10)?;
    let (end, _) = number::strtoul(rest.strip_prefix('-')?, 10)?;
    Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
}

/// One port or two with a hyphen between them, as `sscanf(3)` reads them: cut to 16 bits.
pub(crate) fn port_range(text: &str) -> Option<(u16, u16)> {
    let low = |n: u64| u16::try_from(n & 0xffff).expect("16 bits");
    let (start, rest) = number::strtoul(text, 10)?;
    let end = rest.strip_prefix('-').and_then(|rest| number::strtoul(rest, 10));
    Some((low(start), low(end.map_or(start, |(end, _)| end))))
}

fn value<T>(args: &mut Args<'_>, why: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = args.value()?;
    read(text).ok_or_else(|| Failure::invalid(why, text))
}

//! `ip rule show` and `ip rule flush`.

use ipnet::IpNet;

use crate::libc::number;
use crate::link::DevName;
use crate::netlink::Request;
use crate::netlink::message::{RuleMsg, rule};
use crate::netlink::request::{RuleAction, RuleSpec};
use crate::route::fib::RTPROT_KERNEL;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet::Prefix;
use crate::tools::ip::link::attributes::is_interface_name;
use crate::tools::ip::options::{Family, Options};
use crate::tools::ip::rule::args::{port_range, uid_range};
use crate::tools::ip::rule::print;
use crate::tools::printer::Printer;
use crate::tools::session::Session;
use crate::tools::{inet, names};

#[derive(Clone, Copy)]
enum Word {
    Preference,
    Not,
    Tos,
    Fwmark,
    Iif,
    Oif,
    Uidrange,
    Table,
    From,
    To,
    Protocol,
    Ipproto,
    Sport,
    Dport,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    abbr("preference", Word::Preference),
    abbr("order", Word::Preference),
    abbr("priority", Word::Preference),
    full("not", Word::Not),
    full("tos", Word::Tos),
    full("dsfield", Word::Tos),
    full("fwmark", Word::Fwmark),
    full("dev", Word::Iif),
    full("iif", Word::Iif),
    full("oif", Word::Oif),
    full("l3mdev", Word::NotModelled),
    full("uidrange", Word::Uidrange),
    abbr("tun_id", Word::NotModelled),
    abbr("lookup", Word::Table),
    abbr("table", Word::Table),
    abbr("from", Word::From),
    abbr("src", Word::From),
    abbr("protocol", Word::Protocol),
    full("ipproto", Word::Ipproto),
    full("sport", Word::Sport),
    full("dport", Word::Dport),
    abbr("dst", Word::To),
    abbr("to", Word::To),
];

/// Which rules are shown; everything that was not said fits.
#[derive(Default)]
struct Filter {
    priority: Option<u32>,
    not: bool,
    tos: Option<u8>,
    /// A mark or mask of 0 is not looked at.
    mark: u32,
    mask: u32,
    iif: Option<DevName>,
    oif: Option<DevName>,
    uidrange: Option<(u32, u32)>,
    table: u32,
    from: Option<Prefix>,
    to: Option<Prefix>,
    protocol: Option<u8>,
    ipproto: u8,
    sport: Option<(u16, u16)>,
    dport: Option<(u16, u16)>,
}

/// Lists rules (`iprule_list_flush_or_save()`).
pub(crate) fn show(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
) -> Result<()> {
    let filter = Filter::read(args, options)?;
    let mut p = Printer::list(options);
    for msg in all(session, options).iter().filter(|msg| filter.fits(msg)) {
        print::print(&mut p, msg, options);
    }
    session.stdout += &p.finish_list();
    Ok(())
}

fn all(session: &Session<'_>, options: &Options) -> Vec<RuleMsg> {
    match options.family {
        Family::Unspec | Family::Inet => rule::dump(&session.world.kernel, session.netns),
        Family::Inet6 | Family::Packet | Family::Mpls | Family::Bridge => Vec::new(),
    }
}

/// Removes all rules of one origin, or all but the first (`flush_rule()`).
pub(crate) fn flush(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
) -> Result<()> {
    let filter = Filter::read(args, options)?;
    for msg in all(session, options) {
        let wanted = filter.protocol.is_none_or(|protocol| protocol == msg.rule.protocol);
        // A preference of 0 is not told, and only rules with a preference are removed.
        if wanted && msg.rule.priority != 0 {
            session.request(&Request::RuleDel(deletion(&msg)), 2)?;
        }
    }
    Ok(())
}

/// The request that removes just this rule: the message sent back.
fn deletion(msg: &RuleMsg) -> RuleSpec {
    let rule = &msg.rule;
    RuleSpec {
        priority: Some(rule.priority),
        not: rule.not,
        from: msg.from,
        to: msg.to,
        iif: rule.iif,
        oif: rule.oif,
        fwmark: Some(rule.fwmark).filter(|fwmark| *fwmark != (0, 0)),
        tos: rule.tos,
        ipproto: Some(rule.ipproto).filter(|proto| *proto != 0),
        sport: rule.sport,
        dport: rule.dport,
        uidrange: rule.uidrange,
        action: rule.action,
        suppress_prefixlength: rule.suppress_prefixlength,
        suppress_ifgroup: rule.suppress_ifgroup,
        protocol: Some(rule.protocol).filter(|protocol| *protocol != RTPROT_KERNEL),
    }
}

impl Filter {
    fn read(args: &mut Args<'_>, options: &Options) -> Result<Self> {
        let mut filter = Self::default();
        while let Some(text) = args.next() {
            match keyword(WORDS, text) {
                Some(Word::NotModelled) => {
                    return Err(Failure::not_modelled(&format!("filtering rules by \"{text}\"")));
                }
                Some(Word::Not) => filter.not = true,
                Some(Word::To) => filter.to = Some(prefix(args.value()?, options)?),
                None => filter.to = Some(prefix(text, options)?),
                Some(word) => filter.set(word, args.value()?, options)?,
            }
        }
        Ok(filter)
    }

    fn set(&mut self, word: Word, text: &str, options: &Options) -> Result<()> {
        let invalid = |why: &str| Failure::invalid(why, text);
        match word {
            Word::Preference => {
                let priority = number::u32(text);
                self.priority =
                    Some(priority.ok_or_else(|| invalid("preference value is invalid\n"))?);
            }
            Word::Tos => {
                let tos = names::dsfield(text);
                self.tos = Some(tos.ok_or_else(|| invalid("TOS value is invalid\n"))?);
            }
            Word::Fwmark => {
                let (mark, mask) = super::args::fwmark(text)?;
                self.mark = mark;
                self.mask = if text.contains('/') { mask } else { 0 };
            }
            Word::Iif => self.iif = Some(interface(text, "\"iif\"/\"dev\" not a valid ifname")?),
            Word::Oif => self.oif = Some(interface(text, "\"oif\" not a valid ifname")?),
            Word::Uidrange => {
                self.uidrange =
                    Some(uid_range(text).ok_or_else(|| invalid("invalid UID range\n"))?);
            }
            Word::Table => {
                let table = names::rt_table(text);
                self.table = table.ok_or_else(|| invalid("table id value is invalid\n"))?;
            }
            Word::From => self.from = Some(prefix(text, options)?),
            Word::Protocol => {
                self.protocol = names::rt_proto(text);
                if self.protocol.is_none() && text != "all" {
                    return Err(invalid("invalid \"protocol\"\n"));
                }
            }
            Word::Ipproto => {
                let proto = names::ip_proto(text);
                self.ipproto = proto.ok_or_else(|| invalid("Invalid \"ipproto\" value\n"))?;
            }
            Word::Sport => {
                self.sport = Some(port_range(text).ok_or_else(|| invalid("invalid port range\n"))?);
            }
            Word::Dport => {
                let range = port_range(text);
                self.dport = Some(range.ok_or_else(|| invalid("invalid dport range\n"))?);
            }
            Word::Not | Word::To | Word::NotModelled => {}
        }
        Ok(())
    }

    /// Whether a rule is shown. Its origin is not looked at.
    fn fits(&self, msg: &RuleMsg) -> bool {
        let rule = &msg.rule;
        let table = match rule.action {
            RuleAction::Lookup(table) => table,
            RuleAction::Unspecified
            | RuleAction::Goto(_)
            | RuleAction::Nop
            | RuleAction::Blackhole
            | RuleAction::Unreachable
            | RuleAction::Prohibit => 0,
        };
        self.priority.is_none_or(|priority| priority == rule.priority)
            && (!self.not || rule.not)
            && self.from.is_none_or(|from| lies_in(msg.from, &from))
            && self.to.is_none_or(|to| lies_in(msg.to, &to))
            && self.tos.is_none_or(|tos| tos == rule.tos)
            && (self.mark == 0 || self.mark == rule.fwmark.0)
            && (self.mask == 0 || self.mask == rule.fwmark.1)
            && (self.iif.is_none() || self.iif == rule.iif)
            && (self.oif.is_none() || self.oif == rule.oif)
            && (self.uidrange.is_none() || self.uidrange == rule.uidrange)
            && (self.ipproto == 0 || self.ipproto == rule.ipproto)
            && self.sport.is_none_or(|ports| ports.0 == 0 || Some(ports) == rule.sport)
            && self.dport.is_none_or(|ports| ports.0 == 0 || Some(ports) == rule.dport)
            && (self.table == 0 || self.table == table)
    }
}

/// Whether a selector lies in a prefix; one of length 0 holds all.
fn lies_in(selector: Option<IpNet>, prefix: &Prefix) -> bool {
    let len = selector.map_or(0, |net| net.prefix_len());
    match (prefix.net(), selector) {
        (None, _) => true,
        (Some(net), Some(selector)) => net.prefix_len() <= len && net.contains(&selector.addr()),
        (Some(net), None) => net.prefix_len() == 0,
    }
}

fn prefix(text: &str, options: &Options) -> Result<Prefix> {
    // Without a family the rules of IPv4 are meant.
    let family = options.family.addresses().unwrap_or(crate::family::AddressFamily::Inet);
    inet::prefix(text, Some(family))
}

fn interface(text: &str, why: &str) -> Result<DevName> {
    let name = text.parse().ok().filter(|_| is_interface_name(text));
    name.ok_or_else(|| Failure::invalid(why, text))
}

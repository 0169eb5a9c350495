//! `ip route get`: which way a packet would take.

use std::net::{IpAddr, Ipv4Addr};

use crate::family::AddressFamily;
use crate::id::IfIndex;
use crate::libc::number;
use crate::netlink::message::route::{self, RouteQuery};
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet::Prefix;
use crate::tools::ip::options::Options;
use crate::tools::ip::route::filter::Filter;
use crate::tools::ip::route::print;
use crate::tools::ip::usage;
use crate::tools::printer::Printer;
use crate::tools::session::{Host as _, Session};
use crate::tools::{inet, names};

#[derive(Clone, Copy)]
enum Word {
    Tos,
    From,
    Iif,
    Mark,
    Oif,
    Connected,
    Uid,
    Fibmatch,
    Sport,
    Dport,
    Ipproto,
    To,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    full("tos", Word::Tos),
    abbr("dsfield", Word::Tos),
    abbr("from", Word::From),
    abbr("iif", Word::Iif),
    abbr("mark", Word::Mark),
    abbr("oif", Word::Oif),
    full("dev", Word::Oif),
    abbr("notify", Word::NotModelled),
    abbr("connected", Word::Connected),
    abbr("vrf", Word::NotModelled),
    abbr("uid", Word::Uid),
    abbr("fibmatch", Word::Fibmatch),
    full("as", Word::NotModelled),
    abbr("sport", Word::Sport),
    abbr("dport", Word::Dport),
    abbr("ipproto", Word::Ipproto),
    full("to", Word::To),
];

#[derive(Default)]
struct Question<'a> {
    family: Option<AddressFamily>,
    dst: Option<Prefix>,
    src: Option<Prefix>,
    iif: Option<&'a str>,
    oif: Option<&'a str>,
    tos: u8,
    mark: u32,
    uid: Option<u32>,
    proto: Option<u8>,
    sport: u16,
    dport: u16,
    fib_match: bool,
    connected: bool,
}

/// Answers the question behind `ip route get` (`iproute_get()`).
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let family = options.family.addresses();
    let mut question = Question { family, ..Question::default() };
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("ip route get's \"{text}\"")));
            }
            Some(Word::Connected) => question.connected = true,
            Some(Word::Fibmatch) => question.fib_match = true,
            Some(Word::To) => {
                let text = args.value()?;
                question.set_dst(text, session)?;
            }
            None => question.set_dst(text, session)?,
            Some(word) => question.set(word, args.value()?)?,
        }
    }
    let query = question.query(session)?;
    let answer = route::get(&mut session.world.kernel, session.netns, &query)
        .map_err(|error| Failure::kernel(2, &error))?;
    let mut p = Printer::list(options);
    print::print(&mut p, &answer, &session.host(), options, &Filter::any());
    session.stdout += &p.finish_list();
    if question.connected && question.src.is_none() {
        // The question is put once more and the answer printed again, never as JSON: the source that
        // was found, which it should carry, does not get into it.
        let mut p = Printer::single(&Options { json: false, ..options.clone() });
        print::print(&mut p, &answer, &session.host(), options, &Filter::any());
        session.stdout += &p.finish();
    }
    Ok(())
}

impl<'a> Question<'a> {
    fn set(&mut self, word: Word, text: &'a str) -> Result<()> {
        let invalid = |why: &str| Failure::invalid(why, text);
        match word {
            Word::Tos => {
                self.tos = names::dsfield(text).ok_or_else(|| invalid("TOS value is invalid\n"))?;
            }
            Word::From if abbreviates(text, "help") => return Err(usage::route()),
            Word::From => {
                let src = inet::prefix(text, self.family)?;
                self.family = self.family.or_else(|| src.addr.map(AddressFamily::of));
                self.src = Some(src);
            }
            Word::Iif => self.iif = Some(text),
            Word::Oif => self.oif = Some(text),
            Word::Mark => {
                self.mark = number::u32(text).ok_or_else(|| invalid("invalid mark value"))?;
            }
            Word::Uid => {
                self.uid = Some(number::u32(text).ok_or_else(|| invalid("invalid UID\n"))?);
            }
            Word::Sport => {
                self.sport = number::u16(text).ok_or_else(|| invalid("invalid sport\n"))?;
            }
            Word::Dport => {
                self.dport = number::u16(text).ok_or_else(|| invalid("invalid dport\n"))?;
            }
            Word::Ipproto => {
                let proto = names::ip_proto(text);
                self.proto = Some(proto.ok_or_else(|| invalid("Invalid \"ipproto\" value\n"))?);
            }
            Word::Connected | Word::Fibmatch | Word::To | Word::NotModelled => {}
        }
        Ok(())
    }

    fn set_dst(&mut self, text: &str, session: &mut Session<'_>) -> Result<()> {
        if abbreviates(text, "help") {
            return Err(usage::route());
        }
        let dst = inet::prefix(text, self.family)?;
        self.family = self.family.or_else(|| dst.addr.map(AddressFamily::of));
        if self.family == Some(AddressFamily::Inet) && dst.len != 32 {
            let len = dst.len;
            session.err(format_args!(
                "Warning: /{len} as prefix is invalid, only /32 (or none) is supported.\n"
            ));
        }
        self.dst = Some(dst);
        Ok(())
    }

    fn query(&self, session: &Session<'_>) -> Result<RouteQuery> {
        let Some(dst) = self.dst else {
            return Err(Failure::returns(1, "need at least a destination address\n"));
        };
        let iif = self.iif.map(|name| index(session, name)).transpose()?;
        let oif = self.oif.map(|name| index(session, name)).transpose()?;
        if self.family == Some(AddressFamily::Inet6) {
            return Err(Failure::not_modelled("an IPv6 route"));
        }
        let v4 = |prefix: Prefix| match prefix.addr {
            Some(IpAddr::V4(addr)) => Some(addr),
            Some(IpAddr::V6(_)) | None => None,
        };
        Ok(RouteQuery {
            dst: v4(dst).unwrap_or(Ipv4Addr::UNSPECIFIED),
            src: self.src.and_then(v4),
            iif,
            oif,
            mark: self.mark,
            tos: self.tos,
            uid: self.uid,
            proto: self.proto,
            sport: self.sport,
            dport: self.dport,
            fib_match: self.fib_match,
        })
    }
}

/// The number of the device with this name.
fn index(session: &Session<'_>, name: &str) -> Result<IfIndex> {
    let link = session.host().device(name).ok_or_else(|| Failure::no_device(name))?;
    let dev = session.dev(link);
    // A number that nobody has goes to the kernel all the same.
    Ok(dev.map_or(IfIndex(u32::MAX), |dev| session.world.kernel.devs[dev].ifindex))
}

//! `ip neigh show`, `get` and `flush`.

use std::net::IpAddr;

use crate::errno::Errno;
use crate::id::IfIndex;
use crate::neigh::NudState;
use crate::netlink::message::{NeighMsg, neigh};
use crate::netlink::request::{LinkRef, NeighSpec};
use crate::netlink::{NetlinkError, Request};
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet::Prefix;
use crate::tools::ip::addr::filter::holds;
use crate::tools::ip::link::attributes::existing;
use crate::tools::ip::neigh::args::nud_state;
use crate::tools::ip::neigh::print;
use crate::tools::ip::options::{Family, Options};
use crate::tools::ip::usage;
use crate::tools::printer::Printer;
use crate::tools::session::{Host as _, Session};
use crate::tools::{inet, names};

/// A bit of a filter for entries without a state.
const NO_STATE: u16 = 0x100;
/// All states but the one of addresses that need no resolution.
const USUAL_STATES: u16 = 0xff & !(NudState::Noarp as u16);
/// What a flush leaves alone unless it is asked for.
const FIXED_STATES: u16 = NudState::Permanent as u16 | NudState::Noarp as u16;
/// How often a flush begins anew.
const MAX_ROUNDS: u32 = 10;

#[derive(Clone, Copy)]
enum Word {
    Dev,
    Master,
    Nomaster,
    Unused,
    Nud,
    Proxy,
    Protocol,
    To,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    full("dev", Word::Dev),
    full("master", Word::Master),
    full("vrf", Word::NotModelled),
    full("nomaster", Word::Nomaster),
    full("unused", Word::Unused),
    full("nud", Word::Nud),
    full("proxy", Word::Proxy),
    abbr("protocol", Word::Protocol),
    full("to", Word::To),
];

/// Which entries are meant.
#[derive(Default)]
struct Filter {
    family: Family,
    states: u16,
    states_given: bool,
    /// The number of the device.
    index: Option<IfIndex>,
    master: Option<Option<LinkRef>>,
    unused: bool,
    proxy: bool,
    protocol: Option<u8>,
    to: Option<Prefix>,
}

/// Lists neighbours, or removes them (`do_show_or_flush()`).
pub(crate) fn run(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
    flush: bool,
) -> Result<()> {
    if flush && args.peek().is_none() {
        return Err(Failure::returns(1, "Flush requires arguments.\n"));
    }
    let mut filter = Filter::read(session, options, args, flush)?;
    if flush {
        return remove_all(session, options, &mut filter);
    }
    let mut p = Printer::list(options);
    for msg in fitting(session, &filter) {
        print::print(&mut p, &msg, &session.host(), options, filter.index.is_none());
    }
    session.stdout += &p.finish_list();
    Ok(())
}

impl Filter {
    fn read(
        session: &Session<'_>,
        options: &Options,
        args: &mut Args<'_>,
        flush: bool,
    ) -> Result<Self> {
        let host = session.host();
        let states = if flush { !FIXED_STATES } else { USUAL_STATES };
        let mut filter = Self { family: options.family, states, ..Self::default() };
        let mut dev = None;
        while let Some(text) = args.next() {
            match keyword(WORDS, text) {
                Some(Word::NotModelled) => {
                    let what = format!("filtering neighbours by \"{text}\"");
                    return Err(Failure::not_modelled(&what));
                }
                Some(Word::Nomaster) => filter.master = Some(None),
                Some(Word::Unused) => filter.unused = true,
                Some(Word::Proxy) => filter.proxy = true,
                Some(Word::Dev) => {
                    let name = args.value()?;
                    if dev.is_some() {
                        return Err(Failure::duplicate("dev", name));
                    }
                    dev = Some(name);
                }
                Some(Word::Master) => {
                    filter.master = Some(Some(existing(args.value()?, &host)?));
                }
                Some(Word::Nud) => filter.set_state(args.value()?, flush)?,
                Some(Word::Protocol) => filter.set_protocol(args.value()?)?,
                Some(Word::To) => filter.set_to(args.value()?)?,
                None => filter.set_to(text)?,
            }
        }
        if let Some(name) = dev {
            let link = host.device(name).ok_or_else(|| Failure::no_device(name))?;
            filter.index = Some(index_of(session, link));
        }
        Ok(filter)
    }

    fn set_state(&mut self, text: &str, flush: bool) -> Result<()> {
        if !self.states_given {
            self.states_given = true;
            self.states = 0;
        }
        self.states |= match nud_state(text) {
            Some(NudState::None) => NO_STATE,
            Some(state) => state as u16,
            None if text == "all" && flush => !(NudState::Noarp as u16),
            None if text == "all" => !0,
            None => return Err(Failure::invalid("nud state is bad", text)),
        };
        Ok(())
    }

    fn set_protocol(&mut self, text: &str) -> Result<()> {
        self.protocol = names::rt_proto(text).filter(|protocol| *protocol != 0);
        if names::rt_proto(text).is_none() && text != "all" {
            return Err(Failure::invalid("invalid \"protocol\"\n", text));
        }
        Ok(())
    }

    fn set_to(&mut self, text: &str) -> Result<()> {
        if abbreviates(text, "help") {
            return Err(usage::neigh());
        }
        let to = inet::prefix(text, self.family.addresses())?;
        if self.family == Family::Unspec {
            self.family = match to.addr {
                None => Family::Unspec,
                Some(IpAddr::V4(_)) => Family::Inet,
                Some(IpAddr::V6(_)) => Family::Inet6,
            };
        }
        self.to = Some(to);
        Ok(())
    }

    fn fits(&self, msg: &NeighMsg, session: &Session<'_>) -> bool {
        let state = msg.state as u16;
        let state_fits = self.states & state != 0
            || msg.proxy
            || msg.extern_learn
            || (state == 0 && self.states & NO_STATE != 0);
        matches!(self.family, Family::Unspec | Family::Inet)
            && self.index.is_none_or(|index| msg.index == Some(index))
            && state_fits
            && self.to.is_none_or(|to| holds(&to, msg.dst))
            && self.protocol.is_none_or(|protocol| protocol == msg.protocol)
            && !(self.unused && msg.cache.is_some_and(|cache| cache.refs != 0))
            && self.master.is_none_or(|master| is_port_of(session, msg, master))
    }
}

/// Whether the entry's device is a port of the bridge `master`, or of none.
fn is_port_of(session: &Session<'_>, msg: &NeighMsg, master: Option<LinkRef>) -> bool {
    let kernel = &session.world.kernel;
    let dev = msg.index.and_then(|index| kernel.dev_by_index(session.netns, index));
    dev.is_none_or(|dev| kernel.devs[dev].master == master.and_then(|link| session.dev(link)))
}

fn index_of(session: &Session<'_>, link: LinkRef) -> IfIndex {
    match (session.dev(link), link) {
        (Some(dev), _) => session.world.kernel.devs[dev].ifindex,
        (None, LinkRef::Index(index)) => index,
        (None, LinkRef::Name(_)) => IfIndex(0),
    }
}

fn fitting(session: &Session<'_>, filter: &Filter) -> Vec<NeighMsg> {
    let (kernel, netns) = (&session.world.kernel, session.netns);
    let mut all =
        if filter.proxy { neigh::proxies(kernel, netns) } else { neigh::dump(kernel, netns) };
    all.retain(|msg| filter.fits(msg, session));
    all
}

fn remove_all(session: &mut Session<'_>, options: &Options, filter: &mut Filter) -> Result<()> {
    for round in 0..MAX_ROUNDS {
        let found = fitting(session, filter);
        if found.is_empty() {
            complete(session, options, round);
            return Ok(());
        }
        if options.stats > 1 {
            let mut p = Printer::single(&Options { json: false, ..options.clone() });
            for msg in &found {
                print::print(&mut p, msg, &session.host(), options, filter.index.is_none());
            }
            session.stdout += &p.finish();
        }
        for msg in &found {
            session.ask(&Request::NeighDel(deletion(msg))).map_err(|error| {
                let text = format!("Failed to send flush request: {}\n", error.errno);
                Failure::exits(1, text)
            })?;
        }
        if options.stats > 0 {
            let (round, count) = (round + 1, found.len());
            session.out(format_args!("\n*** Round {round}, deleting {count} entries ***\n"));
        }
        filter.states &= !(NudState::Failed as u16);
    }
    session.out(format_args!("*** Flush not complete bailing out after {MAX_ROUNDS} rounds\n"));
    Err(Failure::returns(255, ""))
}

fn complete(session: &mut Session<'_>, options: &Options, rounds: u32) {
    if options.stats == 0 {
        return;
    }
    match rounds {
        0 => session.out(format_args!("Nothing to flush.\n")),
        1 => session.out(format_args!("*** Flush is complete after 1 round ***\n")),
        _ => session.out(format_args!("*** Flush is complete after {rounds} rounds ***\n")),
    }
}

fn deletion(msg: &NeighMsg) -> NeighSpec {
    NeighSpec {
        dev: msg.index.map(LinkRef::Index),
        addr: msg.dst,
        lladdr: msg.lladdr,
        state: Some(msg.state),
        proxy: msg.proxy,
        router: msg.router,
        extern_learn: msg.extern_learn,
        protocol: msg.protocol,
    }
}

/// Shows one entry (`ipneigh_get()`).
pub(crate) fn get(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let (mut dev, mut addr, mut proxy) = (None, None, false);
    let family = options.family.addresses();
    while let Some(text) = args.next() {
        if text == "dev" {
            dev = Some(args.value()?);
            continue;
        }
        let is_proxy = abbreviates(text, "proxy");
        let text = if is_proxy || text == "to" { args.value()? } else { text };
        if abbreviates(text, "help") {
            return Err(usage::neigh());
        }
        if addr.is_some() {
            return Err(match is_proxy {
                true => Failure::duplicate("address", text),
                false => Failure::garbage("to", text),
            });
        }
        proxy |= is_proxy;
        addr = Some(inet::addr(text, family)?);
    }
    let known = dev.is_some() || proxy;
    let Some(addr) = addr.flatten().filter(|_| known) else {
        return Err(Failure::returns(1, "Device and address are required arguments.\n"));
    };
    let link = match dev {
        Some(name) => Some(session.host().device(name).ok_or_else(|| Failure::no_device(name))?),
        None => None,
    };
    let IpAddr::V4(addr) = addr else {
        return Err(Failure::not_modelled("an IPv6 neighbour"));
    };
    let dev = link.and_then(|link| session.dev(link));
    let found = neigh::get(&session.world.kernel, session.netns, dev, addr, proxy);
    let Some(msg) = found else {
        let text =
            if proxy { "Proxy neighbour entry not found" } else { "Neighbour entry not found" };
        return Err(Failure::kernel(2, &NetlinkError::with_message(Errno::ENOENT, text)));
    };
    // Here JSON is never asked of the printer.
    let mut p = Printer::single(&Options { json: false, ..options.clone() });
    print::print(&mut p, &msg, &session.host(), options, true);
    session.stdout += &p.finish();
    Ok(())
}

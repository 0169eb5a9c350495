//! `CT`: says what the packet's connection will be, before it is looked at (`libxt_CT` revision 2, `xt_CT`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::entry::ZoneDir;
use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::helper::Helper;
use crate::netfilter::conntrack::{CtRef, Template, Zone};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState, cut};
use crate::netfilter::xtables::value::whole_number;
use crate::packet::IpProto;
use crate::trace::Observer;

/// The events of connections that have a name here.
const CT_EVENTS: &[(&str, Event)] = &[
    ("new", Event::New),
    ("related", Event::Related),
    ("destroy", Event::Destroy),
    ("reply", Event::Reply),
    ("assured", Event::Assured),
    ("protoinfo", Event::ProtoInfo),
    ("helper", Event::Helper),
    ("mark", Event::Mark),
    ("natseqinfo", Event::SeqAdj),
    ("secmark", Event::SecMark),
];
/// The one event of expectations that has a name (`IPEXP_NEW`).
const EXP_EVENTS: &[(&str, Event)] = &[("new", Event::New)];

/// What the connection will be.
#[derive(Clone, Debug, PartialEq)]
pub struct Ct {
    notrack: bool,
    ct_events: u32,
    exp_events: u32,
    zone: u16,
    zone_from_mark: bool,
    /// The directions that were named; both are as good as none.
    zone_orig: bool,
    zone_reply: bool,
    /// The name of the helper; none if it is empty.
    helper: String,
    /// The name of the policy that says how long it lives; none if it is empty.
    timeout: String,
}

/// The longest name of a helper, in bytes (`NF_CT_HELPER_NAME_LEN - 1`).
const MAX_HELPER: usize = 15;
/// The longest name of a policy, in bytes (`CTNL_TIMEOUT_NAME_MAX - 1`).
const MAX_TIMEOUT: usize = 31;
/// How much of that name the kernel gives back: it reckons with the smaller structure of revision 0.
const TOLD_TIMEOUT: usize = 4;

impl Extension for Ct {
    const NAME: &'static str = "CT";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("notrack", Kind::None),
        Opt::new("helper", Kind::Free),
        Opt::new("timeout", Kind::Free),
        Opt::new("ctevents", Kind::Free),
        Opt::new("expevents", Kind::Free),
        Opt::new("zone-orig", Kind::Free),
        Opt::new("zone-reply", Kind::Free),
        Opt::new("zone", Kind::Free),
    ];
    const HELP: &'static str = include_str!("help/ct.txt");

    fn new(_: AddressFamily) -> Self {
        Self {
            notrack: false,
            ct_events: 0,
            exp_events: 0,
            zone: 0,
            zone_from_mark: false,
            zone_orig: false,
            zone_reply: false,
            helper: String::new(),
            timeout: String::new(),
        }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        match given.name {
            "notrack" => self.notrack = true,
            "ctevents" => self.ct_events = read_events(CT_EVENTS, given.word)?,
            "expevents" => self.exp_events = read_events(EXP_EVENTS, given.word)?,
            "helper" => self.helper = cut(given.word, MAX_HELPER)?,
            "timeout" => self.timeout = cut(given.word, MAX_TIMEOUT)?,
            zone => {
                self.zone_orig |= zone == "zone-orig";
                self.zone_reply |= zone == "zone-reply";
                self.read_zone(given.word)?;
            }
        }
        Ok(())
    }

    fn check(&mut self, _: u64, _: &Context<'_>) -> Result<(), Problem> {
        if self.notrack && self.timeout.len() > TOLD_TIMEOUT {
            let what = "CT --notrack --timeout with a name that the kernel would shorten";
            return Err(Problem::NotModelled(what.to_owned()));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write("--", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" CT");
        self.write("", out);
    }
}

/// The events that a list names, a bit each.
fn read_events(known: &[(&str, Event)], list: &str) -> Result<u32, Problem> {
    list.split(',').try_fold(0, |events, name| match known.iter().find(|(n, _)| *n == name) {
        Some((_, event)) => Ok(events | 1 << *event as u32),
        None => Err(Problem::Parameter(format!("Unknown event type \"{name}\""))),
    })
}

impl Ct {
    fn read_zone(&mut self, word: &str) -> Result<(), Problem> {
        if word.eq_ignore_ascii_case("mark") {
            self.zone_from_mark = true;
            self.zone = 0;
            return Ok(());
        }
        let number = whole_number(word, 0, u16::MAX.into()).and_then(|n| u16::try_from(n).ok());
        let wrong = || Problem::Parameter(format!("Cannot parse {word} as a zone ID"));
        self.zone = number.ok_or_else(wrong)?;
        Ok(())
    }

    /// The direction that the zone is for.
    const fn dir(&self) -> Option<ZoneDir> {
        match (self.zone_orig, self.zone_reply) {
            (true, false) => Some(ZoneDir::Original),
            (false, true) => Some(ZoneDir::Reply),
            (true, true) | (false, false) => None,
        }
    }

    /// Writes the options, each with `dash` before it.
    fn write(&self, dash: &str, out: &mut String) {
        if self.notrack {
            write!(out, " {dash}notrack").expect("a string takes everything");
        }
        for (option, name) in [("helper", &self.helper), ("timeout", &self.timeout)] {
            if !name.is_empty() {
                write!(out, " {dash}{option} {name}").expect("a string takes everything");
            }
        }
        write_events(CT_EVENTS, self.ct_events, &format!(" {dash}ctevents "), out);
        write_events(EXP_EVENTS, self.exp_events, &format!(" {dash}expevents "), out);
        if self.zone_from_mark || self.zone != 0 {
            let dir = match self.dir() {
                Some(ZoneDir::Original) => "-orig",
                Some(ZoneDir::Reply) => "-reply",
                None => "",
            };
            let number = self.zone.to_string();
            let zone = if self.zone_from_mark { "mark" } else { &number };
            write!(out, " {dash}zone{dir} {zone}").expect("a string takes everything");
        }
    }

    /// What the connection of a packet of `proto` will be; `None` if there will be none.
    fn template(&self, proto: u8) -> Option<Template> {
        // Once some events are asked for, of either kind, no others are told.
        let events = (self.ct_events | self.exp_events != 0).then_some(self.ct_events);
        let exp_events = events.map(|_| self.exp_events);
        let zone = Zone { id: self.zone, dir: self.dir(), from_mark: self.zone_from_mark };
        let helper = Helper::find(&self.helper, AddressFamily::Inet, IpProto(proto));
        (!self.notrack).then_some(Template { zone, events, exp_events, helper })
    }
}

/// Writes the names of events behind `before`, if there are any.
fn write_events(known: &[(&str, Event)], events: u32, before: &str, out: &mut String) {
    let named = known.iter().filter(|(_, event)| events & (1 << *event as u32) != 0);
    for (n, (name, _)) in named.enumerate() {
        out.push_str(if n == 0 { before } else { "," });
        out.push_str(name);
    }
}

/// Gives the packet a relation to connection tracking, unless it has one: what comes back over `lo` was looked at
/// before.
pub(super) fn assign(f: &mut Flight, ct: CtRef) -> Sentence {
    if f.ct == CtRef::None {
        f.ct = ct;
    }
    Sentence::Continue
}

impl TargetExtension for Ct {
    const TABLE: Option<TableName> = Some(TableName::Raw);

    fn needs_conntrack(&self) -> bool {
        !self.notrack
    }

    /// There are no policies for `--timeout`, as no program makes any.
    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        if self.notrack {
            return Ok(());
        }
        let proto = place.proto.filter(|(_, invert)| !invert).map(|(proto, _)| IpProto(proto));
        if !self.helper.is_empty() {
            let find = |proto| Helper::find(&self.helper, place.family, proto);
            proto.and_then(find).ok_or(Errno::ENOENT)?;
        }
        match proto {
            _ if self.timeout.is_empty() => Ok(()),
            None => Err(Errno::EINVAL),
            Some(_) => Err(Errno::ENOENT),
        }
    }

    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        seen: &Seen,
        state: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        let mut template = self.template(seen.proto);
        if let (TargetState::Events(false), Some(template)) = (state, &mut template) {
            (template.events, template.exp_events) = (None, None);
        }
        assign(f, template.map_or(CtRef::Untracked, CtRef::Template))
    }
}

//! `recent`: addresses that were seen lately, in lists that rules share by name (`libxt_recent` revision 1,
//! `xt_recent`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::id::NetnsId;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style, Value,
};
use crate::netfilter::xtables::matches::recent_list::List;
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, Shared};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::value;
use crate::time::HZ;

/// What is done with the packet's address, and when that is a match.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    act: Option<Act>,
    invert: bool,
    /// The address was seen within so many seconds; 0 stands for ever.
    seconds: u32,
    /// Addresses that were not seen for so long are forgotten.
    reap: bool,
    /// The address was seen at least so many times; 0 stands for once.
    hit_count: u32,
    /// The time to live has to be the same, too.
    ttl: bool,
    name: String,
    /// Whether the destination is looked at.
    destination: bool,
    mask: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Set,
    Check,
    Update,
    Remove,
}

/// The longest name, in bytes (`XT_RECENT_NAME_LEN - 1`); what is longer is cut off.
const MAX_NAME: usize = 199;

/// The most times that an address may have to be seen (`XT_RECENT_MAX_NSTAMPS - 1`).
const MAX_HITS: u32 = 65_535;

const SET: usize = 0;
const RCHECK: usize = 1;
const UPDATE: usize = 2;
const REMOVE: usize = 3;
const SECONDS: usize = 4;
const REAP: usize = 5;
const HITCOUNT: usize = 6;
const RTTL: usize = 7;
const NAME: usize = 8;
const RSOURCE: usize = 9;
const RDEST: usize = 10;

/// The acts, of which one is taken.
const ACTS: &[&str] = &["set", "rcheck", "update", "remove"];

/// The lists of a namespace as files show them (`/proc/net/xt_recent/NAME`), by name: one line an address. The order
/// of lines is that in which addresses were added; Linux' depends on chance.
#[must_use]
pub fn proc_text(k: &Kernel, netns: NetnsId) -> BTreeMap<String, Vec<String>> {
    let lists = &k.netns[netns].nf.shared.recent;
    lists.iter().map(|(name, list)| (name.clone(), list.lines())).collect()
}

/// Writes to the file of a list: `+ADDRESS` adds one, `-ADDRESS` removes it, `/` removes all.
///
/// # Errors
/// There is no such file, or something else is written.
pub fn proc_write(k: &mut Kernel, netns: NetnsId, name: &str, text: &str) -> Result<(), Errno> {
    let now = k.now.jiffies();
    let list = k.netns[netns].nf.shared.recent.get_mut(name).ok_or(Errno::ENOENT)?;
    let line = text.split('\n').next().unwrap_or_default();
    let addr = |text: &str| text.parse::<IpAddr>().map_err(|_| Errno::EINVAL);
    match line.split_at_checked(1) {
        Some(("/", _)) => list.flush(),
        Some(("+", text)) => list.add(addr(text)?, now),
        Some(("-", text)) => list.remove_addr(addr(text)?),
        None if text.is_empty() => {}
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// The address under the mask.
fn masked(addr: IpAddr, mask: IpAddr) -> IpAddr {
    match (addr, mask) {
        (IpAddr::V4(addr), IpAddr::V4(mask)) => (addr & mask).into(),
        (IpAddr::V6(addr), IpAddr::V6(mask)) => (addr & mask).into(),
        _ => addr,
    }
}

impl Recent {
    fn write(&self, labels: [&str; 4], out: &mut String) {
        let label = match self.act {
            Some(Act::Set) => labels[0],
            Some(Act::Check) => labels[1],
            Some(Act::Update) => labels[2],
            Some(Act::Remove) => labels[3],
            None => "",
        };
        out.push_str(label);
    }

    /// How many times each address is remembered at least, less one; one less than a power of two.
    fn stamps_mask(&self) -> u32 {
        match self.hit_count {
            0 => 31,
            hits => hits.next_power_of_two() - 1,
        }
    }

    /// Judges the address at `now`, in jiffies.
    fn judge(&self, list: &mut List, addr: IpAddr, ttl: u8, now: u64) -> bool {
        let addr = masked(addr, list.mask());
        let Some(at) = list.find(addr, if self.ttl { ttl } else { 0 }) else {
            if self.act == Some(Act::Set) {
                list.insert(addr, ttl, now);
            }
            return (self.act == Some(Act::Set)) != self.invert;
        };
        // The product has 32 bits in the kernel, too.
        let since = now.saturating_sub((u64::from(self.seconds) * HZ) & u64::from(u32::MAX));
        let wanted = match self.act {
            Some(Act::Set) => true,
            Some(Act::Remove) => {
                list.remove(at);
                return !self.invert;
            }
            Some(Act::Check | Act::Update) | None => {
                let counts = |stamp: &&u64| self.seconds == 0 || **stamp >= since;
                let hits = list.stamps(at).iter().filter(counts).count();
                hits >= usize::try_from(self.hit_count.max(1)).unwrap_or(usize::MAX)
            }
        };
        let matched = wanted != self.invert;
        let update = self.act == Some(Act::Update) && matched;
        // The address that is about to be updated stays. If another one went, it was the first.
        let reaped = self.reap && !(update && at == 0) && list.reap(since);
        if self.act == Some(Act::Set) || update {
            list.update(at - usize::from(reaped), ttl, now);
        }
        matched
    }
}

impl Extension for Recent {
    const NAME: &'static str = "recent";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("set", Kind::None).invertible().excluding(ACTS),
        Opt::new("rcheck", Kind::None).invertible().excluding(ACTS),
        Opt::new("update", Kind::None).invertible().excluding(ACTS),
        Opt::new("remove", Kind::None).invertible().excluding(ACTS),
        Opt::new("seconds", Kind::U32(1, u32::MAX)),
        Opt::new("reap", Kind::None).requiring(&["seconds"]),
        Opt::new("hitcount", Kind::U32(0, u32::MAX)),
        Opt::new("rttl", Kind::None).excluding(&["set", "remove"]),
        Opt::new("name", Kind::Text(0, 0)),
        Opt::new("rsource", Kind::None),
        Opt::new("rdest", Kind::None),
        Opt::new("mask", Kind::Host),
    ];
    const HELP: &'static str = include_str!("help/recent.txt");

    fn new(family: AddressFamily) -> Self {
        let bits = match family {
            AddressFamily::Inet => 32,
            AddressFamily::Inet6 => 128,
        };
        Self {
            act: None,
            invert: false,
            seconds: 0,
            reap: false,
            hit_count: 0,
            ttl: false,
            name: "DEFAULT".to_owned(),
            destination: false,
            mask: value::mask_of(bits, family),
        }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.invert |= given.invert;
        let number = u32::try_from(given.value.number()).unwrap_or(u32::MAX);
        match given.index {
            SET => self.act = Some(Act::Set),
            RCHECK => self.act = Some(Act::Check),
            UPDATE => self.act = Some(Act::Update),
            REMOVE => self.act = Some(Act::Remove),
            SECONDS => self.seconds = number,
            REAP => self.reap = true,
            HITCOUNT => self.hit_count = number,
            RTTL => self.ttl = true,
            NAME => {
                let end = given.word.floor_char_boundary(MAX_NAME);
                given.word[..end].clone_into(&mut self.name);
            }
            RSOURCE => self.destination = false,
            RDEST => self.destination = true,
            _ => {
                if let Value::Host(mask) = given.value {
                    self.mask = mask;
                }
            }
        }
        Ok(())
    }

    fn check(&mut self, _: u64, _: &Context<'_>) -> Result<(), Problem> {
        if self.act.is_none() {
            return Err(Problem::parameter(
                "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'",
            ));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        out.push_str(if self.invert { " !" } else { "" });
        self.write([" --set", " --rcheck", " --update", " --remove"], out);
        let Self { seconds, hit_count, name, mask, .. } = self;
        // What does not fit into 31 bits is written as a negative number.
        if *seconds != 0 {
            write!(out, " --seconds {}", seconds.cast_signed()).expect("a string");
        }
        out.push_str(if self.reap { " --reap" } else { "" });
        if *hit_count != 0 {
            write!(out, " --hitcount {}", hit_count.cast_signed()).expect("a string");
        }
        out.push_str(if self.ttl { " --rttl" } else { "" });
        let side = if self.destination { "--rdest" } else { "--rsource" };
        write!(out, " --name {name} --mask {mask} {side}").expect("a string");
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(if self.invert { " ! recent:" } else { " recent:" });
        self.write([" SET", " CHECK", " UPDATE", " REMOVE"], out);
        let Self { seconds, hit_count, name, mask, .. } = self;
        if *seconds != 0 {
            write!(out, " seconds: {}", seconds.cast_signed()).expect("a string");
        }
        out.push_str(if self.reap { " reap" } else { "" });
        if *hit_count != 0 {
            write!(out, " hit_count: {}", hit_count.cast_signed()).expect("a string");
        }
        out.push_str(if self.ttl { " TTL-Match" } else { "" });
        let side = if self.destination { "dest" } else { "source" };
        write!(out, " name: {name} side: {side} mask: {mask}").expect("a string");
    }
}

impl MatchExtension for Recent {
    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        let plain = self.seconds == 0 && self.hit_count == 0 && !self.ttl && !self.reap;
        let modified = matches!(self.act, Some(Act::Set | Act::Remove)) && !plain;
        let bad_name = matches!(self.name.as_str(), "" | "." | "..") || self.name.contains('/');
        if modified || self.hit_count > MAX_HITS || bad_name {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    const SHARES: bool = true;

    fn attach(&self, shared: &mut Shared) -> Result<(), Errno> {
        let list = shared.recent.entry(self.name.clone()).or_insert_with(|| List::new(self.mask));
        list.attach(self.stamps_mask());
        Ok(())
    }

    fn detach(&self, shared: &mut Shared) {
        if let Some(list) = shared.recent.get_mut(&self.name)
            && list.detach()
        {
            shared.recent.remove(&self.name);
        }
    }

    fn matches(&self, k: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        let header = f.skb.network_header();
        let at = if self.destination { 16 } else { 12 };
        let addr = header.get(at..).and_then(<[u8]>::first_chunk::<4>);
        let (Some(addr), Some(ttl)) = (addr, header.get(8)) else { return Matched::No };
        // What is passed on counts with the time to live that it came with.
        let passed_on = seen.oif.is_some() && f.sk.is_none() && f.iif.is_some();
        let ttl = ttl.wrapping_add(u8::from(passed_on));
        let now = k.now.jiffies();
        let lists = &mut k.netns[f.netns].nf.shared.recent;
        let Some(list) = lists.get_mut(&self.name) else { return Matched::No };
        self.judge(list, Ipv4Addr::from(*addr).into(), ttl, now).into()
    }
}

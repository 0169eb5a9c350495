//! `recent`: addresses that were seen lately, in lists that rules share by name (`libxt_recent` revision 1,
//! `xt_recent`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::id::NetnsId;
use crate::kernel::{Flight, Kernel, SentBy};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style, Value,
};
use crate::netfilter::xtables::matches::recent_list::List;
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, Shared};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::{quote, value};
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
    let addr = |text| read_addr(text).ok_or(Errno::EINVAL);
    match line.split_at_checked(1) {
        Some(("/", _)) => list.flush(),
        Some(("+", text)) => list.add(addr(text)?, now),
        Some(("-", text)) => list.remove_addr(addr(text)?),
        None if text.is_empty() => {}
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// Reads an address as the kernel does: the numbers of IPv4 may begin with zeros (`in4_pton()`).
fn read_addr(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return text.parse().ok();
    }
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let number = |part: &str| if digits(part) { part.parse().ok() } else { None };
    let octets: Option<Vec<u8>> = text.split('.').map(number).collect();
    <[u8; 4]>::try_from(octets?).ok().map(IpAddr::from)
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
        let addr = value::masked(addr, list.mask());
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

    fn save(&self, style: Style, out: &mut String) {
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
        out.push_str(" --name");
        quote::word(name, style, out);
        write!(out, " --mask {mask} {side}").expect("a string");
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

    fn attach(&self, shared: &mut Shared, _: u64) -> Result<(), Errno> {
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
        // What is passed on counts with the time to live that it came with; whose sender has no socket is taken for
        // such a packet.
        let passed_on = seen.oif.is_some() && f.sk == SentBy::Nobody;
        let ttl = ttl.wrapping_add(u8::from(passed_on));
        let now = k.now.jiffies();
        let lists = &mut k.netns[f.netns].nf.shared.recent;
        let Some(list) = lists.get_mut(&self.name) else { return Matched::No };
        self.judge(list, Ipv4Addr::from(*addr).into(), ttl, now).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SimTime;

    const ADDR: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    /// A namespace with rules that use the list `DEFAULT`.
    fn bench(hit_counts: &[u32]) -> (Kernel, NetnsId, Recent) {
        let mut k = Kernel::new(1);
        let netns = k.add_netns();
        let mut rule = Recent::new(AddressFamily::Inet);
        rule.act = Some(Act::Set);
        for hits in hit_counts {
            let rule = Recent { hit_count: *hits, ..rule.clone() };
            rule.attach(&mut k.netns[netns].nf.shared, 0).unwrap();
        }
        (k, netns, rule)
    }

    fn list(k: &mut Kernel, netns: NetnsId) -> &mut List {
        k.netns[netns].nf.shared.recent.get_mut("DEFAULT").unwrap()
    }

    fn lines(k: &Kernel, netns: NetnsId) -> Vec<String> {
        proc_text(k, netns).remove("DEFAULT").unwrap()
    }

    /// `/proc/net/xt_recent/DEFAULT` of Linux 6.18 after 35 packets, the second with another time to live.
    #[test]
    fn a_file_shows_when_an_address_was_seen_the_last_32_times() {
        let times = "4298917762 4298917763 4298917765 4298917767 4298917768 4298917770 4298917771 4298917772 \
             4298917774 4298917775 4298917777 4298917778 4298917779 4298917781 4298917782 4298917783 \
             4298917784 4298917787 4298917788 4298917789 4298917791 4298917793 4298917794 4298917795 \
             4298917797 4298917798 4298917799 4298917801 4298917802 4298917804 4298917805 4298917806 \
             4298917809 4298917810 4298917811";
        let shown = [
            (1, "src=10.0.0.2 ttl: 64 last_seen: 4298917762 oldest_pkt: 1 4298917762"),
            (2, "src=10.0.0.2 ttl: 60 last_seen: 4298917763 oldest_pkt: 2 4298917762, 4298917763"),
            (
                33,
                "src=10.0.0.2 ttl: 64 last_seen: 4298917809 oldest_pkt: 1 4298917809, 4298917763, 4298917765, \
                 4298917767, 4298917768, 4298917770, 4298917771, 4298917772, 4298917774, 4298917775, \
                 4298917777, 4298917778, 4298917779, 4298917781, 4298917782, 4298917783, 4298917784, \
                 4298917787, 4298917788, 4298917789, 4298917791, 4298917793, 4298917794, 4298917795, \
                 4298917797, 4298917798, 4298917799, 4298917801, 4298917802, 4298917804, 4298917805, \
                 4298917806",
            ),
            (
                35,
                "src=10.0.0.2 ttl: 64 last_seen: 4298917811 oldest_pkt: 3 4298917809, 4298917810, 4298917811, \
                 4298917767, 4298917768, 4298917770, 4298917771, 4298917772, 4298917774, 4298917775, \
                 4298917777, 4298917778, 4298917779, 4298917781, 4298917782, 4298917783, 4298917784, \
                 4298917787, 4298917788, 4298917789, 4298917791, 4298917793, 4298917794, 4298917795, \
                 4298917797, 4298917798, 4298917799, 4298917801, 4298917802, 4298917804, 4298917805, \
                 4298917806",
            ),
        ];
        let (mut k, netns, rule) = bench(&[0]);
        for (n, time) in (1..).zip(times.split_whitespace()) {
            let ttl = if n == 2 { 60 } else { 64 };
            rule.judge(list(&mut k, netns), ADDR.into(), ttl, time.parse().unwrap());
            for (_, line) in shown.iter().filter(|(at, _)| *at == n) {
                assert_eq!(lines(&k, netns), [*line]);
            }
        }
    }

    /// As Linux 6.18 took it, one write after the other; what is left is shown as the beginnings of lines.
    #[test]
    fn writing_to_the_file_adds_and_removes_addresses() {
        let (mut k, netns, _) = bench(&[0]);
        proc_write(&mut k, netns, "DEFAULT", "+10.0.0.2\n").unwrap();
        k.now = SimTime::from_millis(8);
        let v6 = "0000:0000:0000:0000:0000:0000:0000:0001";
        for (text, answer, left) in [
            ("+10.0.0.9\n", Ok(()), &["10.0.0.2", "10.0.0.9"][..]),
            ("+10.0.0.9", Ok(()), &["10.0.0.2", "10.0.0.9"]),
            ("-10.0.0.9\n", Ok(()), &["10.0.0.2"]),
            ("-10.0.0.77\n", Ok(()), &["10.0.0.2"]),
            ("x", Err(Errno::EINVAL), &["10.0.0.2"]),
            ("+x", Err(Errno::EINVAL), &["10.0.0.2"]),
            ("+10.0.0\n", Err(Errno::EINVAL), &["10.0.0.2"]),
            ("+10.0.0.256\n", Err(Errno::EINVAL), &["10.0.0.2"]),
            ("+010.0.0.1\n", Ok(()), &["10.0.0.2", "10.0.0.1"]),
            ("+10.0.0.8 \n", Err(Errno::EINVAL), &["10.0.0.2", "10.0.0.1"]),
            ("+::1\n", Ok(()), &["10.0.0.2", "10.0.0.1", v6]),
            ("+10.0.0.5\n+10.0.0.6\n", Ok(()), &["10.0.0.2", "10.0.0.1", v6, "10.0.0.5"]),
            ("", Ok(()), &["10.0.0.2", "10.0.0.1", v6, "10.0.0.5"]),
            ("+", Err(Errno::EINVAL), &["10.0.0.2", "10.0.0.1", v6, "10.0.0.5"]),
            ("/\n", Ok(()), &[]),
        ] {
            assert_eq!(proc_write(&mut k, netns, "DEFAULT", text), answer, "{text}");
            let lines = lines(&k, netns);
            let addrs: Vec<&str> =
                lines.iter().map(|line| line[4..].split(' ').next().unwrap()).collect();
            assert_eq!(addrs, left, "{text}");
        }
        assert_eq!(proc_write(&mut k, netns, "nosuch", "/"), Err(Errno::ENOENT));
    }

    #[test]
    fn a_rule_that_needs_more_times_empties_the_list() {
        let (mut k, netns, rule) = bench(&[0]);
        rule.judge(list(&mut k, netns), ADDR.into(), 64, 5);
        for (hits, left) in [(20, 1), (40, 0)] {
            let further = Recent { hit_count: hits, ..rule.clone() };
            further.attach(&mut k.netns[netns].nf.shared, 0).unwrap();
            assert_eq!(lines(&k, netns).len(), left, "{hits}");
        }
    }

    #[test]
    fn a_list_goes_with_the_last_rule_that_uses_it() {
        let (mut k, netns, rule) = bench(&[0, 0]);
        rule.detach(&mut k.netns[netns].nf.shared);
        assert_eq!(proc_text(&k, netns).len(), 1);
        rule.detach(&mut k.netns[netns].nf.shared);
        assert_eq!(proc_text(&k, netns).len(), 0);
    }

    #[test]
    fn the_mask_of_the_first_rule_holds_for_all() {
        let (mut k, netns, rule) = bench(&[]);
        let first = Recent { mask: Ipv4Addr::new(255, 255, 255, 0).into(), ..rule.clone() };
        first.attach(&mut k.netns[netns].nf.shared, 0).unwrap();
        rule.attach(&mut k.netns[netns].nf.shared, 0).unwrap();
        for (at, addr) in [(830, "10.0.0.2"), (832, "10.0.0.3"), (833, "10.0.1.3")] {
            rule.judge(list(&mut k, netns), addr.parse().unwrap(), 64, at);
        }
        assert_eq!(
            lines(&k, netns),
            [
                "src=10.0.0.0 ttl: 64 last_seen: 832 oldest_pkt: 2 830, 832",
                "src=10.0.1.0 ttl: 64 last_seen: 833 oldest_pkt: 1 833",
            ]
        );
    }

    #[test]
    fn the_address_that_was_not_seen_for_longest_makes_place() {
        let (mut k, netns, rule) = bench(&[0]);
        for n in 1..=101_u8 {
            rule.judge(list(&mut k, netns), Ipv4Addr::new(10, 1, 0, n).into(), 64, n.into());
        }
        let has = |k: &Kernel, addr: &str| lines(k, netns).iter().any(|l| l.contains(addr));
        assert_eq!((lines(&k, netns).len(), has(&k, "10.1.0.1 ")), (100, false));
        for addr in ["10.1.0.2", "10.2.0.1"] {
            rule.judge(list(&mut k, netns), addr.parse().unwrap(), 64, 200);
        }
        assert_eq!((has(&k, "10.1.0.2 "), has(&k, "10.1.0.3 ")), (true, false));
    }
}

//! Rules as text: the words that make them (`print_rule4()`), and the lines of `iptables -L` (`print_firewall()`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::family::AddressFamily;
use crate::libc::hosts;
use crate::netfilter::xtables::extension::Style;
use crate::netfilter::xtables::matches::read_back;
use crate::netfilter::xtables::rule::{Action, AddrMask, IfName, IpRule, Rule};
use crate::netfilter::xtables::table::{Counters, Variant};
use crate::netfilter::xtables::value::{mask_len, protocol_name};

/// How rules are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listing {
    /// `-n`: addresses and ports as numbers.
    pub numeric: bool,
    /// `-v`: counters and devices too.
    pub verbose: bool,
    /// `-x`: counters in full.
    pub exact: bool,
    /// `--line-numbers`.
    pub line_numbers: bool,
}

/// The text of a rule.
#[derive(Debug)]
pub struct Printer<'a> {
    /// IPv4 or IPv6.
    pub family: AddressFamily,
    /// The engine, whose tools leave out what makes no difference to it; nothing is left out if it is none.
    pub variant: Option<Variant>,
    /// What is written so far.
    pub out: &'a mut String,
}

/// What a rule does, in one word; empty if it only counts.
fn action_name<'a, C>(action: &'a Action<C>, chain_name: impl Fn(&'a C) -> &'a str) -> &'a str {
    match action {
        Action::None => "",
        Action::Accept => "ACCEPT",
        Action::Drop => "DROP",
        Action::Return => "RETURN",
        Action::Jump(chain) | Action::Goto(chain) => chain_name(chain),
        Action::Target(target) => target.name(),
    }
}

/// The same, as lists have it.
fn listed_name<'a, C>(action: &'a Action<C>, chain_name: impl Fn(&'a C) -> &'a str) -> &'a str {
    match action {
        Action::Target(target) => target.listed(),
        Action::None
        | Action::Accept
        | Action::Drop
        | Action::Return
        | Action::Jump(_)
        | Action::Goto(_) => action_name(action, chain_name),
    }
}

/// An address as `inet_ntop(3)` writes it.
pub(crate) fn ntop(addr: IpAddr) -> String {
    match addr {
        IpAddr::V6(v6) if v6.segments()[..6] == [0; 6] && v6.segments()[6] != 0 => {
            format!("::{}", Ipv4Addr::from(low_bits(v6)))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => addr.to_string(),
    }
}

fn low_bits(addr: Ipv6Addr) -> u32 {
    u32::try_from(u128::from(addr) & u128::from(u32::MAX)).expect("32 bits")
}

impl Printer<'_> {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a string takes everything");
    }

    /// Writes the words that make `rule` in a chain, the chain not among them; with counters as `-c` takes them
    /// if there are any.
    pub fn save<'a, C>(
        &mut self,
        rule: &'a Rule<C>,
        counters: Option<Counters>,
        chain_name: impl Fn(&'a C) -> &'a str,
    ) {
        let quoted = self.variant.is_none();
        let style = Style { family: self.family, numeric: true, quoted };
        self.save_ip(&rule.ip);
        for m in read_back(&rule.matches, self.variant).iter() {
            self.put(format_args!(" -m {}", m.name()));
            m.save(style, self.out);
        }
        if let Some(Counters { packets, bytes }) = counters {
            self.put(format_args!(" -c {packets} {bytes}"));
        }
        let name = action_name(&rule.action, chain_name);
        match &rule.action {
            Action::None => {}
            Action::Goto(_) => self.put(format_args!(" -g {name}")),
            Action::Target(target) => {
                self.put(format_args!(" -j {name}"));
                target.save(style, self.out);
            }
            Action::Accept | Action::Drop | Action::Return | Action::Jump(_) => {
                self.put(format_args!(" -j {name}"));
            }
        }
    }

    fn save_ip(&mut self, ip: &IpRule) {
        self.save_addr('s', ip.src);
        self.save_addr('d', ip.dst);
        self.save_iface('i', ip.iif.as_ref());
        self.save_iface('o', ip.oif.as_ref());
        if let Some((proto, invert)) = ip.proto {
            self.invert(invert);
            match protocol_name(proto, true) {
                Some(name) => self.put(format_args!(" -p {name}")),
                None => self.put(format_args!(" -p {proto}")),
            }
        }
        if let Some(is_fragment) = ip.fragment {
            self.invert(!is_fragment);
            self.out.push_str(" -f");
        }
    }

    fn invert(&mut self, invert: bool) {
        if invert {
            self.out.push_str(" !");
        }
    }

    fn save_addr(&mut self, letter: char, addr: Option<AddrMask>) {
        let Some(AddrMask { addr, mask, invert }) = addr else { return };
        self.invert(invert);
        self.put(format_args!(" -{letter} {}", ntop(addr)));
        match mask_len(mask) {
            Some(len) => self.put(format_args!("/{len}")),
            None => self.put(format_args!("/{}", ntop(mask))),
        }
    }

    fn save_iface(&mut self, letter: char, name: Option<&IfName>) {
        let Some(IfName { name, wildcard, invert }) = name else { return };
        // A lone plus sign: all names. Only `nf_tables` can tell its opposite from nothing.
        let is_left_out = match self.variant {
            None => false,
            Some(Variant::Legacy) => true,
            Some(Variant::Nft) => !invert,
        };
        if name.is_empty() && is_left_out {
            return;
        }
        self.invert(*invert);
        let plus = if *wildcard { "+" } else { "" };
        // The real tools do not quote it.
        let quote = if self.variant.is_none() && name.contains(' ') { "\"" } else { "" };
        self.put(format_args!(" -{letter} {quote}{name}{plus}{quote}"));
    }

    /// Writes the heading of a chain's columns.
    pub fn list_heading(&mut self, how: Listing) {
        if how.line_numbers {
            self.put(format_args!("{:<4} ", "num"));
        }
        match (how.verbose, how.exact) {
            (false, _) => {}
            (true, false) => self.put(format_args!("{:>5} {:>5} ", "pkts", "bytes")),
            (true, true) => self.put(format_args!("{:>8} {:>10} ", "pkts", "bytes")),
        }
        self.put(format_args!("{:<9}  prot opt", "target"));
        if how.verbose {
            self.put(format_args!(" {:<6} {:<6} ", "in", "out"));
        }
        self.put(format_args!(" {:<19}  {:<19} \n", "source", "destination"));
    }

    /// Writes a counter as wide as a column, with an empty one behind it (`xtables_print_num()`).
    pub fn list_count(&mut self, count: u64, how: Listing) {
        if how.exact {
            self.put(format_args!("{count:>8} "));
        } else {
            self.put(format_args!("{:>5} ", short(count)));
        }
    }

    /// Writes a counter where no columns are.
    pub fn count(&mut self, count: u64, how: Listing) {
        if how.exact {
            self.put(format_args!("{count}"));
        } else {
            self.put(format_args!("{}", short(count)));
        }
    }

    /// Writes the line of a rule; `number` counts from 1.
    pub fn list<'a, C>(
        &mut self,
        rule: &'a Rule<C>,
        (number, counters): (usize, Counters),
        how: Listing,
        chain_name: impl Fn(&'a C) -> &'a str,
    ) {
        if how.line_numbers {
            self.put(format_args!("{number:<4} "));
        }
        if how.verbose {
            self.list_count(counters.packets, how);
            self.list_count(counters.bytes, how);
        }
        self.put(format_args!("{:<9} ", listed_name(&rule.action, chain_name)));
        let ip = &rule.ip;
        let (proto, invert) = ip.proto.unwrap_or_default();
        self.mark(invert);
        match protocol_name(proto, !how.numeric).filter(|_| !how.numeric) {
            Some(name) => self.put(format_args!("{name:<4} ")),
            None => self.put(format_args!("{proto:<4} ")),
        }
        self.list_fragment(ip);
        if how.verbose {
            let (iif, oif) = (iface(ip.iif.as_ref(), how), iface(ip.oif.as_ref(), how));
            self.put(format_args!(" {iif:<6} {oif:<6} "));
        }
        for addr in [ip.src, ip.dst] {
            self.mark(addr.is_some_and(|addr| addr.invert));
            let text = self.listed_addr(addr, how.numeric);
            self.put(format_args!("{text:<19} "));
        }
        self.list_rest(rule, how.numeric);
    }

    /// Writes the line that `-v` shows of a rule that comes or goes.
    pub fn tell<'a, C>(&mut self, rule: &'a Rule<C>, chain_name: impl Fn(&'a C) -> &'a str) {
        let how = Listing { numeric: true, ..Listing::default() };
        self.put(format_args!("{} ", listed_name(&rule.action, chain_name)));
        let ip = &rule.ip;
        let (proto, invert) = ip.proto.unwrap_or_default();
        self.mark(invert);
        match protocol_name(proto, false) {
            Some(name) => self.put(format_args!("{name} ")),
            None => self.put(format_args!("{proto} ")),
        }
        self.out.push_str("opt ");
        self.list_fragment(ip);
        let (iif, oif) = (iface(ip.iif.as_ref(), how), iface(ip.oif.as_ref(), how));
        self.put(format_args!("in {iif} out {oif} "));
        self.mark(ip.src.is_some_and(|addr| addr.invert));
        let src = self.listed_addr(ip.src, true);
        self.put(format_args!("{src} "));
        self.mark(ip.dst.is_some_and(|addr| addr.invert));
        let dst = self.listed_addr(ip.dst, true);
        self.put(format_args!("-> {dst}  "));
        self.list_rest(rule, true);
    }

    fn mark(&mut self, invert: bool) {
        self.out.push(if invert { '!' } else { ' ' });
    }

    fn list_fragment(&mut self, ip: &IpRule) {
        self.out.push_str(match ip.fragment {
            None => "-- ",
            Some(true) => "-f ",
            Some(false) => "!f ",
        });
    }

    fn list_rest<C>(&mut self, rule: &Rule<C>, numeric: bool) {
        let style = Style { family: self.family, numeric, quoted: false };
        if matches!(rule.action, Action::Goto(_)) {
            self.out.push_str("[goto] ");
        }
        for m in read_back(&rule.matches, self.variant).iter() {
            m.print(style, self.out);
        }
        if let Action::Target(target) = &rule.action {
            target.print(style, self.out);
        }
        self.out.push('\n');
    }

    /// An address with its mask; by name if it has one and `numeric` is not set.
    fn listed_addr(&self, addr: Option<AddrMask>, numeric: bool) -> String {
        let all = match self.family {
            AddressFamily::Inet => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            AddressFamily::Inet6 => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let (addr, mask) = addr.map_or((all, all), |addr| (addr.addr, addr.mask));
        let is_anywhere = match self.family {
            AddressFamily::Inet => mask.is_unspecified(),
            AddressFamily::Inet6 => addr.is_unspecified(),
        };
        if is_anywhere && !numeric {
            return "anywhere".to_owned();
        }
        let name = hosts::name_of(addr).filter(|_| !numeric);
        let text = name.map_or_else(|| ntop(addr), str::to_owned);
        match (mask_len(mask), mask) {
            (Some(32), IpAddr::V4(_)) | (Some(128), IpAddr::V6(_)) => text,
            (Some(len), _) => format!("{text}/{len}"),
            (None, mask) => format!("{text}/{}", ntop(mask)),
        }
    }
}

/// A device's name in a list.
fn iface(name: Option<&IfName>, how: Listing) -> String {
    match name {
        None if how.numeric => "*".to_owned(),
        None => "any".to_owned(),
        Some(IfName { name, wildcard, invert }) => {
            let (mark, plus) = (if *invert { "!" } else { "" }, if *wildcard { "+" } else { "" });
            format!("{mark}{name}{plus}")
        }
    }
}

/// A number in at most five columns.
fn short(mut number: u64) -> String {
    if number <= 99_999 {
        return number.to_string();
    }
    for unit in ["K", "M", "G"] {
        number = (number + 500) / 1000;
        if number <= 9999 {
            return format!("{number}{unit}");
        }
    }
    format!("{}T", (number + 500) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `xtables_print_num()` rounds: seen with `iptables -A INPUT -c N N` and `-L -v`.
    #[test]
    fn a_great_number_is_rounded_to_its_unit() {
        for (number, text) in [
            (99_999, "99999"),
            (100_000, "100K"),
            (9_999_499, "9999K"),
            (9_999_500, "10M"),
            (u64::from(u32::MAX), "4295M"),
            (99_999_999_999_999, "100T"),
        ] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn addresses_are_written_as_the_c_library_writes_them() {
        for text in ["::1.2.3.4", "::ffff:1.2.3.4", "::1", "::", "fe80::1", "1::2:0:0:3"] {
            assert_eq!(ntop(text.parse().unwrap()), text);
        }
    }
}

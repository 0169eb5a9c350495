//! What the targets that translate have in common: addresses and ports to choose from, in words (`libxt_NAT`).

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::family::AddressFamily;
use crate::libc::services::{self, Transport};
use crate::netfilter::nat::NatRange;
use crate::netfilter::xtables::extension::{Context, Given, Problem};
use crate::netfilter::xtables::value::leading_number;
use crate::packet::IpProto;

/// Whether the rule's protocol has what `--to` calls a port. `! -p tcp` passes: nobody looks for the `!`.
fn has_ports(cx: &Context<'_>) -> bool {
    cx.proto.is_some_and(|(proto, _)| {
        matches!(
            IpProto(proto),
            IpProto::TCP | IpProto::UDP | IpProto::SCTP | IpProto::DCCP | IpProto::ICMP
        )
    })
}

/// Reads one option of `SNAT`, `DNAT`, `MASQUERADE` or `REDIRECT`.
pub(super) fn read(
    range: &mut NatRange,
    given: &Given<'_>,
    cx: &Context<'_>,
) -> Result<(), Problem> {
    match given.name {
        "to-source" | "to-destination" => read_to(range, given.word, cx),
        "to-ports" => read_ports(range, given.word, cx),
        "random" => {
            range.random = true;
            Ok(())
        }
        "random-fully" => {
            range.random_fully = true;
            Ok(())
        }
        _ => {
            range.persistent = true;
            Ok(())
        }
    }
}

/// Reads `[ADDR[-ADDR]][:PORTS]`; IPv6 addresses with ports stand in brackets (`parse_to()`).
fn read_to(range: &mut NatRange, word: &str, cx: &Context<'_>) -> Result<(), Problem> {
    let (addrs, ports) = match word.split_once('[') {
        Some((_, inside)) => {
            let bracketed = inside.split_once(']').filter(|_| cx.family != AddressFamily::Inet);
            let Some((addrs, behind)) = bracketed else {
                return Err(Problem::parameter("Invalid address format"));
            };
            (addrs, behind.split_once(':').map(|(_, ports)| ports))
        }
        // With more than one colon it is an IPv6 address.
        None if word.matches(':').count() == 1 => match word.split_once(':') {
            Some((addrs, ports)) => (addrs, Some(ports)),
            None => (word, None),
        },
        None => (word, None),
    };
    if let Some(ports) = ports {
        read_ports(range, ports, cx)?;
        // `:80` and `[]:80` have no address. Any two characters pass for the brackets.
        if matches!(word.len() - ports.len() - ":".len(), 0 | 2) {
            return Ok(());
        }
    }
    let (min, max) = addrs.split_once('-').map_or((addrs, None), |(min, max)| (min, Some(max)));
    let min = read_addr(min, cx)?;
    range.addrs = Some((min, max.map_or(Ok(min), |max| read_addr(max, cx))?));
    Ok(())
}

fn read_addr(word: &str, cx: &Context<'_>) -> Result<IpAddr, Problem> {
    let addr = word
        .parse()
        .ok()
        .filter(|addr: &IpAddr| addr.is_ipv4() == (cx.family == AddressFamily::Inet));
    addr.ok_or_else(|| Problem::Parameter(format!("Bad IP address \"{word}\"")))
}

/// Reads `PORT[-PORT[/PORT]]`; all but the middle one may be the name of a service (`parse_ports()`).
fn read_ports(range: &mut NatRange, word: &str, cx: &Context<'_>) -> Result<(), Problem> {
    if !has_ports(cx) {
        let text = "Need TCP, UDP, SCTP or DCCP with port specification";
        return Err(Problem::parameter(text));
    }
    let invalid = |word: &str| Problem::Parameter(format!("Port `{word}' not valid"));
    let (port, rest) = match number(word) {
        Some(read) => read,
        None => (service(word).ok_or_else(|| invalid(word))?, ""),
    };
    range.ports = Some((port, port));
    let Some(end) = rest.strip_prefix('-') else {
        return match rest.chars().next() {
            None => Ok(()),
            Some(':') => Err(Problem::parameter("Invalid port:port syntax - use dash")),
            Some(_) => Err(Problem::Parameter(format!("Garbage after port value: `{rest}'"))),
        };
    };
    let (last, rest) = number(end).ok_or_else(|| invalid(end))?;
    if last < port {
        return Err(Problem::Parameter(format!("Port range `{end}' funky")));
    }
    range.ports = Some((port, last));
    let Some(base) = rest.strip_prefix('/') else {
        let garbage = || Problem::Parameter(format!("Garbage after port range: `{rest}'"));
        return if rest.is_empty() { Ok(()) } else { Err(garbage()) };
    };
    // What stands behind the number is not looked at.
    let number = number(base).map(|(port, _)| port).filter(|port| *port > 0);
    range.base = Some(number.or_else(|| service(base)).ok_or_else(|| invalid(base))?);
    Ok(())
}

/// The port that a word begins with, and the rest of the word.
fn number(word: &str) -> Option<(u16, &str)> {
    let (value, rest) = leading_number(word)?;
    Some((u16::try_from(value).ok()?, rest))
}

/// The port of a service, of whatever protocol (`xtables_service_to_port()`).
fn service(name: &str) -> Option<u16> {
    services::port(name, Transport::Tcp).or_else(|| services::port(name, Transport::Udp))
}

/// How a target's range is written.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// What stands before the range, a space included.
    pub(super) before: &'static str,
    /// What stands before each flag.
    pub(super) flag: &'static str,
    /// The ports stand without their colon where there is no address.
    pub(super) ports_alone: bool,
}

/// Writes a range (`__NAT_print()`).
pub(super) fn write(range: &NatRange, words: Words, out: &mut String) {
    let text = text(range);
    if !text.is_empty() {
        let text = if words.ports_alone { text.strip_prefix(':').unwrap_or(&text) } else { &text };
        out.push_str(words.before);
        out.push_str(text);
    }
    let flags = [
        (range.random, "random"),
        (range.random_fully, "random-fully"),
        (range.persistent, "persistent"),
    ];
    for (_, name) in flags.into_iter().filter(|(is_set, _)| *is_set) {
        write!(out, " {}{name}", words.flag).expect("a string takes everything");
    }
}

/// The addresses and ports of a range (`sprint_range()`).
fn text(range: &NatRange) -> String {
    let mut out = String::new();
    if let Some((min, max)) = range.addrs {
        let (open, close) =
            if min.is_ipv6() && range.ports.is_some() { ("[", "]") } else { ("", "") };
        write!(out, "{open}{min}").expect("a string takes everything");
        if min != max {
            write!(out, "-{max}").expect("a string takes everything");
        }
        out.push_str(close);
    }
    if let Some((min, max)) = range.ports {
        write!(out, ":{min}").expect("a string takes everything");
        if min != max {
            write!(out, "-{max}").expect("a string takes everything");
        }
        if let Some(base) = range.base {
            write!(out, "/{base}").expect("a string takes everything");
        }
    }
    out
}

/// What the old form of a target keeps of a range: that ports keep their distance, but not from which one
/// (`struct nf_nat_ipv4_multi_range_compat`).
pub(super) fn forget_base(range: &mut NatRange) {
    range.base = range.base.map(|_| 0);
}

/// Refuses a range whose ports keep their distance (`DNAT_fcheck()`).
pub(super) fn refuse_base(range: &NatRange) -> Result<(), Problem> {
    if range.base.is_some() {
        let text = "Shifted portmap ranges not supported with this kernel";
        return Err(Problem::parameter(text));
    }
    Ok(())
}

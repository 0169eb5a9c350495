//! Policy rules (`RTM_NEWRULE`, `RTM_DELRULE`; `net/core/fib_rules.c`).

use ipnet::IpNet;

use crate::errno::Errno;
use crate::family::{Family as _, V4};
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::netlink::NetlinkError;
use crate::netlink::request::{RuleAction, RuleSpec};
use crate::route::fib::{Fib, RT_TABLE_MAIN, Rule};
use crate::trace::Observer;

type Net = <V4 as crate::family::Family>::Net;

/// `IPTOS_TOS_MASK`: what a rule may say about the type of service.
const TOS_MASK: u8 = 0x1e;
/// The two bits of explicit congestion notification.
const ECN_MASK: u8 = 0x03;

/// Adds one (`fib_nl_newrule()`).
///
/// # Errors
///
/// The kernel's refusal.
pub fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &RuleSpec,
    _: &mut O,
) -> Result<(), NetlinkError> {
    let fib = &mut k.netns[netns].ipv4.fib;
    let rule = parse(fib, spec)?;
    if fib.rules.to_vec().iter().any(|r| is_twin(r, &rule)) {
        return Err(Errno::EEXIST.into());
    }
    let rules = fib.rules_mut();
    let behind = rules.partition_point(|r| r.priority <= rule.priority);
    rules.insert(behind, rule.clone());
    rtnl::rule(k, netns, &rule, Change::New);
    Ok(())
}

/// Reads what a request says (`fib_nl2rule()`, `fib4_rule_configure()`).
fn parse(fib: &Fib<V4>, spec: &RuleSpec) -> Result<Rule<V4>, NetlinkError> {
    let priority = check(fib, spec)?;
    if spec.tos & ECN_MASK != 0 {
        return refuse("Invalid dsfield (tos): ECN bits must be 0");
    }
    if spec.tos & !TOS_MASK != 0 {
        return refuse("Invalid tos");
    }
    let action = if spec.action == RuleAction::Unspecified {
        RuleAction::Lookup(RT_TABLE_MAIN)
    } else if spec.action == RuleAction::Lookup(0) {
        RuleAction::Lookup(fib.unused_table())
    } else {
        spec.action
    };
    Ok(Rule {
        priority,
        not: spec.not,
        from: prefix(spec.from)?.unwrap_or(V4::ALL),
        to: prefix(spec.to)?.unwrap_or(V4::ALL),
        iif: spec.iif,
        oif: spec.oif,
        fwmark: spec.fwmark.unwrap_or((0, 0)),
        tos: spec.tos,
        ipproto: spec.ipproto.unwrap_or(0),
        sport: spec.sport,
        dport: spec.dport,
        uidrange: spec.uidrange,
        action,
        suppress_prefixlength: spec.suppress_prefixlength,
        suppress_ifgroup: spec.suppress_ifgroup,
        protocol: spec.protocol.unwrap_or(0),
    })
}

/// What additions and deletions have to keep to; returns the preference that holds
/// (`fib_nl2rule()`).
fn check(fib: &Fib<V4>, spec: &RuleSpec) -> Result<u32, NetlinkError> {
    let priority = spec.priority.unwrap_or_else(|| fib.rules.next_priority());
    if matches!(spec.action, RuleAction::Goto(target) if target <= priority) {
        return refuse("Backward goto not supported");
    }
    if spec.uidrange.is_some_and(|(first, last)| first > last) {
        return refuse("Invalid uid range");
    }
    for (range, text) in [(spec.sport, "Invalid sport range"), (spec.dport, "Invalid dport range")]
    {
        if range.is_some_and(|(first, last)| first == 0 || last == u16::MAX || first > last) {
            return refuse(text);
        }
    }
    Ok(priority)
}

fn refuse<T>(text: &'static str) -> Result<T, NetlinkError> {
    Err(NetlinkError::with_message(Errno::EINVAL, text))
}

fn prefix(net: Option<IpNet>) -> Result<Option<Net>, NetlinkError> {
    let Some(net) = net else { return Ok(None) };
    let written = V4::written(net).ok_or_else(|| {
        NetlinkError::with_message(Errno::EOPNOTSUPP, "IPv6 rules are not modelled")
    })?;
    Ok(Some(written))
}

/// Whether both have the same action: where a goto leads is not compared.
fn same_action(a: RuleAction, b: RuleAction) -> bool {
    matches!((a, b), (RuleAction::Goto(_), RuleAction::Goto(_))) || a == b
}

/// Whether `new` would stand beside a rule of the same selector, action and preference
/// (`rule_exists()`). Inversion is not compared, and an unlimited prefix of the new one fits any.
fn is_twin(old: &Rule<V4>, new: &Rule<V4>) -> bool {
    let fits = |new: Net, old: Net| new.prefix_len() == 0 || new == old;
    same_action(old.action, new.action)
        && old.priority == new.priority
        && old.iif == new.iif
        && old.oif == new.oif
        && old.fwmark == new.fwmark
        && old.suppress_ifgroup == new.suppress_ifgroup
        && old.suppress_prefixlength == new.suppress_prefixlength
        && old.uidrange == new.uidrange
        && old.ipproto == new.ipproto
        && old.protocol == new.protocol
        && old.sport == new.sport
        && old.dport == new.dport
        && (new.tos == 0 || old.tos == new.tos)
        && fits(new.from, old.from)
        && fits(new.to, old.to)
}

/// Removes the first one that fits (`fib_nl_delrule()`).
///
/// # Errors
///
/// The kernel's refusal.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &RuleSpec,
    _: &mut O,
) -> Result<(), NetlinkError> {
    check(&k.netns[netns].ipv4.fib, spec)?;
    let (from, to) = (prefix(spec.from)?, prefix(spec.to)?);
    let fib = &mut k.netns[netns].ipv4.fib;
    let rules = fib.rules.to_vec();
    let at = rules.iter().position(|r| fits(r, spec, from, to)).ok_or(Errno::ENOENT)?;
    // Only a change that succeeds parts `local` from `main`.
    let gone = fib.rules_mut().remove(at);
    rtnl::rule(k, netns, &gone, Change::Deleted);
    Ok(())
}

/// Whether `wish`, if it says something, says `value`.
fn agrees<T: PartialEq>(wish: Option<T>, value: T) -> bool {
    wish.is_none_or(|wish| wish == value)
}

/// Whether the rule is as the request says, where it says something (`rule_find()`).
fn fits(rule: &Rule<V4>, spec: &RuleSpec, from: Option<Net>, to: Option<Net>) -> bool {
    let (mark, mask) = spec.fwmark.unwrap_or((0, 0));
    let limited = |net: Option<Net>| net.filter(|n| n.prefix_len() > 0);
    (spec.action == RuleAction::Unspecified || same_action(rule.action, spec.action))
        && agrees(spec.priority, rule.priority)
        && (spec.iif.is_none() || rule.iif == spec.iif)
        && (spec.oif.is_none() || rule.oif == spec.oif)
        && (mark == 0 || mark == rule.fwmark.0)
        && (mask == 0 || mask == rule.fwmark.1)
        && (spec.suppress_ifgroup.is_none() || rule.suppress_ifgroup == spec.suppress_ifgroup)
        && (spec.suppress_prefixlength.is_none()
            || rule.suppress_prefixlength == spec.suppress_prefixlength)
        && (spec.uidrange.is_none() || rule.uidrange == spec.uidrange)
        && agrees(spec.ipproto.filter(|p| *p != 0), rule.ipproto)
        && agrees(spec.protocol.filter(|p| *p != 0), rule.protocol)
        && (spec.sport.is_none() || rule.sport == spec.sport)
        && (spec.dport.is_none() || rule.dport == spec.dport)
        && (spec.tos == 0 || rule.tos == spec.tos)
        && agrees(limited(from), rule.from)
        && agrees(limited(to), rule.to)
}

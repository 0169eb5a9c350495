//! `ip rule add` and `delete`.

use super::{Command, Line, NoCommand, protocol, table};
use crate::netlink::request::{RuleAction, RuleSpec};

pub(super) fn add(spec: &RuleSpec) -> Result<Command, NoCommand> {
    if spec.action == RuleAction::Unspecified {
        return Err(NoCommand("a rule without an action"));
    }
    line("add", spec)
}

pub(super) fn del(spec: &RuleSpec) -> Result<Command, NoCommand> {
    if *spec == RuleSpec::default() {
        return Err(NoCommand("the removal of any rule at all"));
    }
    line("del", spec)
}

fn line(verb: &str, spec: &RuleSpec) -> Result<Command, NoCommand> {
    if spec.suppress_prefixlength.is_some_and(|len| i32::try_from(len).is_err())
        || spec.suppress_ifgroup.is_some_and(|group| i32::try_from(group).is_err())
    {
        return Err(NoCommand("a suppressor of more than 31 bits"));
    }
    let ports = |range: Option<(u16, u16)>| range.map(|(low, high)| format!("{low}-{high}"));
    let line = Line::of(&["ip", "rule", verb])
        .flag("not", spec.not)
        .given("priority", spec.priority)
        .given("from", spec.from)
        .given("to", spec.to)
        .given("iif", spec.iif)
        .given("oif", spec.oif)
        .given("fwmark", spec.fwmark.map(fwmark))
        .given("tos", (spec.tos != 0).then(|| format!("{:#04x}", spec.tos)))
        .given("ipproto", spec.ipproto)
        .given("sport", ports(spec.sport))
        .given("dport", ports(spec.dport))
        .given("uidrange", spec.uidrange.map(|(low, high)| format!("{low}-{high}")))
        .given("suppress_prefixlength", spec.suppress_prefixlength)
        .given("suppress_ifgroup", spec.suppress_ifgroup)
        .given("protocol", spec.protocol.map(protocol));
    Ok(match spec.action {
        RuleAction::Unspecified => line,
        RuleAction::Lookup(id) => line.pair("lookup", table(id)),
        RuleAction::Goto(target) => line.pair("goto", target),
        RuleAction::Nop => line.text("nop"),
        RuleAction::Blackhole => line.text("blackhole"),
        RuleAction::Unreachable => line.text("unreachable"),
        RuleAction::Prohibit => line.text("prohibit"),
    }
    .end())
}

/// A mark, and its mask unless it is all ones.
fn fwmark((mark, mask): (u32, u32)) -> String {
    if mask == u32::MAX { format!("{mark:#x}") } else { format!("{mark:#x}/{mask:#x}") }
}

//! `ip route add`, `change`, `replace`, `append`, `prepend`, `test`, `delete`.

use super::{Command, Line, NoCommand, protocol, scope, table};
use crate::link::inet::Scope;
use crate::netlink::request::{Create, NextHopSpec, RouteSpec};
use crate::route::RouteType;

/// Made by a command (`RTPROT_BOOT`).
const RTPROT_BOOT: u8 = 3;

pub(super) fn add(spec: &RouteSpec, create: Create) -> Result<Command, NoCommand> {
    let verb = match create {
        Create::Exclusive => "add",
        Create::Change => "change",
        Create::Replace => "replace",
        Create::Prepend => "prepend",
        Create::Append => "append",
        Create::Test => "test",
    };
    let Some(kind) = spec.kind else { return Err(NoCommand("a new route of no type")) };
    let Some(proto) = spec.protocol else { return Err(NoCommand("a new route of nobody")) };
    let line = Line::of(&["ip", "route", verb]);
    let line = line.flag(type_name(kind), kind != RouteType::Unicast);
    let shown = Some(proto).filter(|proto| *proto != RTPROT_BOOT);
    finish(line, spec, shown, false)
}

pub(super) fn del(spec: &RouteSpec) -> Result<Command, NoCommand> {
    let line = Line::of(&["ip", "route", "del"]);
    let line = spec.kind.map(type_name).into_iter().fold(line, Line::text);
    finish(line, spec, spec.protocol, true)
}

/// The scope that iproute2 gives a route for which the user names none; `direct` says that no router
/// and no several ways are named.
#[must_use]
pub fn implied_scope(kind: Option<RouteType>, delete: bool, direct: bool) -> Scope {
    match kind {
        Some(RouteType::Local) => Scope::HOST,
        Some(RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast) => Scope::LINK,
        _ if delete => Scope::NOWHERE,
        Some(RouteType::Unicast) | None if direct => Scope::LINK,
        _ => Scope::UNIVERSE,
    }
}

fn type_name(kind: RouteType) -> &'static str {
    match kind {
        RouteType::Unicast => "unicast",
        RouteType::Local => "local",
        RouteType::Broadcast => "broadcast",
        RouteType::Anycast => "anycast",
        RouteType::Multicast => "multicast",
        RouteType::Blackhole => "blackhole",
        RouteType::Unreachable => "unreachable",
        RouteType::Prohibit => "prohibit",
        RouteType::Throw => "throw",
    }
}

/// The table that iproute2 puts a route into for which the user names none.
fn implied_table(kind: Option<RouteType>) -> u32 {
    match kind {
        Some(RouteType::Local | RouteType::Broadcast | RouteType::Anycast) => 255,
        _ => 254,
    }
}

fn finish(
    line: Line,
    spec: &RouteSpec,
    shown_protocol: Option<u8>,
    delete: bool,
) -> Result<Command, NoCommand> {
    let Some(id) = spec.table else { return Err(NoCommand("a route of no table")) };
    let Some(given_scope) = spec.scope else { return Err(NoCommand("a route of no scope")) };
    if spec.hoplimit.is_some_and(|limit| limit > 255) {
        return Err(NoCommand("a hop limit of more than 8 bits"));
    }
    let only = match spec.next_hops.as_slice() {
        [only] if only.weight == 0 => Some(only),
        _ => None,
    };
    let several = only.is_none() && !spec.next_hops.is_empty();
    let direct = !several && only.is_none_or(|hop| hop.gateway.is_none());
    let line = match spec.dst {
        Some(dst) => line.text(dst),
        None => line.text("default"),
    };
    let line = match only {
        Some(hop) if *hop == NextHopSpec::default() => return Err(NoCommand("a way to nowhere")),
        Some(hop) => next_hop(line, hop),
        None => line,
    };
    let implied = implied_scope(spec.kind, delete, direct);
    let mut line = line
        .given("table", Some(id).filter(|id| *id != implied_table(spec.kind)).map(table))
        .given("tos", (spec.tos != 0).then(|| format!("{:#04x}", spec.tos)))
        .given("metric", spec.metric)
        .given("proto", shown_protocol.map(protocol))
        .given("scope", Some(given_scope).filter(|given| *given != implied).map(scope))
        .given("src", spec.prefsrc);
    if let Some((mtu, locked)) = spec.mtu {
        line = line.text("mtu").flag("lock", locked).text(mtu);
    }
    line = line
        .given("advmss", spec.advmss)
        .given("initcwnd", spec.initcwnd)
        .given("hoplimit", spec.hoplimit);
    for hop in spec.next_hops.iter().filter(|_| several) {
        if !(1..=256).contains(&hop.weight) {
            return Err(NoCommand("a weight that is not between 1 and 256"));
        }
        let bare = hop.gateway.is_none() && hop.dev.is_none() && !hop.onlink;
        line = next_hop(line.text("nexthop"), hop);
        line = line.given("weight", Some(hop.weight).filter(|weight| *weight != 1 || bare));
    }
    Ok(line.end())
}

fn next_hop(line: Line, hop: &NextHopSpec) -> Line {
    line.given("via", hop.gateway).given("dev", hop.dev).flag("onlink", hop.onlink)
}

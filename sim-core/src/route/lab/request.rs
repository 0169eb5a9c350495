//! Commands as requests.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::link::DevName;
use crate::link::inet::Scope;
use crate::link::lab::{self, Lab};
use crate::netlink::NetlinkError;
use crate::netlink::request::{
    AddrSpec, Create, NextHopSpec, Request, RouteSpec, RuleAction, RuleSpec,
};
use crate::route::RouteType;
use crate::route::fib::{RT_TABLE_LOCAL, RT_TABLE_MAIN};

/// The words that follow each keyword; the first word, if it is no keyword, follows "".
pub(super) struct Words<'a>(pub(super) Vec<&'a str>);

impl<'a> Words<'a> {
    pub(super) fn after(&mut self, keyword: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|w| *w == keyword)?;
        self.0.remove(at);
        Some(self.0.remove(at))
    }

    pub(super) fn flag(&mut self, keyword: &str) -> bool {
        let at = self.0.iter().position(|w| *w == keyword);
        at.map(|at| self.0.remove(at)).is_some()
    }

    pub(super) fn done(&self) {
        assert!(self.0.is_empty(), "not understood: {:?}", self.0);
    }
}

pub(super) fn number<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub(super) fn net(text: &str) -> IpNet {
    match text {
        "default" => "0.0.0.0/0".parse().unwrap(),
        _ if text.contains('/') => text.parse().unwrap(),
        _ => IpNet::from(text.parse::<IpAddr>().unwrap()),
    }
}

pub(super) fn scope(text: &str) -> Scope {
    match text {
        "global" => Scope::UNIVERSE,
        "link" => Scope::LINK,
        "host" => Scope::HOST,
        "nowhere" => Scope::NOWHERE,
        other => Scope(number(other)),
    }
}

pub(super) fn table(text: &str) -> u32 {
    match text {
        "main" => RT_TABLE_MAIN,
        "local" => RT_TABLE_LOCAL,
        "default" => 253,
        other => number(other),
    }
}

pub(super) fn addr(lab: &mut Lab, verb: &str, rest: &[&str]) -> Result<(), NetlinkError> {
    let mut words = Words(rest.to_vec());
    let text = words.after("local").unwrap_or_else(|| words.0.remove(0));
    let local = net(text);
    let peer = words.after("peer").map(net);
    let prefix_len = peer.unwrap_or(local).prefix_len();
    let broadcast = words.after("brd").filter(|b| *b != "+" || prefix_len <= 30);
    let broadcast = broadcast.map(|b| match (b, peer.unwrap_or(local)) {
        ("+", IpNet::V4(net)) => IpAddr::V4(net.broadcast()),
        (other, _) => number(other),
    });
    let lft = |w: Option<&str>| w.filter(|w| *w != "forever").map(number);
    let spec = AddrSpec {
        dev: lab::link(words.after("dev").unwrap()),
        local: local.addr(),
        peer: peer.map(|p| p.addr()),
        prefix_len,
        any_prefix: verb == "del" && !text.contains('/') && peer.is_none(),
        broadcast,
        label: words.after("label").map(|l| DevName::label(l).unwrap()),
        scope: words.after("scope").map(scope),
        metric: words.after("metric").map(number),
        no_prefix_route: words.flag("noprefixroute"),
        valid_lft_s: lft(words.after("valid_lft")),
        preferred_lft_s: lft(words.after("preferred_lft")),
        proto: 0,
    };
    words.done();
    lab.try_request(&match verb {
        "add" => Request::AddrAdd(spec, Create::Exclusive),
        "change" => Request::AddrAdd(spec, Create::Change),
        "replace" => Request::AddrAdd(spec, Create::Replace),
        "del" => Request::AddrDel(spec),
        _ => panic!("{verb}"),
    })
}

pub(super) fn next_hop(words: &mut Words<'_>) -> NextHopSpec {
    NextHopSpec {
        gateway: words.after("via").map(number),
        dev: words.after("dev").map(lab::link),
        weight: words.after("weight").map_or(0, number),
        onlink: words.flag("onlink"),
    }
}

/// Reads a route as iproute2 does, with the scopes and tables it fills in.
pub(super) fn route_spec(verb: &str, rest: &[&str]) -> RouteSpec {
    let hops: Vec<Vec<&str>> = rest.split(|w| *w == "nexthop").map(<[_]>::to_vec).collect();
    let mut words = Words(hops[0].clone());
    let kinds = [
        ("unicast", RouteType::Unicast),
        ("local", RouteType::Local),
        ("broadcast", RouteType::Broadcast),
        ("multicast", RouteType::Multicast),
        ("anycast", RouteType::Anycast),
        ("blackhole", RouteType::Blackhole),
        ("unreachable", RouteType::Unreachable),
        ("prohibit", RouteType::Prohibit),
        ("throw", RouteType::Throw),
    ];
    let named = kinds.iter().find(|(name, _)| words.0.first() == Some(name)).map(|(_, kind)| *kind);
    if named.is_some() {
        words.0.remove(0);
    }
    let dst = words.0.remove(0);
    let kind = named.or_else(|| (verb != "del").then_some(RouteType::Unicast));
    let local = matches!(kind, Some(RouteType::Local | RouteType::Broadcast | RouteType::Anycast));
    let mut spec = RouteSpec {
        dst: (dst != "default").then(|| net(dst)),
        kind,
        table: words.after("table").map(table).or(Some(if local { 255 } else { 254 })),
        tos: words.after("tos").map_or(0, |t| u8::from_str_radix(&t[2..], 16).unwrap()),
        metric: words.after("metric").map(number),
        protocol: words.after("proto").map(number).or_else(|| (verb != "del").then_some(3)),
        scope: words.after("scope").map(scope),
        prefsrc: words.after("src").map(number),
        mtu: {
            let locked = words.flag("lock");
            words.after("mtu").map(|mtu| (number(mtu), locked))
        },
        advmss: words.after("advmss").map(number),
        initcwnd: words.after("initcwnd").map(number),
        hoplimit: words.after("hoplimit").map(number),
        ..RouteSpec::default()
    };
    let first = next_hop(&mut words);
    words.done();
    if first != NextHopSpec::default() {
        spec.next_hops.push(first);
    }
    for hop in &hops[1..] {
        let mut words = Words(hop.clone());
        spec.next_hops.push(next_hop(&mut words));
        words.done();
    }
    let link_scope = match spec.kind {
        Some(RouteType::Unicast) | None => {
            verb != "del"
                && spec.next_hops.iter().all(|h| h.gateway.is_none())
                && !spec.next_hops.is_empty()
                && hops.len() == 1
        }
        Some(RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast) => true,
        _ => false,
    };
    if spec.scope.is_none() {
        spec.scope = if spec.kind == Some(RouteType::Local) {
            Some(Scope::HOST)
        } else if link_scope {
            Some(Scope::LINK)
        } else {
            (verb != "del").then_some(Scope::UNIVERSE)
        };
    }
    spec
}

pub(super) fn route(lab: &mut Lab, verb: &str, rest: &[&str]) -> Result<(), NetlinkError> {
    let spec = route_spec(verb, rest);
    lab.try_request(&match verb {
        "add" => Request::RouteAdd(spec, Create::Exclusive),
        "change" => Request::RouteAdd(spec, Create::Change),
        "replace" => Request::RouteAdd(spec, Create::Replace),
        "append" => Request::RouteAdd(spec, Create::Append),
        "prepend" => Request::RouteAdd(spec, Create::Prepend),
        "test" => Request::RouteAdd(spec, Create::Test),
        "del" => Request::RouteDel(spec),
        _ => panic!("{verb}"),
    })
}

pub(super) fn rule(lab: &mut Lab, verb: &str, rest: &[&str]) -> Result<(), NetlinkError> {
    let mut words = Words(rest.to_vec());
    let range = |text: &str| {
        let (a, b) = text.split_once('-').unwrap_or((text, text));
        (number(a), number(b))
    };
    let mark = |text: &str| {
        let hex = |t: &str| u32::from_str_radix(t.trim_start_matches("0x"), 16).unwrap();
        let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
        (hex(value), hex(mask))
    };
    let spec = RuleSpec {
        not: words.flag("not"),
        priority: words.after("pref").map(number),
        from: words.after("from").filter(|w| *w != "all").map(net),
        to: words.after("to").filter(|w| *w != "all").map(net),
        iif: words.after("iif").map(number),
        oif: words.after("oif").map(number),
        fwmark: words.after("fwmark").map(mark),
        tos: words.after("tos").map_or(0, |t| u8::from_str_radix(&t[2..], 16).unwrap()),
        ipproto: words.after("ipproto").map(number),
        sport: words.after("sport").map(range),
        dport: words.after("dport").map(range),
        uidrange: words.after("uidrange").map(|t| {
            let (a, b) = t.split_once('-').unwrap();
            (number(a), number(b))
        }),
        suppress_prefixlength: words.after("suppress_prefixlength").map(number),
        suppress_ifgroup: words.after("suppress_ifgroup").map(number),
        protocol: words.after("proto").map(number),
        action: if let Some(t) = words.after("table").or_else(|| words.after("lookup")) {
            RuleAction::Lookup(table(t))
        } else if let Some(target) = words.after("goto") {
            RuleAction::Goto(number(target))
        } else if words.flag("nop") {
            RuleAction::Nop
        } else if words.flag("blackhole") {
            RuleAction::Blackhole
        } else if words.flag("unreachable") {
            RuleAction::Unreachable
        } else if words.flag("prohibit") {
            RuleAction::Prohibit
        } else {
            RuleAction::Unspecified
        },
    };
    words.done();
    lab.try_request(&match verb {
        "add" => Request::RuleAdd(spec),
        "del" => Request::RuleDel(spec),
        _ => panic!("{verb}"),
    })
}

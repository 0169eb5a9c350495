//! Policy rules (`RTM_NEWRULE`).

use ipnet::IpNet;

use crate::family::{Family as _, V4};
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netlink::request::RuleAction;
use crate::route::fib::rule::Rule;

/// A policy rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleMsg {
    /// What it says.
    pub rule: Rule<V4>,
    /// The source, unless it is any (`FRA_SRC`).
    pub from: Option<IpNet>,
    /// The destination, unless it is any (`FRA_DST`).
    pub to: Option<IpNet>,
    /// The input device is not there (`FIB_RULE_IIF_DETACHED`).
    pub iif_detached: bool,
    /// The output device is not there (`FIB_RULE_OIF_DETACHED`).
    pub oif_detached: bool,
    /// The rule that it goes on with is not there (`FIB_RULE_UNRESOLVED`).
    pub unresolved: bool,
}

impl RuleMsg {
    /// What is told of a rule (`fib_nl_fill_rule()`).
    #[must_use]
    pub fn of(k: &Kernel, netns: NetnsId, rule: Rule<V4>) -> Self {
        let priorities: Vec<u32> =
            k.netns[netns].ipv4.fib.rules.to_vec().iter().map(|rule| rule.priority).collect();
        Self::among(k, netns, rule, &priorities)
    }

    /// What is told of a rule among others of these preferences.
    fn among(k: &Kernel, netns: NetnsId, rule: Rule<V4>, priorities: &[u32]) -> Self {
        let missing = |name| k.dev_by_name(netns, name).is_none();
        let some = |net: &ipnet::Ipv4Net| (*net != V4::ALL).then_some(IpNet::V4(*net));
        Self {
            from: some(&rule.from),
            to: some(&rule.to),
            iif_detached: rule.iif.is_some_and(missing),
            oif_detached: rule.oif.is_some_and(missing),
            unresolved: match rule.action {
                RuleAction::Goto(target) => !priorities.contains(&target),
                RuleAction::Unspecified
                | RuleAction::Lookup(_)
                | RuleAction::Nop
                | RuleAction::Blackhole
                | RuleAction::Unreachable
                | RuleAction::Prohibit => false,
            },
            rule,
        }
    }
}

/// All rules of a namespace in order.
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<RuleMsg> {
    let rules = k.netns[netns].ipv4.fib.rules.to_vec();
    let priorities: Vec<u32> = rules.iter().map(|rule| rule.priority).collect();
    rules.into_iter().map(|rule| RuleMsg::among(k, netns, rule, &priorities)).collect()
}

//! Policy rules: which table decides about which flow (`net/core/fib_rules.c`).

use crate::errno::Errno;
use crate::family::Family;
use crate::link::DevName;
use crate::route::fib::table::{RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN};
use crate::route::flow::{FlowKey, TOS_RT_MASK};

/// What a policy rule does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum RuleAction {
    /// Nothing was said; in a deletion this matches any, in an addition it is table main.
    #[default]
    Unspecified,
    /// Looks the destination up in a table.
    Lookup(u32),
    /// Goes on with the rule of this preference.
    Goto(u32),
    /// Goes on with the next rule.
    Nop,
    /// Drops in silence.
    Blackhole,
    /// Refuses with network unreachable.
    Unreachable,
    /// Refuses with communication administratively prohibited.
    Prohibit,
}

/// The protocol of the rules that the kernel makes (`RTPROT_KERNEL`).
pub const RTPROT_KERNEL: u8 = 2;

/// A policy rule (`struct fib4_rule`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule<F: Family> {
    /// Its preference; smaller comes first.
    pub priority: u32,
    /// The selector's result is inverted.
    pub not: bool,
    /// The source; [`Family::ALL`] is any.
    pub from: F::Net,
    /// The destination; [`Family::ALL`] is any.
    pub to: F::Net,
    /// The name of the input device.
    pub iif: Option<DevName>,
    /// The name of the output device.
    pub oif: Option<DevName>,
    /// The firewall mark, and which of its bits count.
    pub fwmark: (u32, u32),
    /// The type of service; 0 is any.
    pub tos: u8,
    /// The IP protocol; 0 is any.
    pub ipproto: u8,
    /// The range of source ports.
    pub sport: Option<(u16, u16)>,
    /// The range of destination ports.
    pub dport: Option<(u16, u16)>,
    /// The range of users.
    pub uidrange: Option<(u32, u32)>,
    /// What happens to flows that match.
    pub action: RuleAction,
    /// Answers with a prefix no longer than this are ignored.
    pub suppress_prefixlength: Option<u32>,
    /// Answers by a device of this group are ignored.
    pub suppress_ifgroup: Option<u32>,
    /// Who put it there.
    pub protocol: u8,
}

impl<F: Family> Rule<F> {
    /// A rule that sends every flow to `table`.
    #[must_use]
    pub fn lookup(priority: u32, table: u32) -> Self {
        Self {
            priority,
            not: false,
            from: F::ALL,
            to: F::ALL,
            iif: None,
            oif: None,
            fwmark: (0, 0),
            tos: 0,
            ipproto: 0,
            sport: None,
            dport: None,
            uidrange: None,
            action: RuleAction::Lookup(table),
            suppress_prefixlength: None,
            suppress_ifgroup: None,
            protocol: RTPROT_KERNEL,
        }
    }

    /// Whether the rule speaks about `flow`, whose devices have these names (`fib_rule_match()`).
    fn matches(&self, flow: &FlowKey<F>, iif: DevName, oif: Option<DevName>) -> bool {
        let hit = self.iif.is_none_or(|name| name == iif)
            && (self.oif.is_none() || self.oif == oif)
            && (self.fwmark.0 ^ flow.mark) & self.fwmark.1 == 0
            && within(self.uidrange, flow.uid)
            && F::contains(&self.from, flow.src)
            && F::contains(&self.to, flow.dst)
            && (self.tos == 0 || self.tos == flow.tos & TOS_RT_MASK)
            && (self.ipproto == 0 || self.ipproto == flow.proto)
            && within(self.sport, flow.sport)
            && within(self.dport, flow.dport);
        hit != self.not
    }
}

/// Whether `value` lies in `range`; no range holds everything.
fn within<T: PartialOrd>(range: Option<(T, T)>, value: T) -> bool {
    range.is_none_or(|(first, last)| first <= value && value <= last)
}

/// What the rules decide for a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ruling<T> {
    /// This answer.
    Found(T),
    /// The rule's table does not decide, or its answer is suppressed.
    Next,
}

/// The rules of a namespace in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub struct Rules<F: Family> {
    /// `None` until the first change: then it is the three rules of [`Self::initial`].
    list: Option<Vec<Rule<F>>>,
}

impl<F: Family> Rules<F> {
    /// The rules that every namespace starts with (`fib_default_rules_init()`).
    fn initial() -> Vec<Rule<F>> {
        vec![
            Rule::lookup(0, RT_TABLE_LOCAL),
            Rule::lookup(32766, RT_TABLE_MAIN),
            Rule::lookup(32767, RT_TABLE_DEFAULT),
        ]
    }

    /// Whether a rule was ever added or removed (`fib4_has_custom_rules()`).
    #[must_use]
    pub fn custom(&self) -> bool {
        self.list.is_some()
    }

    /// Whether a rule looks at protocol or ports, which somebody has to read from the packet then
    /// (`fib4_rules_early_flow_dissect()`).
    #[must_use]
    pub fn read_transport(&self) -> bool {
        self.list
            .iter()
            .flatten()
            .any(|rule| rule.ipproto != 0 || rule.sport.is_some() || rule.dport.is_some())
    }

    /// The preference of a rule that asks for none: right before the second rule
    /// (`fib_default_rule_pref()`).
    #[must_use]
    pub fn next_priority(&self) -> u32 {
        match &self.list {
            None => 32765,
            Some(list) => list.get(1).map_or(0, |second| second.priority.saturating_sub(1)),
        }
    }

    /// All rules in order.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Rule<F>> {
        self.list.clone().unwrap_or_else(Self::initial)
    }

    /// The rules, to be changed; from now on they count as custom.
    pub(in crate::route) fn list_mut(&mut self) -> &mut Vec<Rule<F>> {
        self.list.get_or_insert_with(Self::initial)
    }

    /// Asks each rule that matches in turn (`fib_rules_lookup()`). `ask` looks in the rule's table.
    ///
    /// # Errors
    ///
    /// [`Errno::ESRCH`] if no rule decides, or what the deciding one stands for.
    pub(in crate::route) fn decide<T>(
        &self,
        flow: &FlowKey<F>,
        iif: DevName,
        oif: Option<DevName>,
        mut ask: impl FnMut(&Rule<F>, u32) -> Result<Ruling<T>, Errno>,
    ) -> Result<T, Errno> {
        let rules = self.list.as_deref().unwrap_or_default();
        let mut at = 0;
        while let Some(rule) = rules.get(at) {
            at += 1;
            if !rule.matches(flow, iif, oif) {
                continue;
            }
            match rule.action {
                RuleAction::Goto(target) => {
                    // An unresolved target is passed over.
                    if let Some(found) = rules.iter().position(|r| r.priority == target) {
                        at = found.max(at);
                    }
                }
                RuleAction::Nop => {}
                RuleAction::Blackhole => return Err(Errno::EINVAL),
                RuleAction::Unreachable => return Err(Errno::ENETUNREACH),
                RuleAction::Prohibit => return Err(Errno::EACCES),
                RuleAction::Lookup(table) => {
                    if let Ruling::Found(found) = ask(rule, table)? {
                        return Ok(found);
                    }
                }
                RuleAction::Unspecified => {}
            }
        }
        Err(Errno::ESRCH)
    }
}

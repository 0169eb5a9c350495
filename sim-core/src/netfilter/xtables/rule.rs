//! Rules as they are loaded: immutable, and free of everything that a packet changes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::netfilter::Hook;
use crate::netfilter::xtables::matches::{Match, read_back};
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::targets::Target;

/// An address under a mask, which need not be a prefix.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AddrMask {
    /// The address, its bits outside the mask cleared.
    pub addr: IpAddr,
    /// The mask.
    pub mask: IpAddr,
    /// Whether all other addresses are meant (`!`).
    pub invert: bool,
}

/// Device names by their beginning (`-i eth+`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IfName {
    /// The name, without the plus sign.
    pub name: Box<str>,
    /// Whether names that only begin so are meant too.
    pub wildcard: bool,
    /// Whether all other names are meant (`!`).
    pub invert: bool,
}

/// What every rule can ask of a packet (`struct ipt_ip`, `struct ip6t_ip6`). `None` matches all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IpRule {
    /// The source.
    pub src: Option<AddrMask>,
    /// The destination.
    pub dst: Option<AddrMask>,
    /// The device it came in by.
    pub iif: Option<IfName>,
    /// The device it leaves by.
    pub oif: Option<IfName>,
    /// The IP protocol, and whether all others are meant. 0 is never stored: it means all.
    pub proto: Option<(u8, bool)>,
    /// `-f`: second and further fragments; or, inverted, all others. IPv4 only.
    pub fragment: Option<bool>,
}

/// A rule. `C` names a chain: [`ChainId`] in a table, `Box<str>` in what a user wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<C = ChainId> {
    /// What every rule can ask.
    pub ip: IpRule,
    /// The further conditions, in order; copies of the rule share them.
    pub matches: Arc<[Match]>,
    /// What is done.
    pub action: Action<C>,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<C = ChainId> {
    /// Nothing but counting.
    None,
    /// The packet passes the table.
    Accept,
    /// The packet ends.
    Drop,
    /// The chain ends.
    Return,
    /// Another chain, and then on with this one (`-j`).
    Jump(C),
    /// Another chain instead of this one (`-g`).
    Goto(C),
    /// An extension.
    Target(Target),
}

impl<C> Action<C> {
    /// The same action with other names for chains.
    ///
    /// # Errors
    /// Whatever `rename` says.
    pub fn try_map<D, E>(self, rename: impl FnOnce(C) -> Result<D, E>) -> Result<Action<D>, E> {
        Ok(match self {
            Self::None => Action::None,
            Self::Accept => Action::Accept,
            Self::Drop => Action::Drop,
            Self::Return => Action::Return,
            Self::Jump(chain) => Action::Jump(rename(chain)?),
            Self::Goto(chain) => Action::Goto(rename(chain)?),
            Self::Target(target) => Action::Target(target),
        })
    }
}

impl<C> Rule<C> {
    /// The same rule with another name for the chain that it calls.
    ///
    /// # Errors
    /// Whatever `rename` says.
    pub fn try_map<D, E>(self, rename: impl FnOnce(C) -> Result<D, E>) -> Result<Rule<D>, E> {
        Ok(Rule { ip: self.ip, matches: self.matches, action: self.action.try_map(rename)? })
    }

    /// Whether it needs connection tracking.
    #[must_use]
    pub fn needs_conntrack(&self) -> bool {
        let by_target = matches!(&self.action, Action::Target(target) if target.needs_conntrack());
        by_target || self.matches.iter().any(Match::needs_conntrack)
    }
}

impl Rule {
    /// Whether the tools of an engine take it for the same rule.
    #[must_use]
    pub fn reads_as(&self, other: &Self, variant: Variant) -> bool {
        let variant = Some(variant);
        self.ip == other.ip
            && self.action == other.action
            && read_back(&self.matches, variant) == read_back(&other.matches, variant)
    }

    /// Whether it ends its chain for every packet, as the one does that stands for the chain's end.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.ip == IpRule::default()
            && self.matches.is_empty()
            && matches!(self.action, Action::Accept | Action::Drop | Action::Return)
    }

    /// The chain that it calls.
    #[must_use]
    pub fn calls(&self) -> Option<ChainId> {
        match self.action {
            Action::Jump(chain) | Action::Goto(chain) => Some(chain),
            Action::None | Action::Accept | Action::Drop | Action::Return | Action::Target(_) => {
                None
            }
        }
    }
}

/// A chain of a table, whatever it is called; stays the same while the chain is there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ChainId(pub u32);

/// The tables.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names are those of the tables")]
pub enum TableName {
    Filter,
    Nat,
    Mangle,
    Raw,
    Security,
}

impl TableName {
    /// All of them, in the order in which `iptables-save` of `iptables-legacy` shows them is that of loading.
    pub const ALL: [Self; 5] = [Self::Filter, Self::Nat, Self::Mangle, Self::Raw, Self::Security];

    /// The hooks that its built-in chains stand at, in their order.
    #[must_use]
    pub const fn hooks(self) -> &'static [Hook] {
        use Hook::{Forward, Input, Output, PostRouting, PreRouting};
        match self {
            Self::Filter | Self::Security => &[Input, Forward, Output],
            Self::Nat => &[PreRouting, Input, Output, PostRouting],
            Self::Mangle => &[PreRouting, Input, Forward, Output, PostRouting],
            Self::Raw => &[PreRouting, Output],
        }
    }

    /// The hook of its built-in chain that is called so.
    #[must_use]
    pub fn hook(self, chain: &str) -> Option<Hook> {
        self.hooks().iter().copied().find(|hook| hook.name() == chain)
    }

    /// The name that `-t` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
            Self::Mangle => "mangle",
            Self::Raw => "raw",
            Self::Security => "security",
        }
    }

    /// The table with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

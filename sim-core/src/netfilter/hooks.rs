//! What is registered at the hooks of a namespace, in order of priority (`nf_register_net_hooks()`).

use crate::family::AddressFamily;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::Table;
use crate::netfilter::{Hook, Netfilter};

/// The priorities (`enum nf_ip_hook_priorities`).
mod priority {
    pub(super) const DEFRAG: i32 = -400;
    pub(super) const RAW: i32 = -300;
    pub(super) const CONNTRACK: i32 = -200;
    pub(super) const MANGLE: i32 = -150;
    pub(super) const NAT_DST: i32 = -100;
    pub(super) const FILTER: i32 = 0;
    pub(super) const SECURITY: i32 = 50;
    pub(super) const NAT_SRC: i32 = 100;
    pub(super) const CONFIRM: i32 = i32::MAX;
}

/// A function at a hook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HookFn {
    /// Fragments are put together (`ipv4_conntrack_defrag()`).
    Defragment,
    /// The packet's connection is found (`nf_conntrack_in()`).
    Track,
    /// A table judges, by its place in [`Netfilter::tables`].
    Table(usize),
    /// Addresses are translated (`nf_nat_ipv4_fn()` and its kin).
    Translate,
    /// The connection is confirmed (`nf_confirm()`).
    Confirm,
}

/// The functions at each hook, by [`Hook::index`].
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    at: [Vec<(i32, HookFn)>; Hook::COUNT],
}

impl Hooks {
    /// The functions at `hook`, the one that comes first in front.
    #[must_use]
    pub fn at(&self, hook: Hook) -> &[(i32, HookFn)] {
        &self.at[hook.index()]
    }

    /// Registers a function. Among equals the newest comes first (`nf_hook_entries_grow()`).
    fn register(&mut self, hook: Hook, priority: i32, function: HookFn) {
        let list = &mut self.at[hook.index()];
        let place = list.partition_point(|(other, _)| *other < priority);
        list.insert(place, (priority, function));
    }
}

/// The hooks where packets come in sight: connections are looked up, destinations translated.
const ENTRIES: [Hook; 2] = [Hook::PreRouting, Hook::Output];
/// The hooks where they leave it: sources are translated, connections confirmed.
const EXITS: [Hook; 2] = [Hook::PostRouting, Hook::Input];

/// Works out what is registered, from the tables there are and from who needs connection tracking.
pub(super) fn registered(nf: &Netfilter) -> Hooks {
    let mut hooks = Hooks::default();
    if nf.conntrack.users > 0 {
        for hook in ENTRIES {
            hooks.register(hook, priority::DEFRAG, HookFn::Defragment);
            hooks.register(hook, priority::CONNTRACK, HookFn::Track);
        }
        for hook in EXITS {
            hooks.register(hook, priority::CONFIRM, HookFn::Confirm);
        }
    }
    let mut translates = false;
    // IPv6 packets are not evaluated.
    let of_inet = |table: &Table| table.family == AddressFamily::Inet;
    for (n, table) in nf.tables.iter().enumerate().filter(|(_, table)| of_inet(table)) {
        for (_, chain) in table.rules.iter() {
            let Some(base) = chain.base else { continue };
            if table.name == TableName::Nat {
                translates = true;
            } else {
                hooks.register(base.hook, priority_of(table.name), HookFn::Table(n));
            }
        }
    }
    if translates {
        for hook in ENTRIES {
            hooks.register(hook, priority::NAT_DST, HookFn::Translate);
        }
        for hook in EXITS {
            hooks.register(hook, priority::NAT_SRC, HookFn::Translate);
        }
    }
    hooks
}

/// The priority of a table's chains. Those of `nat` are called by translation itself.
const fn priority_of(table: TableName) -> i32 {
    match table {
        TableName::Raw => priority::RAW,
        TableName::Mangle => priority::MANGLE,
        TableName::Filter => priority::FILTER,
        TableName::Security => priority::SECURITY,
        TableName::Nat => priority::NAT_DST,
    }
}

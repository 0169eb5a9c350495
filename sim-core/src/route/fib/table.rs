//! The tables of a namespace and the lookup through its policy rules.

use std::collections::BTreeMap;

use crate::errno::Errno;
use crate::family::Family;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::ConfKey;
use crate::route::fib::info::{FibInfo, NextHop, NhFlags};
use crate::route::fib::rule::{Rule, Rules, Ruling};
use crate::route::fib::trie::{FibAlias, FibMatch, Trie};
use crate::route::flow::FlowKey;

/// The table that is asked last; nobody fills it on its own.
pub const RT_TABLE_DEFAULT: u32 = 253;
/// The table that routes go to when none is named.
pub const RT_TABLE_MAIN: u32 = 254;
/// The table of this host's own addresses.
pub const RT_TABLE_LOCAL: u32 = 255;

/// Whether ways without carrier count in a lookup.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Linkstate {
    /// They are passed over where `ignore_routes_with_linkdown` is on.
    Respected,
    /// They count (`FIB_LOOKUP_IGNORE_LINKSTATE`).
    Ignored,
}

/// The routing tables and rules of a namespace for one family.
///
/// `local` and `main` are one trie until the first policy rule is added or removed, as in the kernel
/// (`fib_trie_table()`, `fib_unmerge()`): until then a longer prefix in `main` wins over a shorter one
/// in `local`.
#[derive(Clone, Debug, Default)]
pub struct Fib<F: Family> {
    /// `main`, and with it `local` until the first rule; there is none until its first route.
    main: Option<Trie<F>>,
    /// Whether `main` stands for `local` too, if it still can.
    has_local: bool,
    /// All other tables.
    others: BTreeMap<u32, Trie<F>>,
    /// The policy rules.
    pub rules: Rules<F>,
    /// Whether somebody added a route of type local: then sources are checked by lookup
    /// (`fib_has_custom_local_routes`).
    pub custom_local_routes: bool,
    /// The number of the way added last.
    last_hop: u32,
    /// How many default routes each table was given that were not deleted again (`tb_num_default`). Those that
    /// went with their device still count.
    defaults: BTreeMap<u32, u32>,
    /// How often the answers of earlier lookups became stale (`rt_genid`).
    generation: u64,
}

impl<F: Family> Fib<F> {
    /// Whether `local` has no trie of its own.
    fn is_merged(&self) -> bool {
        !self.rules.custom()
    }

    /// The trie that holds the routes of `table`.
    #[must_use]
    pub fn trie(&self, table: u32) -> Option<&Trie<F>> {
        match table {
            RT_TABLE_MAIN => self.main.as_ref(),
            RT_TABLE_LOCAL if self.is_merged() => self.main.as_ref().filter(|_| self.has_local),
            other => self.others.get(&other),
        }
    }

    /// The trie of `table`, made if it is not there.
    pub(in crate::route) fn trie_mut(&mut self, table: u32) -> &mut Trie<F> {
        self.flush();
        match table {
            RT_TABLE_MAIN => self.main.get_or_insert_default(),
            RT_TABLE_LOCAL if self.is_merged() => {
                self.has_local = true;
                self.main.get_or_insert_default()
            }
            other => self.others.entry(other).or_default(),
        }
    }

    /// The routes to one destination, to remember which of them was taken: no answer becomes stale by that.
    pub(in crate::route) fn remembering(&mut self, table: u32, net: F::Net) -> &mut [FibAlias<F>] {
        let trie = match table {
            RT_TABLE_MAIN => self.main.as_mut(),
            other => self.others.get_mut(&other),
        };
        trie.map(|trie| &mut trie.entry(net)[..]).unwrap_or_default()
    }

    /// Which answers of lookups are still good: those given in this generation.
    #[must_use]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Makes the answers of earlier lookups stale (`rt_cache_flush()`).
    pub(crate) fn flush(&mut self) {
        self.generation += 1;
    }

    /// Makes a table, if it is not there (`fib_new_table()`). Tables stay, also empty ones.
    pub(crate) fn add_table(&mut self, table: u32) {
        self.trie_mut(table);
    }

    /// Numbers the ways of a new route.
    pub(super) fn number_hops(&mut self, info: &mut FibInfo<F>) {
        for hop in &mut info.hops {
            self.last_hop += 1;
            hop.id = self.last_hop;
        }
    }

    /// How many default routes a table is taken to have.
    #[must_use]
    pub(in crate::route) fn default_routes(&self, table: u32) -> u32 {
        self.defaults.get(&table).copied().unwrap_or(0)
    }

    /// Counts default routes that came or went.
    pub(super) fn count_default(&mut self, table: u32, change: i32) {
        let count = self.defaults.entry(table).or_default();
        *count = count.saturating_add_signed(change);
    }

    /// All tries, to change the state of their routes.
    pub(in crate::route) fn tries_mut(&mut self) -> impl Iterator<Item = &mut Trie<F>> {
        self.flush();
        self.main.iter_mut().chain(self.others.values_mut())
    }

    /// The rules, to be changed. `local` gets a trie of its own (`fib_unmerge()`).
    pub(crate) fn rules_mut(&mut self) -> &mut Vec<Rule<F>> {
        self.flush();
        if let Some(main) = self.main.as_mut().filter(|_| !self.rules.custom() && self.has_local) {
            let mut local = Trie::default();
            for (net, alias) in main.iter().filter(|(_, a)| a.table == RT_TABLE_LOCAL) {
                local.entry(net).push(alias.clone());
            }
            main.remove_if(|_, alias| alias.table == RT_TABLE_LOCAL);
            self.others.insert(RT_TABLE_LOCAL, local);
        }
        self.rules.list_mut()
    }

    /// The smallest number that no table has (`fib_empty_table()`).
    #[must_use]
    pub fn unused_table(&self) -> u32 {
        (1..).find(|id| self.trie(*id).is_none()).expect("fewer than 2^32 tables")
    }

    /// The numbers of all tables, in the order of a dump: the kernel hashes them by their low byte.
    #[must_use]
    pub fn tables(&self) -> Vec<u32> {
        let maybe_merged = [RT_TABLE_MAIN, RT_TABLE_LOCAL];
        let mut ids: Vec<u32> = self
            .others
            .keys()
            .copied()
            .filter(|id| !maybe_merged.contains(id))
            .chain(maybe_merged.into_iter().filter(|id| self.trie(*id).is_some()))
            .collect();
        ids.sort_by_key(|id| (id & 0xff, std::cmp::Reverse(*id)));
        ids
    }

    /// The routes of `table` in the order of a dump.
    pub fn routes(&self, table: u32) -> impl Iterator<Item = (F::Net, &FibAlias<F>)> {
        self.trie(table)
            .into_iter()
            .flat_map(Trie::iter)
            .filter(move |(_, alias)| alias.table == table)
    }
}

/// Families of which a namespace keeps tables.
pub trait FibFamily: Family {
    /// The tables of `netns`.
    fn fib(k: &Kernel, netns: NetnsId) -> &Fib<Self>;
    /// Whether `dev` passes over ways without carrier (`ignore_routes_with_linkdown`).
    fn ignores_linkdown(k: &Kernel, dev: DevId) -> bool;
}

impl FibFamily for crate::family::V4 {
    fn fib(k: &Kernel, netns: NetnsId) -> &Fib<Self> {
        &k.netns[netns].ipv4.fib
    }

    fn ignores_linkdown(k: &Kernel, dev: DevId) -> bool {
        k.conf(dev, ConfKey::IgnoreRoutesWithLinkdown) != 0
    }
}

impl<F: FibFamily> NextHop<F> {
    /// The flags as a dump shows them (`fib_nexthop_info()`): a way without carrier is shown as dead
    /// where its device passes over such ways.
    #[must_use]
    pub fn shown_flags(&self, k: &Kernel) -> NhFlags {
        let mut flags = self.flags;
        let ignored = self.dev.is_some_and(|dev| F::ignores_linkdown(k, dev));
        if flags.contains(NhFlags::LINKDOWN) && ignored {
            flags.set(NhFlags::DEAD, true);
        }
        flags
    }
}

/// Finds the way of `flow` in one table (`fib_table_lookup()`).
///
/// # Errors
///
/// [`Errno::EAGAIN`] if the table does not decide or is not there, or the error that the route found
/// stands for.
pub fn table_lookup<'k, F: FibFamily>(
    k: &'k Kernel,
    netns: NetnsId,
    table: u32,
    flow: &FlowKey<F>,
    linkstate: Linkstate,
) -> Result<FibMatch<'k, F>, Errno> {
    let trie = F::fib(k, netns).trie(table).ok_or(Errno::EAGAIN)?;
    trie.lookup(table, flow, |dev| linkstate == Linkstate::Respected && F::ignores_linkdown(k, dev))
}

/// Finds the way of `flow` through the rules of `netns` (`fib_lookup()`).
///
/// # Errors
///
/// The error that the deciding route or rule stands for; [`Errno::ENETUNREACH`] if none decides.
pub fn lookup<'k, F: FibFamily>(
    k: &'k Kernel,
    netns: NetnsId,
    flow: &FlowKey<F>,
    linkstate: Linkstate,
) -> Result<FibMatch<'k, F>, Errno> {
    if F::fib(k, netns).rules.custom() {
        return lookup_by_rules(k, netns, flow, linkstate);
    }
    table_lookup(k, netns, RT_TABLE_MAIN, flow, linkstate)
        .or_else(|error| {
            if error != Errno::EAGAIN {
                return Err(error);
            }
            table_lookup(k, netns, RT_TABLE_DEFAULT, flow, linkstate)
        })
        .map_err(|error| if error == Errno::EAGAIN { Errno::ENETUNREACH } else { error })
}

fn lookup_by_rules<'k, F: FibFamily>(
    k: &'k Kernel,
    netns: NetnsId,
    flow: &FlowKey<F>,
    linkstate: Linkstate,
) -> Result<FibMatch<'k, F>, Errno> {
    let fib = F::fib(k, netns);
    let iif = k.devs[flow.iif.unwrap_or(k.netns[netns].lo)].name;
    let oif = flow.oif.map(|dev| k.devs[dev].name);
    let ask = |rule: &Rule<F>, table| match table_lookup(k, netns, table, flow, linkstate) {
        Ok(found) if suppresses(k, rule, &found) => Ok(Ruling::Next),
        Ok(found) => Ok(Ruling::Found(found)),
        Err(Errno::EAGAIN) => Ok(Ruling::Next),
        Err(error) => Err(error),
    };
    fib.rules
        .decide(flow, iif, oif, ask)
        .map_err(|e| if e == Errno::ESRCH { Errno::ENETUNREACH } else { e })
}

/// Whether `rule` wants to know nothing of this answer (`fib4_rule_suppress()`).
fn suppresses<F: Family>(k: &Kernel, rule: &Rule<F>, found: &FibMatch<'_, F>) -> bool {
    let short =
        rule.suppress_prefixlength.is_some_and(|len| u32::from(F::prefix_len(&found.net)) <= len);
    let group = found.next_hop().dev.and_then(|dev| k.devs.get(dev)).map(|dev| dev.group);
    short || (rule.suppress_ifgroup.is_some() && rule.suppress_ifgroup == group)
}

//! Which of several default routes of one metric is taken (`fib_select_default()`).
//!
//! What this host sends goes by the first of them whose router seems to be there, as far as the neighbour table
//! can tell: a router that nobody has asked for yet, or that was confirmed of late, is trusted. The one taken last
//! gives way to the next as soon as it was not confirmed for a while, so that idle routers take turns. Received
//! packets that are passed on take the first route.

use ipnet::Ipv4Net;
use smallvec::SmallVec;

use crate::family::V4;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::neigh::{NeighTable, NudState};
use crate::route::RouteType;
use crate::route::fib::{FibAlias, FibMatch, NhFlags};
use crate::route::flow::{FlowKey, TOS_RT_MASK};

/// What is to be remembered of a choice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Choice {
    table: u32,
    net: Ipv4Net,
    /// The number of the way that the lookup had found.
    hop: u32,
    /// The place of the route that is taken.
    taken: Option<usize>,
}

/// The routes among which there is a choice, the one that was found first.
type Candidates<'k> = SmallVec<[&'k FibAlias<V4>; 4]>;

/// Puts into `found` the default route that is taken, if there are several.
pub(super) fn choose<'k>(
    k: &'k Kernel,
    netns: NetnsId,
    found: &mut FibMatch<'k, V4>,
    flow: &FlowKey<V4>,
) -> Option<Choice> {
    let fib = &k.netns[netns].ipv4.fib;
    let is_default = found.net.prefix_len() == 0 && found.alias.kind == RouteType::Unicast;
    if !is_default || fib.default_routes(found.table) < 2 {
        return None;
    }
    let candidates = candidates(fib.trie(found.table)?.get(&found.net)?, found, flow);
    let first = candidates.first().filter(|alias| std::ptr::eq(**alias, found.alias))?;
    let (table, net, hop) = (found.table, found.net, found.next_hop().id);
    let mut taken = None;
    if candidates.len() > 1 {
        taken = decide(&k.netns[netns].arp, &candidates, first.taken);
        if let Some(place) = taken {
            (found.alias, found.hop) = (candidates[place], 0);
        }
    }
    Some(Choice { table, net, hop, taken })
}

/// Remembers which route was taken.
pub(super) fn remember(k: &mut Kernel, netns: NetnsId, choice: Choice) {
    let aliases = k.netns[netns].ipv4.fib.remembering(choice.table, choice.net);
    let is_first =
        |alias: &&mut FibAlias<V4>| alias.info.hops.iter().any(|hop| hop.id == choice.hop);
    if let Some(alias) = aliases.iter_mut().find(is_first) {
        alias.taken = choice.taken;
    }
}

/// The routes to routers that could stand for the one that was found.
fn candidates<'k>(
    aliases: &'k [FibAlias<V4>],
    found: &FibMatch<'k, V4>,
    flow: &FlowKey<V4>,
) -> Candidates<'k> {
    let mut candidates = Candidates::new();
    let (mut tos, mut priority) = (0, found.alias.info.priority);
    for alias in aliases.iter().filter(|alias| alias.table == found.table) {
        if alias.tos != 0 && alias.tos != flow.tos & TOS_RT_MASK {
            continue;
        }
        if alias.info.priority > priority && alias.tos == tos {
            // Those for any type of service come last.
            if tos == 0 {
                break;
            }
            continue;
        }
        if alias.info.flags.contains(NhFlags::DEAD) {
            continue;
        }
        (tos, priority) = (alias.tos, alias.info.priority);
        let has_router = alias.info.hops.first().is_some_and(|hop| hop.router().is_some());
        if alias.info.scope == found.alias.info.scope
            && alias.kind == RouteType::Unicast
            && has_router
        {
            candidates.push(alias);
        }
    }
    candidates
}

/// The place of the route that is taken, if `last` was taken before.
fn decide(
    arp: &NeighTable<V4>,
    candidates: &[&FibAlias<V4>],
    last: Option<usize>,
) -> Option<usize> {
    let mut resort = None;
    for (place, alias) in candidates.iter().enumerate() {
        let Some(state) = state_of_router(arp, alias) else { return Some(place) };
        let is_last = last == Some(place);
        if state == NudState::Reachable || state.is_valid() && !is_last {
            return Some(place);
        }
        let is_behind = last.is_none_or(|last| place > last);
        let may_come_back = resort.is_none() && is_behind && state != NudState::Incomplete;
        if state.is_valid() || may_come_back {
            resort = Some(place);
        }
    }
    resort
}

/// What the neighbour table says of a route's router, if anything.
fn state_of_router(arp: &NeighTable<V4>, alias: &FibAlias<V4>) -> Option<NudState> {
    let hop = alias.info.hops.first()?;
    Some(arp.get(hop.dev?, hop.gateway?)?.state)
}

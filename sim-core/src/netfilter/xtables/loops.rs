//! Which hooks lead to which chain, and whether chains call each other in a circle or too deep
//! (`mark_source_chains()`, `nft_chain_validate()`).

use std::sync::Arc;

use crate::errno::Errno;
use crate::netfilter::Hook;
use crate::netfilter::xtables::draft::{self, Draft};
use crate::netfilter::xtables::rule::{ChainId, Rule};
use crate::netfilter::xtables::table::{Chain, Variant};

/// How many chains deep `nf_tables` goes (`NFT_JUMP_STACK_SIZE`).
const MAX_DEPTH: usize = 16;

const HOOKS: [Hook; 5] =
    [Hook::PreRouting, Hook::Input, Hook::Forward, Hook::Output, Hook::PostRouting];

/// Looks at all of a table.
///
/// # Errors
/// A circle is `ELOOP` to `ip_tables`; that or too great a depth `EMLINK` to `nf_tables`. Else what an extension
/// says about where it stands.
pub(super) fn validate(draft: &Draft<'_>) -> Result<(), Errno> {
    let variant = draft.which().variant;
    let order = order(draft).ok_or(match variant {
        Variant::Legacy => Errno::ELOOP,
        Variant::Nft => Errno::EMLINK,
    })?;
    let count = draft.chains() as usize;
    let (mut hooks, mut depth) = (vec![0u8; count], vec![0usize; count]);
    for id in order {
        let at = id.0 as usize;
        let Some(chain) = draft.chain(id) else { continue };
        if let Some(base) = chain.base {
            hooks[at] |= 1 << base.hook as u8;
        }
        if variant == Variant::Nft && depth[at] >= MAX_DEPTH {
            return Err(Errno::EMLINK);
        }
        for called in walked(variant, chain).iter().filter_map(|rule| rule.calls()) {
            let called = called.0 as usize;
            hooks[called] |= hooks[at];
            depth[called] = depth[called].max(depth[at] + 1);
        }
    }
    for (id, chain) in draft.ordered() {
        let reached = hooks[id.0 as usize];
        // What stands in a built-in chain was asked when it came, and what nobody calls is not.
        if variant == Variant::Nft && (chain.base.is_some() || reached == 0) {
            continue;
        }
        let reached: Vec<Hook> =
            HOOKS.into_iter().filter(|hook| reached & (1 << *hook as u8) != 0).collect();
        let walked = walked(variant, chain).len();
        for (at, rule) in chain.rules.iter().enumerate() {
            match variant {
                Variant::Legacy if at >= walked => draft.ask(rule, &[])?,
                Variant::Legacy => draft.ask(rule, &reached)?,
                Variant::Nft => draft::admit_called(rule, &reached)?,
            }
        }
    }
    Ok(())
}

/// The rules of a chain to which packets may come. `ip_tables` takes the first that ends the chain for every packet
/// for its end.
fn walked(variant: Variant, chain: &Chain) -> &[Arc<Rule>] {
    let end = match variant {
        Variant::Legacy => chain.rules.iter().position(|rule| rule.is_final()),
        Variant::Nft => None,
    };
    end.and_then(|at| chain.rules.get(..=at)).unwrap_or(&chain.rules)
}

/// The chains that hooks lead to, each before those that it calls; `None` if there is a circle.
fn order(draft: &Draft<'_>) -> Option<Vec<ChainId>> {
    #[derive(Clone, Copy, Eq, PartialEq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let variant = draft.which().variant;
    let rules_of = |id| draft.chain(id).map_or(&[][..], |chain| walked(variant, chain));
    let mut seen = vec![Seen::No; draft.chains() as usize];
    let mut done = Vec::new();
    let bases = draft.ordered().filter(|(_, chain)| chain.base.is_some());
    for (base, _) in bases {
        // A chain, and those of its rules that were not looked at yet.
        let mut stack = vec![(base, rules_of(base))];
        seen[base.0 as usize] = Seen::Open;
        while let Some((id, rest)) = stack.last_mut() {
            let Some(next) = rest.iter().position(|rule| rule.calls().is_some()) else {
                seen[id.0 as usize] = Seen::Done;
                done.push(*id);
                stack.pop();
                continue;
            };
            let called = rest[next].calls()?;
            *rest = &rest[next + 1..];
            match seen[called.0 as usize] {
                Seen::Open => return None,
                Seen::Done => {}
                Seen::No => {
                    seen[called.0 as usize] = Seen::Open;
                    stack.push((called, rules_of(called)));
                }
            }
        }
    }
    done.reverse();
    Some(done)
}

//! Passing a packet through a table (`ipt_do_table()`, `nft_do_chain()`).
//!
//! There is one walk. Rule by rule it is the plain interpreter, which is the definition; over long chains it skips
//! what the index of `compiled` knows not to apply.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::family::AddressFamily;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::HookState;
use crate::netfilter::xtables::compiled::{CompiledChains, PacketKey};
use crate::netfilter::xtables::matches::{MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::print::Printer;
use crate::netfilter::xtables::rule::{Action, AddrMask, ChainId, IfName, IpRule, Rule, TableName};
use crate::netfilter::xtables::table::{
    Chain, ChainLive, Policy, RuleLive, Ruleset, Table, Variant,
};
use crate::netfilter::xtables::targets::Sentence;
use crate::netfilter::xtables::trace;
use crate::netns::stack::Decision;
use crate::packet::ipv4::Ipv4;
use crate::trace::{DropReason, Observer};

/// How a packet leaves a table that has not ended it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Passed {
    /// It goes on.
    On,
    /// A program decides.
    Queue {
        /// The queue it listens to.
        number: u16,
        /// Whether the packet passes if there is no program.
        bypass: bool,
    },
}

/// Passes the packet through the chain of table `n` that the hook calls.
///
/// # Errors
/// Why the packet ends here.
pub fn table<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    n: usize,
    state: HookState,
    o: &mut O,
) -> Decision<Passed> {
    let netns = f.netns;
    // Nothing that judges a packet reaches the tables through the kernel: they can lie beside it.
    let mut tables = std::mem::take(&mut k.netns[netns].nf.tables);
    let sentence = match tables.get_mut(n) {
        Some(table) => match table.rules.base(state.hook) {
            Some(base) => walk(table, base, k, f, state, o),
            None => Sentence::Accept,
        },
        None => Sentence::Accept,
    };
    k.netns[netns].nf.tables = tables;
    match sentence {
        Sentence::Continue | Sentence::Accept => Ok(Passed::On),
        Sentence::Queue { number, bypass } => Ok(Passed::Queue { number, bypass }),
        Sentence::Drop(reason) => Err(reason),
    }
}

/// What the rules see of the packet; `None` if it has no IPv4 header.
fn seen(f: &Flight, table: &Table, state: HookState) -> Option<Seen> {
    let ip = Ipv4::parse(f.skb.network_header()).ok()?;
    Some(Seen {
        hook: state.hook,
        variant: table.variant,
        iif: state.iif,
        oif: state.oif,
        physin: f.bridged.as_ref().and_then(|bridged| bridged.physin),
        physout: f.bridged.as_ref().and_then(|bridged| bridged.physout),
        header_len: ip.header_len(),
        frag_off: u16::try_from(ip.frag_offset()).unwrap_or(u16::MAX),
        proto: ip.proto().0,
    })
}

/// Where a walk goes on.
#[derive(Clone, Copy)]
struct Position {
    chain: ChainId,
    rule: usize,
}

/// The next rule at or behind `at` that the packet may match: the next one, or what the compiled chain says.
fn next_rule(
    compiled: &mut CompiledChains,
    chain: &Arc<Chain>,
    key: Option<&PacketKey>,
    at: Position,
) -> usize {
    let Some(key) = key else { return at.rule };
    match compiled.get(at.chain, chain) {
        Some(compiled) => compiled.candidates(key, at.rule).next().unwrap_or(usize::MAX),
        None => at.rule,
    }
}

/// Walks the rules from the base chain on until something decides.
fn walk<O: Observer>(
    table: &mut Table,
    base: ChainId,
    k: &mut Kernel,
    f: &mut Flight,
    state: HookState,
    o: &mut O,
) -> Sentence {
    let rules = Arc::clone(&table.rules);
    let Some(mut seen) = seen(f, table, state) else {
        return Sentence::Drop(DropReason::NetfilterDrop);
    };
    let plain = k.netns[f.netns].nf.interprets;
    let key_of = |f: &Flight, seen: &Seen| if plain { None } else { PacketKey::of(f, seen) };
    let mut key = key_of(f, &seen);
    let mut tracer = Tracer { name: table.name, variant: table.variant, is_first: true };
    let mut callers = SmallVec::<[Position; 16]>::new();
    let mut at = Position { chain: base, rule: 0 };
    loop {
        let Some(chain) = rules.chains.get(at.chain.0 as usize).and_then(Option::as_ref) else {
            return Sentence::Drop(DropReason::NetfilterDrop);
        };
        at.rule = next_rule(&mut table.compiled, chain, key.as_ref(), at);
        let Some(rule) = chain.rules.get(at.rule) else {
            tracer.end(k, f, &seen, chain, o);
            match callers.pop() {
                Some(caller) => at = caller,
                None => return policy(&rules, table, base, f),
            }
            continue;
        };
        let here = at;
        at.rule += 1;
        let live = live(table, here);
        match judge(rule, live, k, f, &seen) {
            Matched::No => continue,
            Matched::Malformed => return Sentence::Drop(DropReason::NetfilterDrop),
            Matched::Yes => {}
        }
        live.counters.count(f.skb.network_header().len());
        let met = Met { chain, rule, at: here.rule, handle: live.handle };
        tracer.matched(k, f, &seen, met, o);
        if !matches!(rule.action, Action::Target(_)) {
            tracer.decided(k, f, &seen, (&rules, met, Sentence::Continue), o);
        }
        match &rule.action {
            Action::None => {}
            Action::Accept => return Sentence::Accept,
            Action::Drop => return Sentence::Drop(DropReason::NetfilterDrop),
            Action::Return => match callers.pop() {
                Some(caller) => at = caller,
                None => return policy(&rules, table, base, f),
            },
            Action::Jump(chain) => {
                callers.push(at);
                at = Position { chain: *chain, rule: 0 };
            }
            Action::Goto(chain) => at = Position { chain: *chain, rule: 0 },
            Action::Target(target) => {
                let sentence = target.apply(k, f, &seen, &mut live.target, o);
                tracer.decided(k, f, &seen, (&rules, met, sentence), o);
                if sentence != Sentence::Continue {
                    return sentence;
                }
                // A target may have changed the header.
                match self::seen(f, table, state) {
                    Some(anew) => (seen, key) = (anew, key_of(f, &anew)),
                    None => return Sentence::Drop(DropReason::NetfilterDrop),
                }
            }
        }
    }
}

/// A rule that a packet has matched.
#[derive(Clone, Copy)]
struct Met<'r> {
    chain: &'r Chain,
    rule: &'r Rule,
    at: usize,
    handle: u64,
}

/// Tells what a traced packet meets in a table.
struct Tracer {
    name: TableName,
    variant: Variant,
    /// Whether nothing was told yet.
    is_first: bool,
}

impl Tracer {
    fn is_on<O: Observer>(f: &Flight) -> bool {
        O::ENABLED && f.skb.meta.nf_trace
    }

    /// A rule matches; `ip_tables` tells it before its target acts.
    fn matched<O: Observer>(&self, k: &Kernel, f: &Flight, seen: &Seen, met: Met<'_>, o: &mut O) {
        if Self::is_on::<O>(f) && self.variant == Variant::Legacy {
            let place = trace::Place { table: self.name, chain: met.chain, rule: met.at };
            trace::legacy(k, f, seen, &place, o);
        }
    }

    /// A rule has decided; `nf_tables` tells it then.
    fn decided<O: Observer>(
        &mut self,
        k: &Kernel,
        f: &Flight,
        seen: &Seen,
        (rules, met, sentence): (&Ruleset, Met<'_>, Sentence),
        o: &mut O,
    ) {
        if !Self::is_on::<O>(f) || self.variant == Variant::Legacy {
            return;
        }
        let mut words = format!("-A {}", met.chain.name);
        let mut printer =
            Printer { family: AddressFamily::Inet, variant: Some(self.variant), out: &mut words };
        printer
            .save(met.rule, None, |id: &ChainId| rules.chain(*id).map_or("", |chain| &chain.name));
        let verdict = trace::verdict(rules, &met.rule.action, sentence);
        let place = trace::Place { table: self.name, chain: met.chain, rule: met.at };
        let is_first = std::mem::replace(&mut self.is_first, false);
        trace::nft(k, f, seen, &place, &verdict, is_first, (met.handle, &words), o);
    }

    /// A chain ends.
    fn end<O: Observer>(&mut self, k: &Kernel, f: &Flight, seen: &Seen, chain: &Chain, o: &mut O) {
        if !Self::is_on::<O>(f) {
            return;
        }
        let place = trace::Place { table: self.name, chain, rule: chain.rules.len() };
        let policy = chain.base.map_or("", |base| trace::policy(base.policy));
        match self.variant {
            Variant::Legacy => trace::legacy(k, f, seen, &place, o),
            Variant::Nft => {
                let is_first = std::mem::replace(&mut self.is_first, false);
                trace::nft(k, f, seen, &place, policy, is_first, (0, ""), o);
            }
        }
    }
}

/// What packets change about a rule.
fn live(table: &mut Table, at: Position) -> &mut RuleLive {
    &mut table.live[at.chain.0 as usize].rules[at.rule]
}

/// What the base chain decides when no rule has.
fn policy(rules: &Ruleset, table: &mut Table, base: ChainId, f: &Flight) -> Sentence {
    let Some(decides) = rules.chain(base).and_then(|chain| chain.base) else {
        return Sentence::Accept;
    };
    if decides.counted {
        let live: &mut ChainLive = &mut table.live[base.0 as usize];
        live.policy.count(f.skb.network_header().len());
    }
    match decides.policy {
        Policy::Drop => Sentence::Drop(DropReason::NetfilterDrop),
        Policy::Accept => Sentence::Accept,
    }
}

/// Whether a rule applies to the packet.
fn judge(rule: &Rule, live: &mut RuleLive, k: &mut Kernel, f: &Flight, seen: &Seen) -> Matched {
    if !ip_matches(&rule.ip, k, f, seen) {
        return Matched::No;
    }
    let mut nothing = MatchState::None;
    for (n, condition) in rule.matches.iter().enumerate() {
        let memory = live.matches.get_mut(n).unwrap_or(&mut nothing);
        match condition.matches(k, f, seen, memory) {
            Matched::Yes => {}
            other @ (Matched::No | Matched::Malformed) => return other,
        }
    }
    Matched::Yes
}

/// What every rule can ask (`ip_packet_match()`).
pub(super) fn ip_matches(rule: &IpRule, k: &Kernel, f: &Flight, seen: &Seen) -> bool {
    let header = f.skb.network_header();
    let addr = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk::<4>).copied();
    let (Some(src), Some(dst)) = (addr(12), addr(16)) else { return false };
    rule.src.is_none_or(|wanted| addr_matches(&wanted, src))
        && rule.dst.is_none_or(|wanted| addr_matches(&wanted, dst))
        && rule.iif.as_ref().is_none_or(|wanted| name_matches(wanted, k, seen.iif))
        && rule.oif.as_ref().is_none_or(|wanted| name_matches(wanted, k, seen.oif))
        && rule.proto.is_none_or(|(proto, invert)| (proto == seen.proto) != invert)
        && rule.fragment.is_none_or(|wanted| (seen.frag_off != 0) == wanted)
}

/// Whether an address lies where a rule wants it.
fn addr_matches(wanted: &AddrMask, addr: [u8; 4]) -> bool {
    let (IpAddr::V4(want), IpAddr::V4(mask)) = (wanted.addr, wanted.mask) else { return false };
    let equal = u32::from_be_bytes(addr) & mask.to_bits() == want.to_bits() & mask.to_bits();
    equal != wanted.invert
}

/// Whether a device is called as a rule wants it; where there is none, its name is empty.
fn name_matches(wanted: &IfName, k: &Kernel, dev: Option<DevId>) -> bool {
    let name = dev.and_then(|dev| k.devs.get(dev)).map(|dev| dev.name);
    let name = name.as_ref().map_or("", |name| name.as_str());
    let equal =
        if wanted.wildcard { name.starts_with(&*wanted.name) } else { name == &*wanted.name };
    equal != wanted.invert
}

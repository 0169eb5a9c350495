//! Passing a packet through a table (`ipt_do_table()`, `nft_do_chain()`).
//!
//! There is one walk. Rule by rule it is the plain interpreter, which is the definition; over long chains it skips
//! what the index of `compiled` knows not to apply.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use smallvec::SmallVec;

use crate::family::AddressFamily;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::HookState;
use crate::netfilter::xtables::compiled::{Candidates, PacketKey};
use crate::netfilter::xtables::matches::{MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::print::Printer;
use crate::netfilter::xtables::rule::{Action, AddrMask, ChainId, IfName, IpRule, Rule, TableName};
use crate::netfilter::xtables::table::{
    Chain, ChainLive, Policy, RuleLive, Ruleset, Table, Variant,
};
use crate::netfilter::xtables::targets::Sentence;
use crate::netfilter::xtables::trace;
use crate::netns::stack::{self, Decision};
use crate::packet::ipv4::Ipv4;
use crate::trace as trace_event;
use crate::trace::{DropReason, Event, Judged, Observer, Words};

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
fn seen(f: &Flight, variant: Variant, state: HookState) -> Option<Seen> {
    let ip = Ipv4::parse(f.skb.network_header()).ok()?;
    Some(Seen {
        hook: state.hook,
        variant,
        iif: state.iif,
        oif: state.oif,
        physin: f.bridged.as_ref().and_then(|bridged| bridged.physin),
        physout: f.bridged.as_ref().and_then(|bridged| bridged.physout),
        src: ip.src(),
        dst: ip.dst(),
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

/// A walk through one chain.
struct Cursor<'r> {
    id: ChainId,
    chain: &'r Chain,
    /// The rule behind the one that was met last.
    next: usize,
    /// What is left of the rules that the packet may match, if the chain has an index.
    candidates: Option<Candidates<'r>>,
}

impl<'r> Cursor<'r> {
    /// Goes to a position; `None` if the chain is not there.
    fn at(rules: &'r Ruleset, at: Position, key: Option<PacketKey>) -> Option<Self> {
        let chain = rules.chain(at.chain)?;
        let mut cursor = Self { id: at.chain, chain, next: at.rule, candidates: None };
        cursor.aim(key);
        Some(cursor)
    }

    /// Looks for the rules that a packet with this key may match, from here on.
    fn aim(&mut self, key: Option<PacketKey>) {
        self.candidates = key.and_then(|key| {
            let index = self.chain.index.get(&self.chain.rules)?;
            Some(index.candidates(key, self.next))
        });
    }

    /// The next rule that the packet may match.
    fn next(&mut self) -> Option<(usize, &'r Rule)> {
        let at = match &mut self.candidates {
            Some(candidates) => candidates.next()?,
            None => self.next,
        };
        let rule = self.chain.rules.get(at)?;
        self.next = at + 1;
        Some((at, rule))
    }

    fn position(&self) -> Position {
        Position { chain: self.id, rule: self.next }
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
    const LOST: Sentence = Sentence::Drop(DropReason::NetfilterDrop);
    let Table { name, variant, rules, live, .. } = table;
    let Some(mut seen) = seen(f, *variant, state) else { return LOST };
    let plain = k.netns[f.netns].nf.interprets;
    let key_of = |f: &Flight, seen: &Seen| if plain { None } else { PacketKey::of(f, seen) };
    let mut key = key_of(f, &seen);
    let mut tracer = Tracer { name: *name, variant: *variant, is_first: true };
    let mut callers = SmallVec::<[Position; 16]>::new();
    let start = Position { chain: base, rule: 0 };
    let Some(mut cursor) = Cursor::at(rules, start, key) else { return LOST };
    loop {
        let go_on = match next_match(&mut cursor, live, k, f, &seen) {
            Next::Malformed => return LOST,
            Next::End => {
                tracer.end(k, f, &seen, cursor.chain, o);
                callers.pop()
            }
            Next::Rule(met, live) => {
                live.counters.count(f.skb.network_header().len());
                tracer.matched(k, f, &seen, met, o);
                if !matches!(met.rule.action, Action::Target(_)) {
                    tracer.decided(k, f, &seen, (rules, met, Sentence::Continue), o);
                }
                match &met.rule.action {
                    Action::None => continue,
                    Action::Accept => return Sentence::Accept,
                    Action::Drop => return LOST,
                    Action::Return => callers.pop(),
                    Action::Jump(chain) => {
                        callers.push(cursor.position());
                        Some(Position { chain: *chain, rule: 0 })
                    }
                    Action::Goto(chain) => Some(Position { chain: *chain, rule: 0 }),
                    Action::Target(target) => {
                        let sentence = target.apply(k, f, &seen, &mut live.target, o);
                        tracer.decided(k, f, &seen, (rules, met, sentence), o);
                        if sentence != Sentence::Continue {
                            return sentence;
                        }
                        // A target may have changed the header.
                        let Some(anew) = self::seen(f, *variant, state) else { return LOST };
                        (seen, key) = (anew, key_of(f, &anew));
                        cursor.aim(key);
                        continue;
                    }
                }
            }
        };
        let Some(position) = go_on else {
            tracer.policy(k, f, (rules, base), o);
            return policy(rules, live, base, f);
        };
        match Cursor::at(rules, position, key) {
            Some(at) => cursor = at,
            None => return LOST,
        }
    }
}

/// What a packet meets next in a chain.
enum Next<'r, 'l> {
    /// A rule that matches.
    Rule(Met<'r>, &'l mut RuleLive),
    /// A rule that finds it malformed.
    Malformed,
    /// The end.
    End,
}

/// The next rule that matches.
fn next_match<'r, 'l>(
    cursor: &mut Cursor<'r>,
    live: &'l mut [ChainLive],
    k: &mut Kernel,
    f: &Flight,
    seen: &Seen,
) -> Next<'r, 'l> {
    let live = &mut live[cursor.id.0 as usize].rules;
    while let Some((at, rule)) = cursor.next() {
        match judge(rule, &mut live[at], k, f, seen) {
            Matched::No => {}
            Matched::Malformed => return Next::Malformed,
            Matched::Yes => {
                let handle = live[at].handle;
                return Next::Rule(Met { chain: cursor.chain, rule, at, handle }, &mut live[at]);
            }
        }
    }
    Next::End
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
        if !O::ENABLED {
            return;
        }
        let verdict = trace::verdict(rules, &met.rule.action, sentence);
        // `nf_tables` has no word for it.
        let returns = matches!(met.rule.action, Action::Return);
        let word = if returns { "RETURN" } else { &verdict };
        self.judged(k, f, (rules, met, word), o);
        if !Self::is_on::<O>(f) || self.variant == Variant::Legacy {
            return;
        }
        let words = RuleText { rules, met, variant: self.variant }.to_string();
        let place = trace::Place { table: self.name, chain: met.chain, rule: met.at };
        let is_first = std::mem::replace(&mut self.is_first, false);
        trace::nft(k, f, seen, &place, &verdict, is_first, (met.handle, &words), o);
    }

    /// A rule has decided: whoever watches hears of it.
    fn judged<O: Observer>(
        &self,
        k: &Kernel,
        f: &Flight,
        (rules, met, verdict): (&Ruleset, Met<'_>, &str),
        o: &mut O,
    ) {
        let text = RuleText { rules, met, variant: self.variant };
        let judged = Judged {
            table: self.name.name(),
            chain: &met.chain.name,
            met: trace_event::Met::Rule,
            rule: met.at + 1,
            verdict,
            text: Words(&text),
        };
        stack::emit(k, f, o, |_| Event::Judged(judged));
    }

    /// No rule has decided: whoever watches hears what the base chain does.
    fn policy<O: Observer>(
        &self,
        k: &Kernel,
        f: &Flight,
        (rules, base): (&Ruleset, ChainId),
        o: &mut O,
    ) {
        let Some(chain) = rules.chain(base).filter(|_| O::ENABLED) else { return };
        let Some(decides) = chain.base else { return };
        let judged = Judged {
            table: self.name.name(),
            chain: &chain.name,
            met: trace_event::Met::Policy,
            rule: chain.rules.len() + 1,
            verdict: trace::policy(decides.policy),
            text: Words(&""),
        };
        stack::emit(k, f, o, |_| Event::Judged(judged));
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

/// A rule as `iptables-save` writes it.
struct RuleText<'r> {
    rules: &'r Ruleset,
    met: Met<'r>,
    variant: Variant,
}

impl fmt::Display for RuleText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = format!("-A {}", self.met.chain.name);
        let (family, variant) = (AddressFamily::Inet, Some(self.variant));
        Printer { family, variant, out: &mut words }.save(self.met.rule, None, |id: &ChainId| {
            self.rules.chain(*id).map_or("", |chain| &chain.name)
        });
        f.write_str(&words)
    }
}

/// What the base chain decides when no rule has.
fn policy(rules: &Ruleset, live: &mut [ChainLive], base: ChainId, f: &Flight) -> Sentence {
    let Some(decides) = rules.chain(base).and_then(|chain| chain.base) else {
        return Sentence::Accept;
    };
    if decides.counted {
        live[base.0 as usize].policy.count(f.skb.network_header().len());
    }
    match decides.policy {
        Policy::Drop => Sentence::Drop(DropReason::NetfilterDrop),
        Policy::Accept => Sentence::Accept,
    }
}

/// Whether a rule applies to the packet.
fn judge(rule: &Rule, live: &mut RuleLive, k: &mut Kernel, f: &Flight, seen: &Seen) -> Matched {
    if !ip_matches(&rule.ip, k, seen) {
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
fn ip_matches(rule: &IpRule, k: &Kernel, seen: &Seen) -> bool {
    rule.src.is_none_or(|wanted| addr_matches(&wanted, seen.src))
        && rule.dst.is_none_or(|wanted| addr_matches(&wanted, seen.dst))
        && rule.iif.as_ref().is_none_or(|wanted| name_matches(wanted, k, seen.iif))
        && rule.oif.as_ref().is_none_or(|wanted| name_matches(wanted, k, seen.oif))
        && rule.proto.is_none_or(|(proto, invert)| (proto == seen.proto) != invert)
        && rule.fragment.is_none_or(|wanted| (seen.frag_off != 0) == wanted)
}

/// Whether an address lies where a rule wants it.
fn addr_matches(wanted: &AddrMask, addr: Ipv4Addr) -> bool {
    let (IpAddr::V4(want), IpAddr::V4(mask)) = (wanted.addr, wanted.mask) else { return false };
    let equal = addr.to_bits() & mask.to_bits() == want.to_bits() & mask.to_bits();
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

//! What is expected, as files write it.

use super::super::{Counted, Expect, ExpectConntrack, ExpectCounter, ExpectWalk};
use super::{one_of, own_text, own_texts};
use crate::reading::{Fields, Mistakes};

/// What the one who acts may see.
pub(in super::super) const RESULTS: [&str; 8] =
    ["answered", "refused", "unreachable", "timed out", "denied", "no answer", "done", "failed"];
/// How a packet of a scenario may end.
const VERDICTS: [&str; 5] = ["delivered", "consumed", "rejected", "dropped", "lost"];
/// What of a packet may be translated.
const NAT: [&str; 4] = ["none", "source", "destination", "both"];
/// The tables of rules.
const TABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];
/// The table of commands that name none.
const DEFAULT_TABLE: &str = "filter";

/// Reads the table `expect` of a step.
pub(super) fn expect(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Expect {
    let conntrack = fields.tables("conntrack", "an expected connection", mistakes);
    let counters = fields.tables("counter", "an expected counter", mistakes);
    let expect = Expect {
        result: one_of(&mut fields, "result", &RESULTS, mistakes),
        output: own_texts(&mut fields, "output", mistakes),
        walk: walk(&mut fields, &VERDICTS, mistakes),
        conntrack: conntrack.into_iter().filter_map(|f| self::conntrack(f, mistakes)).collect(),
        counters: counters.into_iter().filter_map(|f| counter(f, mistakes)).collect(),
    };
    fields.finish(mistakes);
    expect
}

/// Reads what a packet has to meet; `verdicts` are the words for its end.
pub(in super::super) fn walk(
    fields: &mut Fields<'_, '_>,
    verdicts: &[&str],
    mistakes: &mut Mistakes,
) -> ExpectWalk {
    ExpectWalk {
        verdict: one_of(fields, "verdict", verdicts, mistakes),
        at: own_text(fields, "at", mistakes),
        path: own_texts(fields, "path", mistakes),
        avoids: own_texts(fields, "avoids", mistakes),
        ..judged(fields, mistakes)
    }
}

/// Reads what rules have to do with a packet.
pub(in super::super) fn judged(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> ExpectWalk {
    ExpectWalk {
        rule: own_text(fields, "rule", mistakes),
        source: own_text(fields, "source", mistakes),
        destination: own_text(fields, "destination", mistakes),
        nat: one_of(fields, "nat", &NAT, mistakes),
        rules: own_texts(fields, "rules", mistakes),
        ..ExpectWalk::default()
    }
}

fn conntrack(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<ExpectConntrack> {
    fields.demand("on", "\"node-1\"", mistakes);
    fields.demand("has", "\"tcp ESTABLISHED dst=10.43.0.1\"", mistakes);
    let on = own_text(&mut fields, "on", mistakes);
    let has = own_text(&mut fields, "has", mistakes);
    let count = fields.number("count", 0..i64::from(u32::MAX), mistakes);
    fields.finish(mistakes);
    let count = count.and_then(|count| usize::try_from(count.value).ok());
    Some(ExpectConntrack { on: on?, has: has?, count })
}

fn counter(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<ExpectCounter> {
    fields.demand("on", "\"node-1\"", mistakes);
    let on = own_text(&mut fields, "on", mistakes);
    let table = one_of(&mut fields, "table", &TABLES, mistakes);
    let mut text = |key, mistakes: &mut Mistakes| Some(own_text(&mut fields, key, mistakes)?.value);
    let (chain, rule) = (text("chain", mistakes), text("rule", mistakes));
    let (received, sent) = (text("received-by", mistakes), text("sent-by", mistakes));
    let mut number = |key, mistakes: &mut Mistakes| {
        let number = fields.number(key, 0..i64::MAX, mistakes)?;
        u64::try_from(number.value).ok()
    };
    let (packets, bytes) = (number("packets", mistakes), number("bytes", mistakes));
    let span = fields.span();
    fields.finish(mistakes);
    let named_table = table.is_some();
    let table = table.map_or_else(|| DEFAULT_TABLE.to_owned(), |table| table.value);
    let of = match (chain, rule, received, sent) {
        (Some(chain), Some(rule), None, None) => Counted::Rules { table, chain, rule },
        (Some(chain), None, None, None) => Counted::Policy { table, chain },
        (None, None, Some(dev), None) if !named_table => Counted::Received(dev),
        (None, None, None, Some(dev)) if !named_table => Counted::Sent(dev),
        _ => {
            let help = "either `chain`, with `rule` or without, or `received-by`, or `sent-by`";
            mistakes.add_with(span, "it is not clear what counts", help);
            return None;
        }
    };
    if packets.is_none() && bytes.is_none() {
        mistakes.add_with(span, "nothing is expected of the counter", "for example `packets = 1`");
        return None;
    }
    Some(ExpectCounter { on: on?, of, packets, bytes, span })
}

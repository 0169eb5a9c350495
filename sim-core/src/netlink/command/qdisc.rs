//! `tc qdisc add`, `change`, `replace`, `delete`.

use super::{Command, Line, NoCommand};
use crate::link::qdisc::netem::Share;
use crate::netlink::request::{NetemOptions, QdiscKind, QdiscSpec, QdiscVerb, Ticks};

pub(super) fn set(spec: &QdiscSpec, verb: QdiscVerb) -> Result<Command, NoCommand> {
    match verb {
        QdiscVerb::Add => line("add", spec),
        QdiscVerb::Change => line("change", spec),
        QdiscVerb::Link => line("link", spec),
        QdiscVerb::Replace => line("replace", spec),
    }
}

pub(super) fn del(spec: &QdiscSpec) -> Result<Command, NoCommand> {
    line("del", spec)
}

fn line(verb: &str, spec: &QdiscSpec) -> Result<Command, NoCommand> {
    let line = Line::of(&["tc", "qdisc", verb])
        .given("dev", spec.dev)
        .flag("root", spec.root)
        .given("handle", spec.handle.map(|handle| format!("{handle:x}:")));
    match &spec.kind {
        None => Ok(line.end()),
        Some(QdiscKind::Unknown(name)) => Ok(line.text(name).end()),
        Some(QdiscKind::Netem(options)) => netem(line.text("netem"), options),
    }
}

fn netem(line: Line, options: &NetemOptions) -> Result<Command, NoCommand> {
    let NetemOptions { limit, latency, jitter, loss, duplicate, gap, reorder } = *options;
    // What tc makes of its words by itself, it cannot be told to leave.
    match (gap, reorder) {
        (0, None) => {}
        (1.., Some(1..)) if latency != Ticks::ZERO => {}
        _ => return Err(NoCommand("packets in another order without delay, or without a gap")),
    }
    let given = |text: String, wanted: bool| wanted.then_some(text);
    let mut line = line.given("limit", (limit != NetemOptions::default().limit).then_some(limit));
    if latency != Ticks::ZERO || jitter != Ticks::ZERO {
        line = line.pair("delay", time(latency)?);
    }
    if jitter != Ticks::ZERO {
        line = line.text(time(jitter)?);
    }
    Ok(line
        .given("loss", given(percent(loss), loss != 0))
        .given("duplicate", given(percent(duplicate), duplicate != 0))
        .given("reorder", reorder.map(percent))
        .given("gap", (gap != 0).then_some(gap))
        .end())
}

/// Eight of tc's microseconds are 125 ticks (`tick_in_usec`).
const TICKS: (u64, u64) = (125, 8);

/// The whole microseconds of which tc makes this many ticks.
fn time(ticks: Ticks) -> Result<String, NoCommand> {
    let micros = (u64::from(ticks.0) * TICKS.1).div_ceil(TICKS.0);
    if micros * TICKS.0 / TICKS.1 != u64::from(ticks.0) {
        return Err(NoCommand("a delay of no whole number of microseconds"));
    }
    Ok(match micros {
        micros if micros != 0 && micros % 1_000_000 == 0 => format!("{}s", micros / 1_000_000),
        micros if micros != 0 && micros % 1000 == 0 => format!("{}ms", micros / 1000),
        micros => format!("{micros}us"),
    })
}

/// A share in percent, with as many digits as tell it from all others.
fn percent(share: Share) -> String {
    /// Twelve decimals are finer than a share, which is more than 2e-10 of all.
    const DECIMALS: u128 = 1_000_000_000_000;
    let all = u128::from(Share::MAX);
    let scaled = (u128::from(share) * 100 * DECIMALS + all / 2) / all;
    // The fewest decimals of which tc makes this share, also with doubles.
    let shortest = (0..=12_u32).find_map(|digits| {
        let unit = 10_u128.pow(12 - digits);
        let rounded = (scaled + unit / 2) / unit;
        let wanted = u128::from(share) * 100 * DECIMALS;
        let off = (rounded * unit * all).abs_diff(wanted);
        (off < 40 * DECIMALS).then_some((rounded, digits))
    });
    let (rounded, digits) = shortest.unwrap_or((scaled, 12));
    let scale = 10_u128.pow(digits);
    match digits {
        0 => format!("{rounded}%"),
        _ => format!("{}.{:0width$}%", rounded / scale, rounded % scale, width = digits as usize),
    }
}

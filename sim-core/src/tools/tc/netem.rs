//! What `netem` is told (`netem_parse_opt()`).

use crate::libc::number;
use crate::link::qdisc::netem::{NetemOptions, Share, Ticks};
use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::tc::number::{BadTime, percent, size, ticks};
use crate::tools::tc::usage;

#[derive(Clone, Copy)]
enum Word {
    Limit,
    Delay,
    Loss,
    Ecn,
    Reorder,
    Corrupt,
    Gap,
    Duplicate,
    Distribution,
    Rate,
    Slot,
}

/// In iproute2's order: `l` is the limit, `d` the delay.
const WORDS: &[Keyword<Word>] = &[
    abbr("limit", Word::Limit),
    abbr("latency", Word::Delay),
    abbr("delay", Word::Delay),
    abbr("loss", Word::Loss),
    abbr("drop", Word::Loss),
    abbr("ecn", Word::Ecn),
    abbr("reorder", Word::Reorder),
    abbr("corrupt", Word::Corrupt),
    abbr("gap", Word::Gap),
    abbr("duplicate", Word::Duplicate),
    abbr("distribution", Word::Distribution),
    abbr("rate", Word::Rate),
    abbr("slot", Word::Slot),
];

fn illegal(what: &str) -> Failure {
    Failure::returns(1, format!("Illegal \"{what}\"\n"))
}

fn not_modelled(what: &str) -> Failure {
    Failure::not_modelled(&format!("netem's \"{what}\""))
}

/// Reads the words behind `netem`.
pub(super) fn read(args: &mut Args<'_>) -> Result<NetemOptions> {
    let mut options = NetemOptions::default();
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::Limit) => {
                options.limit = size(args.value()?)?.ok_or_else(|| illegal("limit"))?;
            }
            Some(Word::Delay) => delay(args, &mut options)?,
            Some(Word::Loss) => loss(args, &mut options)?,
            Some(Word::Reorder) => options.reorder = Some(share(args, "reorder", "reorder")?),
            Some(Word::Gap) => {
                options.gap = number::u32(args.value()?).ok_or_else(|| illegal("gap"))?;
            }
            Some(Word::Duplicate) => options.duplicate = share(args, "duplicate", "duplicate")?,
            Some(Word::Ecn) => return Err(not_modelled("ecn")),
            Some(Word::Corrupt) => return Err(not_modelled("corrupt")),
            Some(Word::Distribution) => return Err(not_modelled("distribution")),
            Some(Word::Rate) => return Err(not_modelled("rate")),
            Some(Word::Slot) => return Err(not_modelled("slot")),
            None if text == "help" => return Err(usage::netem("")),
            None => return Err(usage::netem(&format!("What is \"{text}\"?\n"))),
        }
    }
    match (options.reorder.unwrap_or(0), options.gap) {
        (0, 1..) => Err(usage::netem("gap specified without reorder probability\n")),
        (0, 0) => Ok(options),
        (1.., _) if options.latency == Ticks::ZERO => {
            Err(usage::netem("reordering not possible without specifying some delay\n"))
        }
        (1.., gap) => Ok(NetemOptions { gap: gap.max(1), ..options }),
    }
}

/// Whether the next word is a number (`NEXT_IS_NUMBER()`).
fn number_follows(args: &Args<'_>) -> bool {
    args.peek().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// A share; how much one packet's fate depends on the last one's is not modelled.
fn share(args: &mut Args<'_>, what: &str, wrong: &str) -> Result<Share> {
    let share = percent(args.value()?)?.ok_or_else(|| illegal(wrong))?;
    if number_follows(args) {
        return Err(not_modelled(&format!("{what} PERCENT CORRELATION")));
    }
    Ok(share)
}

fn time(args: &mut Args<'_>) -> Result<Ticks> {
    ticks(args.value()?)?.map_err(|bad| match bad {
        BadTime::NotATime => illegal("latency"),
        BadTime::TooLarge(micros) => {
            let text = format!("Illegal {micros} time (too large)\nIllegal \"latency\"\n");
            Failure::returns(1, text)
        }
    })
}

fn delay(args: &mut Args<'_>, options: &mut NetemOptions) -> Result<()> {
    options.latency = time(args)?;
    if number_follows(args) {
        options.jitter = time(args)?;
        if number_follows(args) {
            return Err(not_modelled("delay TIME JITTER CORRELATION"));
        }
    }
    Ok(())
}

fn loss(args: &mut Args<'_>, options: &mut NetemOptions) -> Result<()> {
    if options.loss > 0 {
        return Err(illegal("duplicate loss argument\n"));
    }
    if !number_follows(args) {
        match args.value()? {
            "random" => {}
            model @ ("state" | "gemodel") => return Err(not_modelled(&format!("loss {model}"))),
            other => {
                let text = format!("Unknown loss parameter: {other}\n");
                return Err(Failure::returns(1, text));
            }
        }
    }
    options.loss = share(args, "loss", "loss percent")?;
    Ok(())
}

//! `tc qdisc show`.

use crate::netlink::message::qdisc::{self, QdiscMsg, REFCNT};
use crate::netlink::request::NetemOptions;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::print::Links as _;
use crate::tools::ip::options::Options;
use crate::tools::json::Scalar;
use crate::tools::printer::{Paint, Printer};
use crate::tools::session::Session;
use crate::tools::tc::number::{json_share, json_ticks, print_percent, print_size, print_ticks};
use crate::tools::tc::qdisc::{ROOT, device, handle, parent};
use crate::tools::tc::usage;

#[derive(Clone, Copy)]
enum Word {
    Dev,
    Root,
    Ingress,
    Parent,
    Handle,
    Help,
    Invisible,
}

/// In iproute2's order.
const WORDS: &[Keyword<Word>] = &[
    full("dev", Word::Dev),
    full("root", Word::Root),
    full("ingress", Word::Ingress),
    full("clsact", Word::Ingress),
    abbr("parent", Word::Parent),
    abbr("handle", Word::Handle),
    abbr("help", Word::Help),
    full("invisible", Word::Invisible),
];

/// Which ones are listed.
#[derive(Default)]
struct Filter<'a> {
    dev: Option<&'a str>,
    /// The parent; those at the root have `TC_H_ROOT`.
    parent: u32,
    handle: u16,
}

/// Lists them (`tc_qdisc_list()`).
pub(super) fn list(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
) -> Result<()> {
    let filter = read(session, args)?;
    let only = filter.dev.map(|name| device(session, name)).transpose()?;
    let kernel = &session.world.kernel;
    let index = only.map(|link| session.dev(link).map(|dev| kernel.devs[dev].ifindex));
    let here = session.host();
    let mut p = Printer::list(options);
    for msg in qdisc::dump(kernel, session.netns) {
        let fits = index.is_none_or(|index| index == Some(msg.ifindex))
            && matches!(filter.parent, 0 | ROOT)
            && (filter.handle == 0 || filter.handle == msg.handle);
        if fits {
            let name = index.is_none().then(|| here.link_name(msg.ifindex));
            print(&mut p, &msg, name.as_deref(), options);
        }
    }
    let text = p.finish_list();
    session.stdout += &text;
    Ok(())
}

fn read<'a>(session: &mut Session<'_>, args: &mut Args<'a>) -> Result<Filter<'a>> {
    let mut filter = Filter::default();
    while let Some(text) = args.next() {
        let word = keyword(WORDS, text);
        if let Some(Word::Root | Word::Ingress | Word::Parent | Word::Handle) = word {
            let twice = match (filter.parent, filter.handle) {
                (0, 0) => None,
                (0, _) => Some("handle is already specified"),
                _ => Some("parent is already specified"),
            };
            if let Some(why) = twice {
                return Err(Failure::invalid(why, text));
            }
        }
        match word {
            Some(Word::Dev) => filter.dev = Some(args.value()?),
            Some(Word::Root) => filter.parent = ROOT,
            // There are none.
            Some(Word::Ingress) => filter.parent = 0xffff_fff1,
            Some(Word::Parent) => {
                let text = args.value()?;
                filter.parent =
                    parent(text).ok_or_else(|| Failure::invalid("invalid parent ID", text))?;
            }
            Some(Word::Handle) => {
                let text = args.value()?;
                filter.handle =
                    handle(text).ok_or_else(|| Failure::invalid("invalid handle ID", text))?;
            }
            // The usage is printed, and the list nevertheless.
            Some(Word::Help) => session.err(format_args!("{}", usage::QDISC)),
            // What is hidden are the children of others, of which there are none.
            Some(Word::Invisible) => {}
            None => {
                let text = format!("What is \"{text}\"? Try \"tc qdisc help\".\n");
                return Err(Failure::returns(255, text));
            }
        }
    }
    Ok(filter)
}

/// Prints one (`print_qdisc()`).
fn print(p: &mut Printer, msg: &QdiscMsg, dev: Option<&str>, options: &Options) {
    p.open_object(None);
    p.any("kind", msg.kind, format_args!("qdisc {}", msg.kind));
    let handle = format!("{:x}:", msg.handle);
    p.any("handle", handle.as_str(), format_args!(" {handle}"));
    p.text(" ");
    if let Some(dev) = dev {
        p.text("dev ");
        p.painted(Paint::Device, "dev", dev, format_args!("{dev} "));
    }
    p.any("root", true, format_args!("root "));
    p.any("refcnt", REFCNT, format_args!("refcnt {REFCNT} "));
    p.open_object(Some("options"));
    match &msg.netem {
        Some(netem) => print_netem(p, netem),
        None if msg.kind == "pfifo_fast" => print_pfifo_fast(p),
        None => {}
    }
    p.close_object();
    p.new_line();
    if options.stats > 0 {
        print_stats(p, msg);
    }
    p.close_object();
}

/// Which band each priority goes to (`prio2band`).
const PRIORITY_TO_BAND: [u8; 16] = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

/// Prints what a device has whose driver may be too slow (`prio_print_opt()`).
fn print_pfifo_fast(p: &mut Printer) {
    p.any("bands", 3_u8, format_args!("bands 3 priomap"));
    p.open_array(Some("priomap"));
    for band in PRIORITY_TO_BAND {
        p.element(band, format_args!(" {band}"));
    }
    p.close_array();
    p.json("multiqueue", false);
}

/// Prints what a `netem` does (`netem_print_opt()`).
fn print_netem(p: &mut Printer, netem: &NetemOptions) {
    let NetemOptions { limit, latency, jitter, loss, duplicate, gap, reorder } = *netem;
    p.any("limit", limit, format_args!("limit {}", limit.cast_signed()));
    if latency.0 != 0 {
        p.open_object(Some("delay"));
        p.any(
            "delay",
            Scalar::Raw(json_ticks(latency)),
            format_args!(" delay {}", print_ticks(latency)),
        );
        p.json("jitter", Scalar::Raw(json_ticks(jitter)));
        if jitter.0 != 0 {
            p.fmt(format_args!("  {}", print_ticks(jitter)));
        }
        p.json("correlation", 0_u8);
        p.close_object();
    }
    let shares = [
        ("loss-random", "loss", loss),
        ("duplicate", "duplicate", duplicate),
        ("reorder", "reorder", reorder.unwrap_or(0)),
    ];
    for (object, key, share) in shares.into_iter().filter(|(.., share)| *share != 0) {
        p.open_object(Some(object));
        p.any(key, Scalar::Raw(json_share(share)), format_args!(" {key} {}", print_percent(share)));
        p.json("correlation", 0_u8);
        p.close_object();
    }
    p.json("ecn", false);
    p.json("gap", gap);
    if gap != 0 {
        p.fmt(format_args!(" gap {gap}"));
    }
}

/// Prints what it has counted (`print_tcstats2_attr()`). No `netem` counts what is over a limit.
fn print_stats(p: &mut Printer, msg: &QdiscMsg) {
    let stats = &msg.stats;
    p.any("bytes", stats.bytes, format_args!(" Sent {} bytes", stats.bytes));
    p.any("packets", stats.packets, format_args!(" {} pkt", stats.packets));
    p.any("drops", stats.drops, format_args!(" (dropped {}", stats.drops));
    p.any("overlimits", 0_u8, format_args!(", overlimits 0"));
    p.any("requeues", stats.requeues, format_args!(" requeues {}) ", stats.requeues));
    p.new_line();
    p.any("backlog", stats.backlog, format_args!(" backlog {}", print_size(stats.backlog)));
    p.any("qlen", stats.qlen, format_args!(" {}p", stats.qlen));
    p.fmt(format_args!(" requeues {}", stats.requeues));
    p.new_line();
}

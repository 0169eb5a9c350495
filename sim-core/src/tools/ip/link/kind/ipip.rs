//! `type ipip`.

use crate::libc::number;
use crate::netlink::request::{TunnelChange, TunnelProto};
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{inet, names};

#[derive(Clone, Copy)]
enum Word {
    Mode,
    Remote,
    Local,
    Dev,
    Ttl,
    Tos,
    Pmtudisc(bool),
    Noencap,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    full("mode", Word::Mode),
    full("remote", Word::Remote),
    full("local", Word::Local),
    abbr("dev", Word::Dev),
    full("ttl", Word::Ttl),
    full("hoplimit", Word::Ttl),
    full("hlim", Word::Ttl),
    full("tos", Word::Tos),
    full("tclass", Word::Tos),
    full("tc", Word::Tos),
    abbr("dsfield", Word::Tos),
    full("nopmtudisc", Word::Pmtudisc(false)),
    full("pmtudisc", Word::Pmtudisc(true)),
    full("noencap", Word::Noencap),
    full("encap", Word::NotModelled),
    full("encap-sport", Word::NotModelled),
    full("encap-dport", Word::NotModelled),
    full("encap-csum", Word::NotModelled),
    full("noencap-csum", Word::Noencap),
    full("encap-udp6-csum", Word::NotModelled),
    full("noencap-udp6-csum", Word::Noencap),
    full("encap-remcsum", Word::NotModelled),
    full("noencap-remcsum", Word::Noencap),
    full("external", Word::NotModelled),
    full("6rd-prefix", Word::NotModelled),
    full("6rd-relay_prefix", Word::NotModelled),
    full("6rd-reset", Word::NotModelled),
    full("fwmark", Word::NotModelled),
];

/// Reads the options up to the end of the line.
pub(super) fn read(args: &mut Args<'_>, host: &dyn Host) -> Result<TunnelChange> {
    // What is not said is said to be anything, if anything is said.
    let proto = args.peek().map(|_| TunnelProto::Any);
    let mut change = TunnelChange { proto, ..TunnelChange::default() };
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("the ipip option \"{text}\"")));
            }
            None => return Err(Failure::returns(1, usage::kind("ipip").unwrap_or_default())),
            Some(word) => set(&mut change, word, args, host)?,
        }
    }
    if change.ttl.is_some_and(|ttl| ttl != 0) && change.pmtudisc == Some(false) {
        return Err(Failure::exits(255, "ttl != 0 and nopmtudisc are incompatible\n"));
    }
    Ok(change)
}

fn set(change: &mut TunnelChange, word: Word, args: &mut Args<'_>, host: &dyn Host) -> Result<()> {
    let inet = Some(crate::family::AddressFamily::Inet);
    match word {
        Word::Mode => {
            let mode = args.value()?;
            match mode {
                "any/ipv4" | "any" => change.proto = Some(TunnelProto::Any),
                "ipv4/ipv4" | "ipip" | "ip4ip4" => change.proto = Some(TunnelProto::Ipip),
                "mpls/ipv4" | "mplsip" => {
                    return Err(Failure::not_modelled(&format!("the ipip mode \"{mode}\"")));
                }
                _ => return Err(Failure::invalid("Cannot guess tunnel mode.", mode)),
            }
        }
        Word::Remote => change.remote = inet::addr(args.value()?, inet)?,
        Word::Local => change.local = inet::addr(args.value()?, inet)?,
        Word::Dev => {
            let name = args.value()?;
            let dev = host.device(name);
            change.dev = Some(dev.ok_or_else(|| Failure::no_device(name).exiting(255))?);
        }
        Word::Ttl => {
            let text = args.value()?;
            let ttl = if text == "inherit" { Some(0) } else { number::u8(text) };
            change.ttl = Some(ttl.ok_or_else(|| Failure::invalid("invalid TTL\n", text))?);
        }
        Word::Tos => {
            let text = args.value()?;
            let tos = if text == "inherit" { Some(1) } else { names::dsfield(text) };
            change.tos = Some(tos.ok_or_else(|| Failure::invalid("bad TOS value", text))?);
        }
        Word::Pmtudisc(on) => change.pmtudisc = Some(on),
        Word::Noencap | Word::NotModelled => {}
    }
    Ok(())
}

//! `type vxlan`.

use std::net::IpAddr;

use crate::family::AddressFamily;
use crate::libc::number;
use crate::netlink::request::VxlanChange;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::args::Notes;
use crate::tools::ip::options::Options;
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{inet, names};

#[derive(Clone, Copy)]
enum Word {
    Id,
    Group,
    Remote,
    Local,
    Dev,
    Ttl,
    Tos,
    Df,
    Ageing,
    MaxAddress,
    SrcPort,
    DstPort,
    Switch(Switch, bool),
    Help,
    NotModelled,
}

/// The options that are on or off, by a word of their own each.
#[derive(Clone, Copy)]
enum Switch {
    Learning,
    Proxy,
    Rsc,
    L2miss,
    L3miss,
    UdpCsum,
}

const WORDS: &[Keyword<Word>] = &[
    abbr("id", Word::Id),
    abbr("vni", Word::Id),
    abbr("group", Word::Group),
    abbr("remote", Word::Remote),
    abbr("local", Word::Local),
    abbr("dev", Word::Dev),
    abbr("ttl", Word::Ttl),
    abbr("hoplimit", Word::Ttl),
    abbr("tos", Word::Tos),
    abbr("dsfield", Word::Tos),
    abbr("df", Word::Df),
    abbr("label", Word::NotModelled),
    abbr("flowlabel", Word::NotModelled),
    abbr("ageing", Word::Ageing),
    abbr("maxaddress", Word::MaxAddress),
    abbr("port", Word::SrcPort),
    abbr("srcport", Word::SrcPort),
    abbr("dstport", Word::DstPort),
    abbr("nolearning", Word::Switch(Switch::Learning, false)),
    abbr("learning", Word::Switch(Switch::Learning, true)),
    abbr("noproxy", Word::Switch(Switch::Proxy, false)),
    abbr("proxy", Word::Switch(Switch::Proxy, true)),
    abbr("norsc", Word::Switch(Switch::Rsc, false)),
    abbr("rsc", Word::Switch(Switch::Rsc, true)),
    abbr("nol2miss", Word::Switch(Switch::L2miss, false)),
    abbr("l2miss", Word::Switch(Switch::L2miss, true)),
    abbr("nol3miss", Word::Switch(Switch::L3miss, false)),
    abbr("l3miss", Word::Switch(Switch::L3miss, true)),
    abbr("udpcsum", Word::Switch(Switch::UdpCsum, true)),
    abbr("noudpcsum", Word::Switch(Switch::UdpCsum, false)),
    abbr("udp6zerocsumtx", Word::NotModelled),
    abbr("noudp6zerocsumtx", Word::NotModelled),
    abbr("udp6zerocsumrx", Word::NotModelled),
    abbr("noudp6zerocsumrx", Word::NotModelled),
    abbr("remcsumtx", Word::NotModelled),
    abbr("noremcsumtx", Word::NotModelled),
    abbr("remcsumrx", Word::NotModelled),
    abbr("noremcsumrx", Word::NotModelled),
    abbr("external", Word::NotModelled),
    abbr("noexternal", Word::NotModelled),
    abbr("gbp", Word::NotModelled),
    abbr("gpe", Word::NotModelled),
    full("vnifilter", Word::NotModelled),
    full("novnifilter", Word::NotModelled),
    abbr("help", Word::Help),
];

impl Switch {
    fn slot(self, change: &mut VxlanChange) -> &mut Option<bool> {
        match self {
            Self::Learning => &mut change.learning,
            Self::Proxy => &mut change.proxy,
            Self::Rsc => &mut change.rsc,
            Self::L2miss => &mut change.l2miss,
            Self::L3miss => &mut change.l3miss,
            Self::UdpCsum => &mut change.udp_csum,
        }
    }
}

/// What iproute2 warns of when a new tunnel's port is left to the kernel.
const DEFAULT_PORT: &str = "vxlan: destination port not specified\n\
    Will use Linux kernel default (non-standard value)\n\
    Use 'dstport 4789' to get the IANA assigned value\n\
    Use 'dstport 0' to get default and quiet this message\n";

/// Reads the options up to the end of the line, for a new tunnel if `new` are the options of its `ip`.
pub(super) fn read(
    args: &mut Args<'_>,
    new: Option<&Options>,
    host: &dyn Host,
    notes: &mut Notes,
) -> Result<VxlanChange> {
    let mut reader = Reader { change: VxlanChange::default(), multicast: None };
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("the vxlan option \"{text}\"")));
            }
            Some(Word::Switch(switch, on)) => {
                once(switch.slot(&mut reader.change).is_some(), text, text)?;
                *switch.slot(&mut reader.change) = Some(on);
            }
            Some(Word::Help) => return Err(help("")),
            None => return Err(help(&format!("vxlan: unknown command \"{text}\"?\n"))),
            Some(word) => reader.set(word, args, host)?,
        }
    }
    let mut change = reader.change;
    if change.vni.is_none() && new.is_some() {
        return Err(Failure::returns(1, "vxlan: missing virtual network identifier\n"));
    }
    if reader.multicast == Some(true) && change.dev.is_none() {
        return Err(Failure::returns(1, "vxlan: 'group' requires 'dev' to be specified\n"));
    }
    if change.dst_port.is_none() && new.is_some() {
        notes.push_str(DEFAULT_PORT);
    }
    // 0 stands for the kernel's default, which is asked for by not sending anything.
    change.dst_port = change.dst_port.filter(|port| *port != 0);
    change.src_ports = change.src_ports.filter(|ports| *ports != (0, 0));
    Ok(change)
}

fn help(complaint: &str) -> Failure {
    Failure::returns(1, format!("{complaint}{}", usage::kind("vxlan").unwrap_or_default()))
}

fn once(given: bool, key: &str, text: &str) -> Result<()> {
    if given { Err(Failure::garbage(key, text)) } else { Ok(()) }
}

struct Reader {
    change: VxlanChange,
    /// Whether the address of unknown stations is a group's.
    multicast: Option<bool>,
}

impl Reader {
    fn set(&mut self, word: Word, args: &mut Args<'_>, host: &dyn Host) -> Result<()> {
        let change = &mut self.change;
        match word {
            Word::Id => {
                let text = args.value()?;
                once(change.vni.is_some(), "id", text)?;
                let vni = number::u32(text).filter(|vni| *vni < 1 << 24);
                change.vni = Some(vni.ok_or_else(|| Failure::invalid("invalid id", text))?);
            }
            Word::Group => self.set_group(args, true)?,
            Word::Remote => self.set_group(args, false)?,
            Word::Local => {
                let text = args.value()?;
                once(change.local.is_some(), "local", text)?;
                let addr = address(text, change.remote)?.filter(|addr| !addr.is_multicast());
                let addr = addr.ok_or_else(|| Failure::invalid("invalid local address", text))?;
                change.local = Some(addr);
            }
            Word::Dev => {
                let name = args.value()?;
                once(change.dev.is_some(), "dev", name)?;
                let dev = host.device(name);
                change.dev = Some(dev.ok_or_else(|| Failure::no_device(name).exiting(255))?);
            }
            Word::Ttl => set_ttl(change, args.value()?)?,
            Word::Tos => {
                let text = args.value()?;
                once(change.tos.is_some(), "tos", text)?;
                let tos = if text == "inherit" { Some(1) } else { names::dsfield(text) };
                change.tos = Some(tos.ok_or_else(|| Failure::invalid("bad TOS value", text))?);
            }
            Word::Df => set_df(change, args.value()?)?,
            Word::Ageing => {
                let text = args.value()?;
                once(change.ageing_s.is_some(), "ageing", text)?;
                let age = if text == "none" { Some(0) } else { number::u32(text) };
                change.ageing_s = Some(age.ok_or_else(|| Failure::invalid("ageing timer", text))?);
            }
            Word::MaxAddress => {
                let text = args.value()?;
                once(change.limit.is_some(), "maxaddress", text)?;
                let limit = if text == "unlimited" { Some(0) } else { number::u32(text) };
                change.limit = Some(limit.ok_or_else(|| Failure::invalid("max addresses", text))?);
            }
            Word::SrcPort => set_src_ports(change, args)?,
            Word::DstPort => {
                let text = args.value()?;
                once(change.dst_port.is_some(), "dstport", text)?;
                let port = number::u16(text).ok_or_else(|| Failure::invalid("dst port", text))?;
                change.dst_port = Some(port);
            }
            Word::Switch(..) | Word::Help | Word::NotModelled => {}
        }
        Ok(())
    }

    /// `group` and `remote` set the same address, and each insists on its kind.
    fn set_group(&mut self, args: &mut Args<'_>, group: bool) -> Result<()> {
        if self.multicast == Some(!group) {
            let text = "vxlan: both group and remote cannot be specified\n";
            return Err(Failure::returns(1, text));
        }
        let key = if group { "group" } else { "remote" };
        let text = args.value()?;
        once(self.change.remote.is_some(), key, text)?;
        let addr = address(text, self.change.local)?.filter(|addr| addr.is_multicast() == group);
        let addr = addr.ok_or_else(|| Failure::invalid(&format!("invalid {key} address"), text))?;
        self.multicast = Some(group);
        self.change.remote = Some(addr);
        Ok(())
    }
}

/// An address of the family that the other end's address has; only IPv4 carries tunnels.
fn address(text: &str, other: Option<IpAddr>) -> Result<Option<IpAddr>> {
    match inet::addr(text, other.map(AddressFamily::of))? {
        Some(IpAddr::V6(_)) => Err(Failure::not_modelled("VXLAN over IPv6")),
        addr => Ok(addr),
    }
}

fn set_ttl(change: &mut VxlanChange, text: &str) -> Result<()> {
    once(change.ttl.is_some(), "ttl", text)?;
    change.ttl = Some(match text {
        "inherit" => return Err(Failure::not_modelled("the vxlan option \"ttl inherit\"")),
        "auto" => 0,
        _ => {
            let ttl = number::u32(text).ok_or_else(|| Failure::invalid("invalid TTL", text))?;
            u8::try_from(ttl).map_err(|_| Failure::invalid("TTL must be <= 255", text))?
        }
    });
    Ok(())
}

fn set_df(change: &mut VxlanChange, text: &str) -> Result<()> {
    once(change.df.is_some(), "df", text)?;
    change.df = Some(match text {
        "unset" => 0,
        "set" => 1,
        "inherit" => 2,
        _ => {
            let why = "DF must be 'unset', 'set' or 'inherit'";
            return Err(Failure::invalid(why, text));
        }
    });
    Ok(())
}

fn set_src_ports(change: &mut VxlanChange, args: &mut Args<'_>) -> Result<()> {
    let text = args.value()?;
    once(change.src_ports.is_some(), "srcport", text)?;
    let low = number::u16(text).ok_or_else(|| Failure::invalid("min port", text))?;
    let text = args.value()?;
    let high = number::u16(text).ok_or_else(|| Failure::invalid("max port", text))?;
    change.src_ports = Some((low, high));
    Ok(())
}

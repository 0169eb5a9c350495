//! `ip addr add`, `change`, `replace`, `delete`: from words to requests.

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::libc::number;
use crate::link::DevName;
use crate::link::inet::Scope;
use crate::netlink::NetlinkError;
use crate::netlink::request::AddrSpec;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet::Prefix;
use crate::tools::ip::link::args::Notes;
use crate::tools::ip::options::Options;
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{inet, names};

#[derive(Clone, Copy)]
enum Word {
    Peer,
    Broadcast,
    Scope,
    Dev,
    Label,
    Metric,
    ValidLft,
    PreferredLft,
    Flag(Flag),
    Local,
    Help,
    NotModelled,
}

/// What the flags of an address are to `ip addr add`.
#[derive(Clone, Copy)]
enum Flag {
    Noprefixroute,
    Autojoin,
    /// It can be given to IPv6 addresses only.
    V6Only,
    /// It is the kernel's to set.
    ReadOnly,
}

const WORDS: &[Keyword<Word>] = &[
    full("peer", Word::Peer),
    full("remote", Word::Peer),
    abbr("broadcast", Word::Broadcast),
    full("brd", Word::Broadcast),
    full("anycast", Word::NotModelled),
    full("scope", Word::Scope),
    full("dev", Word::Dev),
    full("label", Word::Label),
    abbr("metric", Word::Metric),
    abbr("priority", Word::Metric),
    abbr("preference", Word::Metric),
    abbr("valid_lft", Word::ValidLft),
    abbr("preferred_lft", Word::PreferredLft),
    full("secondary", Word::Flag(Flag::ReadOnly)),
    full("temporary", Word::Flag(Flag::ReadOnly)),
    full("nodad", Word::Flag(Flag::V6Only)),
    full("optimistic", Word::Flag(Flag::V6Only)),
    full("dadfailed", Word::Flag(Flag::ReadOnly)),
    full("home", Word::Flag(Flag::V6Only)),
    full("deprecated", Word::Flag(Flag::ReadOnly)),
    full("tentative", Word::Flag(Flag::ReadOnly)),
    full("permanent", Word::Flag(Flag::ReadOnly)),
    full("mngtmpaddr", Word::Flag(Flag::V6Only)),
    full("noprefixroute", Word::Flag(Flag::Noprefixroute)),
    full("autojoin", Word::Flag(Flag::Autojoin)),
    full("stable-privacy", Word::Flag(Flag::ReadOnly)),
    full("local", Word::Local),
    abbr("help", Word::Help),
];

/// The broadcast address as it was asked for.
#[derive(Clone, Copy)]
enum Broadcast {
    Is(Option<IpAddr>),
    /// `+`: the subnet's last address.
    Last,
    /// `-`: the subnet's first address.
    First,
}

#[derive(Default)]
struct Reader<'a> {
    family: Option<AddressFamily>,
    dev: Option<&'a str>,
    local: Option<(&'a str, Prefix)>,
    peer: Option<Prefix>,
    broadcast: Option<Broadcast>,
    label: Option<&'a str>,
    scope: Option<Scope>,
    metric: Option<u32>,
    valid_lft: Option<Lifetime>,
    preferred_lft: Option<Lifetime>,
    no_prefix_route: bool,
    autojoin: bool,
}

/// Seconds; `None` is forever.
type Lifetime = Option<u32>;

/// Reads the words behind `ip addr add` or, if `delete`, `ip addr delete` (`ipaddr_modify()`).
pub(crate) fn modify(
    args: &mut Args<'_>,
    options: &Options,
    host: &dyn Host,
    notes: &mut Notes,
    delete: bool,
) -> Result<AddrSpec> {
    let mut reader = Reader { family: options.family.addresses(), ..Reader::default() };
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::Help) => return Err(usage::addr()),
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("ip address's \"{text}\"")));
            }
            Some(Word::Flag(flag)) => reader.set_flag(flag, text, notes),
            Some(Word::Local) => {
                let text = args.value()?;
                reader.set_local(text)?;
            }
            None => reader.set_local(text)?,
            Some(word) => reader.set(word, text, args)?,
        }
    }
    reader.finish(host, notes, delete)
}

impl<'a> Reader<'a> {
    fn set(&mut self, word: Word, text: &str, args: &mut Args<'a>) -> Result<()> {
        match word {
            Word::Peer => {
                let text = args.value()?;
                if self.peer.is_some_and(|peer| peer.addr.is_some()) {
                    return Err(Failure::duplicate("peer", text));
                }
                let peer = inet::prefix(text, self.family)?;
                self.family = self.family.or_else(|| peer.addr.map(AddressFamily::of));
                self.peer = Some(peer);
            }
            Word::Broadcast => self.set_broadcast(args.value()?)?,
            Word::Scope => {
                let text = args.value()?;
                let scope = names::rt_scope(text);
                let scope = scope.ok_or_else(|| Failure::invalid("invalid scope value.", text))?;
                self.scope = Some(Scope(scope));
            }
            Word::Dev => self.dev = Some(args.value()?),
            Word::Label => self.label = Some(args.value()?),
            Word::Metric => {
                let text = args.value()?;
                let metric = number::u32(text);
                let invalid = || Failure::invalid("\"metric\" value is invalid\n", text);
                self.metric = Some(metric.ok_or_else(invalid)?);
            }
            Word::ValidLft => set_lifetime(&mut self.valid_lft, "valid_lft", text, args)?,
            Word::PreferredLft => {
                set_lifetime(&mut self.preferred_lft, "preferred_lft", text, args)?;
            }
            Word::Flag(_) | Word::Local | Word::Help | Word::NotModelled => {}
        }
        Ok(())
    }

    fn set_broadcast(&mut self, text: &str) -> Result<()> {
        if self.broadcast.is_some() {
            return Err(Failure::duplicate("broadcast", text));
        }
        self.broadcast = Some(match text {
            "+" => Broadcast::Last,
            "-" => Broadcast::First,
            _ => {
                let addr = inet::addr(text, self.family)?;
                self.family = self.family.or_else(|| addr.map(AddressFamily::of));
                Broadcast::Is(addr)
            }
        });
        Ok(())
    }

    fn set_flag(&mut self, flag: Flag, name: &str, notes: &mut Notes) {
        match flag {
            Flag::Noprefixroute => self.no_prefix_route = true,
            Flag::Autojoin => self.autojoin = true,
            Flag::V6Only if self.family == Some(AddressFamily::Inet6) => {}
            Flag::V6Only => {
                notes.push_str("Warning: ");
                notes.push_str(name);
                notes.push_str(" option can be set only for IPv6 addresses\n");
            }
            Flag::ReadOnly => {
                notes.push_str("Warning: ");
                notes.push_str(name);
                notes.push_str(" option is not mutable from userspace\n");
            }
        }
    }

    fn set_local(&mut self, text: &'a str) -> Result<()> {
        if self.local.is_some_and(|(_, local)| local.addr.is_some()) {
            return Err(Failure::garbage("local", text));
        }
        let local = inet::prefix(text, self.family)?;
        self.family = self.family.or_else(|| local.addr.map(AddressFamily::of));
        self.local = Some((text, local));
        Ok(())
    }

    fn finish(self, host: &dyn Host, notes: &mut Notes, delete: bool) -> Result<AddrSpec> {
        let Some(dev) = self.dev else {
            let text = "Not enough information: \"dev\" argument is required.\n";
            return Err(Failure::returns(1, text));
        };
        let (text, local) =
            self.local.unwrap_or(("", Prefix { addr: None, len: 0, specified: true }));
        let alone = self.peer.is_none_or(|peer| peer.addr.is_none());
        let any_prefix =
            delete && alone && !local.specified && local.addr.is_some_and(|a| a.is_ipv4());
        if any_prefix {
            notes.push_str(&wildcard_deletion(text));
        }
        let broadcast = self.broadcast_address(delete)?;
        let link = host.device(dev).ok_or_else(|| Failure::no_device(dev))?;
        self.check_lifetimes()?;
        if self.autojoin && !local.addr.is_some_and(|addr| addr.is_multicast()) {
            return Err(Failure::returns(1, "autojoin needs multicast address\n"));
        }
        if self.family == Some(AddressFamily::Inet6) {
            return Err(Failure::not_modelled("an IPv6 address on a device"));
        }
        let Some(addr) = local.addr else {
            // Without a family nobody in the kernel takes the request.
            return Err(Failure::kernel(2, &Errno::EOPNOTSUPP.into()));
        };
        let scope = (!delete).then(|| self.scope.unwrap_or_else(|| default_scope(addr)));
        let peer = self.peer.filter(|_| !alone);
        Ok(AddrSpec {
            dev: link,
            local: addr,
            peer: peer.and_then(|peer| peer.addr),
            prefix_len: match peer {
                Some(peer) if peer.len != 0 => peer.len,
                _ => local.len,
            },
            any_prefix,
            broadcast,
            label: self.label.map(label).transpose()?,
            scope: scope.or(self.scope),
            metric: self.metric,
            no_prefix_route: self.no_prefix_route,
            autojoin: self.autojoin,
            valid_lft_s: self.valid_lft.flatten(),
            preferred_lft_s: self.preferred_lft.flatten(),
            proto: 0,
        })
    }

    /// The broadcast address; `+` and `-` are worked out from the subnet.
    fn broadcast_address(&self, delete: bool) -> Result<Option<IpAddr>> {
        let last = match self.broadcast {
            None => return Ok(None),
            Some(Broadcast::Is(addr)) => return Ok(addr),
            Some(_) if delete => return Ok(None),
            Some(Broadcast::Last) => true,
            Some(Broadcast::First) => false,
        };
        let subnet = self.peer.or_else(|| self.local.map(|(_, local)| local));
        match subnet.and_then(|subnet| Some((subnet.addr?, subnet.len))) {
            Some((IpAddr::V4(addr), len)) if len <= 30 => {
                let host = u32::MAX.checked_shr(len.into()).unwrap_or(0);
                let addr = u32::from(addr);
                let addr = if last { addr | host } else { addr & !host };
                Ok(Some(Ipv4Addr::from(addr).into()))
            }
            Some((IpAddr::V4(_), _)) => Ok(None),
            _ => Err(Failure::returns(1, "Broadcast can be set only for IPv4 addresses\n")),
        }
    }

    fn check_lifetimes(&self) -> Result<()> {
        if self.valid_lft.is_none() && self.preferred_lft.is_none() {
            return Ok(());
        }
        let seconds = |lft: Option<Lifetime>| lft.flatten().unwrap_or(u32::MAX);
        if seconds(self.valid_lft) == 0 {
            return Err(Failure::returns(1, "valid_lft is zero\n"));
        }
        if seconds(self.valid_lft) < seconds(self.preferred_lft) {
            return Err(Failure::returns(1, "preferred_lft is greater than valid_lft\n"));
        }
        Ok(())
    }
}

fn wildcard_deletion(addr: &str) -> String {
    format!(
        "Warning: Executing wildcard deletion to stay compatible with old scripts.\n         \
         Explicitly specify the prefix length ({addr}/32) to avoid this warning.\n         \
         This special behaviour is likely to disappear in further releases,\n         \
         fix your scripts!\n"
    )
}

/// Loopback addresses are the host's own business (`default_scope()`).
fn default_scope(addr: IpAddr) -> Scope {
    if addr.is_loopback() && addr.is_ipv4() { Scope::HOST } else { Scope::UNIVERSE }
}

fn label(text: &str) -> Result<DevName> {
    DevName::label(text).map_err(|_| {
        let text = "Attribute failed policy validation";
        Failure::kernel(2, &NetlinkError::with_message(Errno::ERANGE, text))
    })
}

/// Reads a lifetime; `word` is how its keyword was written.
fn set_lifetime(
    slot: &mut Option<Lifetime>,
    key: &str,
    word: &str,
    args: &mut Args<'_>,
) -> Result<()> {
    if slot.is_some() {
        return Err(Failure::duplicate(key, word));
    }
    let text = args.value()?;
    *slot = Some(if text == "forever" {
        None
    } else {
        let seconds = number::u32(text);
        let seconds = seconds.ok_or_else(|| Failure::invalid(&format!("{key} value"), text))?;
        Some(seconds).filter(|seconds| *seconds != u32::MAX)
    });
    Ok(())
}

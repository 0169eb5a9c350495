//! The attributes of a device: what `ip link add`, `set`, `delete` and a veth's `peer` take in common.

use crate::id::IfIndex;
use crate::libc::number;
use crate::link::DevFlags;
use crate::netlink::request::{LinkChange, LinkRef};
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{inet, names};

/// The longest alias, in bytes (`IFALIASZ` with its terminator).
const MAX_ALIAS: usize = 256;

/// What the words said.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a> {
    /// The new name.
    pub(crate) name: Option<&'a str>,
    /// The device meant.
    pub(crate) dev: Option<&'a str>,
    /// The new number.
    pub(crate) index: Option<IfIndex>,
    /// The device it stands on.
    pub(crate) link: Option<&'a str>,
    /// The kind.
    pub(crate) kind: Option<&'a str>,
    /// A hardware address, of whatever length.
    pub(crate) address: Option<Vec<u8>>,
    /// A hardware broadcast address, of whatever length.
    pub(crate) broadcast: Option<Vec<u8>>,
    /// Everything that needs no further check.
    pub(crate) change: LinkChange,
}

#[derive(Clone, Copy)]
enum Word {
    Up,
    Down,
    Name,
    Index,
    Link,
    Address,
    Broadcast,
    TxQueueLen,
    Mtu,
    Netns,
    Multicast,
    Allmulticast,
    Promisc,
    Arp,
    Carrier,
    Master,
    Nomaster,
    Type,
    Alias,
    Group,
    Addrgenmode,
    Dev,
    Help,
    NotModelled,
}

/// In iproute2's order: `a` is an address, `m` a master, `t` a queue length.
const WORDS: &[Keyword<Word>] = &[
    full("up", Word::Up),
    full("down", Word::Down),
    full("name", Word::Name),
    full("index", Word::Index),
    abbr("link", Word::Link),
    abbr("address", Word::Address),
    abbr("broadcast", Word::Broadcast),
    full("brd", Word::Broadcast),
    abbr("txqueuelen", Word::TxQueueLen),
    full("qlen", Word::TxQueueLen),
    abbr("txqlen", Word::TxQueueLen),
    full("mtu", Word::Mtu),
    full("xdpgeneric", Word::NotModelled),
    full("xdpdrv", Word::NotModelled),
    full("xdpoffload", Word::NotModelled),
    full("xdp", Word::NotModelled),
    full("netns", Word::Netns),
    full("multicast", Word::Multicast),
    full("allmulticast", Word::Allmulticast),
    full("promisc", Word::Promisc),
    full("trailers", Word::NotModelled),
    full("arp", Word::Arp),
    full("carrier", Word::Carrier),
    full("vf", Word::NotModelled),
    abbr("master", Word::Master),
    full("vrf", Word::NotModelled),
    abbr("nomaster", Word::Nomaster),
    abbr("dynamic", Word::NotModelled),
    abbr("type", Word::Type),
    abbr("alias", Word::Alias),
    full("group", Word::Group),
    full("mode", Word::NotModelled),
    full("state", Word::NotModelled),
    abbr("numtxqueues", Word::NotModelled),
    abbr("numrxqueues", Word::NotModelled),
    abbr("addrgenmode", Word::Addrgenmode),
    abbr("link-netns", Word::NotModelled),
    abbr("link-netnsid", Word::NotModelled),
    full("protodown", Word::NotModelled),
    full("protodown_reason", Word::NotModelled),
    full("gso_max_size", Word::NotModelled),
    full("gso_max_segs", Word::NotModelled),
    full("gro_max_size", Word::NotModelled),
    full("parentdev", Word::NotModelled),
    abbr("help", Word::Help),
    full("dev", Word::Dev),
];

/// How IPv6 link-local addresses are made, by number.
pub(crate) const ADDR_GEN_MODES: [&str; 4] = ["eui64", "none", "stable_secret", "random"];

/// Reads attributes up to the end of the line or to behind `type KIND` (`iplink_parse()`).
pub(crate) fn read<'a>(args: &mut Args<'a>, host: &dyn Host) -> Result<Attributes<'a>> {
    let mut attributes = Attributes::default();
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::Type) => {
                attributes.kind = Some(args.value()?);
                break;
            }
            Some(Word::Help) => return Err(usage::link()),
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("ip link's \"{text}\"")));
            }
            Some(Word::Dev) => {
                let name = args.value()?;
                attributes.set_dev(name)?;
            }
            None => attributes.set_dev(text)?,
            Some(word) => attributes.set(word, args, host)?,
        }
    }
    attributes.finish_names();
    Ok(attributes)
}

impl<'a> Attributes<'a> {
    fn set_dev(&mut self, dev: &'a str) -> Result<()> {
        if self.dev != self.name {
            return Err(Failure::garbage("dev", dev));
        }
        if !is_plain_name(dev) {
            return Err(Failure::invalid("\"dev\" not a valid ifname", dev));
        }
        self.dev = Some(dev);
        Ok(())
    }

    /// Whichever of name and device was not given is the other one.
    fn finish_names(&mut self) {
        if self.name.is_none() {
            self.name = self.dev;
        } else if self.dev.is_none() {
            self.dev = self.name;
        }
    }

    fn set(&mut self, word: Word, args: &mut Args<'a>, host: &dyn Host) -> Result<()> {
        match word {
            Word::Up => self.flag(DevFlags::UP, true),
            Word::Down => self.flag(DevFlags::UP, false),
            Word::Name => self.set_name(args.value()?)?,
            Word::Index => self.set_index(args.value()?)?,
            Word::Link => self.link = Some(args.value()?),
            Word::Address => self.address = Some(inet::lladdr(args.value()?, 32)?),
            Word::Broadcast => self.broadcast = Some(inet::lladdr(args.value()?, 32)?),
            Word::TxQueueLen => {
                let slot = &mut self.change.tx_queue_len;
                *slot = Some(once(slot.as_ref(), args.value()?, "txqueuelen", integer)?);
            }
            Word::Mtu => {
                let slot = &mut self.change.mtu;
                *slot = Some(once(slot.as_ref(), args.value()?, "mtu", integer)?);
            }
            Word::Group => {
                let slot = &mut self.change.group;
                *slot = Some(once(slot.as_ref(), args.value()?, "group", names::group)?);
            }
            Word::Netns => {
                let slot = &mut self.change.netns;
                *slot = Some(once(slot.as_ref(), args.value()?, "netns", |name| host.netns(name))?);
            }
            Word::Multicast => {
                let on = args.on_off("multicast")?;
                self.flag(DevFlags::MULTICAST, on);
            }
            Word::Allmulticast => {
                let on = args.on_off("allmulticast")?;
                self.flag(DevFlags::ALLMULTI, on);
            }
            Word::Promisc => {
                let on = args.on_off("promisc")?;
                self.flag(DevFlags::PROMISC, on);
            }
            Word::Arp => {
                let on = args.on_off("arp")?;
                self.flag(DevFlags::NOARP, !on);
            }
            Word::Carrier => self.change.carrier = Some(on_off(args, "carrier")?),
            Word::Master => self.change.master = Some(Some(existing(args.value()?, host)?)),
            Word::Nomaster => self.change.master = Some(None),
            Word::Alias => self.set_alias(args.value()?)?,
            Word::Addrgenmode => self.set_addrgenmode(args.value()?)?,
            Word::Type | Word::Dev | Word::Help | Word::NotModelled => {}
        }
        Ok(())
    }

    fn flag(&mut self, flag: DevFlags, on: bool) {
        let (set, clear) = (&mut self.change.flags_on, &mut self.change.flags_off);
        let (to, from) = if on { (set, clear) } else { (clear, set) };
        *to |= flag.0;
        *from &= !flag.0;
    }

    fn set_name(&mut self, name: &'a str) -> Result<()> {
        if self.name.is_some() {
            return Err(Failure::duplicate("name", name));
        }
        if !is_interface_name(name) {
            return Err(Failure::invalid("\"name\" not a valid ifname", name));
        }
        self.name = Some(name);
        self.dev = self.dev.or(self.name);
        Ok(())
    }

    fn set_index(&mut self, text: &str) -> Result<()> {
        if self.index.is_some() {
            return Err(Failure::duplicate("index", text));
        }
        match u32::try_from(number::atoi(text)) {
            Ok(index) if index > 0 => self.index = Some(IfIndex(index)),
            _ => return Err(Failure::invalid("Invalid \"index\" value", text)),
        }
        Ok(())
    }

    fn set_alias(&mut self, alias: &str) -> Result<()> {
        if alias.len() >= MAX_ALIAS {
            return Err(Failure::invalid("alias too long\n", alias));
        }
        self.change.alias = Some(alias.to_owned());
        Ok(())
    }

    fn set_addrgenmode(&mut self, text: &str) -> Result<()> {
        let mode = ADDR_GEN_MODES.iter().zip(0..).find(|(name, _)| **name == text);
        let (_, number) =
            mode.ok_or_else(|| Failure::invalid("Invalid address generation mode\n", text))?;
        self.change.addrgenmode = Some(number);
        Ok(())
    }
}

/// Reads a value that may be given only once.
fn once<T>(
    before: Option<&T>,
    text: &str,
    key: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    if before.is_some() {
        return Err(Failure::duplicate(key, text));
    }
    read(text).ok_or_else(|| Failure::invalid(&format!("Invalid \"{key}\" value\n"), text))
}

/// A signed number, in the bits that go to the kernel.
fn integer(text: &str) -> Option<u32> {
    number::i32(text).map(i32::cast_unsigned)
}

/// The device with this name, which has to be there.
pub(crate) fn existing(name: &str, host: &dyn Host) -> Result<LinkRef> {
    host.device(name).ok_or_else(|| Failure::invalid("Device does not exist\n", name))
}

/// A switch that may be abbreviated (`parse_on_off()`).
pub(crate) fn on_off(args: &mut Args<'_>, key: &str) -> Result<bool> {
    const SWITCH: &[Keyword<bool>] = &[abbr("off", false), abbr("on", true)];
    let text = args.value()?;
    keyword(SWITCH, text).ok_or_else(|| {
        let words = "\"off\", \"on\"";
        let text = format!("Error: argument of \"{key}\" must be one of {words}, not \"{text}\"\n");
        Failure::returns(22, text)
    })
}

/// Whether iproute2 lets a name of any length pass (`check_altifname()`).
pub(crate) fn is_plain_name(name: &str) -> bool {
    let odd = |c: char| c == '/' || c == '\x0b' || c.is_ascii_whitespace();
    !name.is_empty() && !name.contains(odd)
}

/// Whether iproute2 lets a device's name pass (`check_ifname()`).
pub(crate) fn is_interface_name(name: &str) -> bool {
    name.len() <= crate::link::name::MAX_NAME_LEN && is_plain_name(name)
}

//! Which devices and addresses `ip address` and `ip link` show or flush.

use std::net::IpAddr;

use crate::family::AddressFamily;
use crate::id::IfIndex;
use crate::link::DevFlags;
use crate::netlink::message::addr::{
    IFA_F_DEPRECATED, IFA_F_NOPREFIXROUTE, IFA_F_PERMANENT, IFA_F_SECONDARY,
};
use crate::netlink::message::link::KindMsg;
use crate::netlink::message::{AddrMsg, LinkMsg};
use crate::netlink::request::LinkRef;
use crate::tools::argv::{Args, Keyword, abbreviates, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet::Prefix;
use crate::tools::ip::link::attributes::existing;
use crate::tools::ip::link::kind_print;
use crate::tools::ip::options::Family;
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{glob, inet, names};

/// What is looked for; everything that was not said fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Addresses of this family.
    pub(crate) family: Family,
    /// The device, by the name that was given for it.
    pub(crate) dev: Option<(String, LinkRef)>,
    /// The prefix that holds the address.
    pub(crate) to: Option<Prefix>,
    /// The scope.
    pub(crate) scope: Option<u8>,
    /// Only devices that are switched on.
    pub(crate) up: bool,
    /// Address flags, and which of them count.
    pub(crate) flags: (u32, u32),
    /// A pattern for labels.
    pub(crate) label: Option<String>,
    /// The device group.
    pub(crate) group: Option<u32>,
    /// The bridge that the device is a port of; or no port.
    pub(crate) master: Option<Option<LinkRef>>,
    /// The kind of device.
    pub(crate) kind: Option<String>,
    /// What the device is a port of, by kind.
    pub(crate) slave_kind: Option<String>,
}

#[derive(Clone, Copy)]
enum Word {
    To,
    Scope,
    Up,
    Label,
    Group,
    Master,
    Nomaster,
    Type,
    Dev,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    full("to", Word::To),
    full("scope", Word::Scope),
    full("up", Word::Up),
    full("label", Word::Label),
    full("group", Word::Group),
    full("master", Word::Master),
    full("vrf", Word::NotModelled),
    full("nomaster", Word::Nomaster),
    full("type", Word::Type),
    full("dev", Word::Dev),
];

/// The flags by name, with those of IPv6 alone, which no modelled address has.
pub(crate) const FLAGS: &[(&str, u32)] = &[
    ("secondary", IFA_F_SECONDARY),
    ("temporary", IFA_F_SECONDARY),
    ("nodad", 0x02),
    ("optimistic", 0x04),
    ("dadfailed", 0x08),
    ("home", 0x10),
    ("deprecated", IFA_F_DEPRECATED),
    ("tentative", 0x40),
    ("permanent", IFA_F_PERMANENT),
    ("mngtmpaddr", 0x100),
    ("noprefixroute", IFA_F_NOPREFIXROUTE),
    ("autojoin", 0x400),
    ("stable-privacy", 0x800),
];

/// The flag that a word means, and whether it has to be set (`get_filter()`).
fn flag(text: &str) -> Option<(u32, bool)> {
    let (name, wanted) = match text.strip_prefix('-') {
        Some(name) => (name, false),
        None => (text, true),
    };
    let (name, wanted) = match name {
        "dynamic" => ("permanent", !wanted),
        "primary" => ("secondary", !wanted),
        _ => (name, wanted),
    };
    FLAGS.iter().find(|(flag, _)| *flag == name).map(|(_, bit)| (*bit, wanted))
}

impl Filter {
    /// Reads what stands behind `show` or `flush`.
    pub(crate) fn read(args: &mut Args<'_>, family: Family, host: &dyn Host) -> Result<Self> {
        let mut filter = Self { family, ..Self::default() };
        let mut dev = None;
        while let Some(text) = args.next() {
            let word = keyword(WORDS, text);
            if let (None, Some((bit, wanted))) = (word, flag(text)) {
                let (flags, mask) = &mut filter.flags;
                *flags = if wanted { *flags | bit } else { *flags & !bit };
                *mask |= bit;
                continue;
            }
            match word {
                Some(Word::Dev) => {
                    let name = args.value()?;
                    set_dev(&mut dev, name)?;
                }
                None if abbreviates(text, "help") => return Err(usage::addr()),
                None => set_dev(&mut dev, text)?,
                Some(Word::NotModelled) => {
                    return Err(Failure::not_modelled(&format!("filtering by \"{text}\"")));
                }
                Some(word) => filter.set(word, args, host)?,
            }
        }
        if let Some(name) = dev {
            let missing = || Failure::returns(1, format!("Device \"{name}\" does not exist.\n"));
            filter.dev = Some((name.to_owned(), host.device(name).ok_or_else(missing)?));
        }
        Ok(filter)
    }

    fn set(&mut self, word: Word, args: &mut Args<'_>, host: &dyn Host) -> Result<()> {
        if let Word::Up = word {
            self.up = true;
            return Ok(());
        }
        if let Word::Nomaster = word {
            self.master = Some(None);
            return Ok(());
        }
        let text = args.value()?;
        match word {
            Word::To => {
                let prefix = inet::prefix(text, self.family.addresses())?;
                if self.family == Family::Unspec {
                    self.family = match prefix.addr {
                        None => Family::Unspec,
                        Some(IpAddr::V4(_)) => Family::Inet,
                        Some(IpAddr::V6(_)) => Family::Inet6,
                    };
                }
                self.to = Some(prefix);
            }
            Word::Scope => {
                self.scope = names::rt_scope(text);
                if self.scope.is_none() && text != "all" {
                    return Err(Failure::invalid("invalid \"scope\"\n", text));
                }
            }
            Word::Label => self.label = Some(text.to_owned()),
            Word::Group => {
                let invalid = || Failure::invalid("Invalid \"group\" value\n", text);
                self.group = Some(names::group(text).ok_or_else(invalid)?);
            }
            Word::Master => self.master = Some(Some(existing(text, host)?)),
            Word::Type => match text.strip_suffix("_slave") {
                Some(kind) => self.slave_kind = Some(kind.to_owned()),
                None => self.kind = Some(text.to_owned()),
            },
            Word::Up | Word::Nomaster | Word::Dev | Word::NotModelled => {}
        }
        Ok(())
    }

    /// Whether the kernel, which is asked for a bridge's ports or a kind of devices only, tells of this
    /// device at all.
    pub(crate) fn is_dumped(&self, msg: &LinkMsg, master: Option<Option<IfIndex>>) -> bool {
        let kind_is_known = self.kind.as_deref().is_some_and(is_known_kind);
        master.is_none_or(|master| master == msg.master)
            && (!kind_is_known || self.kind.as_deref() == Some(kind_print::name(&msg.kind)))
    }

    /// Whether a device that was told of is printed.
    pub(crate) fn fits_link(&self, msg: &LinkMsg) -> bool {
        let kind = Some(kind_print::name(&msg.kind)).filter(|_| msg.kind != KindMsg::None);
        let slave = msg.port.as_ref().map(|_| "bridge");
        (!self.up || msg.flags.contains(DevFlags::UP))
            && self.group.is_none_or(|group| group == msg.group)
            && (self.kind.is_none() || self.kind.as_deref() == kind)
            && (self.slave_kind.is_none() || self.slave_kind.as_deref() == slave)
    }

    /// Whether an address is printed.
    pub(crate) fn fits_addr(&self, msg: &AddrMsg, index: Option<IfIndex>) -> bool {
        let (flags, mask) = self.flags;
        index.is_none_or(|index| index == msg.index)
            && self.scope.is_none_or(|scope| scope == msg.scope.0)
            && (flags ^ msg.flags) & mask == 0
            && self.fits_family(msg)
            && self.label.as_deref().is_none_or(|label| glob::matches(label, msg.label.as_str()))
            && self.to.is_none_or(|to| holds(&to, msg.local))
    }

    /// Whether an address is of the family that is looked for.
    pub(crate) fn fits_family(&self, msg: &AddrMsg) -> bool {
        let family = AddressFamily::of(msg.local);
        match self.family {
            Family::Unspec => true,
            Family::Inet => family == AddressFamily::Inet,
            Family::Inet6 => family == AddressFamily::Inet6,
            Family::Packet | Family::Mpls | Family::Bridge => false,
        }
    }

    /// Whether the primary addresses only are meant.
    pub(crate) fn primaries_only(&self) -> bool {
        let (flags, mask) = self.flags;
        mask & IFA_F_SECONDARY != 0 && flags & IFA_F_SECONDARY == 0
    }
}

fn set_dev<'a>(dev: &mut Option<&'a str>, name: &'a str) -> Result<()> {
    if dev.is_some() {
        return Err(Failure::garbage("dev", name));
    }
    *dev = Some(name);
    Ok(())
}

/// Whether a prefix holds an address of its own family; one of length 0 holds all.
pub(crate) fn holds(prefix: &Prefix, addr: IpAddr) -> bool {
    prefix.len == 0 || prefix.net().is_some_and(|net| net.contains(&addr))
}

/// Whether the kernel has devices of this kind.
fn is_known_kind(kind: &str) -> bool {
    matches!(kind, "veth" | "bridge" | "vxlan" | "ipip" | "macvlan" | "dummy" | "tun")
}

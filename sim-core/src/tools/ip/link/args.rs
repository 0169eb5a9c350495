//! `ip link add`, `set`, `delete`: from words to requests.

use crate::errno::Errno;
use crate::id::IfIndex;
use crate::link::DevName;
use crate::netlink::NetlinkError;
use crate::netlink::request::{LinkAdd, LinkChange, LinkRef};
use crate::packet::MacAddr;
use crate::packet::ethernet::ETH_ALEN;
use crate::tools::argv::{Args, abbreviates};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::attributes::{self, Attributes};
use crate::tools::ip::link::kind;
use crate::tools::ip::options::Options;
use crate::tools::ip::usage;
use crate::tools::session::Host;

/// The devices that a change or a removal is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// One device.
    Device(LinkRef),
    /// All devices of a group.
    Group(u32),
}

/// What a command found out while it was read, beside its request: words on standard error that do
/// not end it.
pub(crate) type Notes = String;

/// The words behind `ip link add`.
pub(crate) fn add(
    args: &mut Args<'_>,
    options: &Options,
    host: &dyn Host,
    notes: &mut Notes,
) -> Result<LinkAdd> {
    let attributes = attributes::read(args, host)?;
    let (name, link) = new_names(&attributes, args, host)?;
    let Some(kind) = attributes.kind else {
        let text = "Not enough information: \"type\" argument is required\n";
        return Err(Failure::returns(1, text));
    };
    let kind = kind::add(kind, args, options, host, notes)?;
    let change = lay_change(attributes.change, &attributes.address, &attributes.broadcast)?;
    let name = name.map(kernel_name).transpose()?;
    Ok(LinkAdd { name, ifindex: attributes.index, kind, link, change })
}

/// Checks how a new device is named; returns its name and the device it stands on.
fn new_names<'a>(
    attributes: &Attributes<'a>,
    args: &Args<'_>,
    host: &dyn Host,
) -> Result<(Option<&'a str>, Option<LinkRef>)> {
    if attributes.change.group.is_some() && attributes.dev.is_none() {
        garbage(args)?;
        return Err(Failure::exits(255, "group cannot be used when creating devices.\n"));
    }
    if attributes.name != attributes.dev {
        let text = "both \"name\" and \"dev\" cannot be used when creating devices.\n";
        return Err(Failure::exits(255, text));
    }
    let link = match attributes.link {
        Some(link) => Some(host.device(link).ok_or_else(|| Failure::no_device(link))?),
        None => None,
    };
    Ok((attributes.name, link))
}

/// The words behind `ip link ... type veth peer`.
pub(crate) fn peer(
    args: &mut Args<'_>,
    host: &dyn Host,
) -> Result<(Option<DevName>, Option<IfIndex>, LinkChange)> {
    let attributes = attributes::read(args, host)?;
    let (name, link) = new_names(&attributes, args, host)?;
    if let Some(kind) = attributes.kind {
        return Err(Failure::duplicate("type", kind));
    }
    if link.is_some() {
        return Err(Failure::not_modelled("a \"link\" of a veth's peer"));
    }
    let change = lay_change(attributes.change, &attributes.address, &attributes.broadcast)?;
    Ok((name.map(kernel_name).transpose()?, attributes.index, change))
}

/// The words behind `ip link set`, with the kind whose options stand at the end.
pub(crate) fn set(
    args: &mut Args<'_>,
    host: &dyn Host,
    notes: &mut Notes,
) -> Result<(Target, LinkChange)> {
    let attributes = attributes::read(args, host)?;
    if let (Some(group), None) = (attributes.change.group, attributes.dev) {
        garbage(args)?;
        let mut change = lay_change(attributes.change, &attributes.address, &attributes.broadcast)?;
        change.group = None;
        return Ok((Target::Group(group), change));
    }
    let dev = known_device(&attributes, host)?;
    let mut change = lay_change(attributes.change, &attributes.address, &attributes.broadcast)?;
    if let Some(name) = attributes.name.filter(|name| Some(*name) != attributes.dev) {
        change.name = Some(kernel_name(name)?);
    }
    if let Some(index) = attributes.index {
        return Err(Failure::not_modelled(&format!("moving a device to index {index}")));
    }
    if let Some(kind) = attributes.kind {
        kind::set(kind, args, host, &mut change, notes)?;
    }
    Ok((Target::Device(dev), change))
}

/// The words behind `ip link delete`.
pub(crate) fn del(args: &mut Args<'_>, host: &dyn Host) -> Result<Target> {
    let attributes = attributes::read(args, host)?;
    if let (Some(group), None) = (attributes.change.group, attributes.dev) {
        garbage(args)?;
        return Ok(Target::Group(group));
    }
    let dev = known_device(&attributes, host)?;
    if attributes.kind.is_some() {
        garbage(args)?;
    }
    Ok(Target::Device(dev))
}

/// The device that an existing device's attributes are about.
fn known_device(attributes: &Attributes<'_>, host: &dyn Host) -> Result<LinkRef> {
    let dev = attributes.dev.and_then(|dev| host.device(dev));
    if let (Some(known), Some(bytes)) = (dev, &attributes.address) {
        let len = host.address_len(known);
        if bytes.len() != len {
            let text = format!("Invalid address length {} - must be {len} bytes\n", bytes.len());
            return Err(Failure::returns(1, text));
        }
        if len != ETH_ALEN {
            return Err(Failure::kernel(2, &Errno::EOPNOTSUPP.into()));
        }
    }
    if attributes.index.is_some() && attributes.change.netns.is_none() {
        let text = "index can be used only when creating devices or when moving device to another netns.\n";
        return Err(Failure::exits(255, text));
    }
    let Some(name) = attributes.dev else {
        let text = "Not enough information: \"dev\" argument is required.\n";
        return Err(Failure::exits(255, text));
    };
    dev.ok_or_else(|| Failure::no_device(name))
}

/// Refuses words that nothing will read.
fn garbage(args: &Args<'_>) -> Result<()> {
    match args.peek() {
        None => Ok(()),
        Some(word) => Err(Failure::exits(255, garbage_text(word))),
    }
}

/// What iproute2 says of words behind a kind that takes none.
pub(crate) fn no_options(args: &Args<'_>) -> Result<()> {
    match args.peek() {
        None => Ok(()),
        Some(word) if abbreviates(word, "help") => Err(usage::link()),
        Some(word) => Err(Failure::returns(1, garbage_text(word))),
    }
}

fn garbage_text(word: &str) -> String {
    format!("Garbage instead of arguments \"{word} ...\". Try \"ip link help\".\n")
}

/// The name in a request. The kernel refuses what iproute2 has let pass.
fn kernel_name(name: &str) -> Result<DevName> {
    name.parse().map_err(|_| {
        let error = if attributes::is_interface_name(name) {
            Errno::EINVAL.into()
        } else {
            NetlinkError::with_message(Errno::ERANGE, "Attribute failed policy validation")
        };
        Failure::kernel(2, &error)
    })
}

/// Puts the hardware addresses in; the kernel refuses those that are no Ethernet addresses.
fn lay_change(
    mut change: LinkChange,
    address: &Option<Vec<u8>>,
    broadcast: &Option<Vec<u8>>,
) -> Result<LinkChange> {
    change.address = ethernet(address.as_deref())?;
    change.broadcast = ethernet(broadcast.as_deref())?;
    Ok(change)
}

fn ethernet(bytes: Option<&[u8]>) -> Result<Option<MacAddr>> {
    let Some(bytes) = bytes else { return Ok(None) };
    match <[u8; 6]>::try_from(bytes) {
        Ok(octets) => Ok(Some(MacAddr(octets))),
        Err(_) => Err(Failure::kernel(2, &Errno::EINVAL.into())),
    }
}

//! `ip link add`, `replace` and `set`.

use super::{Command, Line, Names, NoCommand, link_kind, port};
use crate::link::{DevFlags, DevName};
use crate::netlink::request::{LinkAdd, LinkChange, LinkKind, LinkPeer, LinkRef};

/// How IPv6 link-local addresses are made, by number.
const ADDR_GEN_MODES: [&str; 4] = ["eui64", "none", "stable_secret", "random"];
/// The longest alias, in bytes.
const MAX_ALIAS: usize = 255;

pub(super) fn add(verb: &str, spec: &LinkAdd, names: &dyn Names) -> Result<Command, NoCommand> {
    if let LinkKind::Tun { tap } = spec.kind {
        return tuntap(verb, spec, tap);
    }
    let line = Line::of(&["ip", "link", verb]);
    let line = new_device(line, spec.name, &spec.change)?
        .given("index", spec.ifindex)
        .given("link", spec.link);
    let line = attributes(line, &spec.change, names)?;
    Ok(match &spec.kind {
        LinkKind::Veth(peer) => veth(line.pair("type", "veth"), peer, names)?,
        LinkKind::Bridge(change) => link_kind::bridge(line.pair("type", "bridge"), change),
        LinkKind::Vxlan(change) => link_kind::vxlan(line.pair("type", "vxlan"), change, true)?,
        LinkKind::Ipip(change) => link_kind::ipip(line.pair("type", "ipip"), change)?,
        LinkKind::Macvlan(mode) => link_kind::macvlan(line.pair("type", "macvlan"), *mode),
        LinkKind::Dummy => line.pair("type", "dummy"),
        LinkKind::Tun { .. } => line,
    }
    .end())
}

/// The name of a new device. What is an existing device's cannot be given to it.
fn new_device(line: Line, name: Option<DevName>, change: &LinkChange) -> Result<Line, NoCommand> {
    if name.is_none() && change.group.is_some() {
        return Err(NoCommand("the group of a new device without a name"));
    }
    let existing = change.name.is_some()
        || change.bridge.is_some()
        || change.port.is_some()
        || change.vxlan.is_some();
    if existing {
        return Err(NoCommand("a change of what a new device was just given"));
    }
    Ok(line.given("name", name))
}

/// TUN devices are not made by netlink, and are given nothing but a name.
fn tuntap(verb: &str, spec: &LinkAdd, tap: bool) -> Result<Command, NoCommand> {
    if spec.ifindex.is_some() || spec.link.is_some() || spec.change != LinkChange::default() {
        return Err(NoCommand("a TUN device with attributes"));
    }
    if verb != "add" {
        return Err(NoCommand("a TUN device that is replaced"));
    }
    let line = Line::of(&["ip", "tuntap", "add"]).given("dev", spec.name);
    Ok(line.pair("mode", if tap { "tap" } else { "tun" }).end())
}

fn veth(line: Line, peer: &LinkPeer, names: &dyn Names) -> Result<Line, NoCommand> {
    if *peer == LinkPeer::default() {
        return Ok(line);
    }
    let line = new_device(line.text("peer"), peer.name, &peer.change)?;
    attributes(line.given("index", peer.ifindex), &peer.change, names)
}

pub(super) fn set(
    dev: LinkRef,
    change: &LinkChange,
    names: &dyn Names,
) -> Result<Command, NoCommand> {
    if change.name.is_some_and(|name| dev == LinkRef::Name(name)) {
        return Err(NoCommand("a device that is renamed to its own name"));
    }
    let LinkChange { bridge, port, vxlan, .. } = change;
    let line = Line::of(&["ip", "link", "set", "dev"]).text(dev).given("name", change.name);
    let line = attributes(line, change, names)?;
    Ok(match (bridge, port, vxlan) {
        (None, None, None) => line,
        (Some(options), None, None) if *options != Default::default() => {
            link_kind::bridge(line.pair("type", "bridge"), options)
        }
        (None, Some(options), None) if *options != Default::default() => {
            port::options(line.pair("type", "bridge_slave"), options)
        }
        (None, Some(_), None)
            if LinkChange { port: None, ..change.clone() } == Default::default() =>
        {
            Line::of(&["bridge", "link", "set", "dev"]).text(dev)
        }
        (None, None, Some(options)) if *options != Default::default() => {
            link_kind::vxlan(line.pair("type", "vxlan"), options, false)?
        }
        _ => return Err(NoCommand("options of no kind of device, or of several")),
    }
    .end())
}

/// What new and existing devices take in common.
fn attributes(line: Line, change: &LinkChange, names: &dyn Names) -> Result<Line, NoCommand> {
    if change.group.is_some_and(|group| i32::try_from(group).is_err()) {
        return Err(NoCommand("a group of more than 31 bits"));
    }
    if change.alias.as_ref().is_some_and(|alias| alias.len() > MAX_ALIAS) {
        return Err(NoCommand("an alias of more than 255 bytes"));
    }
    let mode = change.addrgenmode.map(|mode| ADDR_GEN_MODES.get(usize::from(mode)));
    let Some(mode) = mode.map_or(Some(None), |known| known.map(Some)) else {
        return Err(NoCommand("an address generation mode that has no name"));
    };
    let line = flags(line, change)?
        .given("mtu", change.mtu.map(u32::cast_signed))
        .given("address", change.address)
        .given("broadcast", change.broadcast)
        .given("txqueuelen", change.tx_queue_len.map(u32::cast_signed))
        .given("group", change.group)
        .given("alias", change.alias.as_ref())
        .switch("carrier", change.carrier)
        .given("addrgenmode", mode);
    let line = match change.master {
        None => line,
        Some(None) => line.text("nomaster"),
        Some(Some(master)) => line.pair("master", master),
    };
    let Some(netns) = change.netns else { return Ok(line) };
    let name = names.netns(netns).ok_or(NoCommand("a namespace without a name"))?;
    Ok(line.text("netns").word(name))
}

/// The flags that have a word: whether it is `on` when the flag is set, or `off`.
const FLAGS: [(DevFlags, &str, bool); 4] = [
    (DevFlags::NOARP, "arp", false),
    (DevFlags::MULTICAST, "multicast", true),
    (DevFlags::ALLMULTI, "allmulticast", true),
    (DevFlags::PROMISC, "promisc", true),
];

fn flags(line: Line, change: &LinkChange) -> Result<Line, NoCommand> {
    let LinkChange { flags_on: on, flags_off: off, .. } = *change;
    let known = FLAGS.iter().fold(DevFlags::UP.0, |known, (flag, ..)| known | flag.0);
    if (on | off) & !known != 0 || on & off != 0 {
        return Err(NoCommand("flags that have no word, or that are both set and cleared"));
    }
    let line = line.flag("up", on & DevFlags::UP.0 != 0).flag("down", off & DevFlags::UP.0 != 0);
    Ok(FLAGS.iter().fold(line, |line, (flag, word, when_set)| {
        let wish = match (on & flag.0 != 0, off & flag.0 != 0) {
            (true, _) => Some(*when_set),
            (_, true) => Some(!*when_set),
            _ => None,
        };
        line.switch(word, wish)
    }))
}

//! New devices (`rtnl_newlink()`).

use crate::bridge;
use crate::errno::Errno;
use crate::id::{DevId, NetnsId};
use crate::kernel::{Kernel, rtnl};
use crate::link::kind::{ETH_MAX_MTU, ETH_MIN_MTU};
use crate::link::macvlan::MacvlanMode;
use crate::link::register::NewDev;
use crate::link::{DevFlags, DevKind, DevName, Tun, macvlan, veth};
use crate::netlink::NetlinkError;
use crate::netlink::link::{find, ipip, set, unmodelled, vxlan};
use crate::netlink::request::{LinkAdd, LinkChange, LinkKind, LinkPeer};
use crate::packet::MacAddr;
use crate::trace::Observer;

/// Makes the device and gives it its attributes.
pub(super) fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let target = spec.change.netns.unwrap_or(netns);
    validate(spec)?;
    check(k, netns, target, spec)?;
    match &spec.kind {
        LinkKind::Veth(peer) if **peer == LinkPeer::default() => {
            add_veth(k, (netns, target), spec, &peer_like(&spec.change), o)
        }
        LinkKind::Veth(peer) => add_veth(k, (netns, target), spec, peer, o),
        LinkKind::Bridge(options) => {
            let dev = bridge::events::create(k, &new_dev(target, spec, "bridge%d"), o)?;
            let change = LinkChange { bridge: Some(options.clone()), ..rest(&spec.change) };
            configure(k, dev, &change, o)
        }
        LinkKind::Vxlan(options) => {
            let new = new_dev(target, spec, "vxlan%d");
            let dev = vxlan::create(k, netns, &new, options, spec.change.mtu, o)?;
            configure(k, dev, &LinkChange { mtu: None, ..rest(&spec.change) }, o)
        }
        LinkKind::Ipip(options) => {
            let dev = ipip::create(k, netns, &new_dev(target, spec, "ipip%d"), options, o)?;
            configure(k, dev, &rest(&spec.change), o)
        }
        LinkKind::Macvlan(mode) => add_macvlan(k, netns, target, spec, *mode, o),
        LinkKind::Dummy => plain(k, target, spec, DevKind::Dummy, "dummy%d", o),
        LinkKind::Tun { tap } => {
            let pattern = if *tap { "tap%d" } else { "tun%d" };
            plain(k, target, spec, DevKind::Tun(Tun { tap: *tap }), pattern, o)
        }
    }
}

/// Makes the device, if there is none where the request comes from (`NLM_F_REPLACE`).
pub(super) fn replace<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    o: &mut O,
) -> Result<(), NetlinkError> {
    validate(spec)?;
    let there = match (spec.ifindex, spec.name) {
        (Some(index), _) => k.dev_by_index(netns, index),
        (None, Some(name)) => k.dev_by_name(netns, name),
        (None, None) => None,
    };
    if there.is_some() { Err(Errno::EOPNOTSUPP.into()) } else { add(k, netns, spec, o) }
}

/// Refuses what a kind refuses, whatever is there already (`ops->validate`).
fn validate(spec: &LinkAdd) -> Result<(), NetlinkError> {
    let LinkChange { address, mtu, .. } = spec.change;
    match &spec.kind {
        LinkKind::Ipip(_) => Ok(()),
        LinkKind::Vxlan(options) => vxlan::validate(address, mtu, options),
        LinkKind::Veth(peer) => {
            check_veth(address, mtu)?;
            check_veth(peer.change.address, peer.change.mtu)
        }
        LinkKind::Bridge(_) | LinkKind::Macvlan(_) | LinkKind::Dummy | LinkKind::Tun { .. } => {
            check_address(address)
        }
    }
}

/// Refuses what the kernel refuses before it makes anything (`__rtnl_newlink()`,
/// `rtnl_create_link()`).
fn check(k: &Kernel, netns: NetnsId, target: NetnsId, spec: &LinkAdd) -> Result<(), NetlinkError> {
    let taken = spec.ifindex.is_some_and(|index| k.dev_by_index(target, index).is_some())
        || spec.name.is_some_and(|name| k.dev_by_name(target, name).is_some());
    if taken {
        // A TUN device comes into being by an ioctl, which has its own word for it.
        let errno =
            if matches!(spec.kind, LinkKind::Tun { .. }) { Errno::EBUSY } else { Errno::EEXIST };
        return Err(errno.into());
    }
    if let Some(link) = spec.link {
        find(k, netns, link)?;
    }
    let (min, max) = match spec.kind {
        LinkKind::Bridge(_) => (ETH_MIN_MTU, ETH_MAX_MTU),
        LinkKind::Veth(_)
        | LinkKind::Vxlan(_)
        | LinkKind::Ipip(_)
        | LinkKind::Macvlan(_)
        | LinkKind::Dummy
        | LinkKind::Tun { .. } => (0, 0),
    };
    set::check_mtu_range(spec.change.mtu, min, max)
}

/// A new device's address must be one (`ndo_validate`).
fn check_address(addr: Option<MacAddr>) -> Result<(), NetlinkError> {
    if addr.is_some_and(|addr| !addr.is_valid()) {
        return Err(Errno::EADDRNOTAVAIL.into());
    }
    Ok(())
}

/// A wire's new end (`veth_validate()`); its MTU is refused without a word.
fn check_veth(addr: Option<MacAddr>, mtu: Option<u32>) -> Result<(), NetlinkError> {
    check_address(addr)?;
    if mtu.is_some_and(|mtu| !(ETH_MIN_MTU..=ETH_MAX_MTU).contains(&mtu)) {
        return Err(Errno::EINVAL.into());
    }
    Ok(())
}

/// What is known of the device from the start.
fn new_dev(netns: NetnsId, spec: &LinkAdd, pattern: &str) -> NewDev {
    NewDev {
        netns,
        name: spec.name.unwrap_or_else(|| pattern_name(pattern)),
        ifindex: spec.ifindex,
        addr: spec.change.address,
    }
}

/// The pattern that names a kind's devices.
fn pattern_name(pattern: &str) -> DevName {
    pattern.parse().expect("patterns are valid names")
}

/// The attributes that are left when the device is there. New devices do not get an alias
/// (`rtnl_newlink_create()` does not look at it).
fn rest(change: &LinkChange) -> LinkChange {
    LinkChange { name: None, netns: None, address: None, alias: None, ..change.clone() }
}

/// Makes a device of a kind that needs nothing else.
fn plain<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    kind: DevKind,
    pattern: &str,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let tun = matches!(kind, DevKind::Tun(_));
    let layer3 = matches!(kind, DevKind::Tun(Tun { tap: false }));
    let dev = k.alloc_netdev(&new_dev(netns, spec, pattern), kind, |device| {
        device.carrier = !tun;
        if layer3 {
            device.tx_queue_len = 500;
            device.addr = MacAddr::ZERO;
            device.broadcast = MacAddr::ZERO;
        }
    })?;
    k.register_netdevice(dev, o);
    configure(k, dev, &rest(&spec.change), o)
}

fn add_macvlan<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    target: NetnsId,
    spec: &LinkAdd,
    mode: MacvlanMode,
    o: &mut O,
) -> Result<(), NetlinkError> {
    match mode {
        MacvlanMode::Bridge | MacvlanMode::Private | MacvlanMode::Vepa => {}
        MacvlanMode::Passthru => return Err(unmodelled("macvlan mode passthru")),
        MacvlanMode::Source => return Err(unmodelled("macvlan mode source")),
    }
    let lower = find(k, netns, spec.link.ok_or(Errno::EINVAL)?)?;
    let new = new_dev(target, spec, "macvlan%d");
    let dev = macvlan::create(k, &new, lower, mode, spec.change.mtu, o)?;
    configure(k, dev, &LinkChange { mtu: None, ..rest(&spec.change) }, o)
}

/// The peer of which nothing was said: it shares the attributes that a device can be made with, but for its
/// name and address (`veth_newlink()`).
fn peer_like(change: &LinkChange) -> LinkPeer {
    let change = LinkChange {
        netns: change.netns,
        mtu: change.mtu,
        tx_queue_len: change.tx_queue_len,
        group: change.group,
        ..LinkChange::default()
    };
    LinkPeer { change, ..LinkPeer::default() }
}

/// Makes both ends of a wire (`veth_newlink()`): the peer stays where the request comes from, unless it says
/// otherwise.
fn add_veth<O: Observer>(
    k: &mut Kernel,
    (source, netns): (NetnsId, NetnsId),
    spec: &LinkAdd,
    peer: &LinkPeer,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let there = NewDev {
        netns: peer.change.netns.unwrap_or(source),
        name: peer.name.unwrap_or_else(|| pattern_name("veth%d")),
        ifindex: peer.ifindex,
        addr: peer.change.address,
    };
    if DevFlags(peer.change.flags_on).contains(DevFlags::UP) {
        // The peer would be switched on before it has a peer itself. Its number is used up.
        let peer = k.alloc_netdev(&there, DevKind::Dummy, |_| ())?;
        k.free_netdev(peer);
        return Err(Errno::ENOTCONN.into());
    }
    let other = veth::create_peer(k, &there, o)?;
    // Of the peer's attributes, only those count that a device can be made with.
    let peer = LinkChange { master: None, port: None, carrier: None, ..rest(&peer.change) };
    configure(k, other, &peer, o)?;
    let dev = veth::create(k, &new_dev(netns, spec, "veth%d"), other, o)?;
    configure(k, dev, &rest(&spec.change), o)
}

/// Gives a new device its attributes, or removes it again if it cannot have them. It is announced once,
/// with its flags (`rtnl_configure_link()`), and attached to a bridge after that.
fn configure<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    change: &LinkChange,
    o: &mut O,
) -> Result<(), NetlinkError> {
    match set::check(k, dev, change) {
        Ok(plan) => {
            let LinkChange { flags_on, flags_off, carrier, .. } = *change;
            let plain = LinkChange { flags_on: 0, flags_off: 0, carrier: None, ..change.clone() };
            let flags = LinkChange { flags_on, flags_off, ..LinkChange::default() };
            k.rtnl.hush(dev);
            set::apply(k, dev, &plain, plan.without_master(), o);
            k.rtnl.unhush(dev);
            if !set::set_flags(k, dev, &flags, o) {
                rtnl::link(k, dev);
            }
            let carrier = LinkChange { carrier, ..LinkChange::default() };
            set::apply(k, dev, &carrier, plan.only_master(), o);
            Ok(())
        }
        Err(refusal) => {
            k.unregister(dev, o);
            Err(refusal)
        }
    }
}

//! New devices (`rtnl_newlink()`).

use crate::bridge;
use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::link::register::NewDev;
use crate::link::{DevName, veth};
use crate::netlink::NetlinkError;
use crate::netlink::link::set;
use crate::netlink::request::{LinkAdd, LinkChange, LinkKind, LinkPeer};
use crate::trace::Observer;

/// Makes the device and gives it its attributes.
pub(super) fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let target = spec.change.netns.unwrap_or(netns);
    let taken = spec.ifindex.is_some_and(|index| k.dev_by_index(target, index).is_some())
        || spec.name.is_some_and(|name| k.dev_by_name(target, name).is_some());
    if taken {
        return Err(Errno::EEXIST.into());
    }
    match &spec.kind {
        LinkKind::Veth(peer) => add_veth(k, target, spec, peer, o),
        LinkKind::Bridge(options) => {
            let new = new_dev(k, target, spec, "bridge")?;
            let dev = bridge::events::create(k, &new, o)?;
            let change = LinkChange { bridge: Some(options.clone()), ..rest(&spec.change) };
            configure(k, dev, &change, o)
        }
        LinkKind::Vxlan(_)
        | LinkKind::Ipip(_)
        | LinkKind::Macvlan(_)
        | LinkKind::Dummy
        | LinkKind::Tun { .. } => Err(Errno::EOPNOTSUPP.into()),
    }
}

/// What is known of the device from the start.
fn new_dev(
    k: &Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    prefix: &str,
) -> Result<NewDev, NetlinkError> {
    let name = name_or_number(k, netns, spec.name, prefix)?;
    Ok(NewDev { netns, name, ifindex: spec.ifindex, addr: spec.change.address })
}

/// The wanted name, or the next one of the series.
fn name_or_number(
    k: &Kernel,
    netns: NetnsId,
    name: Option<DevName>,
    prefix: &str,
) -> Result<DevName, NetlinkError> {
    match name {
        Some(name) => Ok(name),
        None => k.free_dev_name(netns, prefix).ok_or_else(|| Errno::ENFILE.into()),
    }
}

/// The attributes that are left when the device is there.
fn rest(change: &LinkChange) -> LinkChange {
    LinkChange { name: None, netns: None, address: None, ..change.clone() }
}

/// Makes both ends of a wire.
fn add_veth<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    peer: &LinkPeer,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let far = peer.change.netns.unwrap_or(netns);
    let there = NewDev {
        netns: far,
        name: name_or_number(k, far, peer.name, "veth")?,
        ifindex: peer.ifindex,
        addr: peer.change.address,
    };
    let mut here = new_dev(k, netns, spec, "veth")?;
    if spec.name.is_none() && far == netns && here.name == there.name {
        let Ok(second) = (0..)
            .map(|n| format!("veth{n}").parse::<DevName>())
            .find(|name| {
                name.is_err()
                    || name.is_ok_and(|n| n != there.name && k.dev_by_name(netns, n).is_none())
            })
            .expect("an endless series")
        else {
            return Err(Errno::ENFILE.into());
        };
        here.name = second;
    }
    let (dev, other) = veth::create(k, &here, &there, o)?;
    configure(k, other, &rest(&peer.change), o)
        .and_then(|()| configure(k, dev, &rest(&spec.change), o))
        .inspect_err(|_| ())
}

/// Gives a new device its attributes, or removes it again if it cannot have them.
fn configure<O: Observer>(
    k: &mut Kernel,
    dev: crate::id::DevId,
    change: &LinkChange,
    o: &mut O,
) -> Result<(), NetlinkError> {
    match set::check(k, dev, change) {
        Ok(plan) => {
            set::apply(k, dev, change, plan, o);
            Ok(())
        }
        Err(refusal) => {
            k.unregister(dev, o);
            Err(refusal)
        }
    }
}

//! IPIP tunnels by ioctl (`ip_tunnel_siocdevprivate()`), as `ip tunnel` makes, changes and removes them.

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::{Kernel, rtnl};
use crate::link::ipip::{Ipip, TunnelErrors, TunnelProto};
use crate::link::register::NewDev;
use crate::link::{DevFlags, DevKind, DevName, NetDevice, carrier};
use crate::netlink::NetlinkError;
use crate::netlink::link::find;
use crate::netlink::request::TunnelSpec;
use crate::netns::notifier::{LinkEvent, link_event};
use crate::packet::MacAddr;
use crate::trace::Observer;
use crate::tunnel::ipip::default_mtu;

/// The device that is asked for new tunnels.
pub const BASE: &str = "tunl0";

/// Makes a tunnel (`SIOCADDTUNNEL`).
///
/// # Errors
///
/// `ENODEV` if there is no `tunl0`, `EEXIST` if the name is taken or there is one with the same ends.
pub fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    name: Option<DevName>,
    spec: &TunnelSpec,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let base = BASE.parse().map_err(|_| Errno::ENODEV)?;
    let (_, base) = ipip(k, netns, base)?;
    let ipip = Ipip {
        underlay: base.underlay,
        proto: TunnelProto::Ipip,
        errors: TunnelErrors::default(),
        by_ioctl: false,
        registered: spec.local,
        ..laid(k, netns, base, spec)?
    };
    if find_tunnel(k, &ipip).is_some() {
        return Err(Errno::EEXIST.into());
    }
    let pattern = || "ipip%d".parse().map_err(|_| Errno::EINVAL);
    let name = name.map_or_else(pattern, Ok)?;
    let new = NewDev { netns, name, ifindex: None, addr: Some(MacAddr::ZERO) };
    let dev = register(k, &new, ipip, |device| device.mtu = 0, o)?;
    // It is announced before it is ready, and again when it is.
    rtnl::link(k, dev);
    let mtu = default_mtu(k, &ipip);
    let device = &mut k.devs[dev];
    device.mtu = mtu;
    device.flags.set(DevFlags::POINTOPOINT, !ipip.remote.is_unspecified());
    rtnl::link(k, dev);
    k.devs[dev].kind = DevKind::Ipip(Ipip { by_ioctl: true, ..ipip });
    carrier::run(k, o);
    Ok(())
}

/// Makes the device of a tunnel.
///
/// # Errors
///
/// As [`Kernel::alloc_netdev`].
pub(super) fn create<O: Observer>(
    k: &mut Kernel,
    new: &NewDev,
    ipip: Ipip,
    o: &mut O,
) -> Result<DevId, Errno> {
    let mtu = default_mtu(k, &ipip);
    let ready = |device: &mut NetDevice| {
        device.mtu = mtu;
        device.flags.set(DevFlags::POINTOPOINT, !ipip.remote.is_unspecified());
    };
    register(k, new, ipip, ready, o)
}

/// Registers the device of a tunnel.
fn register<O: Observer>(
    k: &mut Kernel,
    new: &NewDev,
    ipip: Ipip,
    setup: impl FnOnce(&mut NetDevice),
    o: &mut O,
) -> Result<DevId, Errno> {
    let dev = k.alloc_netdev(new, DevKind::Ipip(ipip), |device| {
        device.broadcast = MacAddr::ZERO;
        device.addr_set = false;
        setup(device);
    })?;
    k.netns[ipip.underlay].tunnels.push(dev);
    k.register_netdevice(dev, o);
    Ok(dev)
}

/// Changes a tunnel (`SIOCCHGTUNNEL`).
///
/// # Errors
///
/// `ENODEV` if there is no such device, `EOPNOTSUPP` if it is no tunnel, `EEXIST` if there is another one with
/// the same ends, `EINVAL` if it gets a remote end and had none, or the other way round.
pub fn set<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    name: DevName,
    spec: &TunnelSpec,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let (dev, old) = ipip(k, netns, name)?;
    let new = laid(k, netns, old, spec)?;
    match find_tunnel(k, &new) {
        Some(other) if other != dev => return Err(Errno::EEXIST.into()),
        Some(_) => {}
        None => {
            let led = |addr: Ipv4Addr| !addr.is_unspecified() && !addr.is_multicast();
            let is_p2p = k.devs[dev].flags.contains(DevFlags::POINTOPOINT);
            if is_p2p != led(new.remote) || new.remote.is_multicast() {
                return Err(Errno::EINVAL.into());
            }
        }
    }
    k.devs[dev].kind = DevKind::Ipip(new);
    if new.link != old.link {
        k.devs[dev].mtu = default_mtu(k, &new);
    }
    if k.devs[dev].is_up() {
        link_event(k, dev, LinkEvent::Changed, o);
    }
    Ok(())
}

/// Removes a tunnel (`SIOCDELTUNNEL`).
///
/// # Errors
///
/// `ENODEV` if there is no such device, `EOPNOTSUPP` if it is no tunnel.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    name: DevName,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let (dev, _) = ipip(k, netns, name)?;
    k.unregister(dev, o);
    carrier::run(k, o);
    Ok(())
}

/// The tunnel with this name.
fn ipip(k: &Kernel, netns: NetnsId, name: DevName) -> Result<(DevId, Ipip), Errno> {
    let dev = k.dev_by_name(netns, name).ok_or(Errno::ENODEV)?;
    let DevKind::Ipip(ipip) = k.devs[dev].kind else { return Err(Errno::EOPNOTSUPP) };
    Ok((dev, ipip))
}

/// A tunnel with other parameters (`ip_tunnel_update()`).
fn laid(k: &Kernel, netns: NetnsId, ipip: Ipip, spec: &TunnelSpec) -> Result<Ipip, NetlinkError> {
    let link = match spec.dev {
        Some(link) => k.devs[find(k, netns, link)?].ifindex,
        None => IfIndex(0),
    };
    let TunnelSpec { local, remote, ttl, tos, .. } = *spec;
    Ok(Ipip { local, remote, link, ttl, tos, pmtudisc: spec.pmtudisc || ttl != 0, ..ipip })
}

/// The tunnel with the same ends (`ip_tunnel_find()`).
pub(super) fn find_tunnel(k: &Kernel, wanted: &Ipip) -> Option<DevId> {
    let ends = |i: &Ipip| (i.local, i.remote, i.link);
    let same = |dev: &&DevId| matches!(&k.devs[**dev].kind, DevKind::Ipip(other) if ends(other) == ends(wanted));
    k.netns[wanted.underlay].tunnels.iter().find(same).copied()
}

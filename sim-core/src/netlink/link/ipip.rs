//! New IPIP tunnels (`ipip_newlink()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::ipip::TunnelErrors;
use crate::link::register::NewDev;
use crate::link::{DevFlags, DevKind, Ipip};
use crate::netlink::NetlinkError;
use crate::netlink::link::find;
use crate::netlink::request::TunnelChange;
use crate::packet::MacAddr;
use crate::trace::Observer;
use crate::tunnel::ipip::default_mtu;

/// Makes a tunnel. Two with the same ends cannot be told apart.
pub(super) fn create<O: Observer>(
    k: &mut Kernel,
    underlay: NetnsId,
    new: &NewDev,
    change: &TunnelChange,
    o: &mut O,
) -> Result<DevId, NetlinkError> {
    let link = match change.dev {
        Some(link) => k.devs[find(k, underlay, link)?].ifindex,
        None => IfIndex(0),
    };
    let ipip = Ipip {
        underlay,
        local: addr(change.local)?,
        remote: addr(change.remote)?,
        link,
        ttl: change.ttl.unwrap_or(0),
        tos: change.tos.unwrap_or(0),
        pmtudisc: change.pmtudisc.unwrap_or(true),
        errors: TunnelErrors::default(),
    };
    let ends = |i: &Ipip| (i.local, i.remote, i.link);
    let taken = k.netns[underlay].tunnels.iter().any(
        |dev| matches!(&k.devs[*dev].kind, DevKind::Ipip(other) if ends(other) == ends(&ipip)),
    );
    if taken {
        return Err(Errno::EEXIST.into());
    }
    let mtu = default_mtu(k, &ipip);
    let new = NewDev { addr: Some(MacAddr::ZERO), ..*new };
    let dev = k.alloc_netdev(&new, DevKind::Ipip(ipip), |device| {
        device.mtu = mtu;
        device.broadcast = MacAddr::ZERO;
        device.addr_set = false;
        if !ipip.remote.is_unspecified() {
            device.flags |= DevFlags::POINTOPOINT;
        }
    })?;
    k.netns[underlay].tunnels.push(dev);
    k.register_netdevice(dev, o);
    Ok(dev)
}

/// The IPv4 address of an end.
fn addr(addr: Option<IpAddr>) -> Result<Ipv4Addr, Errno> {
    match addr {
        None => Ok(Ipv4Addr::UNSPECIFIED),
        Some(IpAddr::V4(addr)) => Ok(addr),
        Some(IpAddr::V6(_)) => Err(Errno::EINVAL),
    }
}

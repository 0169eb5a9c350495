//! New IPIP tunnels (`ipip_newlink()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::Ipip;
use crate::link::ipip::{TunnelErrors, TunnelProto};
use crate::link::register::NewDev;
use crate::netlink::NetlinkError;
use crate::netlink::link::find;
use crate::netlink::request::TunnelChange;
use crate::netlink::tunnel;
use crate::packet::MacAddr;
use crate::trace::Observer;

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
    let local = addr(change.local)?;
    let ipip = Ipip {
        underlay,
        proto: change.proto.unwrap_or(TunnelProto::Ipip),
        local,
        remote: addr(change.remote)?,
        link,
        ttl: change.ttl.unwrap_or(0),
        tos: change.tos.unwrap_or(0),
        // Where nothing at all is said, this is not either (`ipip_netlink_parms()`).
        pmtudisc: change.pmtudisc.unwrap_or_else(|| *change != TunnelChange::default()),
        by_ioctl: false,
        registered: local,
        errors: TunnelErrors::default(),
    };
    if tunnel::find_tunnel(k, &ipip).is_some() {
        return Err(Errno::EEXIST.into());
    }
    let new = NewDev { addr: Some(MacAddr::ZERO), ..*new };
    Ok(tunnel::create(k, &new, ipip, o)?)
}

/// The IPv4 address of an end.
fn addr(addr: Option<IpAddr>) -> Result<Ipv4Addr, Errno> {
    match addr {
        None => Ok(Ipv4Addr::UNSPECIFIED),
        Some(IpAddr::V4(addr)) => Ok(addr),
        Some(IpAddr::V6(_)) => Err(Errno::EINVAL),
    }
}

//! Neighbours (`RTM_NEWNEIGH`, `RTM_DELNEIGH`; `neigh_add()`, `neigh_delete()`).

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::family::{Family as _, V4};
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::neigh::protocol::Protocol as _;
use crate::neigh::update::{create, remove, update};
use crate::neigh::{NudState, Proxy, Update, UpdateRefused};
use crate::netlink::NetlinkError;
use crate::netlink::link::find;
use crate::netlink::request::{Create, NeighSpec};
use crate::trace::Observer;

/// Adds or changes one.
///
/// An addition that names no address is refused, but leaves an entry without one behind, as in the
/// kernel: a second addition is told that the entry exists.
pub fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &NeighSpec,
    mode: Create,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let (dev, addr) = target(k, netns, spec)?;
    let permanent = spec.state.is_none_or(|state| state == NudState::Permanent);
    if spec.proxy {
        let proxy = Proxy { permanent, protocol: spec.protocol, router: spec.router };
        k.netns[netns].arp.add_proxy(addr, dev, proxy);
        return Ok(());
    }
    let Some(dev) = dev else {
        return Err(NetlinkError::with_message(Errno::EINVAL, "Device not specified"));
    };
    // The kernel looks for the address as given, but keeps it under the device's key.
    let known = k.netns[netns].arp.get(dev, addr).is_some();
    match (known, mode) {
        (false, Create::Change | Create::Test) => return Err(Errno::ENOENT.into()),
        (true, Create::Exclusive | Create::Test) => return Err(Errno::EEXIST.into()),
        (false, _) => {
            create::<V4, O>(k, dev, addr, permanent || spec.extern_learn, o)
                .map_err(|_| NetlinkError::from(Errno::ENOBUFS))?;
        }
        (true, _) => {}
    }
    let key = V4::key(&k.devs[dev], addr);
    mark(k, netns, dev, key, spec);
    let change = Update {
        state: spec.state.unwrap_or(NudState::Permanent),
        lladdr: spec.lladdr,
        override_addr: !known || matches!(mode, Create::Replace | Create::Change),
        admin: true,
    };
    update::<V4, O>(k, dev, key, &change, o).map_err(refusal)
}

/// Notes what the request says beside state and address.
fn mark(k: &mut Kernel, netns: NetnsId, dev: DevId, key: Ipv4Addr, spec: &NeighSpec) {
    k.netns[netns].arp.change(dev, key, |neigh, _| {
        neigh.router = spec.router;
        neigh.extern_learn = spec.extern_learn;
        if spec.protocol != 0 {
            neigh.protocol = spec.protocol;
        }
    });
}

/// Removes one.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &NeighSpec,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let (dev, addr) = target(k, netns, spec)?;
    if spec.proxy {
        let found = k.netns[netns].arp.del_proxy(addr, dev);
        return if found { Ok(()) } else { Err(Errno::ENOENT.into()) };
    }
    let Some(dev) = dev else { return Err(Errno::EINVAL.into()) };
    if k.netns[netns].arp.get(dev, addr).is_none() {
        return Err(Errno::ENOENT.into());
    }
    k.netns[netns].arp.change(dev, addr, |neigh, _| neigh.extern_learn = false);
    let failed = Update { state: NudState::Failed, lladdr: None, override_addr: true, admin: true };
    update::<V4, O>(k, dev, addr, &failed, o).map_err(refusal)?;
    remove::<V4, O>(k, dev, addr, o);
    Ok(())
}

/// The device and the address of a request.
fn target(
    k: &Kernel,
    netns: NetnsId,
    spec: &NeighSpec,
) -> Result<(Option<DevId>, Ipv4Addr), NetlinkError> {
    let dev = match spec.dev {
        Some(dev) => Some(find(k, netns, dev)?),
        None => None,
    };
    let addr = V4::addr(spec.addr).ok_or(Errno::EAFNOSUPPORT)?;
    Ok((dev, addr))
}

fn refusal(refused: UpdateRefused) -> NetlinkError {
    match refused {
        UpdateRefused::Fixed => Errno::EPERM.into(),
        UpdateRefused::NoAddress => {
            NetlinkError::with_message(Errno::EINVAL, "No link layer address given")
        }
    }
}

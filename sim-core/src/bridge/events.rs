//! Bridges and ports come and go (`net/bridge/br_if.c`, `br_device_event()`).

use crate::bridge::{Bridge, Port, PortState, bridge_of, fdb, gc, multicast, port_of, state};
use crate::errno::{Errno, NetlinkError};
use crate::id::{BridgeId, DevId, Id as _};
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::link::filter::{set_allmulti, set_promiscuity};
use crate::link::register::NewDev;
use crate::link::{DevKind, LinkType, RxHandler, speed};

use crate::netns::notifier::LinkEvent;
use crate::trace::Observer;

/// Makes a bridge (`br_dev_newlink()`).
///
/// # Errors
///
/// `EEXIST` if the name is taken, `EBUSY` if the number is.
pub fn create<O: Observer>(k: &mut Kernel, new: &NewDev, o: &mut O) -> Result<DevId, Errno> {
    let bridge = k.bridges.insert(Bridge::new(DevId::from_index(0)));
    let dev = k
        .alloc_netdev(new, DevKind::Bridge(bridge), |_| ())
        .inspect_err(|_| drop(k.bridges.remove(bridge)))?;
    k.bridges[bridge].dev = dev;
    let own = k.devs[dev].addr;
    k.register_netdevice(dev, o);
    fdb::add_local(k, bridge, None, own);
    if let Some(addr) = new.addr {
        state::change_addr(k, bridge, addr);
    }
    Ok(dev)
}

/// What a bridge takes a path by the device to cost: the less, the faster the device claims to be
/// (`port_cost()`).
fn path_cost(k: &Kernel, dev: DevId) -> u32 {
    match speed::mbits(k, dev) {
        Some(10_000) => 2,
        Some(10_001..) => 1,
        Some(_) | None => 100,
    }
}

/// Attaches a device to a bridge (`br_add_if()`); [`check_port`] has allowed it.
pub fn add_port<O: Observer>(k: &mut Kernel, bridge: BridgeId, dev: DevId, o: &mut O) {
    let Some(no) = k.bridges[bridge].ports.free_no() else { return };
    let master = k.bridges[bridge].dev;
    set_allmulti(k, dev, true);
    k.devs[dev].rx_handler = RxHandler::Bridge { bridge, port: no };
    k.devs[dev].master = Some(master);
    let port = Port::new(dev, no, path_cost(k, dev));
    k.bridges[bridge].ports.insert(port);
    // For its new upper device, and because it takes every frame now.
    rtnl::link(k, dev);
    set_promiscuity(k, dev, true);
    rtnl::link(k, dev);
    if k.bridges[bridge].ports.iter().count() == 1 {
        rtnl::features(k, master);
    }
    let addr = k.devs[dev].addr;
    fdb::add_local(k, bridge, Some(no), addr);
    state::recalculate_addr(k, bridge, o);
    if k.devs[dev].is_running() && k.devs[master].is_up() {
        state::enable_port(k, bridge, no);
    }
    rtnl::port(k, dev, Change::New);
    adjust_mtu(k, bridge, o);
}

/// Lets go of all ports of a bridge that goes, and of all stations (`br_dev_delete()`).
pub fn dissolve<O: Observer>(k: &mut Kernel, bridge: BridgeId, o: &mut O) {
    let dev = k.bridges[bridge].dev;
    k.rtnl.hush(dev);
    let ports: Vec<DevId> = k.bridges[bridge].ports.iter().map(|port| port.dev).collect();
    for port in ports {
        del_port(k, port, o);
    }
    k.rtnl.unhush(dev);
    fdb::delete_by_port(k, bridge, None, true);
}

/// Whether a device may become a port.
///
/// # Errors
///
/// `EINVAL` for devices that cannot be ports, `ELOOP` for bridges, `EXFULL` when all numbers are
/// taken.
pub fn check_port(k: &Kernel, bridge: BridgeId, dev: DevId) -> Result<(), NetlinkError> {
    let device = &k.devs[dev];
    if device.link_type() != LinkType::Ether || !device.addr.is_valid() {
        return Err(Errno::EINVAL.into());
    }
    if bridge_of(k, dev).is_some() {
        let text = "Can not enslave a bridge to a bridge";
        return Err(NetlinkError::with_message(Errno::ELOOP, text));
    }
    if device.rx_handler == RxHandler::Macvlan {
        return Err(Errno::EBUSY.into());
    }
    if k.bridges[bridge].ports.free_no().is_none() {
        return Err(Errno::EXFULL.into());
    }
    Ok(())
}

/// Detaches a device from its bridge (`br_del_if()`).
pub fn del_port<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    let Some((bridge, no)) = port_of(k, dev) else { return };
    set_allmulti(k, dev, false);
    set_promiscuity(k, dev, false);
    // It no longer takes every frame.
    rtnl::link(k, dev);
    state::disable_port(k, bridge, no);
    rtnl::port(k, dev, Change::Deleted);
    fdb::delete_by_port(k, bridge, Some(no), true);
    multicast::del_port(k, bridge, no);
    let br = &mut k.bridges[bridge];
    br.ports.remove(no);
    br.suppresses = br.ports.iter().any(|p| p.flags.neigh_suppress || p.flags.proxy_arp);
    k.devs[dev].rx_handler = RxHandler::None;
    k.devs[dev].master = None;
    rtnl::link(k, dev);
    adjust_mtu(k, bridge, o);
    state::recalculate_addr(k, bridge, o);
    if k.bridges[bridge].ports.iter().next().is_none() {
        let master = k.bridges[bridge].dev;
        rtnl::features(k, master);
    }
}

/// Follows a change of a device.
pub fn link_event<O: Observer>(k: &mut Kernel, dev: DevId, event: LinkEvent, o: &mut O) {
    if let Some(bridge) = bridge_of(k, dev) {
        own_event(k, bridge, event);
    }
    let Some((bridge, no)) = port_of(k, dev) else { return };
    let bridge_up = k.devs[k.bridges[bridge].dev].is_up();
    match event {
        LinkEvent::Up if bridge_up && k.devs[dev].is_running() => {
            state::enable_port(k, bridge, no);
        }
        LinkEvent::Up => rtnl::port(k, dev, Change::New),
        LinkEvent::Down if bridge_up => state::disable_port(k, bridge, no),
        LinkEvent::Changed | LinkEvent::Flagged if bridge_up => {
            let enabled =
                k.bridges[bridge].ports.get(no).is_some_and(|p| p.state != PortState::Disabled);
            match (k.devs[dev].is_running(), enabled) {
                (true, false) => state::enable_port(k, bridge, no),
                (false, true) => state::disable_port(k, bridge, no),
                (true, true) | (false, false) => rtnl::port(k, dev, Change::New),
            }
        }
        LinkEvent::AddressChanged => {
            let addr = k.devs[dev].addr;
            fdb::port_changed(k, bridge, no, addr);
            state::recalculate_addr(k, bridge, o);
            rtnl::port(k, dev, Change::New);
        }
        LinkEvent::MtuChanged => adjust_mtu(k, bridge, o),
        LinkEvent::Unregistering => del_port(k, dev, o),
        LinkEvent::Down | LinkEvent::Changed | LinkEvent::Flagged => {
            rtnl::port(k, dev, Change::New);
        }
        LinkEvent::Registered | LinkEvent::Renamed => {}
    }
}

/// Follows a change of the bridge's own device.
fn own_event(k: &mut Kernel, bridge: BridgeId, event: LinkEvent) {
    let ports: Vec<_> = k.bridges[bridge].ports.iter().map(|p| (p.no, p.dev, p.state)).collect();
    match event {
        LinkEvent::Up => {
            gc::start(k, bridge);
            multicast::open(k, bridge);
            for (no, dev, _) in ports {
                if k.devs[dev].is_running() {
                    state::enable_port(k, bridge, no);
                }
            }
        }
        LinkEvent::Down => {
            gc::stop(k, bridge);
            for (no, _, state) in ports {
                if state != PortState::Disabled {
                    state::disable_port(k, bridge, no);
                }
            }
            multicast::stop(k, bridge);
        }
        LinkEvent::Unregistering => multicast::del_bridge(k, bridge),
        LinkEvent::Registered
        | LinkEvent::Changed
        | LinkEvent::Flagged
        | LinkEvent::AddressChanged
        | LinkEvent::MtuChanged
        | LinkEvent::Renamed => {}
    }
}

/// Gives the bridge the smallest MTU of its ports, unless one was set by hand
/// (`br_mtu_auto_adjust()`).
fn adjust_mtu<O: Observer>(k: &mut Kernel, bridge: BridgeId, o: &mut O) {
    let br = &k.bridges[bridge];
    if br.mtu_set {
        return;
    }
    let smallest = br.ports.iter().map(|p| k.devs[p.dev].mtu).min().unwrap_or(1500);
    let dev = br.dev;
    if k.devs[dev].mtu != smallest {
        k.devs[dev].mtu = smallest;
        crate::netns::notifier::link_event(k, dev, LinkEvent::MtuChanged, o);
    }
}

//! VXLAN devices (`vxlan_newlink()`, `vxlan_changelink()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::DevKind;
use crate::link::gc::GcClock;
use crate::link::kind::{ETH_MAX_MTU, ETH_MIN_MTU};
use crate::link::register::NewDev;
use crate::link::vxlan::{Remote, VXLAN_HEADROOM, Vxlan, VxlanConfig, VxlanDf, VxlanFdb, device};
use crate::neigh::NudState;
use crate::netlink::NetlinkError;
use crate::netlink::link::{assign, find, unmodelled};
use crate::netlink::request::VxlanChange;
use crate::packet::MacAddr;
use crate::trace::Observer;

/// The largest network identifier, plus one.
const VNI_END: u32 = 1 << 24;

/// Refuses what cannot be (`vxlan_validate()`).
pub(super) fn validate(
    addr: Option<MacAddr>,
    mtu: Option<u32>,
    change: &VxlanChange,
) -> Result<(), NetlinkError> {
    let refuse = |errno, text| Err(NetlinkError::with_message(errno, text));
    if addr.is_some_and(|addr| !addr.is_valid()) {
        return refuse(Errno::EADDRNOTAVAIL, "Provided Ethernet address is not unicast");
    }
    if mtu.is_some_and(|mtu| !(ETH_MIN_MTU..=ETH_MAX_MTU).contains(&mtu)) {
        return refuse(Errno::EINVAL, "MTU must be between 68 and 65535");
    }
    if *change == VxlanChange::default() {
        let text = "Required attributes not provided to perform the operation";
        return refuse(Errno::EINVAL, text);
    }
    Ok(())
}

/// Makes a device. Its outer packets stay in `underlay`, wherever it goes itself.
pub(super) fn create<O: Observer>(
    k: &mut Kernel,
    underlay: NetnsId,
    new: &NewDev,
    change: &VxlanChange,
    mtu: Option<u32>,
    o: &mut O,
) -> Result<DevId, NetlinkError> {
    let vni = change.vni.ok_or(Errno::EINVAL)?;
    if vni >= VNI_END {
        return Err(Errno::ERANGE.into());
    }
    let config = merge(k, underlay, VxlanConfig { vni, ..VxlanConfig::default() }, change)?;
    let clash = k.netns[underlay].tunnels.iter().any(|dev| {
        device::of(k, *dev)
            .is_some_and(|v| (v.config.vni, v.config.dst_port) == (vni, config.dst_port))
    });
    if clash {
        let text = "A VXLAN device with the specified VNI already exists";
        return Err(NetlinkError::with_message(Errno::EEXIST, text));
    }
    let most = max_mtu(k, underlay, &config);
    let default = if config.link.0 == 0 { 1500 } else { most };
    let vxlan = Vxlan { underlay, config, fdb: VxlanFdb::default(), gc: GcClock::default() };
    let dev = k.alloc_netdev(new, DevKind::Vxlan(Box::new(vxlan)), |device| {
        // One that is too large is cut down without a word.
        device.mtu = mtu.unwrap_or(default).min(most);
    })?;
    k.netns[underlay].tunnels.push(dev);
    k.register_netdevice(dev, o);
    set_default(k, dev, None, config.remote, config.link);
    Ok(dev)
}

/// The largest MTU that the lower device leaves.
fn max_mtu(k: &Kernel, underlay: NetnsId, config: &VxlanConfig) -> u32 {
    match k.dev_by_index(underlay, config.link) {
        Some(lower) => k.devs[lower].mtu.saturating_sub(VXLAN_HEADROOM).max(ETH_MIN_MTU),
        None => ETH_MAX_MTU,
    }
}

/// Moves the entry for unknown stations from one remote end to another.
fn set_default(k: &mut Kernel, dev: DevId, old: Option<Ipv4Addr>, new: Ipv4Addr, link: IfIndex) {
    let now = k.now;
    let Some(vxlan) = device::of_mut(k, dev) else { return };
    if old == Some(new) {
        return;
    }
    if !new.is_unspecified() {
        let remote = Remote { link, ..Remote::new(new) };
        match vxlan.fdb.get_mut(MacAddr::ZERO) {
            Some(entry) if !entry.remotes.contains(&remote) => entry.remotes.push(remote),
            Some(_) => {}
            None => vxlan.fdb.create(MacAddr::ZERO, remote, NudState::Permanent, now),
        }
    }
    if let Some(entry) = vxlan.fdb.get_mut(MacAddr::ZERO)
        && let Some(old) = old.filter(|old| !old.is_unspecified())
    {
        entry.remotes.retain(|remote| remote.ip != old);
        if entry.remotes.is_empty() {
            vxlan.fdb.remove(MacAddr::ZERO);
        }
    }
}

/// The settings with what a request gives (`vxlan_nl2conf()`).
fn merge(
    k: &Kernel,
    underlay: NetnsId,
    mut config: VxlanConfig,
    change: &VxlanChange,
) -> Result<VxlanConfig, NetlinkError> {
    let v4 = |addr: Option<IpAddr>| match addr {
        Some(IpAddr::V6(_)) => Err(unmodelled("VXLAN over IPv6")),
        Some(IpAddr::V4(addr)) => Ok(Some(addr)),
        None => Ok(None),
    };
    assign(&mut config.remote, v4(change.remote)?);
    if config.remote.is_multicast() {
        return Err(unmodelled("a VXLAN multicast group"));
    }
    assign(&mut config.local, v4(change.local)?);
    if let Some(link) = change.dev {
        let missing = "Invalid local interface, device not found";
        let lower = find(k, underlay, link)
            .map_err(|refusal| NetlinkError::with_message(refusal.errno, missing))?;
        config.link = k.devs[lower].ifindex;
    }
    if change.rsc == Some(true) {
        return Err(unmodelled("VXLAN route short circuit (rsc)"));
    }
    assign(&mut config.tos, change.tos);
    assign(&mut config.ttl, change.ttl);
    assign(&mut config.learning, change.learning);
    assign(&mut config.ageing_s, change.ageing_s);
    assign(&mut config.limit, change.limit);
    assign(&mut config.src_ports, change.src_ports);
    // Port 0 stands for the default.
    assign(&mut config.dst_port, change.dst_port.filter(|port| *port != 0));
    assign(&mut config.udp_csum, change.udp_csum);
    assign(&mut config.proxy, change.proxy);
    assign(&mut config.l2miss, change.l2miss);
    assign(&mut config.l3miss, change.l3miss);
    if let Some(df) = change.df {
        config.df = VxlanDf::from_number(df).ok_or(Errno::EINVAL)?;
    }
    Ok(config)
}

/// Whether an existing device can be changed so.
pub(super) fn check_change(
    k: &Kernel,
    dev: DevId,
    change: &VxlanChange,
) -> Result<(), NetlinkError> {
    let Vxlan { underlay, config, .. } = device::of(k, dev).ok_or(Errno::EOPNOTSUPP)?;
    let refused = |text: &str| Err(NetlinkError::with_message(Errno::EOPNOTSUPP, text));
    if change.vni.is_some_and(|vni| vni != config.vni) {
        return refused("Cannot change VNI");
    }
    for (given, text) in [
        (change.proxy.is_some(), "vxlan: cannot change PROXY flag"),
        (change.rsc.is_some(), "vxlan: cannot change RSC flag"),
        (change.l2miss.is_some(), "vxlan: cannot change L2MISS flag"),
        (change.l3miss.is_some(), "vxlan: cannot change L3MISS flag"),
        (change.limit.is_some(), "Cannot change limit"),
        (change.src_ports.is_some(), "Cannot change port range"),
        (change.dst_port.is_some(), "Cannot change port"),
        (change.udp_csum.is_some(), "Cannot change UDP_CSUM flag"),
    ] {
        if given {
            return refused(text);
        }
    }
    merge(k, *underlay, *config, change).map(|_| ())
}

/// Changes a device; [`check_change`] has allowed it.
pub(super) fn change<O: Observer>(k: &mut Kernel, dev: DevId, change: &VxlanChange, o: &mut O) {
    let Some(Vxlan { underlay, config: old, .. }) = device::of(k, dev) else { return };
    let (underlay, old) = (*underlay, *old);
    let Ok(config) = merge(k, underlay, old, change) else { return };
    set_default(k, dev, Some(old.remote), config.remote, config.link);
    if let Some(vxlan) = device::of_mut(k, dev) {
        vxlan.config = config;
    }
    if config.ageing_s != old.ageing_s {
        device::collect(k, dev);
    }
    let most = max_mtu(k, underlay, &config);
    if k.devs[dev].mtu > most {
        k.set_mtu(dev, most, o);
    }
}

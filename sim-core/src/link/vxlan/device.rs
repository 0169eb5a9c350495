//! VXLAN devices come, go and age (`vxlan_open()`, `vxlan_stop()`, `vxlan_cleanup()`).

use crate::errno::Errno;
use crate::id::{DevId, NetnsId};
use crate::kernel::{Kernel, Timer};
use crate::link::DevKind;
use crate::link::vxlan::Vxlan;
use crate::neigh::NudState;

/// Jiffies between two looks at the database (`FDB_AGE_INTERVAL`).
const AGE_INTERVAL: u64 = 10 * 250;

/// Whether an entry in this state is forgotten when its station does not send.
#[must_use]
pub const fn ages(state: NudState) -> bool {
    !matches!(state, NudState::Permanent | NudState::Noarp)
}

/// The VXLAN part of a device.
#[must_use]
pub fn of(k: &Kernel, dev: DevId) -> Option<&Vxlan> {
    if let DevKind::Vxlan(vxlan) = &k.devs.get(dev)?.kind { Some(vxlan) } else { None }
}

/// The VXLAN part of a device, to change.
pub fn of_mut(k: &mut Kernel, dev: DevId) -> Option<&mut Vxlan> {
    if let DevKind::Vxlan(vxlan) = &mut k.devs.get_mut(dev)?.kind { Some(vxlan) } else { None }
}

/// Whether the device's UDP port can be opened (`vxlan_sock_add()`): devices share theirs with each
/// other, but not with sockets.
pub(in crate::link) fn check_open(k: &Kernel, vxlan: &Vxlan) -> Result<(), Errno> {
    let (ns, port) = (&k.netns[vxlan.underlay], vxlan.config.dst_port);
    if !ns.udp_tunnels.contains_key(&port) && !ns.sockets.udp.at(port).is_empty() {
        return Err(Errno::EADDRINUSE);
    }
    Ok(())
}

/// Opens the device's UDP port and begins to age.
pub(in crate::link) fn open(k: &mut Kernel, dev: DevId) {
    let now = k.now;
    let Some(vxlan) = of_mut(k, dev) else { return };
    if vxlan.config.ageing_s != 0 {
        vxlan.gc.start(now, AGE_INTERVAL);
    }
    let (underlay, port) = (vxlan.underlay, vxlan.config.dst_port);
    k.netns[underlay].udp_tunnels.entry(port).or_default().push(dev);
    arm(k, dev);
}

/// Closes the device's UDP port and forgets what was learned.
pub(in crate::link) fn close(k: &mut Kernel, dev: DevId) {
    let Some(vxlan) = of_mut(k, dev) else { return };
    vxlan.fdb.retain(|entry| !ages(entry.state));
    let (underlay, port, mut gc) = (vxlan.underlay, vxlan.config.dst_port, vxlan.gc);
    gc.stop(&mut k.timers);
    if let Some(vxlan) = of_mut(k, dev) {
        vxlan.gc = gc;
    }
    let tunnels = &mut k.netns[underlay].udp_tunnels;
    if let Some(devs) = tunnels.get_mut(&port) {
        devs.retain(|d| *d != dev);
        if devs.is_empty() {
            tunnels.remove(&port);
        }
    }
}

/// The device of a network identifier among those that share a UDP port (`vxlan_vs_find_vni()`).
#[must_use]
pub fn find(k: &Kernel, underlay: NetnsId, port: u16, vni: u32) -> Option<DevId> {
    let devs = k.netns[underlay].udp_tunnels.get(&port)?;
    devs.iter().copied().find(|dev| of(k, *dev).is_some_and(|v| v.config.vni == vni))
}

/// Makes sure that stations which can age do.
pub fn arm(k: &mut Kernel, dev: DevId) {
    let Some(DevKind::Vxlan(vxlan)) = k.devs.get_mut(dev).map(|d| &mut d.kind) else { return };
    if vxlan.fdb.iter().any(|entry| ages(entry.state) && !entry.extern_learn) {
        vxlan.gc.arm(&mut k.timers, k.now, AGE_INTERVAL, Timer::VxlanGc(dev));
    }
}

/// Forgets the stations that have not sent for too long.
pub fn collect(k: &mut Kernel, dev: DevId) {
    let now = k.now.jiffies();
    let Some(device) = k.devs.get_mut(dev) else { return };
    let up = device.is_up();
    let DevKind::Vxlan(vxlan) = &mut device.kind else { return };
    if !up {
        return;
    }
    let lifetime = u64::from(vxlan.config.ageing_s) * 250;
    let mut delay = AGE_INTERVAL;
    let mut left = None;
    vxlan.fdb.retain(|entry| {
        if !ages(entry.state) || entry.extern_learn {
            return true;
        }
        let end = entry.updated.jiffies() + lifetime;
        if end > now {
            delay = delay.min(end - now);
            left = Some(Timer::VxlanGc(dev));
        }
        end > now
    });
    vxlan.gc.ran(&mut k.timers, k.now, delay, left);
}

//! Queueing disciplines (`RTM_NEWQDISC`).

use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::qdisc::QdiscStats;
use crate::netlink::request::{Handle, NetemOptions};

/// The queueing discipline at the root of a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QdiscMsg {
    /// The device (`tcm_ifindex`).
    pub ifindex: IfIndex,
    /// Its number, 0 for the kernel's own (`tcm_handle`).
    pub handle: Handle,
    /// Its kind (`TCA_KIND`).
    pub kind: &'static str,
    /// What a `netem` does (`TCA_OPTIONS`).
    pub netem: Option<NetemOptions>,
    /// What it has counted (`TCA_STATS2`).
    pub stats: QdiscStats,
}

/// How many hold one: the device, which has one queue, and the queue (`tcm_info`).
pub const REFCNT: u32 = 2;

/// Those of a namespace's devices (`tc_dump_qdisc()`); `noop`, which all share that were never up, is not told of.
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<QdiscMsg> {
    k.netns[netns].links.values().filter_map(|dev| of_device(k, *dev)).collect()
}

fn of_device(k: &Kernel, dev: DevId) -> Option<QdiscMsg> {
    let device = &k.devs[dev];
    let kind = device.qdisc();
    let root = device.root_qdisc.as_deref();
    (root.is_some() || device.was_up).then(|| QdiscMsg {
        ifindex: device.ifindex,
        handle: root.map_or(0, |qdisc| qdisc.handle),
        kind,
        netem: root.map(|qdisc| qdisc.netem.options()),
        stats: root.map(|qdisc| qdisc.stats).unwrap_or_default(),
    })
}

//! Forwarding database entries (`RTM_NEWNEIGH` of `PF_BRIDGE`).

use std::net::IpAddr;
use std::time::Duration;

use crate::bridge::{self, FdbEntry};
use crate::id::{BridgeId, DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::filter::ALL_NODES;
use crate::link::vxlan::{Remote, VxlanEntry};
use crate::link::{DevKind, Vxlan};
use crate::neigh::NudState;
use crate::packet::MacAddr;

/// An entry of a forwarding database.
#[derive(Clone, Debug, PartialEq)]
pub struct FdbMsg {
    /// The device that keeps it, or the port that the station is behind (`ndm_ifindex`).
    pub index: IfIndex,
    /// The station (`NDA_LLADDR`).
    pub lladdr: MacAddr,
    /// How it ages (`ndm_state`).
    pub state: FdbAge,
    /// The device itself keeps it (`NTF_SELF`).
    pub own: bool,
    /// A program learned it (`NTF_EXT_LEARNED`).
    pub extern_learn: bool,
    /// The station does not move (`NTF_STICKY`).
    pub sticky: bool,
    /// The bridge that keeps it (`NDA_MASTER`).
    pub master: Option<IfIndex>,
    /// The remote end behind which the station is (`NDA_DST`).
    pub dst: Option<IpAddr>,
    /// The remote port, if it is not the usual one (`NDA_PORT`).
    pub port: Option<u16>,
    /// The network, if it is not the usual one (`NDA_VNI`).
    pub vni: Option<u32>,
    /// The device towards the remote end (`NDA_IFINDEX`).
    pub via: Option<IfIndex>,
    /// How long ago it was used and changed (`NDA_CACHEINFO`).
    pub ages: Option<(Duration, Duration)>,
}

/// How an entry ages, by the `NUD_*` state that stands for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FdbAge {
    /// The host's own, for ever (`NUD_PERMANENT`).
    Permanent,
    /// For ever (`NUD_NOARP`).
    Static,
    /// Too old, to be removed soon (`NUD_STALE`).
    Stale,
    /// Learned of late (`NUD_REACHABLE`).
    Reachable,
}

impl FdbMsg {
    /// An address that the device `index` itself listens to (`nlmsg_populate_fdb_fill()`).
    #[must_use]
    pub(crate) fn listened_to(index: IfIndex, lladdr: MacAddr) -> Self {
        Self {
            index,
            lladdr,
            state: FdbAge::Permanent,
            own: true,
            extern_learn: false,
            sticky: false,
            master: None,
            dst: None,
            port: None,
            vni: None,
            via: None,
            ages: None,
        }
    }

    /// What is told of a bridge's entry (`fdb_fill_info()`).
    #[must_use]
    pub fn of(k: &Kernel, bridge: BridgeId, entry: &FdbEntry) -> Self {
        let br = &k.bridges[bridge];
        let behind = entry.port.and_then(|no| br.ports.get(no)).map_or(br.dev, |port| port.dev);
        let since = |at| k.now.since(at);
        let ageing = Duration::from_millis(u64::from(br.options.ageing_time) * 10);
        let state = if entry.local {
            FdbAge::Permanent
        } else if entry.is_static {
            FdbAge::Static
        } else if !entry.extern_learn && since(entry.updated) >= ageing {
            FdbAge::Stale
        } else {
            FdbAge::Reachable
        };
        Self {
            state,
            own: false,
            extern_learn: entry.extern_learn,
            sticky: entry.sticky,
            master: Some(k.devs[br.dev].ifindex),
            ages: Some((since(entry.used), since(entry.updated))),
            ..Self::listened_to(k.devs[behind].ifindex, entry.addr)
        }
    }

    /// What is told of a remote end of a VXLAN device's entry (`vxlan_fdb_info()`).
    #[must_use]
    pub fn of_vxlan(
        k: &Kernel,
        dev: DevId,
        vxlan: &Vxlan,
        entry: &VxlanEntry,
        remote: &Remote,
    ) -> Self {
        let state = match entry.state {
            NudState::Permanent => FdbAge::Permanent,
            NudState::Noarp => FdbAge::Static,
            NudState::Stale => FdbAge::Stale,
            NudState::None
            | NudState::Incomplete
            | NudState::Reachable
            | NudState::Delay
            | NudState::Probe
            | NudState::Failed => FdbAge::Reachable,
        };
        let since = |at| k.now.since(at);
        Self {
            state,
            extern_learn: entry.extern_learn,
            sticky: entry.sticky,
            dst: Some(remote.ip).filter(|ip| !ip.is_unspecified()).map(IpAddr::V4),
            port: Some(remote.port).filter(|port| ![0, vxlan.config.dst_port].contains(port)),
            vni: remote.vni.filter(|vni| *vni != vxlan.config.vni),
            via: Some(remote.link).filter(|link| link.0 != 0),
            ages: Some((since(entry.used), since(entry.updated))),
            ..Self::listened_to(k.devs[dev].ifindex, entry.addr)
        }
    }
}

/// All entries of a namespace in the order of a dump (`rtnl_fdb_dump()`): of each device what its
/// bridge knows behind it, then what it keeps itself.
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<FdbMsg> {
    let mut messages = Vec::new();
    for dev in k.netns[netns].links.values().copied() {
        if let Some((bridge, port)) = bridge::port_of(k, dev) {
            let entries = k.bridges[bridge].fdb.dump();
            let behind = entries.into_iter().filter(|entry| entry.port == Some(port));
            messages.extend(behind.map(|entry| FdbMsg::of(k, bridge, entry)));
        }
        if let DevKind::Vxlan(vxlan) = &k.devs[dev].kind {
            remotes(k, dev, vxlan, &mut messages);
            continue;
        }
        listened_to(k, dev, &mut messages);
        if let DevKind::Bridge(bridge) = k.devs[dev].kind {
            let entries = k.bridges[bridge].fdb.dump();
            let own = entries.into_iter().filter(|entry| entry.port.is_none());
            messages.extend(own.map(|entry| FdbMsg::of(k, bridge, entry)));
        }
    }
    messages
}

/// What a VXLAN device knows, one message a remote end (`vxlan_fdb_dump()`).
fn remotes(k: &Kernel, dev: DevId, vxlan: &Vxlan, messages: &mut Vec<FdbMsg>) {
    for entry in vxlan.fdb.dump() {
        let remotes = entry.remotes.iter();
        messages.extend(remotes.map(|remote| FdbMsg::of_vxlan(k, dev, vxlan, entry, remote)));
    }
}

/// The groups that an Ethernet device listens to (`ndo_dflt_fdb_dump()`).
fn listened_to(k: &Kernel, dev: DevId, messages: &mut Vec<FdbMsg>) {
    let device = &k.devs[dev];
    if device.is_loopback() || !device.has_ethernet_header() {
        return;
    }
    let mut listen = |addr| messages.push(FdbMsg::listened_to(device.ifindex, addr));
    device.filter.iter().flat_map(|f| &f.uc).for_each(|(addr, _)| listen(*addr));
    if device.listens_to_all_nodes() {
        listen(ALL_NODES);
    }
    device.mc_list().for_each(|mc| listen(mc.addr));
}

//! Groups of bridges (`RTM_NEWMDB`).

use crate::bridge::bridge_of;
use crate::bridge::multicast::{GroupAddr, RouterMode};
use crate::id::{IfIndex, NetnsId};
use crate::kernel::Kernel;

/// What one bridge knows about groups.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MdbMsg {
    /// The bridge's device.
    pub bridge: IfIndex,
    /// Who is in which group (`MDBA_MDB`).
    pub entries: Vec<MdbEntry>,
    /// The ports behind which routers are (`MDBA_ROUTER`).
    pub routers: Vec<RouterPort>,
}

/// A port, or the host, that is in a group (`struct br_mdb_entry`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MdbEntry {
    /// The port's device, or the bridge's own.
    pub port: IfIndex,
    /// The group.
    pub group: GroupAddr,
    /// Whether it stays until it is taken away by hand.
    pub permanent: bool,
    /// Whether it was added by hand; the host's entries do not tell (`MDBA_MDB_EATTR_RTPROT`).
    pub by_hand: Option<bool>,
    /// How long it still counts, in hundredths of a second (`MDBA_MDB_EATTR_TIMER`).
    pub timer: u64,
}

/// A port behind which a router is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouterPort {
    /// The port's device.
    pub port: IfIndex,
    /// How long it still counts, in hundredths of a second (`MDBA_ROUTER_PATTR_TIMER`).
    pub timer: u64,
    /// Whether it always does (`MDBA_ROUTER_PATTR_TYPE`).
    pub permanent: bool,
}

/// What the bridges of a namespace know, in the order of a dump (`br_mdb_dump()`).
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<MdbMsg> {
    let links = k.netns[netns].links.iter();
    links.filter_map(|(index, dev)| Some(of_bridge(k, *index, bridge_of(k, *dev)?))).collect()
}

fn of_bridge(k: &Kernel, index: IfIndex, bridge: crate::id::BridgeId) -> MdbMsg {
    let br = &k.bridges[bridge];
    let mut entries = Vec::new();
    for group in &br.mcast.groups {
        let entry = MdbEntry {
            port: index,
            group: group.addr,
            permanent: matches!(group.addr, GroupAddr::Mac(_)),
            by_hand: None,
            timer: group.alarm.left(k.now),
        };
        entries.extend(group.host_joined.then_some(entry));
        for member in &group.ports {
            let Some(port) = br.ports.get(member.port) else { continue };
            entries.push(MdbEntry {
                port: k.devs[port.dev].ifindex,
                permanent: member.permanent,
                by_hand: Some(member.by_hand),
                timer: member.alarm.left(k.now),
                ..entry
            });
        }
    }
    let routers = br.ports.iter().filter(|port| port.mcast.is_router);
    let routers = routers.map(|port| RouterPort {
        port: k.devs[port.dev].ifindex,
        timer: port.mcast.router_alarm.left(k.now),
        permanent: port.mcast.router == RouterMode::Permanent,
    });
    MdbMsg { bridge: index, entries, routers: routers.collect() }
}

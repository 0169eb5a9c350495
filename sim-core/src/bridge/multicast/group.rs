//! Who is in which group, and for how long.

use std::net::Ipv4Addr;

use crate::bridge::multicast::{Alarm, GroupAddr, McastTimer, arm, disarm};
use crate::bridge::{Bridge, PortState};
use crate::id::{BridgeId, PortNo};
use crate::kernel::Kernel;
use crate::route::addr_type::is_local_multicast;

/// A group that somebody behind the bridge is in (`struct net_bridge_mdb_entry`).
#[derive(Clone, Debug)]
pub struct GroupEntry {
    /// The group.
    pub addr: GroupAddr,
    /// The ports behind which somebody is, in the order in which they get its frames.
    pub ports: Vec<PortGroup>,
    /// Whether the host is.
    pub host_joined: bool,
    /// When the host's report no longer counts, or the group goes because nobody is left.
    pub alarm: Alarm,
}

/// A port behind which somebody is in a group (`struct net_bridge_port_group`).
#[derive(Clone, Copy, Debug)]
pub struct PortGroup {
    /// The port.
    pub port: PortNo,
    /// It stays until it is taken away by hand (`MDB_PG_FLAGS_PERMANENT`).
    pub permanent: bool,
    /// It was added by hand (`RTPROT_STATIC`).
    pub by_hand: bool,
    /// When the reports no longer count.
    pub alarm: Alarm,
}

/// A new group was refused: there are as many as there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full;

/// Finds a group, or makes it (`br_multicast_new_group()`). A bridge that knows too many stops listening.
fn find_or_make(br: &mut Bridge, addr: GroupAddr) -> Result<&mut GroupEntry, Full> {
    if let Some(at) = br.mcast.groups.iter().position(|group| group.addr == addr) {
        return Ok(&mut br.mcast.groups[at]);
    }
    if br.mcast.groups.len() >= br.mcast.options.hash_max as usize {
        br.options.mcast_snooping = false;
        return Err(Full);
    }
    let new = GroupEntry { addr, ports: Vec::new(), host_joined: false, alarm: Alarm::default() };
    br.mcast.groups.insert(0, new);
    Ok(&mut br.mcast.groups[0])
}

impl GroupEntry {
    /// The place of a port's entry, or where it would stand: the kernel keeps them in the order of
    /// addresses in memory, here it is that of port numbers, the highest first.
    fn place(&self, no: PortNo) -> Result<usize, usize> {
        self.ports.binary_search_by(|pg| no.cmp(&pg.port))
    }
}

/// Notes that somebody behind a port, or the host without one, has reported a group
/// (`br_ip4_multicast_add_group()`).
///
/// # Errors
/// There are too many.
pub(super) fn reported(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    group: Ipv4Addr,
) -> Result<(), Full> {
    if is_local_multicast(group) || !is_in_use(k, bridge, port) {
        return Ok(());
    }
    let addr = GroupAddr::V4(group);
    let br = &mut k.bridges[bridge];
    let entry = find_or_make(br, addr)?;
    let timer = match port {
        None => {
            entry.host_joined = true;
            McastTimer::Group(addr)
        }
        Some(no) => {
            if let Err(at) = entry.place(no) {
                entry.ports.insert(at, PortGroup::new(no));
            }
            McastTimer::PortGroup(addr, no)
        }
    };
    let after = br.mcast.options.membership_interval;
    arm(k, bridge, timer, after);
    Ok(())
}

impl PortGroup {
    fn new(port: PortNo) -> Self {
        Self { port, permanent: false, by_hand: false, alarm: Alarm::default() }
    }
}

/// Whether what comes by a port counts (`br_multicast_ctx_should_use()`).
pub(super) fn is_in_use(k: &Kernel, bridge: BridgeId, port: Option<PortNo>) -> bool {
    let br = &k.bridges[bridge];
    let usable = |no| br.ports.get(no).is_some_and(|p| p.state != PortState::Disabled);
    k.devs[br.dev].is_up() && port.is_none_or(usable)
}

/// Nobody has reported the group for long, or nobody is in it (`br_multicast_group_expired()`).
pub(super) fn expire(k: &mut Kernel, bridge: BridgeId, addr: GroupAddr) {
    let groups = &mut k.bridges[bridge].mcast.groups;
    for group in groups.iter_mut().filter(|group| group.addr == addr) {
        group.host_joined = false;
    }
    groups.retain(|group| group.addr != addr || !group.ports.is_empty());
}

/// Nobody behind the port has reported the group for long (`br_multicast_port_group_expired()`).
pub(super) fn expire_port(k: &mut Kernel, bridge: BridgeId, addr: GroupAddr, no: PortNo) {
    let group = k.bridges[bridge].mcast.group(addr);
    let stays =
        group.and_then(|g| g.ports.iter().find(|pg| pg.port == no)).is_some_and(|pg| pg.permanent);
    if !stays {
        remove(k, bridge, addr, no);
    }
}

/// Takes a port out of a group; one that nobody is left in goes soon after (`br_multicast_del_pg()`).
pub(super) fn remove(k: &mut Kernel, bridge: BridgeId, addr: GroupAddr, no: PortNo) {
    disarm(k, bridge, McastTimer::PortGroup(addr, no));
    let br = &mut k.bridges[bridge];
    let Some(group) = br.mcast.group_mut(addr) else { return };
    group.ports.retain(|pg| pg.port != no);
    let empty = group.ports.is_empty() && !group.host_joined;
    if empty && k.devs[br.dev].is_up() {
        arm(k, bridge, McastTimer::Group(addr), 0);
    }
}

/// Which of a port's groups are forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Forget {
    /// Those that were reported.
    Reported,
    /// Those that were added by hand to stay, too.
    All,
}

/// Takes a port out of its groups.
pub(super) fn forget_port(k: &mut Kernel, bridge: BridgeId, no: PortNo, which: Forget) {
    let gone = |pg: &PortGroup| pg.port == no && (which == Forget::All || !pg.permanent);
    let groups = &k.bridges[bridge].mcast.groups;
    let addrs: Vec<GroupAddr> =
        groups.iter().filter(|g| g.ports.iter().any(gone)).map(|g| g.addr).collect();
    for addr in addrs {
        remove(k, bridge, addr, no);
    }
}

/// What a request to add by hand was refused for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ByHandError {
    /// The port, or the host, is in it.
    Joined,
    /// There are too many groups.
    Full,
}

/// Adds a port, or the host without one, to a group by hand (`br_mdb_add_group()`).
///
/// # Errors
/// It is in it already, or there are too many.
pub fn add_by_hand(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    addr: GroupAddr,
    permanent: bool,
) -> Result<(), ByHandError> {
    let br = &mut k.bridges[bridge];
    let after = br.mcast.options.membership_interval;
    let entry = find_or_make(br, addr).map_err(|Full| ByHandError::Full)?;
    let Some(no) = port else {
        if std::mem::replace(&mut entry.host_joined, true) {
            return Err(ByHandError::Joined);
        }
        if matches!(addr, GroupAddr::V4(_)) {
            arm(k, bridge, McastTimer::Group(addr), after);
        }
        return Ok(());
    };
    let Err(at) = entry.place(no) else { return Err(ByHandError::Joined) };
    entry.ports.insert(at, PortGroup { permanent, by_hand: true, ..PortGroup::new(no) });
    if !permanent {
        arm(k, bridge, McastTimer::PortGroup(addr, no), after);
    }
    Ok(())
}

/// Takes a port, or the host without one, out of a group by hand (`br_mdb_del()`); false if it is not in
/// it.
pub fn del_by_hand(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    addr: GroupAddr,
) -> bool {
    let br = &mut k.bridges[bridge];
    let Some(group) = br.mcast.group_mut(addr) else { return false };
    match port {
        Some(no) if group.place(no).is_err() => false,
        Some(no) => {
            remove(k, bridge, addr, no);
            true
        }
        None => {
            let joined = std::mem::replace(&mut group.host_joined, false);
            if joined && group.ports.is_empty() && k.devs[br.dev].is_up() {
                arm(k, bridge, McastTimer::Group(addr), 0);
            }
            joined
        }
    }
}

/// Somebody has left a group (`br_multicast_leave_group()`): it is asked whether anybody is left in it, and
/// goes soon if nobody answers. Tells whether to ask.
pub(super) fn left(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    group: Ipv4Addr,
) -> bool {
    let addr = GroupAddr::V4(group);
    if is_local_multicast(group) || !is_in_use(k, bridge, port) {
        return false;
    }
    let br = &k.bridges[bridge];
    let Some(entry) = br.mcast.group(addr) else { return false };
    let member = port.and_then(|no| entry.ports.iter().find(|pg| pg.port == no)).copied();
    if let Some(no) = port
        && br.ports.get(no).is_some_and(|p| p.flags.fastleave)
    {
        if member.is_some_and(|pg| !pg.permanent) {
            remove(k, bridge, addr, no);
        }
        return false;
    }
    if br.mcast.other_querier.is_set() {
        return false;
    }
    let asks = br.mcast.options.querier;
    let after = br.mcast.options.last_member_time();
    let at = k.now.jiffies() + after;
    match port {
        None if entry.host_joined && entry.alarm.is_late(at) => {
            arm(k, bridge, McastTimer::Group(addr), after);
        }
        Some(no) if member.is_some_and(|pg| pg.alarm.is_late(at)) => {
            arm(k, bridge, McastTimer::PortGroup(addr, no), after);
        }
        None | Some(_) => {}
    }
    if asks {
        let own = port.map_or(McastTimer::OwnQuery, McastTimer::PortQuery);
        arm(k, bridge, own, after);
    }
    asks
}

/// Another router asks whether anybody is left in a group: who does not answer within `after` jiffies is
/// not (`br_ip4_multicast_query()`).
pub(super) fn asked(k: &mut Kernel, bridge: BridgeId, addr: GroupAddr, after: u64) {
    let at = k.now.jiffies() + after;
    let Some(group) = k.bridges[bridge].mcast.group(addr) else { return };
    let mut late: Vec<McastTimer> = Vec::new();
    if group.host_joined && group.alarm.is_late(at) {
        late.push(McastTimer::Group(addr));
    }
    let ports = group.ports.iter().filter(|pg| pg.alarm.is_late(at));
    late.extend(ports.map(|pg| McastTimer::PortGroup(addr, pg.port)));
    for timer in late {
        arm(k, bridge, timer, after);
    }
}

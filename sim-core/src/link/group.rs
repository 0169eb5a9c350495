//! The groups that a device's host belongs to (`struct ip_mc_list`), and what it knows of the
//! routers that ask for them (the `mr_*` fields of `struct in_device`).

use std::net::Ipv4Addr;

use crate::kernel::TimerId;
use crate::link::InDevice;
use crate::packet::IpProto;

/// From which senders a group is wanted (RFC 3376 section 3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FilterMode {
    /// From those that are named (`MCAST_INCLUDE`).
    Include,
    /// From all but those that are named (`MCAST_EXCLUDE`).
    Exclude,
}

/// How many sockets of each mode there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ModeCounts {
    /// With [`FilterMode::Include`].
    pub include: u32,
    /// With [`FilterMode::Exclude`].
    pub exclude: u32,
}

impl ModeCounts {
    /// The count of one mode.
    pub fn of(&mut self, mode: FilterMode) -> &mut u32 {
        match mode {
            FilterMode::Include => &mut self.include,
            FilterMode::Exclude => &mut self.exclude,
        }
    }
}

/// A sender that sockets name for a group (`struct ip_sf_list`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GroupSource {
    /// The sender.
    pub addr: Ipv4Addr,
    /// How many sockets name it (`sf_count`).
    pub counts: ModeCounts,
    /// Whether the host's filter held it before the change that is under way (`sf_oldin`).
    pub was_in: bool,
    /// A router has asked for it (`sf_gsresp`).
    pub asked: bool,
    /// In how many reports its change is still told (`sf_crcount`).
    pub changes: u32,
}

impl GroupSource {
    /// A sender that no socket names yet.
    #[must_use]
    pub fn new(addr: Ipv4Addr) -> Self {
        let counts = ModeCounts::default();
        Self { addr, counts, was_in: false, asked: false, changes: 0 }
    }
}

/// A group that somebody on the host wants by a device (`struct ip_mc_list`).
#[derive(Clone, Debug)]
pub struct Group {
    /// The group.
    pub addr: Ipv4Addr,
    /// How many have joined it.
    pub users: u32,
    /// What all of them want together (`sfmode`).
    pub mode: FilterMode,
    /// How many want it in which mode (`sfcount`).
    pub counts: ModeCounts,
    /// The senders that are named (`sources`).
    pub sources: Vec<GroupSource>,
    /// Senders that were named, of which routers have still to be told (`tomb`).
    pub tomb: Vec<GroupSource>,
    /// Whether the device listens to it (`loaded`).
    pub loaded: bool,
    /// Whether this host was the last one to report it (`reporter`).
    pub reporter: bool,
    /// When it is reported, and the jiffy that the timer is set to (`timer`, `tm_running`).
    pub timer: Option<(TimerId, u64)>,
    /// How many reports are to come that nobody asked for (`unsolicit_count`).
    pub unsolicited: u32,
    /// In how many reports its change is still told (`crcount`).
    pub changes: u32,
    /// Routers have asked for certain senders only (`gsquery`).
    pub asked_for_sources: bool,
}

impl Group {
    /// A group that one user wants.
    #[must_use]
    pub fn new(addr: Ipv4Addr, mode: FilterMode) -> Self {
        let mut counts = ModeCounts::default();
        *counts.of(mode) = 1;
        Self {
            addr,
            users: 1,
            mode,
            counts,
            sources: Vec::new(),
            tomb: Vec::new(),
            loaded: false,
            reporter: false,
            timer: None,
            unsolicited: 0,
            changes: 0,
            asked_for_sources: false,
        }
    }

    /// Whether what `src` sends to the group is wanted (`ip_check_mc_rcu()`); an unspecified sender's
    /// may be.
    #[must_use]
    pub fn wants(&self, src: Ipv4Addr) -> bool {
        if src.is_unspecified() {
            return true;
        }
        match self.sources.iter().find(|source| source.addr == src) {
            Some(source) => {
                source.counts.include != 0 || source.counts.exclude != self.counts.exclude
            }
            None => self.counts.exclude != 0,
        }
    }
}

impl InDevice {
    /// Whether what `src` sends to `group` is wanted (`ip_check_mc_rcu()`). Messages about groups are,
    /// whoever sends them.
    #[must_use]
    pub fn is_member(&self, group: Ipv4Addr, src: Ipv4Addr, proto: u8) -> bool {
        let known = self.groups.iter().find(|g| g.addr == group);
        known.is_some_and(|g| proto == IpProto::IGMP.0 || g.wants(src))
    }
}

/// The timer of one kind of report, and the jiffy that it is set to.
pub type ReportTimer = Option<(TimerId, u64)>;

/// What a device's host knows of the routers that ask for groups; times are in jiffies.
#[derive(Clone, Debug, Default)]
pub struct Igmp {
    /// Until when a router counts as there that speaks version 1 (`mr_v1_seen`).
    pub v1_until: Option<u64>,
    /// Until when a router counts as there that speaks version 2 (`mr_v2_seen`).
    pub v2_until: Option<u64>,
    /// How many reports of changes are to come (`mr_ifc_count`).
    pub changes: u32,
    /// When the next one does (`mr_ifc_timer`).
    pub change_timer: ReportTimer,
    /// When a general query is answered (`mr_gq_timer`).
    pub general_timer: ReportTimer,
    /// How often things are told (`mr_qrv`).
    pub robustness: u32,
    /// How often routers ask (`mr_qi`).
    pub query_interval: u64,
    /// How long hosts may take to answer (`mr_qri`).
    pub response_interval: u64,
    /// Groups that were left, of which routers have still to be told; the last one left first
    /// (`mc_tomb`).
    pub left: Vec<Group>,
}

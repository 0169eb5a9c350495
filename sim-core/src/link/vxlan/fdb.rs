//! The forwarding database of a VXLAN device: which station is behind which remote ends.

use std::net::Ipv4Addr;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::id::IfIndex;
use crate::neigh::NudState;
use crate::packet::MacAddr;
use crate::time::SimTime;

/// The database of one device.
#[derive(Clone, Debug, Default)]
pub struct VxlanFdb {
    entries: IndexMap<MacAddr, VxlanEntry, FxBuildHasher>,
    next_seq: u64,
}

/// What is known of one station (`struct vxlan_fdb`). The station of all zeros stands for every
/// unknown one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VxlanEntry {
    /// The station.
    pub addr: MacAddr,
    /// The remote ends, in the order in which they were added; usually one.
    pub remotes: SmallVec<[Remote; 1]>,
    /// How it ages: permanent, static (`NUD_NOARP`) or learned (`NUD_REACHABLE`).
    pub state: NudState,
    /// It was learned by a program (`NTF_EXT_LEARNED`).
    pub extern_learn: bool,
    /// It was called sticky, which means nothing here (`NTF_STICKY`).
    pub sticky: bool,
    /// When the station last sent, or the entry was changed.
    pub updated: SimTime,
    /// When the station was last sent to.
    pub used: SimTime,
    /// The order of creation; a dump shows the newest first.
    pub seq: u64,
}

/// A remote end (`struct vxlan_rdst`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Remote {
    /// Its address.
    pub ip: Ipv4Addr,
    /// Its port; 0 is the device's.
    pub port: u16,
    /// The network identifier there; `None` is the device's.
    pub vni: Option<u32>,
    /// The device towards it, by its number in the underlay; 0 is any.
    pub link: IfIndex,
}

impl Remote {
    /// A remote end about which only its address is known.
    #[must_use]
    pub const fn new(ip: Ipv4Addr) -> Self {
        Self { ip, port: 0, vni: None, link: IfIndex(0) }
    }
}

impl VxlanFdb {
    /// What is known of a station.
    #[must_use]
    pub fn get(&self, addr: MacAddr) -> Option<&VxlanEntry> {
        self.entries.get(&addr)
    }

    /// What is known of a station.
    pub fn get_mut(&mut self, addr: MacAddr) -> Option<&mut VxlanEntry> {
        self.entries.get_mut(&addr)
    }

    /// Makes an entry (`vxlan_fdb_create()`).
    pub fn create(&mut self, addr: MacAddr, remote: Remote, state: NudState, now: SimTime) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let entry = VxlanEntry {
            addr,
            remotes: SmallVec::from_elem(remote, 1),
            state,
            extern_learn: false,
            sticky: false,
            updated: now,
            used: now,
            seq,
        };
        self.entries.insert(addr, entry);
    }

    /// Removes an entry.
    pub fn remove(&mut self, addr: MacAddr) -> Option<VxlanEntry> {
        self.entries.swap_remove(&addr)
    }

    /// Keeps the entries that `wanted` picks.
    pub fn retain(&mut self, mut wanted: impl FnMut(&VxlanEntry) -> bool) {
        self.entries.retain(|_, entry| wanted(entry));
    }

    /// How many stations are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &VxlanEntry> {
        self.entries.values()
    }

    /// All entries in the order of a dump: the newest first.
    #[must_use]
    pub fn dump(&self) -> Vec<&VxlanEntry> {
        let mut all: Vec<_> = self.entries.values().collect();
        all.sort_unstable_by_key(|e| std::cmp::Reverse(e.seq));
        all
    }
}

//! The forwarding database (`net/bridge/br_fdb.c`): which station is behind which port.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::bridge::gc;
use crate::id::{BridgeId, PortNo};
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::packet::MacAddr;
use crate::time::SimTime;

/// The database of one bridge.
#[derive(Clone, Debug, Default)]
pub struct Fdb {
    entries: IndexMap<MacAddr, FdbEntry, FxBuildHasher>,
    next_seq: u64,
}

/// What is known of one station (`struct net_bridge_fdb_entry`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags, as in the kernel")]
pub struct FdbEntry {
    /// The station.
    pub addr: MacAddr,
    /// The port it is behind; `None` is the bridge's own device.
    pub port: Option<PortNo>,
    /// The address is the host's own (`BR_FDB_LOCAL`): `permanent`.
    pub local: bool,
    /// The entry never ages (`BR_FDB_STATIC`).
    pub is_static: bool,
    /// The station does not move to another port by itself (`BR_FDB_STICKY`).
    pub sticky: bool,
    /// It was set by hand (`BR_FDB_ADDED_BY_USER`).
    pub by_user: bool,
    /// It was learned by a program (`BR_FDB_ADDED_BY_EXT_LEARN`).
    pub extern_learn: bool,
    /// When the station last sent.
    pub updated: SimTime,
    /// When the station was last sent to.
    pub used: SimTime,
    /// The order of creation; a dump shows the newest first.
    pub seq: u64,
}

impl FdbEntry {
    /// Whether the station is forgotten when it does not send.
    #[must_use]
    pub const fn ages(&self) -> bool {
        !self.is_static && !self.extern_learn
    }
}

impl Fdb {
    /// What is known of a station (`br_fdb_find()`).
    #[must_use]
    pub fn get(&self, addr: MacAddr) -> Option<&FdbEntry> {
        self.entries.get(&addr)
    }

    /// What is known of a station.
    pub fn get_mut(&mut self, addr: MacAddr) -> Option<&mut FdbEntry> {
        self.entries.get_mut(&addr)
    }

    /// Makes an entry (`fdb_create()`), to be adjusted by the caller.
    pub fn create(&mut self, addr: MacAddr, port: Option<PortNo>, now: SimTime) -> &mut FdbEntry {
        let seq = self.next_seq;
        self.next_seq += 1;
        let entry = FdbEntry {
            addr,
            port,
            local: false,
            is_static: false,
            sticky: false,
            by_user: false,
            extern_learn: false,
            updated: now,
            used: now,
            seq,
        };
        self.entries.entry(addr).insert_entry(entry).into_mut()
    }

    /// Removes an entry.
    pub fn remove(&mut self, addr: MacAddr) -> Option<FdbEntry> {
        self.entries.swap_remove(&addr)
    }

    /// All entries in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &FdbEntry> {
        self.entries.values()
    }

    /// All entries in the order of a dump: the newest first.
    #[must_use]
    pub fn dump(&self) -> Vec<&FdbEntry> {
        let mut all: Vec<_> = self.entries.values().collect();
        all.sort_unstable_by_key(|e| std::cmp::Reverse(e.seq));
        all
    }

    /// The stations whose entries `wanted` picks, the newest first.
    fn pick(&self, wanted: impl Fn(&FdbEntry) -> bool) -> Vec<FdbEntry> {
        self.dump().into_iter().filter(|e| wanted(e)).copied().collect()
    }
}

/// Enters an address of the host itself (`fdb_add_local()`). Of several ports with the same address
/// the first one has the entry.
pub(super) fn add_local(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>, addr: MacAddr) {
    let now = k.now;
    let fdb = &mut k.bridges[bridge].fdb;
    if !addr.is_valid() || fdb.get(addr).is_some_and(|e| e.local) {
        return;
    }
    let learned = fdb.remove(addr);
    let entry = fdb.create(addr, port, now);
    entry.local = true;
    entry.is_static = true;
    let entry = *entry;
    if let Some(learned) = learned {
        rtnl::fdb(k, bridge, &learned, Change::Deleted);
    }
    rtnl::fdb(k, bridge, &entry, Change::New);
}

/// Removes an address of the host itself, unless another port or the bridge has it too
/// (`fdb_delete_local()`).
fn delete_local(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>, addr: MacAddr) {
    let br = &k.bridges[bridge];
    let other = br.ports.iter().find(|p| Some(p.no) != port && k.devs[p.dev].addr == addr);
    let heir = match other {
        Some(other) => Some(Some(other.no)),
        None if port.is_some() && k.devs[br.dev].addr == addr => Some(None),
        None => None,
    };
    let fdb = &mut k.bridges[bridge].fdb;
    match heir {
        Some(heir) => {
            if let Some(entry) = fdb.get_mut(addr) {
                entry.port = heir;
                entry.by_user = false;
            }
        }
        None => delete(k, bridge, addr),
    }
}

/// Removes an entry and says so (`fdb_delete()`).
fn delete(k: &mut Kernel, bridge: BridgeId, addr: MacAddr) {
    if let Some(gone) = k.bridges[bridge].fdb.remove(addr) {
        rtnl::fdb(k, bridge, &gone, Change::Deleted);
    }
}

/// Follows a port whose device has another address now (`br_fdb_changeaddr()`).
pub(super) fn port_changed(k: &mut Kernel, bridge: BridgeId, port: PortNo, addr: MacAddr) {
    let mine = |e: &FdbEntry| e.port == Some(port) && e.local && !e.by_user;
    if let Some(old) = k.bridges[bridge].fdb.pick(mine).first() {
        delete_local(k, bridge, Some(port), old.addr);
    }
    add_local(k, bridge, Some(port), addr);
}

/// Follows the bridge's device, whose address is about to become `addr`
/// (`br_fdb_change_mac_address()`).
pub(super) fn bridge_changed(k: &mut Kernel, bridge: BridgeId, addr: MacAddr) {
    let br = &k.bridges[bridge];
    let old = k.devs[br.dev].addr;
    if br.fdb.get(old).is_some_and(|e| e.local && e.port.is_none() && !e.by_user) {
        delete_local(k, bridge, None, old);
    }
    add_local(k, bridge, None, addr);
}

/// Forgets the stations behind a port; with `all` also what was set by hand and the port's own
/// address (`br_fdb_delete_by_port()`).
pub(super) fn delete_by_port(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>, all: bool) {
    let gone =
        k.bridges[bridge].fdb.pick(|e| e.port == port && (all || !e.is_static && !e.extern_learn));
    for entry in gone {
        if entry.local {
            delete_local(k, bridge, port, entry.addr);
        } else {
            delete(k, bridge, entry.addr);
        }
    }
}

/// Learns that `addr` is behind `port` (`br_fdb_update()`).
pub(super) fn learn(k: &mut Kernel, bridge: BridgeId, port: PortNo, addr: MacAddr) {
    let now = k.now;
    let br = &mut k.bridges[bridge];
    if br.options.ageing_time == 0 {
        return;
    }
    let Some(entry) = br.fdb.get_mut(addr) else {
        let new = *br.fdb.create(addr, Some(port), now);
        gc::arm(k, bridge);
        rtnl::fdb(k, bridge, &new, Change::New);
        return;
    };
    // A frame with the host's own source address teaches nothing.
    if entry.local {
        return;
    }
    entry.updated = now;
    if !entry.sticky && entry.port != Some(port) {
        entry.port = Some(port);
        let moved = *entry;
        rtnl::fdb(k, bridge, &moved, Change::New);
    }
}

/// Makes or changes an entry by hand (`fdb_add_entry()`, `br_fdb_external_learn_add()`).
pub fn set(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>, by_hand: &ByHand) {
    let now = k.now;
    let fdb = &mut k.bridges[bridge].fdb;
    let before = fdb.get(by_hand.addr).copied();
    if before.is_none() {
        fdb.create(by_hand.addr, port, now);
    }
    let Some(entry) = fdb.get_mut(by_hand.addr) else { return };
    entry.port = port;
    entry.by_user = true;
    entry.extern_learn = by_hand.extern_learn;
    entry.local = by_hand.local;
    entry.is_static = by_hand.is_static;
    entry.sticky = by_hand.sticky;
    entry.used = now;
    entry.updated = now;
    let entry = *entry;
    gc::arm(k, bridge);
    let same = |old: FdbEntry| FdbEntry { used: now, updated: now, ..old } == entry;
    // The state of a fixed entry is never the one that `bridge` asks for, which counts as a change.
    let fixed = (entry.local || entry.is_static) && !entry.extern_learn;
    if fixed || !before.is_some_and(same) {
        rtnl::fdb(k, bridge, &entry, Change::New);
    }
}

/// Removes an entry by hand (`fdb_delete_by_addr_and_port()`); false if there is none there.
pub fn unset(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>, addr: MacAddr) -> bool {
    let there = k.bridges[bridge].fdb.get(addr).is_some_and(|entry| entry.port == port);
    if there {
        delete(k, bridge, addr);
    }
    there
}

/// Removes the entries that `wanted` picks, the newest first (`br_fdb_flush()`).
pub fn flush(k: &mut Kernel, bridge: BridgeId, wanted: impl Fn(&FdbEntry) -> bool) {
    for entry in k.bridges[bridge].fdb.pick(wanted) {
        delete(k, bridge, entry.addr);
    }
}

/// What an administrator says of a station.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags, as in the kernel")]
pub struct ByHand {
    /// The station.
    pub addr: MacAddr,
    /// As in [`FdbEntry`].
    pub local: bool,
    /// As in [`FdbEntry`].
    pub is_static: bool,
    /// As in [`FdbEntry`].
    pub sticky: bool,
    /// As in [`FdbEntry`].
    pub extern_learn: bool,
}

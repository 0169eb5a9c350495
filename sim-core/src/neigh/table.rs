//! A namespace's neighbours (`struct neigh_table`).

use std::collections::{BTreeMap, VecDeque};

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::family::Family;
use crate::id::DevId;
use crate::kernel::{Flight, TimerId};
use crate::neigh::entry::Neigh;
use crate::neigh::params::{HZ, NeighParms};

/// The settings that all tables of a family share: `net.ipv4.neigh.default`, which only the first
/// namespace has.
#[derive(Clone, Debug)]
pub struct NeighDefaults {
    /// What new devices start with.
    pub parms: NeighParms,
    /// Below so many entries nothing is collected.
    pub gc_thresh1: i32,
    /// Above so many entries old ones are thrown out when a new one is made.
    pub gc_thresh2: i32,
    /// There are never more entries than this.
    pub gc_thresh3: i32,
    /// Shown, but without effect, as in the kernel; in seconds.
    pub gc_interval: i32,
}

impl Default for NeighDefaults {
    fn default() -> Self {
        Self {
            parms: NeighParms::default(),
            gc_thresh1: 128,
            gc_thresh2: 512,
            gc_thresh3: 1024,
            gc_interval: 30,
        }
    }
}

/// The neighbours of one namespace, and the addresses it answers for on behalf of others.
#[derive(Clone, Debug)]
pub struct NeighTable<F: Family> {
    entries: IndexMap<(DevId, F::Addr), Neigh, FxBuildHasher>,
    proxies: BTreeMap<(F::Addr, Option<DevId>), Proxy>,
    /// The settings of each device, by its id.
    parms: Vec<(DevId, NeighParms)>,
    /// The settings of a device that nobody has registered.
    no_parms: NeighParms,
    /// How many entries count against the limits.
    counted: i64,
    /// When entries were last thrown out for want of room, in jiffies.
    last_flush: i64,
    pub(super) gc_timer: Option<TimerId>,
    /// Requests that will be answered for others, and when, in jiffies.
    pub(super) proxy_queue: VecDeque<(i64, Flight)>,
    pub(super) proxy_timer: Option<TimerId>,
}

/// An address that is answered for (`struct pneigh_entry`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Proxy {
    /// It survives when the device goes down.
    pub permanent: bool,
    /// Who put it there, 0 if nobody said.
    pub protocol: u8,
    /// `NTF_ROUTER`.
    pub router: bool,
}

impl<F: Family> Default for NeighTable<F> {
    fn default() -> Self {
        Self {
            entries: IndexMap::default(),
            proxies: BTreeMap::new(),
            parms: Vec::new(),
            no_parms: NeighParms::default(),
            counted: 0,
            last_flush: 0,
            gc_timer: None,
            proxy_queue: VecDeque::new(),
            proxy_timer: None,
        }
    }
}

impl<F: Family> NeighTable<F> {
    /// The entry of `addr` on `dev`.
    #[must_use]
    pub fn get(&self, dev: DevId, addr: F::Addr) -> Option<&Neigh> {
        self.entries.get(&(dev, addr))
    }

    /// The entry of `addr` on `dev`.
    pub fn get_mut(&mut self, dev: DevId, addr: F::Addr) -> Option<&mut Neigh> {
        self.entries.get_mut(&(dev, addr))
    }

    /// The settings of a device.
    #[must_use]
    pub fn parms(&self, dev: DevId) -> &NeighParms {
        match self.parms.binary_search_by_key(&dev, |(dev, _)| *dev) {
            Ok(at) => &self.parms[at].1,
            Err(_) => &self.no_parms,
        }
    }

    /// The settings of a device.
    pub fn parms_mut(&mut self, dev: DevId) -> &mut NeighParms {
        match self.parms.binary_search_by_key(&dev, |(dev, _)| *dev) {
            Ok(at) => &mut self.parms[at].1,
            Err(_) => &mut self.no_parms,
        }
    }

    /// The settings of all devices (to follow a change of the defaults).
    pub fn all_parms_mut(&mut self) -> impl Iterator<Item = &mut NeighParms> {
        self.parms.iter_mut().map(|(_, parms)| parms)
    }

    /// Gives a device its settings.
    pub(super) fn add_parms(&mut self, dev: DevId, parms: NeighParms) {
        match self.parms.binary_search_by_key(&dev, |(dev, _)| *dev) {
            Ok(at) => self.parms[at].1 = parms,
            Err(at) => self.parms.insert(at, (dev, parms)),
        }
    }

    /// Forgets the settings of a device.
    pub(super) fn remove_parms(&mut self, dev: DevId) {
        self.parms.retain(|(known, _)| *known != dev);
    }

    /// Changes an entry with the device's settings at hand, keeping count of those that the limits
    /// are about.
    pub fn change<T>(
        &mut self,
        dev: DevId,
        addr: F::Addr,
        change: impl FnOnce(&mut Neigh, &NeighParms) -> T,
    ) -> Option<T> {
        let neigh = self.entries.get_mut(&(dev, addr))?;
        let parms = match self.parms.binary_search_by_key(&dev, |(dev, _)| *dev) {
            Ok(at) => &self.parms[at].1,
            Err(_) => &self.no_parms,
        };
        let before = neigh.is_exempt();
        let result = change(neigh, parms);
        self.counted += i64::from(before) - i64::from(neigh.is_exempt());
        Some(result)
    }

    /// All entries in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = (DevId, F::Addr, &Neigh)> {
        self.entries.iter().map(|((dev, addr), neigh)| (*dev, *addr, neigh))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry that was not there.
    pub(super) fn insert(&mut self, dev: DevId, addr: F::Addr, neigh: Neigh) -> &mut Neigh {
        self.counted += i64::from(!neigh.is_exempt());
        self.entries.entry((dev, addr)).or_insert(neigh)
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, dev: DevId, addr: F::Addr) -> Option<Neigh> {
        let neigh = self.entries.shift_remove(&(dev, addr))?;
        self.counted -= i64::from(!neigh.is_exempt());
        Some(neigh)
    }

    /// The keys of the entries for which `wanted` holds.
    pub(super) fn keys_of(
        &mut self,
        mut wanted: impl FnMut(DevId, &mut Neigh) -> bool,
    ) -> Vec<(DevId, F::Addr)> {
        self.entries
            .iter_mut()
            .filter_map(|(key, neigh)| wanted(key.0, neigh).then_some(*key))
            .collect()
    }

    /// The keys of the entries that the collector takes.
    pub(super) fn collectable(&mut self, now: i64) -> Vec<(DevId, F::Addr)> {
        let parms = std::mem::take(&mut self.parms);
        let of = |dev: DevId| parms.iter().find(|(known, _)| *known == dev).map(|(_, p)| p);
        let old = self.keys_of(|dev, neigh| of(dev).is_some_and(|p| neigh.is_collectable(now, p)));
        self.parms = parms;
        old
    }

    /// Makes room for one more entry (`neigh_alloc()`, `neigh_forced_gc()`): tells which entries have
    /// to go, or that there is no room.
    pub(super) fn make_room(
        &mut self,
        now: i64,
        limits: &NeighDefaults,
    ) -> Result<Vec<(DevId, F::Addr)>, TableFull> {
        let full = self.counted >= i64::from(limits.gc_thresh3);
        let crowded = self.counted >= i64::from(limits.gc_thresh2);
        if !(full || (crowded && now > self.last_flush + 5 * HZ)) {
            return Ok(Vec::new());
        }
        let too_many = self.counted - i64::from(limits.gc_thresh2);
        let mut left = too_many.max(0);
        let gone = self.keys_of(|_, neigh| {
            let goes = left > 0 && neigh.is_expendable(now);
            left -= i64::from(goes);
            goes
        });
        self.last_flush = now;
        if gone.is_empty() && full { Err(TableFull) } else { Ok(gone) }
    }

    /// Adds or changes an address that is answered for, on one device or on all
    /// (`pneigh_create()`).
    pub fn add_proxy(&mut self, addr: F::Addr, dev: Option<DevId>, proxy: Proxy) {
        self.proxies.insert((addr, dev), proxy);
    }

    /// Removes an address that is answered for; false if there was none (`pneigh_delete()`).
    pub fn del_proxy(&mut self, addr: F::Addr, dev: Option<DevId>) -> bool {
        self.proxies.remove(&(addr, dev)).is_some()
    }

    /// Whether `addr` is answered for on `dev` (`pneigh_lookup()`).
    #[must_use]
    pub fn is_proxied(&self, addr: F::Addr, dev: DevId) -> bool {
        !self.proxies.is_empty()
            && [None, Some(dev)].iter().any(|dev| self.proxies.contains_key(&(addr, *dev)))
    }

    /// All addresses that are answered for, in order.
    pub fn proxies(&self) -> impl Iterator<Item = (F::Addr, Option<DevId>, &Proxy)> {
        self.proxies.iter().map(|((addr, dev), proxy)| (*addr, *dev, proxy))
    }

    /// Drops what is answered for on `dev` (`pneigh_ifdown_and_unlock()`).
    pub(super) fn drop_proxies(&mut self, dev: DevId, keep_permanent: bool) {
        self.proxies
            .retain(|(_, on), proxy| *on != Some(dev) || (keep_permanent && proxy.permanent));
    }
}

/// There is no room for another entry (`neighbor table overflow`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TableFull;

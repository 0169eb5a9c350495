//! The table of connections of one namespace: a slab of entries, and an index by tuple.

use std::cmp::Reverse;
use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::netfilter::conntrack::entry::{Conn, CtId, Zone};
use crate::netfilter::conntrack::tuple::{Dir, Tuple};

/// Entries by id and by tuple. Ids are never used twice; iteration follows slots, never the index.
#[derive(Clone, Debug, Default)]
pub struct ConnTable {
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: HashTable<Linked>,
    /// How many tuples packets could ever find entries by.
    links: u64,
    live: usize,
}

/// How an entry is found by one of its tuples.
#[derive(Clone, Copy, Debug)]
struct Linked {
    /// The tuple's hash, kept so that a growing index need not look at every entry.
    hash: u64,
    id: CtId,
    dir: Dir,
    /// The how many-th it was.
    nth: u64,
}

#[derive(Clone, Debug)]
struct Slot {
    generation: u32,
    conn: Option<Box<Conn>>,
}

/// The hash of a tuple in the zone that counts in its direction (`hash_conntrack_raw()`).
fn hash(tuple: &Tuple, zone: u16) -> u64 {
    FxBuildHasher.hash_one((tuple, zone))
}

impl ConnTable {
    /// Stores an entry that no packet can find yet.
    pub fn insert(&mut self, conn: Conn) -> CtId {
        self.live += 1;
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.slots.get_mut(slot as usize)
        {
            place.conn = Some(Box::new(conn));
            return CtId { slot, generation: place.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 connections");
        self.slots.push(Slot { generation: 0, conn: Some(Box::new(conn)) });
        CtId { slot, generation: 0 }
    }

    /// The entry with this id, unless it is gone.
    #[must_use]
    pub fn get(&self, id: CtId) -> Option<&Conn> {
        let slot =
            self.slots.get(id.slot as usize).filter(|slot| slot.generation == id.generation)?;
        slot.conn.as_deref()
    }

    /// The entry with this id, unless it is gone.
    #[must_use]
    pub fn get_mut(&mut self, id: CtId) -> Option<&mut Conn> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation == id.generation { slot.conn.as_deref_mut() } else { None }
    }

    /// Lets packets find the entry by both of its tuples (`__nf_conntrack_hash_insert()`).
    pub fn link(&mut self, id: CtId) {
        self.link_in(id, Dir::Original);
        self.link_reply(id);
    }

    /// Lets packets find the entry by the tuple of answers alone.
    pub fn link_reply(&mut self, id: CtId) {
        self.link_in(id, Dir::Reply);
    }

    fn link_in(&mut self, id: CtId, dir: Dir) {
        let Some(conn) = self.get(id) else { return };
        let hash = hash(conn.tuple(dir), conn.zone.id_in(dir));
        self.links += 1;
        let linked = Linked { hash, id, dir, nth: self.links };
        self.index.insert_unique(hash, linked, |linked| linked.hash);
    }

    /// Adds what the connection `from` has carried to `to` (`nf_ct_acct_merge()`).
    pub fn merge_counts(&mut self, from: CtId, to: CtId) {
        let Some(counted) = self.get(from).and_then(|conn| conn.counted) else { return };
        let Some(into) = self.get_mut(to).and_then(|conn| conn.counted.as_mut()) else { return };
        for (into, counted) in into.iter_mut().zip(counted) {
            into.packets += counted.packets;
            into.bytes += counted.bytes;
        }
    }

    /// Hides the entry from packets (`nf_ct_delete_from_lists()`).
    pub fn unlink(&mut self, id: CtId) {
        for dir in [Dir::Original, Dir::Reply] {
            let Some(conn) = self.get(id) else { return };
            let hash = hash(conn.tuple(dir), conn.zone.id_in(dir));
            let is_it = |linked: &Linked| linked.id == id && linked.dir == dir;
            if let Ok(found) = self.index.find_entry(hash, is_it) {
                found.remove();
            }
        }
    }

    /// Forgets the entry, which has to be hidden from packets.
    pub fn remove(&mut self, id: CtId) -> Option<Conn> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let conn = slot.conn.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        self.live -= 1;
        Some(*conn)
    }

    /// The entries that a packet with this tuple may belong to, by the zone that counts in the direction each was
    /// found in (`nf_ct_key_equal()`).
    pub fn find(&self, tuple: &Tuple, zone: Zone) -> impl Iterator<Item = (CtId, Dir)> {
        let dirs = [Dir::Original, Dir::Reply];
        let different = if zone.id_in(dirs[0]) == zone.id_in(dirs[1]) { 1 } else { 2 };
        dirs.into_iter().take(different).flat_map(move |dir| self.find_filed(tuple, zone, dir))
    }

    /// The entries with this tuple that are filed under the number which `zone` has in direction `filed`, and whose
    /// own zone agrees with it in the direction that each was found in. The latest comes first, and answers before
    /// requests where somebody talks to itself: the order of a chain that grows at its head.
    pub fn find_filed(
        &self,
        tuple: &Tuple,
        zone: Zone,
        filed: Dir,
    ) -> impl Iterator<Item = (CtId, Dir)> + use<> {
        let number = zone.id_in(filed);
        let hash = hash(tuple, number);
        let fits = |linked: &&Linked| {
            let is_of = |conn: &Conn| {
                conn.tuple(linked.dir) == tuple && conn.zone.id_in(linked.dir) == number
            };
            zone.id_in(linked.dir) == number && self.get(linked.id).is_some_and(is_of)
        };
        let alike = self.index.iter_hash(hash).filter(|linked| linked.hash == hash);
        let mut found: SmallVec<[Linked; 2]> = alike.filter(fits).copied().collect();
        found.sort_by_key(|linked| Reverse(linked.nth));
        found.into_iter().map(|linked| (linked.id, linked.dir))
    }

    /// The entry that stands in the way of `conn`, by the direction in which it was found.
    #[must_use]
    pub fn clash(&self, conn: &Conn) -> Option<(CtId, Dir)> {
        let by = |dir| self.find_filed(conn.tuple(dir), conn.zone, dir).next();
        [Dir::Original, Dir::Reply].into_iter().find_map(by)
    }

    /// All entries in the order of their slots, hidden ones too.
    pub fn iter(&self) -> impl Iterator<Item = (CtId, &Conn)> {
        (0..).zip(&self.slots).filter_map(|(slot, place)| {
            let conn = place.conn.as_deref()?;
            Some((CtId { slot, generation: place.generation }, conn))
        })
    }

    /// How many entries there are, hidden ones too (`nf_conntrack_count`).
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }
}

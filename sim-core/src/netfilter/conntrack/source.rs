//! Connections by the source they began with, so that one source is translated alike (`nf_nat_bysource`).

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::netfilter::conntrack::entry::{Conn, CtId, Status};
use crate::netfilter::conntrack::tuple::{Dir, End, Tuple};
use crate::packet::IpProto;

/// What connections of one source have in common.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Source {
    from: End,
    proto: IpProto,
    zone: u16,
}

impl Source {
    fn of(tuple: &Tuple, zone: u16) -> Self {
        Self { from: tuple.src, proto: tuple.proto, zone }
    }

    fn hash(&self) -> u64 {
        FxBuildHasher.hash_one(self)
    }
}

/// The index; the newest connection of a source comes first.
#[derive(Clone, Debug, Default)]
pub(in crate::netfilter) struct BySource {
    table: HashTable<(Source, SmallVec<[CtId; 1]>)>,
}

impl BySource {
    /// Adds a connection, before or after it is confirmed.
    pub(in crate::netfilter) fn insert(&mut self, id: CtId, conn: &Conn) {
        let source = Source::of(conn.tuple(Dir::Original), conn.zone.id_in(Dir::Original));
        let rehash = |(source, _): &(Source, _)| source.hash();
        let entry = self.table.entry(source.hash(), |(other, _)| *other == source, rehash);
        let mut list = entry.or_insert_with(|| (source, SmallVec::new()));
        list.get_mut().1.push(id);
    }

    /// Removes a connection, if it was ever added.
    pub(in crate::netfilter) fn remove(&mut self, id: CtId, conn: &Conn) {
        if !conn.status.has(Status::SRC_NAT_DONE) {
            return;
        }
        let source = Source::of(conn.tuple(Dir::Original), conn.zone.id_in(Dir::Original));
        let Ok(mut found) = self.table.find_entry(source.hash(), |(other, _)| *other == source)
        else {
            return;
        };
        let list = &mut found.get_mut().1;
        list.retain(|other| *other != id);
        if list.is_empty() {
            found.remove();
        }
    }

    /// The connections that began with the source of `tuple`, the newest first.
    pub(in crate::netfilter) fn of<'t>(
        &'t self,
        tuple: &Tuple,
        zone: u16,
    ) -> impl Iterator<Item = CtId> + 't {
        let source = Source::of(tuple, zone);
        let found = self.table.find(source.hash(), |(other, _)| *other == source);
        found.into_iter().flat_map(|(_, list)| list.iter().rev().copied())
    }
}

//! Typed ids and the arena that hands them out.
//!
//! The network is a cyclic graph (veth peers, bridge ports, sockets and their namespaces), so its
//! parts name each other by id. An id is never used twice in one world: a stale id finds nothing.
//! An arena clones with its world, which is what makes snapshots cheap to write.

use std::fmt;
use std::marker::PhantomData;

/// A typed index into an [`Arena`].
pub trait Id: Copy + Eq + Ord {
    /// Makes the id with this number.
    fn from_index(index: u32) -> Self;
    /// The id's number.
    fn index(self) -> u32;
}

/// Declares newtype ids over `u32`.
macro_rules! define_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(u32);

        impl Id for $name {
            #[inline]
            fn from_index(index: u32) -> Self {
                Self(index)
            }
            #[inline]
            fn index(self) -> u32 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

define_id! {
    /// A network namespace of the world.
    NetnsId;
    /// A network device of the world, whichever namespace it is in now.
    DevId;
    /// A bridge, the part of a bridge device that ports attach to.
    BridgeId;
    /// A socket, whichever namespace it was opened in.
    SocketId;
    /// A running program.
    ProcId;
}

impl ProcId {
    /// The process number that tools show. The numbers of a real machine follow from all that runs on it;
    /// these from the order in which programs were started.
    #[must_use]
    pub fn pid(self) -> u32 {
        const BEFORE: u32 = 1000;
        BEFORE + self.0 + 1
    }
}

/// A packet's identity through all its rewriting, cloning and encapsulation.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowId(pub u32);

/// The number of a device within its namespace (`ifindex`), from 1.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IfIndex(pub u32);

/// The number of a port within its bridge, from 1 to 1023.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortNo(pub u16);

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A growing store of `T`, addressed by ids that are never reused, iterated in order of creation.
#[derive(Clone, Debug)]
pub struct Arena<I, T> {
    slots: Vec<Option<T>>,
    live: usize,
    id: PhantomData<I>,
}

impl<I, T> Default for Arena<I, T> {
    fn default() -> Self {
        Self { slots: Vec::new(), live: 0, id: PhantomData }
    }
}

impl<I: Id, T> Arena<I, T> {
    /// Stores the value that `make` builds from its own id.
    pub fn insert_with(&mut self, make: impl FnOnce(I) -> T) -> I {
        let id = I::from_index(u32::try_from(self.slots.len()).expect("fewer than 2^32 objects"));
        self.slots.push(Some(make(id)));
        self.live += 1;
        id
    }

    /// Stores `value`.
    pub fn insert(&mut self, value: T) -> I {
        self.insert_with(|_| value)
    }

    /// Takes the value out; the id stays spent.
    pub fn remove(&mut self, id: I) -> Option<T> {
        let taken = self.slots.get_mut(id.index() as usize)?.take();
        self.live -= usize::from(taken.is_some());
        taken
    }

    /// The value with this id, unless it is gone.
    #[must_use]
    #[inline]
    pub fn get(&self, id: I) -> Option<&T> {
        self.slots.get(id.index() as usize)?.as_ref()
    }

    /// The value with this id, unless it is gone.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.slots.get_mut(id.index() as usize)?.as_mut()
    }

    /// How many values are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// All values in order of creation.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(i, s)| Some((I::from_index(u32::try_from(i).ok()?), s.as_ref()?)))
    }

    /// All values in order of creation.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(i, s)| Some((I::from_index(u32::try_from(i).ok()?), s.as_mut()?)))
    }
}

/// Panics if the id is stale: an owner that keeps ids must drop them with the object.
impl<I: Id, T> std::ops::Index<I> for Arena<I, T> {
    type Output = T;
    #[inline]
    fn index(&self, id: I) -> &T {
        self.get(id).expect("an id is dropped together with its object")
    }
}

/// Panics if the id is stale: an owner that keeps ids must drop them with the object.
impl<I: Id, T> std::ops::IndexMut<I> for Arena<I, T> {
    #[inline]
    fn index_mut(&mut self, id: I) -> &mut T {
        self.get_mut(id).expect("an id is dropped together with its object")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_not_used_twice() {
        let mut arena: Arena<DevId, &str> = Arena::default();
        let first = arena.insert("a");
        assert_eq!(arena.remove(first), Some("a"));
        let second = arena.insert("b");
        assert_ne!(first, second);
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.len(), 1);
    }
}

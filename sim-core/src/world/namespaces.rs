//! Namespaces by name, as `ip netns` keeps them under `/run/netns`.

use std::collections::BTreeMap;

use crate::errno::Errno;
use crate::id::{NetnsId, ProcId};
use crate::netlink::command::{Names as _, Word};
use crate::world::{Poll, Process, World, observed};

/// What happened to a name (`inotify(7)` on `/run/netns`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NameChange {
    /// A namespace was given it.
    Given(String),
    /// It was taken away.
    Taken(String),
}

/// A program that wants to know.
#[derive(Clone, Debug)]
pub(super) struct NameWatch {
    pub(super) owner: ProcId,
    /// What it has not read yet.
    pub(super) changes: Vec<NameChange>,
}

impl World {
    /// Tells who watches the names.
    fn tell_name(&mut self, change: &NameChange) {
        for watch in &mut self.name_watches {
            watch.changes.push(change.clone());
        }
        let owners: Vec<ProcId> = self.name_watches.iter().map(|watch| watch.owner).collect();
        for owner in owners {
            self.make_runnable(owner);
        }
        self.run_programs();
    }

    /// Makes a namespace and gives it a name (`ip netns add`).
    ///
    /// # Errors
    ///
    /// `EEXIST` if the name is taken.
    pub fn add_netns(&mut self, name: &str) -> Result<NetnsId, Errno> {
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let id = self.kernel.add_netns();
        self.names.insert(name.to_owned(), id);
        self.note_names(&["ip", "netns", "add", name], None);
        self.tell_name(&NameChange::Given(name.to_owned()));
        Ok(id)
    }

    /// Gives a namespace a further name (`ip netns attach`).
    ///
    /// # Errors
    ///
    /// `EEXIST` if the name is taken.
    pub fn name_netns(&mut self, name: &str, id: NetnsId) -> Result<(), Errno> {
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let process: Option<Word> = self.netns(id);
        self.names.insert(name.to_owned(), id);
        self.note_names(&["ip", "netns", "attach", name], process);
        self.tell_name(&NameChange::Given(name.to_owned()));
        Ok(())
    }

    /// Takes a name away (`ip netns del`). The namespace goes with its last name, unless a program
    /// still runs in it.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such name.
    pub fn del_netns(&mut self, name: &str) -> Result<(), Errno> {
        let id = self.names.shift_remove(name).ok_or(Errno::ENOENT)?;
        self.note_names(&["ip", "netns", "del", name], None);
        self.tell_name(&NameChange::Taken(name.to_owned()));
        self.drop_netns_if_unused(id);
        Ok(())
    }

    /// Tells which processes of the machine there are around this world, by their numbers, and the namespace
    /// that each is in. They take the place of the world's own programs where processes are asked for.
    pub fn set_processes(&mut self, processes: BTreeMap<u32, NetnsId>) {
        self.outside = Some(processes);
    }

    /// The processes there are, by number, and where they are.
    fn inside(&self) -> BTreeMap<u32, NetnsId> {
        let runs = |process: &Process| !matches!(process.state, Poll::Exit(_));
        let own = || self.procs.iter().filter(|(_, process)| runs(process));
        let own = || own().map(|(id, process)| (id.pid(), process.netns)).collect();
        self.outside.clone().unwrap_or_else(own)
    }

    /// The numbers of the processes in a namespace, in their order.
    #[must_use]
    pub fn pids(&self, netns: NetnsId) -> Vec<u32> {
        self.inside().into_iter().filter(|(_, id)| *id == netns).map(|(pid, _)| pid).collect()
    }

    /// The namespace that a process is in.
    #[must_use]
    pub fn netns_of_pid(&self, pid: u32) -> Option<NetnsId> {
        let netns = self.inside().get(&pid).copied();
        netns.filter(|id| self.kernel.netns.get(*id).is_some())
    }

    /// Removes a namespace that nothing refers to any more (`put_net()`).
    pub fn drop_netns_if_unused(&mut self, id: NetnsId) {
        let named = self.names.values().any(|n| *n == id);
        let inhabited =
            self.procs.iter().any(|(_, p)| p.netns == id && !matches!(p.state, Poll::Exit(_)));
        if named || inhabited || id == self.initial_netns() {
            return;
        }
        observed!(self, |k, o| {
            k.del_netns(id, o);
            k.flush_routes();
            k.run_pending(o);
        });
        self.run_programs();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Program, Sys};

    /// A program that waits forever.
    #[derive(Clone, Debug)]
    struct Waits;

    impl Program for Waits {
        fn poll(&mut self, _: &mut Sys<'_>) -> Poll {
            Poll::WaitUnbounded
        }

        fn boxed_clone(&self) -> Box<dyn Program> {
            Box::new(self.clone())
        }
    }

    #[test]
    fn a_namespace_without_a_name_lives_as_long_as_a_program_in_it() {
        let mut world = World::new(1);
        let id = world.add_netns("a").unwrap();
        let program = world.spawn_program("waits", id, Box::new(Waits));
        world.del_netns("a").unwrap();
        assert!(world.kernel.netns.get(id).is_some());
        world.reap(program);
        assert!(world.kernel.netns.get(id).is_none());
    }

    #[test]
    fn a_name_is_given_once_and_found_until_it_is_taken_away() {
        let mut world = World::new(1);
        let id = world.add_netns("a").unwrap();
        assert_eq!(world.add_netns("a"), Err(Errno::EEXIST));
        assert_eq!(world.netns_by_name("a"), Some(id));
        assert_eq!(world.del_netns("a"), Ok(()));
        assert_eq!(world.del_netns("a"), Err(Errno::ENOENT));
        assert!(world.kernel.netns.get(id).is_none());
    }
}

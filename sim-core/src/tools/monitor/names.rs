//! What a monitor calls devices and namespaces.
//!
//! It asks for a name when it first needs it, and keeps it: a device that is renamed keeps its old name
//! in all that is told of other objects.

use std::collections::BTreeMap;

use crate::id::{IfIndex, NetnsId};
use crate::kernel::rtnl::{Change, Holder, NetconfMsg, Notification};
use crate::link::DevFlags;
use crate::tools::ip::link::print::Links;
use crate::tools::monitor::Dialect;
use crate::world::World;

/// A device as it was first seen (`struct ll_cache`).
#[derive(Clone, Debug)]
struct Known {
    name: String,
    up: bool,
}

/// The names a monitor knows.
#[derive(Clone, Debug)]
pub(super) struct Names {
    dialect: Dialect,
    netns: NetnsId,
    links: BTreeMap<IfIndex, Known>,
    nsids: BTreeMap<u32, String>,
}

impl Names {
    pub(super) fn new(dialect: Dialect, netns: NetnsId) -> Self {
        Self { dialect, netns, links: BTreeMap::new(), nsids: BTreeMap::new() }
    }

    /// Asks for the names in an announcement that are not yet known. `ip` also learns from what is
    /// announced of devices (`ll_remember_index()`), `bridge` does not.
    pub(super) fn learn(&mut self, news: &Notification, world: &World) {
        if let (Notification::Link(Change::New, link), Dialect::Ip) = (news, self.dialect) {
            let up = link.msg.flags.contains(DevFlags::UP);
            let known = Known { name: link.msg.name.to_string(), up };
            let entry = self.links.entry(link.msg.index);
            entry.and_modify(|known| known.up = up).or_insert(known);
        }
        let Some(netns) = world.kernel.netns.get(self.netns) else { return };
        for index in devices(news) {
            if let Some(dev) = netns.links.get(&index) {
                let device = &world.kernel.devs[*dev];
                let known = || Known { name: device.name.to_string(), up: device.is_up() };
                self.links.entry(index).or_insert_with(known);
            }
        }
        if let Notification::Nsid(Change::New, nsid) = news {
            self.learn_namespaces(world, Some(*nsid));
        }
    }

    /// Looks up what the namespaces are called that have numbers: all when the monitor starts
    /// (`netns_map_init()`), later on those whose numbers are announced to it.
    pub(super) fn learn_namespaces(&mut self, world: &World, only: Option<u32>) {
        let Some(netns) = world.kernel.netns.get(self.netns) else { return };
        for (nsid, id) in netns.nsids.iter().filter(|(nsid, _)| only.is_none_or(|o| o == **nsid)) {
            if let Some(name) = world.netns_name(*id) {
                self.nsids.insert(*nsid, name.to_owned());
            }
        }
    }

    /// A device that has gone is forgotten.
    pub(super) fn forget(&mut self, news: &Notification) {
        if let (Notification::Link(Change::Deleted, link), Dialect::Ip) = (news, self.dialect) {
            self.links.remove(&link.msg.index);
        }
    }
}

/// The devices that an announcement names by number.
fn devices(news: &Notification) -> Vec<IfIndex> {
    match news {
        Notification::Link(_, link) => link.msg.link.into_iter().chain(link.msg.master).collect(),
        Notification::Addr(_, msg) => vec![msg.index],
        Notification::Route(_, msg) => {
            msg.hops.iter().chain([&msg.hop]).filter_map(|hop| hop.dev).collect()
        }
        Notification::Neigh(_, msg) => msg.index.into_iter().collect(),
        Notification::Fdb(_, msg) => {
            [Some(msg.index), msg.master, msg.via].into_iter().flatten().collect()
        }
        Notification::Netconf(_, NetconfMsg { holder: Holder::Dev(index), .. }) => vec![*index],
        Notification::Netconf(..) | Notification::Rule(..) | Notification::Nsid(..) => Vec::new(),
    }
}

impl Links for Names {
    fn link_name(&self, index: IfIndex) -> String {
        self.links.get(&index).map_or_else(|| format!("if{index}"), |known| known.name.clone())
    }

    fn is_up(&self, index: IfIndex) -> bool {
        self.links.get(&index).is_some_and(|known| known.up)
    }

    fn netns_name(&self, nsid: u32) -> Option<String> {
        self.nsids.get(&nsid).cloned()
    }
}

//! The namespaces of a running case: entering them, and the devices in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use sim_core::case::ROOT_NETNS;

use super::capture::Injector;
use super::netlink::{Link, Netlink};
use super::sandbox;

/// All namespaces of a case by name, the root namespace as `-`.
pub(super) struct Namespaces {
    list: BTreeMap<String, Netns>,
    injectors: BTreeMap<(String, String), Injector>,
}

struct Netns {
    handle: File,
    route: Netlink,
    links: Vec<Link>,
    /// Every device that was ever seen, also those that are gone or renamed.
    names: BTreeMap<usize, String>,
}

impl Namespaces {
    pub(super) fn new() -> io::Result<Self> {
        let root = Netns::open(File::open("/proc/self/ns/net")?)?;
        Ok(Self {
            list: BTreeMap::from([(ROOT_NETNS.to_owned(), root)]),
            injectors: BTreeMap::new(),
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.list.keys().cloned().collect()
    }

    /// Runs `work` in a namespace; comes back to the root namespace.
    pub(super) fn within<T>(
        &self,
        name: &str,
        work: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let netns = self.get(name)?;
        setns(&netns.handle, CloneFlags::CLONE_NEWNET)?;
        let result = work();
        setns(&self.get(ROOT_NETNS)?.handle, CloneFlags::CLONE_NEWNET)?;
        result
    }

    fn get(&self, name: &str) -> io::Result<&Netns> {
        self.list.get(name).ok_or_else(|| io::Error::other(format!("no namespace {name}")))
    }

    /// Takes in namespaces that `ip netns add` has made.
    pub(super) fn find_new(&mut self) -> io::Result<()> {
        for entry in fs::read_dir("/run/netns")? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if self.list.contains_key(&name) {
                continue;
            }
            let handle = File::open(entry.path())?;
            setns(&handle, CloneFlags::CLONE_NEWNET)?;
            let made = sandbox::reset_inherited_sysctls().and_then(|()| Netns::open(handle));
            setns(&self.get(ROOT_NETNS)?.handle, CloneFlags::CLONE_NEWNET)?;
            self.list.insert(name, made?);
        }
        Ok(())
    }

    /// Lets go of namespaces whose names are gone, so that the kernel can remove them; names those that still
    /// are there.
    pub(super) fn forget_gone(&mut self) -> io::Result<Vec<String>> {
        let mut named = BTreeSet::from([ROOT_NETNS.to_owned()]);
        for entry in fs::read_dir("/run/netns")? {
            named.insert(entry?.file_name().to_string_lossy().into_owned());
        }
        let known = self.list.len();
        self.list.retain(|name, _| named.contains(name));
        if self.list.len() < known {
            // Some of them may stand in a namespace that is to go.
            self.injectors.clear();
        }
        Ok(self.names())
    }

    /// Reads the devices of all namespaces anew.
    pub(super) fn scan(&mut self) -> io::Result<()> {
        self.list.values_mut().try_for_each(Netns::scan)
    }

    pub(super) fn links(&self, name: &str) -> &[Link] {
        self.list.get(name).map_or(&[], |netns| &netns.links)
    }

    /// The name of a device by its index, as far as it was ever seen.
    pub(super) fn device_name(&self, netns: &str, ifindex: usize) -> String {
        let known = self.list.get(netns).and_then(|netns| netns.names.get(&ifindex));
        known.cloned().unwrap_or_else(|| format!("if{ifindex}"))
    }

    /// Waits until every device with a carrier is operational: the kernel may put that off by up to a
    /// second (linkwatch), and loses packets until then.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        const PATIENCE: Duration = Duration::from_secs(4);
        const PAUSE: Duration = Duration::from_millis(2);
        let begun = Instant::now();
        loop {
            self.scan()?;
            let late = self.list.iter().find_map(|(name, netns)| {
                let link = netns.links.iter().find(|link| link.is_settling())?;
                Some(format!("{name}/{}", link.name))
            });
            match late {
                None => return Ok(()),
                Some(late) if begun.elapsed() > PATIENCE => {
                    return Err(io::Error::other(format!("{late} does not become operational")));
                }
                Some(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Switches the offloads of the given devices off.
    pub(super) fn offloads_off(&self, is_wanted: impl Fn(&str, &str) -> bool) -> io::Result<()> {
        for (name, netns) in &self.list {
            let devices: Vec<&Link> =
                netns.links.iter().filter(|l| l.name != "lo" && is_wanted(name, &l.name)).collect();
            if devices.is_empty() {
                continue;
            }
            self.within(name, || {
                let mut ethtool = Netlink::generic()?;
                let family = ethtool.ethtool_family()?;
                devices.iter().try_for_each(|link| ethtool.offloads_off(family, &link.name))
            })?;
        }
        Ok(())
    }

    /// Makes a device receive a frame: a veth does when its other end sends.
    pub(super) fn inject(&mut self, netns: &str, dev: &str, frame: &[u8]) -> io::Result<()> {
        let key = (netns.to_owned(), dev.to_owned());
        if !self.injectors.contains_key(&key) {
            let (peer_netns, peer) = self.peer(netns, dev)?;
            let injector = self.within(&peer_netns, || Injector::open(&peer))?;
            self.injectors.insert(key.clone(), injector);
        }
        self.injectors[&key].send(frame)
    }

    /// Finds the other end of a veth.
    fn peer(&mut self, netns: &str, dev: &str) -> io::Result<(String, String)> {
        let error = |text: &str| io::Error::other(format!("{netns}/{dev}: {text}"));
        let link = self.links(netns).iter().find(|link| link.name == dev);
        let link = link.ok_or_else(|| error("no such device"))?.clone();
        if link.kind != "veth" {
            return Err(error("only a veth can be injected into"));
        }
        let mut candidates = Vec::new();
        match link.peer_netnsid {
            None => candidates.push(netns.to_owned()),
            Some(wanted) => {
                for name in self.names() {
                    let handle = self.get(&name)?.handle.try_clone()?;
                    let own = self.list.get_mut(netns).ok_or_else(|| error("no namespace"))?;
                    if own.route.netnsid_of(handle.as_fd())? == Some(wanted) {
                        candidates.push(name);
                    }
                }
            }
        }
        let found = candidates.into_iter().find_map(|name| {
            let peer = self.links(&name).iter().find(|l| Some(l.index) == link.peer)?;
            Some((name.clone(), peer.name.clone()))
        });
        found.ok_or_else(|| error("its other end is in no namespace of the case"))
    }
}

impl Netns {
    /// Takes the current namespace in.
    fn open(handle: File) -> io::Result<Self> {
        let mut netns =
            Self { handle, route: Netlink::route()?, links: Vec::new(), names: BTreeMap::new() };
        netns.scan()?;
        Ok(netns)
    }

    fn scan(&mut self) -> io::Result<()> {
        self.links = self.route.links()?;
        for link in &self.links {
            let index = usize::try_from(link.index).map_err(io::Error::other)?;
            self.names.insert(index, link.name.clone());
        }
        Ok(())
    }
}

//! Files under `/proc/sys/net` (`net/sysctl_net.c`, `devinet_sysctl_forward()`).

use crate::errno::Errno;
use crate::id::{DevId, Id as _, NetnsId};
use crate::kernel::{Kernel, rtnl};
use crate::link::inet::{ConfKey, Ipv4Conf};
use crate::neigh::{NEIGH_FILES, NeighDefaults, neigh_file};
use crate::sysctl::ipv6::{self, Leaf};
use crate::sysctl::{Holder, KeptTree, Kind, Sysctl, Sysctls, value};
use crate::trace::Observer;

/// A file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum File {
    /// A setting of the namespace.
    Namespace(Sysctl),
    /// A setting under `net.ipv4.conf`.
    Conf(Holder, ConfKey),
    /// A setting under `net.ipv4.neigh`.
    Neigh(Holder, &'static str),
    /// A setting of all neighbour tables.
    NeighGc(NeighGc),
    /// A setting of a device that is only kept.
    Kept(KeptTree, Holder, usize),
}

/// The settings of `net.ipv4.neigh.default` that devices do not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NeighGc {
    Interval,
    Thresh1,
    Thresh2,
    Thresh3,
}

impl NeighGc {
    const FILES: [(&'static str, Self); 4] = [
        ("gc_interval", Self::Interval),
        ("gc_thresh1", Self::Thresh1),
        ("gc_thresh2", Self::Thresh2),
        ("gc_thresh3", Self::Thresh3),
    ];

    fn find(name: &str) -> Option<Self> {
        Self::FILES.into_iter().find(|(file, _)| *file == name).map(|(_, gc)| gc)
    }

    /// What may be written: the interval is in seconds, the others are numbers of entries.
    fn kind(self) -> Kind {
        match self {
            Self::Interval => value::SECONDS,
            Self::Thresh1 | Self::Thresh2 | Self::Thresh3 => value::COUNT,
        }
    }

    fn of(self, defaults: &mut NeighDefaults) -> &mut i32 {
        match self {
            Self::Interval => &mut defaults.gc_interval,
            Self::Thresh1 => &mut defaults.gc_thresh1,
            Self::Thresh2 => &mut defaults.gc_thresh2,
            Self::Thresh3 => &mut defaults.gc_thresh3,
        }
    }
}

/// The files of a tree that is only kept.
fn leaves(tree: KeptTree) -> &'static [Leaf] {
    match tree {
        KeptTree::Conf6 => ipv6::CONF,
        KeptTree::Neigh6 => ipv6::NEIGH,
    }
}

impl File {
    /// What may be written to it.
    fn kind(self) -> Kind {
        match self {
            Self::Namespace(key) => key.row().kind,
            Self::Conf(_, ConfKey::McForwarding) => Kind::ReadOnly,
            Self::Conf(..) | Self::Neigh(..) => value::ANY,
            Self::NeighGc(gc) => gc.kind(),
            Self::Kept(tree, _, leaf) => leaves(tree)[leaf].kind,
        }
    }

    /// Its mode in `netns`.
    fn mode(self, netns: NetnsId) -> u16 {
        let kind = self.kind();
        if matches!(kind, Kind::Shared(..)) && !is_first(netns) { 0o444 } else { kind.mode() }
    }

    /// The file that a name means.
    fn find(k: &Kernel, netns: NetnsId, name: &str) -> Result<Self, Errno> {
        let path = crate::sysctl::path_of(name);
        let parts: Vec<&str> = path.split('/').collect();
        let found = match parts.as_slice() {
            ["net", "ipv4", "conf", holder, leaf] => {
                let key = ConfKey::ALL.iter().find(|key| key.name() == *leaf);
                key.zip(find_holder(k, netns, holder)).map(|(key, holder)| Self::Conf(holder, *key))
            }
            ["net", "ipv4", "neigh", holder, leaf] => find_neigh(k, netns, holder, leaf),
            ["net", "ipv6", tree @ ("conf" | "neigh"), holder, leaf] => {
                let tree = if *tree == "conf" { KeptTree::Conf6 } else { KeptTree::Neigh6 };
                let holder =
                    find_holder(k, netns, holder).filter(|holder| has_folder(tree, *holder));
                let leaf = ipv6::find(leaves(tree), leaf);
                holder.zip(leaf).map(|(holder, leaf)| Self::Kept(tree, holder, leaf))
            }
            _ => Sysctl::find(&path).filter(|key| has(netns, *key)).map(Self::Namespace),
        };
        found.ok_or(Errno::ENOENT)
    }
}

/// Whether the tree has a folder for `holder`: neighbours have neither `all` nor, outside of the first
/// namespace, `default`.
fn has_folder(tree: KeptTree, holder: Holder) -> bool {
    tree == KeptTree::Conf6 || matches!(holder, Holder::Dev(_))
}

/// A file under `net.ipv4.neigh`: each device's, and in the first namespace the defaults.
fn find_neigh(k: &Kernel, netns: NetnsId, holder: &str, leaf: &str) -> Option<File> {
    let holder = find_holder(k, netns, holder)?;
    match holder {
        Holder::All => return None,
        Holder::Default if !is_first(netns) => return None,
        Holder::Default => {
            if let Some(gc) = NeighGc::find(leaf) {
                return Some(File::NeighGc(gc));
            }
        }
        Holder::Dev(_) => {}
    }
    let name = NEIGH_FILES.iter().find(|file| **file == leaf)?;
    Some(File::Neigh(holder, name))
}

/// Whether the namespace has the file of `key`.
fn has(netns: NetnsId, key: Sysctl) -> bool {
    key != Sysctl::NetNfConntrackMax || is_first(netns)
}

/// The settings that hold `key` for this namespace.
#[must_use]
pub fn shared(k: &Kernel, netns: NetnsId, key: Sysctl) -> &Sysctls {
    let holder = if matches!(key.row().kind, Kind::Shared(..)) { first() } else { netns };
    &k.netns[holder].sysctl
}

/// The namespace that was there from the beginning.
fn first() -> NetnsId {
    NetnsId::from_index(0)
}

/// Whether it is the namespace that was there from the beginning.
fn is_first(netns: NetnsId) -> bool {
    netns == first()
}

fn find_holder(k: &Kernel, netns: NetnsId, name: &str) -> Option<Holder> {
    match name {
        "all" => Some(Holder::All),
        "default" => Some(Holder::Default),
        _ => k.dev_by_name(netns, name.parse().ok()?).map(Holder::Dev),
    }
}

/// Writes a value.
///
/// # Errors
///
/// [`Errno::ENOENT`] for a name that there is not; [`Errno::EACCES`] for a file that is only read;
/// [`Errno::EINVAL`] for a value that it does not take.
pub fn set<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    name: &str,
    value: &str,
    _: &mut O,
) -> Result<(), Errno> {
    let file = File::find(k, netns, name)?;
    if file.mode(netns) & 0o200 == 0 {
        return Err(Errno::EACCES);
    }
    match file {
        File::Namespace(Sysctl::IpForward) => {
            set_conf(k, netns, Holder::All, ConfKey::Forwarding, value)
        }
        File::Namespace(Sysctl::RouteFlush) => {
            k.netns[netns].ipv4.exceptions.flush();
            k.netns[netns].ipv4.fib.flush();
            Ok(())
        }
        // One setting, in two places.
        File::Namespace(Sysctl::NetNfConntrackMax) => {
            k.netns[netns].sysctl.write(Sysctl::NfConntrackMax, value)
        }
        File::Namespace(key) => k.netns[netns].sysctl.write(key, value),
        File::Conf(holder, key) => set_conf(k, netns, holder, key, value),
        File::Neigh(holder, leaf) => set_neigh(k, netns, holder, leaf, value),
        File::NeighGc(gc) => {
            let value = value::scalar(gc.kind(), value)?;
            *gc.of(&mut k.neigh) = i32::try_from(value).map_err(|_| Errno::EINVAL)?;
            Ok(())
        }
        File::Kept(tree, holder, leaf) => keep(k, netns, tree, holder, leaf, value),
    }
}

/// Reads a value, as `sysctl -n` prints it.
///
/// # Errors
///
/// [`Errno::ENOENT`] for a name that there is not; [`Errno::EACCES`] for a file that is only written.
pub fn get(k: &Kernel, netns: NetnsId, name: &str) -> Result<String, Errno> {
    let file = File::find(k, netns, name)?;
    if file.kind().mode() & 0o400 == 0 {
        return Err(Errno::EACCES);
    }
    Ok(match file {
        File::Namespace(Sysctl::IpForward) => {
            k.netns[netns].conf_all.get(ConfKey::Forwarding).to_string()
        }
        File::Namespace(Sysctl::NetNfConntrackMax) => {
            k.netns[netns].sysctl.text(Sysctl::NfConntrackMax)
        }
        File::Namespace(Sysctl::NfConntrackCount) => {
            k.netns[netns].nf.conntrack.conns.len().to_string()
        }
        File::Namespace(key) => shared(k, netns, key).text(key),
        File::Conf(holder, key) => conf_of(k, netns, holder).get(key).to_string(),
        File::Neigh(holder, leaf) => {
            let parms = match holder {
                Holder::Dev(dev) => k.netns[netns].arp.parms(dev),
                Holder::All | Holder::Default => &k.neigh.parms,
            };
            parms.read_file(leaf).ok_or(Errno::ENOENT)?.to_string()
        }
        File::NeighGc(gc) => gc.of(&mut k.neigh.clone()).to_string(),
        File::Kept(tree, holder, leaf) => kept(k, netns, tree, holder, leaf)?.to_string(),
    })
}

/// The mode of a file.
///
/// # Errors
///
/// [`Errno::ENOENT`] for a name that there is not.
pub fn mode(k: &Kernel, netns: NetnsId, name: &str) -> Result<u16, Errno> {
    Ok(File::find(k, netns, name)?.mode(netns))
}

/// The paths of all files below `/proc/sys`, in the order in which `sysctl -a` visits them.
#[must_use]
pub fn list(k: &Kernel, netns: NetnsId) -> Vec<String> {
    let devs = || k.netns[netns].ipv4.devs.iter().map(|dev| k.devs[*dev].name.to_string());
    let with_all = || ["all".to_owned(), "default".to_owned()].into_iter().chain(devs());
    let mut paths: Vec<String> = Sysctl::ALL
        .iter()
        .filter(|key| has(netns, **key))
        .map(|key| key.row().path.to_owned())
        .collect();
    for name in with_all() {
        let conf4 = ConfKey::ALL.iter().map(|key| format!("net/ipv4/conf/{name}/{}", key.name()));
        paths.extend(conf4);
        paths.extend(ipv6::CONF.iter().map(|leaf| format!("net/ipv6/conf/{name}/{}", leaf.name)));
    }
    if is_first(netns) {
        let gc = NeighGc::FILES.iter().map(|(leaf, _)| leaf);
        let leaves = NEIGH_FILES.iter().chain(gc);
        paths.extend(leaves.map(|leaf| format!("net/ipv4/neigh/default/{leaf}")));
    }
    for name in devs() {
        paths.extend(NEIGH_FILES.iter().map(|leaf| format!("net/ipv4/neigh/{name}/{leaf}")));
        paths.extend(ipv6::NEIGH.iter().map(|leaf| format!("net/ipv6/neigh/{name}/{}", leaf.name)));
    }
    paths.sort_unstable_by(|a, b| crate::sysctl::order(a, b));
    paths
}

fn conf_of(k: &Kernel, netns: NetnsId, holder: Holder) -> &Ipv4Conf {
    match holder {
        Holder::All => &k.netns[netns].conf_all,
        Holder::Default => &k.netns[netns].conf_default,
        Holder::Dev(dev) => &k.devs[dev].inet.conf,
    }
}

fn conf_mut(k: &mut Kernel, netns: NetnsId, holder: Holder) -> &mut Ipv4Conf {
    match holder {
        Holder::All => &mut k.netns[netns].conf_all,
        Holder::Default => &mut k.netns[netns].conf_default,
        Holder::Dev(dev) => &mut k.devs[dev].inet.conf,
    }
}

/// Writes a setting under `net.ipv4.conf`. A change of `default` reaches the devices on which nobody
/// has set it and that have no address yet (`devinet_conf_proc()`).
fn set_conf(
    k: &mut Kernel,
    netns: NetnsId,
    holder: Holder,
    key: ConfKey,
    text: &str,
) -> Result<(), Errno> {
    let value = value::scalar(value::ANY, text)?;
    let value = i32::try_from(value).map_err(|_| Errno::EINVAL)?;
    if key == ConfKey::Forwarding {
        set_forwarding(k, netns, holder, value);
        return Ok(());
    }
    let old = conf_of(k, netns, holder).get(key);
    conf_mut(k, netns, holder).write(key, value);
    if old != value {
        tell(k, netns, holder, key, value);
    }
    if holder == Holder::Default {
        for dev in k.netns[netns].ipv4.devs.clone() {
            let conf = &mut k.devs[dev].inet.conf;
            if !conf.is_set(key) {
                conf.set(key, value);
            }
        }
    }
    Ok(())
}

/// A change under `all` reaches every device and `default`, and a router follows no redirects
/// (`inet_forward_change()`).
fn set_forwarding(k: &mut Kernel, netns: NetnsId, holder: Holder, value: i32) {
    let conf = conf_mut(k, netns, holder);
    if conf.get(ConfKey::Forwarding) == value {
        return;
    }
    conf.set(ConfKey::Forwarding, value);
    tell(k, netns, holder, ConfKey::Forwarding, value);
    if holder == Holder::All {
        let ns = &mut k.netns[netns];
        ns.conf_all.set(ConfKey::AcceptRedirects, i32::from(value == 0));
        ns.conf_default.set(ConfKey::Forwarding, value);
        let devs = ns.ipv4.devs.clone();
        tell(k, netns, Holder::Default, ConfKey::Forwarding, value);
        for dev in devs {
            k.devs[dev].inet.conf.set(ConfKey::Forwarding, value);
            tell(k, netns, Holder::Dev(dev), ConfKey::Forwarding, value);
        }
    }
}

/// Announces a setting (`inet_netconf_notify_devconf()`).
fn tell(k: &mut Kernel, netns: NetnsId, holder: Holder, key: ConfKey, value: i32) {
    let holder = match holder {
        Holder::All => rtnl::Holder::All,
        Holder::Default => rtnl::Holder::Default,
        Holder::Dev(dev) => rtnl::Holder::Dev(k.devs[dev].ifindex),
    };
    rtnl::netconf(k, netns, holder, key, value);
}

/// Writes a setting under `net.ipv4.neigh`. A change of the defaults reaches the devices of the first
/// namespace on which nobody has set it (`neigh_copy_dflt_parms()`).
fn set_neigh(
    k: &mut Kernel,
    netns: NetnsId,
    holder: Holder,
    leaf: &str,
    text: &str,
) -> Result<(), Errno> {
    let shown = value::one(text)?;
    let kept = neigh_file(leaf, shown).ok_or(Errno::ENOENT)?;
    let (var, value) = kept.map_err(|_| Errno::EINVAL)?;
    match holder {
        Holder::Dev(dev) => k.netns[netns].arp.parms_mut(dev).set(var, value),
        Holder::All | Holder::Default => {
            k.neigh.parms.set(var, value);
            for parms in k.netns[netns].arp.all_parms_mut() {
                parms.follow_default(var, &k.neigh.parms);
            }
        }
    }
    Ok(())
}

/// Reads a setting that is only kept.
fn kept(
    k: &Kernel,
    netns: NetnsId,
    tree: KeptTree,
    holder: Holder,
    leaf: usize,
) -> Result<i64, Errno> {
    let file = &leaves(tree)[leaf];
    if file.kind == Kind::Secret {
        return Err(Errno::EIO);
    }
    let dev = match holder {
        Holder::Dev(dev) => k.devs.get(dev),
        Holder::All | Holder::Default => None,
    };
    let lo = dev.is_some_and(|dev| dev.is_loopback());
    let fallback = match file.name {
        "mtu" if dev.is_some() => dev.map_or(0, |dev| i64::from(dev.mtu)),
        "accept_dad" | "use_tempaddr" if lo => -1,
        _ if holder == Holder::All => file.all,
        _ => file.default,
    };
    Ok(k.netns[netns].sysctl.kept(tree, holder, leaf).unwrap_or(fallback))
}

/// Writes a setting that is only kept. Two of those under `all` reach `default` and every device
/// (`addrconf_disable_ipv6()`, `addrconf_fixup_forwarding()`).
fn keep(
    k: &mut Kernel,
    netns: NetnsId,
    tree: KeptTree,
    holder: Holder,
    leaf: usize,
    text: &str,
) -> Result<(), Errno> {
    let file = &leaves(tree)[leaf];
    if file.kind == Kind::Secret {
        return Err(Errno::EIO);
    }
    let value = value::scalar(file.kind, text)?;
    let ns = &mut k.netns[netns];
    ns.sysctl.keep(tree, holder, leaf, value);
    let spreads = tree == KeptTree::Conf6 && matches!(file.name, "disable_ipv6" | "forwarding");
    if holder == Holder::All && spreads {
        let devs: Vec<DevId> = ns.ipv4.devs.clone();
        let holders = devs.into_iter().map(Holder::Dev).chain([Holder::Default]);
        for holder in holders {
            ns.sysctl.keep(tree, holder, leaf, value);
        }
    }
    Ok(())
}

//! A private corner of the machine: own namespaces, own `/run`, one CPU. Nothing in it outlives the
//! process, and nothing of it can be seen from outside.

use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, CpuSet, sched_getaffinity, sched_setaffinity, unshare};
use nix::unistd::{Pid, getegid, geteuid};

/// Makes the calling process, which must have one thread, a root in namespaces of its own.
///
/// # Errors
/// What the kernel refused; then nothing is promised about the process.
pub fn enter() -> io::Result<()> {
    let before = fs::read_link("/proc/self/ns/net")?;
    let wanted = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    match unshare(wanted) {
        Ok(()) => {}
        Err(Errno::EPERM) => become_root_of_new_user_namespace(wanted)?,
        Err(error) => return Err(error.into()),
    }
    if fs::read_link("/proc/self/ns/net")? == before {
        return Err(io::Error::other("still in the network namespace of the machine"));
    }
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755"))?;
    fs::create_dir("/run/netns")
}

fn become_root_of_new_user_namespace(wanted: CloneFlags) -> io::Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(wanted | CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// The CPUs that the process may run on.
///
/// # Errors
/// What the kernel refused.
pub fn cpus() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect())
}

/// Stays on one CPU. Then `send()`, the softirq that receives, forwarding and the next transmission run
/// to their end one after the other, and the order of frames is a function of the input.
///
/// # Errors
/// What the kernel refused.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// What a kernel gives `net.ipv4.conf.{all,default}` of a new namespace, unless the machine's own
/// initial namespace says otherwise: these are inherited from there.
const CONF_DEFAULTS: [(&str, &str); 19] = [
    ("accept_local", "0"),
    ("accept_redirects", "1"),
    ("arp_accept", "0"),
    ("arp_announce", "0"),
    ("arp_filter", "0"),
    ("arp_ignore", "0"),
    ("arp_notify", "0"),
    ("drop_gratuitous_arp", "0"),
    ("drop_unicast_in_l2_multicast", "0"),
    ("log_martians", "0"),
    ("promote_secondaries", "0"),
    ("proxy_arp", "0"),
    ("route_localnet", "0"),
    ("rp_filter", "0"),
    ("secure_redirects", "1"),
    ("send_redirects", "1"),
    ("shared_media", "1"),
    ("src_valid_mark", "0"),
    ("disable_policy", "0"),
];

/// Sizes that a kernel derives from the memory of the machine, at what a large one gets on 6.18: the
/// window scale of TCP follows from them.
const SIZES: [(&str, &str); 2] =
    [("tcp_rmem", "4096 131072 33554432"), ("tcp_wmem", "4096 16384 4194304")];

/// Gives the current, new namespace the kernel's own defaults.
///
/// # Errors
/// What the kernel refused.
pub fn reset_inherited_sysctls() -> io::Result<()> {
    for (name, value) in SIZES {
        fs::write(Path::new("/proc/sys/net/ipv4").join(name), value)?;
    }
    for group in ["all", "default"] {
        for (name, value) in CONF_DEFAULTS {
            let path = Path::new("/proc/sys/net/ipv4/conf").join(group).join(name);
            match fs::read_to_string(&path) {
                Ok(now) if now.trim() != value => fs::write(&path, value)?,
                Ok(_) | Err(_) => {}
            }
        }
    }
    Ok(())
}

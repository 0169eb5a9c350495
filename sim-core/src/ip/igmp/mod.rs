//! Group membership (IGMP: RFC 1112, 2236 and 3376; `net/ipv4/igmp.c`): routers ask which groups are
//! wanted on a link, hosts answer and tell of changes.
//!
//! ```text
//!   membership   groups are joined and left, devices go up and down
//!   source       filters of senders
//!   timer        when reports are due
//!   input        queries and other hosts' reports (`igmp_rcv()`)
//!   report       what is sent
//! ```
//!
//! A change is told as often as `igmp_qrv` or the last query says: at once, which is two jiffies later,
//! and again after random waits. 224.0.0.1 is joined in silence.

pub mod input;
pub mod membership;
mod report;
pub mod source;
mod timer;

use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::group::{Group, Igmp};
use crate::link::inet::ConfKey;
use crate::route::addr_type::is_local_multicast;
use crate::sysctl::Sysctl;
use crate::time::HZ;

pub use input::receive;
pub use membership::{join, join_snoopers, leave, leave_snoopers, link_event};
pub use timer::{change_due, general_due, group_due};

/// The group of all hosts on a link.
pub const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// The group of all routers on a link.
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
/// The group of all routers that speak version 3.
const ALL_V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);
/// How often routers ask if they do not say, in jiffies (`IGMP_QUERY_INTERVAL`).
const QUERY_INTERVAL: u64 = 125 * HZ;
/// How long hosts may take to answer if nothing is said, in jiffies (`IGMP_QUERY_RESPONSE_INTERVAL`).
const QUERY_RESPONSE_INTERVAL: u64 = 10 * HZ;

/// The version of the protocol that a device's host speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// RFC 1112.
    V1,
    /// RFC 2236.
    V2,
    /// RFC 3376.
    V3,
}

/// The version that counts: the oldest one that a router on the link speaks, or the one that
/// `force_igmp_version` names (`IGMP_V1_SEEN()`, `IGMP_V2_SEEN()`).
#[must_use]
pub fn version(k: &Kernel, dev: DevId) -> Version {
    let device = &k.devs[dev];
    let now = k.now.jiffies();
    let all = k.netns[device.netns].conf_all.get(ConfKey::ForceIgmpVersion);
    let forced =
        |version| all == version || device.inet.conf.get(ConfKey::ForceIgmpVersion) == version;
    let heard = |until: fn(&Igmp) -> Option<u64>| {
        device.inet.igmp.as_ref().and_then(|igmp| until(igmp)).is_some_and(|until| now < until)
    };
    if forced(1) || heard(|igmp| igmp.v1_until) {
        Version::V1
    } else if forced(2) || heard(|igmp| igmp.v2_until) {
        Version::V2
    } else {
        Version::V3
    }
}

/// Whether routers are told of a group at all: of none of the link's own groups if
/// `igmp_link_local_mcast_reports` is off.
fn is_reported(k: &Kernel, dev: DevId, group: Ipv4Addr) -> bool {
    let sysctl = &k.netns[k.devs[dev].netns].sysctl;
    group != ALL_HOSTS
        && (!is_local_multicast(group) || sysctl.is_on(Sysctl::IgmpLinkLocalMcastReports))
}

/// How often a change is told: as the last query said (`mr_qrv`), or as `igmp_qrv` says.
fn robustness(k: &Kernel, dev: DevId) -> u32 {
    let said = k.devs[dev].inet.igmp.as_ref().map_or(0, |igmp| igmp.robustness);
    if said == 0 { default_robustness(k, dev) } else { said }
}

fn default_robustness(k: &Kernel, dev: DevId) -> u32 {
    let qrv = k.netns[k.devs[dev].netns].sysctl.get(Sysctl::IgmpQrv);
    u32::try_from(qrv).unwrap_or(u32::MAX)
}

/// What is known of the routers on the device's link.
fn igmp(k: &mut Kernel, dev: DevId) -> &mut Igmp {
    k.devs[dev].inet.igmp.get_or_insert_default()
}

/// A group that the device's host is in.
fn group_mut(k: &mut Kernel, dev: DevId, group: Ipv4Addr) -> Option<&mut Group> {
    k.devs.get_mut(dev)?.inet.groups.iter_mut().find(|g| g.addr == group)
}

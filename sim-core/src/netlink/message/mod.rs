//! What the kernel tells: the objects of dumps and notifications, as snapshots.
//!
//! A message holds what its netlink counterpart holds, attribute by attribute. So what prints messages
//! needs nothing of the kernel's inside, and a notification stays true though the object has changed
//! since.

pub mod addr;
pub mod conntrack;
pub mod fdb;
pub mod link;
pub mod mdb;
pub mod neigh;
pub mod qdisc;
pub mod route;
pub mod rule;

pub use addr::AddrMsg;
pub use conntrack::ConntrackMsg;
pub use fdb::FdbMsg;
pub use link::LinkMsg;
pub use neigh::NeighMsg;
pub use qdisc::QdiscMsg;
pub use route::RouteMsg;
pub use rule::RuleMsg;

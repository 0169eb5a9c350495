//! The one vocabulary: every change to the kernel model is a request, answered with an errno.
//!
//! Topologies, manifests and typed commands all compile into [`Request`]s. Each request prints as the
//! command that makes it on a real machine, so whatever was built here can be built there.

pub mod account;
pub mod addr;
pub mod command;
pub mod conntrack;
pub mod dispatch;
pub mod fdb;
pub mod link;
pub mod maddr;
pub mod mdb;
pub mod message;
pub mod neigh;
pub mod nsid;
pub mod qdisc;
pub mod request;
pub mod route;
pub mod rule;
pub mod sysctl;
pub mod tunnel;

pub use crate::errno::NetlinkError;
pub use command::Command;
pub use request::Request;

//! A Linux host and a Kubernetes cluster network in one process, without a kernel and without root.
//!
//! Real packet bytes go in, take the documented path, and every step can be seen, asserted, rewound
//! and explained. The reference is the behaviour of the real Linux kernel. This library does no
//! input or output, reads no clock and draws no entropy: the same input and seed give the same bytes
//! on every machine.

pub mod bridge;
pub mod case;
pub mod errno;
pub mod family;
pub mod id;
pub mod ip;
pub mod kernel;
pub mod libc;
pub mod link;
pub mod neigh;
pub mod netfilter;
pub mod netlink;
pub mod netns;
pub mod packet;
pub mod rng;
pub mod route;
pub mod socket;
pub mod sysctl;
pub mod time;
pub mod tools;
pub mod trace;
pub mod tunnel;
pub mod world;

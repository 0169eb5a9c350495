//! kube-proxy: what makes a node send packets for Services to endpoints.
//!
//! The proxier of a node knows Services, EndpointSlices and its own Node, and writes rules. What it writes is
//! held to what real kube-proxies wrote, byte for byte.

pub mod alone;
pub mod config;
mod conntrack;
pub mod endpoint;
mod health;
pub mod iptables;
mod local;
mod node;
mod process;
mod reading;
pub mod service;
mod settings;
mod topology;
mod version;

pub use node::{Reaction, can_start};
pub use process::KubeProxy;
pub use reading::{Known, Reading};
pub use version::{UnknownVersion, Version};

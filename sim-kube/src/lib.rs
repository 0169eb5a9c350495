//! A Kubernetes cluster on kubewire's Linux hosts.
//!
//! Manifests go in; devices, addresses, routes and rules come out, made as the real components make them: by
//! requests and commands to the kernels of [`sim_core`], never around them. That this is a crate of its own
//! holds it to that.
//!
//! The reference is Kubernetes 1.36; older behaviour hangs on a version where it is modelled.

pub mod api;
pub mod blueprint;
pub mod cluster;
pub mod cni;
pub mod controllers;
mod duration;
pub mod events;
pub mod files;
pub mod host;
mod http;
pub mod kubelet;
pub mod manifest;
pub mod object;
pub mod path;
pub mod proxy;
pub mod reading;
pub mod scenario;
mod serve;
pub mod topology;
pub mod troubles;
pub mod workload;

//! A Linux host and a Kubernetes cluster network as a deterministic library.

pub mod case;

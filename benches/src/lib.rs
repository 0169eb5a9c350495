//! What the benches measure, written once for both kernels: paths as scripts, and how many datagrams
//! each kernel carries over them.

pub mod path;
#[cfg(target_os = "linux")]
pub mod real;
pub mod simulated;

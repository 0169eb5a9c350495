//! What the benches measure, written once for both kernels: paths as scripts, rule sets, and how many
//! datagrams each kernel carries.

mod fresh;
pub mod path;
#[cfg(target_os = "linux")]
pub mod real;
pub mod rules;
pub mod scene;
pub mod simulated;

//! The commands of `kubewire`, one file each.

pub mod diff;
pub mod kube_proxy;
#[cfg(target_os = "linux")]
pub mod lab;
pub mod observe;
pub mod run;
pub mod topology;
pub mod trace;

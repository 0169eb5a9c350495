//! The commands of `kubewire`, one file each.

pub mod diff;
#[cfg(target_os = "linux")]
pub mod lab;
pub mod observe;
pub mod trace;
